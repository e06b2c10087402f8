//! The planner: keeps its tables between plans, so that one who comes or goes costs microseconds.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config;
use crate::id::NodeId;
use crate::time::Time;

use super::admit::{self, Terms};
use super::backups::{self, Pool, Promises};
use super::budget::admitted_kbps;
use super::channel::{Channel, Group};
use super::roster::{Ix, Roster};
use super::served::Served;
use super::settle::Settler;
use super::table::{Feed, Plan, Shapes, Supply, View};

/// Copies that a source sends of each of its trees by plan, where its uplink holds them: the second makes trees flatter,
/// and saves the first child's children.
pub(super) const COPIES_MAX: u32 = 2;
/// In a meeting in which not everybody may move at once edges move for the better no more often than this (a guess).
const BETTER_EVERY: Duration = Duration::from_secs(2);
/// How often they do while nobody comes or goes: two edges that get in each other's way don't move for ever.
const BETTER_ROUNDS: usize = 20;
/// Backups are found anew for one of so many at a time.
const BACKUP_TURNS: Ix = 4;

/// Plans a meeting, and goes on from the plan that it made.
///
/// - Tell it the meeting: [`Planner::update`] with everybody, or [`Planner::join`] and [`Planner::leave`] for one. They
///   are deterministic: integers, ties by number, nothing but their arguments and what was told before.
/// - Ask who has other rows than before: [`Planner::changed`].
/// - Ask for the rows: [`Planner::seats`] of a node, [`Planner::trees`] for all.
#[derive(Debug, Default)]
pub struct Planner {
    pub(super) roster: Roster,
    pub(super) channels: Vec<Channel>,
    pub(super) promises: Promises,
    view: Option<Settings>,
    pub(super) small: bool,
    /// The plan that is made now gives a tree to another source.
    pub(super) replugged: bool,
    /// Somebody was planned for alone who passes on a picture that it does not take, with a way in that is full.
    overburdened: bool,
    /// When edges were moved last because others are better.
    bettered: Option<Time>,
    /// How many more times they may before somebody comes or goes.
    rounds: usize,
    /// How many times in a row nothing was better.
    idle: Ix,
    pub(super) changed: BTreeSet<NodeId>,
}

/// What a view says beside who is there and who is plugged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Settings {
    terms: Terms,
    shapes: Shapes,
}

impl Planner {
    /// A planner that knows nobody yet.
    pub fn new() -> Planner {
        Planner::default()
    }

    /// Plans for the meeting as it is. What holds stays: an edge changes only if it must, or gains enough.
    pub fn update(&mut self, view: &View) {
        self.plan(view, None);
    }

    /// The same, where `previous` is what holds and this planner knows of no plan.
    pub fn resume(&mut self, view: &View, previous: &Plan) {
        self.plan(view, Some(previous));
    }

    fn plan(&mut self, view: &View, previous: Option<&Plan>) {
        let terms = Terms { main: view.main, turn: admit::turn_at(view.now), margins: view.margins };
        let settings = Settings { terms, shapes: view.shapes };
        let same = self.view.replace(settings) == Some(settings);
        let relieves = std::mem::take(&mut self.overburdened);
        let stays = !self.meet(view) && same && self.has_feeds(&view.feeds) && !relieves;
        if stays && self.better_at().is_none_or(|at| view.now < at) {
            return;
        }
        self.rounds = if stays { self.rounds - 1 } else { BETTER_ROUNDS };
        let grown = previous.is_some() || self.channels.iter().any(|channel| !channel.is_bare());
        self.lay_out(view, terms, previous);
        // Whoever was plugged in is waited for: others move with the next plan.
        if grown && self.small && !std::mem::take(&mut self.replugged) {
            self.start_over_if_better(view, terms);
        }
        self.note_changes();
    }

    /// Brings the trees that are there to what the view asks for, and builds those that are not.
    fn lay_out(&mut self, view: &View, terms: Terms, previous: Option<&Plan>) {
        self.small = self.roster.people() <= config::SMALL_MEETING;
        self.roster.divide();
        let crowd = self.crowd(view);
        self.tune(view, &crowd, previous);
        // Whose end would be felt by many is not what it was.
        let groups = self.channels.iter_mut().flat_map(|channel| &mut channel.groups);
        groups.flat_map(|group| &mut group.trees).for_each(|tree| tree.refresh(&self.roster));
        let steps = admit::steps(&self.roster, &self.channels, terms);
        let affordable = admit::affordable(&self.roster, &self.channels, &steps, terms);
        if self.channels.iter().flat_map(|channel| &channel.groups).any(Group::is_bare) {
            let granted = self.dealable(&steps, affordable, crowd.mesh);
            self.grant(&steps, granted, crowd.mesh);
            let (places, hands) = self.deal();
            self.build(&places, &hands);
        }
        self.grant(&steps, affordable, crowd.mesh);
        let betters = !self.replugged && self.may_better(view.now);
        let mut settler = Settler::new(&mut self.roster, &mut self.channels, self.small, crowd.mesh);
        let mut moved = settler.settle(betters);
        // Who was nobody's neighbour when a backup was named may be measured by now; a part of all at a time.
        let turn = (betters && self.small && self.roster.people() > config::AFRESH_MEETING)
            .then_some(self.rounds as Ix % BACKUP_TURNS);
        for channel in &mut self.channels {
            for group in &mut channel.groups {
                for tree in &mut group.trees {
                    tree.refresh(&self.roster);
                }
                let anew = |node: Ix| turn == Some(node % BACKUP_TURNS);
                moved |= backups::fill_all(&self.roster, group, &mut self.promises, anew);
            }
        }
        self.idle = if moved || !betters { 0 } else { self.idle + 1 };
    }

    /// When to plan again though nobody comes or goes: where not everybody may move at once, as long as edges are moved for the
    /// better.
    pub fn better_at(&self) -> Option<Time> {
        let finds_more = self.rounds > 0 && self.idle < BACKUP_TURNS;
        let goes_on = self.small && finds_more && self.roster.people() > config::AFRESH_MEETING;
        goes_on.then(|| self.bettered.map_or(Time::ZERO, |at| at + BETTER_EVERY))
    }

    /// True if it is time to move edges only because others are better: where not everybody may move at once that is not with
    /// each plan, since while many come there are several each second.
    fn may_better(&mut self, now: Time) -> bool {
        let pause = if self.roster.people() > config::AFRESH_MEETING { BETTER_EVERY } else { Duration::ZERO };
        let due = self.bettered.is_none_or(|at| now >= at + pause);
        if due {
            self.bettered = Some(now);
        }
        due
    }

    /// Trees that have grown while people came may leave somebody out whom trees made now would serve, or hang on people
    /// though relays have come: uplink that came later can't be reached past those who sit where they sat first. In a small meeting, where a plan costs little and
    /// everybody can move at once, the fresh one then holds.
    fn start_over_if_better(&mut self, view: &View, terms: Terms) {
        let move_at_once = self.roster.people() <= config::AFRESH_MEETING;
        let grown = Served::of(&self.roster, &self.channels);
        if grown.is_best(move_at_once) {
            return;
        }
        let mut fresh = Planner { view: self.view, ..Planner::default() };
        fresh.meet(view);
        fresh.lay_out(view, terms, None);
        if Served::of(&fresh.roster, &fresh.channels).beats(grown, move_at_once) {
            fresh.changed = std::mem::take(&mut self.changed);
            fresh.changed.extend(view.nodes.keys());
            *self = fresh;
        }
    }

    /// One comes (or has changed) while the rest stays: takes what there is room for. A later [`Planner::update`]
    /// looks at all again.
    pub fn join(&mut self, id: NodeId, supply: Supply) {
        let Some(settings) = self.view else { return };
        self.forget_if_it_hides(id, &supply);
        let (node, changed) = self.roster.put(id, supply);
        if !changed {
            return;
        }
        for channel in &mut self.channels {
            channel.fit(self.roster.len());
        }
        let (used, capped) = self.roster.totals();
        let left = admitted_kbps(capped, settings.terms.margins).saturating_sub(used);
        admit::grant_one(&self.roster, &mut self.channels, node, left, settings.terms);
        let mut settler = Settler::new(&mut self.roster, &mut self.channels, self.small, false);
        settler.settle_one(node);
        self.overburdened |= supply.downlink_kbps > 0 && self.passes_on(node);
        for group in self.channels.iter_mut().flat_map(|channel| &mut channel.groups) {
            for tree in group.trees.iter_mut().filter(|tree| tree.parent(node).is_some()) {
                let mut pool = Pool::new(&self.roster, tree);
                backups::fill(&self.roster, tree, &mut pool, &mut self.promises, node, false);
            }
        }
        self.note_changes();
    }

    /// True if others hang on somebody in the tree of a picture that it does not take.
    fn passes_on(&self, node: Ix) -> bool {
        let trees = self.channels.iter().flat_map(|channel| &channel.groups).flat_map(|group| &group.trees);
        let mut pictures = trees.filter(|tree| !tree.id.layer.is_audio() && tree.source != node);
        !self.roster.is_relay(node) && pictures.any(|tree| tree.fanout(node) > 0 && !tree.takes(node))
    }

    /// One goes while the rest stays: whoever hung on it hangs on others.
    pub fn leave(&mut self, id: NodeId) {
        let Some(node) = self.roster.find(id) else { return };
        self.forget(node);
        self.roster.remove(id);
        let mut settler = Settler::new(&mut self.roster, &mut self.channels, self.small, false);
        settler.rehang();
        settler.settle_touched();
        for group in self.channels.iter_mut().flat_map(|channel| &mut channel.groups) {
            for tree in &mut group.trees {
                let touched = tree.touched().to_vec();
                if touched.is_empty() {
                    continue;
                }
                let mut pool = Pool::new(&self.roster, tree);
                for node in touched {
                    backups::fill(&self.roster, tree, &mut pool, &mut self.promises, node, false);
                }
            }
        }
        self.note_changes();
    }

    /// Panics if what anybody is taken to give is not what the trees have it give. For tests.
    pub fn check(&self) {
        let groups = self.channels.iter().flat_map(|channel| &channel.groups);
        let rows = groups
            .flat_map(|group| &group.trees)
            .flat_map(|tree| tree.rows().map(move |(_, parent)| (parent, tree.kbps, parent != tree.source)));
        let mut given = vec![(0, 0); self.roster.len()];
        for (parent, kbps, lent) in rows {
            let (all, of_others) = &mut given[parent as usize];
            *all += kbps;
            *of_others += if lent { kbps } else { 0 };
        }
        for (node, given) in (0..).zip(given) {
            assert_eq!(self.roster.given(node), given, "node {node} is taken to give what it does not");
        }
    }

    /// Takes note of who is there. True if that has changed.
    fn meet(&mut self, view: &View) -> bool {
        let gone: Vec<(NodeId, Ix)> =
            self.roster.by_id().filter(|(id, _)| !view.nodes.contains_key(id)).collect();
        for (id, node) in &gone {
            self.forget(*node);
            self.roster.remove(*id);
        }
        let mut changed = self.roster.set(view.margins, view.now) || !gone.is_empty();
        for (id, supply) in &view.nodes {
            self.forget_if_it_hides(*id, supply);
            changed |= self.roster.put(*id, *supply).1;
        }
        for channel in &mut self.channels {
            channel.fit(self.roster.len());
        }
        changed
    }

    /// Who hides its address from now on, or no longer, is as one who has just come: no edge of it is what it may be.
    fn forget_if_it_hides(&mut self, id: NodeId, supply: &Supply) {
        if let Some(node) = self.roster.find(id)
            && self.roster.supply(node).hidden != supply.hidden
        {
            self.forget(node);
        }
    }

    /// A node is gone: nobody hangs on it, nobody counts on it.
    fn forget(&mut self, node: Ix) {
        for group in self.channels.iter_mut().flat_map(|channel| &mut channel.groups) {
            for tree in &mut group.trees {
                tree.forget(&mut self.roster, node);
                backups::drop_backup(tree, &mut self.promises, node);
            }
        }
    }

    fn has_feeds(&self, feeds: &[Feed]) -> bool {
        self.channels.len() == feeds.len()
            && self.channels.iter().zip(feeds).all(|(channel, feed)| channel.feed == *feed)
    }

    /// Grants the first of the steps, and sees how many copies sources send of what is granted to anybody.
    pub(super) fn grant(&mut self, steps: &[admit::Step], granted: usize, mesh: bool) {
        admit::grant(&self.roster, &mut self.channels, steps, granted);
        for channel in &mut self.channels {
            let wanted = |layer: usize| {
                let grants = |node: Ix| channel.grants(layer, node, self.roster.watches(node));
                self.roster.everybody().any(grants)
            };
            let groups = (0..channel.groups.len()).filter(|layer| wanted(*layer));
            let all: u32 = groups.map(|layer| channel.groups[layer].kbps()).sum();
            let affordable = self.roster.cap(channel.source) / all.max(1);
            let copies = if mesh { u32::MAX } else { affordable.clamp(1, COPIES_MAX) };
            for tree in channel.groups.iter_mut().flat_map(|group| &mut group.trees) {
                tree.copies = copies;
            }
        }
    }

    fn note_changes(&mut self) {
        for group in self.channels.iter_mut().flat_map(|channel| &mut channel.groups) {
            for tree in &mut group.trees {
                let touched = tree.take_touched();
                self.changed.extend(touched.into_iter().map(|node| self.roster.id(node)));
            }
        }
    }
}
