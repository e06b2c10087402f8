//! A plan that was made elsewhere, or in an earlier life, as the planner's tables.

use crate::unit::Layer;

use super::channel::Group;
use super::group::Shape;
use super::roster::{Ix, Roster};
use super::table::{Branch, Feed, Plan};

/// Into what a plan cuts a layer of a feed.
pub(super) fn shape_in(plan: &Plan, feed: &Feed, layer: Layer) -> Option<Shape> {
    let of_group = plan.trees.iter().filter(|(tree, _)| tree.slot == feed.slot && tree.layer == layer);
    let goes_on = |branch: &Branch| branch.feed == feed.feed && branch.source == feed.source;
    let mut same = of_group.filter(|(_, branch)| goes_on(branch));
    same.next().map(|(_, branch)| Shape { k: branch.k, m: branch.m })
}

/// Seats everybody whom the plan seats in the trees of a group, as far as both ends are there.
pub(super) fn load(roster: &mut Roster, group: &mut Group, plan: &Plan) {
    for tree in &mut group.trees {
        let branch = plan.trees.get(&tree.id).filter(|branch| {
            let same = (branch.k, branch.m) == (tree.shape.k, tree.shape.m) && branch.feed == tree.feed;
            same && roster.find(branch.source) == Some(tree.source)
        });
        let Some(branch) = branch else { continue };
        for (id, row) in &branch.rows {
            let ends = roster.find(*id).zip(roster.find(row.parent));
            let may = |(node, parent): &(Ix, Ix)| {
                *node != tree.source && roster.may_feed(tree.source, *parent, *node)
            };
            let Some((node, parent)) = ends.filter(may) else { continue };
            tree.seat(roster, node, parent, row.takes);
            let backups = row.backups.iter().map(|backup| roster.find(*backup));
            for (place, backup) in tree.backups[node as usize].iter_mut().zip(backups) {
                *place = backup.unwrap_or(*place);
            }
        }
        tree.refresh(roster);
    }
}
