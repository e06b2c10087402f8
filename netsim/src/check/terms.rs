//! Plans that a node follows only grow: by term, then by number.

use std::collections::BTreeMap;

use super::{Finding, Scene};
use crate::overlay::Overlay;

pub(super) const NAME: &str = "terms";

/// The plan that each node followed last.
#[derive(Debug, Default)]
pub(super) struct Terms {
    last: BTreeMap<u32, (u32, u32)>,
}

impl Terms {
    /// A node that starts anew knows nothing of earlier plans.
    pub(super) fn forget(&mut self, who: u32) {
        self.last.remove(&who);
    }

    pub(super) fn look<O: Overlay>(&mut self, scene: &Scene<'_, O>) -> Option<Finding> {
        let mut finding = None;
        for (who, _, overlay) in scene.up() {
            let Some(plan) = overlay.plan() else { continue };
            let before = self.last.insert(who, plan);
            if let Some(before) = before.filter(|before| *before > plan) {
                let what = format!("follows plan {plan:?} after plan {before:?}");
                finding = Some(Finding { invariant: NAME, node: Some(who), what });
            }
        }
        finding
    }
}
