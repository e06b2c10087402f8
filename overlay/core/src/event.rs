//! What the application may want to know.

use serde::Serialize;

use crate::id::NodeId;
use crate::peer::Kind;
use crate::unit::{Layer, TreeId};

/// What the application may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Event {
    /// Somebody said something about keys.
    Keys {
        /// Who.
        from: NodeId,
        /// What.
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
    },
    /// Somebody leads the meeting now who did not before, or with another term: the coordinator whose heartbeats
    /// come, with the highest term.
    Led {
        /// Who; this node itself too.
        by: NodeId,
        /// Its term.
        term: u32,
    },
    /// A member is present that was not before. The coordinator hears of everybody, others of who coordinates or sends.
    Arrived {
        /// Who.
        peer: NodeId,
        /// How it takes part.
        kind: Kind,
    },
    /// A node took its leave, or was lost for [`crate::config::GONE_AFTER`]. Heard of as [`Event::Arrived`] is; the
    /// coordinator hears it of the lobby too.
    Departed {
        /// Who.
        peer: NodeId,
        /// True if it said so.
        said_so: bool,
    },
    /// This node's source was plugged into a slot, or sends other layers there: frames of these that it publishes from now
    /// on travel.
    OnStage {
        /// The slot.
        slot: u8,
        /// Which plugging-in.
        feed: u32,
        /// What the slot takes of it, in their order; on a crowded stage not all that it could send.
        layers: Vec<Layer>,
    },
    /// This node's source was unplugged, or found no free slot.
    OffStage,
    /// From now on more want to send than there are places, or no longer: while it is so, sources tell the coordinator
    /// whether they speak.
    Crowded(bool),
    /// A source that this node watches was plugged in or out.
    Source {
        /// The source.
        peer: NodeId,
        /// The layer that this node is to get, none if it was unplugged. Sound comes beside it.
        layer: Option<Layer>,
    },
    /// From now on what comes of a source is covered by its signed lists, or no longer.
    Verified {
        /// The source.
        peer: NodeId,
        /// True if all of it is.
        all: bool,
    },
    /// A receiver needs a key frame of ours. At most one a second for each layer.
    KeyWanted(Layer),
    /// A child or parent link of a tree changed: what `--verbose` people read.
    Rewired {
        /// The tree.
        tree: TreeId,
        /// The new parent, none while looking for one.
        parent: Option<NodeId>,
    },
    /// A parent was silent for too long: the trees that it feeds ask their backups.
    Silent {
        /// The parent.
        peer: NodeId,
    },
    /// At the coordinator: enough owners complained of somebody who fed them, so that it feeds nobody any more.
    Demoted {
        /// Who.
        peer: NodeId,
    },
    /// A peer broke the protocol: whoever it is, it is not our fault.
    Blame {
        /// The neighbour.
        peer: NodeId,
        /// What it did, for the log.
        what: &'static str,
    },
}
