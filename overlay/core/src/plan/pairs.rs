//! Who shares edges of a plan with whom, in all trees together: each such pair takes a link at both ends, however many trees
//! cross it.

use std::collections::BTreeMap;

use crate::config;

use super::roster::Ix;

/// With whom each shares edges, whichever way they lead, and how many; by number.
#[derive(Debug, Default)]
pub(super) struct Pairs(Vec<BTreeMap<Ix, u32>>);

impl Pairs {
    /// Makes room for this many nodes.
    pub(super) fn fit(&mut self, nodes: usize) {
        if nodes > self.0.len() {
            self.0.resize_with(nodes, BTreeMap::new);
        }
    }

    /// There is one more edge between these two.
    pub(super) fn join(&mut self, one: Ix, other: Ix) {
        for (at, with) in [(one, other), (other, one)] {
            *self.0[at as usize].entry(with).or_default() += 1;
        }
    }

    /// There is one less.
    pub(super) fn part(&mut self, one: Ix, other: Ix) {
        for (at, with) in [(one, other), (other, one)] {
            let neighbours = &mut self.0[at as usize];
            if let Some(edges) = neighbours.get_mut(&with) {
                *edges -= 1;
                if *edges == 0 {
                    neighbours.remove(&with);
                }
            }
        }
    }

    /// True if an edge between these two takes no link that the plan did not ask of them before.
    pub(super) fn are_neighbours(&self, one: Ix, other: Ix) -> bool {
        self.0[one as usize].contains_key(&other)
    }

    /// True if one more edge between these two leaves links enough for those who come and look for a way.
    pub(super) fn may_link(&self, one: Ix, other: Ix) -> bool {
        let has_place = |at: Ix| self.0[at as usize].len() < config::PLANNED_LINKS_MAX;
        has_place(one) && has_place(other) || self.are_neighbours(one, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_trees_cross_it_a_pair_is_one_link() {
        let mut pairs = Pairs::default();
        pairs.fit(1_000);
        let most = config::PLANNED_LINKS_MAX as Ix;
        (1..=most).for_each(|other| pairs.join(0, other));
        assert!(pairs.may_link(0, 1) && pairs.may_link(1, 0), "they have one");
        assert!(!pairs.may_link(0, most + 1) && !pairs.may_link(most + 1, 0));
        pairs.join(0, 1);
        pairs.part(1, 0);
        assert!(pairs.are_neighbours(1, 0), "an edge is left");
        pairs.part(0, 1);
        assert!(!pairs.are_neighbours(1, 0) && pairs.may_link(0, most + 1));
    }
}
