//! Every tree is free of cycles, from 2 s after the last disturbance on.

use std::collections::BTreeMap;
use std::time::Duration;

use overlay_core::unit::TreeId;

use super::{Finding, Scene};
use crate::id::index;
use crate::overlay::Overlay;

pub(super) const NAME: &str = "acyclic";
const QUIET: Duration = Duration::from_secs(2);

pub(super) fn look<O: Overlay>(scene: &Scene<'_, O>) -> Option<Finding> {
    if scene.now.since(scene.disturbed) < QUIET {
        return None;
    }
    let mut parents: BTreeMap<TreeId, BTreeMap<u32, u32>> = BTreeMap::new();
    for (who, _, overlay) in scene.up() {
        for tree in overlay.trees() {
            if let Some(parent) = tree.parent {
                parents.entry(tree.tree).or_default().insert(who, index(parent));
            }
        }
    }
    parents.iter().find_map(|(tree, parents)| {
        let node = parents.keys().copied().find(|who| is_on_a_cycle(*who, parents))?;
        let what = format!("feeds itself in the tree of slot {} {:?}", tree.slot, tree.layer);
        Some(Finding { invariant: NAME, node: Some(node), what })
    })
}

fn is_on_a_cycle(who: u32, parents: &BTreeMap<u32, u32>) -> bool {
    let mut at = who;
    for _ in 0..parents.len() {
        match parents.get(&at) {
            Some(parent) if *parent == who => return true,
            Some(parent) => at = *parent,
            None => return false,
        }
    }
    // It leads into a cycle that it is no part of: one of those is found.
    false
}
