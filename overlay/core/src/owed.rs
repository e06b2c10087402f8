//! Seats that a coordinator owes: whom, since when, and what its uplink can bear.
//!
//! A plan that changes everybody's rows is as many notes as there are people. All at once they would keep back the
//! sound that the coordinator sends; who hears nothing looks for other parents, and says so, which makes more notes.

use std::collections::{BTreeMap, BTreeSet};

use crate::bucket::Bucket;
use crate::config;
use crate::id::NodeId;
use crate::time::Time;

/// Who goes before whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Has no seat at all.
    First,
    /// Feeds others: they are refused until it knows.
    Feeds,
    /// Everybody else.
    Other,
}

/// Seats that were not told yet, at most one of each member.
#[derive(Debug)]
pub(crate) struct Owed {
    debts: BTreeMap<NodeId, (Time, Rank)>,
    /// The same in the order of time, as far as they are not due yet.
    later: BTreeSet<(Time, NodeId)>,
    due: BTreeSet<(Rank, Time, NodeId)>,
    /// When each was told its seat last.
    told: BTreeMap<NodeId, Time>,
    purse: Bucket,
}

impl Owed {
    /// Nothing is owed yet, by a node with so much uplink.
    pub(crate) fn new(now: Time, uplink_kbps: u32) -> Owed {
        let per_s = u64::from(uplink_kbps) * 125 * config::SEATS_PERCENT / 100;
        let burst = (per_s * config::SEATS_BURST.as_millis() as u64 / 1000).max(config::SEATS_BURST_MIN);
        Owed {
            debts: BTreeMap::new(),
            later: BTreeSet::new(),
            due: BTreeSet::new(),
            told: BTreeMap::new(),
            purse: Bucket::new(now, per_s, burst),
        }
    }

    /// A node is to be told its seat: now, or when it has had the last one for a while. What it was owed before keeps its
    /// time and rank.
    pub(crate) fn owe(&mut self, now: Time, node: NodeId, rank: Rank) {
        let next = self.told.get(&node).map_or(now, |told| (*told + config::SEAT_EVERY).max(now));
        let (at, rank) =
            self.take(node).map_or((next, rank), |(at, before)| (at.min(next), before.min(rank)));
        self.debts.insert(node, (at, rank));
        self.later.insert((at, node));
    }

    /// True if a node is to be told its seat, now or later.
    pub(crate) fn owes(&self, node: NodeId) -> bool {
        self.debts.contains_key(&node)
    }

    /// Who is to be told next.
    pub(crate) fn next(&mut self, now: Time) -> Option<NodeId> {
        while let Some((at, node)) = self.later.first().copied().filter(|(at, _)| *at <= now) {
            self.later.remove(&(at, node));
            if let Some((_, rank)) = self.debts.get(&node) {
                self.due.insert((*rank, at, node));
            }
        }
        self.due.first().map(|(.., node)| *node)
    }

    /// True if a note of so many bytes may go out now.
    pub(crate) fn affords(&mut self, now: Time, bytes: usize) -> bool {
        self.purse.overdraw(now, bytes as u64)
    }

    /// It was told, or need not be.
    pub(crate) fn paid(&mut self, now: Time, node: NodeId) {
        self.take(node);
        self.told.insert(node, now);
    }

    /// It is gone.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.take(node);
        self.told.remove(&node);
    }

    /// When to look again.
    pub(crate) fn look_at(&self, now: Time) -> Option<Time> {
        let waits = (!self.due.is_empty()).then(|| now + config::SEATS_AGAIN);
        let later = self.later.first().map(|(at, _)| (*at).max(now));
        waits.into_iter().chain(later).min()
    }

    fn take(&mut self, node: NodeId) -> Option<(Time, Rank)> {
        let (at, rank) = self.debts.remove(&node)?;
        self.later.remove(&(at, node));
        self.due.remove(&(rank, at, node));
        Some((at, rank))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    #[test]
    fn who_has_none_goes_first_and_who_feeds_others_next() {
        let mut owed = Owed::new(Time::ZERO, 1_000);
        for (n, rank) in [(1, Rank::Other), (2, Rank::Feeds), (3, Rank::First)] {
            owed.owe(Time::ZERO, id(n), rank);
        }
        let mut told = Vec::new();
        while let Some(node) = owed.next(Time::ZERO) {
            owed.paid(Time::ZERO, node);
            told.push(node);
        }
        assert_eq!(told, [id(3), id(2), id(1)]);
        assert_eq!(owed.look_at(Time::ZERO), None);
    }

    #[test]
    fn who_has_none_still_goes_first_when_it_asks_again() {
        let mut owed = Owed::new(Time::ZERO, 1_000);
        owed.owe(Time::ZERO, id(1), Rank::First);
        owed.owe(Time::ZERO, id(2), Rank::Feeds);
        owed.owe(Time::ZERO, id(1), Rank::Other);
        assert_eq!(owed.next(Time::ZERO), Some(id(1)));
    }

    #[test]
    fn nobody_is_told_more_often_than_it_can_follow() {
        let mut owed = Owed::new(Time::ZERO, 1_000);
        owed.owe(Time::ZERO, id(1), Rank::Other);
        owed.paid(Time::ZERO, id(1));
        let soon = Time::ZERO + Duration::from_millis(50);
        owed.owe(soon, id(1), Rank::Other);
        assert_eq!(owed.next(soon), None);
        let due = Time::ZERO + config::SEAT_EVERY;
        assert_eq!(owed.look_at(soon), Some(due));
        assert_eq!(owed.next(due), Some(id(1)));
    }

    #[test]
    fn a_burst_goes_out_at_once_and_the_rest_at_a_part_of_the_uplink() {
        let mut owed = Owed::new(Time::ZERO, 4_000);
        let mut bytes = 0;
        let mut now = Time::ZERO;
        while now < Time::ZERO + Duration::from_secs(2) {
            while owed.affords(now, 1_000) {
                bytes += 1_000;
            }
            now = now + config::SEATS_AGAIN;
        }
        // The last seat of a burst may be one more than there is room for.
        let most = 2 * 4_000 * 125 * config::SEATS_PERCENT / 100 + config::SEATS_BURST_MIN + 1_000;
        assert!(bytes <= most && bytes * 10 >= most * 8, "{bytes} of {most}");
    }
}
