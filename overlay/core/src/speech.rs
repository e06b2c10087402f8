//! What neighbours say: control messages, and the notes that travel in them.

use crate::beats::Reach;
use crate::config;
use crate::follow::Origin;
use crate::id::NodeId;
use crate::io::{Admitted, Event, Note, Output, Signature, Topic};
use crate::plan::Part;
use crate::state::State;
use crate::time::Time;
use crate::unit::Payload;
use crate::wire::{Message, NoteId};

/// Bytes of notes that one message may ask for; the rest is asked for again.
const WANTED_BYTES_MAX: usize = 1024 * 1024;

impl<P: Payload> State<P> {
    /// A control message came. What can't be read costs its sender the link.
    pub(crate) fn control(&mut self, now: Time, from: NodeId, bytes: &[u8]) {
        if !self.charge(now, from, 1, bytes.len() as u64) {
            return;
        }
        match Message::decode(bytes) {
            Ok(message) => self.message(now, from, message),
            Err(_) => {
                self.cut(now, from, "sent what is no control message");
            }
        }
    }

    fn message(&mut self, now: Time, from: NodeId, message: Message) {
        match message {
            Message::Attach { tree, feed, from: start } => self.attach(now, from, tree, feed, start),
            Message::Accepted { tree, feed, live, path } => self.accepted(now, from, tree, feed, live, path),
            Message::Refused { tree, .. } => self.refused(now, from, tree),
            Message::Detach { tree } => self.detach(tree, from),
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
        }
    }

    /// A note came: the edge is asked about it before it is believed or passed on.
    fn heard_note(&mut self, now: Time, from: NodeId, note: Note, signature: Signature) {
        let id = NoteId::of(&note);
        if self.gossip.has_seen(id) && self.leader() == Some(id.origin) {
            self.tell(now, from, &Message::Lazy { origin: id.origin });
        }
        if self.is_welcome(id) && self.gossip.asks_about(id) {
            self.outbox.push_back(Output::Vet { from, note, signature });
        }
    }

    /// Notes of a shut-out origin are refused; of ourselves only a plan of an earlier life is of use.
    fn is_welcome(&self, id: NoteId) -> bool {
        let mine = id.origin == self.config.me;
        let earlier = id.topic == Topic::Plan && id.serial < self.config.first_serial;
        !self.links.is_shut(id.origin) && (!mine || earlier)
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
        self.gossip.answered(id);
        let Some(admitted) = verdict else {
            // The neighbour may not know yet that an origin was removed, so this only costs it.
            self.blame(from, "passed on a note that is not to be believed");
            self.charge(now, from, config::UNASKED_COST, 0);
            return;
        };
        let known = note.origin == self.config.me || self.members.get(note.origin).is_some();
        if !self.is_welcome(id) || !known && note.topic != Topic::Presence {
            // Not remembered as seen: it will be pulled again when its origin is known.
            return;
        }
        if note.topic == Topic::Plan && !admitted.may_coordinate {
            // Neither kept nor passed on: whoever may not plan can't fill memory with plans.
            self.blame(note.origin, "plans without the right to");
            return;
        }
        let reach = self.reach(&note, admitted);
        if let Some(bytes) = self.gossip.put(now, &note, signature, reach == Reach::Everybody) {
            if self.is_outlived(id) {
                self.gossip.depart(id.origin);
                return;
            }
            self.look_uphill(from, &note, admitted);
            self.pass_on(now, Some(from), &note, &bytes, reach);
            self.believe(now, note, admitted);
        }
    }

    fn believe(&mut self, now: Time, note: Note, admitted: Admitted) {
        match note.topic {
            Topic::Presence => self.heard_presence(now, note, admitted),
            Topic::Plan => self.heard_plan(now, note),
            Topic::Keys => self.event(Event::Keys { from: note.origin, body: note.body }),
        }
    }

    fn heard_plan(&mut self, now: Time, note: Note) {
        let Ok(part) = Part::decode(&note.body) else {
            return self.blame(note.origin, "says a plan that can't be read");
        };
        let current = self.plan.as_ref().map(|(_, plan)| (plan.term, plan.number));
        if current.is_some_and(|current| part.of() <= current) {
            return;
        }
        // Only few may coordinate; one that has gone leaves its parts to the next.
        if self.parts.len() >= config::GOSSIP_LINKS && !self.parts.contains_key(&note.origin) {
            self.parts.pop_first();
        }
        if let Some((plan, serial)) = self.parts.entry(note.origin).or_default().add(part, note.serial) {
            self.gossip.drop_plans_before(note.origin, serial);
            self.follow(now, Origin(note.origin), plan);
        }
    }

    /// Says something to everybody; the edge signs it first.
    pub(crate) fn say(&mut self, topic: Topic, body: Vec<u8>) {
        let serial = self.next_serial;
        self.next_serial += 1;
        self.outbox.push_back(Output::Sign(Note { origin: self.me(), serial, topic, body }));
    }

    /// A note of ours is signed.
    pub(crate) fn signed(&mut self, now: Time, note: Note, signature: Signature) {
        if note.origin != self.me() {
            return;
        }
        let reach = self.reach(&note, self.config.admitted);
        if let Some(bytes) = self.gossip.put(now, &note, signature, reach == Reach::Everybody) {
            self.pass_on(now, None, &note, &bytes, reach);
            if note.topic == Topic::Plan {
                self.heard_plan(now, note);
            }
        }
    }

    /// A new neighbour is told of every note there is.
    pub(crate) fn offer_everything(&mut self, now: Time, peer: NodeId) {
        for notes in self.note_ids().chunks(config::NOTE_IDS_MAX) {
            self.tell(now, peer, &Message::Have { notes: notes.to_vec() });
        }
    }

    /// Once for each note that is for everybody, some time after it came: neighbours that are not given it hear of
    /// it, should it not have come another way. Together with others, since each message costs a wake-up.
    pub(crate) fn offer_lazily(&mut self, now: Time) {
        if now.since(self.offered) < config::LAZY_EVERY {
            return;
        }
        let due = self.offered..now;
        self.offered = now;
        let notes: Vec<NoteId> = self.gossip.for_everybody(|came| due.contains(&(came + config::LAZY_AFTER)));
        for peer in self.links.ids() {
            let notes: Vec<NoteId> =
                notes.iter().copied().filter(|id| self.is_lazy(peer, id.origin)).collect();
            for notes in notes.chunks(config::NOTE_IDS_MAX) {
                self.tell(now, peer, &Message::Have { notes: notes.to_vec() });
            }
        }
    }

    /// A lazy neighbour is given what it would have been offered soon: whoever is shut out should learn from the
    /// note that says so.
    pub(crate) fn give_what_is_owed(&mut self, now: Time, peer: NodeId) {
        let recent = |came: Time| now.since(came) < config::LAZY_AFTER + config::LAZY_EVERY;
        let mut owed = self.gossip.for_everybody(recent);
        owed.retain(|id| self.is_lazy(peer, id.origin));
        self.wanted(now, peer, owed);
    }

    /// Now and then every neighbour is told of some of all notes in turn: whatever went wrong, it is healed.
    pub(crate) fn offer_in_turn(&mut self, now: Time) {
        let mut all = self.note_ids();
        all.retain(|id| id.topic != Topic::Presence);
        for peer in self.links.ids() {
            let Some(neighbour) = self.links.get_mut(peer).filter(|_| !all.is_empty()) else { continue };
            let from = neighbour.turn % all.len();
            neighbour.turn = from + config::HAVE_IN_TURN;
            let turn = all.iter().cycle().skip(from).take(config::HAVE_IN_TURN.min(all.len()));
            let notes = turn.copied().collect();
            self.tell(now, peer, &Message::Have { notes });
        }
    }

    fn note_ids(&self) -> Vec<NoteId> {
        let me = self.me();
        self.gossip.ids(|origin| origin == me || self.members.get(origin).is_some())
    }

    fn offered(&mut self, now: Time, from: NodeId, mut notes: Vec<NoteId>) {
        notes.retain(|id| self.is_welcome(*id) && !self.gossip.has_seen(*id));
        if !notes.is_empty() {
            self.tell(now, from, &Message::Want { notes });
        }
    }

    fn wanted(&mut self, now: Time, from: NodeId, notes: Vec<NoteId>) {
        let mut bytes_left = WANTED_BYTES_MAX;
        let leader = self.leader();
        if let Some(neighbour) = self.links.get_mut(from).filter(|_| !notes.is_empty()) {
            neighbour.lazy.retain(|lazy| Some(*lazy) != leader);
        }
        for id in notes {
            let Some((bytes, _)) = self.gossip.get(id).filter(|(bytes, _)| bytes.len() <= bytes_left) else {
                continue;
            };
            bytes_left -= bytes.len();
            let bytes = bytes.to_vec();
            self.tell_bytes(now, from, bytes);
        }
    }
}
