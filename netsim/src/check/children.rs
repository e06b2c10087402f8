//! The children that a node has accepted cost no more than its owner allows, by the planner's own formula.

use overlay_core::id::NodeId;

use super::{Finding, Scene};
use crate::id::index;
use crate::overlay::Overlay;

pub(super) const NAME: &str = "children";

pub(super) fn look<O: Overlay>(scene: &Scene<'_, O>) -> Option<Finding> {
    scene.up().find_map(|(who, ..)| {
        let costs = scene.trees(who).iter().map(|tree| {
            // Whoever has died is still listed for a while, and gets nothing.
            let alive = |child: &NodeId| scene.machines[index(*child) as usize].overlay.is_some();
            u64::from(tree.kbps) * tree.children.iter().filter(|child| alive(child)).count() as u64
        });
        let costs: u64 = costs.sum();
        // Who lies about its limit takes what it claims.
        let own = scene.cast.people[who as usize].limit_kbps;
        let limit = u64::from(scene.claims.get(&who).copied().unwrap_or(own).max(own));
        let what = || format!("has children for {costs} kbit/s and may send {limit}");
        (costs > limit).then(|| Finding { invariant: NAME, node: Some(who), what: what() })
    })
}
