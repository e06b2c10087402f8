//! "Why is it like this?": this node's place in the meeting's trees, as the page draws it.

use std::collections::{BTreeMap, VecDeque};

use keyagree::UnixTime;
use overlay_core::id::NodeId;
use overlay_core::io::{Event, Kind};
use overlay_core::status::Status;
use overlay_core::unit::TreeId;
use overlay_libp2p::Counters;
use serde::Serialize;

use super::incoming::Incoming;
use super::quality::{Quality, Through};
use crate::lent::Meter;

/// Things that happened and are still told.
const HAPPENED_MAX: usize = 60;
/// Changes of parents that are counted, and for how long.
const MOVES_MAX: usize = 256;
const MOVES_KEPT_MS: u64 = 60_000;

/// What the network does.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Network {
    /// Who made the plan that this node follows.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub coordinator: Option<NodeId>,
    /// The plan's number within the coordinator's term.
    pub plan: u32,
    /// This node's limit, what its children cost by the plan, and what it receives and sends now, kbit/s.
    pub limit_kbps: u32,
    /// See above.
    pub committed_kbps: u32,
    /// See above.
    pub in_kbps: u32,
    /// See above.
    pub out_kbps: u32,
    /// What its downlink carries, as it was measured when it was full, kbit/s; 0 as long as nothing shows that it is.
    pub downlink_kbps: u32,
    /// What of the children's cost is for others' media, kbit/s.
    pub lent_kbps: u32,
    /// Units that this node gave up, since they were too late to be sent on.
    #[cfg_attr(test, ts(type = "number"))]
    pub dropped: u64,
    /// Every tree that this node is in.
    pub trees: Vec<Tree>,
    /// Everybody whom this node knows to be present, relays too.
    pub nodes: Vec<Node>,
    /// How what this node gets came through in the last minute.
    pub through: Vec<Through>,
    /// What happened lately, newest last.
    pub happened: Vec<Happened>,
}

/// One tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Tree {
    /// Whose frames it carries.
    #[cfg_attr(test, ts(type = "string"))]
    pub source: NodeId,
    /// The place on the stage.
    pub slot: u8,
    /// Which layer.
    pub layer: u8,
    /// Who feeds this node; none at the source, or while looking.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub parent: Option<NodeId>,
    /// Who else could.
    #[cfg_attr(test, ts(type = "Array<string>"))]
    pub backups: Vec<NodeId>,
    /// Whom this node feeds.
    #[cfg_attr(test, ts(type = "Array<string>"))]
    pub children: Vec<NodeId>,
    /// What each child costs, kbit/s.
    pub kbps: u32,
    /// Frames can be expected.
    pub live: bool,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Node {
    /// Its pseudonym.
    #[cfg_attr(test, ts(type = "string"))]
    pub id: NodeId,
    /// A volunteer that only carries.
    pub relay: bool,
    /// What it says that it can send, kbit/s.
    pub uplink_kbps: u32,
    /// There is a link to it.
    pub linked: bool,
    /// Is a source.
    pub sends: bool,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Happened {
    /// Milliseconds since 1970.
    #[cfg_attr(test, ts(type = "number"))]
    pub at_ms: u64,
    /// In words that go on with whom it is about.
    pub text: String,
    /// Whom it is about.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub who: Option<NodeId>,
}

/// Watches the network for the panel.
#[derive(Default)]
pub struct Watcher {
    happened: VecDeque<Happened>,
    meter: Meter,
    kbps: (u32, u32),
    quality: Quality,
    /// Who feeds this node in each tree, and when that was another than before.
    parents: BTreeMap<TreeId, NodeId>,
    moves: VecDeque<(UnixTime, TreeId)>,
}

impl Watcher {
    /// Notes an event of the core, if it is one that people can make sense of.
    pub fn note(&mut self, now: UnixTime, event: &Event) {
        if let Event::Rewired { tree, parent: Some(parent) } = event {
            self.note_parent(now, *tree, *parent);
        }
        let (text, who) = match event {
            Event::Arrived { peer, kind: Kind::Relay } => ("a relay came", Some(*peer)),
            Event::Arrived { peer, .. } => ("somebody came", Some(*peer)),
            Event::Departed { peer, said_so: true } => ("took leave", Some(*peer)),
            Event::Departed { peer, .. } => ("has vanished", Some(*peer)),
            Event::Rewired { tree, parent: Some(parent) } => {
                return self.push(now, format!("{} now comes from", name(tree.layer as u8)), Some(*parent));
            }
            Event::Rewired { tree, parent: None } => {
                return self.push(
                    now,
                    format!("{} lost its way, looking for another", name(tree.layer as u8)),
                    None,
                );
            }
            Event::Silent { peer } => ("fell silent: its trees ask their backups", Some(*peer)),
            Event::Source { peer, layer: Some(layer) } => {
                return self.push(now, format!("comes as {} now", name(*layer as u8)), Some(*peer));
            }
            Event::Source { peer, layer: None } => ("is off the stage", Some(*peer)),
            Event::KeyWanted(_) => ("somebody needs a key frame of this node", None),
            Event::OnStage { .. } => ("this node is on the stage", None),
            Event::OffStage => ("this node is off the stage", None),
            Event::Demoted { peer } => ("feeds nobody any more: several complained of it", Some(*peer)),
            Event::Blame { peer, .. } => ("broke the protocol and was cut off", Some(*peer)),
            _ => return,
        };
        self.push(now, text.to_owned(), who);
    }

    fn note_parent(&mut self, now: UnixTime, tree: TreeId, parent: NodeId) {
        let before = self.parents.insert(tree, parent);
        if before.is_some_and(|before| before != parent) {
            if self.moves.len() == MOVES_MAX {
                self.moves.pop_front();
            }
            self.moves.push_back((now, tree));
        }
    }

    fn push(&mut self, now: UnixTime, text: String, who: Option<NodeId>) {
        if self.happened.len() == HAPPENED_MAX {
            self.happened.pop_front();
        }
        self.happened.push_back(Happened { at_ms: now.0, text, who });
    }

    /// Measures the rates since the last call, and what came through; to be called each second.
    pub fn count(&mut self, now: UnixTime, counted: &Counters, incoming: &Incoming) {
        self.kbps = self.meter.look(now, counted);
        self.quality.count(incoming.tallies());
        self.moves.retain(|(at, _)| now.since(*at) < MOVES_KEPT_MS);
    }

    /// What the network does now; the rates are those that were measured last.
    pub fn look(&self, status: &Status, counted: &Counters) -> Network {
        let (in_kbps, out_kbps) = self.kbps;
        let moves = |source: NodeId, layer: u8| {
            let of = |tree: &TreeId| {
                let in_slot =
                    status.trees.iter().any(|one| (one.source, one.tree.slot) == (source, tree.slot));
                tree.layer as u8 == layer && in_slot
            };
            self.moves.iter().filter(|(_, tree)| of(tree)).count() as u32
        };
        Network {
            coordinator: status.coordinator,
            plan: status.plan,
            limit_kbps: status.uplink_kbps,
            committed_kbps: status.committed_kbps,
            in_kbps,
            out_kbps,
            downlink_kbps: status.downlink_kbps,
            lent_kbps: lent_kbps(status),
            dropped: counted.units_dropped,
            trees: status.trees.iter().map(tree).collect(),
            nodes: status.members.iter().map(node).collect(),
            through: self.quality.look(moves),
            happened: self.happened.iter().cloned().collect(),
        }
    }
}

fn lent_kbps(status: &Status) -> u32 {
    let others = status.trees.iter().filter(|tree| tree.source != status.me);
    let kbps: u64 = others.map(|tree| u64::from(tree.kbps) * tree.children.len() as u64).sum();
    u32::try_from(kbps).unwrap_or(u32::MAX)
}

fn tree(tree: &overlay_core::status::TreeStatus) -> Tree {
    Tree {
        source: tree.source,
        slot: tree.tree.slot,
        layer: tree.tree.layer as u8,
        parent: tree.parent,
        backups: tree.backups.clone(),
        children: tree.children.clone(),
        kbps: tree.kbps,
        live: tree.live,
    }
}

fn node(member: &overlay_core::status::MemberStatus) -> Node {
    Node {
        id: member.id,
        relay: member.kind == Kind::Relay,
        uplink_kbps: member.uplink_kbps,
        linked: member.linked,
        sends: member.sends,
    }
}

/// What people call a layer.
fn name(layer: u8) -> &'static str {
    match layer {
        0 => "sound",
        1 => "the 180p picture",
        2 => "the 360p picture",
        _ => "the 720p picture",
    }
}

#[cfg(test)]
mod tests {
    use overlay_core::status::TreeStatus;
    use overlay_core::unit::Layer;

    use super::*;

    #[test]
    fn ones_own_media_is_not_lent() {
        let id = |n: u8| NodeId([n; 32]);
        let tree = |source: u8, kbps: u32, children: &[u8]| TreeStatus {
            tree: TreeId { slot: source, layer: Layer::Audio, index: 0 },
            source: id(source),
            feed: 1,
            kbps,
            taken: true,
            parent: None,
            backups: Vec::new(),
            children: children.iter().copied().map(id).collect(),
            live: true,
            verified: None,
        };
        let status = Status {
            me: id(1),
            kind: Kind::Participant,
            coordinator: None,
            term: 0,
            plan: 0,
            uplink_kbps: 3_000,
            lends_kbps: 1_000,
            offers_kbps: 1_000,
            downlink_kbps: 0,
            committed_kbps: 0,
            on_stage: None,
            trees: vec![tree(1, 500, &[2, 3]), tree(2, 40, &[3, 4]), tree(3, 300, &[4]), tree(4, 300, &[])],
            members: Vec::new(),
        };
        assert_eq!(lent_kbps(&status), 380);
    }
}
