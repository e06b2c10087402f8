//! Brings trees that are there to what is granted, with as few changes as it takes.

use super::channel::{Channel, Group};
use super::roster::{Ix, Roster};
use super::seat::{release, seat, take, warm};
use super::table::Why;
use super::tree::Tree;

/// Relays that each tree of a small meeting gets where there are any, so that a backup is warm.
const RELAYS_PER_TREE: usize = 2;
/// So many in a row who find no room for a layer in a large meeting, and the rest isn't tried.
const FAILURES_MAX: usize = 8;
/// From how many others a larger picture is taken for one who would be without sound or picture.
const SQUEEZE_MAX: usize = 8;

/// Everybody, all trees, and what is to be done with them.
pub(super) struct Settler<'a> {
    pub(super) roster: &'a mut Roster,
    pub(super) channels: &'a mut [Channel],
    pub(super) small: bool,
    mesh: bool,
}

impl<'a> Settler<'a> {
    pub(super) fn new(
        roster: &'a mut Roster,
        channels: &'a mut [Channel],
        small: bool,
        mesh: bool,
    ) -> Settler<'a> {
        roster.release_all();
        for channel in channels.iter() {
            let trees = channel.groups.iter().flat_map(|group| &group.trees);
            trees.filter(|tree| tree.is_empty()).for_each(|tree| roster.hold(tree.source, tree.kbps));
        }
        Settler { roster, channels, small, mesh }
    }

    /// Everything that the grants ask for; and what is only better, if there is time for that. True if anything was.
    pub(super) fn settle(&mut self, betters: bool) -> bool {
        self.shed();
        self.spare();
        self.lower();
        self.root();
        self.rehang();
        self.warm_up();
        self.seat_sound();
        self.seat_pictures(true);
        self.seat_pictures(false);
        self.seat_pictures(true);
        self.prune();
        self.small && betters && self.better()
    }

    /// What the grants ask for one node.
    pub(super) fn settle_one(&mut self, node: Ix) {
        let watches = self.roster.watches(node);
        for at in 0..self.channels.len() {
            let channel = &mut self.channels[at];
            let most = match channel.limits[node as usize] {
                // Its way in is full now; what it gives others is seen to when all is planned.
                Some(Why::Downlink) => channel.levels[node as usize],
                _ => channel.level_wanted(self.roster.looks(node)),
            };
            if channel.level_now(node) > most {
                lower(self.roster, channel, node, most, self.small);
            }
            let first = channel.first_picture();
            if first > 0 && channel.grants(0, node, watches) && !channel.groups[0].is_taken_by(node) {
                let served = take(self.roster, &mut channel.groups[0], node, self.small);
                if !served {
                    self.squeeze(at, 0, node);
                }
            }
            if watches && self.channels[at].source != node {
                self.seat_picture(at, node);
            }
        }
    }

    /// What the grants ask for those whose rows have changed.
    pub(super) fn settle_touched(&mut self) {
        let trees = self.channels.iter().flat_map(|channel| &channel.groups).flat_map(|group| &group.trees);
        let mut touched: Vec<Ix> = trees.flat_map(|tree| tree.touched().iter().copied()).collect();
        touched.sort_unstable();
        touched.dedup();
        for node in touched {
            self.settle_one(node);
        }
    }

    /// Whoever gives more than it may gives up children: leaves first, of the largest layer.
    fn shed(&mut self) {
        for node in 0..self.roster.len() as Ix {
            loop {
                let lends_too_much = self.roster.lends_too_much(node);
                if !lends_too_much && !self.roster.is_over(node) {
                    break;
                }
                let trees = self.channels.iter_mut().flat_map(|channel| &mut channel.groups);
                let trees = trees.flat_map(|group| &mut group.trees);
                let trees =
                    trees.filter(|tree| tree.fanout(node) > 0 && !(lends_too_much && tree.source == node));
                let Some(tree) = trees.max_by_key(|tree| (tree.id.layer, tree.id)) else { break };
                let child = tree.children(node).max_by_key(|child| (tree.fanout(*child) == 0, *child));
                let Some(child) = child else { break };
                tree.unseat(self.roster, child);
            }
        }
    }

    /// Whose way in is full passes on no picture that it is not granted: what hangs on it there hangs elsewhere.
    fn spare(&mut self) {
        let roster = &*self.roster;
        let is_full = |node: &Ix| roster.supply(*node).downlink_kbps > 0 && !roster.is_relay(*node);
        for node in roster.everybody().filter(is_full).collect::<Vec<_>>() {
            for channel in self.channels.iter_mut().filter(|channel| channel.source != node) {
                let first = channel.first_picture();
                let granted = channel.at_level(channel.levels[node as usize]);
                let groups = channel.groups.iter_mut().enumerate().skip(first);
                let keeps = |at: usize, group: &Group| granted >= Some(at) && group.is_taken_by(node);
                let others = groups.filter(|(at, group)| Some(*at) != granted && !keeps(*at, group));
                for tree in others.flat_map(|(_, group)| &mut group.trees) {
                    for child in tree.children(node).collect::<Vec<_>>() {
                        tree.unseat(self.roster, child);
                    }
                    if tree.parent(node).is_some() {
                        tree.unseat(self.roster, node);
                    }
                }
            }
        }
    }

    /// Nobody takes what is not granted.
    fn lower(&mut self) {
        for channel in self.channels.iter_mut() {
            let first = channel.first_picture();
            for node in 0..self.roster.len() as Ix {
                let watches = self.roster.watches(node);
                if first > 0 && !channel.grants(0, node, watches) {
                    release(self.roster, &mut channel.groups[0], node);
                }
                let granted =
                    if watches && node != channel.source { channel.levels[node as usize] } else { 0 };
                lower(self.roster, channel, node, granted, self.small);
            }
        }
    }

    /// A source feeds somebody in each of its trees that anybody is to take: others give up their places for it, where it feeds
    /// more than one.
    fn root(&mut self) {
        for channel in self.channels.iter_mut() {
            let source = channel.source;
            for layer in 0..channel.groups.len() {
                let is_granted = |node: Ix| channel.grants(layer, node, self.roster.watches(node));
                if !self.roster.everybody().any(is_granted) {
                    continue;
                }
                for at in 0..channel.groups[layer].trees.len() {
                    loop {
                        let tree = &channel.groups[layer].trees[at];
                        if !tree.is_empty() || tree.room(self.roster, source) >= tree.kbps {
                            break;
                        }
                        let trees = channel.groups.iter_mut().flat_map(|group| &mut group.trees);
                        let crowded = trees.filter(|tree| tree.fanout(source) > 1);
                        let Some(tree) = crowded.max_by_key(|tree| (tree.fanout(source), tree.id)) else {
                            break;
                        };
                        let child =
                            tree.children(source).max_by_key(|child| (tree.fanout(*child) == 0, *child));
                        let Some(child) = child else { break };
                        tree.unseat(self.roster, child);
                    }
                }
            }
        }
    }

    /// Whoever feeds others and lost its parent gets another, the strongest first; what hangs on it comes along. Where
    /// there is none its children have to look for themselves.
    pub(super) fn rehang(&mut self) {
        for channel in self.channels.iter_mut() {
            for layer in 0..channel.groups.len() {
                for at in 0..channel.groups[layer].trees.len() {
                    let source = channel.source;
                    let tree = &channel.groups[layer].trees[at];
                    let lost =
                        |node: &Ix| *node != source && tree.fanout(*node) > 0 && tree.parent(*node).is_none();
                    let mut lost: Vec<Ix> = (0..tree.nodes()).filter(lost).collect();
                    lost.sort_by_key(|node| (tree.fanout(*node), std::cmp::Reverse(*node)));
                    while let Some(node) = lost.pop() {
                        // Another picture that it has meanwhile stays the only one until this one is settled.
                        let takes = channel.grants(layer, node, self.roster.watches(node))
                            && (layer < channel.first_picture() || channel.level_now(node) == 0);
                        let group = &mut channel.groups[layer];
                        if group.trees[at].fanout(node) == 0
                            || seat(self.roster, group, at, node, takes, self.small)
                        {
                            continue;
                        }
                        for child in group.trees[at].children(node).collect::<Vec<_>>() {
                            group.trees[at].unseat(self.roster, child);
                            if group.trees[at].fanout(child) > 0 {
                                lost.push(child);
                            }
                        }
                    }
                }
            }
        }
    }

    fn warm_up(&mut self) {
        if !self.small || self.mesh {
            return;
        }
        for channel in self.channels.iter_mut() {
            for layer in 0..channel.groups.len() {
                let granted = |node: Ix| channel.grants(layer, node, self.roster.watches(node));
                let takers = self.roster.everybody().filter(|node| granted(*node)).count();
                let group = &mut channel.groups[layer];
                for at in 0..group.trees.len() {
                    let relays = relays_in(self.roster, &group.trees[at]);
                    for _ in relays..RELAYS_PER_TREE.min(takers) {
                        if !warm(self.roster, group, at) {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Everybody in the order in which they are seated: whoever brings the most room into a tree.
    fn strongest_first(&self, at: usize) -> Vec<Ix> {
        let source = self.channels[at].source;
        let mut order: Vec<Ix> = (0..self.roster.len() as Ix).collect();
        order.sort_by_key(|node| (std::cmp::Reverse(self.roster.room(*node, source)), *node));
        order
    }

    fn seat_sound(&mut self) {
        for at in 0..self.channels.len() {
            if self.channels[at].first_picture() == 0 {
                continue;
            }
            let mut failures = 0;
            for node in self.strongest_first(at) {
                let channel = &mut self.channels[at];
                let granted = channel.grants(0, node, self.roster.watches(node));
                let hopeless = !self.small && failures >= FAILURES_MAX;
                if !granted || channel.groups[0].is_taken_by(node) || hopeless {
                    continue;
                }
                let served =
                    take(self.roster, &mut channel.groups[0], node, self.small) || self.squeeze(at, 0, node);
                failures = if served { 0 } else { failures + 1 };
            }
        }
    }

    /// Gives everybody the picture that is granted, or the largest below it that there is room for; `first` only those who
    /// have none.
    fn seat_pictures(&mut self, first: bool) {
        for at in 0..self.channels.len() {
            let mut failures = 0;
            for node in self.strongest_first(at) {
                let channel = &self.channels[at];
                if !self.roster.watches(node) || node == channel.source {
                    continue;
                }
                let (granted, now) = (channel.levels[node as usize], channel.level_now(node));
                let hopeless = !self.small && failures >= FAILURES_MAX;
                if now >= granted || first && now > 0 || hopeless {
                    continue;
                }
                let served = self.seat_picture(at, node);
                failures = if served { 0 } else { failures + 1 };
            }
        }
    }

    /// True if the node then has the picture that is granted.
    fn seat_picture(&mut self, at: usize, node: Ix) -> bool {
        let channel = &mut self.channels[at];
        let granted = channel.levels[node as usize];
        let got = settle_level(self.roster, channel, node, granted, self.small);
        if got == 0 && granted > 0 {
            let smallest = channel.first_picture();
            return self.squeeze(at, smallest, node) && granted == 1;
        }
        got == granted
    }

    /// Makes room for somebody's sound or smallest picture: others fall back to a smaller picture.
    fn squeeze(&mut self, at: usize, layer: usize, node: Ix) -> bool {
        for _ in 0..SQUEEZE_MAX {
            let Some((victim, taker, level)) = self.victim(layer) else { return false };
            let channel = &mut self.channels[victim];
            if let Some(group) = channel.at_level(level) {
                release(self.roster, &mut channel.groups[group], taker);
            }
            let served = take(self.roster, &mut self.channels[at].groups[layer], node, self.small);
            settle_level(self.roster, &mut self.channels[victim], taker, level - 1, self.small);
            if served {
                return true;
            }
        }
        false
    }

    /// Who takes the largest picture of all: channel, node, level. For sound also the smallest picture goes.
    fn victim(&self, layer: usize) -> Option<(usize, Ix, u8)> {
        let least = if layer == 0 { 1 } else { 2 };
        let most = self.channels.iter().map(Channel::pictures).max().unwrap_or(0) as u8;
        (least..=most).rev().find_map(|level| {
            self.channels.iter().enumerate().rev().find_map(|(at, channel)| {
                let group = channel.at_level(level).filter(|group| *group < channel.groups.len())?;
                let group = &channel.groups[group];
                let is_leaf = |node: &Ix| group.trees.iter().all(|tree| tree.fanout(*node) == 0);
                let takers = (0..self.roster.len() as Ix).rev().filter(|node| group.is_taken_by(*node));
                takers.filter(is_leaf).map(|node| (at, node, level)).next()
            })
        })
    }

    /// Takes out whoever neither takes anything nor feeds anybody.
    fn prune(&mut self) {
        for channel in self.channels.iter_mut() {
            for tree in channel.groups.iter_mut().flat_map(|group| &mut group.trees) {
                let mut relays = relays_in(self.roster, tree);
                let feeds_takers = tree.rows().any(|(node, _)| tree.takes(node));
                loop {
                    let idle = |node: &Ix| !tree.takes(*node) && tree.fanout(*node) == 0;
                    let keeps = |node: &Ix| {
                        let warm = self.small && !self.mesh && feeds_takers && relays <= RELAYS_PER_TREE;
                        warm && self.roster.is_relay(*node)
                    };
                    let found =
                        tree.rows().map(|(node, _)| node).filter(|node| idle(node) && !keeps(node)).last();
                    let Some(node) = found else { break };
                    relays -= usize::from(self.roster.is_relay(node));
                    tree.unseat(self.roster, node);
                }
            }
        }
    }
}

/// A node takes no picture above `most`, and only one.
fn lower(roster: &mut Roster, channel: &mut Channel, node: Ix, most: u8, small: bool) {
    let now = channel.level_now(node);
    for level in (1..=channel.pictures() as u8).filter(|level| *level > most || *level < now) {
        if let Some(group) = channel.at_level(level) {
            release(roster, &mut channel.groups[group], node);
        }
    }
    if now > most {
        settle_level(roster, channel, node, most, small);
    }
}

/// Gives a node the largest picture up to `most` that there is room for; what it has is kept until then, and then let go.
/// Gives the level that it has now.
fn settle_level(roster: &mut Roster, channel: &mut Channel, node: Ix, most: u8, small: bool) -> u8 {
    let now = channel.level_now(node);
    let most = most.min(channel.pictures() as u8);
    for level in (now + 1..=most).rev() {
        let Some(group) = channel.at_level(level) else { continue };
        if take(roster, &mut channel.groups[group], node, small) {
            if let Some(before) = channel.at_level(now) {
                release(roster, &mut channel.groups[before], node);
            }
            return level;
        }
    }
    now
}

fn relays_in(roster: &Roster, tree: &Tree) -> usize {
    tree.rows().filter(|(node, _)| roster.is_relay(*node)).count()
}
