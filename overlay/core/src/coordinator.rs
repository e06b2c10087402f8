//! Whoever plans now: the meeting as it is, a plan for it when it has changed, and who is told what of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config;
use crate::id::NodeId;
use crate::io::{Audience, Event, Kind, LayerRate, Topic};
use crate::members::{Look, Member, Presence};
use crate::owed::{Owed, Rank};
use crate::plan::{Branch, Feed, Looks, Plan, Planner, Row, Shapes, Supply, View, wire_kbps};
use crate::seat::{self, Seat};
use crate::stage::{self, Candidate, Group, Reachable, Stage, Wishes};
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::Payload;
use crate::verdicts::Verdicts;

/// A stretch of coordination.
#[derive(Debug)]
pub(crate) struct Coordinator {
    term: u32,
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
    given: BTreeMap<NodeId, u32>,
    /// Who waits for a seat in answer, with the next plan at the latest.
    waiting: BTreeSet<NodeId>,
    owed: Owed,
    /// Whom the stage names as helpers, since when.
    helpers: (Time, Vec<Reachable>),
}

impl Coordinator {
    fn new(now: Time, term: u32, uplink_kbps: u32) -> Coordinator {
        Coordinator {
            term,
            since: now,
            number: 0,
            next_feed: 1,
            feeds: Vec::new(),
            wishes: Wishes::default(),
            crowded: false,
            floor_given: None,
            planner: Planner::new(),
            verdicts: Verdicts::default(),
            planned: None,
            given: BTreeMap::new(),
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

    /// A node is to be told its rows again.
    pub(crate) fn owe_seat(&mut self, now: Time, node: NodeId) {
        if let Some(coordinator) = &mut self.coordinator
            && coordinator.given.contains_key(&node)
        {
            let rank = if coordinator.planner.feeds(node) { Rank::Feeds } else { Rank::Other };
            coordinator.owed.owe(now, node, rank);
        }
    }

    /// Tells the seats that are due, as many as the uplink bears; this node's own costs nothing.
    pub(crate) fn pay_seats(&mut self, now: Time) {
        let me = self.me();
        let own = self.coordinator.as_mut().is_some_and(|coordinator| coordinator.owed.owes(me));
        if own && let Some(seat) = self.seat_of(me) {
            if let Some(coordinator) = &mut self.coordinator {
                coordinator.owed.paid(now, me);
            }
            self.take_seat(now, seat);
        }
        while let Some(node) = self.coordinator.as_mut().and_then(|coordinator| coordinator.owed.next(now)) {
            let body = self.seat_of(node).map(|seat| seat.encode());
            let Some(coordinator) = &mut self.coordinator else { return };
            let bytes = body.as_ref().and_then(|body| body.as_ref().ok()).map_or(0, Vec::len);
            if !coordinator.owed.affords(now, bytes + config::SEAT_OVERHEAD) {
                break;
            }
            coordinator.owed.paid(now, node);
            match body {
                Some(Ok(body)) => self.say(Topic::Seat, Audience::One(node), body),
                Some(Err(_)) => self.blame(node, "its seat does not fit a note"),
                None => {}
            }
        }
        if let Some(at) = self.coordinator.as_ref().and_then(|coordinator| coordinator.owed.look_at(now)) {
            self.timers.set(Timer::Seats, at);
        }
    }

    /// A node's rows as they are now.
    fn seat_of(&self, node: NodeId) -> Option<Seat> {
        let me = self.me();
        let heard = self.members.get(node).map(|member| member.serial).or((node == me).then_some(0))?;
        let coordinator = self.coordinator.as_ref()?;
        let number = *coordinator.given.get(&node)?;
        let seats = coordinator.planner.seats(node).into_iter();
        let mut rows: BTreeMap<_, Row> = seats.filter_map(|seat| Some((seat.tree, seat.row?))).collect();
        if self.members.len() > config::AFRESH_MEETING {
            seat::name_fewer(&mut rows, config::SEAT_BACKUPS_MAX);
        }
        let named = rows.values().flat_map(|row| row.backups.iter().copied().chain([row.parent]));
        let awaited = self.awaited(node);
        let named: BTreeSet<NodeId> = named.chain(awaited.iter().copied()).collect();
        let contacts = |id: &NodeId| {
            let mine = (*id == me).then_some(&self.config.contacts);
            mine.or_else(|| self.members.get(*id).map(|member| &member.presence.contacts)).cloned()
        };
        let stage = self.stage.as_ref().map(|(_, stage)| stage);
        let helps =
            |id: &NodeId| stage.is_some_and(|stage| stage.helpers.iter().any(|helper| helper.id == *id));
        let elsewhere = |id: &NodeId| if helps(id) { Some(Vec::new()) } else { contacts(id) };
        let peers = named.iter().filter_map(|id| Some((*id, elsewhere(id)?))).collect();
        Some(Seat { term: coordinator.term, number, heard, rows, peers, awaited })
    }

    /// Whom a node that hides is to dial, since they can't dial it: the relays that it feeds.
    fn awaited(&self, node: NodeId) -> BTreeSet<NodeId> {
        let hides = self.members.get(node).map_or(self.config.hidden, |member| member.presence.hidden);
        let Some(coordinator) = self.coordinator.as_ref().filter(|_| hides) else { return BTreeSet::new() };
        let own = coordinator.planner.seats(node).into_iter().filter(|seat| seat.source == node);
        own.flat_map(|seat| coordinator.planner.children(seat.tree, node)).collect()
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
            uplink_kbps: self.left_for_children(),
            lends_kbps: self.takes_kbps(),
            offers_kbps: self.offers_kbps(),
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

    /// Names other helpers where that is due: in a large meeting the stage is told to everybody for it, and while many relays
    /// come each is one change.
    fn look_for_helpers(&mut self, now: Time) {
        let helpers = self.helpers();
        let large = self.members.len() > config::AFRESH_MEETING;
        let Some(coordinator) = &mut self.coordinator else { return };
        let (named, before) = &coordinator.helpers;
        if helpers == *before {
            return;
        }
        let due = *named + config::HELPERS_EVERY;
        if large && !before.is_empty() && now < due {
            return self.timers.set_earlier(Timer::Plan, due);
        }
        coordinator.helpers = (now, helpers);
    }

    /// The strongest relays, for whoever finds no parent.
    fn helpers(&self) -> Vec<Reachable> {
        let verdicts = self.coordinator.as_ref().map(|coordinator| &coordinator.verdicts);
        let relays = self.members.iter().filter(|(id, member)| {
            let Presence { contacts, lends_kbps, .. } = &member.presence;
            let helps = member.admitted.kind == Kind::Relay && !contacts.is_empty() && *lends_kbps > 0;
            helps && !verdicts.is_some_and(|verdicts| verdicts.is_demoted(*id))
        });
        let mut relays: Vec<(u32, NodeId)> =
            relays.map(|(id, member)| (member.presence.lends_kbps, id)).collect();
        relays.sort_by_key(|(kbps, id)| (std::cmp::Reverse(*kbps), *id));
        let contacts = |id| self.members.get(id).map(|member| member.presence.contacts.clone());
        relays.truncate(config::HELPERS_MAX);
        // Everybody is told when this changes: who lends more than whom among them is no news.
        relays.sort_by_key(|(_, id)| *id);
        relays.into_iter().filter_map(|(_, id)| Some(Reachable { id, contacts: contacts(id)? })).collect()
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
    let Presence { uplink_kbps, coordinate, .. } = *presence;
    let lent = (presence.lends_kbps, presence.offers_kbps);
    let is_demoted = verdicts.is_some_and(|verdicts| verdicts.is_demoted(id));
    let (lends_kbps, offers_kbps) = if is_demoted { (0, 0) } else { lent };
    Supply {
        kind,
        uplink_kbps,
        lends_kbps,
        offers_kbps,
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
