//! One node at a time: finds it a parent in a tree that is there, moves it, takes it out.

use crate::config;

use super::channel::Group;
use super::place::{burden, cost, is_shallow};
use super::roster::{Ix, NONE, Roster};
use super::tree::Tree;

/// An edge moves only if that gains more than this, 0.1 ms …
pub(super) const GAIN: u32 = 150;
/// … and more than this part of the delay, percent.
const GAIN_PERCENT: u32 = 15;
/// Whoever could feed so many is somebody whom others may move to, though nobody hangs on it yet.
const STRONG: u32 = 4;
/// How deep a subtree may be that is hung on another parent: paths are bounded.
pub(super) const LINKS_MAX: usize = config::HOPS_MAX - 1;

/// Owners whose end would cost this node more than it can bear, were tree `at` to lead through them as well.
fn spent(group: &Group, at: usize, node: Ix) -> u64 {
    let (mut once, mut twice) = (0_u64, 0_u64);
    for (_, tree) in group.trees.iter().enumerate().filter(|(other, _)| *other != at) {
        if let Some(parent) = tree.parent(node) {
            twice |= once & tree.path(parent);
            once |= tree.path(parent);
        }
    }
    match group.shape.m {
        0 => 0,
        1 => once,
        _ => twice,
    }
}

/// True if one owner's end would cost this node more of a group than it can bear.
pub(super) fn is_at_risk(group: &Group, at: usize, node: Ix) -> bool {
    let tree = &group.trees[at];
    tree.parent(node).is_some_and(|parent| tree.path(parent) & spent(group, at, node) != 0)
}

/// How far a search for a parent goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Among those who are to feed in this tree; the source up to the copies that it has planned.
    Chosen,
    /// The same, and whoever in the tree has room for [`STRONG`].
    Strong,
    /// Everybody in the tree who has room.
    Anybody,
}

/// True if a node may feed in this tree: a person feeds in one tree of a group, unless the meeting is small.
fn may_feed(roster: &Roster, group: &Group, at: usize, node: Ix, small: bool) -> bool {
    let tree = &group.trees[at];
    if small || tree.fanout(node) > 0 || roster.is_relay(node) || node == tree.source {
        return true;
    }
    group.trees.iter().enumerate().all(|(other, tree)| other == at || tree.fanout(node) == 0)
}

/// The best parent with room for a node in a tree; not `not`, nor who hangs on the node.
fn find(
    roster: &Roster,
    group: &Group,
    at: usize,
    node: Ix,
    not: Option<Ix>,
    small: bool,
    reach: Reach,
) -> Option<Ix> {
    let tree = &group.trees[at];
    let spent = spent(group, at, node);
    let height = usize::from(tree.height(node));
    let is_open = |parent: &Ix| {
        let parent = *parent;
        let room = tree.room(roster, parent) >= tree.kbps;
        let planned = reach == Reach::Anybody || parent != tree.source || tree.fanout(parent) < tree.copies;
        let may = roster.may_feed(tree.source, parent, node) && roster.pairs.may_link(parent, node);
        room && planned && may && parent != node && Some(parent) != not && tree.has(parent)
    };
    let is_sound = |parent: Ix| {
        is_shallow(tree, parent)
            && usize::from(tree.depth(parent)) + 1 + height < LINKS_MAX
            && tree.is_fed(parent)
            && (tree.fanout(node) == 0 || !tree.leads_through(node, parent))
            && may_feed(roster, group, at, parent, small)
    };
    let best = |parents: &mut dyn Iterator<Item = Ix>| {
        let mut best: Option<(u32, Ix)> = None;
        for parent in parents.filter(is_open) {
            let burden = burden(tree, roster, parent, node, small);
            let found = (cost(tree, roster, parent, node, spent) + burden, parent);
            if best.is_none_or(|best| found < best) && is_sound(parent) {
                best = Some(found);
            }
        }
        best.map(|(_, parent)| parent)
    };
    match reach {
        Reach::Chosen => best(&mut tree.inner().iter().copied()),
        Reach::Strong => {
            let strong = |node: &Ix| tree.fanout(*node) > 0 || tree.room(roster, *node) >= STRONG * tree.kbps;
            best(&mut tree.rows().map(|(node, _)| node).chain([tree.source]).filter(strong))
        }
        Reach::Anybody => best(&mut tree.rows().map(|(node, _)| node).chain([tree.source])),
    }
}

/// Hangs a node into a tree: on a chosen feeder, or a relay that joins for it, or anybody with room. False if there is
/// none; then nothing has changed.
pub(super) fn seat(
    roster: &mut Roster,
    group: &mut Group,
    at: usize,
    node: Ix,
    takes: bool,
    small: bool,
) -> bool {
    let parent = find(roster, group, at, node, None, small, Reach::Chosen)
        .or_else(|| hire(roster, group, at, node, small))
        .or_else(|| find(roster, group, at, node, None, small, Reach::Anybody));
    let Some(parent) = parent else { return displace_for_itself(roster, group, at, node, takes, small) };
    hang(roster, &mut group.trees[at], node, parent, takes);
    true
}

/// A node that nobody has room for, and that has room for others, takes the place of a leaf. False if it can't.
fn displace_for_itself(
    roster: &mut Roster,
    group: &mut Group,
    at: usize,
    node: Ix,
    takes: bool,
    small: bool,
) -> bool {
    let is_leaf = group.trees[at].fanout(node) == 0;
    is_leaf
        && may_feed(roster, group, at, node, small)
        && displace(roster, &mut group.trees[at], node, takes, NONE)
}

/// A relay outside of the tree that has room joins it, to feed `node`.
fn hire(roster: &mut Roster, group: &mut Group, at: usize, node: Ix, small: bool) -> Option<Ix> {
    let tree = &group.trees[at];
    let may = |relay: Ix| roster.pairs.may_link(relay, node);
    let idle = |relay: &Ix| *relay != node && !tree.has(*relay) && roster.is_relay(*relay) && may(*relay);
    let room = |relay: &Ix| roster.room(*relay, tree.source);
    let roomy = roster.everybody().filter(|relay| idle(relay) && room(relay) >= tree.kbps);
    let relay = roomy.max_by_key(|relay| (room(relay), std::cmp::Reverse(*relay)))?;
    let Some(parent) = find(roster, group, at, relay, Some(node), small, Reach::Anybody) else {
        return displace(roster, &mut group.trees[at], relay, false, node).then_some(relay);
    };
    if group.trees[at].leads_through(node, parent) {
        return None;
    }
    group.trees[at].seat(roster, relay, parent, false);
    let fits = is_shallow(&group.trees[at], relay);
    if !fits {
        group.trees[at].unseat(roster, relay);
    }
    fits.then_some(relay)
}

/// A node takes the place of a leaf where nobody in the tree has room, and feeds that leaf; not that of `spared`. False if
/// there is none whose place it can take, or it has not the room to feed another beside it.
fn displace(roster: &mut Roster, tree: &mut Tree, node: Ix, takes: bool, spared: Ix) -> bool {
    if roster.room(node, tree.source) < 2 * tree.kbps {
        return false;
    }
    let leaves = tree.rows().filter(|(leaf, parent)| {
        let may = roster.may_feed(tree.source, *parent, node) && roster.may_feed(tree.source, node, *leaf);
        let may = may && roster.pairs.may_link(*parent, node) && roster.pairs.may_link(node, *leaf);
        may && ![node, spared].contains(leaf) && tree.fanout(*leaf) == 0 && tree.is_fed(*leaf)
    });
    let Some((leaf, parent)) = leaves.min_by_key(|(leaf, _)| (tree.depth(*leaf), *leaf)) else {
        return false;
    };
    if !is_shallow(tree, parent) || usize::from(tree.depth(parent)) + 2 >= LINKS_MAX {
        return false;
    }
    let leaf_takes = tree.takes(leaf);
    tree.unseat(roster, leaf);
    tree.seat(roster, node, parent, takes);
    tree.seat(roster, leaf, node, leaf_takes);
    true
}

/// Hangs a node on a parent, with what hangs on it.
fn hang(roster: &mut Roster, tree: &mut Tree, node: Ix, parent: Ix, takes: bool) {
    tree.seat(roster, node, parent, takes);
    if tree.fanout(node) > 0 {
        tree.refresh(roster);
    }
}

/// Seats a node in every tree of a group, or in none (but where it feeds others it stays).
pub(super) fn take(roster: &mut Roster, group: &mut Group, node: Ix, small: bool) -> bool {
    for at in 0..group.trees.len() {
        if group.trees[at].parent(node).is_some() {
            group.trees[at].set_takes(node, true);
        } else if !seat(roster, group, at, node, true, small) {
            release(roster, group, node);
            return false;
        }
    }
    true
}

/// A relay joins a tree before anybody needs it, so that it is warm. False if there is none, or no room for it.
pub(super) fn warm(roster: &mut Roster, group: &mut Group, at: usize) -> bool {
    let tree = &group.trees[at];
    let idle = roster.everybody().filter(|node| roster.is_relay(*node) && !tree.has(*node));
    let room = |relay: &Ix| roster.room(*relay, tree.source);
    let roomy = idle.filter(|relay| room(relay) >= tree.kbps);
    let relay = roomy.max_by_key(|relay| (room(relay), std::cmp::Reverse(*relay)));
    let parent = |relay| {
        find(roster, group, at, relay, None, true, Reach::Chosen)
            .or_else(|| find(roster, group, at, relay, None, true, Reach::Anybody))
    };
    let Some((relay, parent)) = relay.and_then(|relay| Some((relay, parent(relay)?))) else { return false };
    group.trees[at].seat(roster, relay, parent, false);
    true
}

/// A node takes this group no longer. Where it feeds others it stays, as one who only relays.
pub(super) fn release(roster: &mut Roster, group: &mut Group, node: Ix) {
    for tree in &mut group.trees {
        if tree.takes(node) {
            tree.set_takes(node, false);
            if tree.fanout(node) == 0 {
                tree.unseat(roster, node);
            }
        }
    }
}

/// True if what comes at `then` instead of `now` is worth moving an edge for, 0.1 ms.
pub(super) fn gains(now: u32, then: u32) -> bool {
    then + GAIN < now && (now - then) * 100 > now * GAIN_PERCENT
}

/// Gives a node another parent if that gains enough. True if it has moved.
pub(super) fn improve(roster: &mut Roster, group: &mut Group, at: usize, node: Ix, small: bool) -> bool {
    let tree = &group.trees[at];
    let Some(parent) = tree.parent(node) else { return false };
    let many = roster.people() > config::AFRESH_MEETING;
    let reach = if group.shape.m == 0 && many { Reach::Strong } else { Reach::Chosen };
    let Some(better) = find(roster, group, at, node, Some(parent), small, reach) else {
        return false;
    };
    let spent = spent(group, at, node);
    let shared = cost(tree, roster, parent, node, spent) - tree.arrival(roster, parent, node);
    // While one of them has not been measured nothing is known to be nearer.
    let is_known = [node, parent, better].iter().all(|at| roster.supply(*at).coordinate.is_known());
    let way = |from: Ix| if is_known { 0 } else { roster.one_way(from, node) };
    let now = tree.delay(node) + shared + burden(tree, roster, parent, node, small);
    let then = cost(tree, roster, better, node, spent) + burden(tree, roster, better, node, small);
    let (now, then) = (now.saturating_sub(way(parent)), then.saturating_sub(way(better)));
    if !gains(now, then) {
        return false;
    }
    let takes = tree.takes(node);
    hang(roster, &mut group.trees[at], node, better, takes);
    true
}
