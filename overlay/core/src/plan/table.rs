//! What a plan says, and what it is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::coordinate::Coordinate;
use crate::id::NodeId;
use crate::io::{Kind, LayerRate};
use crate::time::Time;
use crate::unit::{Layer, TreeId};

use super::looks::Looks;

/// Who feeds whom, in every tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The coordinator's term.
    pub term: u32,
    /// Grows within a term.
    pub number: u32,
    /// Who is plugged into which slot, in the order of slots.
    pub feeds: Vec<Feed>,
    /// The trees that carry anything.
    pub trees: BTreeMap<TreeId, Branch>,
}

impl Plan {
    /// Who is plugged into a slot.
    pub fn feed(&self, slot: u8) -> Option<&Feed> {
        self.feeds.iter().find(|feed| feed.slot == slot)
    }

    /// A node's row in a tree.
    pub fn row(&self, tree: TreeId, node: NodeId) -> Option<&Row> {
        self.trees.get(&tree)?.rows.get(&node)
    }

    /// The layer of a slot whose picture a node is to take; sound if it takes only that.
    pub fn taken(&self, slot: u8, node: NodeId) -> Option<Layer> {
        let takes = |tree: &TreeId| self.row(*tree, node).is_some_and(|row| row.takes);
        self.trees
            .keys()
            .filter(|tree| tree.slot == slot)
            .filter(|tree| takes(tree))
            .map(|tree| tree.layer)
            .max()
    }
}

/// A source in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// The slot.
    pub slot: u8,
    /// Which plugging-in: grows over the whole meeting, never reused.
    pub feed: u32,
    /// The source.
    pub source: NodeId,
    /// Its stretch of sending, as its presence names it.
    pub stint: u64,
    /// What it sends, ascending.
    pub layers: Vec<LayerRate>,
}

/// One tree of the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch {
    /// The root.
    pub source: NodeId,
    /// The feed that it carries.
    pub feed: u32,
    /// What one child costs its parent, kbit/s on the wire.
    pub kbps: u32,
    /// Data trees of its group.
    pub k: u8,
    /// Parity trees of its group.
    pub m: u8,
    /// Everybody in it but the root.
    pub rows: BTreeMap<NodeId, Row>,
}

/// A node's place in one tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Who feeds it.
    pub parent: NodeId,
    /// Who else could, best first; at most [`crate::config::BACKUPS`].
    pub backups: Vec<NodeId>,
    /// It hands the frames to its user; otherwise it only relays.
    pub takes: bool,
}

/// What the planner knows of the meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Everybody present.
    pub nodes: BTreeMap<NodeId, Supply>,
    /// Who is plugged in.
    pub feeds: Vec<Feed>,
    /// The slot whose picture is large on the stage; without one all slots are alike.
    pub main: Option<u8>,
    /// When: for whose turn it is when the supply is short.
    pub now: Time,
    /// How layers are cut into trees.
    pub shapes: Shapes,
    /// How much of an uplink is given out.
    pub margins: Margins,
}

/// What the planner knows of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    /// How it takes part.
    pub kind: Kind,
    /// Its owner's limit, kbit/s.
    pub uplink_kbps: u32,
    /// What of that is kept from children, kbit/s: a coordinator's seats.
    pub kept_kbps: u32,
    /// What of that others' media may cost, kbit/s: as far as it takes grafts.
    pub lends_kbps: u32,
    /// What of that a plan may count on, kbit/s.
    pub offers_kbps: u32,
    /// What it can take, kbit/s; 0 if that is not known.
    pub downlink_kbps: u32,
    /// Wants every source.
    pub watch: bool,
    /// Hides its address: has edges with relays only, and feeds nobody beside its own source.
    pub hidden: bool,
    /// How large it wants to see them.
    pub looks: Looks,
    /// By which invite or lease it came: nodes of one owner are not trusted to fail apart. A group link is one
    /// owner. 0: it stands for itself.
    pub owner: u64,
    /// Where it is.
    pub coordinate: Coordinate,
    /// For how long it has been here, seconds: who has stayed stays (a guess that measurements of others support).
    pub age_s: u32,
}

impl Default for Supply {
    /// Somebody who gives nothing, wants nothing and was never measured.
    fn default() -> Supply {
        Supply {
            kind: Kind::Participant,
            uplink_kbps: 0,
            kept_kbps: 0,
            lends_kbps: 0,
            offers_kbps: 0,
            downlink_kbps: 0,
            watch: false,
            hidden: false,
            looks: Looks::default(),
            owner: 0,
            coordinate: Coordinate::default(),
            age_s: 0,
        }
    }
}

/// How layers are cut into trees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shapes {
    /// One tree for each layer.
    #[default]
    Plain,
    /// Sound in two trees, wherever two owners can carry it, each picture in one.
    Doubled,
    /// k data and m parity trees, as [`super::group`] decides.
    Coded,
}

/// How much of an uplink is given out, percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margins {
    /// The most of one uplink.
    pub cap: u64,
    /// The part of that which is left free for grafts, over all uplinks.
    pub reserve: u64,
}

impl Default for Margins {
    fn default() -> Margins {
        Margins { cap: config::SUPPLY_PERCENT, reserve: config::RESERVE_PERCENT }
    }
}

/// Why a node gets less of a slot than its source sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// There is not enough uplink in the meeting, and others came first.
    Supply,
    /// Its own downlink is full.
    Downlink,
    /// The source has not the uplink for one copy of it.
    Source,
    /// There is uplink, but in pieces that are too small.
    Pieces,
    /// It wants no more.
    Wish,
}
