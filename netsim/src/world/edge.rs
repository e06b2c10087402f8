//! The edge of a node: hands its overlay what happens, does what it wants, signs and checks for it.

use overlay_core::id::NodeId;
use overlay_core::io::{Event, Input, Note, Output, Signature};
use overlay_core::list::List;
use overlay_core::unit::Cut;

use super::World;
use super::happening::Happening;
use crate::id::{index, node_id};
use crate::machine::Step;
use crate::overlay::{Overlay, admitted};
use crate::payload::{self, Parcel};

impl<O: Overlay> World<O> {
    /// Gives a value to an overlay, and does what it wants; so with what the edge answers.
    pub(super) fn input(&mut self, who: u32, input: Input<Parcel>) {
        self.note(who, &input);
        self.give(who, input);
        self.settle(who);
    }

    /// Gives an overlay what its edge answers, until nothing is left.
    pub(super) fn settle(&mut self, who: u32) {
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
            Input::Queued => (11, "its line is full", None, None, 0, 0),
            Input::Command(_) => (8, "command", None, None, 0, 0),
            Input::Vetted { .. }
            | Input::Signed { .. }
            | Input::ListVetted { .. }
            | Input::ListSigned { .. } => (9, "vetted", None, None, 0, 0),
        };
        self.trail.step(self.now, who, kind, a, b);
        self.ledger.event(kind == 1);
        self.machines[who as usize].step(Step { at: self.now, what, with, tree });
    }

    pub(super) fn plan_timer(&mut self, who: u32) {
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
                let person = self.cast.people.get(origin as usize).filter(|_| genuine);
                let verdict = person.map(admitted);
                self.answers.push_back(Input::Vetted { from, note, signature, verdict });
            }
            Output::Sign(note) => {
                let signature = sign(&note);
                self.answers.push_back(Input::Signed { note, signature });
            }
            Output::VetList { from, source, list, signature } => {
                let genuine = signature == sign_list(source, &list);
                self.answers.push_back(Input::ListVetted { from, list, signature, genuine });
            }
            Output::SignList(list) => {
                let signature = sign_list(node_id(who), &list);
                self.answers.push_back(Input::ListSigned { list, signature });
            }
            Output::Dial { peer, .. } => self.dial(who, index(peer)),
            Output::Hangup(peer) => self.hang_up(who, index(peer)),
            Output::Event(event) => self.event(who, event),
        }
    }

    /// A frame for the user: as in the shipped program it is opened first, which shows whether it was altered.
    fn deliver(&mut self, who: u32, source: u32, feed: u32, frame: Cut<Parcel>) {
        let Some(frame) = payload::joined(&frame) else { return };
        self.trail.step(self.now, who, 10, u64::from(source), u64::from(frame.info.number));
        if frame.payload.altered {
            self.ledger.rejected();
            return;
        }
        self.checks.delivered(self.now, who, source, feed, &frame, &self.machines);
        self.ledger.delivered(self.now, who, feed, &frame, self.hops, &mut self.machines, &self.cast);
        self.open(who, &frame);
    }

    fn event(&mut self, who: u32, event: Event) {
        let now = self.now;
        let machine = &mut self.machines[who as usize];
        match event {
            Event::OnStage { feed, layers, .. } => {
                let kept = self.floor.is_some();
                if let Some(source) = machine.source.as_mut() {
                    source.start(now, feed, &layers, kept);
                }
                self.plan_publish(who);
                self.seal(who);
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
            Event::Demoted { peer } => {
                let (peer, now) = (index(peer), self.now);
                self.ledger.demoted(now, peer, self.machines[peer as usize].was_hostile);
                self.checks.demoted(now, peer, &self.machines);
            }
            Event::Keys { from, body } => {
                if self.keys.is_some() {
                    self.hear_keys(who, from, body);
                } else if who == 0 {
                    self.hears(from, &body);
                }
            }
            Event::Departed { peer, .. } => self.depart(who, peer),
            Event::Crowded(_) | Event::Led { .. } | Event::Arrived { .. } | Event::Verified { .. } => {}
        }
    }
}

/// This world's signatures only name who signs, and what is said.
fn sign_list(source: NodeId, list: &List) -> Signature {
    let said = blake3::hash(&list.encode().unwrap_or_default());
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&source.0);
    bytes[32..].copy_from_slice(said.as_bytes());
    Signature(bytes)
}

/// The same for a note, of which the serial is enough.
fn sign(note: &Note) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&note.origin.0);
    bytes[32..40].copy_from_slice(&note.serial.to_be_bytes());
    Signature(bytes)
}
