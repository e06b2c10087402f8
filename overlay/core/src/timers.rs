//! Why a node wants to be called again: a table that can be set, cancelled and inspected.

use std::collections::{BTreeMap, BTreeSet};

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
    by_time: BTreeSet<(Time, Timer)>,
}

impl Timers {
    /// Sets a timer, in place of what it was set to.
    pub fn set(&mut self, timer: Timer, at: Time) {
        self.cancel(timer);
        self.by_timer.insert(timer, at);
        self.by_time.insert((at, timer));
    }

    /// Sets a timer unless it is due earlier already.
    pub fn set_earlier(&mut self, timer: Timer, at: Time) {
        if self.get(timer).is_none_or(|due| due > at) {
            self.set(timer, at);
        }
    }

    /// Forgets a timer.
    pub fn cancel(&mut self, timer: Timer) {
        if let Some(at) = self.by_timer.remove(&timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// When a timer is due, if it is set.
    pub fn get(&self, timer: Timer) -> Option<Time> {
        self.by_timer.get(&timer).copied()
    }

    /// The next deadline.
    pub fn next(&self) -> Option<(Time, Timer)> {
        self.by_time.first().copied()
    }

    /// Takes out the next timer that is due.
    pub fn expire(&mut self, now: Time) -> Option<Timer> {
        let (at, timer) = self.next()?;
        if at > now {
            return None;
        }
        self.cancel(timer);
        Some(timer)
    }
}
