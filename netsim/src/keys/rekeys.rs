//! How long it takes from a leave until all others hold the keys of a meeting without who has left.

use std::collections::BTreeSet;

use keyagree::{EpochId, PeerKey};
use overlay_core::time::Time;

use super::micros;
use crate::record::Spread;

/// Leaves that are under way at a time; more are not measured.
const PENDING_MAX: usize = 1_024;

#[derive(Debug)]
struct Rekey {
    peer: PeerKey,
    since: Time,
    /// The first epoch without them, once there is one.
    without: Option<EpochId>,
    /// Who holds an older one.
    waits: BTreeSet<u32>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Rekeys {
    pending: Vec<Rekey>,
    /// How many have left.
    pub leaves: u64,
    /// How long each took that was finished, µs.
    pub took: Spread,
}

impl Rekeys {
    /// Somebody leaves now; these hold the keys that it holds.
    pub fn left(&mut self, now: Time, peer: PeerKey, holders: impl Iterator<Item = u32>) {
        self.leaves += 1;
        if self.pending.len() < PENDING_MAX {
            let waits = holders.collect();
            self.pending.push(Rekey { peer, since: now, without: None, waits });
        }
    }

    /// True if somebody has left whom the last epoch still counts in, as far as is known.
    pub fn awaits_epoch(&self) -> bool {
        self.pending.iter().any(|rekey| rekey.without.is_none())
    }

    /// Whoever coordinates has begun an epoch of these.
    pub fn begun(&mut self, epoch: EpochId, members: &[PeerKey]) {
        for rekey in self.pending.iter_mut().filter(|rekey| rekey.without.is_none()) {
            rekey.without = (!members.contains(&rekey.peer)).then_some(epoch);
        }
    }

    /// Somebody holds an epoch.
    pub fn holds(&mut self, now: Time, who: u32, epoch: EpochId) {
        for rekey in &mut self.pending {
            if rekey.without.is_some_and(|without| epoch >= without) {
                rekey.waits.remove(&who);
            }
        }
        self.finish(now);
    }

    /// Nobody waits for somebody who is gone.
    pub fn gone(&mut self, now: Time, who: u32) {
        for rekey in &mut self.pending {
            rekey.waits.remove(&who);
        }
        self.finish(now);
    }

    fn finish(&mut self, now: Time) {
        let over = |rekey: &mut Rekey| rekey.without.is_some() && rekey.waits.is_empty();
        for rekey in self.pending.extract_if(.., over) {
            self.took.add(micros(now.since(rekey.since)));
        }
    }
}
