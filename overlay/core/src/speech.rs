//! What neighbours say: control messages, and the notes that travel in them.

use std::collections::VecDeque;

use crate::config;
use crate::id::NodeId;
use crate::io::{Admitted, Audience, Event, Note, Output, Signature, Topic};
use crate::links::Ask;
use crate::state::{State, Strange};
use crate::time::Time;
use crate::unit::Payload;
use crate::wire::{Message, NoteId};

impl<P: Payload> State<P> {
    /// A control message came. What can't be read costs its sender the link.
    pub(crate) fn control(&mut self, now: Time, from: NodeId, bytes: &[u8]) {
        if !self.charge(now, from, 1, bytes.len() as u64) || !self.may_say(now, from, bytes.len()) {
            return;
        }
        match Message::decode(bytes) {
            Ok(message) if self.is_waiting(from) => self.message_of_lobby(now, from, message),
            Ok(message) => self.message(now, from, message),
            Err(_) => {
                self.cut(now, from, "sent what is no control message");
            }
        }
    }

    fn message(&mut self, now: Time, from: NodeId, message: Message) {
        match message {
            Message::Attach { tree, feed, from: start, planned, feeds } => {
                self.attach(now, Ask { from, tree, feed, start, planned, feeds });
            }
            Message::Accepted { tree, feed, live, path } => self.accepted(now, from, tree, feed, live, path),
            Message::Refused { tree, why } => self.refused(now, from, tree, why),
            Message::Detach { tree } => self.detached(now, tree, from),
            Message::Tick { trees } => self.ticked(now, from, trees),
            Message::KeyWanted { tree } => {
                if self.trees.get(&tree).is_some_and(|tree| tree.has_child(from)) {
                    self.want_key(now, tree);
                }
            }
            Message::Have { notes } => self.offered(now, from, notes),
            Message::Want { notes } => self.wanted(now, from, notes),
            Message::Note { note, signature } => self.heard_note(now, from, note, signature),
            Message::Lazy { origin } => self.be_lazy(from, origin),
            Message::Carry { note, signature, hops } => self.heard_carried(from, note, signature, hops),
            Message::Uphill { on } => self.heard_uphill(now, from, on),
            Message::Reach { peers } => self.heard_reach(now, from, peers),
            Message::Lost { peers } => self.heard_lost(now, from, peers),
            Message::Probe { number } => self.heard_probe(now, from, number),
            Message::Echo { number, coordinate, error } => {
                self.heard_echo(now, from, number, coordinate, error);
            }
            Message::List { list, signature } => self.heard_list(now, from, list, signature),
            Message::Retract { tree, feed, first, which } => {
                self.heard_retraction(now, from, (tree, feed), first, which);
            }
        }
    }

    /// A note for everybody came: the edge is asked about it before it is believed or passed on. One whose origin
    /// is not known yet waits for its presence.
    pub(crate) fn heard_note(&mut self, now: Time, from: NodeId, note: Note, signature: Signature) {
        let id = NoteId::of(&note);
        self.wants.came(id);
        if self.gossip.has_seen(id) {
            return self.heard_again(now, from, id);
        }
        if note.origin == self.config.me || self.links.is_shut(note.origin) {
            return;
        }
        if note.topic != Topic::Presence && !self.is_known(note.origin) {
            if self.strange.len() >= config::STRANGE_MAX {
                self.strange.pop_front();
            }
            let until = now + config::STRANGE_FOR;
            return self.strange.push_back(Strange { from, note, signature, until });
        }
        if self.gossip.asks_about(id) {
            self.outbox.push_back(Output::Vet { from, note, signature });
        }
    }

    /// What came another way already: of a leader's notes that says which links are not needed, and its newest
    /// heartbeat shows a way to who has none.
    fn heard_again(&mut self, now: Time, from: NodeId, id: NoteId) {
        if self.leader.is_none_or(|leader| leader.id != id.origin) {
            return;
        }
        if self.uphill.is_none() && self.gossip.newest(id.origin) == Some(id) {
            return self.look_uphill(now, from);
        }
        // Who brought it first may do so twice: a heartbeat for all, and an answer.
        let is_uphill = self.uphill.is_some_and(|uphill| uphill.peer == from);
        if !is_uphill && !self.prefer_way(now, from) {
            self.tell(now, from, &Message::Lazy { origin: id.origin });
        }
    }

    /// Notes that waited for this origin's presence are looked at again.
    pub(crate) fn take_in_strange(&mut self, now: Time, origin: NodeId) {
        if !self.strange.iter().any(|strange| strange.note.origin == origin) {
            return;
        }
        let (mine, others): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.strange).into_iter().partition(|strange| strange.note.origin == origin);
        self.strange = others;
        for strange in mine.into_iter().filter(|strange| strange.until > now) {
            self.heard_note(now, strange.from, strange.note, strange.signature);
        }
    }

    /// A note for one node, or for the coordinator, came on its way.
    pub(crate) fn heard_carried(&mut self, from: NodeId, note: Note, signature: Signature, hops: u8) {
        let id = NoteId::of(&note);
        if note.origin == self.config.me || self.links.is_shut(note.origin) {
            return;
        }
        if self.gossip.asks_about_carried(id, hops) {
            self.outbox.push_back(Output::Vet { from, note, signature });
        }
    }

    /// The edge has answered.
    pub(crate) fn vetted(
        &mut self,
        now: Time,
        from: NodeId,
        note: Note,
        signature: Signature,
        verdict: Option<Admitted>,
    ) {
        let id = NoteId::of(&note);
        let hops = self.gossip.answered(id);
        let Some(admitted) = verdict else {
            if self.is_for_another(&note) && self.may_pass_unvetted(now) {
                // Its origin's presence went another way than this, so that nothing is known of it here. Whom it is
                // for can tell; what it costs to carry a lie there is the neighbour's.
                self.charge(now, from, config::UNASKED_COST, 0);
                return self.carry(now, Some(from), &note, signature, hops);
            }
            // The neighbour may not know yet that an origin was removed, so this only costs it.
            self.blame(from, "passed on a note that is not to be believed");
            self.charge(now, from, config::UNASKED_COST, 0);
            return;
        };
        if self.links.is_shut(note.origin) {
            return;
        }
        if note.topic == Topic::Presence {
            self.judged(now, note.origin, admitted.class);
        }
        if !self.counts(now, &note, admitted) {
            return;
        }
        if matches!(note.topic, Topic::Stage | Topic::Seat) && !admitted.may_coordinate {
            // Neither kept nor passed on: whoever may not plan can't fill memory with plans.
            self.blame(note.origin, "plans without the right to");
            return;
        }
        if note.audience != Audience::Everybody {
            return self.carried(now, from, note, signature, hops, admitted);
        }
        if note.topic != Topic::Presence && !self.is_known(note.origin) {
            // It has departed meanwhile. Not remembered as seen: it is pulled again when its origin is known.
            return;
        }
        if let Some(bytes) = self.gossip.put(now, &note, signature) {
            self.believe_from(now, Some(from), note, admitted);
            self.flood(now, Some(from), id, &bytes);
        }
    }

    /// A note that is for this node, or for everybody.
    pub(crate) fn believe(&mut self, now: Time, note: Note, admitted: Admitted) {
        self.believe_from(now, None, note, admitted);
    }

    fn believe_from(&mut self, now: Time, from: Option<NodeId>, note: Note, admitted: Admitted) {
        match note.topic {
            Topic::Presence if !admitted.is_in() => self.heard_waiting(now, &note),
            Topic::Presence => self.heard_presence(now, from, note, admitted),
            Topic::Stage => self.heard_stage(now, note),
            Topic::Seat => self.heard_seat(now, note),
            Topic::Keys | Topic::Standing(_) => {
                self.event(Event::Keys { from: note.origin, body: note.body });
            }
        }
    }

    /// Says something; the edge signs it first.
    pub(crate) fn say(&mut self, topic: Topic, audience: Audience, body: Vec<u8>) {
        let serial = self.next_serial;
        self.next_serial += 1;
        self.outbox.push_back(Output::Sign(Note { origin: self.me(), serial, topic, audience, body }));
    }

    /// A note of ours is signed.
    pub(crate) fn signed(&mut self, now: Time, note: Note, signature: Signature) {
        let me = self.me();
        if note.origin != me {
            return;
        }
        match note.audience {
            Audience::Everybody => {
                if let Some(bytes) = self.gossip.put(now, &note, signature) {
                    self.flood(now, None, NoteId::of(&note), &bytes);
                    match note.topic {
                        Topic::Stage => self.heard_stage(now, note),
                        Topic::Presence => self.presence_went(now),
                        _ => {}
                    }
                }
            }
            Audience::Coordinator if self.leads() => {
                if note.topic == Topic::Keys {
                    self.event(Event::Keys { from: me, body: note.body });
                }
            }
            Audience::One(to) if to == me => {}
            Audience::Coordinator | Audience::One(_) => {
                let another = note.topic == Topic::Presence && std::mem::take(&mut self.another_way);
                if another {
                    self.carry_another_way(now, &note, signature);
                }
                if note.topic == Topic::Presence {
                    self.show(now, &note, signature);
                }
                self.carry(now, None, &note, signature, 0);
            }
        }
    }
}
