//! What happens next: a wheel of buckets.
//!
//! Events of the next second or so lie in buckets by their time, unsorted; the bucket whose turn it is becomes a
//! small heap. What is farther off waits in a map by bucket. So an event costs the logarithm of one bucket's
//! events, not of all (a calendar queue; Brown, Communications of the ACM 31(10), 1988).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use overlay_core::time::Time;

/// A bucket spans 2^17 ns, about 131 µs.
const BUCKET_SHIFT: u32 = 17;
/// So many buckets are in the wheel: about 2.1 s.
const BUCKETS: usize = 1 << 14;

/// Events in the order of time. Of two at the same moment the one that was planned first comes first.
#[derive(Debug)]
pub struct Queue<E> {
    /// What is due in the current bucket, or was planned for the past.
    current: BinaryHeap<Reverse<Entry<E>>>,
    /// The number of the current bucket, counted from time 0.
    turn: u64,
    wheel: Vec<Vec<Entry<E>>>,
    /// How many entries the wheel holds.
    waiting: usize,
    /// Buckets beyond the wheel.
    far: BTreeMap<u64, Vec<Entry<E>>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry<E> {
    key: (Time, u64),
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
        let wheel = (0..BUCKETS).map(|_| Vec::new()).collect();
        let (current, far) = (BinaryHeap::new(), BTreeMap::new());
        Queue { current, turn: 0, wheel, waiting: 0, far, planned: 0 }
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
        let entry = Entry { key: (at, self.planned), event };
        let bucket = bucket(at);
        if bucket <= self.turn {
            self.current.push(Reverse(entry));
        } else if bucket - self.turn < BUCKETS as u64 {
            self.wheel[slot(bucket)].push(entry);
            self.waiting += 1;
        } else {
            self.far.entry(bucket).or_default().push(entry);
        }
    }

    /// The next event, if there is one not after `end`.
    pub fn pop_until(&mut self, end: Time) -> Option<(Time, E)> {
        while self.current.is_empty() {
            if self.turn >= bucket(end) || !self.turn_on() {
                return None;
            }
        }
        if self.current.peek().is_none_or(|entry| entry.0.key.0 > end) {
            return None;
        }
        self.current.pop().map(|Reverse(entry)| (entry.key.0, entry.event))
    }

    /// Goes on to the next bucket. False if nothing is planned at all.
    fn turn_on(&mut self) -> bool {
        if self.waiting == 0 {
            let Some((bucket, _)) = self.far.first_key_value() else { return false };
            self.turn = *bucket;
        } else {
            self.turn += 1;
        }
        let entries = std::mem::take(&mut self.wheel[slot(self.turn)]);
        self.waiting -= entries.len();
        // The emptied vector goes back, so that buckets keep what they have grown to.
        let mut entries = entries;
        self.current.extend(entries.drain(..).map(Reverse));
        self.wheel[slot(self.turn)] = entries;
        if let Some(far) = self.far.remove(&self.turn) {
            self.current.extend(far.into_iter().map(Reverse));
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
