//! A leader's records that wait for one before them, wraps that wait for their record, and the records that were taken
//! last.

use std::collections::{BTreeMap, VecDeque};

use crate::credential::Signed;
use crate::epoch::record_hash;
use crate::identity::PeerKey;
use crate::wire::{EpochId, Record, Wrap};

/// Most records that wait for one before them.
const RECORDS_MAX: usize = 16;
/// Most wraps that wait for their record, the oldest gives way.
const WRAPS_MAX: usize = 8;
/// Records that were taken, kept to find a coordinator that says two things.
const TAKEN_MAX: usize = 4;

/// See the module.
#[derive(Default)]
pub(super) struct Records {
    waiting: BTreeMap<u64, Signed<Record>>,
    wraps: VecDeque<(PeerKey, Wrap)>,
    taken: VecDeque<Signed<Record>>,
}

impl Records {
    /// True if this very record was heard before.
    pub(super) fn knows(&self, signed: &Signed<Record>) -> bool {
        self.taken.contains(signed) || self.waiting.get(&signed.value.id.epoch) == Some(signed)
    }

    /// The record of this epoch that was heard.
    pub(super) fn of(&self, id: &EpochId) -> Option<&Signed<Record>> {
        self.taken.iter().chain(self.waiting.values()).find(|known| known.value.id == *id)
    }

    /// True if the record of this epoch that was taken has another hash.
    pub(super) fn took_another(&self, id: &EpochId, hash: &[u8; 32]) -> bool {
        self.taken.iter().any(|taken| taken.value.id == *id && record_hash(&taken.value) != *hash)
    }

    /// A record waits for its turn; of too many the latest go.
    pub(super) fn keep(&mut self, signed: Signed<Record>) {
        self.waiting.insert(signed.value.id.epoch, signed);
        while self.waiting.len() > RECORDS_MAX {
            self.waiting.pop_last();
        }
    }

    /// A wrap waits for its record. False if it was here already.
    pub(super) fn keep_wrap(&mut self, from: PeerKey, wrap: Wrap) -> bool {
        if self.wraps.iter().any(|(other, held)| *other == from && *held == wrap) {
            return false;
        }
        if self.wraps.len() >= WRAPS_MAX {
            self.wraps.pop_front();
        }
        self.wraps.push_back((from, wrap));
        true
    }

    /// The record of this epoch, if it waits; those of earlier ones are of no more use.
    pub(super) fn at(&mut self, epoch: u64) -> Option<&Signed<Record>> {
        self.waiting.retain(|other, _| *other >= epoch);
        self.waiting.get(&epoch)
    }

    /// What `from` has wrapped for this epoch.
    pub(super) fn wraps(&self, from: PeerKey, epoch: u64) -> impl Iterator<Item = &Wrap> {
        let of_both = move |(other, wrap): &&(PeerKey, Wrap)| *other == from && wrap.epoch == epoch;
        self.wraps.iter().filter(of_both).map(|(_, wrap)| wrap)
    }

    /// The record of this epoch waits no longer, nor do wraps up to there.
    pub(super) fn take(&mut self, epoch: u64) -> Option<Signed<Record>> {
        let signed = self.waiting.remove(&epoch)?;
        self.wraps.retain(|(_, wrap)| wrap.epoch > epoch);
        Some(signed)
    }

    /// A record was taken.
    pub(super) fn took(&mut self, signed: Signed<Record>) {
        if self.taken.len() >= TAKEN_MAX {
            self.taken.pop_front();
        }
        self.taken.push_back(signed);
    }

    /// Another leads: only what it has wrapped is of use.
    pub(super) fn follow(&mut self, leader: &PeerKey) {
        self.waiting.clear();
        self.taken.clear();
        self.wraps.retain(|(from, _)| from == leader);
    }

    /// True if a record waits for one before it.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Asserts what always holds.
    pub(super) fn check(&self) {
        assert!(self.waiting.len() <= RECORDS_MAX);
        assert!(self.wraps.len() <= WRAPS_MAX);
        assert!(self.taken.len() <= TAKEN_MAX);
    }
}
