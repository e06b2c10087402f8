//! At a source: what went into one of its trees since the last list.

use super::{LIST_SPAN, List};
use crate::config;
use crate::time::Time;
use crate::unit::{TreeId, UnitHash};

/// Units that are still to be listed, at most [`LIST_SPAN`] of them.
#[derive(Debug, Default)]
pub struct Listing {
    units: Vec<(u32, UnitHash)>,
    since: Time,
}

impl Listing {
    /// Notes a unit; numbers grow. Gives a list of those before if it can't be in one with them.
    pub fn put(
        &mut self,
        now: Time,
        (tree, feed): (TreeId, u32),
        number: u32,
        hash: UnitHash,
    ) -> Option<List> {
        let first = self.units.first().map(|(first, _)| *first);
        let full = first.is_some_and(|first| number.saturating_sub(first) >= LIST_SPAN);
        let list = if full { self.take(tree, feed) } else { None };
        if self.units.is_empty() {
            self.since = now;
        }
        if self.units.last().is_none_or(|(last, _)| *last < number) {
            self.units.push((number, hash));
        }
        list
    }

    /// When to [`Listing::take`] a list.
    pub fn due(&self) -> Option<Time> {
        (!self.units.is_empty()).then(|| self.since + config::LIST_EVERY)
    }

    /// The list of what came since the last.
    pub fn take(&mut self, tree: TreeId, feed: u32) -> Option<List> {
        List::of(tree, feed, &std::mem::take(&mut self.units))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Layer;

    const TREE: TreeId = TreeId { slot: 0, layer: Layer::Audio, index: 1 };

    #[test]
    fn every_unit_is_in_one_list_and_none_waits_for_long() {
        let (mut listing, mut listed) = (Listing::default(), Vec::new());
        let numbers: Vec<u32> = (5..100).chain([400, 401, 463, 464]).collect();
        for number in &numbers {
            let list = listing.put(Time(7), (TREE, 3), *number, UnitHash([0; UnitHash::LEN]));
            listed.extend(list.iter().flat_map(List::units).map(|(number, _)| number));
        }
        assert_eq!(listing.due(), Some(Time(7) + config::LIST_EVERY));
        let last = listing.take(TREE, 3).expect("units");
        assert!(last.is_proper());
        listed.extend(last.units().map(|(number, _)| number));
        assert_eq!(listed, numbers);
        assert_eq!((listing.due(), listing.take(TREE, 3)), (None, None));
    }
}
