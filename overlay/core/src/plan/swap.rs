//! Two nodes of one tree that change places: how whoever feeds many comes nearer to the source though nobody above has room.

use std::cmp::Reverse;

use super::place::{burden, is_shallow};
use super::roster::{Ix, Roster};
use super::seat::{GAIN, LINKS_MAX, gains};
use super::tree::{LINK, Tree};

/// Who could hang on a node and doesn't yet counts up to so many.
const COULD_FEED_MAX: u32 = 16;
/// Two that change places move so many edges.
pub(super) const EDGES: usize = 2;

/// Where two nodes hang once they have changed places.
#[derive(Clone, Debug)]
struct Exchange {
    /// Whose place the first takes.
    other: Ix,
    /// Whom the first then hangs on.
    parent: Ix,
    /// Whom the other then hangs on: the first itself, if that hung below it.
    others: Ix,
    /// Who hung on the other and then hangs on the first.
    followers: Vec<Ix>,
    /// What all gain by it together, 0.1 ms.
    gain: i64,
}

/// A tree whose nodes change places.
pub(super) struct Swaps<'a> {
    roster: &'a mut Roster,
    tree: &'a mut Tree,
    /// Who hangs on each node, and itself.
    counts: Vec<i64>,
    small: bool,
}

impl<'a> Swaps<'a> {
    pub(super) fn new(roster: &'a mut Roster, tree: &'a mut Tree, small: bool) -> Swaps<'a> {
        let counts = count(tree);
        Swaps { roster, tree, counts, small }
    }

    /// Everybody in the tree, those first who count most.
    pub(super) fn order(&self) -> Vec<Ix> {
        let mut order: Vec<Ix> = self.tree.rows().map(|(node, _)| node).collect();
        order.sort_by_key(|node| (Reverse(self.weight(*node)), *node));
        order
    }

    /// Has a node change places with the one that everybody together gains most by, moving at most so many edges. Gives how
    /// many.
    pub(super) fn swap(&mut self, node: Ix, most: usize) -> usize {
        let mut best: Option<Exchange> = None;
        for (other, _) in self.tree.rows() {
            let Some(exchange) = self.exchange(node, other, most) else { continue };
            if best.as_ref().is_none_or(|best| exchange.gain > best.gain) && self.fits(node, &exchange) {
                best = Some(exchange);
            }
        }
        let Some(Exchange { other, parent, others, followers, .. }) = best else { return 0 };
        let (takes, other_takes) = (self.tree.takes(node), self.tree.takes(other));
        self.tree.unseat(self.roster, other);
        self.tree.seat(self.roster, node, parent, takes);
        self.tree.seat(self.roster, other, others, other_takes);
        for follower in &followers {
            let takes = self.tree.takes(*follower);
            self.tree.seat(self.roster, *follower, node, takes);
        }
        self.tree.refresh(self.roster);
        self.counts = count(self.tree);
        EDGES + followers.len()
    }

    /// What comes of it if a node takes another's place. None if that can't be, or is not much.
    fn exchange(&self, node: Ix, other: Ix, most: usize) -> Option<Exchange> {
        let tree = &*self.tree;
        let (from, parent) = (tree.parent(node)?, tree.parent(other)?);
        let known = |at: &Ix| self.roster.supply(*at).coordinate.is_known();
        if node == other || from == parent || parent == node || ![node, from, other, parent].iter().all(known)
        {
            return None;
        }
        let arrives = self.arrival(parent, node);
        let (now, then) = (self.now(from, node), arrives + self.burden(parent, node));
        if !gains(now, then) {
            return None;
        }
        let gained = i64::from(now) - i64::from(then);
        let (others, followers, gain) = if tree.leads_through(other, node) {
            let (followers, below) = self.followers(node, arrives, other, most);
            (node, followers, self.count(node) * gained + below)
        } else {
            let then = self.arrival(from, other) + self.burden(from, other);
            let lost = i64::from(then) - i64::from(self.now(parent, other));
            (from, Vec::new(), self.weight(node) * gained - self.weight(other) * lost)
        };
        (gain > 2 * i64::from(GAIN)).then_some(Exchange { other, parent, others, followers, gain })
    }

    /// Who hangs on `other` and would rather hang on a node from below it, to which units then come at `arrives`; and what all on
    /// `other` gain, itself included, 0.1 ms.
    fn followers(&self, node: Ix, arrives: u32, other: Ix, most: usize) -> (Vec<Ix>, i64) {
        let (tree, roster) = (&*self.tree, &*self.roster);
        let room = (tree.room(roster, node) / tree.kbps.max(1)).saturating_sub(1);
        let room =
            room.min(tree.fanout(other)).min(u32::try_from(most.saturating_sub(EDGES)).unwrap_or(u32::MAX));
        let queue = tree.sending(roster, node) * (tree.fanout(node) + 1 + room / 2);
        let sent = arrives + queue + roster.crowding(node, tree.kbps * (room + 1)) + LINK;
        let then = |child: Ix| i64::from(sent + roster.one_way(node, child));
        let later = then(other) - i64::from(tree.delay(other));
        let (mut followers, mut gain) = (Vec::new(), -later);
        for child in tree.children(other).filter(|child| *child != node) {
            let now = i64::from(tree.delay(child));
            let is_above = tree.leads_through(child, node);
            let follows = followers.len() < room as usize
                && then(child) < now + later
                && !is_above
                && roster.may_feed(tree.source, node, child);
            let then = if follows { then(child) } else { now + later };
            let above = if is_above { self.count(node) } else { 0 };
            gain += (self.count(child) - above) * (now - then);
            followers.extend(follows.then_some(child));
        }
        (followers, gain)
    }

    fn count(&self, of: Ix) -> i64 {
        self.counts[of as usize]
    }

    /// By how many a node counts: itself, who hangs on it, and who could.
    fn weight(&self, of: Ix) -> i64 {
        let more = self.tree.room(self.roster, of) / self.tree.kbps.max(1);
        self.count(of) + i64::from(more.min(COULD_FEED_MAX))
    }

    /// When a unit comes to a node at another's place: who was there leaves, so that nobody is behind more children than before.
    fn arrival(&self, parent: Ix, node: Ix) -> u32 {
        let (tree, roster) = (&*self.tree, &*self.roster);
        let queue = tree.sending(roster, parent) * tree.fanout(parent) + roster.crowding(parent, 0);
        tree.delay(parent) + roster.one_way(parent, node) + queue + LINK
    }

    fn burden(&self, parent: Ix, node: Ix) -> u32 {
        burden(self.tree, self.roster, parent, node, self.small)
    }

    fn now(&self, parent: Ix, node: Ix) -> u32 {
        self.tree.delay(node) + self.burden(parent, node)
    }

    /// True if both can hang there with all that hangs on them.
    fn fits(&self, node: Ix, exchange: &Exchange) -> bool {
        let (tree, roster) = (&*self.tree, &*self.roster);
        let Exchange { other, parent, others, .. } = *exchange;
        let links = |depth: u8, of: Ix| usize::from(depth) + 1 + usize::from(tree.height(of)) < LINKS_MAX;
        let may = roster.may_feed(tree.source, parent, node) && roster.may_feed(tree.source, others, other);
        let fits = may && tree.is_fed(parent) && is_shallow(tree, parent) && links(tree.depth(parent), node);
        if others == node {
            return fits
                && roster.bears(parent, tree.kbps)
                && tree.room(roster, node) >= tree.kbps
                && links(tree.depth(parent) + 1, other);
        }
        fits && !tree.leads_through(node, parent) && links(tree.depth(others), other)
    }
}

fn count(tree: &Tree) -> Vec<i64> {
    tree.below().into_iter().map(|below| i64::from(below) + 1).collect()
}
