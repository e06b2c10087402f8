//! Two backup parents for each row, warm ones first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::config;
use crate::id::NodeId;
use crate::io::Kind;

use super::budget::graft_kbps;
use super::place::Budgets;
use super::table::{Branch, View};

/// Fills in the backups of every row of a tree. Interiors of the tree come first, since they hold what
/// is missing; then relays outside it; the source if it has room; never a node whose own way from the
/// source leads through the one that it should save. Each grants its reserve to those who share it in turn.
pub(super) fn fill(
    view: &View,
    budgets: &Budgets<'_>,
    promised: &mut BTreeMap<NodeId, u64>,
    tree: &mut Branch,
) {
    let kbps = u64::from(tree.kbps);
    let interiors = interiors(tree);
    let relays = view.nodes.iter().filter(|(_, supply)| supply.kind == Kind::Relay).map(|(id, _)| *id);
    let mut pool: Vec<NodeId> = interiors.keys().copied().chain(relays).chain([tree.source]).collect();
    pool.sort();
    pool.dedup();
    let room = |id: NodeId| {
        let uplink = view.nodes.get(&id).map_or(0, |supply| supply.uplink_kbps);
        graft_kbps(uplink).saturating_sub(budgets.used(id))
    };
    let ids: Vec<NodeId> = tree.rows.keys().copied().collect();
    for id in ids {
        let parent = tree.rows.get(&id).map(|row| row.parent);
        let mut candidates: Vec<NodeId> =
            pool.iter().copied().filter(|c| *c != id && Some(*c) != parent && room(*c) >= kbps).collect();
        candidates.retain(|candidate| !is_above(tree, id, *candidate));
        candidates.sort_by_key(|candidate| {
            let behind_parent = parent.is_some_and(|parent| is_above(tree, parent, *candidate));
            let rank = rank(view, tree, &interiors, *candidate);
            (
                behind_parent,
                rank,
                promised.get(candidate).copied().unwrap_or(0),
                Reverse(room(*candidate)),
                *candidate,
            )
        });
        candidates.truncate(config::BACKUPS);
        if let Some(first) = candidates.first() {
            *promised.entry(*first).or_default() += kbps;
        }
        if let Some(row) = tree.rows.get_mut(&id) {
            row.backups = candidates;
        }
    }
}

fn rank(view: &View, tree: &Branch, interiors: &BTreeMap<NodeId, usize>, node: NodeId) -> u8 {
    let relay = view.nodes.get(&node).is_some_and(|supply| supply.kind == Kind::Relay);
    match (node == tree.source, interiors.contains_key(&node), relay) {
        (true, _, _) => 2,
        (_, true, true) => 0,
        (_, false, true) => 1,
        (_, _, false) => 3,
    }
}

/// Who feeds somebody in the tree, and how many.
fn interiors(tree: &Branch) -> BTreeMap<NodeId, usize> {
    let mut interiors = BTreeMap::new();
    for row in tree.rows.values() {
        *interiors.entry(row.parent).or_default() += 1;
    }
    interiors
}

/// True if the way from the source to `below` leads through `node`.
fn is_above(tree: &Branch, node: NodeId, below: NodeId) -> bool {
    let mut at = below;
    for _ in 0..=config::HOPS_MAX {
        if at == node {
            return node != below;
        }
        match tree.rows.get(&at) {
            Some(row) => at = row.parent,
            None => return false,
        }
    }
    true
}
