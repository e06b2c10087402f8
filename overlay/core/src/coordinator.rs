//! Whoever plans now: the meeting as it is, a plan for it when it has changed, and who is told what of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::config;
use crate::id::NodeId;
use crate::io::{Audience, Event, Kind, Topic};
use crate::plan::{self, Branch, Plan, Row, Supply, View};
use crate::seat::Seat;
use crate::stage::{self, Candidate, Group, Reachable, Stage};
use crate::state::State;
use crate::time::Time;
use crate::unit::{Payload, TreeId};

/// A stretch of coordination.
#[derive(Debug)]
pub(crate) struct Coordinator {
    term: u32,
    number: u32,
    next_feed: u32,
    /// What holds.
    plan: Option<Plan>,
    /// What each node was told.
    given: BTreeMap<NodeId, Given>,
    /// Who waits for a seat in answer, with the next plan at the latest.
    waiting: BTreeSet<NodeId>,
}

/// A seat that a node was told.
#[derive(Debug, Default)]
struct Given {
    number: u32,
    rows: BTreeMap<TreeId, Row>,
}

impl Coordinator {
    fn new(term: u32) -> Coordinator {
        Coordinator {
            term,
            number: 0,
            next_feed: 1,
            plan: None,
            given: BTreeMap::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// True before its first plan, if the meeting may have had a coordinator before.
    pub(crate) fn takes_over(&self) -> bool {
        self.plan.is_none() && self.term > 1
    }
}

impl<P: Payload> State<P> {
    /// Plans from now on. A term that is not above the one that is led by would be ignored by everybody.
    pub(crate) fn coordinate(&mut self, now: Time, term: u32) {
        let outranked = self.leader.is_some_and(|leader| leader.term >= term);
        if self.config.admitted.may_coordinate && !outranked {
            self.coordinator = Some(Coordinator::new(term));
            self.be_led(now, self.me(), term);
            self.meeting_changed(now);
        }
    }

    /// Makes a plan, and tells everybody what it changes for them.
    pub(crate) fn make_plan(&mut self, now: Time) {
        if !self.leads() {
            return;
        }
        let candidates = self.candidates_for_stage();
        let nodes = self.supplies();
        let inherited = match &self.coordinator {
            Some(coordinator) if coordinator.plan.is_none() => Some(self.plan_in_place(&candidates)),
            _ => None,
        };
        let helpers = self.helpers();
        let Some(coordinator) = &mut self.coordinator else { return };
        let before = coordinator.plan.take().or(inherited).unwrap_or_default();
        let named = before.feeds.iter().map(|feed| feed.feed);
        let said = candidates.iter().filter_map(|candidate| candidate.on_stage).map(|(_, feed)| feed);
        let highest = named.chain(said).max().unwrap_or(0);
        coordinator.next_feed = coordinator.next_feed.max(highest.saturating_add(1));
        let feeds = stage::assign(&candidates, &before.feeds, &mut coordinator.next_feed);
        let view = View { nodes, feeds };
        let trees = plan::compute(&view, Some(&before));
        coordinator.number += 1;
        let plan = Plan { term: coordinator.term, number: coordinator.number, feeds: view.feeds, trees };
        let stage = Stage {
            term: plan.term,
            number: plan.number,
            feeds: plan.feeds.clone(),
            groups: groups(&plan),
            helpers,
        };
        let mut rows: BTreeMap<NodeId, BTreeMap<TreeId, Row>> = BTreeMap::new();
        for (id, branch) in &plan.trees {
            for (node, row) in &branch.rows {
                rows.entry(*node).or_default().insert(*id, row.clone());
            }
        }
        let number = plan.number;
        coordinator.plan = Some(plan);
        let known: BTreeSet<NodeId> = view.nodes.keys().copied().collect();
        coordinator.given.retain(|node, _| known.contains(node));
        let mut told = std::mem::take(&mut coordinator.waiting);
        for node in known {
            let rows = rows.remove(&node).unwrap_or_default();
            let given = coordinator.given.entry(node).or_default();
            if given.number == 0 || given.rows != rows {
                *given = Given { number, rows };
                told.insert(node);
            }
        }
        if self
            .stage
            .as_ref()
            .is_none_or(|(by, old)| *by != self.config.me || old.term != stage.term || !old.says_like(&stage))
        {
            match stage.encode() {
                Ok(body) => self.say(Topic::Stage, Audience::Everybody, body),
                Err(_) => self.event(Event::Blame { peer: self.me(), what: "the stage does not fit a note" }),
            }
        }
        for node in told {
            self.give_seat(now, node);
        }
    }

    /// Tells a node its rows, again if need be.
    pub(crate) fn give_seat(&mut self, now: Time, node: NodeId) {
        let heard = self.members.get(node).map_or(0, |member| member.serial);
        let Some(coordinator) = &self.coordinator else { return };
        let Some(given) = coordinator.given.get(&node) else { return };
        let named = given.rows.values().flat_map(|row| row.backups.iter().copied().chain([row.parent]));
        let named: BTreeSet<NodeId> = named.collect();
        let contacts = |id: &NodeId| {
            let mine = (*id == self.config.me).then_some(&self.config.contacts);
            mine.or_else(|| self.members.get(*id).map(|member| &member.presence.contacts)).cloned()
        };
        let peers = named.iter().filter_map(|id| Some((*id, contacts(id)?))).collect();
        let (term, number) = (coordinator.term, given.number);
        let seat = Seat { term, number, heard, rows: given.rows.clone(), peers };
        if node == self.me() {
            return self.take_seat(now, seat);
        }
        match seat.encode() {
            Ok(body) => self.say(Topic::Seat, Audience::One(node), body),
            Err(_) => self.blame(node, "its seat does not fit a note"),
        }
    }

    /// A member has said what it is like: it is told its seat if it asks, or if it holds an older one.
    pub(crate) fn answer_presence(&mut self, now: Time, peer: NodeId, asks: bool, holds: (u32, u32)) {
        let planning = self.timers.get(crate::timers::Timer::Plan).is_some();
        let Some(coordinator) = &mut self.coordinator else { return };
        let Some(given) = coordinator.given.get(&peer).filter(|_| !planning) else {
            coordinator.waiting.insert(peer);
            return;
        };
        if asks || holds < (coordinator.term, given.number) {
            self.give_seat(now, peer);
        }
    }

    fn candidates_for_stage(&self) -> Vec<Candidate> {
        let mine = Candidate {
            source: self.me(),
            stint: self.stint,
            layers: self.sends.clone(),
            on_stage: self.on_stage,
        };
        let others = self.members.iter().map(|(id, member)| Candidate {
            source: id,
            stint: member.presence.stint,
            layers: member.presence.sends.clone(),
            on_stage: member.presence.on_stage,
        });
        let mut all: Vec<Candidate> =
            others.chain([mine]).filter(|candidate| !candidate.layers.is_empty()).collect();
        all.sort_by_key(|candidate| candidate.source);
        all
    }

    fn supplies(&self) -> BTreeMap<NodeId, Supply> {
        let me = &self.config;
        let mine = Supply { kind: me.kind, uplink_kbps: me.uplink_kbps, watch: me.watch };
        let others = self.members.iter().map(|(id, member)| {
            let presence = &member.presence;
            let kind = member.admitted.kind;
            (id, Supply { kind, uplink_kbps: presence.uplink_kbps, watch: presence.watch })
        });
        others.chain([(me.me, mine)]).collect()
    }

    /// The strongest relays, for whoever finds no parent.
    fn helpers(&self) -> Vec<Reachable> {
        let relays = self.members.iter().filter(|(_, member)| {
            member.admitted.kind == Kind::Relay && !member.presence.contacts.is_empty()
        });
        let mut relays: Vec<(u32, NodeId)> =
            relays.map(|(id, member)| (member.presence.uplink_kbps, id)).collect();
        relays.sort_by_key(|(kbps, id)| (std::cmp::Reverse(*kbps), *id));
        let contacts = |id| self.members.get(id).map(|member| member.presence.contacts.clone());
        let strongest = relays.into_iter().take(config::HELPERS_MAX);
        strongest.filter_map(|(_, id)| Some(Reachable { id, contacts: contacts(id)? })).collect()
    }

    /// A coordinator that takes over: who feeds whom now, as everybody says it.
    fn plan_in_place(&self, sources: &[Candidate]) -> Plan {
        let by_prefix: BTreeMap<u64, NodeId> =
            self.members.iter().map(|(id, _)| id).chain([self.me()]).map(|id| (id.prefix(), id)).collect();
        let mut plan = Plan::default();
        let mine = self.places();
        let others = self.members.iter().map(|(id, member)| (id, &member.presence.places));
        for (node, places) in others.chain([(self.me(), &mine)]) {
            for place in places {
                let source = sources
                    .iter()
                    .find(|source| source.on_stage.is_some_and(|(slot, _)| slot == place.tree.slot));
                let (Some(source), Some(parent)) = (source, by_prefix.get(&place.parent)) else { continue };
                let branch = plan.trees.entry(place.tree).or_insert_with(|| Branch {
                    source: source.source,
                    feed: source.on_stage.map_or(0, |(_, feed)| feed),
                    kbps: 0,
                    k: 1,
                    m: 0,
                    rows: BTreeMap::new(),
                });
                let row = Row { parent: *parent, backups: Vec::new(), takes: place.takes };
                branch.rows.insert(node, row);
            }
        }
        plan
    }
}

/// The groups of a plan's trees.
fn groups(plan: &Plan) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (id, branch) in &plan.trees {
        if groups.last().is_none_or(|last| (last.slot, last.layer) != (id.slot, id.layer)) {
            let Branch { kbps, k, m, .. } = *branch;
            groups.push(Group { slot: id.slot, layer: id.layer, kbps, k, m });
        }
    }
    groups
}
