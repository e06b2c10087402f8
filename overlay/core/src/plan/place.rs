//! Places the receivers of one tree: strong interiors first, near the root, within budgets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::config;
use crate::id::NodeId;
use crate::io::Kind;

use super::budget::planned_kbps;
use super::table::{Branch, Row, View};

/// Relays that each tree gets where there are any, so that a backup is warm.
const RELAYS_PER_TREE: usize = 2;
/// Participants with room that are looked at for each receiver: enough to find a near one.
const CANDIDATES_MAX: usize = 32;

/// What every node has left while a plan is made.
pub(super) struct Budgets<'a> {
    view: &'a View,
    left: BTreeMap<NodeId, u64>,
    reserved: BTreeMap<NodeId, u64>,
}

impl<'a> Budgets<'a> {
    pub(super) fn new(view: &'a View) -> Budgets<'a> {
        let left = view.nodes.iter().map(|(id, supply)| (*id, planned_kbps(supply.uplink_kbps))).collect();
        Budgets { view, left, reserved: BTreeMap::new() }
    }

    /// Keeps room for the first copy of a tree at its source, if it fits beside what is kept already.
    pub(super) fn reserve(&mut self, source: NodeId, kbps: u64) -> bool {
        let fits = self.spare(source) >= kbps;
        if fits {
            *self.reserved.entry(source).or_default() += kbps;
        }
        fits
    }

    /// Gives such room back, right before the tree is placed.
    pub(super) fn release(&mut self, source: NodeId, kbps: u64) {
        if let Some(reserved) = self.reserved.get_mut(&source) {
            *reserved = reserved.saturating_sub(kbps);
        }
    }

    fn spare(&self, node: NodeId) -> u64 {
        let reserved = self.reserved.get(&node).copied().unwrap_or(0);
        self.left.get(&node).copied().unwrap_or(0).saturating_sub(reserved)
    }

    fn take(&mut self, node: NodeId, kbps: u64) {
        if let Some(left) = self.left.get_mut(&node) {
            *left = left.saturating_sub(kbps);
        }
    }

    fn is_relay(&self, node: NodeId) -> bool {
        self.view.nodes.get(&node).is_some_and(|supply| supply.kind == Kind::Relay)
    }
}

/// One tree while it grows.
struct Growing<'a, 'b> {
    budgets: &'b mut Budgets<'a>,
    root: NodeId,
    kbps: u64,
    depth: BTreeMap<NodeId, usize>,
    rows: BTreeMap<NodeId, Row>,
}

/// Places `receivers` under `root`; each child costs `kbps`. Those without a row could not be served.
pub(super) fn place(
    budgets: &mut Budgets<'_>,
    root: NodeId,
    kbps: u64,
    receivers: &BTreeSet<NodeId>,
    previous: Option<&Branch>,
) -> BTreeMap<NodeId, Row> {
    let mut tree = Growing { budgets, root, kbps, depth: BTreeMap::from([(root, 0)]), rows: BTreeMap::new() };
    tree.seat_relays(receivers.len(), previous);
    let mut waiting = tree.keep_places(receivers, previous);
    waiting.sort_by_key(|id| (Reverse(tree.budgets.spare(*id)), *id));
    for receiver in waiting {
        if let Some(parent) = tree.best_parent() {
            tree.seat(receiver, parent, true);
        }
    }
    tree.prune();
    tree.rows
}

impl Growing<'_, '_> {
    fn has_room(&self, node: NodeId) -> bool {
        let depth = self.depth.get(&node).copied();
        depth.is_some_and(|depth| depth + 2 < config::HOPS_MAX) && self.budgets.spare(node) >= self.kbps
    }

    fn seat(&mut self, node: NodeId, parent: NodeId, takes: bool) {
        self.budgets.take(parent, self.kbps);
        self.depth.insert(node, self.depth.get(&parent).copied().unwrap_or(0) + 1);
        self.rows.insert(node, Row { parent, backups: Vec::new(), takes });
    }

    /// Relays outside the tree that could feed somebody: those that did so before, from the root
    /// down, then the emptiest.
    fn idle_relays(&self, previous: Option<&Branch>) -> Vec<NodeId> {
        let depth_before = |id: &NodeId| previous.map_or(usize::MAX, |branch| depth_in(branch, *id));
        let mut relays: Vec<NodeId> = self.budgets.view.nodes.keys().copied().collect();
        relays.retain(|id| {
            self.budgets.is_relay(*id) && !self.depth.contains_key(id) && self.budgets.spare(*id) >= self.kbps
        });
        relays.sort_by_key(|id| (depth_before(id), Reverse(self.budgets.spare(*id)), *id));
        relays
    }

    fn seat_relays(&mut self, receivers: usize, previous: Option<&Branch>) {
        for relay in self.idle_relays(previous).into_iter().take(RELAYS_PER_TREE.min(receivers)) {
            let kept = previous.and_then(|branch| branch.rows.get(&relay)).map(|row| row.parent);
            let parent = kept.filter(|parent| self.has_room(*parent)).or_else(|| self.relay_parent());
            if let Some(parent) = parent {
                self.seat(relay, parent, false);
            }
        }
    }

    /// The first relay hangs on the root; the next as well if the root keeps room for a graft.
    fn relay_parent(&self) -> Option<NodeId> {
        let roomy = self.budgets.spare(self.root) >= 2 * self.kbps;
        let first = self.rows.is_empty();
        if roomy || first && self.has_room(self.root) {
            return Some(self.root);
        }
        self.seated_relay()
    }

    fn seated_relay(&self) -> Option<NodeId> {
        let relays = self.rows.keys().copied().filter(|id| self.budgets.is_relay(*id) && self.has_room(*id));
        relays.min_by_key(|id| (Reverse(self.budgets.spare(*id)), self.depth.get(id).copied(), *id))
    }

    /// Rows change only where they must: who has a parent that still has room stays, except that whoever
    /// hangs on a person moves once relays have come, since people need their room for grafts. Gives the rest.
    fn keep_places(&mut self, receivers: &BTreeSet<NodeId>, previous: Option<&Branch>) -> Vec<NodeId> {
        let mut waiting: Vec<NodeId> = receivers.iter().copied().collect();
        let Some(previous) = previous else { return waiting };
        loop {
            let before = waiting.len();
            waiting.retain(|id| {
                let parent = previous.rows.get(id).map(|row| row.parent);
                let kept = parent.filter(|parent| self.has_room(*parent) && self.is_as_good(*parent));
                if let Some(parent) = kept {
                    self.seat(*id, parent, true);
                }
                kept.is_none()
            });
            if waiting.len() == before {
                return waiting;
            }
        }
    }

    fn is_as_good(&self, parent: NodeId) -> bool {
        self.budgets.is_relay(parent) || self.seated_relay().is_none()
    }

    /// A relay of the tree, else a relay that joins for it, else the root, else a participant near it.
    fn best_parent(&mut self) -> Option<NodeId> {
        if let Some(relay) = self.seated_relay() {
            return Some(relay);
        }
        if let Some(relay) = self.idle_relays(None).first().copied()
            && self.has_room(self.root)
        {
            self.seat(relay, self.root, false);
            return Some(relay);
        }
        if self.has_room(self.root) {
            return Some(self.root);
        }
        let seated = self.rows.keys().copied().filter(|id| self.has_room(*id)).take(CANDIDATES_MAX);
        seated.min_by_key(|id| (self.depth.get(id).copied(), Reverse(self.budgets.spare(*id)), *id))
    }

    /// Takes out relays that nobody hangs on.
    fn prune(&mut self) {
        loop {
            let parents: BTreeSet<NodeId> = self.rows.values().map(|row| row.parent).collect();
            let idle = self.rows.iter().find(|(id, row)| !row.takes && !parents.contains(id));
            let Some((id, parent)) = idle.map(|(id, row)| (*id, row.parent)) else { return };
            self.rows.remove(&id);
            if let Some(left) = self.budgets.left.get_mut(&parent) {
                *left += self.kbps;
            }
        }
    }
}

/// Links between the root and a node; a large number if it is not in the tree.
fn depth_in(branch: &Branch, node: NodeId) -> usize {
    let mut at = node;
    for depth in 0..=config::HOPS_MAX {
        match branch.rows.get(&at) {
            Some(row) => at = row.parent,
            None => return if at == branch.source { depth } else { usize::MAX },
        }
    }
    usize::MAX
}

impl Budgets<'_> {
    /// What a node has used of what the planner may give out.
    pub(super) fn used(&self, node: NodeId) -> u64 {
        let uplink = self.view.nodes.get(&node).map_or(0, |supply| supply.uplink_kbps);
        planned_kbps(uplink).saturating_sub(self.left.get(&node).copied().unwrap_or(0))
    }
}
