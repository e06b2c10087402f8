//! Why a node wants to be called again: a table that can be set, cancelled and inspected.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::id::NodeId;
use crate::time::Time;
use crate::unit::TreeId;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// When to say again that this node is present.
    Presence,
    /// When to compute a plan, since the meeting has changed.
    Plan,
    /// When to tell seats that are owed.
    Seats,
    /// When to tell the neighbours which notes there are.
    Have,
    /// When to look after what needs no precise moment: who is gone, what starves, whom to dial.
    Housekeeping,
    /// When to say to a child (or parent) that there was nothing to carry.
    Tick(NodeId),
    /// When to suspect a parent that was not heard of.
    Silence(NodeId),
    /// When to give up waiting for an answer about this tree, and to ask the next.
    Repair(TreeId),
    /// When to pass on a request for a key frame that came too soon after the last.
    KeyWanted(TreeId),
    /// When to sign what went into this tree of ours.
    List(TreeId),
}

/// The deadlines of a node, at most one of each kind. Bounded by [`crate::config::LINKS_MAX`] and
/// [`crate::config::TREES_MAX`], since only those name timers.
#[derive(Debug, Default)]
pub struct Timers {
    by_timer: BTreeMap<Timer, Time>,
    /// The same by time. What was set to another time since, or cancelled, stays until it comes up: timers are set far more
    /// often than they expire. The first is never such a one.
    by_time: BinaryHeap<Reverse<(Time, Timer)>>,
}

/// So many of [`Timers::by_time`] may be such ones, beside as many as there are timers.
const STALE_MAX: usize = 32;

impl Timers {
    /// Sets a timer, in place of what it was set to.
    pub fn set(&mut self, timer: Timer, at: Time) {
        if self.by_timer.insert(timer, at) == Some(at) {
            return;
        }
        self.by_time.push(Reverse((at, timer)));
        self.bring_up(timer);
    }

    /// Sets a timer unless it is due earlier already.
    pub fn set_earlier(&mut self, timer: Timer, at: Time) {
        if self.get(timer).is_none_or(|due| due > at) {
            self.set(timer, at);
        }
    }

    /// Forgets a timer.
    pub fn cancel(&mut self, timer: Timer) {
        if self.by_timer.remove(&timer).is_some() {
            self.bring_up(timer);
        }
    }

    /// When a timer is due, if it is set.
    pub fn get(&self, timer: Timer) -> Option<Time> {
        self.by_timer.get(&timer).copied()
    }

    /// The next deadline.
    pub fn next(&self) -> Option<(Time, Timer)> {
        self.by_time.peek().map(|Reverse(next)| *next)
    }

    /// Takes out the next timer that is due.
    pub fn expire(&mut self, now: Time) -> Option<Timer> {
        let (_, timer) = self.next().filter(|(at, _)| *at <= now)?;
        self.cancel(timer);
        Some(timer)
    }

    /// A timer was changed: if it came first, the one that does now is brought up. Too many stale ones are let go of.
    fn bring_up(&mut self, changed: Timer) {
        let mut first = self.next().filter(|(_, timer)| *timer == changed);
        while let Some((at, timer)) = first
            && self.get(timer) != Some(at)
        {
            self.by_time.pop();
            first = self.next();
        }
        if self.by_time.len() > 2 * self.by_timer.len() + STALE_MAX {
            self.by_time = self.by_timer.iter().map(|(timer, at)| Reverse((*at, *timer))).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn timers_expire_in_the_order_of_time_whatever_was_set_and_cancelled_before(
            steps in proptest::collection::vec((0_u8..4, 0_u8..6, 0_u64..50), 1..300)
        ) {
            let (mut timers, mut plain) = (Timers::default(), BTreeMap::new());
            for (what, which, at) in steps {
                let timer = Timer::Tick(NodeId([which; 32]));
                match what {
                    0 | 1 => {
                        timers.set(timer, Time(at));
                        plain.insert(timer, Time(at));
                    }
                    2 => {
                        timers.cancel(timer);
                        plain.remove(&timer);
                    }
                    _ => {
                        let next = plain.iter().map(|(timer, at)| (*at, *timer)).min();
                        prop_assert_eq!(timers.next(), next);
                        let due = next.filter(|(due, _)| *due <= Time(at)).map(|(_, timer)| timer);
                        prop_assert_eq!(timers.expire(Time(at)), due);
                        due.map(|due| plain.remove(&due));
                    }
                }
                prop_assert!(timers.by_time.len() <= 2 * timers.by_timer.len() + STALE_MAX);
                prop_assert_eq!(timers.get(timer), plain.get(&timer).copied());
            }
        }
    }
}
