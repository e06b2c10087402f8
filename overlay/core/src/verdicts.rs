//! At the coordinator: who is complained of, by whom, and who feeds nobody any more for it.
//!
//! A complaint counts as its owner's: those who came by one link are one. It counts only from whom the plan sends there, so
//! that it is about an edge. What is complained of is only what nobody above the accused can bring about (see
//! [`crate::blame`]), so that nobody is excused.

use std::collections::{BTreeMap, BTreeSet};

use crate::config;
use crate::id::NodeId;
use crate::time::Time;

/// What was said of everybody.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// By whom it is said of, and by the owner that says it, when that was heard last; at most [`config::ACCUSED_MAX`] and
    /// [`config::ACCUSERS_MAX`] of each.
    accused: BTreeMap<NodeId, BTreeMap<u64, Time>>,
    /// Who feeds nobody, for as long as this coordinator leads; at most [`config::DEMOTED_MAX`].
    demoted: BTreeSet<NodeId>,
}

impl Verdicts {
    /// A presence says whom its origin complains of: those among whom the plan names for it.
    pub(crate) fn heard(&mut self, now: Time, owner: u64, of: impl Iterator<Item = NodeId>) {
        for peer in of {
            if !self.accused.contains_key(&peer) && self.accused.len() >= config::ACCUSED_MAX {
                continue;
            }
            let by = self.accused.entry(peer).or_default();
            if by.contains_key(&owner) || by.len() < config::ACCUSERS_MAX {
                by.insert(owner, now);
            }
        }
    }

    /// Who is to feed nobody from now on.
    pub(crate) fn judge(&mut self, now: Time) -> Vec<NodeId> {
        for by in self.accused.values_mut() {
            by.retain(|_, said| now.since(*said) < config::COMPLAINT_STANDS_FOR);
        }
        self.accused.retain(|_, by| !by.is_empty());
        let found = self.accused.iter().filter(|(_, by)| by.len() >= config::OWNERS_TO_DEMOTE);
        let room = config::DEMOTED_MAX - self.demoted.len();
        let fresh = found.map(|(peer, _)| *peer).filter(|peer| !self.demoted.contains(peer));
        let guilty: Vec<NodeId> = fresh.take(room).collect();
        self.demoted.extend(&guilty);
        guilty
    }

    pub(crate) fn is_demoted(&self, peer: NodeId) -> bool {
        self.demoted.contains(&peer)
    }

    /// Somebody has gone. What was found of it stays, should it come back.
    pub(crate) fn forget(&mut self, peer: NodeId) {
        self.accused.remove(&peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time(100_000_000);

    fn peer(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    /// Each of these owners complains of one peer.
    fn complain(verdicts: &mut Verdicts, now: Time, owners: std::ops::Range<u64>, of: u8) {
        for owner in owners {
            verdicts.heard(now, owner, [peer(of)].into_iter());
        }
    }

    #[test]
    fn three_owners_demote_and_two_or_three_of_one_owner_do_not() {
        let mut verdicts = Verdicts::default();
        complain(&mut verdicts, START, 1..3, 9);
        (0..10).for_each(|_| complain(&mut verdicts, START, 7..8, 8));
        assert_eq!(verdicts.judge(START), []);
        complain(&mut verdicts, START, 3..4, 9);
        assert_eq!(verdicts.judge(START), [peer(9)]);
        assert!(verdicts.is_demoted(peer(9)) && !verdicts.is_demoted(peer(8)));
        assert_eq!(verdicts.judge(START), [], "once");
        verdicts.forget(peer(9));
        assert!(verdicts.is_demoted(peer(9)), "it can't come back as another");
    }

    #[test]
    fn complaints_that_are_over_do_not_add_up() {
        let mut verdicts = Verdicts::default();
        complain(&mut verdicts, START, 1..3, 9);
        let later = START + config::COMPLAINT_STANDS_FOR;
        complain(&mut verdicts, later, 3..4, 9);
        assert_eq!(verdicts.judge(later), []);
    }

    #[test]
    fn memory_is_bounded_whatever_is_said() {
        let mut verdicts = Verdicts::default();
        let id = |n: u32| NodeId(std::array::from_fn(|at| n.to_be_bytes()[at % 4]));
        for owner in 0..3_000 {
            verdicts.heard(START, owner, (0..600).map(id));
        }
        assert_eq!(verdicts.accused.len(), config::ACCUSED_MAX);
        assert!(verdicts.accused.values().all(|by| by.len() == config::ACCUSERS_MAX));
        assert_eq!(verdicts.judge(START).len(), config::DEMOTED_MAX.min(config::ACCUSED_MAX));
        verdicts.accused.clear();
        complain(&mut verdicts, START, 1..9, 200);
        assert_eq!(verdicts.judge(START), [], "there is no room for more");
    }
}
