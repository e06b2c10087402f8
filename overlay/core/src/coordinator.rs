//! Whoever plans now: the meeting as it is, a plan for it when it has changed, and who is told what of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config;
use crate::id::NodeId;
use crate::io::{Audience, Event, LayerRate, Topic};
use crate::members::{Look, Member, Presence};
use crate::owed::{Owed, Rank};
use crate::plan::{Branch, Feed, Looks, Plan, Planner, Row, Shapes, Supply, View, wire_kbps};
use crate::seat::Seat;
use crate::stage::{self, Candidate, Group, Reachable, Stage, Wishes};
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::Payload;
use crate::verdicts::Verdicts;

/// A stretch of coordination.
#[derive(Debug)]
pub(crate) struct Coordinator {
    pub(crate) term: u32,
    /// When it began.
    since: Time,
    number: u32,
    next_feed: u32,
    /// Who is plugged in.
    feeds: Vec<Feed>,
    wishes: Wishes,
    crowded: bool,
    /// When the floor was somebody else's last.
    floor_given: Option<Time>,
    pub(crate) planner: Planner,
    pub(crate) verdicts: Verdicts,
    /// When everything was planned last; none before the first time.
    planned: Option<Time>,
    /// The number of the plan whose rows each node was told last.
    pub(crate) given: BTreeMap<NodeId, u32>,
    /// The seats as they were told last, whole, and the number of the one that each was told to change; 0 for none.
    pub(crate) told: BTreeMap<NodeId, (Seat, u32)>,
    /// Who waits for a seat in answer, with the next plan at the latest.
    waiting: BTreeSet<NodeId>,
    pub(crate) owed: Owed,
    /// Whom the stage names as helpers, since when.
    pub(crate) helpers: (Time, Vec<Reachable>),
}

impl Coordinator {
    fn new(now: Time, term: u32, uplink_kbps: u32) -> Coordinator {
        Coordinator {
            term,
            since: now,
            number: 0,
            // Receivers take nothing of a feed that is not above the last of its slot. Who comes back after a crash remembers
            // none, nobody tells it its own, and terms grow with the clock.
            next_feed: term.max(1),
            feeds: Vec::new(),
            wishes: Wishes::default(),
            crowded: false,
            floor_given: None,
            planner: Planner::new(),
            verdicts: Verdicts::default(),
            planned: None,
            given: BTreeMap::new(),
            told: BTreeMap::new(),
            waiting: BTreeSet::new(),
            owed: Owed::new(now, uplink_kbps),
            helpers: (now, Vec::new()),
        }
    }

    /// When everything may be planned again, `debounce` from now on: a large meeting costs the more, and whoever comes
    /// and goes meanwhile is planned for alone.
    fn due(&self, now: Time, people: usize, debounce: Duration) -> Time {
        let pause = if people > config::AFRESH_MEETING {
            (config::PLAN_PAUSE_FOR_ONE * people as u32).max(config::PLAN_PAUSE)
        } else {
            debounce
        };
        self.planned.map_or(now, |planned| planned + pause).max(now + debounce)
    }
}

impl<P: Payload> State<P> {
    /// Plans from now on. A term that is not above the one that is led by would be ignored by everybody.
    pub(crate) fn coordinate(&mut self, now: Time, term: u32) {
        let outranked = self.leader.is_some_and(|leader| leader.term >= term);
        if self.config.admitted.may_coordinate && !outranked {
            self.coordinator = Some(Coordinator::new(now, term, self.config.uplink_kbps));
            self.be_led(now, self.me(), term);
            self.meeting_changed(now);
        }
    }

    /// What a plan is made from may be different now. Changes that come close together make one plan.
    pub(crate) fn meeting_changed(&mut self, now: Time) {
        let Some(coordinator) = self.coordinator.as_ref().filter(|_| self.leads()) else { return };
        let first = coordinator.planned.is_none();
        let settle = if coordinator.term > 1 { config::PLAN_SETTLE_AGAIN } else { config::PLAN_SETTLE };
        let settled = self.first_link.filter(|_| first).map_or(now, |at| at.max(coordinator.since) + settle);
        let due = coordinator.due(now, self.members.len(), config::PLAN_DEBOUNCE).max(settled);
        self.timers.set_earlier(Timer::Plan, due);
    }

    /// A member has come, or is not what it was. In a large meeting it is planned for at once, and alone.
    pub(crate) fn member_changed(&mut self, now: Time, peer: NodeId) {
        self.meeting_changed(now);
        let large = self.members.len() > config::AFRESH_MEETING;
        let Some(member) = self.members.get(peer).filter(|_| large) else { return };
        if let Some(coordinator) =
            self.coordinator.as_mut().filter(|coordinator| coordinator.planned.is_some())
        {
            let supply = supply(peer, member, &coordinator.feeds, Some(&coordinator.verdicts));
            coordinator.planner.join(peer, supply);
            self.tell_changes(now);
        }
    }

    /// A member has gone.
    pub(crate) fn member_gone(&mut self, now: Time, peer: NodeId) {
        self.meeting_changed(now);
        let large = self.members.len() > config::AFRESH_MEETING;
        let Some(coordinator) = &mut self.coordinator else { return };
        coordinator.given.remove(&peer);
        coordinator.told.remove(&peer);
        coordinator.waiting.remove(&peer);
        coordinator.owed.forget(peer);
        coordinator.verdicts.forget(peer);
        if large && coordinator.planned.is_some() {
            coordinator.planner.leave(peer);
            self.tell_changes(now);
        }
    }

    /// Other sources deserve the places that there are. Nobody should wait for their first words.
    pub(crate) fn give_floor(&mut self, now: Time, wishes: Wishes) {
        let Some(coordinator) = self.coordinator.as_mut() else { return };
        coordinator.wishes = wishes;
        let pause = config::FLOOR_PAUSE_FOR_ONE * self.members.len() as u32;
        let due = coordinator.floor_given.map_or(now, |at| at + pause);
        if coordinator.planned.is_none() {
            return;
        }
        if due > now {
            return self.timers.set_earlier(Timer::Plan, due);
        }
        coordinator.floor_given = Some(now);
        self.make_plan(now);
    }

    /// Plans for the meeting as it is, and tells everybody what that changes for them.
    pub(crate) fn make_plan(&mut self, now: Time) {
        if !self.leads() {
            return;
        }
        let candidates = self.candidates_for_stage();
        let first = self.coordinator.as_ref().is_some_and(|coordinator| coordinator.planned.is_none());
        let inherited = first.then(|| self.plan_in_place(&candidates));
        let Some(coordinator) = &mut self.coordinator else { return };
        let named = coordinator.feeds.iter().map(|feed| feed.feed);
        let said = candidates.iter().filter_map(|candidate| candidate.on_stage).map(|(_, feed)| feed);
        let highest = named.chain(said).max().unwrap_or(0);
        coordinator.next_feed = coordinator.next_feed.max(highest.saturating_add(1));
        let (feeds, wishes) = (&coordinator.feeds, &coordinator.wishes);
        coordinator.crowded = wishes.is_crowded(&candidates);
        coordinator.feeds = stage::assign(&candidates, feeds, wishes, &mut coordinator.next_feed);
        let feeds = coordinator.feeds.clone();
        let nodes = self.supplies(&feeds);
        let Some(coordinator) = &mut self.coordinator else { return };
        let view = View { nodes, feeds, now, shapes: Shapes::Doubled, ..View::default() };
        match inherited {
            Some(inherited) => coordinator.planner.resume(&view, &inherited),
            None => coordinator.planner.update(&view),
        }
        coordinator.planned = Some(now);
        if let Some(at) = coordinator.planner.better_at() {
            self.timers.set_earlier(Timer::Plan, at.max(now + config::PLAN_DEBOUNCE));
        }
        self.tell_changes(now);
    }

    /// Tells everybody the stage, and those their seats whose rows have changed, or who wait for an answer.
    fn tell_changes(&mut self, now: Time) {
        self.look_for_helpers(now);
        let Some(coordinator) = &mut self.coordinator else { return };
        let helpers = coordinator.helpers.1.clone();
        coordinator.number += 1;
        let (term, number) = (coordinator.term, coordinator.number);
        let groups = coordinator.planner.carried().map(|(tree, kbps, shape)| Group {
            slot: tree.slot,
            layer: tree.layer,
            kbps,
            k: shape.k,
            m: shape.m,
        });
        let stage = Stage {
            term,
            number,
            crowded: coordinator.crowded,
            feeds: coordinator.feeds.clone(),
            groups: groups.collect(),
            helpers,
        };
        let mut told = std::mem::take(&mut coordinator.waiting);
        told.extend(coordinator.planner.changed());
        let hidden: Vec<NodeId> =
            self.members.iter().filter(|(_, member)| member.presence.hidden).map(|(id, _)| id).collect();
        told.extend(hidden.into_iter().filter(|id| coordinator.feeds.iter().any(|feed| feed.source == *id)));
        for node in &told {
            let rank = match coordinator.given.insert(*node, number) {
                None => Rank::First,
                Some(_) if coordinator.planner.feeds(*node) => Rank::Feeds,
                Some(_) => Rank::Other,
            };
            coordinator.owed.owe(now, *node, rank);
        }
        let known = self.stage.as_ref().filter(|(by, old)| *by == self.config.me && old.term == term);
        if known.is_none_or(|(_, old)| !old.says_like(&stage)) {
            match stage.encode() {
                Ok(body) => self.say(Topic::Stage, Audience::Everybody, body),
                Err(_) => self.event(Event::Blame { peer: self.me(), what: "the stage does not fit a note" }),
            }
        }
        self.pay_seats(now);
    }

    /// A member has said what it is like: it is told its seat if it asks, or if it holds an older one.
    pub(crate) fn answer_presence(&mut self, now: Time, peer: NodeId, asks: bool, holds: (u32, u32)) {
        let soon = now + config::PLAN_DEBOUNCE;
        let planning = self.timers.get(Timer::Plan).is_some_and(|due| due <= soon);
        let Some(coordinator) = &mut self.coordinator else { return };
        let given = coordinator.given.get(&peer).copied();
        if given.is_some_and(|number| !asks && holds >= (coordinator.term, number)) {
            // It has all that there is. Should the next plan change that, it is told.
            return;
        }
        let term = coordinator.term;
        let is_known = |(seat, base): &(Seat, u32)| holds == seat.of() || *base > 0 && holds == (term, *base);
        if asks && !coordinator.told.get(&peer).is_some_and(is_known) {
            // What it was told last has not come, nor what that changed.
            coordinator.told.remove(&peer);
        }
        if given.is_none() || planning {
            coordinator.waiting.insert(peer);
        }
        match given {
            None if !planning && coordinator.planned.is_some() => self.tell_changes(now),
            Some(_) if !planning => {
                self.owe_seat(now, peer);
                self.pay_seats(now);
            }
            _ => {}
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

    fn supplies(&self, feeds: &[Feed]) -> BTreeMap<NodeId, Supply> {
        let me = &self.config;
        let mine = Supply {
            kind: me.kind,
            uplink_kbps: me.uplink_kbps,
            kept_kbps: me.uplink_kbps - self.left_for_children(),
            lends_kbps: self.takes_kbps(),
            offers_kbps: self.offers_kbps(),
            downlink_kbps: self.downlink.kbps(),
            coordinate: self.whereabouts(),
            watch: me.watch,
            hidden: me.hidden,
            looks: looks(&self.looks, feeds),
            ..Supply::default()
        };
        let verdicts = self.coordinator.as_ref().map(|coordinator| &coordinator.verdicts);
        let others = self.members.iter().map(|(id, member)| (id, supply(id, member, feeds, verdicts)));
        others.chain([(me.me, mine)]).collect()
    }

    /// What this node's uplink gives to children, kbit/s: all of it, but of a coordinator's. Beyond a small circle that tells
    /// seats all the time; what it sends itself would wait behind them, and everybody for that. A copy of that it sends at any
    /// rate.
    pub(crate) fn left_for_children(&self) -> u32 {
        let uplink = self.config.uplink_kbps;
        if !self.leads() || self.members.len() <= config::AFRESH_MEETING {
            return uplink;
        }
        let copies = |rate: &LayerRate| if rate.layer.is_audio() { 2 } else { 1 };
        let own: u64 = self.sends.iter().map(|rate| u64::from(wire_kbps(*rate)) * copies(rate)).sum();
        let spare = u64::from(uplink).saturating_sub(own * 100 / config::SUPPLY_PERCENT);
        let seats = spare.min(u64::from(uplink) * config::SEATS_PERCENT / 100);
        uplink - u32::try_from(seats).unwrap_or(uplink)
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
                let (kbps, k, m) =
                    self.group(place.tree).map_or((0, 1, 0), |(_, group)| (group.kbps, group.k, group.m));
                let branch = plan.trees.entry(place.tree).or_insert_with(|| Branch {
                    source: source.source,
                    feed: source.on_stage.map_or(0, |(_, feed)| feed),
                    kbps,
                    k,
                    m,
                    rows: BTreeMap::new(),
                });
                let row = Row { parent: *parent, backups: Vec::new(), takes: place.takes };
                branch.rows.insert(node, row);
            }
        }
        plan
    }
}

/// What a planner knows of a member. Whoever was demoted lends nothing.
fn supply(id: NodeId, member: &Member, feeds: &[Feed], verdicts: Option<&Verdicts>) -> Supply {
    let presence = &member.presence;
    let (kind, watch, hidden) = (member.admitted.kind, presence.watch, presence.hidden);
    let looks = looks(&presence.looks, feeds);
    let Presence { uplink_kbps, downlink_kbps, coordinate, .. } = *presence;
    let lent = (presence.lends_kbps, presence.offers_kbps);
    let is_demoted = verdicts.is_some_and(|verdicts| verdicts.is_demoted(id));
    let (lends_kbps, offers_kbps) = if is_demoted { (0, 0) } else { lent };
    Supply {
        kind,
        uplink_kbps,
        lends_kbps,
        offers_kbps,
        downlink_kbps,
        coordinate,
        watch,
        hidden,
        looks,
        ..Supply::default()
    }
}

/// What somebody wants of each slot, who says it of sources.
fn looks(wishes: &[Look], feeds: &[Feed]) -> Looks {
    let slot = |look: &Look| feeds.iter().find(|feed| feed.source.prefix() == look.source);
    let known = wishes.iter().filter_map(|look| Some((slot(look)?.slot, look.most)));
    known.fold(Looks::default(), |looks, (slot, most)| looks.with(slot, most))
}
