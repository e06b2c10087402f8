//! What goes from machine to machine: out by an interface, over a link, in by an interface.

use std::time::Duration;

use overlay_core::io::Input;
use overlay_core::time::Time;
use overlay_core::unit::Unit;
use overlay_core::wire::{HEADER_LEN, Message};
use rand::RngExt;

use super::happening::{Carried, Happening};
use super::{World, peer};
use crate::fault::Malice;
use crate::interface::{Entry, Lane, packets};
use crate::overlay::Overlay;
use crate::payload::Parcel;
use crate::scenario::Mode;

/// A lost packet is noticed when three later ones are acknowledged, or after 9/8 of a round trip (RFC 9002, 6.1);
/// its copy then takes half of one. So many eighths of a round trip pass in all.
const LOSS_EIGHTHS: u32 = 9 + 4;
/// Losses of losses of so many rounds are drawn; beyond that the copy is taken to arrive.
const ROUNDS_MAX: u32 = 8;
/// A hostile relay that replays does it so much later.
const REPLAYED_AFTER: Duration = Duration::from_secs(1);

impl<O: Overlay> World<O> {
    pub(super) fn send_control(&mut self, from: u32, to: u32, bytes: Vec<u8>) {
        self.trail.bytes(&bytes);
        let machine = &mut self.machines[from as usize];
        let Some(link) = machine.links.to_mut(to).filter(|link| link.up) else { return };
        if link.severed {
            // The transport goes on trying until the partition heals, or the link is given up.
            link.held.push(bytes);
            return;
        }
        let (before, is_list) = (machine.out.sent, Message::is_list(&bytes));
        self.transmit(from, to, Carried::Control(bytes));
        let machine = &mut self.machines[from as usize];
        let sent = machine.out.sent - before;
        machine.control += sent;
        machine.lists += if is_list { sent } else { 0 };
    }

    /// A unit that an overlay sends: a hostile machine has its way with those that it should only forward.
    pub(super) fn send_unit(&mut self, from: u32, to: u32, unit: Unit<Parcel>) {
        let malice = self.machines[from as usize].malice.filter(|_| unit.payload.source != from);
        let later =
            |at: Time, unit: Unit<Parcel>| (at, Happening::Released { from, to, unit: Box::new(unit) });
        match malice {
            None => self.transmit_unit(from, to, unit),
            Some(Malice::Drop { forwarded }) => {
                if self.malice.random_range(0..1_000) < forwarded {
                    self.transmit_unit(from, to, unit);
                }
            }
            Some(Malice::Delay(span)) => {
                let (at, happening) = later(self.now + span, unit);
                self.queue.push(at, happening);
            }
            Some(Malice::Tamper) => {
                let mut unit = unit;
                unit.payload.altered = true;
                self.transmit_unit(from, to, unit);
            }
            Some(Malice::Replay) => {
                let (at, happening) = later(self.now + REPLAYED_AFTER, unit.clone());
                self.queue.push(at, happening);
                self.transmit_unit(from, to, unit);
            }
            Some(Malice::Reorder) => {
                // Every second one is held back past the next.
                let held = if unit.header.frame.number.is_multiple_of(2) { 50 } else { 0 };
                let (at, happening) = later(self.now + Duration::from_millis(held), unit);
                self.queue.push(at, happening);
            }
        }
    }

    pub(super) fn transmit_unit(&mut self, from: u32, to: u32, unit: Unit<Parcel>) {
        let tree = unit.header.tree;
        let severed = self.machines[from as usize].links.to(to).is_some_and(|link| link.severed);
        if severed || !self.transmit(from, to, Carried::Unit(unit)) {
            let machine = &mut self.machines[from as usize];
            machine.dropped += 1;
            self.answers.push_back(Input::Dropped { peer: peer(to), tree });
        }
    }

    /// Puts something on the way. False if it was dropped before it was sent.
    pub(super) fn transmit(&mut self, from: u32, to: u32, carried: Carried) -> bool {
        let lane = carried.lane();
        let len = match &carried {
            Carried::Control(bytes) => bytes.len() as u64,
            Carried::Unit(unit) => u64::from(unit.payload.len) + HEADER_LEN as u64,
        };
        let now = self.now;
        let machine = &mut self.machines[from as usize];
        let Some(link) = machine.links.to(to).filter(|link| link.up) else { return true };
        let path = link.path;
        let Some(left) = machine.out.send(now, lane, len) else { return false };
        if lane != Lane::Control {
            let waited = left.since(now).saturating_sub(machine.out.span(len));
            if machine.waits.sent(now, lane == Lane::Audio, waited) {
                self.answers.push_back(Input::Queued);
            }
        }
        let (lost, late) = self.lose(from, to, path, len);
        if lost > 0 && self.scenario.network.mode == Mode::Datagrams && lane != Lane::Control {
            return true;
        }
        let takes = self.machines[to as usize].inward.span(len);
        let jitter = self.jitter(path);
        let Some(link) = self.machines[from as usize].links.to_mut(to) else { return true };
        let arrives = (left + path + jitter + late + takes).max(link.last[lane as usize]);
        link.last[lane as usize] = arrives;
        let serial = link.serial;
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.queue.push(arrives, Happening::Arrives { to, from, serial, len, received: false, carried });
        true
    }

    /// How many packets of so many bytes are lost on the way, and what repeating them costs in time.
    fn lose(&mut self, from: u32, to: u32, path: Duration, len: u64) -> (u64, Duration) {
        let (mut lost, mut rounds, mut left) = (0, 0, packets(len));
        while left > 0 && rounds < ROUNDS_MAX {
            left = self.machines[from as usize].loss.lose(left, &mut self.loss)
                + self.machines[to as usize].loss.lose(left, &mut self.loss);
            left = left.min(packets(len));
            lost += left;
            rounds += u32::from(left > 0);
        }
        if lost > 0 && self.scenario.network.mode == Mode::Streams {
            self.machines[from as usize].out.resend(self.now, lost);
        }
        (lost, path * 2 * rounds * LOSS_EIGHTHS / 8)
    }

    /// How much longer than the mean it takes this time: uniform between nothing and twice the mean deviation.
    fn jitter(&mut self, path: Duration) -> Duration {
        let paths = &self.cast.paths;
        let of_path = path.as_nanos() as u64 * u64::from(paths.jitter_permille) / 1_000;
        let mean = of_path + paths.jitter_floor_ns;
        if mean == 0 { Duration::ZERO } else { Duration::from_nanos(self.jitter.random_range(0..2 * mean)) }
    }

    /// Something has come to a machine's way in.
    pub(super) fn arrives(
        &mut self,
        to: u32,
        from: u32,
        serial: u64,
        len: u32,
        received: bool,
        carried: Carried,
    ) {
        let machine = &mut self.machines[to as usize];
        if machine.links.to(from).is_none_or(|link| link.serial != serial || !link.up)
            || machine.overlay.is_none()
        {
            return;
        }
        if !received {
            match machine.inward.enter(self.now, carried.lane(), u64::from(len)) {
                Entry::In => {}
                Entry::At(at) => {
                    let received = true;
                    self.queue.push(at, Happening::Arrives { to, from, serial, len, received, carried });
                    return;
                }
                Entry::Full => return self.congested(from, to, &carried),
            }
        }
        if machine.frozen > self.now {
            let at = machine.frozen;
            self.queue.push(at, Happening::Arrives { to, from, serial, len, received: true, carried });
            return;
        }
        match carried {
            Carried::Control(bytes) => self.input(to, Input::Control { from: peer(from), bytes }),
            Carried::Unit(unit) => {
                self.carries(to, &unit);
                self.input(to, Input::Unit { from: peer(from), unit });
            }
        }
    }

    /// There was no room on the way in. Congestion control slows the sender down, whose edge then drops.
    fn congested(&mut self, from: u32, to: u32, carried: &Carried) {
        let Carried::Unit(unit) = carried else { return };
        let sender = &mut self.machines[from as usize];
        if sender.overlay.is_some() && sender.frozen <= self.now {
            sender.dropped += 1;
            self.input(from, Input::Dropped { peer: peer(to), tree: unit.header.tree });
        }
    }

    /// For repair times: when units of a tree come again after its parent has changed.
    fn carries(&mut self, who: u32, unit: &Unit<Parcel>) {
        if let Some(gap) = self.machines[who as usize].lately.came(unit.header.tree, self.now) {
            self.ledger.repaired(gap);
        }
    }
}
