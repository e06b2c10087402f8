//! A plan as the bodies of notes: one, or several split by tree.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::id::NodeId;
use crate::unit::TreeId;

use super::table::{Branch, Feed, Plan, Row};

/// No backup.
const NONE: u16 = u16::MAX;

/// What one note carries of a plan. Nodes are named by their place in `nodes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    term: u32,
    number: u32,
    part: u8,
    parts: u8,
    feeds: Vec<Feed>,
    nodes: Vec<NodeId>,
    trees: Vec<PackedBranch>,
    gone: Vec<(NodeId, u64)>,
}

/// Tree, feed, source, kbit/s, (k, m), rows.
type PackedBranch = (TreeId, u32, u16, u32, (u8, u8), Vec<PackedRow>);
/// Node, parent, backups, takes.
type PackedRow = (u16, u16, [u16; config::BACKUPS], bool);

/// Why a note is no part of a plan: its origin's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Not a part, or not in its one encoding.
    #[error("not a plan: {0}")]
    Codec(#[from] canopy_codec::Error),
    /// It names what is not there, or more than is allowed.
    #[error("a plan that contradicts itself")]
    Contradiction,
}

/// Writes a plan as bodies of notes; `None` if it is larger than [`config::PLAN_PARTS_MAX`] notes.
pub fn split(plan: &Plan) -> Option<Vec<Vec<u8>>> {
    let mut groups: Vec<Vec<TreeId>> = vec![Vec::new()];
    for tree in plan.trees.keys() {
        let mut longer = groups.last().cloned().unwrap_or_default();
        longer.push(*tree);
        if pack(plan, &longer, 0, 1).is_ok() {
            groups.pop();
            groups.push(longer);
        } else {
            groups.push(vec![*tree]);
        }
    }
    while groups.len() * config::GONE_IN_PART < plan.gone.len() {
        groups.push(Vec::new());
    }
    let parts =
        u8::try_from(groups.len()).ok().filter(|parts| usize::from(*parts) <= config::PLAN_PARTS_MAX)?;
    (0..parts).zip(&groups).map(|(part, trees)| pack(plan, trees, part, parts).ok()).collect()
}

fn pack(plan: &Plan, trees: &[TreeId], part: u8, parts: u8) -> Result<Vec<u8>, canopy_codec::Error> {
    let branches: Vec<(TreeId, &Branch)> =
        trees.iter().filter_map(|id| Some((*id, plan.trees.get(id)?))).collect();
    let mut places: BTreeMap<NodeId, u16> = BTreeMap::new();
    for (_, branch) in &branches {
        let named = branch
            .rows
            .iter()
            .flat_map(|(id, row)| [*id, row.parent].into_iter().chain(row.backups.iter().copied()));
        places.extend(named.chain([branch.source]).map(|id| (id, 0)));
    }
    for (place, (_, index)) in (0..).zip(places.iter_mut()) {
        *index = place;
    }
    let place = |id: &NodeId| places.get(id).copied().unwrap_or(NONE);
    let packed = branches.iter().map(|(tree, branch)| {
        let rows = branch.rows.iter().map(|(id, row)| {
            let backup = |at: usize| row.backups.get(at).map_or(NONE, place);
            (place(id), place(&row.parent), [backup(0), backup(1)], row.takes)
        });
        (*tree, branch.feed, place(&branch.source), branch.kbps, (branch.k, branch.m), rows.collect())
    });
    let departed = plan.gone.iter().skip(usize::from(part) * config::GONE_IN_PART);
    let part = Part {
        gone: departed.take(config::GONE_IN_PART).map(|(id, serial)| (*id, *serial)).collect(),
        term: plan.term,
        number: plan.number,
        part,
        parts,
        feeds: plan.feeds.clone(),
        trees: packed.collect(),
        nodes: places.keys().copied().collect(),
    };
    canopy_codec::encode(&part, config::NOTE_BODY_MAX)
}

impl Part {
    /// Reads the body of a note. Every error is the origin's fault.
    pub fn decode(body: &[u8]) -> Result<Part, PartError> {
        let part: Part = canopy_codec::decode_strict(body, config::NOTE_BODY_MAX)?;
        let bounded = part.nodes.len() <= config::MEMBERS_MAX
            && part.trees.len() <= config::TREES_MAX
            && part.feeds.len() <= usize::from(config::SLOTS)
            && part.feeds.iter().all(|feed| feed.slot < config::SLOTS)
            && part.gone.len() <= config::GONE_IN_PART
            && usize::from(part.parts) <= config::PLAN_PARTS_MAX
            && part.part < part.parts;
        if bounded && part.branches().is_some() { Ok(part) } else { Err(PartError::Contradiction) }
    }

    /// Which plan it is of: term and number.
    pub fn of(&self) -> (u32, u32) {
        (self.term, self.number)
    }

    fn branches(&self) -> Option<BTreeMap<TreeId, Branch>> {
        let node = |place: u16| self.nodes.get(usize::from(place)).copied();
        let mut branches = BTreeMap::new();
        for (tree, feed, source, kbps, (k, m), packed) in &self.trees {
            let mut rows = BTreeMap::new();
            for (id, parent, backups, takes) in packed {
                let backups = backups.iter().filter(|place| **place != NONE).map(|place| node(*place));
                let row =
                    Row { parent: node(*parent)?, backups: backups.collect::<Option<_>>()?, takes: *takes };
                rows.insert(node(*id)?, row);
            }
            if tree.slot >= config::SLOTS || *k == 0 || tree.index >= k.checked_add(*m)? {
                return None;
            }
            branches.insert(
                *tree,
                Branch { source: node(*source)?, feed: *feed, kbps: *kbps, k: *k, m: *m, rows },
            );
        }
        Some(branches)
    }
}

/// The parts of the newest plan of one coordinator, until all are there.
#[derive(Debug, Default)]
pub struct Parts {
    of: (u32, u32),
    first_serial: u64,
    parts: BTreeMap<u8, Part>,
}

impl Parts {
    /// Takes one part, which came in the note of this serial. Gives the plan when it was the last that
    /// lacked, and the lowest serial of its parts. Older plans are ignored.
    pub fn add(&mut self, part: Part, serial: u64) -> Option<(Plan, u64)> {
        if part.of() < self.of {
            return None;
        }
        if part.of() > self.of {
            self.parts.clear();
            self.of = part.of();
            self.first_serial = serial;
        }
        self.first_serial = self.first_serial.min(serial);
        let count = usize::from(part.parts);
        self.parts.insert(part.part, part);
        if self.parts.len() < count {
            return None;
        }
        let first = self.parts.values().next()?;
        let mut plan =
            Plan { term: first.term, number: first.number, feeds: first.feeds.clone(), ..Plan::default() };
        for part in self.parts.values() {
            plan.trees.extend(part.branches()?);
            plan.gone.extend(part.gone.iter().copied());
        }
        self.parts.clear();
        Some((plan, self.first_serial))
    }
}
