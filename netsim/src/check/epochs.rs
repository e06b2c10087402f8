//! The epochs of a node only grow: by term, coordinator and number.

use std::collections::BTreeMap;

use keyagree::EpochId;

use super::{Finding, Scene};
use crate::overlay::Overlay;

pub(super) const NAME: &str = "epochs";

/// The epoch that each node held last.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    last: BTreeMap<u32, EpochId>,
}

impl Epochs {
    /// A node that starts anew holds no key of before.
    pub(super) fn forget(&mut self, who: u32) {
        self.last.remove(&who);
    }

    pub(super) fn look<O: Overlay>(&mut self, scene: &Scene<'_, O>) -> Option<Finding> {
        let held =
            scene.up().filter_map(|(who, machine, _)| Some((who, machine.keys.as_ref()?.session.epoch()?)));
        held.filter_map(|(who, epoch)| self.holds(who, epoch)).next()
    }

    fn holds(&mut self, who: u32, epoch: EpochId) -> Option<Finding> {
        let before = self.last.insert(who, epoch).filter(|before| *before > epoch)?;
        let what = format!("holds {epoch:?} after {before:?}");
        Some(Finding { invariant: NAME, node: Some(who), what })
    }
}

#[cfg(test)]
mod tests {
    use keyagree::PeerKey;

    use super::*;

    #[test]
    fn an_epoch_that_goes_back_is_found_but_not_in_another_life() {
        let epoch = |term, epoch| EpochId { term, coordinator: PeerKey([1; 32]), epoch };
        let mut epochs = Epochs::default();
        assert!(epochs.holds(3, epoch(1, 4)).is_none());
        assert!(epochs.holds(4, epoch(1, 3)).is_none(), "another node");
        assert!(epochs.holds(3, epoch(2, 0)).is_none(), "a later term");
        assert_eq!(epochs.holds(3, epoch(1, 5)).map(|found| found.node), Some(Some(3)));
        epochs.forget(3);
        assert!(epochs.holds(3, epoch(1, 0)).is_none());
    }
}
