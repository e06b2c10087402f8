//! A feed as the planner carries it: a group of trees for each of its layers, and who gets which.

use crate::io::LayerRate;
use crate::unit::{Layer, TreeId};

use super::budget::unit_kbps;
use super::group::Shape;
use super::looks::Looks;
use super::roster::Ix;
use super::table::{Feed, Why};
use super::tree::Tree;

/// The trees of one layer.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) rate: LayerRate,
    pub(super) shape: Shape,
    pub(super) trees: Vec<Tree>,
}

impl Group {
    pub(super) fn new(feed: &Feed, source: Ix, rate: LayerRate, shape: Shape, nodes: usize) -> Group {
        let kbps = unit_kbps(rate, shape.k);
        let trees = (0..shape.trees()).map(|index| {
            let id = TreeId { slot: feed.slot, layer: rate.layer, index };
            let mut tree = Tree::new(id, source, feed.feed, kbps, shape);
            tree.fit(nodes);
            tree
        });
        Group { rate, shape, trees: trees.collect() }
    }

    /// True if nobody is in any of its trees.
    pub(super) fn is_bare(&self) -> bool {
        self.trees.iter().all(Tree::is_empty)
    }

    /// What one taker costs its parents together, kbit/s.
    pub(super) fn kbps(&self) -> u32 {
        self.trees.iter().map(|tree| tree.kbps).sum()
    }

    /// True if a node takes this layer: it is in every tree of it.
    pub(super) fn is_taken_by(&self, node: Ix) -> bool {
        !self.trees.is_empty() && self.trees.iter().all(|tree| tree.takes(node))
    }
}

/// A feed, its groups in the order of layers, and what is granted.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) feed: Feed,
    pub(super) source: Ix,
    pub(super) groups: Vec<Group>,
    /// Of how many pictures, ascending, each node is granted the last. By number of node.
    pub(super) levels: Vec<u8>,
    /// Why a node is granted no more.
    pub(super) limits: Vec<Option<Why>>,
}

impl Channel {
    pub(super) fn new(feed: Feed, source: Ix) -> Channel {
        Channel { feed, source, groups: Vec::new(), levels: Vec::new(), limits: Vec::new() }
    }

    /// Makes room for this many nodes.
    pub(super) fn fit(&mut self, nodes: usize) {
        if nodes > self.levels.len() {
            self.levels.resize(nodes, 0);
            self.limits.resize(nodes, None);
        }
        for tree in self.groups.iter_mut().flat_map(|group| &mut group.trees) {
            tree.fit(nodes);
        }
    }

    /// True if nobody is in any of its trees.
    pub(super) fn is_bare(&self) -> bool {
        self.groups.iter().all(Group::is_bare)
    }

    /// Where the pictures start in the groups: sound is the first if there is any.
    pub(super) fn first_picture(&self) -> usize {
        usize::from(self.groups.first().is_some_and(|group| group.rate.layer.is_audio()))
    }

    pub(super) fn pictures(&self) -> usize {
        self.groups.len() - self.first_picture()
    }

    /// The group of this level; none for level 0.
    pub(super) fn at_level(&self, level: u8) -> Option<usize> {
        (level > 0).then(|| self.first_picture() + usize::from(level) - 1)
    }

    /// The level whose picture a node gets now.
    pub(super) fn level_now(&self, node: Ix) -> u8 {
        let taken =
            |level: &u8| self.at_level(*level).is_some_and(|group| self.groups[group].is_taken_by(node));
        (1..=self.pictures() as u8).rev().find(taken).unwrap_or(0)
    }

    /// The level that a node with these looks wants: where all pictures are larger than it wants, the smallest.
    pub(super) fn level_wanted(&self, looks: Looks) -> u8 {
        let most = looks.most(self.feed.slot);
        if most.is_audio() {
            return 0;
        }
        let pictures = &self.groups[self.first_picture()..];
        let small = pictures.iter().filter(|group| group.rate.layer <= most).count();
        small.max(1).min(pictures.len()) as u8
    }

    /// What this level costs more than the one before, kbit/s.
    pub(super) fn step_kbps(&self, level: u8) -> u32 {
        let kbps = |level| self.at_level(level).map_or(0, |group| self.groups[group].kbps());
        kbps(level).saturating_sub(kbps(level - 1))
    }

    pub(super) fn layer_at(&self, level: u8) -> Option<Layer> {
        self.at_level(level).map(|group| self.groups[group].rate.layer)
    }

    /// True if a node is to take this group.
    pub(super) fn grants(&self, group: usize, node: Ix, watches: bool) -> bool {
        if !watches || node == self.source {
            return false;
        }
        let level = self.levels.get(node as usize).copied().unwrap_or(0);
        self.groups[group].rate.layer.is_audio() || self.at_level(level) == Some(group)
    }
}
