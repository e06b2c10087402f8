//! A participant's side of key agreement: everything that its node has to do about keys.

use std::collections::VecDeque;

use crate::credential::{Admission, Signed};
use crate::epoch::coordinator::Coordinator;
use crate::epoch::member::{Effects, Member};
use crate::epoch::{Adopted, Head};
use crate::identity::{InviteId, PeerKey};
use crate::source::Streams;
use crate::stream::EpochId;
use crate::talk::Talks;
use crate::time::UnixTime;
use crate::wire::{Message, Talk};

pub use crate::io::{Event, Input, Output, Past, Seat, SessionRng, Timer};

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
    members: Vec<PeerKey>,
    out: VecDeque<Output>,
}

enum Part {
    Member(Box<Member>),
    Coordinator(Box<Coordinator>),
}

impl Session {
    /// Somebody who joins. Asks to be let in at once.
    pub fn member(now: UnixTime, seat: Seat, mut rng: SessionRng) -> Session {
        let mut effects = Effects::default();
        let member = Member::start(now, &seat, &mut rng, &mut effects);
        let mut session = Session::new(seat, rng, Part::Member(Box::new(member)));
        session.carry_out(now, effects);
        session
    }

    /// The participant who runs the epochs: the organiser, anew or after a crash.
    pub fn coordinator(now: UnixTime, seat: Seat, past: Past, mut rng: SessionRng) -> Session {
        let mut effects = Effects::default();
        let (coordinator, adopted) = Coordinator::start(now, &seat, past, &mut rng, &mut effects.says);
        effects.events.push(Event::Admitted { epoch: adopted.id });
        effects.epochs.push(adopted);
        let mut session = Session::new(seat, rng, Part::Coordinator(Box::new(coordinator)));
        session.carry_out(now, effects);
        session
    }

    fn new(seat: Seat, rng: SessionRng, part: Part) -> Session {
        let streams = Streams::new(&seat);
        let talks = Talks::new(seat.meeting, seat.identity.public());
        Session { seat, rng, part, streams, talks, members: Vec::new(), out: VecDeque::new() }
    }

    /// Takes one value in. Whatever a peer did wrong is dropped.
    pub fn handle(&mut self, now: UnixTime, input: Input) {
        let mut effects = Effects::default();
        match input {
            Input::Heard { from, admission, body } => self.hear(now, from, &admission, &body, &mut effects),
            Input::Departed(peer) => {
                if let Part::Coordinator(coordinator) = &mut self.part {
                    coordinator.departed(now, peer);
                }
            }
            Input::Remove(invite) => {
                if let Part::Coordinator(coordinator) = &mut self.part {
                    coordinator.remove(now, &self.seat, invite, &mut effects.says);
                }
            }
            Input::Send { streams } => self.send(now, Some(streams)),
            Input::Silent => self.send(now, None),
            Input::Talk { body, known } => {
                let said = self.talks.say(now, &self.seat.identity, &mut self.rng, &body);
                self.out.extend(said.map(|said| match known || self.coordinates() {
                    true => Output::Say(Message::Talk(said).encode()),
                    false => Output::SayToCoordinator(Message::PassOn(said).encode()),
                }));
            }
            Input::Tick => {}
        }
        self.tick(now, &mut effects);
        self.carry_out(now, effects);
    }

    /// Whatever came, what is due by now is done: a late timer never waits for the next one.
    fn tick(&mut self, now: UnixTime, effects: &mut Effects) {
        match &mut self.part {
            Part::Member(member) => member.tick(now, &self.seat, &mut self.rng, effects),
            Part::Coordinator(coordinator) => {
                effects.epochs.extend(coordinator.tick(now, &self.seat, &mut self.rng, &mut effects.says));
            }
        }
        self.streams.tick(now, &self.seat, &mut self.out);
        self.talks.tick(now);
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
        match (message, &mut self.part) {
            (Message::Announcement(said), _) => {
                self.streams.announced(now, from, said, &mut self.out);
            }
            (Message::Ratchet(said), _) => self.streams.ratcheted(now, from, &said, &mut self.out),
            (Message::Talk(said), _) => self.talked(said),
            (Message::PassOn(said), Part::Coordinator(_)) if said.value.sender == from => {
                effects.says.push(Message::Talk(said.clone()).encode());
                self.talked(said);
            }
            (Message::Join(said), Part::Coordinator(coordinator)) if said.value.peer == from => {
                coordinator.asked(now, &self.seat, admission, &said, &mut effects.says);
            }
            (message, Part::Member(member)) if admission.may_coordinate() => {
                let (seat, rng) = (&self.seat, &mut self.rng);
                match message {
                    Message::Record(said) => member.record(now, seat, rng, from, said, effects),
                    Message::Wraps(said) => member.wraps(now, seat, rng, said, effects),
                    Message::Welcome(said) => member.welcome(now, seat, rng, from, &said, effects),
                    Message::Kicks(said) => member.kicks(seat, from, &said, effects),
                    Message::Refusal(said) => member.refusal(seat, from, &said, effects),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn coordinates(&self) -> bool {
        matches!(self.part, Part::Coordinator(_))
    }

    fn talked(&mut self, said: Signed<Talk>) {
        let heard = self.talks.heard(said);
        self.out.extend(heard.map(|(from, body)| Output::Talk { from, body }));
    }

    fn carry_out(&mut self, now: UnixTime, effects: Effects) {
        self.out.extend(effects.says.into_iter().map(Output::Say));
        for epoch in effects.epochs {
            self.enter(now, epoch);
        }
        if effects.events.iter().any(|event| matches!(event, Event::Removed | Event::Refused { .. }))
            && matches!(&self.part, Part::Member(member) if member.is_stopped())
        {
            self.streams.stop(now);
            self.talks.stop();
        }
        self.out.extend(effects.events.into_iter().map(Output::Event));
    }

    fn enter(&mut self, now: UnixTime, mut epoch: Adopted) {
        let members: Vec<PeerKey> = epoch.roster.iter().copied().collect();
        let me = self.seat.identity.public();
        let joined = members.iter().filter(|peer| **peer != me && !self.members.contains(peer));
        let left = self.members.iter().filter(|peer| !members.contains(peer));
        let mut events = vec![Event::Epoch {
            epoch: epoch.id,
            members: members.len(),
            code: epoch.code.clone(),
            activate_at: epoch.activate_at,
        }];
        events.extend(joined.map(|peer| Event::PeerJoined { peer: *peer }));
        events
            .extend(left.map(|peer| Event::PeerLeft { peer: *peer, removed: epoch.removed.contains(peer) }));
        self.members = members;
        let early = self.talks.adopt(&mut epoch);
        self.streams.adopt(now, &self.seat, &mut self.rng, epoch, &mut self.out);
        self.out.extend(events.into_iter().map(Output::Event));
        self.out.extend(early.into_iter().map(|(from, body)| Output::Talk { from, body }));
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call again, and why.
    pub fn deadline(&self) -> Option<(UnixTime, Timer)> {
        let part = match &self.part {
            Part::Member(member) => member.deadline(),
            Part::Coordinator(coordinator) => Some(coordinator.deadline()),
        };
        [part, self.streams.deadline()].into_iter().flatten().min()
    }

    /// Asserts what always holds.
    pub fn check(&self) {
        self.streams.check();
        self.talks.check();
        if let Part::Member(member) = &self.part {
            member.check(&self.seat.identity.public());
        }
    }

    fn head(&self) -> Option<&Head> {
        match &self.part {
            Part::Member(member) => member.head(),
            Part::Coordinator(coordinator) => Some(coordinator.head()),
        }
    }

    /// The epoch that this node holds last; `None` before it is admitted and after it is removed.
    pub fn epoch(&self) -> Option<EpochId> {
        self.head().map(|head| head.id)
    }

    /// The verification code of the last epoch, 30 digits.
    pub fn code(&self) -> Option<String> {
        self.head().map(|head| head.code(&self.seat.issuer))
    }

    /// Who hold the last epoch's secret, sorted; empty before this node is admitted.
    pub fn members(&self) -> Vec<PeerKey> {
        self.head().map(|head| head.roster.iter().copied().collect()).unwrap_or_default()
    }

    /// Coordinator: which peer key came with which invite; to be kept for [`Past`].
    pub fn bindings(&self) -> Vec<(InviteId, PeerKey)> {
        match &self.part {
            Part::Coordinator(coordinator) => coordinator.bindings(),
            Part::Member(_) => Vec::new(),
        }
    }

    /// Coordinator: the invites removed so far; to be kept for [`Past`].
    pub fn removed(&self) -> Vec<InviteId> {
        match &self.part {
            Part::Coordinator(coordinator) => coordinator.removed(),
            Part::Member(_) => Vec::new(),
        }
    }
}
