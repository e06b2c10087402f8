//! Notes for one node, or for the coordinator: up and down the ways that heartbeats came.
//!
//! A node looks to the neighbour that brings heartbeats first as its way *uphill*, and says so. What goes up teaches
//! whoever carries it the way down. Liveness is a matter of single links: who is silent towards the one above it is
//! lost, with all that is reached by way of it, until somebody else says that it reaches them (decision 7).

use std::time::Duration;

use crate::config;
use crate::id::NodeId;
use crate::io::{Admitted, Audience, Kind, Note, Signature, Topic};
use crate::links::Links;
use crate::members::Presence;
use crate::routes::Routes;
use crate::state::{State, Uphill};
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::Payload;
use crate::wire::Message;

impl<P: Payload> State<P> {
    /// Sends a note a link further; `from` is where it came from, none for an own one. An own note that finds no
    /// way to the coordinator, or one that this node's presence has not gone yet, waits. So does one about keys for one
    /// node: who begins to coordinate has much to say before anybody has shown it a way. Its seats the core says anew then.
    pub(crate) fn carry(
        &mut self,
        now: Time,
        from: Option<NodeId>,
        note: &Note,
        signature: Signature,
        hops: u8,
    ) {
        let next = match note.audience {
            Audience::One(to) => way_to(&self.links, &self.routes, to),
            Audience::Coordinator | Audience::Everybody => self.uphill.map(|uphill| uphill.peer),
        };
        let next = next.filter(|next| Some(*next) != from && self.links.has(*next));
        let own = from.is_none() && note.audience == Audience::Coordinator;
        let presence = note.topic == Topic::Presence;
        let untold = own && !presence && self.uphill.is_some_and(|uphill| !uphill.told);
        let Some(next) = next.filter(|_| !untold) else {
            match note.audience {
                Audience::One(to) if from.is_none() && note.topic == Topic::Keys => {
                    self.unsent.put(now, to, note.clone(), signature);
                }
                _ if own => self.wait_for_a_way(note.clone(), signature),
                _ => {}
            }
            return;
        };
        self.carry_to(now, next, note, signature, hops);
        if own && presence {
            self.presence_went(now);
        }
    }

    /// Sends what waited for a way that there is by now.
    pub(crate) fn carry_unsent(&mut self, now: Time) {
        let (links, routes) = (&self.links, &self.routes);
        for (note, signature) in self.unsent.take(now, |to| way_to(links, routes, to).is_some()) {
            self.carry(now, None, &note, signature, 0);
        }
    }

    /// This node's presence is on its way to the coordinator: what waited for that follows it.
    pub(crate) fn presence_went(&mut self, now: Time) {
        if let Some(uphill) = &mut self.uphill {
            uphill.told = true;
        }
        for (note, signature) in std::mem::take(&mut self.waiting) {
            self.carry(now, None, &note, signature, 0);
        }
    }

    /// True for a note that only passes here, and is no presence.
    pub(crate) fn is_for_another(&self, note: &Note) -> bool {
        let mine = match note.audience {
            Audience::One(to) => to == self.me(),
            Audience::Coordinator => self.leads(),
            Audience::Everybody => true,
        };
        !mine && note.topic != Topic::Presence
    }

    /// True while this second has seen few notes that nobody here can vet. Counts one more.
    pub(crate) fn may_pass_unvetted(&mut self, now: Time) -> bool {
        let (since, count) = &mut self.unvetted;
        if now.since(*since) >= Duration::from_secs(1) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= config::UNVETTED_PER_S
    }

    fn carry_to(&mut self, now: Time, next: NodeId, note: &Note, signature: Signature, hops: u8) {
        if hops < config::CARRY_HOPS_MAX {
            self.tell(now, next, &Message::Carry { note: note.clone(), signature, hops: hops + 1 });
        }
    }

    fn wait_for_a_way(&mut self, note: Note, signature: Signature) {
        if self.waiting.len() >= config::WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back((note, signature));
    }

    /// The same note to one other neighbour, in turn: the one uphill might swallow it.
    pub(crate) fn carry_another_way(&mut self, now: Time, note: &Note, signature: Signature) {
        let uphill = self.uphill.map(|uphill| uphill.peer);
        let others: Vec<NodeId> = self
            .links
            .ids()
            .into_iter()
            .filter(|peer| Some(*peer) != uphill && !self.routes.is_below(*peer) && !self.is_waiting(*peer))
            .collect();
        if others.is_empty() {
            return;
        }
        self.way_turn = (self.way_turn + 1) % others.len();
        self.carry_to(now, others[self.way_turn], note, signature, 0);
    }

    /// This node has another credential: whoever knows the old one is shown it.
    pub(crate) fn show_to_all(&mut self, now: Time) {
        self.shows_until = now + config::SHOWN_ANEW_FOR;
        self.shows_to = self.links.ids().into_iter().collect();
    }

    /// A link came up, perhaps by a credential that this node has no longer.
    pub(crate) fn show_anew(&mut self, now: Time, peer: NodeId) {
        if now < self.shows_until {
            self.shows_to.insert(peer);
            self.say_news(now);
        }
    }

    /// Shows an own presence to neighbours for whom it is new. They don't pass it on: it has crossed links enough.
    pub(crate) fn show(&mut self, now: Time, note: &Note, signature: Signature) {
        let uphill = self.uphill.map(|uphill| uphill.peer);
        for peer in std::mem::take(&mut self.shows_to).into_iter().filter(|peer| Some(*peer) != uphill) {
            self.carry_to(now, peer, note, signature, config::CARRY_HOPS_MAX - 1);
        }
    }

    /// A heartbeat came: is the neighbour that brought it a better way than the one there is? It is if that one
    /// was not the first for a while. Whoever brings a heartbeat first had it before, so these ways have no loops
    /// for long.
    pub(crate) fn look_uphill(&mut self, now: Time, from: NodeId) {
        let declines = self.links.get(from).is_none_or(|neighbour| neighbour.declines);
        match &mut self.uphill {
            Some(uphill) if uphill.peer == from => uphill.first = now,
            Some(uphill) if now.since(uphill.first) < config::UPHILL_STALE => {}
            _ if declines => {}
            _ => self.go_uphill_by(now, from),
        }
    }

    /// A neighbour brought a heartbeat as well, if not first: it is the way from now on where its kind makes a better one. True
    /// then. Relays go by who leads, and all others by relays: they have uplink for those who come, and stay.
    pub(crate) fn prefer_way(&mut self, now: Time, from: NodeId) -> bool {
        let Some(uphill) = self.uphill.map(|uphill| uphill.peer).filter(|uphill| *uphill != from) else {
            return false;
        };
        let leader = self.leader.map(|leader| leader.id);
        let is_relay = |peer| self.links.get(peer).is_some_and(|neighbour| neighbour.kind == Kind::Relay);
        let rank = |peer: NodeId| match (leader == Some(peer), is_relay(peer)) {
            (true, _) if self.config.kind == Kind::Relay => 0,
            (true, _) | (_, true) => 1,
            _ => 2,
        };
        let declines = self.links.get(from).is_none_or(|neighbour| neighbour.declines);
        let is_below = self.routes.is_below(from) || self.routes.by(from).is_some();
        let better = rank(from) < rank(uphill) && !declines && !is_below;
        if better {
            self.go_uphill_by(now, from);
            let Some(origin) = leader else { return true };
            self.tell(now, uphill, &Message::Lazy { origin });
        }
        better
    }

    fn go_uphill_by(&mut self, now: Time, peer: NodeId) {
        if let Some(old) = self.uphill.replace(Uphill { peer, first: now, told: false }) {
            self.tell(now, old.peer, &Message::Uphill { on: false });
        }
        if let Some((leader, neighbour)) = self.leader.zip(self.links.get_mut(peer))
            && neighbour.lazy.contains(&leader.id)
        {
            // What others than the leader say goes there from now on.
            neighbour.woken = now;
        }
        self.tell(now, peer, &Message::Uphill { on: true });
        let mut reached = self.routes.except(peer);
        reached.push(self.me());
        self.say_reach(now, reached);
        self.timers.set_earlier(Timer::Tick(peer), now + config::HEARTBEAT_EVERY);
        self.say_news(now);
    }

    /// A neighbour looks to this node as its way, or no longer; or says that it is none itself.
    pub(crate) fn heard_uphill(&mut self, now: Time, from: NodeId, on: bool) {
        if on {
            let others = self.stage.as_ref().is_some_and(|(_, stage)| !stage.helpers.is_empty());
            let few = config::pushed_links(self.config.uplink_kbps).min(config::BELOW_MAX);
            let is_relay = self.links.get(from).is_some_and(|neighbour| neighbour.kind == Kind::Relay);
            let most = if others && !is_relay { few } else { config::BELOW_MAX };
            if !self.routes.put_below(from, most) {
                self.tell(now, from, &Message::Uphill { on: false });
            } else {
                // It counts on heartbeats from here.
                self.wake(now, from);
            }
            return;
        }
        if self.routes.take_from_below(from) {
            return;
        }
        if self.uphill.is_some_and(|uphill| uphill.peer == from) {
            self.uphill = None;
            if let Some(neighbour) = self.links.get_mut(from) {
                neighbour.declines = true;
            }
            self.look_for_a_way(now);
        }
    }

    fn say_reach(&mut self, now: Time, peers: Vec<NodeId>) {
        let Some(uphill) = self.uphill.map(|uphill| uphill.peer) else { return };
        for peers in peers.chunks(config::PEERS_IN_MESSAGE) {
            self.tell(now, uphill, &Message::Reach { peers: peers.to_vec() });
        }
    }

    /// These are reached by way of a neighbour. What is new goes on uphill.
    pub(crate) fn heard_reach(&mut self, now: Time, from: NodeId, peers: Vec<NodeId>) {
        let me = self.me();
        let news: Vec<NodeId> =
            peers.into_iter().filter(|peer| *peer != me && self.routes.learn(*peer, from)).collect();
        if self.leads() {
            for peer in news {
                self.found(now, peer);
            }
        } else {
            self.say_reach(now, news);
        }
    }

    /// These are reached by way of a neighbour no longer. Who is reached another way by now is not lost.
    pub(crate) fn heard_lost(&mut self, now: Time, from: NodeId, peers: Vec<NodeId>) {
        let lost = self.routes.forget(from, peers);
        self.say_lost(now, lost);
    }

    /// Nobody is reached by way of this neighbour any longer.
    pub(crate) fn lose_way_by(&mut self, now: Time, peer: NodeId) {
        self.routes.take_from_below(peer);
        let lost = self.routes.forget_all(peer);
        self.say_lost(now, lost);
        self.lose_uphill(now, peer);
    }

    /// This neighbour is no way to the coordinator: its link is gone, or it seems dead.
    pub(crate) fn lose_uphill(&mut self, now: Time, peer: NodeId) {
        if self.uphill.is_some_and(|uphill| uphill.peer == peer) {
            self.uphill = None;
            self.look_for_a_way(now);
        }
    }

    /// Asks neighbours for the newest heartbeat once more, relays before others: who sends it is a way.
    fn look_for_a_way(&mut self, now: Time) {
        let Some(newest) = self.leader.and_then(|leader| self.gossip.newest(leader.id)) else { return };
        let living =
            self.links.members().filter(|(_, neighbour)| !neighbour.suspected && !neighbour.declines);
        let living = living.map(|(peer, neighbour)| (neighbour.kind != Kind::Relay, peer));
        let mut others: Vec<(bool, NodeId)> =
            living.filter(|(_, peer)| !self.routes.is_below(*peer)).collect();
        others.sort_unstable();
        for (_, peer) in others.into_iter().take(config::GOSSIP_LINKS) {
            self.tell(now, peer, &Message::Want { notes: vec![newest] });
        }
    }

    fn say_lost(&mut self, now: Time, peers: Vec<NodeId>) {
        if peers.is_empty() {
            return;
        }
        if self.leads() {
            for peer in peers {
                self.members.lose(now, peer);
                self.waits_no_longer(peer, false);
            }
            self.name_lost(now);
            return;
        }
        let Some(uphill) = self.uphill.map(|uphill| uphill.peer) else { return };
        for peers in peers.chunks(config::PEERS_IN_MESSAGE) {
            self.tell(now, uphill, &Message::Lost { peers: peers.to_vec() });
        }
    }

    /// Neighbours below that say nothing for too long are lost: the transport notices a death only after seconds.
    pub(crate) fn lose_silent_below(&mut self, now: Time) {
        if self.links.all_heard(now, config::BELOW_SILENT_AFTER) {
            return;
        }
        let silent = |peer: &NodeId| {
            let heard = self.links.get(*peer).map(|neighbour| neighbour.heard);
            heard.is_none_or(|heard| now.since(heard) >= config::BELOW_SILENT_AFTER)
        };
        for peer in self.routes.below().filter(silent).collect::<Vec<_>>() {
            self.lose_way_by(now, peer);
        }
    }

    /// A carried note was vetted: it is learned from, and goes on, unless it is for this node.
    pub(crate) fn carried(
        &mut self,
        now: Time,
        from: NodeId,
        note: Note,
        signature: Signature,
        hops: u8,
        admitted: Admitted,
    ) {
        let me = self.me();
        match note.audience {
            Audience::Coordinator if self.leads() => {
                self.learn_way(now, note.origin, from, admitted);
                self.believe(now, note, admitted);
            }
            // It is only shown to this node.
            Audience::Coordinator if hops >= config::CARRY_HOPS_MAX => {}
            Audience::Coordinator => {
                self.learn_way(now, note.origin, from, admitted);
                self.carry(now, Some(from), &note, signature, hops);
            }
            Audience::One(to) if to == me => self.believe(now, note, admitted),
            Audience::One(to) if self.is_waiting(to) && !admitted.may_coordinate => {}
            Audience::One(_) => self.carry(now, Some(from), &note, signature, hops),
            Audience::Everybody => {}
        }
    }

    fn learn_way(&mut self, now: Time, origin: NodeId, by: NodeId, admitted: Admitted) {
        if !admitted.is_in() {
            return self.routes.learn_waiting(now, origin, by);
        }
        if origin != self.me() && self.routes.learn(origin, by) && self.leads() {
            self.found(now, origin);
        }
    }

    /// True if a presence says that its origin leads, and it may.
    pub(crate) fn is_heartbeat(presence: &Presence, admitted: Admitted) -> bool {
        presence.leads > 0 && admitted.may_coordinate && !presence.leaving
    }
}

/// The neighbour by way of which a node is reached, or that is it.
fn way_to(links: &Links, routes: &Routes, to: NodeId) -> Option<NodeId> {
    if links.has(to) { Some(to) } else { routes.by(to).filter(|by| links.has(*by)) }
}
