//! A plan as it is told: rows by id, what is carried, and why somebody gets no more.

use std::collections::BTreeMap;

use crate::id::NodeId;
use crate::unit::{Layer, TreeId};

use super::channel::Group;
use super::group::Shape;
use super::planner::Planner;
use super::roster::{Ix, NONE};
use super::table::{Branch, Row, Why};
use super::tree::Tree;

/// All trees of a plan.
pub type Trees = BTreeMap<TreeId, Branch>;

/// A node's place in one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The tree.
    pub tree: TreeId,
    /// Its root.
    pub source: NodeId,
    /// The feed that it carries.
    pub feed: u32,
    /// What one child costs, kbit/s on the wire.
    pub kbps: u32,
    /// Into what its group is cut.
    pub shape: Shape,
    /// The node's row; none at the root.
    pub row: Option<Row>,
}

impl Planner {
    /// Who has other rows than when this was asked last, by id.
    pub fn changed(&mut self) -> Vec<NodeId> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    /// A node's places in all trees.
    pub fn seats(&self, id: NodeId) -> Vec<Seat> {
        let Some(node) = self.roster.find(id) else { return Vec::new() };
        let trees =
            self.groups().flat_map(|group| &group.trees).filter(|tree| !tree.is_empty() && tree.has(node));
        let seats = trees.map(|tree| Seat {
            tree: tree.id,
            source: self.roster.id(tree.source),
            feed: tree.feed,
            kbps: tree.kbps,
            shape: tree.shape,
            row: tree.parent(node).map(|parent| self.row(tree, node, parent)),
        });
        seats.collect()
    }

    /// Whom a node feeds in a tree.
    pub fn children(&self, tree: TreeId, id: NodeId) -> Vec<NodeId> {
        let tree = self.groups().flat_map(|group| &group.trees).find(|other| other.id == tree);
        let found = tree.zip(self.roster.find(id));
        found.map_or(Vec::new(), |(tree, node)| {
            tree.children(node).map(|child| self.roster.id(child)).collect()
        })
    }

    /// True if a node feeds somebody in any tree.
    pub fn feeds(&self, id: NodeId) -> bool {
        let feeds = |node| self.groups().flat_map(|group| &group.trees).any(|tree| tree.fanout(node) > 0);
        self.roster.find(id).is_some_and(feeds)
    }

    /// The whole plan's trees.
    pub fn trees(&self) -> Trees {
        let trees = self.groups().flat_map(|group| &group.trees).filter(|tree| !tree.is_empty());
        let branches = trees.map(|tree| {
            let rows = tree.rows().map(|(node, parent)| (self.roster.id(node), self.row(tree, node, parent)));
            let branch = Branch {
                source: self.roster.id(tree.source),
                feed: tree.feed,
                kbps: tree.kbps,
                k: tree.shape.k,
                m: tree.shape.m,
                rows: rows.collect(),
            };
            (tree.id, branch)
        });
        branches.collect()
    }

    /// The groups that carry anything: the first tree of each, what one child costs in one of its trees, and its shape.
    pub fn carried(&self) -> impl Iterator<Item = (TreeId, u32, Shape)> {
        let carried = self.groups().filter(|group| group.trees.iter().any(|tree| !tree.is_empty()));
        carried.filter_map(|group| group.trees.first()).map(|tree| (tree.id, tree.kbps, tree.shape))
    }

    /// Why a node does not get the largest picture of a slot; none if it does, or wants nothing.
    pub fn why(&self, slot: u8, id: NodeId) -> Option<Why> {
        let node = self.roster.find(id).filter(|node| self.roster.watches(*node))?;
        let channel =
            self.channels.iter().find(|channel| channel.feed.slot == slot && channel.source != node)?;
        let granted = channel.levels.get(node as usize).copied().unwrap_or(0);
        if channel.level_now(node) < granted {
            return Some(Why::Pieces);
        }
        let cut = channel.groups.len() < channel.feed.layers.len();
        channel.limits.get(node as usize).copied().flatten().or(cut.then_some(Why::Source))
    }

    /// The layer whose picture a node gets of a slot; sound if it gets only that.
    pub fn taken(&self, slot: u8, id: NodeId) -> Option<Layer> {
        let node = self.roster.find(id)?;
        let channel = self.channels.iter().find(|channel| channel.feed.slot == slot)?;
        let taken = channel.groups.iter().rev().find(|group| group.is_taken_by(node));
        taken.map(|group| group.rate.layer)
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        self.channels.iter().flat_map(|channel| &channel.groups)
    }

    fn row(&self, tree: &Tree, node: Ix, parent: Ix) -> Row {
        let backups = tree.backups[node as usize].iter().filter(|backup| **backup != NONE);
        Row {
            parent: self.roster.id(parent),
            backups: backups.map(|backup| self.roster.id(*backup)).collect(),
            takes: tree.takes(node),
        }
    }
}
