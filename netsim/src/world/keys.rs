//! Key agreement beside the overlay: carries values between the two of a node, as the shipped program does.

use std::time::Duration;

use keyagree::session::{self, Event};
use keyagree::{EpochId, PeerKey, Removal};
use overlay_core::id::NodeId;
use overlay_core::io::{Audience, Command, Input};
use overlay_core::time::Time;
use overlay_core::unit::Frame;

use super::World;
use super::happening::Happening;
use crate::id::{index, node_id};
use crate::keys::opener::Sealed;
use crate::keys::unix;
use crate::machine::Step;
use crate::overlay::Overlay;
use crate::payload::Parcel;

/// How often the shipped program says whose frames no key opens.
const UPKEEP: Duration = Duration::from_millis(200);
/// Clocks count milliseconds: nobody is called again sooner.
const TURN: Duration = Duration::from_millis(1);

impl<O: Overlay> World<O> {
    /// The organiser's term: it grows with the clock, and without keys also with each of its lives.
    pub(super) fn first_term(&self) -> u32 {
        let seconds = u32::try_from(self.now.0 / 1_000_000_000).unwrap_or(u32::MAX);
        let counted = self.machines[0].life.saturating_add(seconds);
        self.keys.as_ref().map_or(counted, |keys| keys.term(self.now))
    }

    /// A participant's session begins, and asks to be let in.
    pub(super) fn begin_keys(&mut self, who: u32) {
        let life = self.machines[who as usize].life;
        let member = self.keys.as_ref().and_then(|keys| keys.start(self.now, who, life));
        self.machines[who as usize].keys = member.map(Box::new);
        self.obey_session(who);
        self.settle(who);
    }

    /// A participant's process ends.
    pub(super) fn end_keys(&mut self, who: u32) {
        let machine = &mut self.machines[who as usize];
        if let Some((keys, mut member)) = self.keys.as_mut().zip(machine.keys.take()) {
            member.opener.end(self.now);
            keys.count(&mut member, machine.since);
            keys.rekeys.gone(self.now, who);
        }
    }

    /// The session's clock, or the first keys of a source.
    pub(super) fn keys_due(&mut self, who: u32) {
        if !self.takes(who, || Happening::Keys(who)) {
            return;
        }
        let now = self.now;
        let Some(member) = &mut self.machines[who as usize].keys else { return };
        member.timer = None;
        if member.sealer.due().is_some_and(|due| due <= now) {
            member.sealer.go(now);
            self.plan_publish(who);
        }
        let ticks_at = self.machines[who as usize].keys.as_ref().and_then(|member| member.ticks_at());
        if ticks_at.is_some_and(|due| due <= now) {
            self.trail.step(now, who, 12, 0, 0);
            self.tell_session(who, session::Input::Tick);
        }
        self.plan_keys(who);
        self.settle(who);
    }

    /// A key message.
    pub(super) fn hear_keys(&mut self, who: u32, from: NodeId, body: Vec<u8>) {
        let from = index(from);
        let heard = self.keys.as_ref().and_then(|keys| {
            let (from, admission) = keys.invites.peer(from).zip(keys.invites.admission(from))?;
            Some(session::Input::Heard { from, admission, body })
        });
        if let Some(heard) = heard {
            self.tell_session(who, heard);
        }
    }

    /// Somebody left the overlay, or fell silent.
    pub(super) fn depart(&mut self, who: u32, peer: NodeId) {
        if let Some(peer) = self.keys.as_ref().and_then(|keys| keys.invites.peer(index(peer))) {
            self.tell_session(who, session::Input::Departed(peer));
        }
    }

    /// A source has a place, or will have one in a moment: it needs keys.
    pub(super) fn seal(&mut self, who: u32) {
        let machine = &mut self.machines[who as usize];
        let (Some(member), Some(source)) = (&mut machine.keys, &machine.source) else { return };
        if !std::mem::replace(&mut member.sends, true) {
            let streams = source.rates.iter().map(|rate| rate.layer as u8).collect();
            self.tell_session(who, session::Input::Send { streams });
        }
    }

    /// The label of the key that this frame is sealed with; 0 where no keys are agreed, none if it can't be sealed.
    pub(super) fn sealed_with(&mut self, who: u32, frame: &Frame<Parcel>) -> Option<u64> {
        match &mut self.machines[who as usize].keys {
            Some(member) => member.sealer.seal(frame.layer, frame.payload.born),
            None => Some(0),
        }
    }

    /// False for a source that has no keys yet: it keeps what it has to itself.
    pub(super) fn may_publish(&self, who: u32) -> bool {
        self.machines[who as usize].keys.as_ref().is_none_or(|member| member.sealer.since().is_some())
    }

    /// A frame was handed over.
    pub(super) fn open(&mut self, who: u32, frame: &Frame<Parcel>) {
        let now = self.now;
        let Some(member) = &mut self.machines[who as usize].keys else { return };
        let Parcel { source, label, .. } = frame.payload;
        member.opener.take(Sealed { at: now, source, label, sound: frame.layer.is_audio() });
        if member.opener.is_waiting() && !std::mem::replace(&mut member.upkeep, true) {
            let step = UPKEEP.as_nanos() as u64;
            self.queue.push(Time((now.0 / step + 1) * step), Happening::Keyless(who));
        }
        self.count_keys(who);
    }

    /// Says whose frames no key opens.
    pub(super) fn keyless(&mut self, who: u32) {
        if !self.takes(who, || Happening::Keyless(who)) {
            return;
        }
        let Some(member) = &mut self.machines[who as usize].keys else { return };
        let sources = member.opener.keyless(self.now);
        member.upkeep = member.opener.is_waiting();
        if member.upkeep {
            self.queue.push(self.now + UPKEEP, Happening::Keyless(who));
        }
        for source in sources {
            if let Some(source) = self.keys.as_ref().and_then(|keys| keys.invites.peer(source)) {
                self.tell_session(who, session::Input::Unopened(source));
            }
        }
        self.count_keys(who);
        self.settle(who);
    }

    /// The organiser removes somebody.
    pub(super) fn dismiss(&mut self, who: u32) {
        let invite = self.keys.as_ref().and_then(|keys| keys.invites.invite(who));
        let (Some(invite), true) = (invite, self.machines[0].keys.is_some()) else { return };
        self.leaves(who);
        self.tell_session(0, session::Input::Remove(Removal::Invite(invite)));
        self.answers.push_back(Input::Command(Command::Shut(node_id(who))));
        self.settle(0);
    }

    /// From now on somebody should be shut out soon.
    pub(super) fn leaves(&mut self, who: u32) {
        let Some(keys) = &mut self.keys else { return };
        let Some(peer) = keys.invites.peer(who) else { return };
        let holds = |at: &u32| {
            let member = self.machines[*at as usize].keys.as_ref();
            *at != who && member.is_some_and(|member| member.session.epoch().is_some())
        };
        keys.rekeys.left(self.now, peer, (0..).take(self.machines.len()).filter(holds));
    }

    pub(super) fn tell_session(&mut self, who: u32, input: session::Input) {
        let now = unix(self.now);
        if let Some(member) = &mut self.machines[who as usize].keys {
            member.session.handle(now, input);
            self.obey_session(who);
        }
    }

    fn obey_session(&mut self, who: u32) {
        let next = |world: &mut World<O>| world.machines[who as usize].keys.as_mut()?.session.poll();
        while let Some(output) = next(self) {
            self.obey(who, output);
        }
        self.count_keys(who);
        self.plan_keys(who);
    }

    fn obey(&mut self, who: u32, output: session::Output) {
        let now = self.now;
        let Some(member) = &mut self.machines[who as usize].keys else { return };
        match output {
            session::Output::Say { to, body } => {
                let said = self.say(to, body);
                self.answers.extend(said.map(Input::Command));
            }
            session::Output::Credential(credential) => {
                self.answers.push_back(Input::Command(Command::Credential(credential)));
            }
            session::Output::Seal(keys) => member.sealer.arm(&keys),
            session::Output::Open(key) => member.opener.insert(now, key.label),
            session::Output::Forget { label } => member.opener.forget(label),
            session::Output::Talk { from, body } => {
                if let Some(from) =
                    self.keys.as_ref().and_then(|keys| keys.invites.who(&from)).filter(|_| who == 0)
                {
                    self.hears(node_id(from), &body);
                }
            }
            session::Output::Event(event) => self.on_session(who, event),
        }
    }

    /// A key message as the overlay takes it.
    fn say(&self, to: session::Audience, body: Vec<u8>) -> Option<Command> {
        let to = match to {
            session::Audience::Standing(which) => return Some(Command::SayStanding { which, body }),
            session::Audience::Everybody => Audience::Everybody,
            session::Audience::Coordinator => Audience::Coordinator,
            session::Audience::One(peer) => Audience::One(node_id(self.keys.as_ref()?.invites.who(&peer)?)),
        };
        Some(Command::Say { to, body })
    }

    fn on_session(&mut self, who: u32, event: Event) {
        let whose = |peer: &PeerKey| self.keys.as_ref().and_then(|keys| keys.invites.who(peer));
        let (what, with) = match &event {
            Event::Admitted { .. } => ("was let in", None),
            Event::Epoch { .. } => ("has the keys of an epoch", None),
            Event::Coordinating { .. } => ("coordinates", None),
            Event::Following { coordinator, .. } => ("follows", whose(coordinator)),
            Event::Deposed { coordinator } => ("no longer follows", whose(coordinator)),
            Event::Missing { source, .. } => ("can't open what is sent by", whose(source)),
            Event::Leaderless => ("nobody coordinates", None),
            Event::Removed | Event::Refused { .. } => ("is not let in", None),
            _ => return,
        };
        let at = self.now;
        self.machines[who as usize].step(Step { at, what, with, tree: None });
        match event {
            Event::Epoch { epoch, .. } => self.enters(who, epoch),
            Event::Coordinating { term } => {
                self.ledger.happened(at, format!("node {who} runs the epochs, in term {term}"), false);
                self.answers.push_back(Input::Command(Command::Coordinate { term }));
            }
            Event::Removed | Event::Refused { .. } => {
                self.ledger.happened(at, format!("node {who} ends, since it is not let in"), false);
                self.queue.push(at, Happening::Stop(who));
            }
            _ => {}
        }
    }

    fn enters(&mut self, who: u32, epoch: EpochId) {
        let (Some(keys), Some(member)) = (&mut self.keys, &self.machines[who as usize].keys) else { return };
        if who == 0 {
            keys.keep(&member.session);
        }
        if member.session.coordinates() && keys.rekeys.awaits_epoch() {
            keys.rekeys.begun(epoch, &member.session.members());
        }
        keys.rekeys.holds(self.now, who, epoch);
    }

    fn count_keys(&mut self, who: u32) {
        let machine = &mut self.machines[who as usize];
        if let (Some(keys), Some(member)) = (&mut self.keys, &mut machine.keys) {
            keys.count(member, machine.since);
        }
    }

    fn plan_keys(&mut self, who: u32) {
        let Some(member) = &mut self.machines[who as usize].keys else { return };
        let Some(due) = member.deadline() else { return };
        // What is due by now was done: a session that says otherwise is not asked without end.
        let due = if due > self.now { due } else { self.now + TURN };
        if member.timer.is_none_or(|planned| planned > due) {
            member.timer = Some(due);
            self.queue.push(due, Happening::Keys(who));
        }
    }
}
