//! The door at each link: what a neighbour that was not let in may say, what it is told, and its way in and out.
//!
//! It may ask the coordinator to be let in, and hears heartbeats, which show the way there, and what is said to it alone;
//! little of both. Beyond that it is nobody's parent, child or way.

use crate::config;
use crate::id::NodeId;
use crate::io::{Admitted, Audience, Class, Event, Note, Output, Topic};
use crate::members::Presence;
use crate::state::State;
use crate::time::Time;
use crate::unit::Payload;
use crate::wire::{Message, NoteId, Refusal};

impl<P: Payload> State<P> {
    /// True for a neighbour in the lobby.
    pub(crate) fn is_waiting(&self, peer: NodeId) -> bool {
        self.links.get(peer).is_some_and(|neighbour| neighbour.class == Class::Lobby)
    }

    /// Takes from what a neighbour may say: what is too much for the lobby is not read, and costs the neighbour.
    pub(crate) fn may_say(&mut self, now: Time, from: NodeId, bytes: usize) -> bool {
        let may = self.links.get_mut(from).is_some_and(|neighbour| neighbour.may_say(now, bytes));
        if !may {
            self.charge(now, from, config::UNASKED_COST, 0);
        }
        may
    }

    /// A neighbour in the lobby says something. What isn't about being let in is not heard.
    pub(crate) fn message_of_lobby(&mut self, now: Time, from: NodeId, message: Message) {
        match message {
            Message::Attach { tree, .. } => {
                self.tell(now, from, &Message::Refused { tree, why: Refusal::Lobby });
            }
            Message::Carry { note, signature, hops } if note.origin == from && asks(&note) => {
                self.heard_carried(from, note, signature, hops);
            }
            // Who was on the stage when its pass ended says to everybody that it has another.
            Message::Note { note, signature } if note.origin == from && note.topic == Topic::Presence => {
                self.heard_note(now, from, note, signature);
            }
            Message::Want { notes } => self.wanted(now, from, notes),
            Message::Lazy { origin } => self.be_lazy(from, origin),
            Message::Uphill { on } => self.heard_uphill(now, from, on),
            _ => {}
        }
    }

    /// True if a note counts, as far as its origin's class goes. What somebody in the lobby says is for the coordinator,
    /// and all that it says together with others there has a bound.
    pub(crate) fn counts(&mut self, now: Time, note: &Note, admitted: Admitted) -> bool {
        admitted.is_in() || asks(note) && self.lobby.may_say(now, note.body.len())
    }

    /// True if a neighbour may have a note for everybody: in the lobby only heartbeats of who leads.
    pub(crate) fn may_have(&self, peer: NodeId, id: NoteId) -> bool {
        let beats = id.topic == Topic::Presence && self.leader.is_some_and(|leader| leader.id == id.origin);
        beats || !self.is_waiting(peer)
    }

    /// A presence shows of what class its origin is. A neighbour's link stays, whatever that was before.
    pub(crate) fn judged(&mut self, now: Time, peer: NodeId, class: Class) {
        let Some(neighbour) = self.links.get_mut(peer).filter(|neighbour| neighbour.class != class) else {
            return;
        };
        match class {
            Class::Member => {
                neighbour.class = class;
                self.welcome(now, peer);
            }
            Class::Lobby => self.send_back(now, peer),
        }
    }

    /// A neighbour is in: it is told of every note there is, and may be asked for a parent.
    pub(crate) fn welcome(&mut self, now: Time, peer: NodeId) {
        self.probe(now, peer);
        self.show_way(now, peer);
        self.offer_everything(now, peer);
        self.ask_linked(now, peer);
    }

    /// A neighbour is in the lobby again: nothing of what it was is left but its link.
    fn send_back(&mut self, now: Time, peer: NodeId) {
        for tree in self.trees_where(|tree| tree.has_child(peer)) {
            self.tell(now, peer, &Message::Refused { tree, why: Refusal::Lobby });
        }
        for tree in self.trees_where(|tree| tree.is_fed_by(peer)) {
            self.tell(now, peer, &Message::Detach { tree });
        }
        let Some(kind) = self.links.get(peer).map(|neighbour| neighbour.kind) else { return };
        self.links.down(now, peer);
        self.lost_link(now, peer);
        if !self.links.up(now, peer, Admitted { kind, class: Class::Lobby, may_coordinate: false, owner: 0 })
        {
            self.outbox.push_back(Output::Hangup(peer));
        }
    }

    /// The coordinator hears the presence of somebody who waits.
    pub(crate) fn heard_waiting(&mut self, now: Time, note: &Note) {
        let peer = note.origin;
        if self.members.remove(peer) {
            self.departed(now, peer, false);
        }
        match Presence::decode(&note.body) {
            Ok(presence) if presence.leaving => self.waits_no_longer(peer, true),
            Ok(_) => self.lobby.heard(now, peer, note.serial),
            Err(_) => self.blame(peer, "says a presence that can't be read"),
        }
    }

    /// Somebody who waited has gone.
    pub(crate) fn waits_no_longer(&mut self, peer: NodeId, said_so: bool) {
        if self.lobby.remove(peer) {
            self.event(Event::Departed { peer, said_so });
        }
    }

    /// A member's pass has ended.
    pub(crate) fn lapse(&mut self, now: Time, peer: NodeId) {
        self.judged(now, peer, Class::Lobby);
        if self.members.remove(peer) {
            self.departed(now, peer, false);
        }
    }
}

/// True for what somebody says who wants to be let in: its presence, and its requests.
fn asks(note: &Note) -> bool {
    note.audience == Audience::Coordinator && matches!(note.topic, Topic::Presence | Topic::Keys)
}
