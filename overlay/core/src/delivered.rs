//! What was handed to this node's user: each frame of a group once, whichever of its trees brought it.

use std::collections::VecDeque;

use crate::config;
use crate::unit::{Layer, TreeId, UnitHash};
use crate::window::Window;

/// Groups of the stage: slots times layers.
const GROUPS: usize = config::SLOTS as usize * Layer::ALL.len();
/// Frames whose hash is remembered: a second that sound takes to come by the slower of two trees.
const HASHES_MAX: usize = 50;

/// For each group the feed that it carries, and which of its frames were handed over. It outlives the trees: whoever
/// leaves a tree and comes back is given what the ring of the new parent holds.
#[derive(Debug)]
pub(crate) struct Delivered([Option<Group>; GROUPS]);

#[derive(Debug, Default)]
struct Group {
    feed: u32,
    window: Window,
    /// What was handed over last. Of each number another one is handed over too: if the first doesn't open, it may be
    /// that a relay changed it.
    hashes: VecDeque<(u32, UnitHash)>,
}

impl Default for Delivered {
    fn default() -> Delivered {
        Delivered(std::array::from_fn(|_| None))
    }
}

impl Delivered {
    /// True if this frame of a feed was not handed over yet; from now on it was.
    pub(crate) fn mark(&mut self, tree: TreeId, feed: u32, number: u32, hash: UnitHash) -> bool {
        let at = usize::from(tree.slot) * Layer::ALL.len() + tree.layer as usize;
        let Some(entry) = self.0.get_mut(at) else { return false };
        match entry {
            Some(group) if group.feed == feed => group.mark(number, hash),
            Some(group) if group.feed > feed => false,
            _ => entry.insert(Group { feed, ..Group::default() }).mark(number, hash),
        }
    }
}

impl Group {
    fn mark(&mut self, number: u32, hash: UnitHash) -> bool {
        if !self.window.mark(number) {
            let mut before = self.hashes.iter().filter(|(of, _)| *of == number);
            let first = before.next();
            if before.next().is_some() || first.is_none_or(|(_, first)| *first == hash) {
                return false;
            }
        }
        if self.hashes.len() >= HASHES_MAX {
            self.hashes.pop_front();
        }
        self.hashes.push_back((number, hash));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_handed_over_once_whichever_tree_brings_it() {
        let mut delivered = Delivered::default();
        let tree = |index| TreeId { slot: 15, layer: Layer::P720, index };
        let mut mark = |index, feed, number, hash| {
            delivered.mark(tree(index), feed, number, UnitHash([hash; UnitHash::LEN]))
        };
        assert!(mark(0, 7, 1, 5));
        assert!(!mark(1, 7, 1, 5));
        assert!(mark(1, 7, 1, 6), "it may be that the first was changed on its way");
        assert!(!mark(1, 7, 1, 6) && !mark(1, 7, 1, 5) && !mark(1, 7, 1, 4), "two are enough");
        assert!(mark(1, 7, 2, 5));
        assert!(mark(0, 8, 1, 5), "a new feed counts anew");
        assert!(!mark(1, 7, 3, 5), "an older feed is over");
    }
}
