//! Machines, links and time. Does what the overlay of each machine wants, and lets happen what the scenario says.
//!
//! One thread, integers, one stream of randomness for each question: the same scenario and seed make the same
//! events in the same order.

mod faults;
mod people;
mod send;

use std::collections::VecDeque;
use std::time::Duration;

use overlay_core::io::{Event, Input, Note, Output, Signature};
use overlay_core::time::Time;
use overlay_core::unit::{Frame, Unit};
use rand_chacha::ChaCha8Rng;

use crate::cast::Cast;
use crate::check::Checks;
use crate::fault::{Timeline, timeline};
use crate::hash::Trail;
use crate::id::{index, node_id};
use crate::interface::Lane;
use crate::ledger::Ledger;
use crate::machine::{Machine, Step};
use crate::overlay::{Overlay, admitted};
use crate::payload::Parcel;
use crate::queue::Queue;
use crate::record::Record;
use crate::rng::{self, Subsystem};
use crate::saboteur::Saboteur;
use crate::scenario::{Scenario, ScenarioError};
use crate::turns::{self, Turn};

/// How often a caller of [`World::run`] is told how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// What is on its way between machines.
#[derive(Debug)]
enum Carried {
    Control(Vec<u8>),
    Unit(Unit<Parcel>),
}

impl Carried {
    fn lane(&self) -> Lane {
        match self {
            Carried::Control(_) => Lane::Control,
            Carried::Unit(unit) => Machine::<()>::lane(unit.header.tree.layer),
        }
    }
}

/// What is planned.
#[derive(Debug)]
enum Happening {
    /// Something comes to a machine's way in over a link; `received` once it has all been taken in.
    Arrives {
        to: u32,
        from: u32,
        serial: u64,
        len: u32,
        received: bool,
        carried: Carried,
    },
    /// A hostile machine sends what it held back.
    Released {
        from: u32,
        to: u32,
        unit: Box<Unit<Parcel>>,
    },
    Timer(u32),
    Publish(u32),
    /// Somebody begins to speak.
    Speaks(u32),
    Start(u32),
    Leave(u32),
    Stop(u32),
    Fault(u32),
    /// The handshake of a link is over at one end.
    LinkUp {
        at: u32,
        to: u32,
        serial: u64,
    },
    /// One end of a link learns that it is gone.
    LinkLost {
        at: u32,
        to: u32,
        serial: u64,
    },
    /// A dial came to nothing.
    DialFailed {
        at: u32,
        to: u32,
        life: u32,
    },
    /// Whoever has no link tries its contacts again.
    DialAgain(u32),
    /// Whatever needs a look now and then.
    Look,
    /// A second is over.
    Second,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Virtual time.
    pub now: Time,
    /// Nodes that are up.
    pub nodes: u32,
    /// Events so far.
    pub events: u64,
}

/// A meeting that can be run.
pub struct World<O: Overlay> {
    scenario: Scenario,
    cast: Cast,
    brief: O::Brief,
    now: Time,
    queue: Queue<Happening>,
    machines: Vec<Machine<O>>,
    faults: Timeline,
    /// Who speaks when; empty if that makes no difference to what is sent.
    turns: Vec<Turn>,
    links: u64,
    jitter: ChaCha8Rng,
    loss: ChaCha8Rng,
    malice: ChaCha8Rng,
    trail: Trail,
    ledger: Ledger,
    checks: Checks,
    saboteur: Option<Box<dyn Saboteur>>,
    /// Answers of the edge, which the same machine takes in before time goes on.
    answers: VecDeque<Input<Parcel>>,
    /// Links that the unit has crossed that the machine is taking in.
    hops: u8,
    nodes: u32,
}

impl<O: Overlay> World<O> {
    /// Everybody at home; nothing has happened yet. The error is the scenario's author's.
    pub fn new(scenario: Scenario, seed: u64) -> Result<World<O>, ScenarioError> {
        let mut cast = Cast::draw(&scenario, seed)?;
        let brief = O::brief(&scenario, &mut cast, seed);
        let faults = timeline(&scenario, &cast, seed);
        let machines = cast.people.iter().map(|person| Machine::new(person, &scenario.network)).collect();
        let mut world = World {
            now: Time::ZERO,
            queue: Queue::default(),
            machines,
            links: 0,
            jitter: rng::stream(seed, Subsystem::Jitter),
            loss: rng::stream(seed, Subsystem::Loss),
            malice: rng::stream(seed, Subsystem::Malice),
            trail: Trail::default(),
            ledger: Ledger::new(&scenario, &cast, O::SYSTEM, seed),
            checks: Checks::new::<O>(&scenario, &cast),
            brief,
            saboteur: None,
            answers: VecDeque::new(),
            hops: 0,
            nodes: 0,
            faults,
            turns: turns::driving(&scenario, &cast, seed)?,
            cast,
            scenario,
        };
        world.plan_everything();
        Ok(world)
    }

    /// Has somebody sit between every overlay and its machine: how tests break the overlay.
    pub fn sabotaged(mut self, saboteur: impl Saboteur + 'static) -> World<O> {
        self.saboteur = Some(Box::new(saboteur));
        self
    }

    fn plan_everything(&mut self) {
        for (who, person) in (0..).zip(&self.cast.people) {
            self.queue.push(person.arrives, Happening::Start(who));
            if let Some(leaves) = person.leaves {
                self.queue.push(leaves, Happening::Leave(who));
            }
        }
        for (number, (at, _)) in (0..).zip(&self.faults) {
            self.queue.push(*at, Happening::Fault(number));
        }
        for (number, turn) in (0..).zip(&self.turns) {
            self.queue.push(turn.start, Happening::Speaks(number));
        }
        self.queue.push(Time::ZERO + crate::check::LOOK_EVERY, Happening::Look);
        self.queue.push(Time::ZERO + Duration::from_secs(1), Happening::Second);
    }

    /// Runs to the end, to the first violation that is not expected, or until `go_on` says no, which is asked
    /// every 100 ms of virtual time.
    pub fn run(mut self, mut go_on: impl FnMut(Progress) -> bool) -> Record {
        let end = Time::ZERO + self.scenario.length;
        let mut complete = true;
        while self.now < end && complete {
            let until = (self.now + TOLD_EVERY).min(end);
            while let Some((at, happening)) = self.queue.pop_until(until) {
                self.now = self.now.max(at);
                self.happen(happening);
                if self.checks.has_failed() {
                    return self.finish(false);
                }
            }
            self.now = until;
            let progress = Progress { now: until, nodes: self.nodes, events: self.ledger.events() };
            complete = go_on(progress);
        }
        self.finish(complete)
    }

    fn finish(mut self, complete: bool) -> Record {
        let hash = self.trail.finish();
        self.ledger.finish(
            self.now,
            complete,
            hash,
            &self.machines,
            &self.cast,
            self.checks.into_violations(),
        )
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives { to, from, serial, len, received, carried } => {
                self.arrives(to, from, serial, len, received, carried);
            }
            Happening::Released { from, to, unit } => self.transmit_unit(from, to, *unit),
            Happening::Timer(who) => self.timer(who),
            Happening::Publish(who) => self.publish(who),
            Happening::Speaks(turn) => self.speaks(turn),
            Happening::Start(who) => self.start(who),
            Happening::Leave(who) => self.leave(who),
            Happening::Stop(who) => self.stop(who),
            Happening::Fault(number) => self.fault(number),
            Happening::LinkUp { at, to, serial } => self.link_up(at, to, serial),
            Happening::LinkLost { at, to, serial } => self.link_lost(at, to, serial),
            Happening::DialFailed { at, to, life } => self.dial_failed(at, to, life),
            Happening::DialAgain(who) => self.dial_again(who),
            Happening::Look => self.look(),
            Happening::Second => self.second(),
        }
    }

    fn look(&mut self) {
        self.checks.look(self.now, &self.machines, &self.cast);
        self.queue.push(self.now + crate::check::LOOK_EVERY, Happening::Look);
    }

    fn second(&mut self) {
        self.ledger.second(self.now, self.nodes, &mut self.machines, &self.cast);
        self.queue.push(self.now + Duration::from_secs(1), Happening::Second);
    }

    /// True if the machine is up and not standing still; what is meant for one that stands still comes later.
    fn takes(&mut self, who: u32, happening: impl FnOnce() -> Happening) -> bool {
        let machine = &self.machines[who as usize];
        if machine.frozen > self.now {
            self.queue.push(machine.frozen, happening());
            return false;
        }
        machine.overlay.is_some()
    }

    fn timer(&mut self, who: u32) {
        if !self.takes(who, || Happening::Timer(who)) {
            return;
        }
        let machine = &mut self.machines[who as usize];
        machine.timer = None;
        if machine.overlay.as_ref().and_then(Overlay::deadline).is_some_and(|due| due <= self.now) {
            self.input(who, Input::Timer);
        } else {
            self.plan_timer(who);
        }
    }

    fn publish(&mut self, who: u32) {
        if !self.takes(who, || Happening::Publish(who)) {
            return;
        }
        let now = self.now;
        let machine = &mut self.machines[who as usize];
        machine.publishes = None;
        let frames = machine.source.as_mut().map(|source| source.frames(now)).unwrap_or_default();
        for frame in frames {
            self.ledger.published(who, frame.layer);
            self.input(who, Input::Publish(frame));
        }
        self.plan_publish(who);
    }

    fn speaks(&mut self, turn: u32) {
        let Turn { speaker, span, .. } = self.turns[turn as usize];
        let (now, machine) = (self.now, &mut self.machines[speaker as usize]);
        if let Some(source) = machine.source.as_mut() {
            machine.speaks_since = now;
            source.speak(now, now + span);
            self.plan_publish(speaker);
        }
    }

    fn plan_publish(&mut self, who: u32) {
        let machine = &mut self.machines[who as usize];
        let due = machine.source.as_ref().and_then(|source| source.due());
        if let Some(due) = due.filter(|due| machine.publishes.is_none_or(|planned| planned > *due)) {
            machine.publishes = Some(due);
            self.queue.push(due.max(self.now), Happening::Publish(who));
        }
    }

    /// Gives a value to an overlay, and does what it wants; so with what the edge answers.
    fn input(&mut self, who: u32, input: Input<Parcel>) {
        self.note(who, &input);
        self.give(who, input);
        while let Some(answer) = self.answers.pop_front() {
            self.give(who, answer);
        }
        self.plan_timer(who);
    }

    fn give(&mut self, who: u32, input: Input<Parcel>) {
        if self.saboteur.is_some() {
            return self.give_sabotaged(who, input);
        }
        let Some(overlay) = self.machines[who as usize].overlay.as_mut() else { return };
        overlay.handle(self.now, input);
        while let Some(output) = self.machines[who as usize].overlay.as_mut().and_then(Overlay::poll) {
            self.output(who, output);
        }
    }

    fn give_sabotaged(&mut self, who: u32, input: Input<Parcel>) {
        let Some(overlay) = self.machines[who as usize].overlay.as_mut() else { return };
        let Some(saboteur) = self.saboteur.as_mut() else { return };
        if let Some(input) = saboteur.input(self.now, who, input) {
            overlay.handle(self.now, input);
        }
        while let Some(output) = self.machines[who as usize].overlay.as_mut().and_then(Overlay::poll) {
            let passed = self.saboteur.as_mut().and_then(|saboteur| saboteur.output(self.now, who, output));
            if let Some(output) = passed {
                self.output(who, output);
            }
        }
    }

    /// For the hash, the count and the tail.
    fn note(&mut self, who: u32, input: &Input<Parcel>) {
        let (kind, what, with, tree, a, b) = match input {
            Input::Unit { from, unit } => {
                self.hops = unit.header.hop.saturating_add(1);
                let header = &unit.header;
                let tree = u64::from(header.tree.slot) << 8 | header.tree.layer as u64;
                (1, "unit from", Some(index(*from)), Some(header.tree), tree, u64::from(header.frame.number))
            }
            Input::Control { from, bytes } => {
                (2, "message from", Some(index(*from)), None, u64::from(index(*from)), bytes.len() as u64)
            }
            Input::Publish(frame) => {
                (3, "publishes", None, None, frame.layer as u64, frame.info.number.into())
            }
            Input::Timer => (4, "timer", None, None, 0, 0),
            Input::Linked { peer, .. } => (5, "linked to", Some(index(*peer)), None, index(*peer).into(), 0),
            Input::Unlinked { peer } => (6, "link lost to", Some(index(*peer)), None, index(*peer).into(), 0),
            Input::Dropped { peer, tree } => (
                7,
                "dropped a unit for",
                Some(index(*peer)),
                Some(*tree),
                index(*peer).into(),
                tree.slot.into(),
            ),
            Input::Command(_) => (8, "command", None, None, 0, 0),
            Input::Vetted { .. } | Input::Signed { .. } => (9, "vetted", None, None, 0, 0),
        };
        self.trail.step(self.now, who, kind, a, b);
        self.ledger.event(kind == 1);
        self.machines[who as usize].step(Step { at: self.now, what, with, tree });
    }

    fn plan_timer(&mut self, who: u32) {
        let machine = &mut self.machines[who as usize];
        let Some(due) = machine.overlay.as_ref().and_then(Overlay::deadline) else { return };
        let due = due.max(self.now);
        if machine.timer.is_none_or(|planned| planned > due) {
            machine.timer = Some(due);
            self.queue.push(due, Happening::Timer(who));
        }
    }

    fn output(&mut self, who: u32, output: Output<Parcel>) {
        match output {
            Output::Control { to, bytes } => self.send_control(who, index(to), bytes),
            Output::Unit { to, unit } => self.send_unit(who, index(to), unit),
            Output::Deliver { source, feed, frame } => self.deliver(who, index(source), feed, frame),
            Output::Vet { from, note, signature } => {
                let origin = index(note.origin);
                let genuine = signature == sign(&note);
                let kind = self.cast.people.get(origin as usize).map(|person| person.kind);
                let verdict = kind.filter(|_| genuine).map(|kind| admitted(origin, kind));
                self.answers.push_back(Input::Vetted { from, note, signature, verdict });
            }
            Output::Sign(note) => {
                let signature = sign(&note);
                self.answers.push_back(Input::Signed { note, signature });
            }
            Output::Dial { peer, .. } => self.dial(who, index(peer)),
            Output::Hangup(peer) => self.hang_up(who, index(peer)),
            Output::Event(event) => self.event(who, event),
        }
    }

    /// A frame for the user: as in the shipped program it is opened first, which shows whether it was altered.
    fn deliver(&mut self, who: u32, source: u32, feed: u32, frame: Frame<Parcel>) {
        self.trail.step(self.now, who, 10, u64::from(source), u64::from(frame.info.number));
        if frame.payload.altered {
            self.ledger.rejected();
            return;
        }
        self.checks.delivered(self.now, who, source, feed, &frame, &self.machines);
        self.ledger.delivered(self.now, who, feed, &frame, self.hops, &mut self.machines, &self.cast);
    }

    fn event(&mut self, who: u32, event: Event) {
        let now = self.now;
        let machine = &mut self.machines[who as usize];
        match event {
            Event::OnStage { .. } => {
                if let Some(source) = machine.source.as_mut() {
                    source.start(now);
                }
                self.plan_publish(who);
            }
            Event::OffStage => {
                if let Some(source) = machine.source.as_mut() {
                    source.stop();
                }
            }
            Event::KeyWanted(layer) => {
                if let Some(source) = machine.source.as_mut() {
                    source.want_key(layer);
                }
            }
            Event::Source { peer, layer } => self.ledger.takes(machine, index(peer), layer),
            Event::Rewired { tree, parent } => {
                let with = parent.map(index);
                machine.step(Step { at: now, what: "parent is now", with, tree: Some(tree) });
                machine.lately.rewired(tree);
            }
            Event::Silent { peer } => {
                machine.step(Step { at: now, what: "silent:", with: Some(index(peer)), tree: None });
            }
            Event::Blame { peer, what } => {
                machine.step(Step { at: now, what, with: Some(index(peer)), tree: None });
            }
            Event::Keys { .. } | Event::Led { .. } | Event::Arrived { .. } | Event::Departed { .. } => {}
        }
    }
}

/// This world's signatures only name their origin.
fn sign(note: &Note) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&note.origin.0);
    bytes[32..40].copy_from_slice(&note.serial.to_be_bytes());
    Signature(bytes)
}

/// What a node is called towards its overlay.
fn peer(who: u32) -> overlay_core::id::NodeId {
    node_id(who)
}
