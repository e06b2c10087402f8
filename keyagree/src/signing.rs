//! Who said it (DESIGN 4.5): members share their keys, so a frame that opens may be another member's.
//! A source signs, a few times a second and for each of its trees, the hashes of the units that it put
//! there. Relays check these lists as well: they cover sealed bytes, and show nothing else.
//!
//! [`Signer`] gathers at the source. [`Verifier`] holds what came, at most two variants of a unit, until
//! the list comes; then it says which variant is the source's and which edge brought another one.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::credential::{Signed, Statement};
use crate::identity::{Context, Identity, PeerKey};
use crate::suite::digest;
use crate::time::UnixTime;

/// A list is said so often: twice, and one lost, a stream is still verified within a second.
pub const LIST_EVERY_MS: u64 = 400;
/// Numbers that one list spans.
pub const LIST_SPAN: u64 = 64;
/// Longest list in bytes.
pub const LIST_MAX: usize = 1_280;
/// Bytes of a unit's hash in a list. Whoever forges needs a second preimage.
pub const HASH_LEN: usize = 16;
/// How long a unit waits for its list, and a list for its units.
pub const HELD_MS: u64 = 2_000;
/// Units of one tree that are held; the oldest give way.
pub const UNITS_MAX: usize = 512;
/// Trees that a verifier knows.
pub const TREES_MAX: usize = 512;
/// Variants of one unit: the source's, and one more to prove that an edge lies.
const VARIANTS_MAX: usize = 2;

/// A unit's hash: over the sealed bytes, as they travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitHash(pub [u8; HASH_LEN]);

/// Hashes a unit that travels in a tree under this number.
pub fn unit_hash(tree: u64, number: u64, unit: &[u8]) -> UnitHash {
    let hash = digest("canopy/2/unit", &[&tree.to_be_bytes(), &number.to_be_bytes(), unit]);
    let mut short = [0; HASH_LEN];
    short.copy_from_slice(&hash[..HASH_LEN]);
    UnitHash(short)
}

/// What a source signs of one tree. Its key is of one meeting, so the list need not name that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    tree: u64,
    first: u64,
    /// Bit i: the list has the unit `first + i`.
    which: u64,
    /// [`HASH_LEN`] bytes for each, in order.
    #[serde(with = "serde_bytes")]
    hashes: Vec<u8>,
}

impl Statement for List {
    const CONTEXT: Context = Context::UNITS;
    const MAX: usize = 64 * HASH_LEN + 128;
}

impl List {
    fn units(&self) -> impl Iterator<Item = (u64, UnitHash)> + '_ {
        let numbers =
            (0..LIST_SPAN).filter(|bit| self.which >> bit & 1 == 1).map(|bit| self.first.wrapping_add(bit));
        let (hashes, _) = self.hashes.as_chunks::<HASH_LEN>();
        numbers.zip(hashes).map(|(number, hash)| (number, UnitHash(*hash)))
    }

    fn is_proper(&self) -> bool {
        self.which & 1 == 1
            && self.hashes.len() == self.which.count_ones() as usize * HASH_LEN
            && self.first.checked_add(LIST_SPAN).is_some()
    }
}

/// One tree of a source, at the source.
pub struct Signer {
    tree: u64,
    units: Vec<(u64, UnitHash)>,
    since: UnixTime,
}

impl Signer {
    /// For one tree.
    pub fn new(tree: u64) -> Signer {
        Signer { tree, units: Vec::new(), since: UnixTime(0) }
    }

    /// Notes a unit that goes into the tree; numbers grow. Gives a list if there was no more room for it.
    pub fn put(&mut self, now: UnixTime, identity: &Identity, number: u64, unit: &[u8]) -> Option<Vec<u8>> {
        let first = self.units.first().map(|(first, _)| *first);
        let full = first.is_some_and(|first| number.wrapping_sub(first) >= LIST_SPAN);
        let list = full.then(|| self.sign(identity)).flatten();
        if self.units.is_empty() {
            self.since = now;
        }
        if self.units.last().is_none_or(|(last, _)| *last < number) {
            self.units.push((number, unit_hash(self.tree, number, unit)));
        }
        list
    }

    /// When to call [`Signer::sign`].
    pub fn deadline(&self) -> Option<UnixTime> {
        (!self.units.is_empty()).then(|| self.since.plus_ms(LIST_EVERY_MS))
    }

    /// The list of what came since the last: it follows the units down the same tree.
    pub fn sign(&mut self, identity: &Identity) -> Option<Vec<u8>> {
        let units = std::mem::take(&mut self.units);
        let first = units.first()?.0;
        let which = units.iter().fold(0, |which, (number, _)| which | 1 << (number - first));
        let hashes = units.iter().flat_map(|(_, hash)| hash.0).collect();
        let list = List { tree: self.tree, first, which, hashes };
        canopy_codec::encode(&Signed::new(list, identity), LIST_MAX).ok()
    }
}

/// What is known of a unit now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The list is yet to come: to be passed on and played meanwhile.
    Open,
    /// Another variant came before; also to be passed on, since either may be the true one.
    Second,
    /// The source signed it.
    Verified,
    /// The source signed another one, or there are two variants already: not to be passed on.
    False,
}

/// What a list decides of a unit that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the source's.
    Verified {
        /// Which.
        number: u64,
    },
    /// This edge brought another one than the source's: it is to be cut, and the true unit fetched. It
    /// says nothing against the source.
    Contradiction {
        /// Which.
        number: u64,
        /// Who brought it.
        edge: PeerKey,
        /// The true one has come as well.
        have_true: bool,
    },
}

#[derive(Default)]
struct Held {
    /// Hash, and who brought it.
    variants: Vec<(UnitHash, PeerKey)>,
    signed: Option<UnitHash>,
}

#[derive(Default)]
struct Tree {
    units: BTreeMap<u64, Held>,
    order: VecDeque<(UnixTime, u64)>,
}

/// All trees of one source, at whoever receives or forwards them.
pub struct Verifier {
    source: PeerKey,
    trees: BTreeMap<u64, Tree>,
}

impl Verifier {
    /// For one source.
    pub fn new(source: PeerKey) -> Verifier {
        Verifier { source, trees: BTreeMap::new() }
    }

    /// A unit came by an edge.
    pub fn unit(&mut self, now: UnixTime, tree: u64, number: u64, unit: &[u8], edge: PeerKey) -> Standing {
        let hash = unit_hash(tree, number, unit);
        let Some(tree) = self.tree(now, tree) else { return Standing::False };
        let held = tree.hold(now, number);
        match held.signed {
            Some(signed) if signed == hash => return Standing::Verified,
            Some(_) => return Standing::False,
            None => {}
        }
        if held.variants.iter().any(|(known, _)| *known == hash) {
            return if held.variants[0].0 == hash { Standing::Open } else { Standing::Second };
        }
        if held.variants.len() >= VARIANTS_MAX {
            return Standing::False;
        }
        held.variants.push((hash, edge));
        if held.variants.len() == 1 { Standing::Open } else { Standing::Second }
    }

    /// A list came. `None` if the source didn't sign it: the fault of whoever passed it on.
    pub fn list(&mut self, now: UnixTime, bytes: &[u8]) -> Option<Vec<Verdict>> {
        let signed: Signed<List> = canopy_codec::decode_strict(bytes, LIST_MAX).ok()?;
        if !signed.value.is_proper() || !signed.signed_by(&self.source) {
            return None;
        }
        let tree = self.tree(now, signed.value.tree)?;
        let mut verdicts = Vec::new();
        for (number, hash) in signed.value.units() {
            let held = tree.hold(now, number);
            // The first word of a source counts: a second list can't make an honest edge a liar.
            if held.signed.is_some() {
                continue;
            }
            held.signed = Some(hash);
            let have_true = held.variants.iter().any(|(variant, _)| *variant == hash);
            if have_true {
                verdicts.push(Verdict::Verified { number });
            }
            let false_ones = held.variants.iter().filter(|(variant, _)| *variant != hash);
            verdicts.extend(false_ones.map(|(_, edge)| Verdict::Contradiction {
                number,
                edge: *edge,
                have_true,
            }));
        }
        Some(verdicts)
    }

    /// Verified units among those that came in the last [`HELD_MS`], in a hundred; `None` if none came.
    pub fn verified_percent(&self) -> Option<u8> {
        let held = || {
            self.trees.values().flat_map(|tree| tree.units.values()).filter(|held| !held.variants.is_empty())
        };
        let verified = held().filter(|held| held.signed.is_some()).count();
        (verified * 100).checked_div(held().count()).map(|percent| percent as u8)
    }

    fn tree(&mut self, now: UnixTime, tree: u64) -> Option<&mut Tree> {
        if !self.trees.contains_key(&tree) && self.trees.len() >= TREES_MAX {
            self.trees.retain(|_, tree| {
                tree.forget_old(now);
                !tree.units.is_empty()
            });
            if self.trees.len() >= TREES_MAX {
                return None;
            }
        }
        let tree = self.trees.entry(tree).or_default();
        tree.forget_old(now);
        Some(tree)
    }
}

impl Tree {
    fn hold(&mut self, now: UnixTime, number: u64) -> &mut Held {
        if !self.units.contains_key(&number) {
            if self.units.len() >= UNITS_MAX
                && let Some((_, oldest)) = self.order.pop_front()
            {
                self.units.remove(&oldest);
            }
            self.order.push_back((now, number));
        }
        self.units.entry(number).or_default()
    }

    fn forget_old(&mut self, now: UnixTime) {
        while self.order.front().is_some_and(|(since, _)| now.since(*since) >= HELD_MS) {
            if let Some((_, number)) = self.order.pop_front() {
                self.units.remove(&number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Secret;

    const NOW: UnixTime = UnixTime(1_800_000_000_000);

    fn source() -> Identity {
        Identity::from_seed(&Secret::take(&mut [1; 32]))
    }

    fn edge(byte: u8) -> PeerKey {
        PeerKey([byte; 32])
    }

    fn list(identity: &Identity, units: &[(u64, &[u8])]) -> Vec<u8> {
        let mut signer = Signer::new(7);
        for (number, unit) in units {
            assert!(signer.put(NOW, identity, *number, unit).is_none());
        }
        signer.sign(identity).unwrap()
    }

    #[test]
    fn a_forged_unit_costs_the_edge_that_brought_it_and_not_the_source() {
        let (source, mut verifier) = (source(), Verifier::new(source().public()));
        assert_eq!(verifier.unit(NOW, 7, 10, b"forged", edge(2)), Standing::Open);
        assert_eq!(verifier.unit(NOW, 7, 10, b"true", edge(3)), Standing::Second);
        assert_eq!(verifier.unit(NOW, 7, 10, b"third", edge(4)), Standing::False, "two are enough");
        assert_eq!(verifier.unit(NOW, 7, 12, b"forged", edge(2)), Standing::Open);
        let list = list(&source, &[(10, b"true"), (12, b"next"), (13, b"late")]);
        assert_eq!(
            verifier.list(NOW, &list).unwrap(),
            [
                Verdict::Verified { number: 10 },
                Verdict::Contradiction { number: 10, edge: edge(2), have_true: true },
                Verdict::Contradiction { number: 12, edge: edge(2), have_true: false },
            ]
        );
        assert_eq!(verifier.unit(NOW, 7, 13, b"late", edge(2)), Standing::Verified);
        assert_eq!(verifier.unit(NOW, 7, 13, b"other", edge(2)), Standing::False);
        assert_eq!(verifier.unit(NOW, 7, 12, b"next", edge(3)), Standing::Verified);
    }

    #[test]
    fn nobody_else_signs_a_source_s_list_and_no_byte_of_it_can_be_changed() {
        let mut verifier = Verifier::new(source().public());
        verifier.unit(NOW, 7, 1, b"true", edge(2));
        let insider = Identity::from_seed(&Secret::take(&mut [9; 32]));
        assert_eq!(verifier.list(NOW, &list(&insider, &[(1, b"forged")])), None);
        let good = list(&source(), &[(1, b"true"), (5, b"more")]);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 4;
            assert_eq!(verifier.list(NOW, &bad), None, "byte {at}");
        }
        assert_eq!(verifier.list(NOW, &good), Some(vec![Verdict::Verified { number: 1 }]));
        // A source that signs a second list for the same unit gets nobody blamed.
        assert_eq!(verifier.list(NOW, &list(&source(), &[(1, b"changed")])), Some(vec![]));
    }

    #[test]
    fn what_is_held_is_bounded_in_number_and_time() {
        let mut verifier = Verifier::new(source().public());
        for number in 0..2 * UNITS_MAX as u64 {
            verifier.unit(NOW, 7, number, b"x", edge(2));
        }
        assert_eq!(verifier.trees[&7].units.len(), UNITS_MAX);
        for tree in 0..2 * TREES_MAX as u64 {
            verifier.unit(NOW, tree, 0, b"x", edge(2));
        }
        assert_eq!(verifier.trees.len(), TREES_MAX);
        assert_eq!(verifier.verified_percent(), Some(0));
        verifier.unit(NOW.plus_ms(HELD_MS), 7, 1, b"x", edge(2));
        assert_eq!(verifier.trees[&7].units.len(), 1);
    }

    #[test]
    fn a_full_list_goes_out_by_itself_and_fits() {
        let (identity, mut signer) = (source(), Signer::new(u64::MAX));
        let lists: Vec<Vec<u8>> = (0..LIST_SPAN * 2 + 1)
            .filter_map(|number| signer.put(NOW, &identity, number + (1 << 40), b"unit"))
            .collect();
        assert_eq!(lists.len(), 2);
        assert!(lists.iter().all(|list| list.len() <= LIST_MAX));
        assert_eq!(signer.deadline(), Some(NOW.plus_ms(LIST_EVERY_MS)));
    }
}
