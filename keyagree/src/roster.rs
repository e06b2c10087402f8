//! Who hold an epoch's secret.

use std::collections::BTreeSet;

use crate::identity::PeerKey;
use crate::suite::digest;
use crate::wire::{MEMBERS_MAX, Record};

/// The members of one epoch, at most [`MEMBERS_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roster(BTreeSet<PeerKey>);

impl Roster {
    pub(crate) fn of(peer: PeerKey) -> Roster {
        Roster(BTreeSet::from([peer]))
    }

    /// Reads what [`Roster::bytes`] wrote: sorted keys, none twice.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Roster> {
        let (keys, rest) = bytes.as_chunks::<32>();
        let sorted = keys.is_sorted_by(|a, b| a < b);
        (rest.is_empty() && sorted && keys.len() <= MEMBERS_MAX)
            .then(|| Roster(keys.iter().copied().map(PeerKey).collect()))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|peer| peer.0).collect()
    }

    /// What records commit to.
    pub(crate) fn hash(&self) -> [u8; 32] {
        digest("canopy/1/roster", &[&self.bytes()])
    }

    /// The members after a record.
    pub(crate) fn after(&self, record: &Record) -> Roster {
        let mut members = self.0.clone();
        for left in &record.left {
            members.remove(&left.peer);
        }
        members.extend(record.joined.iter().map(|joined| joined.peer));
        Roster(members)
    }

    pub(crate) fn contains(&self, peer: &PeerKey) -> bool {
        self.0.contains(peer)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &PeerKey> {
        self.0.iter()
    }
}
