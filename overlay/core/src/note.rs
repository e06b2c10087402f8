//! What nodes tell each other beyond their neighbours: signed by who says it, and how it travels.

use serde::{Deserialize, Serialize};

use crate::id::NodeId;

/// A signed control message. The core writes and reads `body`; the edge signs and checks it, since the core
/// holds no keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Who says it.
    pub origin: NodeId,
    /// Grows with each note of the origin, also over its restarts (the edge seeds it from the wall clock).
    pub serial: u64,
    /// What the body is.
    pub topic: Topic,
    /// Whom it is for.
    pub audience: Audience,
    /// At most [`crate::config::NOTE_BODY_MAX`] bytes.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// Whom a note is for, and so how it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Audience {
    /// Everybody: along a tree of links, kept for those who come later.
    Everybody,
    /// Whoever leads the meeting now: uphill, not kept.
    Coordinator,
    /// This node: downhill, the way that its own notes came up; not kept.
    One(NodeId),
}

/// What a note is about, and so who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// The origin's presence: kind, uplink, contacts, what it sends. The core's own.
    Presence,
    /// Who is plugged into which slot, said by the coordinator to everybody. The core's own.
    Stage,
    /// A node's rows of the plan, said by the coordinator to that node. The core's own.
    Seat,
    /// Key agreement: opaque to the core, handed to the application.
    Keys,
    /// The same, where only the origin's last note of this number counts: less than [`crate::config::STANDING_MAX`].
    Standing(u8),
}

impl Topic {
    /// True for what is the application's, kept for a while.
    pub(crate) fn is_of_keys(&self) -> bool {
        matches!(self, Topic::Keys | Topic::Standing(_))
    }
}

/// An Ed25519 signature over a note or a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signature(#[serde(with = "serde_bytes")] pub [u8; 64]);
