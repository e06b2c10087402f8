//! Who is there, who leads, who is gone.
//!
//! Of those who coordinate or are on the stage everybody knows; of all others only the coordinator. It alone judges
//! who is gone: whom neighbours lost, and who does not answer when a heartbeat says so (decision 7).

use crate::config;
use crate::id::NodeId;
use crate::io::{Admitted, Audience, Event, Note, Topic};
use crate::members::{Heard, Place, Presence};
use crate::state::{Asked, Leader, State};
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::Payload;

impl<P: Payload> State<P> {
    pub(crate) fn may_coordinate(&self, origin: NodeId) -> bool {
        let member = || self.members.get(origin).map(|member| member.admitted);
        let admitted = if origin == self.me() { Some(self.config.admitted) } else { member() };
        admitted.is_some_and(|admitted| admitted.may_coordinate)
    }

    /// True if this node knows the origin's presence, or is it.
    pub(crate) fn is_known(&self, origin: NodeId) -> bool {
        origin == self.me() || self.members.get(origin).is_some()
    }

    /// A presence that is believed.
    pub(crate) fn heard_presence(&mut self, now: Time, from: Option<NodeId>, note: Note, admitted: Admitted) {
        let peer = note.origin;
        let Ok(presence) = Presence::decode(&note.body) else {
            return self.blame(peer, "says a presence that can't be read");
        };
        let beats = State::<P>::is_heartbeat(&presence, admitted);
        let (leads, leaves) = (presence.leads, presence.leaving);
        let missed = presence.missed.contains(&self.config.me.prefix());
        let (asks, holds) = (presence.asks, presence.seat);
        let complaints = presence.complaints.clone();
        let coordinate = presence.coordinate;
        self.lobby.remove(peer);
        let heard = self.members.heard(now, peer, note.serial, presence, admitted);
        if heard == Heard::Refused {
            return;
        }
        self.vivaldi.placed(peer, coordinate);
        if beats {
            self.heard_heartbeat(now, peer, leads);
            if let Some(from) = from.filter(|_| self.leader.is_some_and(|leader| leader.id == peer)) {
                self.look_uphill(now, from);
                if missed {
                    self.another_way = true;
                    self.say_news(now);
                }
            }
        } else if !leaves && self.leader.is_some_and(|leader| leader.id == peer) {
            self.look_for_leader(now);
        }
        match heard {
            Heard::Arrived => {
                self.event(Event::Arrived { peer, kind: admitted.kind });
                self.links.forget_dial(peer);
                self.member_changed(now, peer);
            }
            Heard::Changed => self.member_changed(now, peer),
            Heard::Left => self.departed(now, peer, true),
            Heard::Same | Heard::Refused => {}
        }
        if self.leads() && !leaves {
            self.heard_complaints(now, peer, admitted.owner, &complaints);
            self.answer_presence(now, peer, asks, holds);
        }
        self.take_in_strange(now, peer);
    }

    /// Somebody says that it leads. The highest term is followed; of equal ones, the highest id.
    fn heard_heartbeat(&mut self, now: Time, by: NodeId, term: u32) {
        match &mut self.leader {
            Some(leader) if leader.id == by && leader.term == term => leader.heard = now,
            Some(leader) if (leader.term, leader.id) > (term, by) && leader.id != by => {}
            _ => self.be_led(now, by, term),
        }
    }

    /// Follows a leader from now on. The ways to the last one say nothing of this one.
    pub(crate) fn be_led(&mut self, now: Time, by: NodeId, term: u32) {
        let yields = self.leads() && by != self.me();
        if let Some(before) = self.leader.filter(|before| before.id != by) {
            self.links.forget_lazy(now, before.id);
        }
        self.leader = Some(Leader { id: by, term, heard: now });
        self.uphill = None;
        // Its tree of links forms anew, from a flood.
        self.links.forget_lazy(now, by);
        if yields {
            self.coordinator = None;
            self.timers.cancel(Timer::Plan);
            self.timers.cancel(Timer::Seats);
        }
        self.event(Event::Led { by, term });
        self.say_news(now);
    }

    /// The leader is gone: of the others who say that they lead the first takes its place.
    fn look_for_leader(&mut self, now: Time) {
        if let Some(before) = self.leader.take() {
            self.links.forget_lazy(now, before.id);
        }
        self.uphill = None;
        let leads = |presence: &Presence, admitted| State::<P>::is_heartbeat(presence, admitted);
        let others = self.members.iter().filter(|(_, member)| leads(&member.presence, member.admitted));
        let next = others.map(|(id, member)| (member.presence.leads, id)).max();
        if let Some((term, id)) = next {
            self.be_led(now, id, term);
        }
    }

    /// Somebody can be reached again. What it was told meanwhile may not have come.
    pub(crate) fn found(&mut self, now: Time, peer: NodeId) {
        if self.members.find(peer) {
            self.owe_seat(now, peer);
            self.pay_seats(now);
        }
    }

    pub(crate) fn departed(&mut self, now: Time, peer: NodeId, said_so: bool) {
        self.gossip.depart(peer);
        self.links.forget_lazy(now, peer);
        self.event(Event::Departed { peer, said_so });
        if self.leader.is_some_and(|leader| leader.id == peer) {
            self.look_for_leader(now);
        }
        self.member_gone(now, peer);
    }

    /// Says in a heartbeat who is lost, soon after it was: they answer another way, should it be a lie.
    pub(crate) fn name_lost(&mut self, now: Time) {
        if self.members.has_unnamed() {
            let large = self.members.len() > config::SMALL_MEETING;
            let apart = if large { config::HEARTBEAT_EVERY } else { config::NAME_LOST_EVERY };
            let soon = (now + config::PRESENCE_DEBOUNCE).max(self.said + apart);
            self.timers.set_earlier(Timer::Presence, soon);
        }
    }

    /// Takes leave of those whom nobody reaches; elsewhere than at the coordinator, of a leader that is silent, and of
    /// those who neither coordinate nor are on the stage.
    pub(crate) fn take_leave(&mut self, now: Time) {
        if self.leads() {
            for peer in self.members.take_gone(now) {
                self.departed(now, peer, false);
            }
            for peer in self.lobby.take_gone(now) {
                self.event(Event::Departed { peer, said_so: false });
            }
            self.name_lost(now);
            return;
        }
        let silent = self.leader.filter(|leader| now.since(leader.heard) >= config::LEADER_GONE_AFTER);
        if let Some(leader) = silent
            && self.members.remove(leader.id)
        {
            self.departed(now, leader.id, false);
        }
        let stage = self.stage.as_ref().map(|(_, stage)| stage);
        let plays = |id| stage.is_some_and(|stage| stage.feeds.iter().any(|feed| feed.source == id));
        let gone = self.members.retain(|id, member| {
            let young = now.since(member.heard) < config::KNOWN_FOR;
            young || member.admitted.may_coordinate || plays(id)
        });
        for peer in gone {
            self.departed(now, peer, false);
        }
    }

    /// Says what this node is like. Those who may coordinate, and who are on the stage, say it to everybody when it is
    /// different; all else, and all others, to the coordinator. A relay that no meeting has claimed yet has nothing to
    /// show, and nobody would believe it.
    pub(crate) fn say_presence(&mut self, now: Time) {
        let leads = self.leads();
        let known = self.config.admitted.may_coordinate || self.on_stage.is_some();
        let told = |(at, said): &(Time, Presence)| {
            said.leads == 0 && now.since(*at) < config::PRESENCE_EVERY && self.is_as(said)
        };
        let everybody = known && (leads || self.leaving || !self.said_to_all.as_ref().is_some_and(told));
        let audience = if everybody { Audience::Everybody } else { Audience::Coordinator };
        if self.config.credential.is_empty() || !everybody && self.uphill.is_none() {
            // Said as soon as there is a credential, or a way.
            self.news = true;
            return self.timers.set(Timer::Presence, now + config::PRESENCE_EVERY);
        }
        let news = std::mem::take(&mut self.news);
        let asks = !leads && !self.leaving && (news && self.needs_answer() || self.asked.is_some());
        self.asked = match self.asked.filter(|_| asks) {
            Some(asked) if !news => {
                self.another_way = true;
                Some(Asked { wait: (asked.wait * 2).min(config::ANSWER_AFTER_MAX), ..asked })
            }
            _ if asks => Some(Asked { serial: self.next_serial, wait: config::ANSWER_AFTER }),
            _ => None,
        };
        self.said = now;
        let every = match self.asked {
            _ if leads => config::HEARTBEAT_EVERY,
            Some(asked) => asked.wait,
            None => config::PRESENCE_EVERY,
        };
        self.timers.set(Timer::Presence, now + every);
        let presence = self.presence(now, asks, everybody);
        self.said_where = presence.coordinate;
        if let Ok(body) = presence.encode() {
            self.say(Topic::Presence, audience, body);
        }
        if asks {
            self.asked_with = Some(presence.clone());
        }
        if everybody {
            self.said_to_all = Some((now, presence));
        } else if !known {
            self.said_to_all = None;
        }
    }

    /// True if this node is still what it said of itself there, whatever its way and its seat are, where it is and what it
    /// offers: those are for the next plan, and for nobody else.
    fn is_as(&self, said: &Presence) -> bool {
        let me = &self.config;
        let mine = (me.uplink_kbps, &me.contacts, &me.credential, me.watch, &self.sends);
        let told = (said.uplink_kbps, &said.contacts, &said.credential, said.watch, &said.sends);
        let place = (self.stint, self.on_stage, &self.looks, self.downlink.kbps());
        mine == told
            && place == (said.stint, said.on_stage, &said.looks, said.downlink_kbps)
            && self.takes_kbps() == said.lends_kbps
    }

    /// True if this node needs a seat in answer to what it says next.
    fn needs_answer(&self) -> bool {
        let term = self.leader.map_or(0, |leader| leader.term);
        let seated = self.seat.term > 0 && self.seat.term >= term;
        !seated || self.seat_missed || !self.asked_with.as_ref().is_some_and(|said| self.is_as(said))
    }

    fn presence(&mut self, now: Time, asks: bool, everybody: bool) -> Presence {
        let leads = self.leads();
        let term = self.leader.map_or(0, |leader| leader.term);
        let me = &self.config;
        Presence {
            kind: me.kind,
            uplink_kbps: me.uplink_kbps,
            contacts: if me.hidden { Vec::new() } else { me.contacts.clone() },
            credential: me.credential.clone(),
            sends: self.sends.clone(),
            stint: self.stint,
            on_stage: self.on_stage,
            watch: me.watch,
            leaving: self.leaving,
            leads: if leads { term } else { 0 },
            seat: self.seat.of(),
            asks,
            places: if self.seat.term < term && !leads { self.places() } else { Vec::new() },
            missed: if leads { self.members.name_missed(now) } else { Vec::new() },
            hidden: me.hidden,
            looks: self.looks.clone(),
            coordinate: self.whereabouts(),
            lends_kbps: self.takes_kbps(),
            offers_kbps: self.offers_kbps(),
            complaints: if everybody { Vec::new() } else { self.complaints.named(now) },
            downlink_kbps: self.downlink.kbps(),
        }
    }

    /// Where this node sits, for a coordinator that did not plan it.
    pub(crate) fn places(&self) -> Vec<Place> {
        let fed = self.trees.values().filter_map(|tree| Some((tree, tree.parent?)));
        let places = fed.map(|(tree, parent)| Place {
            tree: tree.id,
            parent: parent.prefix(),
            takes: tree.row.as_ref().is_some_and(|row| row.takes),
        });
        places.take(config::TREES_MAX).collect()
    }

    /// Something about this node has changed.
    pub(crate) fn presence_changed(&mut self, now: Time) {
        self.say_news(now);
        self.meeting_changed(now);
    }

    /// Whom it concerns should hear of this node soon.
    pub(crate) fn say_news(&mut self, now: Time) {
        self.news = true;
        self.timers.set_earlier(Timer::Presence, now + config::PRESENCE_DEBOUNCE);
    }
}
