//! Edges that hold, and move only because others are better.

use crate::config;

use super::seat::{improve, is_at_risk};
use super::settle::Settler;
use super::swap::{self, Swaps};

/// How often all rows of a small meeting are looked at for a better parent.
const IMPROVE_PASSES: usize = 4;

impl Settler<'_> {
    /// Moves edges that gain enough by it, first those that would be missed together with another of the same sound. True if
    /// any was.
    pub(super) fn better(&mut self) -> bool {
        let people = self.roster.people();
        let most = if people <= config::AFRESH_MEETING { usize::MAX } else { people };
        let mut left = most;
        for pass in 0..=IMPROVE_PASSES {
            let before = left;
            for group in self.channels.iter_mut().flat_map(|channel| &mut channel.groups) {
                group.trees.iter_mut().for_each(|tree| tree.refresh(self.roster));
                for at in 0..group.trees.len() {
                    for node in 0..group.trees[at].nodes() {
                        if left == 0 {
                            return true;
                        }
                        if pass == 0 && !is_at_risk(group, at, node) {
                            continue;
                        }
                        left -= usize::from(improve(self.roster, group, at, node, self.small));
                    }
                }
            }
            if pass == 0 && most < usize::MAX {
                self.swap(&mut left);
            }
            if left == before && pass > 0 {
                break;
            }
        }
        left < most
    }

    /// Has nodes change places where all together gain enough by it, first those whom most hang on. Sound keeps its ways, which are
    /// chosen to be apart.
    fn swap(&mut self, left: &mut usize) {
        let groups = self.channels.iter_mut().flat_map(|channel| &mut channel.groups);
        let plain = groups.filter(|group| group.shape.m == 0);
        for tree in plain.flat_map(|group| &mut group.trees) {
            tree.refresh(self.roster);
            let mut swaps = Swaps::new(self.roster, tree, self.small);
            for node in swaps.order() {
                if *left < swap::EDGES {
                    return;
                }
                *left -= swaps.swap(node, *left);
            }
        }
    }
}
