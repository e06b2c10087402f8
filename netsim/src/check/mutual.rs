//! Whoever takes somebody for its parent is that one's child: not for a moment, while answers are under way, but not for
//! longer either, since who isn't is fed by nobody and does not know.

use std::collections::BTreeMap;
use std::time::Duration;

use overlay_core::status::TreeStatus;
use overlay_core::time::Time;
use overlay_core::unit::TreeId;

use super::{Finding, Scene};
use crate::id::{index, node_id};
use crate::overlay::Overlay;

pub(super) const NAME: &str = "mutual";
/// Longer than any answer takes, and than a parent that brings nothing is borne.
const LONG: Duration = Duration::from_secs(4);

/// Who takes whom for its parent in which tree, and is no child there.
type Claim = (u32, TreeId, u32);

/// Since when each of them does.
#[derive(Debug, Default)]
pub(super) struct Mutual {
    since: BTreeMap<Claim, Time>,
}

impl Mutual {
    pub(super) fn look<O: Overlay>(&mut self, scene: &Scene<'_, O>) -> Option<Finding> {
        let mut now = BTreeMap::new();
        for (who, machine, _) in scene.up() {
            for tree in scene.trees(who) {
                let Some(parent) = tree.parent.map(index) else { continue };
                let there = &scene.machines[parent as usize];
                // Who was disturbed or does as it likes owes no answer.
                if there.overlay.is_none() || there.was_hostile || machine.was_hostile {
                    continue;
                }
                let is_child = |at: &TreeStatus| {
                    at.tree == tree.tree && at.feed == tree.feed && at.children.contains(&node_id(who))
                };
                if !scene.trees(parent).iter().any(is_child) {
                    let claim = (who, tree.tree, parent);
                    now.insert(claim, self.since.get(&claim).copied().unwrap_or(scene.now));
                }
            }
        }
        self.since = now;
        let starts = |since: Time| since.max(scene.disturbed);
        let long = self.since.iter().find(|(_, since)| scene.now.since(starts(**since)) >= LONG);
        long.map(|((who, tree, parent), _)| Finding {
            invariant: NAME,
            node: Some(*who),
            what: format!(
                "takes {parent} for its parent in the tree of slot {} {:?}, and is no child of it",
                tree.slot, tree.layer
            ),
        })
    }
}
