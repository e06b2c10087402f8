//! Machines, links and time. Does what the overlay of each machine wants, and lets happen what the scenario says.
//!
//! One thread, integers, one stream of randomness for each question: the same scenario and seed make the same
//! events in the same order.

mod edge;
mod faults;
mod floor;
mod happening;
mod keys;
mod people;
mod send;

use std::collections::VecDeque;
use std::time::Duration;

use overlay_core::config;
use overlay_core::floor::Floor;
use overlay_core::io::{Input, Kind};
use overlay_core::plan::Shape;
use overlay_core::time::Time;
use rand_chacha::ChaCha8Rng;

use crate::cast::Cast;
use crate::check::Checks;
use crate::fault::{Timeline, timeline};
use crate::hash::Trail;
use crate::id::node_id;
use crate::keys::Keys;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::overlay::Overlay;
use crate::payload::{self, Parcel};
use crate::queue::Queue;
use crate::record::Record;
use crate::rng::{self, Subsystem};
use crate::saboteur::Saboteur;
use crate::scenario::{Scenario, ScenarioError};
use crate::turns::{self, Turn};
use happening::Happening;

/// How often a caller of [`World::run`] is told how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(100);

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
    /// Who has the floor, where there are more sources than places.
    floor: Option<Floor>,
    /// When it is looked at next.
    floor_due: Option<Time>,
    /// Where keys are agreed.
    keys: Option<Keys>,
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
            // A model agrees no keys.
            keys: Keys::draw(&scenario, &cast, seed).filter(|_| !O::MODEL),
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
            floor: World::<O>::floor_of(&scenario),
            floor_due: None,
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
                let lease = leaves.since(person.arrives);
                if person.kind == Kind::Relay {
                    self.queue.push(leaves - config::drain_for(lease), Happening::Drain(who));
                }
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
        for who in (0..).take(self.machines.len()) {
            self.end_keys(who);
        }
        let violations = self.checks.into_violations();
        let record = self.ledger.finish(self.now, complete, hash, &self.machines, &self.cast, violations);
        Record { keys: self.keys.map(Keys::into_record), ..record }
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
            Happening::Says(who) => self.says(who),
            Happening::Floor => self.obey_floor(),
            Happening::Start(who) => self.start(who),
            Happening::Leave(who) => self.leave(who),
            Happening::Drain(who) => self.drain(who),
            Happening::Stop(who) => self.stop(who),
            Happening::Fault(number) => self.fault(number),
            Happening::LinkUp { at, to, serial } => self.link_up(at, to, serial),
            Happening::LinkLost { at, to, serial } => self.link_lost(at, to, serial),
            Happening::DialFailed { at, to, life } => self.dial_failed(at, to, life),
            Happening::DialAgain(who) => self.dial_again(who),
            Happening::Keys(who) => self.keys_due(who),
            Happening::Keyless(who) => self.keyless(who),
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
        let may_publish = self.may_publish(who);
        let machine = &mut self.machines[who as usize];
        machine.publishes = None;
        if !may_publish {
            return;
        }
        let frames = machine.source.as_mut().map(|source| source.frames(now)).unwrap_or_default();
        for mut frame in frames {
            let Some(label) = self.sealed_with(who, &frame) else { continue };
            frame.payload.label = label;
            self.ledger.published(who, frame.layer);
            let shape =
                self.machines[who as usize].overlay.as_ref().map_or(Shape::PLAIN, |it| it.shape(frame.layer));
            self.input(who, Input::Publish(payload::cut(frame, shape)));
        }
        self.plan_publish(who);
    }

    fn speaks(&mut self, turn: u32) {
        let Turn { speaker, span, .. } = self.turns[turn as usize];
        if self.floor.is_some() {
            return self.takes_the_floor(speaker, span);
        }
        let (now, machine) = (self.now, &mut self.machines[speaker as usize]);
        if let Some(source) = machine.source.as_mut() {
            machine.speaks_since = now;
            source.speak(now, now + span);
            self.plan_publish(speaker);
        }
    }

    fn plan_publish(&mut self, who: u32) {
        if !self.may_publish(who) {
            return;
        }
        let machine = &mut self.machines[who as usize];
        let due = machine.source.as_ref().and_then(|source| source.due());
        if let Some(due) = due.filter(|due| machine.publishes.is_none_or(|planned| planned > *due)) {
            machine.publishes = Some(due);
            self.queue.push(due.max(self.now), Happening::Publish(who));
        }
    }
}

/// What a node is called towards its overlay.
fn peer(who: u32) -> overlay_core::id::NodeId {
    node_id(who)
}
