//! What a node is started with, and every bound of this crate with its reason.

use std::fs::File;
use std::time::Duration;

use bytes::Bytes;
use overlay_core::io::Event;
use overlay_core::{id::NodeId, node, unit::Frame};
use tokio::sync::mpsc;

/// The version of the meeting protocol that this program speaks: what travels on the lanes.
pub const PROTOCOL: u16 = 5;

/// What a node is started with.
pub struct Config {
    /// The Ed25519 secret key: the node's id is its public key. Overwritten by [`crate::spawn`].
    pub seed: [u8; 32],
    /// What the core is told. `me` and `uplink_kbps` are set by [`crate::spawn`].
    pub node: node::Config,
    /// Multiaddresses to listen on, such as `/ip4/0.0.0.0/udp/4000/quic-v1`; port 0 takes a free one.
    pub listen: Vec<String>,
    /// Contacts that are dialled until there is a link to each, at first after [`REDIAL_AFTER`].
    pub bootstrap: Vec<String>,
    /// What the interface may send in all, kbit/s; `None` for no limit (then the core is told
    /// [`UNLIMITED_KBPS`]).
    pub uplink_kbps: Option<u32>,
    /// Every unit that comes in is shown here too (header and payload), unless it is full. For
    /// tests of what a relay can learn.
    pub tap: Option<mpsc::Sender<Bytes>>,
    /// Everything that the core is told is written here, for `netsim replay`. For testers: it holds who
    /// said what to whom and when, though no key and nothing that was not sealed (`docs/netsim.md`).
    pub journal: Option<File>,
}

/// What the core plans with where the owner set no limit: 100 Mbit/s.
pub const UNLIMITED_KBPS: u32 = 100_000;

/// A whole frame of a source that this node watches.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The source.
    pub source: NodeId,
    /// Which plugging-in of that source.
    pub feed: u32,
    /// The frame, sealed.
    pub frame: Frame<Bytes>,
}

/// What a node's owner may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The core says something.
    Core(Event),
    /// It can be reached here: a contact, with the node's identity.
    Listening(String),
    /// There is a link to this peer, admitted on both sides as far as we know.
    Linked(NodeId),
    /// The link to this peer is gone.
    Unlinked(NodeId),
    /// A link was refused: by them (`theirs`) or by us.
    Refused {
        /// The peer.
        peer: NodeId,
        /// What is wrong, in one line; if `theirs`, the peer chose the words (printable, bounded).
        text: String,
        /// True if trying again is of no use.
        final_: bool,
        /// True if the peer refused us.
        theirs: bool,
    },
    /// A contact that was asked for could not be reached; bootstrap contacts are tried again.
    Unreachable {
        /// The contact.
        contact: String,
        /// Why, for people.
        why: String,
    },
}

/// Happenings that wait for the owner to read them.
pub const HAPPENINGS_MAX: usize = 1024;
/// Frames that wait for the owner to read them; more are dropped and counted.
pub const FRAMES_MAX: usize = 1024;
/// Dials that the owner has asked for and that wait for the driver.
pub const ORDERS_MAX: usize = 64;
/// What the core wants done by the driver; while there is more, control lanes are not read.
pub const BACKLOG_MAX: usize = 256;

/// The core's timers come up to this much late, so that several share one wake-up: none of them is about
/// less than a tenth of a second.
pub const TIMER_GRID: Duration = Duration::from_millis(8);

/// Bytes of what a peer shows at first.
pub const HELLO_MAX: usize = 8 * 1024;
/// Bytes of the text of a refusal.
pub const REFUSAL_TEXT_MAX: usize = 300;
/// A link whose two sides have not admitted each other after this span is closed.
pub const ADMISSION_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a refusal or a farewell may take to get out before the connection is closed.
pub const FAREWELL: Duration = Duration::from_millis(300);
/// Two connections to one peer within this span were dialled at the same time, by both; a later
/// one means that the peer has started anew.
pub const SIMULTANEOUS: Duration = Duration::from_secs(5);

/// Connections to all peers, admitted or not.
pub const CONNECTIONS_MAX: u32 = 512;
/// From so many on a peer in the lobby gives way for each that comes, if there is one: members find a place.
pub const CONNECTIONS_CROWDED: usize = CONNECTIONS_MAX as usize * 3 / 4;
/// Handshakes at a time.
pub const PENDING_MAX: u32 = 64;
/// Connections to one peer: two dialled at the same time, and two of its next life.
pub const CONNECTIONS_PER_PEER_MAX: u32 = 4;
/// No new connection while this share of the machine's memory is in use by this process.
pub const MEMORY_SHARE_MAX: f64 = 0.5;
/// A QUIC stream's window. With the 10 MB of the default the delay under load is 1.1 s, with 256 kB
/// 44 ms (research/libp2p.md 3.2).
pub const STREAM_WINDOW: u32 = 256 * 1024;
/// A QUIC connection's window.
pub const CONNECTION_WINDOW: u32 = 512 * 1024;
/// Streams that a peer may open; quinn allocates for each in advance (quinn #2600).
pub const STREAMS_MAX: u32 = 32;
/// A QUIC connection on which nothing came for this span is dead.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(6);
/// A QUIC handshake is given up after this span (research/libp2p.md 4, pitfall 8).
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(2);
/// A contact that could not be reached is tried again after this span, doubling up to [`REDIAL_MAX`].
pub const REDIAL_AFTER: Duration = Duration::from_millis(500);
/// See [`REDIAL_AFTER`].
pub const REDIAL_MAX: Duration = Duration::from_secs(8);
/// Contacts of the owner that are remembered.
pub const CONTACTS_MAX: usize = 64;

/// Control bytes that wait for one peer; a peer that reads so slowly is cut.
pub const CONTROL_QUEUE_MAX: usize = 4 * 1024 * 1024;
/// A peer that was fed a unit this recently will be fed again soon: control to it waits for that, and
/// shares its packet and its wake-ups.
pub const FED_LATELY: Duration = Duration::from_millis(40);
/// But no longer than this.
pub const HOLD_MAX: Duration = Duration::from_millis(20);
/// Sound that waits for one child.
pub const AUDIO_QUEUE_MAX: usize = 128 * 1024;
/// Pictures that wait for one child: one unit of the largest size and 0.5 s of 1.5 Mbit/s.
pub const VIDEO_QUEUE_MAX: usize = 1200 * 1024;
/// Sound older than this is not written.
pub const AUDIO_STALE: Duration = Duration::from_millis(200);
/// Pictures older than this are not written.
pub const VIDEO_STALE: Duration = Duration::from_millis(500);
/// Bytes of the payload of an audio unit that is taken in: Opus at its largest, sealed, is smaller.
pub const AUDIO_PAYLOAD_MAX: usize = 16 * 1024;

/// Bytes that are read, and small writes that are put together, at once.
pub const CHUNK: usize = 16 * 1024;
/// Bytes that one poll of a connection reads before others get their turn.
pub const READ_TURN: usize = 128 * 1024;
/// Bytes that one outlet may write in its turn while others wait for the uplink as well.
pub const WRITE_TURN: usize = 8 * 1024;
