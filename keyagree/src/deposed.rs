//! Coordinators that have signed two records for one epoch: nobody who has seen that follows them any longer.

use std::collections::{BTreeSet, VecDeque};

use crate::identity::PeerKey;

/// Most coordinators that are remembered so, and as many again that were not met.
const DEPOSED_MAX: usize = 16;

/// Gates and sessions keep one each.
#[derive(Default)]
pub(crate) struct Deposed {
    met: BTreeSet<PeerKey>,
    /// Whose proof came before they were met, the latest last: they may be nobody, so they push out each other only.
    strangers: VecDeque<PeerKey>,
}

impl Deposed {
    pub(crate) fn contains(&self, peer: &PeerKey) -> bool {
        self.met.contains(peer) || self.strangers.contains(peer)
    }

    /// Adds somebody whose invite lets it coordinate. False if it was known, or there is no room.
    pub(crate) fn add(&mut self, peer: PeerKey) -> bool {
        self.met.len() < DEPOSED_MAX && self.met.insert(peer)
    }

    /// Adds somebody who was not met.
    pub(crate) fn add_stranger(&mut self, peer: PeerKey) {
        if self.contains(&peer) {
            return;
        }
        if self.strangers.len() >= DEPOSED_MAX {
            self.strangers.pop_front();
        }
        self.strangers.push_back(peer);
    }

    pub(crate) fn check(&self) {
        assert!(self.met.len() <= DEPOSED_MAX && self.strangers.len() <= DEPOSED_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_push_out_each_other_and_nobody_who_was_met() {
        let mut deposed = Deposed::default();
        let key = |n: u8| PeerKey([n; 32]);
        assert!(deposed.add(key(0)) && !deposed.add(key(0)));
        for n in 1..=DEPOSED_MAX as u8 + 1 {
            deposed.add_stranger(key(n));
            deposed.add_stranger(key(n));
            deposed.check();
        }
        assert!(deposed.contains(&key(0)) && deposed.contains(&key(2)) && !deposed.contains(&key(1)));
        let added = (0..=DEPOSED_MAX as u8).filter(|n| deposed.add(key(100 + n))).count();
        assert_eq!(added, DEPOSED_MAX - 1);
        deposed.check();
    }
}
