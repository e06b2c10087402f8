//! Builds one tree from nothing: near, strong and stable interiors first.

use crate::config;

use super::channel::Group;
use super::deal::Hands;
use super::roster::{Ix, Roster};
use super::tree::Tree;

/// A way that shares an owner with too many of the receiver's other trees counts this much longer, 0.1 ms: longer than any
/// way that is only slow, since sound that comes late once is better than none until another parent has answered.
const OVERLAP: u32 = 5_000;
/// In a small meeting a person who feeds others counts as this much further away, 0.1 ms, than a relay or the source: what
/// a relay lends is there to be used, and a person's uplink is needed for what that person says. So does a relay above a
/// relay: two that fall together don't save each other's children. Where not everybody may move at once relays are soon
/// full, and it is as much less for a person as the more it has to spare.
const BURDEN: u32 = 1_000;
/// In a meeting that is not small a parent that shares no edge with the receiver yet counts as this much further away, 0.1 ms (a
/// guess): each such pair takes a link, and a seat that says how to reach it.
const STRANGER: u32 = 1_000;
/// Ten times the fan-out is worth being 92 ms further away: 40 ms × ln, in 0.1 ms.
const STRONG: i64 = 400;
/// A relay is worth being 100 ms further away.
const RELAY: i64 = 1_000;
/// A person who has been here for ten minutes is worth being 20 ms further away (a guess).
const STABLE: i64 = 200;
const STABLE_S: u32 = 600;
/// Parents that are kept in sight for each region, and how many with room are looked at.
const NEAR: usize = 40;
const LOOK: usize = 14;

/// Which owners' ways each receiver depends on already, in the trees of one group.
pub(super) struct Ways {
    once: Vec<u64>,
    twice: Vec<u64>,
    m: u8,
}

impl Ways {
    pub(super) fn new(group: &Group, nodes: usize) -> Ways {
        let mut ways = Ways { once: vec![0; nodes], twice: vec![0; nodes], m: group.shape.m };
        if group.shape.m > 0 {
            for tree in &group.trees {
                ways.add(tree);
            }
        }
        ways
    }

    /// Counts the ways of a tree.
    pub(super) fn add(&mut self, tree: &Tree) {
        for (node, parent) in tree.rows() {
            let way = tree.path(parent);
            self.twice[node as usize] |= self.once[node as usize] & way;
            self.once[node as usize] |= way;
        }
    }

    /// Owners whose end would cost this node more than it can bear, were one more tree to lead through them.
    pub(super) fn spent(&self, node: Ix) -> u64 {
        match self.m {
            0 => 0,
            1 => self.once[node as usize],
            _ => self.twice[node as usize],
        }
    }
}

/// What hanging on `parent` costs, 0.1 ms: the time of arrival, longer where the way adds to a dependence.
pub(super) fn cost(tree: &Tree, roster: &Roster, parent: Ix, node: Ix, spent: u64) -> u32 {
    tree.arrival(roster, parent, node) + OVERLAP * (tree.path(parent) & spent).count_ones()
}

/// What it costs, 0.1 ms, that this parent takes a link which there is not yet.
fn stranger(roster: &Roster, parent: Ix, node: Ix, small: bool) -> u32 {
    if small || roster.pairs.are_neighbours(parent, node) { 0 } else { STRANGER }
}

/// What it costs, 0.1 ms, that this parent is who it is.
pub(super) fn burden(tree: &Tree, roster: &Roster, parent: Ix, node: Ix, small: bool) -> u32 {
    if !small {
        return stranger(roster, parent, node, small);
    }
    let lent = roster.is_relay(parent) && !roster.is_relay(node);
    if parent == tree.source || lent {
        return 0;
    }
    let few = roster.people() <= config::AFRESH_MEETING;
    if few || roster.is_relay(parent) { BURDEN } else { roster.share(parent, tree.kbps, BURDEN) }
}

/// True if a child of this node would not be too far from the source.
pub(super) fn is_shallow(tree: &Tree, parent: Ix) -> bool {
    usize::from(tree.depth(parent)) + 2 < config::HOPS_MAX
}

/// Builds a tree with the hands that were dealt to it. Receivers for whom there is no room are left out.
pub(super) fn build(
    roster: &mut Roster,
    tree: &mut Tree,
    hands: &Hands,
    receivers: &[Ix],
    ways: &Ways,
    small: bool,
) {
    let source = tree.source;
    tree.fit(roster.len());
    let mut free = vec![0_u32; roster.len()];
    let mut is_receiver = vec![false; roster.len()];
    for node in receivers {
        is_receiver[*node as usize] = true;
    }
    free[source as usize] = tree.copies;
    let mut interiors: Vec<(i64, Ix)> = Vec::new();
    for (node, slots) in hands {
        free[*node as usize] += slots;
        if *node != source {
            tree.choose(*node);
            interiors.push((rank(roster, source, *node, *slots), *node));
        }
    }
    interiors.sort();
    let mut placed = vec![source];
    for (_, node) in interiors {
        let takes = is_receiver[node as usize];
        let open = |parent: &Ix| {
            let may = roster.may_feed(source, *parent, node) && roster.pairs.may_link(*parent, node);
            free[*parent as usize] > 0 && is_shallow(tree, *parent) && may
        };
        let spent = ways.spent(node);
        let near = placed.iter().copied().filter(open);
        let far =
            |parent: Ix| cost(tree, roster, parent, node, spent) + burden(tree, roster, parent, node, small);
        let parent = near.min_by_key(|parent| (far(*parent), *parent));
        // A relay that has no more to give than it takes is of no use.
        let useful = takes || free[node as usize] > 1;
        if let Some(parent) = parent.filter(|_| useful) {
            free[parent as usize] -= 1;
            if free[parent as usize] == 0 {
                placed.retain(|other| *other != parent);
            }
            tree.seat(roster, node, parent, takes);
            placed.push(node);
        }
    }
    let mut leaves: Vec<(u32, Ix)> = receivers
        .iter()
        .filter(|node| tree.parent(**node).is_none())
        .map(|node| (roster.one_way(source, *node), *node))
        .collect();
    leaves.sort_unstable();
    let mut sights: Vec<Vec<Ix>> = vec![Vec::new(); roster.regions()];
    for (_, node) in leaves {
        let region = roster.region(node);
        let spent = ways.spent(node);
        let mut parent = nearest(tree, roster, &sights[region], &free, node, spent, small);
        if parent.is_none() {
            placed.retain(|parent| free[*parent as usize] > 0);
            sights[region] = in_sight(tree, roster, &placed, region);
            parent = nearest(tree, roster, &sights[region], &free, node, spent, small);
        }
        let Some(parent) = parent else { continue };
        free[parent as usize] -= 1;
        tree.seat(roster, node, parent, true);
    }
}

/// Smaller is placed earlier.
fn rank(roster: &Roster, source: Ix, node: Ix, slots: u32) -> i64 {
    let supply = roster.supply(node);
    let stable = supply.age_s >= STABLE_S;
    i64::from(roster.one_way(source, node))
        - STRONG * ln_1024(slots) / 1024
        - if roster.is_relay(node) { RELAY } else { 0 }
        - if stable { STABLE } else { 0 }
}

/// 1024 × ln, between powers of two along the chord.
fn ln_1024(of: u32) -> i64 {
    let whole = of.max(1).ilog2();
    let part = (i64::from(of.max(1) - (1 << whole)) * 1024) >> whole;
    (i64::from(whole) * 1024 + part) * 710 / 1024
}

fn nearest(
    tree: &Tree,
    roster: &Roster,
    sight: &[Ix],
    free: &[u32],
    node: Ix,
    spent: u64,
    small: bool,
) -> Option<Ix> {
    let may = |parent: Ix| roster.may_feed(tree.source, parent, node) && roster.pairs.may_link(parent, node);
    let open = sight.iter().filter(|parent| free[**parent as usize] > 0 && may(**parent)).take(LOOK);
    let far = |parent: Ix| cost(tree, roster, parent, node, spent) + stranger(roster, parent, node, small);
    open.min_by_key(|parent| (far(**parent), **parent)).copied()
}

/// The best parents for somebody in the middle of a region, best first.
fn in_sight(tree: &Tree, roster: &Roster, placed: &[Ix], region: usize) -> Vec<Ix> {
    let far = |parent: Ix| {
        let queue = tree.sending(roster, parent) * (tree.fanout(parent) + 1);
        tree.delay(parent)
            + roster.one_way_to_region(parent, region)
            + queue
            + roster.crowding(parent, tree.kbps)
    };
    let open = placed.iter().filter(|parent| is_shallow(tree, **parent));
    let mut sight: Vec<(u32, Ix)> = open.map(|parent| (far(*parent), *parent)).collect();
    if sight.len() > NEAR {
        sight.select_nth_unstable(NEAR - 1);
        sight.truncate(NEAR);
    }
    sight.sort_unstable();
    sight.into_iter().map(|(_, parent)| parent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_near_enough() {
        for of in 1..2_000_u32 {
            let exact = f64::from(of).ln() * 1024.0;
            assert!((ln_1024(of) as f64 - exact).abs() < 64.0, "{of}");
        }
    }
}
