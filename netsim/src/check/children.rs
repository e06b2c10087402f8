//! The children that a node has accepted cost no more than its owner allows, by the planner's own formula.

use super::{Finding, Scene};
use crate::overlay::Overlay;

pub(super) const NAME: &str = "children";

pub(super) fn look<O: Overlay>(scene: &Scene<'_, O>) -> Option<Finding> {
    scene.up().find_map(|(who, _, overlay)| {
        let costs = overlay.trees().into_iter().map(|tree| u64::from(tree.kbps) * tree.children.len() as u64);
        let costs: u64 = costs.sum();
        // Who lies about its limit takes what it claims.
        let own = scene.cast.people[who as usize].limit_kbps;
        let limit = u64::from(scene.claims.get(&who).copied().unwrap_or(own).max(own));
        let what = || format!("has children for {costs} kbit/s and may send {limit}");
        (costs > limit).then(|| Finding { invariant: NAME, node: Some(who), what: what() })
    })
}
