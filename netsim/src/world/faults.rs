//! What goes wrong, as the scenario says.

use std::time::Duration;

use overlay_core::io::{Command, Input};

use super::World;
use super::happening::{Carried, Happening};
use crate::fault::Fault;
use crate::loss::Gilbert;
use crate::overlay::Overlay;

/// A link that nothing passed for so long is given up by the transport.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);

impl<O: Overlay> World<O> {
    pub(super) fn fault(&mut self, number: u32) {
        let Some((_, fault)) = self.faults.get(number as usize).cloned() else { return };
        self.ledger.happened(self.now, fault.describe(), true);
        self.checks.disturbed(self.now);
        match fault {
            Fault::Crash(who) => self.crash(who),
            Fault::Remove(who) => self.dismiss(who),
            Fault::Restart(who) => self.start(who),
            Fault::Freeze { who, span } => {
                self.machines[who as usize].frozen = self.now + span;
                self.checks.disturbed(self.now + span);
            }
            Fault::Uplink { who, percent } => {
                let full = u64::from(self.cast.people[who as usize].uplink_kbps);
                let kbps = u32::try_from(full * u64::from(percent) / 100).unwrap_or(u32::MAX);
                self.machines[who as usize].out.set_line(kbps);
            }
            Fault::Partition(group) => self.partition(&group),
            Fault::Heal => self.heal(),
            Fault::Loss { who, per_million, burst } => {
                let network = &self.scenario.network;
                self.machines[who as usize].loss = match per_million {
                    0 => Gilbert::new(network.loss_per_million, network.loss_burst),
                    _ => Gilbert::new(per_million, burst),
                };
            }
            Fault::Malice { who, how } => {
                let machine = &mut self.machines[who as usize];
                machine.was_hostile |= how.is_some();
                machine.malice = how;
            }
            Fault::Lie { who, claims_kbps } => {
                self.machines[who as usize].was_hostile = true;
                self.checks.lies(who, claims_kbps);
                if self.machines[who as usize].overlay.is_some() {
                    self.input(who, Input::Command(Command::Uplink { kbps: claims_kbps }));
                }
            }
        }
    }

    fn partition(&mut self, group: &[u32]) {
        for who in group {
            self.machines[*who as usize].side ^= true;
        }
        self.sever();
    }

    fn heal(&mut self) {
        for machine in &mut self.machines {
            machine.side = false;
        }
        self.sever();
    }

    /// Marks which links a partition lies across. What was held passes as soon as none does.
    fn sever(&mut self) {
        let sides: Vec<bool> = self.machines.iter().map(|machine| machine.side).collect();
        let (mut cut, mut freed) = (Vec::new(), Vec::new());
        for (at, machine) in (0_u32..).zip(&mut self.machines) {
            for link in machine.links.iter_mut() {
                let severed = sides[at as usize] != sides[link.to as usize];
                if severed && !link.severed {
                    cut.push((at, link.to, link.serial));
                }
                if !severed && link.severed {
                    freed
                        .extend(std::mem::take(&mut link.held).into_iter().map(|bytes| (at, link.to, bytes)));
                }
                link.severed = severed;
            }
        }
        for (at, to, serial) in cut {
            self.queue.push(self.now + GIVEN_UP_AFTER, Happening::LinkLost { at, to, serial });
        }
        for (at, to, bytes) in freed {
            self.transmit(at, to, Carried::Control(bytes));
        }
    }
}
