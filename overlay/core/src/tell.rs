//! Seats that a coordinator tells, as its uplink bears.

use std::collections::{BTreeMap, BTreeSet};

use crate::config;
use crate::coordinator::Coordinator;
use crate::id::NodeId;
use crate::io::{Audience, Topic};
use crate::owed::Rank;
use crate::plan::Row;
use crate::seat::{self, Seat};
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::Payload;

impl Coordinator {
    /// What a node is to be told of its seat: what has changed, if it was told it before, and that is less. One that hides is told
    /// the whole, with whom it is to dial.
    fn news(&self, node: NodeId, seat: &Seat) -> Seat {
        let last = self.told.get(&node).map(|(last, _)| last);
        let last = last.filter(|last| last.awaited.is_empty() && seat.awaited.is_empty());
        let news = last.map(|last| seat.since(last)).filter(|news| news.rows.len() < seat.rows.len());
        news.unwrap_or_else(|| seat.clone())
    }
}

impl<P: Payload> State<P> {
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
        if self.is_exchanging(now) {
            return self.timers.set(Timer::Seats, now + config::HOUSEKEEPING_EVERY);
        }
        while let Some(node) = self.coordinator.as_mut().and_then(|coordinator| coordinator.owed.next(now)) {
            let seat = self.seat_of(node);
            let Some(coordinator) = &mut self.coordinator else { return };
            let news = seat.as_ref().map(|seat| coordinator.news(node, seat));
            let body = news.as_ref().map(Seat::encode);
            let bytes = body.as_ref().and_then(|body| body.as_ref().ok()).map_or(0, Vec::len);
            if !coordinator.owed.affords(now, bytes + config::SEAT_OVERHEAD) {
                break;
            }
            coordinator.owed.paid(now, node);
            if let Some((seat, news)) = seat.zip(news) {
                coordinator.told.insert(node, (seat, news.base));
            }
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

    /// A node's rows as they are now, whole.
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
        Some(Seat { term: coordinator.term, number, heard, rows, peers, awaited, ..Seat::default() })
    }

    /// Whom a node that hides is to dial, since they can't dial it: the relays that it feeds.
    fn awaited(&self, node: NodeId) -> BTreeSet<NodeId> {
        let hides = self.members.get(node).map_or(self.config.hidden, |member| member.presence.hidden);
        let Some(coordinator) = self.coordinator.as_ref().filter(|_| hides) else { return BTreeSet::new() };
        let own = coordinator.planner.seats(node).into_iter().filter(|seat| seat.source == node);
        own.flat_map(|seat| coordinator.planner.children(seat.tree, node)).collect()
    }
}
