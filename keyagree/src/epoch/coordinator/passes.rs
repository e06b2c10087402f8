//! When whom the coordinator has let in needs another pass.

use std::collections::{BTreeMap, BTreeSet};

use crate::credential::PASS_MS;
use crate::identity::PeerKey;
use crate::time::UnixTime;
use crate::wire::MEMBERS_MAX;

/// A pass is renewed when half of it is over.
const RENEW_AFTER_MS: u64 = PASS_MS / 2;
/// Where somebody was removed who may have signed them, all are renewed within this.
const RENEW_SOON_MS: u64 = 10_000;

/// Each of them has a time of its own, so that not all passes of a large meeting leave at once.
#[derive(Default)]
pub(crate) struct Passes {
    of: BTreeMap<PeerKey, UnixTime>,
    due: BTreeSet<(UnixTime, PeerKey)>,
}

impl Passes {
    /// For those whom somebody else has let in: when their passes were made isn't known here.
    pub(crate) fn spread(now: UnixTime, peers: impl ExactSizeIterator<Item = PeerKey>) -> Passes {
        Passes::within(now, RENEW_AFTER_MS, peers)
    }

    fn within(now: UnixTime, span_ms: u64, peers: impl ExactSizeIterator<Item = PeerKey>) -> Passes {
        let (mut passes, count) = (Passes::default(), peers.len().max(1) as u64);
        for (index, peer) in peers.enumerate() {
            passes.set(peer, now.plus_ms(span_ms * index as u64 / count));
        }
        passes
    }

    /// All need another soon: what they have may count no longer.
    pub(crate) fn hurry(&mut self, now: UnixTime) {
        let peers: Vec<PeerKey> = self.of.keys().copied().collect();
        *self = Passes::within(now, RENEW_SOON_MS, peers.into_iter());
    }

    /// One was made just now.
    pub(crate) fn made(&mut self, now: UnixTime, peer: PeerKey) {
        self.set(peer, now.plus_ms(RENEW_AFTER_MS));
    }

    fn set(&mut self, peer: PeerKey, at: UnixTime) {
        if let Some(before) = self.of.insert(peer, at) {
            self.due.remove(&(before, peer));
        }
        self.due.insert((at, peer));
    }

    /// This one needs none any more.
    pub(crate) fn stop(&mut self, peer: &PeerKey) {
        if let Some(at) = self.of.remove(peer) {
            self.due.remove(&(at, *peer));
        }
    }

    pub(crate) fn deadline(&self) -> Option<UnixTime> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The next that needs one by now; it is [`Passes::made`] or stopped before the next call.
    pub(crate) fn next(&self, now: UnixTime) -> Option<PeerKey> {
        self.due.first().filter(|(at, _)| now >= *at).map(|(_, peer)| *peer)
    }

    pub(crate) fn check(&self) {
        assert!(self.of.len() == self.due.len() && self.of.len() <= 2 * MEMBERS_MAX);
    }
}
