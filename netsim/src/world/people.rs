//! Who comes and goes, and how links between them are made and lost.

use std::time::Duration;

use overlay_core::io::{Command, Input, Kind, Lends};
use overlay_core::time::Time;

use super::happening::Happening;
use super::{World, peer};
use crate::machine::Machine;
use crate::overlay::{Overlay, admitted};
use crate::source::Source;

/// A dead peer is noticed by the transport only after this span.
const UNLINKED_AFTER: Duration = Duration::from_secs(10);
/// A dial that nobody answers is given up after this span.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// Who has no link at all tries its contacts again after this span.
const DIAL_AGAIN: Duration = Duration::from_secs(1);
/// Handshake and hello take so many one-way delays.
const HANDSHAKE_PATHS: u32 = 4;
/// So many contacts are written in an invite: the organiser and the first relays.
const CONTACTS: usize = 8;
/// Who starts is given so long to find its place before the meeting counts as undisturbed.
const SETTLES_IN: Duration = Duration::from_secs(3);
/// Time for goodbyes before a process ends.
const FAREWELL: Duration = Duration::from_millis(300);

impl<O: Overlay> World<O> {
    pub(super) fn start(&mut self, who: u32) {
        let now = self.now;
        let person = &self.cast.people[who as usize];
        let limit_kbps = self.checks.claimed(who).unwrap_or(person.limit_kbps);
        let machine = &mut self.machines[who as usize];
        if machine.overlay.is_some() {
            return;
        }
        machine.life += 1;
        machine.since = now;
        machine.first = [None; 2];
        machine.fed = now;
        machine.overlay = Some(O::start(who, person, limit_kbps, machine.life, &self.brief));
        let driven = self.floor.is_none();
        let silent = driven && self.turns.iter().any(|turn| turn.speaker == who);
        let silent = silent.then_some(now);
        machine.source = (!person.sends.is_empty()).then(|| Source::new(who, person.sends.clone(), silent));
        let sends = person.sends.clone();
        self.nodes += 1;
        self.checks.disturbed(now + SETTLES_IN);
        self.input(who, Input::Timer);
        if who == 0 {
            let term = self.first_term();
            self.input(who, Input::Command(Command::Coordinate { term }));
            self.obey_floor();
        }
        if !sends.is_empty() {
            self.input(who, Input::Command(Command::Send(sends)));
        }
        self.begin_keys(who);
        self.dial_contacts(who);
    }

    /// Invites carry where the organiser and the first relays are. Relays wait to be dialled, by the organiser first.
    fn dial_contacts(&mut self, who: u32) {
        let relays = (0..).zip(&self.cast.people).filter(|(_, person)| person.kind == Kind::Relay);
        let mut contacts: Vec<u32> = relays.map(|(relay, _)| relay).take(CONTACTS).collect();
        contacts.insert(0, 0);
        if self.cast.people[who as usize].kind == Kind::Relay {
            contacts.truncate(1);
        }
        for contact in contacts.into_iter().filter(|contact| *contact != who) {
            self.dial(who, contact);
        }
    }

    pub(super) fn dial_again(&mut self, who: u32) {
        let machine = &self.machines[who as usize];
        if machine.overlay.is_some() && machine.links.is_empty() {
            self.dial_contacts(who);
        }
    }

    pub(super) fn leave(&mut self, who: u32) {
        if self.takes(who, || Happening::Leave(who)) {
            self.leaves(who);
            self.input(who, Input::Command(Command::Leave));
            self.queue.push(self.now + FAREWELL, Happening::Stop(who));
        }
    }

    /// What hangs on a volunteer is to hang elsewhere by the end of its lease.
    pub(super) fn drain(&mut self, who: u32) {
        if self.takes(who, || Happening::Drain(who)) {
            self.input(who, Input::Command(Command::Lend(Lends::UpTo(0))));
        }
    }

    /// A process ends as it should: its links are closed.
    pub(super) fn stop(&mut self, who: u32) {
        let now = self.now;
        self.remove(who);
        for link in self.machines[who as usize].links.take() {
            let lost = Happening::LinkLost { at: link.to, to: who, serial: link.serial };
            self.queue.push(now + link.path, lost);
        }
    }

    /// A process dies: the others learn of it from their transport, after long.
    pub(super) fn crash(&mut self, who: u32) {
        let now = self.now;
        self.remove(who);
        for link in self.machines[who as usize].links.take() {
            let lost = Happening::LinkLost { at: link.to, to: who, serial: link.serial };
            self.queue.push(now + UNLINKED_AFTER, lost);
        }
    }

    fn remove(&mut self, who: u32) {
        let now = self.now;
        let machine = &mut self.machines[who as usize];
        if machine.overlay.take().is_none() {
            return;
        }
        self.end_keys(who);
        let machine = &mut self.machines[who as usize];
        machine.up += now.since(machine.since);
        machine.source = None;
        machine.publishes = None;
        machine.timer = None;
        machine.frozen = Time::ZERO;
        machine.lately.clear();
        self.ledger.takes_nothing(machine);
        self.checks.gone(who);
        self.checks.disturbed(now);
        self.nodes -= 1;
    }

    pub(super) fn dial(&mut self, from: u32, to: u32) {
        let (a, b) = (&self.machines[from as usize], &self.machines[to as usize]);
        if a.links.to(to).is_some() {
            return;
        }
        let (me, other) = (&self.cast.people[from as usize], &self.cast.people[to as usize]);
        let path = self.cast.paths.one_way(me, other);
        let stale = b.links.to(from).map(|link| link.serial);
        let reachable = b.overlay.is_some() && me.nat.reaches(other.nat) && a.side == b.side;
        if !reachable {
            let life = a.life;
            self.queue.push(self.now + DIAL_TIMEOUT, Happening::DialFailed { at: from, to, life });
            return;
        }
        if let Some(serial) = stale {
            // Whoever has started anew replaces the link of its earlier life.
            self.link_lost(to, from, serial);
        }
        self.links += 1;
        let serial = self.links;
        self.machines[from as usize].links.add(to, serial, path);
        self.machines[to as usize].links.add(from, serial, path);
        let up = self.now + path * HANDSHAKE_PATHS;
        self.queue.push(up, Happening::LinkUp { at: from, to, serial });
        self.queue.push(up, Happening::LinkUp { at: to, to: from, serial });
    }

    pub(super) fn link_up(&mut self, at: u32, to: u32, serial: u64) {
        if !self.takes(at, || Happening::LinkUp { at, to, serial }) {
            return;
        }
        let machine = &mut self.machines[at as usize];
        let Some(link) = machine.links.to_mut(to).filter(|link| link.serial == serial) else { return };
        link.up = true;
        self.input(at, Input::Linked { peer: peer(to), admitted: admitted(&self.cast.people[to as usize]) });
    }

    pub(super) fn link_lost(&mut self, at: u32, to: u32, serial: u64) {
        let machine = &mut self.machines[at as usize];
        if machine.frozen > self.now {
            let thaw = machine.frozen;
            self.queue.push(thaw, Happening::LinkLost { at, to, serial });
            return;
        }
        if machine.links.remove(to, serial).is_some() && machine.overlay.is_some() {
            self.input(at, Input::Unlinked { peer: peer(to) });
            self.try_again_if_alone(at);
        }
    }

    pub(super) fn dial_failed(&mut self, at: u32, to: u32, life: u32) {
        let machine: &Machine<O> = &self.machines[at as usize];
        if machine.life == life && machine.overlay.is_some() && machine.links.to(to).is_none() {
            self.input(at, Input::Unlinked { peer: peer(to) });
            self.try_again_if_alone(at);
        }
    }

    fn try_again_if_alone(&mut self, who: u32) {
        if self.machines[who as usize].links.is_empty() {
            self.queue.push(self.now + DIAL_AGAIN, Happening::DialAgain(who));
        }
    }

    pub(super) fn hang_up(&mut self, who: u32, to: u32) {
        let machine = &mut self.machines[who as usize];
        let Some(link) = machine.links.to(to).map(|link| (link.serial, link.path)) else { return };
        let (serial, path) = link;
        machine.links.remove(to, serial);
        self.answers.push_back(Input::Unlinked { peer: peer(to) });
        self.queue.push(self.now + path, Happening::LinkLost { at: to, to: who, serial });
    }
}
