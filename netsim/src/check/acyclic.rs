//! Every tree is free of cycles, from 2 s after the last disturbance on.

use std::collections::BTreeMap;
use std::time::Duration;

use overlay_core::unit::TreeId;

use super::{Finding, Scene};
use crate::id::index;
use crate::overlay::Overlay;

pub(super) const NAME: &str = "acyclic";
const QUIET: Duration = Duration::from_secs(2);
/// Stands for no parent.
const NOBODY: u32 = u32::MAX;

pub(super) fn look<O: Overlay>(scene: &Scene<'_, O>) -> Option<Finding> {
    if scene.now.since(scene.disturbed) < QUIET {
        return None;
    }
    // Machines are numbered without gaps, so that a tree is a row of parents.
    let mut parents: BTreeMap<TreeId, Vec<u32>> = BTreeMap::new();
    for (who, ..) in scene.up() {
        for tree in scene.trees(who) {
            if let Some(parent) = tree.parent {
                let row = parents.entry(tree.tree).or_insert_with(|| vec![NOBODY; scene.machines.len()]);
                row[who as usize] = index(parent);
            }
        }
    }
    parents.iter().find_map(|(tree, parents)| {
        let node = first_on_a_cycle(parents)?;
        let what = format!("feeds itself in the tree of slot {} {:?}", tree.slot, tree.layer);
        Some(Finding { invariant: NAME, node: Some(node), what })
    })
}

/// Of those who feed themselves by way of others, the one with the lowest number.
fn first_on_a_cycle(parents: &[u32]) -> Option<u32> {
    // Who leads to no cycle, as far as that is known.
    let mut is_clear = vec![false; parents.len()];
    let mut found: Option<u32> = None;
    for start in (0..).zip(parents).map(|(who, _)| who) {
        let mut way = Vec::new();
        let mut at: u32 = start;
        while at != NOBODY && !is_clear[at as usize] && way.len() <= parents.len() {
            way.push(at);
            at = parents[at as usize];
        }
        if way.len() > parents.len() {
            // The last of so long a way is on the cycle that it leads into.
            found = found.into_iter().chain(cycle(at, parents)).min();
        }
        for who in way {
            is_clear[who as usize] = true;
        }
    }
    found
}

/// Everybody on the cycle of somebody who is on one.
fn cycle(of: u32, parents: &[u32]) -> Vec<u32> {
    let mut all = vec![of];
    let mut at = parents[of as usize];
    while at != of {
        all.push(at);
        at = parents[at as usize];
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_node_of_a_cycle_is_found_also_behind_a_way_into_it() {
        assert_eq!(first_on_a_cycle(&[NOBODY, 0, 1, 1, 3]), None);
        assert_eq!(first_on_a_cycle(&[4, NOBODY, 3, 4, 3, 1]), Some(3));
        assert_eq!(first_on_a_cycle(&[1, 2, 1, 4, 3]), Some(1));
        assert_eq!(first_on_a_cycle(&[0]), Some(0));
        assert_eq!(first_on_a_cycle(&[]), None);
    }
}
