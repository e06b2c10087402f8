//! The values that go into a session and come out of it, and what it is made from.

use std::sync::Arc;

use rand::CryptoRng;

use crate::credential::{Admission, Role};
use crate::identity::{Identity, InviteId, IssuerKey, MeetingId, PeerKey};
use crate::removed::{Removal, Removed};
use crate::stream::{EpochId, OpeningKey, SealingKeys};
use crate::time::UnixTime;

/// Where a session's randomness comes from. At the program's edge that is the operating system on
/// each call (`rand::rngs::SysRng`), so that no generator's state lies in memory: whoever reads the
/// memory could wind it forward. Tests pass a seeded one.
pub type SessionRng = Box<dyn CryptoRng + Send>;

/// Who this node is, and in which meeting.
pub struct Seat {
    /// This node's key.
    pub identity: Arc<Identity>,
    /// The meeting.
    pub meeting: MeetingId,
    /// Who signed its invites.
    pub issuer: IssuerKey,
    /// The invite that this node came with.
    pub invite: InviteId,
    /// What that invite lets it do.
    pub role: Role,
    /// What this node shows at each link: who coordinates signs passes with it.
    pub credential: Vec<u8>,
}

/// What a coordinator knows from its own file when it begins, or comes back after a crash.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Larger than any term of this meeting so far; the first is 1.
    pub term: u32,
    /// Which peer key came with which invite, see [`crate::session::Session::bindings`].
    pub bindings: Vec<(InviteId, PeerKey)>,
    /// What was shut out so far.
    pub removed: Removed,
    /// Whether whoever is new waits at the door.
    pub locked: bool,
}

/// Everything that can happen to a session.
pub enum Input {
    /// A key message came. The signature of the note that carried it is good.
    Heard {
        /// The note's origin.
        from: PeerKey,
        /// What its credential says, see [`crate::gate::Gate::known`].
        admission: Admission,
        /// The note's body.
        body: Vec<u8>,
    },
    /// A peer left the overlay, or fell silent. Only a coordinator acts on it.
    Departed(PeerKey),
    /// Shut this out for good. Who may coordinate, but doesn't, says it to whoever does; from others it is ignored.
    Remove(Removal),
    /// Let in, or turn away, somebody who waits at the door ([`Event::Knock`]). Who may host but doesn't
    /// coordinate passes it on.
    Decide {
        /// Who waits.
        peer: PeerKey,
        /// Let in.
        admit: bool,
    },
    /// From now on whoever is new waits at the door, or no longer. Only a coordinator acts on it.
    Lock(bool),
    /// How this node's user wants to be called: 1 to [`crate::NAME_MAX`] bytes, one line. Else ignored.
    Name(String),
    /// Show this page of the roster ([`Event::Page`]). Small rosters come by themselves.
    ShowPage(u16),
    /// A frame of this source came that no key opens.
    Unopened(PeerKey),
    /// Be a source with these layers (their bytes) from now on. A restart of the source says it again
    /// and gets fresh keys.
    Send {
        /// At most [`crate::stream::LAYERS_MAX`], the rest is ignored.
        streams: Vec<u8>,
    },
    /// Be no source any longer.
    Silent,
    /// Say this to all members, sealed. Nothing is said before this node is admitted.
    Talk {
        /// At most [`crate::TALK_MAX`] bytes.
        body: Vec<u8>,
    },
    /// Say this to whoever coordinates, sealed as what is said to all members: a coordinator says nothing to itself.
    Tell {
        /// At most [`crate::TALK_MAX`] bytes.
        body: Vec<u8>,
    },
    /// The deadline has come.
    Tick,
}

/// Everything that a session wants done. Handle each before the next `handle`.
pub enum Output {
    /// Say this; at most [`crate::SAY_MAX`] bytes.
    Say {
        /// To whom: a coordinator reaches anybody, a member the coordinator; who may coordinate or is a source
        /// everybody. Nobody else need hear it, and it is no secret from whoever does.
        to: Audience,
        /// What.
        body: Vec<u8>,
    },
    /// Show this credential at each further link instead of the one so far.
    Credential(Vec<u8>),
    /// From `activate_at` on, seal with these keys.
    Seal(SealingKeys),
    /// Be ready to open with this key.
    Open(OpeningKey),
    /// Forget the opening key of this label.
    Forget {
        /// The label.
        label: u64,
    },
    /// A member said this to all members, or to whoever coordinates.
    Talk {
        /// Who.
        from: PeerKey,
        /// What; at most [`crate::TALK_MAX`] bytes, and of no form that this crate knows.
        body: Vec<u8>,
    },
    /// Tell the user.
    Event(Event),
}

/// Whom something is said to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// All members, and relays.
    Everybody,
    /// The same, also those who come later: it takes the place of what this node said so with the same number.
    Standing(u8),
    /// Whoever coordinates now.
    Coordinator,
    /// This peer.
    One(PeerKey),
}

impl Audience {
    /// True for what all members and relays hear.
    pub fn is_everybody(&self) -> bool {
        matches!(self, Audience::Everybody | Audience::Standing(_))
    }
}

/// Why somebody waits at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Knocks {
    /// Came by a group link.
    GroupLink,
    /// Came by a group link by which somebody came who was removed: it may be them.
    LinkOfRemoved,
    /// Came by an invite that somebody else has used: it has leaked, or its guest has lost its key.
    UsedInvite,
    /// The meeting is locked.
    Locked,
}

/// What the user may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This node holds the secret of an epoch for the first time in this term.
    Admitted {
        /// The epoch.
        epoch: EpochId,
    },
    /// Has asked to be let in and has no answer yet.
    Waiting,
    /// This node waits at the door: a host has to let it in. It goes on asking.
    AtTheDoor,
    /// The coordinator doesn't let this node in. The text says what to do.
    Refused {
        /// One sentence for the user.
        reason: String,
    },
    /// The organiser removed this node.
    Removed,
    /// An epoch begins.
    Epoch {
        /// Its name.
        epoch: EpochId,
        /// How many hold its secret, this node included.
        members: usize,
        /// The verification code, 30 digits.
        code: String,
        /// When sources switch to it.
        activate_at: UnixTime,
    },
    /// This node runs the epochs from now on: it plans as well, in this term.
    Coordinating {
        /// The term.
        term: u32,
    },
    /// Somebody else runs the epochs from now on.
    Following {
        /// Who.
        coordinator: PeerKey,
        /// In which term.
        term: u32,
    },
    /// No fresh sign of a coordinator for ten seconds. What members hold goes on; nobody comes or goes.
    Leaderless,
    /// The coordinator has told different people different things; it is followed no longer.
    Deposed {
        /// Who it was.
        coordinator: PeerKey,
    },
    /// Somebody waits at the door: answer with [`Input::Decide`].
    Knock {
        /// Who.
        peer: PeerKey,
        /// By which invite.
        invite: InviteId,
        /// Why it isn't let in at once.
        why: Knocks,
    },
    /// A member's name, by its own word.
    Named {
        /// Who.
        peer: PeerKey,
        /// How it wants to be called.
        name: String,
    },
    /// A page of the roster that was asked for, shown to be under the record's root.
    Page {
        /// Which.
        page: u16,
        /// How many there are.
        pages: u16,
        /// Who sit there.
        members: Vec<PeerKey>,
    },
    /// Somebody holds the epoch's secret that didn't before.
    PeerJoined {
        /// Who.
        peer: PeerKey,
    },
    /// Somebody is a member no longer.
    PeerLeft {
        /// Who.
        peer: PeerKey,
        /// Removed by the organiser, not just gone.
        removed: bool,
    },
    /// What a source seals can't be opened for now.
    Missing {
        /// The source.
        source: PeerKey,
        /// Why.
        why: &'static str,
    },
}

/// Why a session wants to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Member: the request to be let in is said again.
    AskAgain,
    /// Member: a record is missing and gossip didn't bring it; asks for a welcome.
    CatchUp,
    /// Member: a pairwise chain is asked for, or gets a fresh root.
    Refresh,
    /// Member: the roster is fetched.
    Roster,
    /// Member: the user is told that nobody leads.
    Silence,
    /// Deputy: the coordinator is silent; this node takes over.
    TakeOver,
    /// Coordinator: its sign of life.
    Beat,
    /// Coordinator: passes are renewed.
    Passes,
    /// Coordinator: joins and leaves that were gathered become a record.
    Record,
    /// Coordinator: the epoch is old.
    Rekey,
    /// Source: the chains step to the next generation.
    Ratchet,
    /// Receiver: keys that are out of use are forgotten.
    Forget,
    /// Receiver: a source should have announced itself by now.
    Missing,
}
