//! What was handed to this node's user: each frame of a group once, whichever of its trees brought it.

use crate::config;
use crate::unit::{Layer, TreeId};
use crate::window::Window;

/// Groups of the stage: slots times layers.
const GROUPS: usize = config::SLOTS as usize * Layer::ALL.len();

/// For each group the feed that it carries, and which of its frames were handed over. It outlives the trees: whoever
/// leaves a tree and comes back is given what the ring of the new parent holds.
#[derive(Debug)]
pub(crate) struct Delivered([Option<(u32, Window)>; GROUPS]);

impl Default for Delivered {
    fn default() -> Delivered {
        Delivered(std::array::from_fn(|_| None))
    }
}

impl Delivered {
    /// True if this frame of a feed was not handed over yet; from now on it was.
    pub(crate) fn mark(&mut self, tree: TreeId, feed: u32, number: u32) -> bool {
        let at = usize::from(tree.slot) * Layer::ALL.len() + tree.layer as usize;
        let Some(entry) = self.0.get_mut(at) else { return false };
        match entry {
            Some((current, window)) if *current == feed => window.mark(number),
            Some((current, _)) if *current > feed => false,
            _ => entry.insert((feed, Window::default())).1.mark(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_handed_over_once_whichever_tree_brings_it() {
        let mut delivered = Delivered::default();
        let tree = |index| TreeId { slot: 15, layer: Layer::P720, index };
        assert!(delivered.mark(tree(0), 7, 1));
        assert!(!delivered.mark(tree(1), 7, 1));
        assert!(delivered.mark(tree(1), 7, 2));
        assert!(delivered.mark(tree(0), 8, 1), "a new feed counts anew");
        assert!(!delivered.mark(tree(1), 7, 3), "an older feed is over");
    }
}
