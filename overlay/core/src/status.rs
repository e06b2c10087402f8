//! What a node knows of its own place, as plain data for reports and pages.

use serde::{Deserialize, Serialize};

use crate::id::NodeId;
use crate::io::Kind;
use crate::unit::TreeId;

/// A node's place in the meeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// This node.
    pub me: NodeId,
    /// How it takes part.
    pub kind: Kind,
    /// Who made the plan that it follows.
    pub coordinator: Option<NodeId>,
    /// The term of that plan; 0 without one.
    pub term: u32,
    /// The number of that plan within its term; 0 without one.
    pub plan: u32,
    /// Its owner's limit, kbit/s.
    pub uplink_kbps: u32,
    /// What of that others' media may cost, by its owner's word, kbit/s.
    pub lends_kbps: u32,
    /// What of that a plan may count on now, kbit/s.
    pub offers_kbps: u32,
    /// What its way in carries, as it was measured when it was full, kbit/s; 0 as long as nothing shows that it is.
    pub downlink_kbps: u32,
    /// What its children cost by the planner's formula, kbit/s.
    pub committed_kbps: u32,
    /// Slot and feed that it publishes into.
    pub on_stage: Option<(u8, u32)>,
    /// Every tree that it is in.
    pub trees: Vec<TreeStatus>,
    /// Everybody who is present, this node left out.
    pub members: Vec<MemberStatus>,
}

/// A node's place in one tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeStatus {
    /// The tree.
    pub tree: TreeId,
    /// Whose frames it carries.
    pub source: NodeId,
    /// Which plugging-in.
    pub feed: u32,
    /// What one child costs, kbit/s.
    pub kbps: u32,
    /// True if this node hands the frames to its user.
    pub taken: bool,
    /// Who feeds this node now; none at the source, or while looking.
    pub parent: Option<NodeId>,
    /// Who else could.
    pub backups: Vec<NodeId>,
    /// Whom it feeds.
    pub children: Vec<NodeId>,
    /// True if units can be expected.
    pub live: bool,
    /// True while the source's lists cover what came, false while they don't; none before anything came, and at the
    /// source.
    pub verified: Option<bool>,
}

/// What a node knows of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// Who.
    pub id: NodeId,
    /// How it takes part.
    pub kind: Kind,
    /// What it says that it can send, kbit/s.
    pub uplink_kbps: u32,
    /// What of that it lends to others' media, as it says, kbit/s.
    pub lends_kbps: u32,
    /// What of that a plan may count on now, kbit/s.
    pub offers_kbps: u32,
    /// True if it is a source.
    pub sends: bool,
    /// True if it wants every source.
    pub watch: bool,
    /// True if there is a link to it.
    pub linked: bool,
}
