//! Two backup parents for each row, warm ones first, of other owners.

use std::collections::BTreeMap;

use crate::config;

use super::channel::Group;
use super::place::is_shallow;
use super::roster::{Ix, NONE, Roster};
use super::tree::Tree;

/// A backup that hangs on the parent which it should replace counts this much longer, 0.1 ms.
const BEHIND: u32 = 3_000;
/// The source keeps its uplink for those whom nobody else can save (a guess), 0.1 ms.
const SOURCE: u32 = 500;
/// A relay outside of the tree has to be fed first, which takes a way to the source and back, and this much, 0.1 ms.
const COLD: u32 = 500;
/// How late a backup itself is counts by this part: what it has is given at once, and it feeds for a few seconds.
const LATE_PART: u32 = 4;
/// Somebody who has promised all the room that is left counts this much longer, 0.1 ms.
const PROMISED: u32 = 500;
/// A backup that is one already counts as this much nearer, 0.1 ms: who has another is told so.
const KEPT: u32 = 200;
/// Backups that are kept in sight for each region, and how many of them are looked at.
const NEAR: usize = 64;
const LOOK: usize = 32;
/// With fewer feeders than this everybody in the tree is looked at.
const FEW: usize = 64;

/// What everybody has promised to those who may lose their parent, kbit/s, by number.
#[derive(Debug, Default)]
pub(super) struct Promises(Vec<u32>);

impl Promises {
    fn of(&self, node: Ix) -> u32 {
        self.0.get(node as usize).copied().unwrap_or(0)
    }

    fn add(&mut self, node: Ix, kbps: u32) {
        let at = node as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] = self.0[at].saturating_add(kbps);
    }

    fn withdraw(&mut self, node: Ix, kbps: u32) {
        if let Some(promised) = self.0.get_mut(node as usize) {
            *promised = promised.saturating_sub(kbps);
        }
    }
}

/// Who could save somebody in one tree.
pub(super) struct Pool {
    candidates: Vec<Ix>,
    /// By region.
    sights: BTreeMap<usize, Vec<(u32, Ix)>>,
}

impl Pool {
    /// Feeders of the tree with room for grafts; where they are few, everybody in it and the relays beside it.
    pub(super) fn new(roster: &Roster, tree: &Tree) -> Pool {
        let roomy = |node: &Ix| roster.graft_room(*node, tree.source) >= tree.kbps && is_shallow(tree, *node);
        let mut candidates: Vec<Ix> =
            tree.inner().iter().copied().filter(|node| tree.has(*node) && roomy(node)).collect();
        if candidates.len() < FEW {
            let relays = roster.everybody().filter(|node| roster.is_relay(*node) && !tree.has(*node));
            // Nobody is in it twice: the source has no row, and these relays have none either.
            let all = tree.rows().map(|(node, _)| node).chain([tree.source]).chain(relays);
            candidates = all.filter(roomy).collect();
        }
        Pool { candidates, sights: BTreeMap::new() }
    }

    fn in_sight(&mut self, roster: &Roster, tree: &Tree, region: usize) -> &[(u32, Ix)] {
        if !self.sights.contains_key(&region) {
            let base = |node: Ix| match (node == tree.source, tree.has(node)) {
                (true, _) => SOURCE,
                (_, true) => tree.delay(node) / LATE_PART,
                (_, false) => 2 * roster.one_way(tree.source, node) + COLD,
            };
            // There and back until it feeds, and once more for each frame.
            let far = |node: Ix| base(node) + 2 * roster.one_way_to_region(node, region);
            let mut sight: Vec<(u32, Ix)> = self.candidates.iter().map(|node| (far(*node), *node)).collect();
            if sight.len() > NEAR {
                sight.select_nth_unstable(NEAR - 1);
                sight.truncate(NEAR);
            }
            sight.sort_unstable();
            self.sights.insert(region, sight);
        }
        self.sights.get(&region).map_or(&[], Vec::as_slice)
    }
}

/// True if these backups still can do what they are for.
fn hold(roster: &Roster, tree: &Tree, node: Ix, parent: Ix) -> bool {
    tree.backups[node as usize].iter().all(|backup| {
        *backup != NONE
            && *backup != parent
            && (tree.has(*backup) || roster.is_relay(*backup))
            && (*backup == tree.source || roster.lends(*backup) > 0)
            && roster.may_feed(tree.source, *backup, node)
            && !(tree.fanout(node) > 0 && tree.leads_through(node, *backup))
    })
}

/// Sees to the backups of one row; those that still hold are kept, if it is not to be found `anew` who is best. True if they
/// are others.
pub(super) fn fill(
    roster: &Roster,
    tree: &mut Tree,
    pool: &mut Pool,
    promises: &mut Promises,
    node: Ix,
    anew: bool,
) -> bool {
    let Some(parent) = tree.parent(node) else {
        clear(tree, promises, node);
        return false;
    };
    if hold(roster, tree, node, parent) && !anew {
        return false;
    }
    let before = tree.backups[node as usize];
    clear(tree, promises, node);
    let mut found = [NONE; config::BACKUPS];
    for strict in [true, false] {
        for at in 0..config::BACKUPS {
            if found[at] != NONE {
                continue;
            }
            let others = &found[..at];
            let sight = pool.in_sight(roster, tree, roster.region(node));
            let is_behind =
                |backup: Ix| parent != tree.source && tree.has(backup) && tree.leads_through(parent, backup);
            let fits = |backup: Ix| {
                let apart = |other: Ix| !roster.same_owner(backup, other);
                backup != node
                    && backup != parent
                    && roster.may_feed(tree.source, backup, node)
                    && !others.contains(&backup)
                    && (!strict || apart(parent) && others.iter().all(|other| apart(*other)))
                    && !(tree.fanout(node) > 0 && tree.leads_through(node, backup))
            };
            let near = sight.iter().filter(|(_, backup)| fits(*backup)).take(LOOK);
            let cost = |far: u32, backup: Ix| {
                let busy = u64::from(promises.of(backup)) * u64::from(PROMISED)
                    / u64::from(roster.graft_room(backup, tree.source).max(1));
                let cost = far
                    + if is_behind(backup) { BEHIND } else { 0 }
                    + u32::try_from(busy.min(10_000)).unwrap_or(0);
                cost.saturating_sub(if before.contains(&backup) { KEPT } else { 0 })
            };
            let best = near.map(|(far, backup)| (cost(*far, *backup), *backup)).min();
            found[at] = best.map_or(NONE, |(_, backup)| backup);
        }
    }
    found.sort_by_key(|backup| *backup == NONE);
    for backup in found.iter().filter(|backup| **backup != NONE) {
        promises.add(*backup, tree.kbps);
    }
    let mut sorted = (before, found);
    sorted.0.sort_unstable();
    sorted.1.sort_unstable();
    let others = sorted.0 != sorted.1;
    tree.backups[node as usize] = if others { found } else { before };
    if others {
        tree.touch(node);
    }
    others
}

fn clear(tree: &mut Tree, promises: &mut Promises, node: Ix) {
    let before = std::mem::replace(&mut tree.backups[node as usize], [NONE; config::BACKUPS]);
    for backup in before.into_iter().filter(|backup| *backup != NONE) {
        promises.withdraw(backup, tree.kbps);
    }
}

/// Sees to the backups of every row of a group; `anew` says whose are to be found anew. True if any of these are others.
pub(super) fn fill_all(
    roster: &Roster,
    group: &mut Group,
    promises: &mut Promises,
    anew: impl Fn(Ix) -> bool,
) -> bool {
    let mut others = false;
    for tree in &mut group.trees {
        let mut pool = Pool::new(roster, tree);
        for node in 0..tree.nodes() {
            others |= fill(roster, tree, &mut pool, promises, node, anew(node)) && anew(node);
        }
    }
    others
}

/// Takes everybody out of the trees of a group that ends.
pub(super) fn end(roster: &mut Roster, group: &mut Group, promises: &mut Promises) {
    for tree in &mut group.trees {
        for node in 0..tree.nodes() {
            clear(tree, promises, node);
            tree.unseat(roster, node);
        }
    }
}

/// Nobody counts on this node any more: it is gone.
pub(super) fn drop_backup(tree: &mut Tree, promises: &mut Promises, gone: Ix) {
    for node in 0..tree.nodes() {
        if tree.backups[node as usize].contains(&gone) {
            clear(tree, promises, node);
            tree.touch(node);
        }
    }
    clear(tree, promises, gone);
}
