//! What waits on one lane for one peer: bounded by bytes and by age, whole frames only.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use overlay_core::time::Time;
use overlay_core::unit::{TreeId, UnitHeader};

use crate::config::CHUNK;
use crate::lane::Lane;

/// One frame that waits.
struct Waiting {
    bytes: Bytes,
    since: Time,
    /// Nothing for control frames, which are never dropped.
    unit: Option<UnitHeader>,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits.
    Kept,
    /// It follows a picture of its tree that was dropped, and is no key frame: dropped too.
    Dropped,
    /// Control that finds no room: the peer does not read.
    NoRoom,
}

/// The frames that wait on one lane, oldest first.
pub(crate) struct Queue {
    lane: Lane,
    frames: VecDeque<Waiting>,
    bytes: usize,
    /// How much of the first frame is written already: it must be finished, however old.
    written: usize,
    /// Trees of which a picture was dropped that others need: nothing of them until a key frame, or until the core knows.
    broken: BTreeSet<TreeId>,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new(lane: Lane) -> Queue {
        Queue { lane, frames: VecDeque::new(), bytes: 0, written: 0, broken: BTreeSet::new() }
    }

    /// True if nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Puts a control frame at the end.
    pub(crate) fn push_control(&mut self, now: Time, bytes: Bytes) -> Pushed {
        if self.bytes + bytes.len() > self.lane.queue_max() {
            return Pushed::NoRoom;
        }
        self.append(now, bytes, None);
        Pushed::Kept
    }

    /// Puts a unit at the end, after making room for it; `dropped` learns whose units had to go.
    pub(crate) fn push_unit(
        &mut self,
        now: Time,
        bytes: Bytes,
        unit: UnitHeader,
        dropped: &mut Drops,
    ) -> Pushed {
        if self.broken.contains(&unit.tree) {
            if !unit.frame.key {
                return self.drop_new(unit.tree, dropped);
            }
            self.broken.remove(&unit.tree);
        }
        self.drop_stale(now, dropped);
        while self.bytes + bytes.len() > self.lane.queue_max() {
            if !self.drop_oldest(dropped) {
                break;
            }
        }
        if self.broken.contains(&unit.tree) && !unit.frame.key {
            return self.drop_new(unit.tree, dropped);
        }
        self.append(now, bytes, Some(unit));
        Pushed::Kept
    }

    /// The core knows that something of a tree was dropped. What it sends of it from now on goes: it decides what the peer can
    /// use, and starts from what that lacks when the peer asks anew.
    pub(crate) fn mend(&mut self, tree: TreeId) {
        self.broken.remove(&tree);
    }

    /// The bytes to write next: the rest of the first frame, or several small frames put together
    /// in `scratch`. Empty if nothing waits.
    pub(crate) fn front<'a>(&'a self, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let Some(first) = self.frames.front() else { return &[] };
        let rest = &first.bytes[self.written..];
        if self.frames.len() == 1 || rest.len() >= CHUNK / 2 {
            return rest;
        }
        scratch.clear();
        scratch.extend_from_slice(rest);
        for frame in self.frames.iter().skip(1) {
            if scratch.len() + frame.bytes.len() > CHUNK {
                break;
            }
            scratch.extend_from_slice(&frame.bytes);
        }
        scratch
    }

    /// Since when the first frame waits.
    pub(crate) fn since(&self) -> Option<Time> {
        self.frames.front().map(|frame| frame.since)
    }

    /// Takes off what was written; gives how many frames are done.
    pub(crate) fn advance(&mut self, mut count: usize) -> u64 {
        let mut done = 0;
        while let Some(first) = self.frames.front() {
            let rest = first.bytes.len() - self.written;
            if count < rest {
                self.written += count;
                break;
            }
            count -= rest;
            self.bytes -= first.bytes.len();
            self.written = 0;
            self.frames.pop_front();
            done += 1;
        }
        done
    }

    /// Drops what is too old to be of use. Called before each write, so that nothing stale is sent.
    pub(crate) fn drop_stale(&mut self, now: Time, dropped: &mut Drops) {
        let Some(limit) = self.lane.stale_after() else { return };
        while let Some(oldest) = self.frames.get(usize::from(self.written > 0)) {
            if now.since(oldest.since) <= limit {
                return;
            }
            self.drop_oldest(dropped);
        }
    }

    fn drop_new(&self, tree: TreeId, dropped: &mut Drops) -> Pushed {
        dropped.count += 1;
        dropped.trees.insert(tree);
        Pushed::Dropped
    }

    /// Drops the oldest whole unit, and what can't be decoded without it; false if there is none.
    fn drop_oldest(&mut self, dropped: &mut Drops) -> bool {
        let Some(gone) = self.frames.remove(usize::from(self.written > 0)) else { return false };
        self.bytes -= gone.bytes.len();
        dropped.count += 1;
        let Some(unit) = gone.unit else { return true };
        dropped.trees.insert(unit.tree);
        // Sound and the higher temporal layers are nobody's reference.
        if self.lane == Lane::Video && unit.frame.temporal == 0 {
            self.drop_until_key(unit.tree, dropped);
        }
        true
    }

    fn drop_until_key(&mut self, tree: TreeId, dropped: &mut Drops) {
        let partial = usize::from(self.written > 0);
        let mut found_key = false;
        let mut index = 0;
        self.frames.retain(|frame| {
            index += 1;
            let Some(unit) = frame.unit.filter(|unit| unit.tree == tree && index > partial) else {
                return true;
            };
            found_key |= unit.frame.key;
            if !found_key {
                self.bytes -= frame.bytes.len();
                dropped.count += 1;
            }
            found_key
        });
        if !found_key {
            self.broken.insert(tree);
        }
    }

    fn append(&mut self, since: Time, bytes: Bytes, unit: Option<UnitHeader>) {
        self.bytes += bytes.len();
        self.frames.push_back(Waiting { bytes, since, unit });
    }
}

/// What was dropped, to be told to the core and counted.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    /// How many units.
    pub(crate) count: u64,
    /// Of which trees.
    pub(crate) trees: BTreeSet<TreeId>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use overlay_core::unit::{FrameInfo, Layer};

    use super::*;

    fn unit(layer: Layer, number: u32, key: bool, temporal: u8) -> UnitHeader {
        let tree = TreeId { slot: 0, layer, index: 0 };
        UnitHeader { tree, feed: 1, frame: FrameInfo { number, key, temporal }, k: 1, m: 0, hop: 0 }
    }

    fn push(queue: &mut Queue, ms: u64, size: usize, header: UnitHeader) -> (Pushed, Drops) {
        let mut drops = Drops::default();
        let bytes = Bytes::from(vec![header.frame.number as u8; size]);
        (queue.push_unit(Time(ms * 1_000_000), bytes, header, &mut drops), drops)
    }

    fn numbers(queue: &Queue) -> Vec<u32> {
        queue.frames.iter().filter_map(|frame| Some(frame.unit?.frame.number)).collect()
    }

    #[test]
    fn after_a_stale_picture_nothing_goes_before_the_next_key() {
        let mut queue = Queue::new(Lane::Video);
        for number in 0..4 {
            push(&mut queue, u64::from(number) * 100, 10, unit(Layer::P360, number, number == 0, 0));
        }
        let (pushed, drops) = push(&mut queue, 550, 10, unit(Layer::P360, 4, false, 0));
        assert_eq!(
            (pushed, numbers(&queue).len()),
            (Pushed::Dropped, 0),
            "frame 0 was stale, the rest needs it"
        );
        assert_eq!((drops.count, drops.trees.len()), (5, 1));
        assert_eq!(push(&mut queue, 560, 10, unit(Layer::P360, 5, false, 0)).0, Pushed::Dropped);
        assert_eq!(push(&mut queue, 570, 10, unit(Layer::P180, 9, false, 0)).0, Pushed::Kept, "another tree");
        assert_eq!(push(&mut queue, 580, 10, unit(Layer::P360, 6, true, 0)).0, Pushed::Kept);
        assert_eq!(push(&mut queue, 590, 10, unit(Layer::P360, 7, false, 0)).0, Pushed::Kept);
        assert_eq!(numbers(&queue), [9, 6, 7]);
    }

    #[test]
    fn a_key_frame_that_waits_already_ends_the_drop() {
        let mut queue = Queue::new(Lane::Video);
        for number in 0..6 {
            push(&mut queue, u64::from(number) * 100, 10, unit(Layer::P360, number, number == 3, 0));
        }
        let mut drops = Drops::default();
        queue.drop_stale(Time(550_000_000), &mut drops);
        assert_eq!(numbers(&queue), [3, 4, 5]);
        assert!(queue.broken.is_empty());
    }

    #[test]
    fn a_higher_temporal_layer_goes_alone_and_sound_just_goes_on() {
        let mut queue = Queue::new(Lane::Video);
        push(&mut queue, 0, 10, unit(Layer::P360, 1, false, 1));
        push(&mut queue, 400, 10, unit(Layer::P360, 2, false, 0));
        let mut drops = Drops::default();
        queue.drop_stale(Time(600_000_000), &mut drops);
        assert_eq!(numbers(&queue), [2]);

        let mut queue = Queue::new(Lane::Audio);
        push(&mut queue, 0, 10, unit(Layer::Audio, 1, true, 0));
        push(&mut queue, 150, 10, unit(Layer::Audio, 2, true, 0));
        queue.drop_stale(Time(250_000_000), &mut drops);
        assert_eq!(numbers(&queue), [2]);
    }

    #[test]
    fn a_frame_that_is_half_written_is_finished_however_old() {
        let mut queue = Queue::new(Lane::Video);
        push(&mut queue, 0, 100, unit(Layer::P360, 0, true, 0));
        push(&mut queue, 0, 100, unit(Layer::P360, 1, false, 0));
        assert_eq!(queue.advance(40), 0);
        let mut drops = Drops::default();
        queue.drop_stale(Time::ZERO + Duration::from_secs(9), &mut drops);
        assert_eq!(numbers(&queue), [0]);
        assert_eq!(queue.front(&mut Vec::new()).len(), 60);
        assert_eq!(queue.advance(60), 1);
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn whatever_comes_the_queue_stays_within_its_bytes() {
        let mut queue = Queue::new(Lane::Video);
        for number in 0..200 {
            push(&mut queue, 0, 50_000, unit(Layer::P720, number, number % 7 == 0, 0));
            assert!(queue.bytes <= Lane::Video.queue_max());
            assert_eq!(queue.bytes, queue.frames.iter().map(|frame| frame.bytes.len()).sum::<usize>());
        }
        assert!(!queue.is_empty());
        let mut control = Queue::new(Lane::Control);
        let megabyte = Bytes::from(vec![0; 1 << 20]);
        let pushed: Vec<Pushed> =
            (0..5).map(|_| control.push_control(Time::ZERO, megabyte.clone())).collect();
        assert_eq!(pushed[3..], [Pushed::Kept, Pushed::NoRoom]);
    }

    #[test]
    fn small_frames_are_put_together() {
        let mut queue = Queue::new(Lane::Audio);
        for number in 0..10 {
            push(&mut queue, 0, 100, unit(Layer::Audio, number, true, 0));
        }
        assert_eq!(queue.front(&mut Vec::new()).len(), 1000);
        assert_eq!(queue.advance(950), 9);
        assert_eq!(queue.front(&mut Vec::new()), [9; 50]);
    }
}
