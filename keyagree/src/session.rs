//! A participant's side of key agreement: everything that its node has to do about keys.

mod able;
#[cfg(test)]
mod hostile;
mod naming;
mod part;
mod passing;

use std::collections::VecDeque;

use crate::credential::{Admission, Signed};
use crate::epoch::coordinator::Coordinator;
use crate::epoch::member::Member;
use crate::epoch::{Adopted, Effects, is_ahead};
use crate::identity::{InviteId, PeerKey};
use crate::removed::Removed;
use crate::source::Streams;
use crate::stream::EpochId;
use crate::talk::Talks;
use crate::time::UnixTime;
use crate::wire::{Message, PassNote, Talk, Verdict};
use able::Able;
use naming::Named;
use part::Part;
use passing::Allowances;

pub use crate::io::{Audience, Event, Input, Knocks, Output, Past, Seat, SessionRng, Timer};

/// A term for [`Past`]: above `known`, and above every term that this node began earlier.
pub fn next_term(now: UnixTime, known: u32) -> u32 {
    crate::epoch::next_term(now, known)
}

/// A participant's key agreement.
///
/// *Feed* it with [`Session::handle`], which never fails; *drain* [`Session::poll`] after each call until
/// it gives `None`; *come back* at [`Session::deadline`] with [`Input::Tick`]. [`Session::check`] asserts the
/// invariants, for tests.
pub struct Session {
    seat: Seat,
    rng: SessionRng,
    part: Part,
    streams: Streams,
    talks: Talks,
    name: Option<Named>,
    allowances: Allowances,
    able: Able,
    out: VecDeque<Output>,
}

impl Session {
    /// Somebody who joins. Asks to be let in at once.
    pub fn member(now: UnixTime, seat: Seat, mut rng: SessionRng) -> Session {
        let mut effects = Effects::default();
        let member = Member::start(now, &seat, &mut rng, &mut effects);
        Session::new(now, seat, rng, Part::Member(Box::new(member)), effects)
    }

    /// The participant who runs the epochs: the organiser, anew or after a crash.
    pub fn coordinator(now: UnixTime, seat: Seat, past: Past, mut rng: SessionRng) -> Session {
        let mut effects = Effects::default();
        let coordinator = Coordinator::start(now, &seat, past, &mut rng, &mut effects);
        effects.events.push(Event::Admitted { epoch: coordinator.head().id() });
        Session::new(now, seat, rng, Part::Coordinator(Box::new(coordinator)), effects)
    }

    fn new(now: UnixTime, seat: Seat, rng: SessionRng, part: Part, effects: Effects) -> Session {
        let streams = Streams::new(&seat);
        let talks = Talks::new(seat.meeting, seat.identity.public());
        let (able, allowances, out) = (Able::default(), Allowances::default(), VecDeque::new());
        let mut session = Session { seat, rng, part, streams, talks, name: None, allowances, able, out };
        session.carry_out(now, effects);
        session.route();
        session
    }

    /// Takes one value in. Whatever a peer did wrong is dropped.
    pub fn handle(&mut self, now: UnixTime, input: Input) {
        let mut effects = Effects::default();
        match input {
            Input::Heard { from, admission, body } => self.hear(now, from, &admission, &body, &mut effects),
            Input::Send { streams } => self.send(now, Some(streams)),
            Input::Silent => self.send(now, None),
            Input::Name(name) => self.take_name(now, &name),
            Input::Unopened(source) => self.streams.unopened(now, source),
            Input::ShowPage(page) => self.show_page(page, &mut effects),
            Input::Talk { body } => {
                let said = self.talks.say(now, &self.seat.identity, &mut self.rng, &body);
                let said = said.map(|said| (Audience::Everybody, Message::Talk(said).encode()));
                effects.says.extend(said);
            }
            Input::Tell { body } if !self.coordinates() => {
                let said = self.talks.say(now, &self.seat.identity, &mut self.rng, &body);
                let said = said.map(|said| (Audience::Coordinator, Message::Talk(said).encode()));
                effects.says.extend(said);
            }
            Input::Tick | Input::Tell { .. } => {}
            Input::Departed(_) | Input::Remove(_) | Input::Decide { .. } | Input::Lock(_) => {
                self.host(now, input, &mut effects);
            }
        }
        self.tick(now, &mut effects);
        self.carry_out(now, effects);
        self.route();
    }

    /// What a coordinator acts on.
    fn host(&mut self, now: UnixTime, input: Input, effects: &mut Effects) {
        match (&mut self.part, input) {
            (Part::Coordinator(part), Input::Departed(peer)) => part.departed(now, peer),
            (Part::Coordinator(part), Input::Remove(removal)) => {
                part.remove(now, &self.seat, &[removal].into_iter().collect(), effects);
            }
            (Part::Member(part), Input::Remove(removal)) => {
                part.remove(&self.seat, &[removal].into_iter().collect(), effects);
            }
            (Part::Coordinator(part), Input::Decide { peer, admit }) => {
                part.decide(now, &self.seat, &mut self.rng, peer, admit, effects);
            }
            (Part::Coordinator(part), Input::Lock(locked)) => part.lock(locked),
            (Part::Member(_), Input::Decide { peer, admit }) if self.seat.role.may_host() => {
                let verdict = Verdict { meeting: self.seat.meeting, peer, made_at: now, admit };
                let signed = Signed::new(verdict, &self.seat.identity);
                effects.say(Audience::Coordinator, &Message::Verdict(signed));
            }
            _ => {}
        }
    }

    /// Whatever came, what is due by now is done: a late timer never waits for the next one.
    fn tick(&mut self, now: UnixTime, effects: &mut Effects) {
        match &mut self.part {
            Part::Member(member) => {
                if let Some(from) = member.takes_over(now, &self.seat) {
                    let part = Coordinator::take_over(now, &self.seat, from, &mut self.rng, effects);
                    effects.events.push(Event::Coordinating { term: part.head().id().term });
                    self.part = Part::Coordinator(Box::new(part));
                    return self.tick(now, effects);
                }
                member.tick(now, &self.seat, &mut self.rng, effects);
            }
            Part::Coordinator(part) => part.tick(now, &self.seat, &mut self.rng, effects),
            Part::Changing => {}
        }
        self.streams.tick(now, &self.seat, &mut self.out);
        self.talks.tick(now);
        let complete = self.part.complete();
        let listed = |peer: &PeerKey| complete.is_some_and(|view| view.roster.contains(peer));
        self.streams.say_missing(now, listed, &mut self.out);
    }

    fn send(&mut self, now: UnixTime, layers: Option<Vec<u8>>) {
        let stopped = matches!(&self.part, Part::Member(member) if member.is_stopped());
        if !stopped {
            self.streams.send(now, &self.seat, &mut self.rng, layers, &mut self.out);
        }
    }

    fn hear(
        &mut self,
        now: UnixTime,
        from: PeerKey,
        admission: &Admission,
        body: &[u8],
        effects: &mut Effects,
    ) {
        let Ok(message) = Message::decode(body) else { return };
        if !admission.is_participant() || now >= admission.expires || from == self.seat.identity.public() {
            return;
        }
        if message.term().is_some_and(|term| is_ahead(now, term)) {
            return;
        }
        let leads = admission.may_coordinate() && !self.able.is_deposed(&from);
        if let Some(invite) = admission.invite.filter(|_| leads) {
            self.able.met(from, invite);
        }
        match message {
            Message::Join(said) if said.value.peer == from => {
                let (seat, rng) = (&self.seat, &mut self.rng);
                match &mut self.part {
                    Part::Coordinator(part) => part.asked(now, seat, rng, admission, &said, effects),
                    Part::Member(part) => part.asked(now, seat, rng, admission, &said, effects),
                    Part::Changing => {}
                }
            }
            // Whoever waits at the door has no say in what follows.
            _ if admission.lobby => {}
            Message::Announcement(said) => {
                if let Part::Member(member) = &mut self.part {
                    member.refers(now, &said.value.epoch, &said.value.record, effects);
                }
                if self.may_be_member(&from) {
                    self.streams.announced(now, from, said, &mut self.out);
                }
            }
            Message::Ratchet(said) => self.streams.ratcheted(now, from, &said, &mut self.out),
            Message::Ask(said) => self.streams.asked(now, from, &said, &mut self.out),
            Message::Talk(said) => self.talked(said),
            Message::Evidence(said) => self.evidence(now, &said, effects),
            Message::PassOn(note) => self.pass_on(now, from, note, effects),
            Message::Passed(note) if leads => {
                self.hear_passed(now, note.from, &note.credential, &note.body, effects);
            }
            Message::Name(named) => {
                let seat = &self.seat;
                if let Some((head, view)) = self.part.parts_mut() {
                    view.named(from, named, head, seat, effects);
                }
            }
            message => match &mut self.part {
                Part::Member(_) => self.hear_as_member(now, from, leads, message, effects),
                Part::Coordinator(_) => {
                    self.hear_as_coordinator(now, from, admission, leads, message, effects);
                }
                Part::Changing => {}
            },
        }
    }

    fn hear_as_member(
        &mut self,
        now: UnixTime,
        from: PeerKey,
        leads: bool,
        message: Message,
        effects: &mut Effects,
    ) {
        let Part::Member(member) = &mut self.part else { return };
        let (seat, rng) = (&self.seat, &mut self.rng);
        match message {
            Message::Witness(said) => member.witness(now, said, seat, effects),
            _ if !leads => {}
            Message::Record(said) => member.record(now, seat, rng, from, said, effects),
            Message::Wrap(said) => member.wrap(now, seat, from, said, effects),
            Message::Chain(said) => member.chain(now, seat, rng, from, &said, effects),
            Message::Welcome(said) => member.welcome(now, seat, rng, from, &said, effects),
            Message::Changes(said) => member.changes(from, said, seat, effects),
            Message::Page(said) => member.page(now, &said, seat, effects),
            Message::Beat(said) => member.beat(now, seat, rng, from, &said, effects),
            Message::Kicks(said) => member.kicks(seat, from, &said, effects),
            Message::Refusal(said) => member.refusal(seat, from, &said, effects),
            Message::Pass(note) => self.take_pass(from, note),
            Message::Bound(said) => member.bound(from, &said.sealed),
            _ => {}
        }
    }

    fn hear_as_coordinator(
        &mut self,
        now: UnixTime,
        from: PeerKey,
        admission: &Admission,
        leads: bool,
        message: Message,
        effects: &mut Effects,
    ) {
        let witnessed =
            matches!(&message, Message::Witness(said) if self.may_lead(&said.value.id.coordinator));
        let Part::Coordinator(part) = &mut self.part else { return };
        let meeting = self.seat.meeting;
        let other = match &message {
            Message::PageAsk(said) => {
                part.page_asked(now, from, said.page, effects);
                None
            }
            Message::Verdict(said) if admission.may_host() => {
                let verdict = &said.value;
                if verdict.meeting == meeting && said.signed_by(&from) {
                    part.decide(now, &self.seat, &mut self.rng, verdict.peer, verdict.admit, effects);
                }
                None
            }
            Message::Kicks(said) if leads => {
                if said.value.meeting == meeting && said.signed_by(&from) {
                    part.remove(now, &self.seat, &said.value.removed(), effects);
                }
                None
            }
            Message::Record(said) if leads && said.value.meeting == meeting => {
                let id = said.value.id;
                (id.coordinator == from && said.signed_by(&from)).then_some(id)
            }
            Message::Beat(said) if leads && said.value.meeting == meeting => {
                let id = said.value.id;
                (id.coordinator == from && said.signed_by(&from)).then_some(id)
            }
            Message::Witness(said) if witnessed && said.value.meeting == meeting => {
                let id = said.value.id;
                said.signed_by(&id.coordinator).then_some(id)
            }
            _ => None,
        };
        if let Some(id) = other.filter(|id| id.leader() > part.head().id().leader()) {
            self.give_way(now, id, effects);
            self.hear_as_member(now, from, leads, message, effects);
        }
    }

    /// Somebody else leads: this node's own epochs end, and what it shut out stays out.
    fn give_way(&mut self, now: UnixTime, to: EpochId, effects: &mut Effects) {
        match std::mem::replace(&mut self.part, Part::Changing) {
            Part::Coordinator(part) => {
                part.say_kicks(&self.seat, effects);
                let member = Member::yields(now, &self.seat, &mut self.rng, *part, to.leader(), effects);
                self.part = Part::Member(Box::new(member));
            }
            other => self.part = other,
        }
    }

    /// Only a full roster can say that somebody is no member.
    fn may_be_member(&self, peer: &PeerKey) -> bool {
        self.part.complete().is_none_or(|view| view.roster.contains(peer))
    }

    /// A pass goes beside this node's own certificates, if it is for them.
    fn take_pass(&mut self, from: PeerKey, note: PassNote) {
        let pass = &note.pass.value;
        let mine = pass.peer == self.seat.identity.public() && pass.meeting == self.seat.meeting;
        if mine
            && pass.invite == self.seat.invite
            && note.holder.value.peer == from
            && note.pass.signed_by(&from)
            && let Some(own) = crate::credential::parts(&self.seat.credential)
        {
            let credential = crate::credential::passed(own, note.pass, (note.invite, note.holder));
            self.seat.credential.clone_from(&credential);
            self.out.push_back(Output::Credential(credential));
        }
    }

    fn talked(&mut self, said: Signed<Talk>) {
        let heard = self.talks.heard(said);
        self.out.extend(heard.map(|(from, body)| Output::Talk { from, body }));
    }

    fn carry_out(&mut self, now: UnixTime, effects: Effects) {
        self.out.extend(effects.says.into_iter().map(|(to, body)| Output::Say { to, body }));
        self.depose(effects.deposed);
        let entered = !effects.epochs.is_empty();
        for epoch in effects.epochs {
            self.enter(now, epoch);
        }
        if entered {
            self.say_name();
        }
        if matches!(&self.part, Part::Member(member) if member.is_stopped()) {
            self.streams.stop(now);
            self.talks.stop();
        }
        self.out.extend(effects.events.into_iter().map(Output::Event));
    }

    fn enter(&mut self, now: UnixTime, mut epoch: Adopted) {
        self.out.push_back(Output::Event(Event::Epoch {
            epoch: epoch.id,
            members: epoch.members,
            code: epoch.code.clone(),
            activate_at: epoch.activate_at,
        }));
        let early = self.talks.adopt(&mut epoch);
        self.streams.adopt(now, &self.seat, &mut self.rng, epoch, &mut self.out);
        self.out.extend(early.into_iter().map(|(from, body)| Output::Talk { from, body }));
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call again, and why.
    pub fn deadline(&self) -> Option<(UnixTime, Timer)> {
        let part = match &self.part {
            Part::Member(member) => member.deadline(&self.seat),
            Part::Coordinator(part) => Some(part.deadline()),
            Part::Changing => None,
        };
        [part, self.streams.deadline()].into_iter().flatten().min()
    }

    /// Asserts what always holds.
    pub fn check(&self) {
        self.streams.check();
        self.talks.check();
        self.allowances.check();
        self.able.check();
        match &self.part {
            Part::Member(member) => member.check(),
            Part::Coordinator(part) => part.check(),
            Part::Changing => panic!("a change of part is left half done"),
        }
    }

    /// True while this node runs the epochs.
    pub fn coordinates(&self) -> bool {
        matches!(self.part, Part::Coordinator(_))
    }

    /// The epoch that this node holds last; `None` before it is admitted and after it is removed.
    pub fn epoch(&self) -> Option<EpochId> {
        self.part.parts().map(|(head, _)| head.id())
    }

    /// The verification code of the last epoch, 30 digits.
    pub fn code(&self) -> Option<String> {
        self.part.parts().map(|(head, _)| head.code(&self.seat.issuer))
    }

    /// Hash of the last epoch's record, which commits to its secret.
    pub fn record(&self) -> Option<[u8; 32]> {
        self.part.parts().map(|(head, _)| head.hash)
    }

    /// Who hold the last epoch's secret, sorted; empty before the whole roster is known.
    pub fn members(&self) -> Vec<PeerKey> {
        self.part.complete().map(|view| view.roster.peers().copied().collect()).unwrap_or_default()
    }

    /// Coordinator: which peer keys came with which invites; to be kept for [`Past`].
    pub fn bindings(&self) -> Vec<(InviteId, PeerKey)> {
        match &self.part {
            Part::Coordinator(part) => part.door().bindings().all().to_vec(),
            _ => Vec::new(),
        }
    }

    /// What was shut out so far, as far as this node has to know: it may coordinate. To be kept for [`Past`].
    pub fn removed(&self) -> Removed {
        let known = match &self.part {
            Part::Coordinator(part) => Some(part.door().removed()),
            Part::Member(part) => part.removed(),
            Part::Changing => None,
        };
        known.cloned().unwrap_or_default()
    }
}
