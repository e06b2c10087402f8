//! Who hold an epoch's secret: seats under a hash tree, so that a record names all members in 32
//! bytes, and one page or one seat can be shown to be in it (RFC 6962, 2.1, with a fixed depth).
//!
//! ```text
//! leaf = derive("roster-leaf", peer, request)   empty seat = zeros   node = derive("roster-node", left, right)
//! root = node at depth 14: 16,384 seats         page = the 32 seats under one node
//! ```
//! A peer keeps its seat as long as it is a member, so that a join or a leave changes one path.

pub(crate) mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::identity::PeerKey;
use crate::suite::digest;
use crate::wire::{Change, Hash, MEMBERS_MAX};

/// Levels above the leaves.
const DEPTH: usize = 14;
const _: () = assert!(1 << DEPTH == MEMBERS_MAX);

/// Who sits on a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) peer: PeerKey,
    /// Hash of the request that it was let in by: it binds the peer's fresh key and nonce.
    pub(crate) request: [u8; 32],
}

impl Entry {
    fn leaf(&self) -> [u8; 32] {
        digest("canopy/2/roster-leaf", &[&self.peer.0, &self.request])
    }
}

/// The members of one epoch, at most [`MEMBERS_MAX`].
#[derive(Clone, Default)]
pub(crate) struct Roster {
    seats: Vec<Option<Entry>>,
    free: BTreeSet<u16>,
    index: BTreeMap<PeerKey, u16>,
    /// Hashes of each level, the leaves first; what is not there is empty.
    levels: [Vec<[u8; 32]>; DEPTH + 1],
}

impl Roster {
    /// The root, which records carry.
    pub(crate) fn root(&self) -> [u8; 32] {
        self.node(DEPTH, 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn contains(&self, peer: &PeerKey) -> bool {
        self.index.contains_key(peer)
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = &PeerKey> {
        self.index.keys()
    }

    pub(crate) fn entry(&self, seat: u16) -> Option<&Entry> {
        self.seats.get(usize::from(seat))?.as_ref()
    }

    pub(crate) fn seat_of(&self, peer: &PeerKey) -> Option<u16> {
        self.index.get(peer).copied()
    }

    /// Seats up to the last one that is or was taken.
    pub(crate) fn seats(&self) -> usize {
        self.seats.len()
    }

    /// Gives a newcomer the first free seat; `None` if there is none, or it sits already.
    pub(crate) fn sit(&mut self, entry: Entry) -> Option<u16> {
        if self.contains(&entry.peer) {
            return None;
        }
        let seat = match self.free.first() {
            Some(seat) => *seat,
            None if self.seats.len() < MEMBERS_MAX => u16::try_from(self.seats.len()).ok()?,
            None => return None,
        };
        self.set(seat, Some(entry));
        Some(seat)
    }

    /// Frees the seat of somebody who is no member any longer.
    pub(crate) fn leave(&mut self, peer: &PeerKey) -> Option<u16> {
        let seat = self.seat_of(peer)?;
        self.set(seat, None);
        Some(seat)
    }

    /// Puts somebody, or nobody, on a seat. A peer that sat elsewhere sits here now.
    pub(crate) fn set(&mut self, seat: u16, taken: Option<Entry>) {
        let at = usize::from(seat);
        if at >= MEMBERS_MAX || self.entry(seat) == taken.as_ref() {
            return;
        }
        if let Some(entry) = &taken
            && let Some(other) = self.seat_of(&entry.peer).filter(|other| *other != seat)
        {
            self.set(other, None);
        }
        while self.seats.len() <= at {
            self.free.insert(self.seats.len() as u16);
            self.seats.push(None);
        }
        if let Some(before) = self.seats[at].take() {
            self.index.remove(&before.peer);
        }
        match taken {
            Some(entry) => {
                self.index.insert(entry.peer, seat);
                self.free.remove(&seat);
            }
            None => {
                self.free.insert(seat);
            }
        }
        self.seats[at] = taken;
        self.hash_path(at, taken.map_or([0; 32], |entry| entry.leaf()));
    }

    pub(crate) fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            let taken = change.taken.map(|(peer, Hash(request))| Entry { peer, request });
            self.set(change.seat, taken);
        }
    }

    fn hash_path(&mut self, mut at: usize, mut hash: [u8; 32]) {
        for level in 0..=DEPTH {
            let row = &mut self.levels[level];
            while row.len() <= at {
                row.push(empty(level));
            }
            row[at] = hash;
            if level < DEPTH {
                let (left, right) = (self.node(level, at & !1), self.node(level, at | 1));
                (at, hash) = (at / 2, node(&left, &right));
            }
        }
    }

    fn node(&self, level: usize, at: usize) -> [u8; 32] {
        self.levels[level].get(at).copied().unwrap_or_else(|| empty(level))
    }

    /// The siblings on the way from a node at `level` to the root.
    pub(crate) fn path(&self, level: usize, mut at: usize) -> Vec<[u8; 32]> {
        let mut path = Vec::with_capacity(DEPTH - level);
        for level in level..DEPTH {
            path.push(self.node(level, at ^ 1));
            at /= 2;
        }
        path
    }

    /// The proof of one seat: its number, its request, its path.
    pub(crate) fn proof(&self, seat: u16) -> Vec<u8> {
        let mut proof = seat.to_be_bytes().to_vec();
        if let Some(entry) = self.entry(seat) {
            proof.extend_from_slice(&entry.request);
        }
        proof.extend(self.path(0, usize::from(seat)).iter().flatten());
        proof
    }
}

/// Length of [`Roster::proof`].
#[cfg(test)]
pub(crate) const PROOF_LEN: usize = 2 + 32 + 32 * DEPTH;

/// Where `peer` sits under `root`, and by which request, if the proof shows it.
pub(crate) fn proven(root: &[u8; 32], peer: PeerKey, proof: &[u8]) -> Option<(u16, Entry)> {
    let (seat, rest) = proof.split_first_chunk::<2>()?;
    let (request, path) = rest.split_first_chunk::<32>()?;
    let (entry, seat) = (Entry { peer, request: *request }, u16::from_be_bytes(*seat));
    let (path, rest) = path.as_chunks::<32>();
    let whole = rest.is_empty() && path.len() == DEPTH && usize::from(seat) < MEMBERS_MAX;
    (whole && climb(entry.leaf(), usize::from(seat), path) == *root).then_some((seat, entry))
}

fn climb(mut hash: [u8; 32], mut at: usize, path: &[[u8; 32]]) -> [u8; 32] {
    for sibling in path {
        hash = if at.is_multiple_of(2) { node(&hash, sibling) } else { node(sibling, &hash) };
        at /= 2;
    }
    hash
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    digest("canopy/2/roster-node", &[left, right])
}

/// The hash of a subtree without anybody.
fn empty(level: usize) -> [u8; 32] {
    static EMPTY: OnceLock<[[u8; 32]; DEPTH + 1]> = OnceLock::new();
    EMPTY.get_or_init(|| {
        let mut hashes = [[0; 32]; DEPTH + 1];
        for level in 1..=DEPTH {
            hashes[level] = node(&hashes[level - 1], &hashes[level - 1]);
        }
        hashes
    })[level]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(byte: u8) -> Entry {
        Entry { peer: PeerKey([byte; 32]), request: [byte; 32] }
    }

    #[test]
    fn a_seat_is_proven_under_its_root_and_nowhere_else() {
        let mut roster = Roster::default();
        let seats: Vec<u16> = (1..=40).map(|byte| roster.sit(entry(byte)).unwrap()).collect();
        assert_eq!(seats, (0..40).collect::<Vec<u16>>());
        assert_eq!(roster.sit(entry(7)), None, "nobody sits twice");
        let (root, proof) = (roster.root(), roster.proof(6));
        assert_eq!(proof.len(), PROOF_LEN);
        assert_eq!(proven(&root, entry(7).peer, &proof), Some((6, entry(7))));
        assert_eq!(proven(&root, entry(8).peer, &proof), None);
        for at in [0, 1, 2, 33, 34, PROOF_LEN - 1] {
            let mut bad = proof.clone();
            bad[at] ^= 1;
            assert_eq!(proven(&root, entry(7).peer, &bad), None, "byte {at}");
        }
        roster.leave(&entry(9).peer);
        assert_ne!(roster.root(), root);
        assert_eq!(proven(&roster.root(), entry(7).peer, &proof), None);
        assert_eq!(roster.sit(entry(9)), Some(8), "the first free seat");
        assert_eq!(roster.root(), root, "the same people on the same seats");
    }

    #[test]
    fn the_tree_that_grew_is_the_tree_made_anew() {
        let mut grown = Roster::default();
        for byte in 1..=100 {
            grown.sit(entry(byte));
        }
        for byte in (3..90).step_by(7) {
            grown.leave(&entry(byte).peer);
        }
        let mut anew = Roster::default();
        for seat in (0..100).rev() {
            anew.set(seat, grown.entry(seat).copied());
        }
        assert_eq!((grown.root(), grown.len()), (anew.root(), anew.len()));
        assert_eq!(Roster::default().root(), empty(DEPTH));
    }
}
