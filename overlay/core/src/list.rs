//! What a source signs of one of its trees: the hashes of the units that it put there (DESIGN 4.5). Members share their
//! keys, so a frame that opens may be another member's; and a relay, which can open none, sees by a list which edge altered
//! a unit.
//!
//! [`Listing`] gathers at the source what is still to be listed. [`Listed`] knows elsewhere who brought which unit, and what
//! lists say of it.

mod listed;
mod listing;

pub use listed::{Decided, FalseUnit, Listed, Standing};
pub use listing::Listing;

use serde::{Deserialize, Serialize};

use crate::unit::{TreeId, UnitHash};

/// Numbers that one list spans.
pub const LIST_SPAN: u32 = 64;

/// Names units of one feed of one tree. Its signature covers its encoding ([`List::encode`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// The tree.
    pub tree: TreeId,
    /// The feed.
    pub feed: u32,
    /// Number of the first unit.
    pub first: u32,
    /// Bit i: the unit `first + i` is listed. Bit 0 is set.
    pub which: u64,
    /// [`UnitHash::LEN`] bytes for each, in order.
    #[serde(with = "serde_bytes")]
    pub hashes: Vec<u8>,
}

impl List {
    /// Bytes of an encoded list at most.
    pub const MAX: usize = LIST_SPAN as usize * UnitHash::LEN + 64;

    /// Of units in the order of their numbers, which span less than [`LIST_SPAN`]; none of no units.
    pub(crate) fn of(tree: TreeId, feed: u32, units: &[(u32, UnitHash)]) -> Option<List> {
        let (first, _) = *units.first()?;
        let which = units.iter().fold(0, |which, (number, _)| which | 1 << (number - first));
        let hashes = units.iter().flat_map(|(_, hash)| hash.0).collect();
        Some(List { tree, feed, first, which, hashes })
    }

    /// True if it has a hash for each unit that it names.
    pub fn is_proper(&self) -> bool {
        self.which & 1 == 1
            && self.hashes.len() == self.which.count_ones() as usize * UnitHash::LEN
            && self.first.checked_add(LIST_SPAN).is_some()
    }

    /// The units of a proper list.
    pub fn units(&self) -> impl Iterator<Item = (u32, UnitHash)> + '_ {
        let (hashes, _) = self.hashes.as_chunks();
        numbers(self.first, self.which).zip(hashes).map(|(number, hash)| (number, UnitHash(*hash)))
    }

    /// What is signed. A proper list always fits.
    pub fn encode(&self) -> Result<Vec<u8>, canopy_codec::Error> {
        canopy_codec::encode(self, List::MAX)
    }
}

/// The numbers that a first one and a bit for each further one name.
fn numbers(first: u32, which: u64) -> impl Iterator<Item = u32> {
    (0..LIST_SPAN).filter(move |bit| which >> bit & 1 == 1).map(move |bit| first.saturating_add(bit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Layer;

    #[test]
    fn a_list_names_what_it_was_made_of_and_fits() {
        let tree = TreeId { slot: 15, layer: Layer::P720, index: 11 };
        let hash = |n: u32| UnitHash([n as u8; UnitHash::LEN]);
        let units: Vec<(u32, UnitHash)> = (0..LIST_SPAN).map(|n| (u32::MAX - 100 + n, hash(n))).collect();
        let list = List::of(tree, u32::MAX, &units).expect("units");
        assert!(list.is_proper() && list.encode().is_ok());
        assert_eq!(list.units().collect::<Vec<_>>(), units);
        let some = List::of(tree, 1, &[(7, hash(1)), (9, hash(2))]).expect("units");
        assert_eq!(some.units().collect::<Vec<_>>(), [(7, hash(1)), (9, hash(2))]);
        assert!(!List { which: 0b111, ..some.clone() }.is_proper());
        assert!(!List { which: 0b110, ..some.clone() }.is_proper());
        assert!(!List { first: u32::MAX - 1, ..some }.is_proper());
        assert_eq!(List::of(tree, 1, &[]), None);
    }
}
