//! What was handed to this node's user: each frame of a group once, whichever of its trees brought it.

use std::collections::VecDeque;

use crate::config;
use crate::gathered::Gathered;
use crate::unit::{Cut, FrameInfo, Layer, Payload, Unit, UnitHash};
use crate::window::Window;

/// Groups of the stage: slots times layers.
const GROUPS: usize = config::SLOTS as usize * Layer::ALL.len();
/// Frames whose hash is remembered: a second that sound takes to come by the slower of two trees.
const HASHES_MAX: usize = 50;

/// For each group the feed that it carries, and which of its frames were handed over. It outlives the trees: whoever
/// leaves a tree and comes back is given what the ring of the new parent holds.
#[derive(Debug)]
pub(crate) struct Delivered<P>([Option<Group<P>>; GROUPS]);

#[derive(Debug)]
struct Group<P> {
    feed: u32,
    window: Window,
    /// Of frames of several units.
    gathered: Gathered<P>,
    /// What was handed over last. Of each number another one is handed over too: if the first doesn't open, it may be
    /// that a relay changed it.
    hashes: VecDeque<(u32, UnitHash)>,
    /// Of numbers up to here hashes may have been forgotten: no other is handed over.
    forgotten: Option<u32>,
}

/// What to hand over now that a unit came.
#[derive(Debug)]
pub(crate) struct Handed<P> {
    pub(crate) frames: Vec<Cut<P>>,
    /// True if this key frame is, or was, handed over: what follows it can be shown.
    pub(crate) key: bool,
}

impl<P> Default for Delivered<P> {
    fn default() -> Delivered<P> {
        Delivered(std::array::from_fn(|_| None))
    }
}

impl<P> Group<P> {
    fn new(feed: u32) -> Group<P> {
        let (window, gathered, hashes) = (Window::default(), Gathered::default(), VecDeque::new());
        Group { feed, window, gathered, hashes, forgotten: None }
    }
}

impl<P: Payload> Delivered<P> {
    /// A unit of a group that this node's user gets, or gets `from_key` on: the frames that can be joined by it and were not
    /// handed over yet. From now on they were.
    pub(crate) fn take(&mut self, unit: Unit<P>, hash: UnitHash, from_key: bool) -> Handed<P> {
        let (tree, feed) = (unit.header.tree, unit.header.feed);
        let at = usize::from(tree.slot) * Layer::ALL.len() + tree.layer as usize;
        let Some(entry) = self.0.get_mut(at) else { return Handed { frames: Vec::new(), key: false } };
        match entry {
            Some(group) if group.feed == feed => group.take(unit, hash, from_key),
            Some(group) if group.feed > feed => Handed { frames: Vec::new(), key: false },
            _ => entry.insert(Group::new(feed)).take(unit, hash, from_key),
        }
    }
}

impl<P: Payload> Group<P> {
    fn take(&mut self, unit: Unit<P>, hash: UnitHash, from_key: bool) -> Handed<P> {
        let info = unit.header.frame;
        if unit.header.k > 1 {
            return self.gather(&unit, hash, from_key);
        }
        let wanted = info.key || !from_key;
        let fresh = wanted && self.mark(info.number, hash);
        let frame = Cut { layer: unit.header.tree.layer, info, k: 1, units: vec![(0, unit.payload)] };
        Handed { frames: if fresh { vec![frame] } else { Vec::new() }, key: info.key }
    }

    fn gather(&mut self, unit: &Unit<P>, hash: UnitHash, from_key: bool) -> Handed<P> {
        let FrameInfo { number, key, .. } = unit.header.frame;
        let known = !self.window.is_fresh(number);
        if known && !self.gathered.was_handed(number) {
            // It is long over.
            return Handed { frames: Vec::new(), key: false };
        }
        let mut frames = Vec::new();
        if self.gathered.add(unit, hash) && (key || !from_key) {
            frames.extend(self.gathered.hand(unit));
            if from_key {
                frames.extend(self.gathered.hand_behind(unit));
            }
            frames.iter().for_each(|frame| {
                self.window.mark(frame.info.number);
            });
        }
        Handed { frames, key: key && self.gathered.was_handed(number) }
    }

    fn mark(&mut self, number: u32, hash: UnitHash) -> bool {
        if !self.window.mark(number) {
            if self.forgotten >= Some(number) {
                return false;
            }
            let mut before = self.hashes.iter().filter(|(of, _)| *of == number);
            let first = before.next();
            if before.next().is_some() || first.is_none_or(|(_, first)| *first == hash) {
                return false;
            }
        }
        if self.hashes.len() >= HASHES_MAX {
            let forgotten = self.hashes.pop_front().map(|(number, _)| number);
            self.forgotten = self.forgotten.max(forgotten);
        }
        self.hashes.push_back((number, hash));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{TreeId, UnitHeader};

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Byte(u8);

    impl Payload for Byte {
        fn size(&self) -> usize {
            1
        }

        fn hash(&self, _: &UnitHeader) -> UnitHash {
            name(self.0)
        }
    }

    fn name(byte: u8) -> UnitHash {
        UnitHash([byte; UnitHash::LEN])
    }

    /// A unit; every third frame is a key frame.
    fn unit((k, m): (u8, u8), index: u8, feed: u32, number: u32, byte: u8) -> Unit<Byte> {
        let tree = TreeId { slot: 15, layer: Layer::P720, index };
        let frame = FrameInfo { number, key: number.is_multiple_of(3), temporal: 0 };
        Unit { header: UnitHeader { tree, feed, frame, k, m, hop: 0 }, payload: Byte(byte) }
    }

    fn take(delivered: &mut Delivered<Byte>, unit: Unit<Byte>, from_key: bool) -> Vec<(u32, Vec<(u8, u8)>)> {
        let hash = unit.hash();
        let frames = delivered.take(unit, hash, from_key).frames;
        frames
            .into_iter()
            .map(|cut| (cut.info.number, cut.units.into_iter().map(|(at, Byte(byte))| (at, byte)).collect()))
            .collect()
    }

    #[test]
    fn any_k_units_are_a_frame_and_no_more_are_waited_for() {
        let mut delivered = Delivered::default();
        let shape = (2, 1);
        assert!(take(&mut delivered, unit(shape, 2, 1, 4, 12), false).is_empty());
        assert!(take(&mut delivered, unit(shape, 2, 1, 4, 12), false).is_empty(), "the same is no other");
        assert_eq!(take(&mut delivered, unit(shape, 0, 1, 4, 10), false), [(4, vec![(0, 10), (2, 12)])]);
        assert!(take(&mut delivered, unit(shape, 1, 1, 4, 11), false).is_empty(), "it was handed over");
        // Of two units of one place either may be the source's.
        assert_eq!(take(&mut delivered, unit(shape, 0, 1, 4, 99), false), [(4, vec![(0, 99), (1, 11)])]);
        assert!(take(&mut delivered, unit(shape, 0, 1, 4, 98), false).is_empty(), "twice is enough");
        assert!(take(&mut delivered, unit(shape, 0, 1, 5, 1), false).is_empty());
        assert!(take(&mut delivered, unit((3, 1), 1, 1, 5, 1), false).is_empty(), "of another cut");
    }

    #[test]
    fn from_a_key_frame_on_all_is_handed_over_in_order_however_its_units_come() {
        let mut delivered = Delivered::default();
        let shape = (2, 1);
        for (index, number) in [(0, 5), (1, 5), (0, 6), (0, 7), (0, 8), (1, 8), (1, 7)] {
            assert!(take(&mut delivered, unit(shape, index, 1, number, index), true).is_empty(), "{number}");
        }
        let numbers =
            |frames: Vec<(u32, Vec<(u8, u8)>)>| frames.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        assert_eq!(numbers(take(&mut delivered, unit(shape, 2, 1, 6, 2), true)), [6, 7, 8]);
        assert!(numbers(take(&mut delivered, unit(shape, 2, 1, 7, 2), false)).is_empty());
    }

    #[test]
    fn few_frames_are_held_and_old_ones_come_no_more() {
        let mut delivered = Delivered::default();
        for number in 0..1_000 {
            assert!(take(&mut delivered, unit((4, 1), 0, 1, number, 1), false).is_empty());
        }
        let Some(group) = delivered.0.iter().flatten().next() else { panic!("no group") };
        assert_eq!(group.gathered.len(), config::GATHERED_MAX);
    }

    #[test]
    fn of_a_frame_whose_hashes_may_be_forgotten_nothing_more_is_handed_over() {
        let mut delivered = Delivered::default();
        let mut mark = |number, hash| {
            let handed = delivered.take(unit((1, 1), 0, 7, number, hash), name(hash), false);
            !handed.frames.is_empty()
        };
        assert!(mark(1, 5));
        (2..48).for_each(|number| assert!(mark(number, 5)));
        assert!(mark(1, 6), "a variant that comes late");
        (48..=52).for_each(|number| assert!(mark(number, 5)));
        assert!(!mark(1, 5), "the hash of the first is forgotten, that of the second is not");
        assert!(mark(40, 6), "of a later one both are known");
    }

    #[test]
    fn a_frame_is_handed_over_once_whichever_tree_brings_it() {
        let mut delivered = Delivered::default();
        let mut mark = |index, feed, number, hash| {
            let handed = delivered.take(unit((1, 1), index, feed, number, hash), name(hash), false);
            assert!(handed.frames.len() <= 1);
            !handed.frames.is_empty()
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
