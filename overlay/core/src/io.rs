//! The values that go into the core and come out of it.

use serde::{Deserialize, Serialize};

use crate::id::NodeId;
use crate::list::List;
use crate::unit::{Cut, Layer, TreeId, Unit};

pub use crate::event::Event;
pub use crate::note::{Audience, Note, Signature, Topic};
pub use crate::peer::{Admitted, Class, Kind};

/// Everything that can happen to a node. `P` is the payload of units, see [`crate::unit::Payload`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Input<P> {
    /// A link to a peer is up and the edge has checked its credential.
    Linked {
        /// The peer.
        peer: NodeId,
        /// What its credential says.
        admitted: Admitted,
    },
    /// The link is gone, or could not be made.
    Unlinked {
        /// The peer.
        peer: NodeId,
    },
    /// A control message came over a link.
    Control {
        /// The neighbour that sent it.
        from: NodeId,
        /// One message, see [`crate::wire`].
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// The edge has checked the signature and the origin's credential of a note, see [`Output::Vet`].
    Vetted {
        /// The neighbour that the note came from.
        from: NodeId,
        /// The note.
        note: Note,
        /// The signature as it came, to be passed on.
        signature: Signature,
        /// What the origin's credential says; `None` if the note is to be dropped.
        verdict: Option<Admitted>,
    },
    /// The edge has signed a note of ours, see [`Output::Sign`].
    Signed {
        /// The note.
        note: Note,
        /// Its signature.
        signature: Signature,
    },
    /// The edge has checked who signed a list, see [`Output::VetList`].
    ListVetted {
        /// The neighbour that it came from.
        from: NodeId,
        /// The list.
        list: List,
        /// The signature as it came, to be passed on.
        signature: Signature,
        /// True if the tree's source signed it.
        genuine: bool,
    },
    /// The edge has signed a list of ours, see [`Output::SignList`].
    ListSigned {
        /// The list.
        list: List,
        /// Its signature.
        signature: Signature,
    },
    /// A unit came over a link.
    Unit {
        /// The neighbour that sent it.
        from: NodeId,
        /// The unit.
        unit: Unit<P>,
    },
    /// A frame of our own source, sealed and cut into as many units as [`crate::node::Node::shape`] says.
    Publish(Cut<P>),
    /// The edge dropped units to a child before writing them.
    Dropped {
        /// The child.
        peer: NodeId,
        /// The tree.
        tree: TreeId,
    },
    /// Whatever this node sends waits for its own line, as [`crate::waits::Waits`] counts it.
    Queued,
    /// Somebody who uses this node wants something.
    Command(Command),
    /// The deadline has come, see [`crate::node::Node::deadline`].
    Timer,
}

impl<P> Input<P> {
    /// The same with another payload in its place.
    pub fn map<Q>(self, payload: impl FnMut(P) -> Q) -> Input<Q> {
        match self {
            Input::Linked { peer, admitted } => Input::Linked { peer, admitted },
            Input::Unlinked { peer } => Input::Unlinked { peer },
            Input::Control { from, bytes } => Input::Control { from, bytes },
            Input::Vetted { from, note, signature, verdict } => {
                Input::Vetted { from, note, signature, verdict }
            }
            Input::Signed { note, signature } => Input::Signed { note, signature },
            Input::ListVetted { from, list, signature, genuine } => {
                Input::ListVetted { from, list, signature, genuine }
            }
            Input::ListSigned { list, signature } => Input::ListSigned { list, signature },
            Input::Unit { from, unit } => Input::Unit { from, unit: unit.map(payload) },
            Input::Publish(frame) => Input::Publish(frame.map(payload)),
            Input::Dropped { peer, tree } => Input::Dropped { peer, tree },
            Input::Queued => Input::Queued,
            Input::Command(command) => Input::Command(command),
            Input::Timer => Input::Timer,
        }
    }
}

/// What others' media may cost a node: its owner's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lends {
    /// What its own media leaves of its uplink.
    Spare,
    /// So much of its uplink, kbit/s; with 0 it feeds nobody but from its own source.
    UpTo(u32),
}

/// What a user of the node can ask for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Plan for the meeting from now on. Only for a node whose own credential allows it. `term` is
    /// larger than any term that this meeting has seen.
    Coordinate {
        /// Names this stretch of coordination.
        term: u32,
    },
    /// Be a source with these layers, or no longer (empty). A restart of the source is a new `Send`.
    Send(Vec<LayerRate>),
    /// What this node can send in all, in kbit/s, headers included; its owner's own limit.
    Uplink {
        /// kbit/s.
        kbps: u32,
    },
    /// What others' media may cost this node from now on; its owner's own limit. Whoever is fed from here beyond it is
    /// planned elsewhere, and not sent away.
    Lend(Lends),
    /// Where others can reach this node, as the edge writes addresses.
    Contacts(Vec<String>),
    /// The credential that travels in this node's presence from now on. A relay gets its own only when
    /// a meeting claims it, after the node has started; before that it says no presence.
    Credential(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Wants every source (a participant), or none (it only relays or only sends).
    Watch(bool),
    /// Which sources deserve a place where more want to send than there are, in place of what was wished before: those
    /// named first come first, at most [`crate::config::SLOTS`] count. Only a node that coordinates acts on it.
    Floor {
        /// Thumbnails beside those who speak; at most [`crate::config::GALLERY_MAX`].
        gallery: u8,
        /// Who, and as what.
        claims: Vec<Claim>,
    },
    /// Of each of these sources at most this layer, in place of what was wished before; of all others the largest. At most
    /// [`crate::config::LOOKS_MAX`] count.
    Look(Vec<(NodeId, Layer)>),
    /// Ask the source of a slot for a key frame; repeated and parallel requests are merged.
    RequestKey {
        /// The source.
        source: NodeId,
        /// The layer.
        layer: Layer,
    },
    /// Say something about keys.
    Say {
        /// To whom.
        to: Audience,
        /// What; at most [`crate::config::NOTE_BODY_MAX`] bytes.
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
    },
    /// Say something about keys to everybody, also to who comes later, in place of what this node said with the same
    /// number before.
    SayStanding {
        /// Less than [`crate::config::STANDING_MAX`].
        which: u8,
        /// What; at most [`crate::config::NOTE_BODY_MAX`] bytes.
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
    },
    /// Cut this peer and never take it back: it was removed, or its credential has ended.
    Shut(NodeId),
    /// This peer is in the lobby again: its pass has ended. Its link stays.
    Lapse(NodeId),
    /// Take leave of everybody; the next `poll`s say so to the neighbours.
    Leave,
}

/// That a source deserves a place on a crowded stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// As what.
    pub part: Part,
    /// Who.
    pub source: NodeId,
}

/// What a source sends on a crowded stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Part {
    /// All its layers, in the slot that is kept for it: a shared screen.
    Main,
    /// All its layers, as the voice that is heard first.
    Front,
    /// Its sound and its smallest picture.
    Voice,
    /// Its smallest picture.
    Gallery,
}

/// What a layer costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerRate {
    /// Which layer.
    pub layer: Layer,
    /// kbit/s of sealed frames, headers of the overlay not counted.
    pub kbps: u32,
}

/// Everything that a node wants done. Handle each before the next `handle`.
#[derive(Clone, Debug, Serialize)]
pub enum Output<P> {
    /// Send a control message to a neighbour, reliably and in order.
    Control {
        /// The neighbour.
        to: NodeId,
        /// One message, see [`crate::wire`].
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// Send a unit to a child. The edge may drop it while it waits, and then says [`Input::Dropped`].
    Unit {
        /// The child.
        to: NodeId,
        /// The unit.
        unit: Unit<P>,
    },
    /// A frame of a source that this node watches, to be joined from these units.
    Deliver {
        /// The source, as the plan says who feeds the slot.
        source: NodeId,
        /// Which plugging-in of that source.
        feed: u32,
        /// The frame.
        frame: Cut<P>,
    },
    /// Check who signed this note and answer with [`Input::Vetted`].
    Vet {
        /// The neighbour that it came from.
        from: NodeId,
        /// The note.
        note: Note,
        /// What it claims as signature.
        signature: Signature,
    },
    /// Sign this note of ours and answer with [`Input::Signed`].
    Sign(Note),
    /// Check that `source` signed this list, and answer with [`Input::ListVetted`].
    VetList {
        /// The neighbour that it came from.
        from: NodeId,
        /// Whose tree it is about.
        source: NodeId,
        /// The list.
        list: List,
        /// What it claims as signature.
        signature: Signature,
    },
    /// Sign this list of ours and answer with [`Input::ListSigned`].
    SignList(List),
    /// Make a link to this peer.
    Dial {
        /// The peer.
        peer: NodeId,
        /// Where it says it can be reached.
        contacts: Vec<String>,
    },
    /// Close the link to this peer.
    Hangup(NodeId),
    /// Tell the application.
    Event(Event),
}

impl<P> Output<P> {
    /// The same with another payload in its place.
    pub fn map<Q>(self, payload: impl FnMut(P) -> Q) -> Output<Q> {
        match self {
            Output::Control { to, bytes } => Output::Control { to, bytes },
            Output::Unit { to, unit } => Output::Unit { to, unit: unit.map(payload) },
            Output::Deliver { source, feed, frame } => {
                Output::Deliver { source, feed, frame: frame.map(payload) }
            }
            Output::Vet { from, note, signature } => Output::Vet { from, note, signature },
            Output::Sign(note) => Output::Sign(note),
            Output::VetList { from, source, list, signature } => {
                Output::VetList { from, source, list, signature }
            }
            Output::SignList(list) => Output::SignList(list),
            Output::Dial { peer, contacts } => Output::Dial { peer, contacts },
            Output::Hangup(peer) => Output::Hangup(peer),
            Output::Event(event) => Output::Event(event),
        }
    }
}
