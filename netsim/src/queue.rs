//! What happens next: a wheel of buckets.
//!
//! Events of the next second or so lie in buckets by their time, unsorted; the bucket whose turn it is gets an order
//! of its own, and what is planned into it meanwhile waits in a small heap. What is farther off waits in a map by bucket.
//! So an event costs the logarithm of one bucket's events, not of all (a calendar queue; Brown, Communications of the
//! ACM 31(10), 1988), and is moved twice: in and out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use overlay_core::time::Time;

/// A bucket spans 2^17 ns, about 131 µs.
const BUCKET_SHIFT: u32 = 17;
/// So many buckets are in the wheel: about 2.1 s.
const BUCKETS: usize = 1 << 14;
/// Emptied buckets that are kept for others, so that not each of them keeps what it has grown to.
const SPARE_MAX: usize = 4_096;

/// When an event is due, and how many were planned before it.
type Key = (Time, u64);

/// Events in the order of time. Of two at the same moment the one that was planned first comes first.
#[derive(Debug)]
pub struct Queue<E> {
    /// The current bucket's events, each until it is taken.
    current: Vec<Option<E>>,
    /// Their keys and places, the next one last.
    order: Vec<(Key, u32)>,
    /// What was planned for the current bucket, or for the past, while it is its turn.
    late: BinaryHeap<Reverse<Entry<E>>>,
    /// The number of the current bucket, counted from time 0.
    turn: u64,
    wheel: Vec<Vec<(Key, E)>>,
    spare: Vec<Vec<(Key, E)>>,
    /// How many entries the wheel holds.
    waiting: usize,
    /// Buckets beyond the wheel.
    far: BTreeMap<u64, Vec<(Key, E)>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry<E> {
    key: Key,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl<E> Default for Queue<E> {
    fn default() -> Queue<E> {
        Queue {
            current: Vec::new(),
            order: Vec::new(),
            late: BinaryHeap::new(),
            turn: 0,
            wheel: (0..BUCKETS).map(|_| Vec::new()).collect(),
            spare: Vec::new(),
            waiting: 0,
            far: BTreeMap::new(),
            planned: 0,
        }
    }
}

fn bucket(at: Time) -> u64 {
    at.0 >> BUCKET_SHIFT
}

fn slot(bucket: u64) -> usize {
    bucket as usize % BUCKETS
}

impl<E> Queue<E> {
    /// Plans an event. One for the past comes next.
    pub fn push(&mut self, at: Time, event: E) {
        self.planned += 1;
        let key = (at, self.planned);
        let bucket = bucket(at);
        if bucket <= self.turn {
            self.late.push(Reverse(Entry { key, event }));
        } else if bucket - self.turn < BUCKETS as u64 {
            let entries = &mut self.wheel[slot(bucket)];
            if entries.capacity() == 0 {
                *entries = self.spare.pop().unwrap_or_default();
            }
            entries.push((key, event));
            self.waiting += 1;
        } else {
            self.far.entry(bucket).or_default().push((key, event));
        }
    }

    /// The next event, if there is one not after `end`.
    pub fn pop_until(&mut self, end: Time) -> Option<(Time, E)> {
        while self.order.is_empty() && self.late.is_empty() {
            if self.turn >= bucket(end) || !self.turn_on() {
                return None;
            }
        }
        let late = self.late.peek().map(|Reverse(entry)| entry.key);
        match self.order.last() {
            Some((key, place)) if late.is_none_or(|late| late > *key) => {
                let (at, place) = (key.0, *place as usize);
                if at > end {
                    return None;
                }
                self.order.pop();
                self.current[place].take().map(|event| (at, event))
            }
            _ if late.is_some_and(|late| late.0 <= end) => {
                self.late.pop().map(|Reverse(entry)| (entry.key.0, entry.event))
            }
            _ => None,
        }
    }

    /// Goes on to the next bucket. False if nothing is planned at all.
    fn turn_on(&mut self) -> bool {
        if self.waiting == 0 {
            let Some((bucket, _)) = self.far.first_key_value() else { return false };
            self.turn = *bucket;
        } else {
            self.turn += 1;
        }
        self.current.clear();
        let mut entries = std::mem::take(&mut self.wheel[slot(self.turn)]);
        self.waiting -= entries.len();
        let far = self.far.remove(&self.turn).unwrap_or_default();
        for (key, event) in entries.drain(..).chain(far) {
            // A bucket of 131 µs holds no 2^32 events.
            self.order.push((key, self.current.len() as u32));
            self.current.push(Some(event));
        }
        self.order.sort_unstable_by_key(|(key, _)| Reverse(*key));
        if entries.capacity() > 0 && self.spare.len() < SPARE_MAX {
            self.spare.push(entries);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const END: Time = Time(u64::MAX);

    proptest! {
        #[test]
        fn events_come_in_the_order_of_time_and_then_of_planning(
            steps in proptest::collection::vec((0_u64..6_000_000_000, any::<bool>()), 1..400)
        ) {
            let mut queue = Queue::default();
            let (mut sorted, mut popped, mut now) = (Vec::new(), Vec::new(), Time::ZERO);
            for (number, (after, pop)) in steps.into_iter().enumerate() {
                let at = Time(now.0 + after);
                queue.push(at, number);
                sorted.push((at, number));
                if pop && let Some((at, event)) = queue.pop_until(END) {
                    prop_assert!(at >= now);
                    now = at;
                    popped.push((at, event));
                }
            }
            while let Some(next) = queue.pop_until(END) {
                popped.push(next);
            }
            sorted.sort();
            prop_assert_eq!(popped, sorted);
        }
    }

    #[test]
    fn what_comes_after_the_end_stays() {
        let mut queue = Queue::default();
        queue.push(Time(5_000_000_000), 'b');
        queue.push(Time(10), 'a');
        assert_eq!(queue.pop_until(Time(1_000)), Some((Time(10), 'a')));
        assert_eq!(queue.pop_until(Time(4_999_999_999)), None);
        assert_eq!(queue.pop_until(Time(5_000_000_000)), Some((Time(5_000_000_000), 'b')));
        assert_eq!(queue.pop_until(END), None);
    }
}
