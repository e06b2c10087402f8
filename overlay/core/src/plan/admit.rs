//! Who gets which layer: as much as fits, sound first, people before pixels.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::NodeId;
use crate::unit::{Layer, TreeId};

use super::backups;
use super::budget::wire_kbps;
use super::place::{Budgets, place};
use super::table::{Branch, Feed, Plan, View};

/// One watcher of one slot gets the next larger picture.
struct Step {
    slot: u8,
    watcher: NodeId,
}

type Trees = BTreeMap<TreeId, Branch>;

/// So often a plan is made again from itself, to see whether it stays as it is.
const ROUNDS: usize = 8;

/// Makes the trees of a plan. `previous` is what holds now: places in it are kept where they can be. A plan made
/// again from itself is the same: where two or more would take turns, the least of them holds.
pub fn compute(view: &View, previous: Option<&Plan>) -> Trees {
    let mut last = improve(view, previous);
    let mut before: Vec<Trees> = previous.iter().map(|plan| plan.trees.clone()).collect();
    for _ in 0..ROUNDS {
        if let Some(first) = before.iter().position(|earlier| *earlier == last) {
            return before.drain(first..).min().unwrap_or(last);
        }
        let plan = Plan { feeds: view.feeds.clone(), trees: last.clone(), ..Plan::default() };
        before.push(last);
        last = improve(view, Some(&plan));
    }
    last
}

/// Larger layers are granted step by step (every slot and watcher up to 360p before anybody's 720p);
/// the most steps that leave nobody without what the smallest layers would give are found by halving.
fn improve(view: &View, previous: Option<&Plan>) -> Trees {
    let steps = steps(view, previous);
    let base = construct(view, &steps[..0], previous);
    let needed = served(&base);
    let (mut good, mut bad) = (0, steps.len() + 1);
    let mut best = base;
    let mut probe = steps.len();
    while bad - good > 1 {
        let trees = construct(view, &steps[..probe], previous);
        if needed.is_subset(&served(&trees)) {
            (good, best) = (probe, trees);
        } else {
            bad = probe;
        }
        probe = good + (bad - good) / 2;
    }
    best
}

/// Who takes sound or picture of which slot.
fn served(trees: &Trees) -> BTreeSet<(u8, bool, NodeId)> {
    let takers = trees.iter().flat_map(|(tree, branch)| {
        let takes = branch.rows.iter().filter(|(_, row)| row.takes);
        takes.map(|(id, _)| (tree.slot, tree.layer.is_audio(), *id))
    });
    takers.collect()
}

fn pictures(feed: &Feed) -> Vec<Layer> {
    feed.layers.iter().map(|rate| rate.layer).filter(|layer| !layer.is_audio()).collect()
}

fn watchers<'a>(view: &'a View, feed: &'a Feed) -> impl Iterator<Item = NodeId> + 'a {
    let watching = view.nodes.iter().filter(|(id, supply)| supply.watch && **id != feed.source);
    watching.map(|(id, _)| *id)
}

fn steps(view: &View, previous: Option<&Plan>) -> Vec<Step> {
    let mut steps = Vec::new();
    for level in 1..Layer::ALL.len() {
        for feed in view.feeds.iter().filter(|feed| pictures(feed).len() > level) {
            let layer = pictures(feed)[level];
            let had = |id: &NodeId| previous.and_then(|plan| plan.taken(feed.slot, *id)) >= Some(layer);
            let mut order: Vec<NodeId> = watchers(view, feed).collect();
            order.sort_by_key(|id| (!had(id), *id));
            steps.extend(order.into_iter().map(|watcher| Step { slot: feed.slot, watcher }));
        }
    }
    steps
}

/// Builds all trees for the layers that the steps lead to; rows are missing where supply ran out.
fn construct(view: &View, steps: &[Step], previous: Option<&Plan>) -> Trees {
    let mut level: BTreeMap<(u8, NodeId), usize> = BTreeMap::new();
    for step in steps {
        *level.entry((step.slot, step.watcher)).or_default() += 1;
    }
    let mut demands = demands(view, &level);
    demands.sort_by_key(|demand| (demand.tree.layer, demand.tree.slot));
    let mut budgets = Budgets::new(view);
    let reserved: Vec<bool> =
        demands.iter().map(|demand| budgets.reserve(demand.source, u64::from(demand.kbps))).collect();
    let mut trees = Trees::new();
    for (demand, reserved) in demands.into_iter().zip(reserved) {
        let kbps = u64::from(demand.kbps);
        if reserved {
            budgets.release(demand.source, kbps);
        }
        let before = previous.and_then(|plan| plan.trees.get(&demand.tree));
        let before = before.filter(|branch| branch.source == demand.source);
        let rows = place(&mut budgets, demand.source, kbps, &demand.receivers, before);
        let Demand { tree, source, feed, kbps, .. } = demand;
        trees.insert(tree, Branch { source, feed, kbps, k: 1, m: 0, rows });
    }
    let mut promised = BTreeMap::new();
    for branch in trees.values_mut() {
        backups::fill(view, &budgets, &mut promised, branch);
    }
    trees.retain(|_, branch| !branch.rows.is_empty());
    trees
}

/// A tree that is to be built, and for whom.
struct Demand {
    tree: TreeId,
    source: NodeId,
    feed: u32,
    kbps: u32,
    receivers: BTreeSet<NodeId>,
}

fn demands(view: &View, level: &BTreeMap<(u8, NodeId), usize>) -> Vec<Demand> {
    let mut demands = Vec::new();
    for feed in &view.feeds {
        let pictures = pictures(feed);
        for rate in &feed.layers {
            let place = pictures.iter().position(|layer| *layer == rate.layer);
            let wants = |id: &NodeId| {
                let granted = level.get(&(feed.slot, *id)).copied().unwrap_or(0);
                place.is_none_or(|place| place == granted.min(pictures.len() - 1))
            };
            let receivers: BTreeSet<NodeId> = watchers(view, feed).filter(wants).collect();
            if !receivers.is_empty() {
                let tree = TreeId { slot: feed.slot, layer: rate.layer, index: 0 };
                demands.push(Demand {
                    tree,
                    source: feed.source,
                    feed: feed.feed,
                    kbps: wire_kbps(*rate),
                    receivers,
                });
            }
        }
    }
    demands
}
