//! What sources said before this node had what it belongs to: announcements of an epoch to come, steps of a secret that
//! was not announced yet.

use std::collections::VecDeque;

use crate::credential::Signed;
use crate::epoch::EPOCHS_HELD;
use crate::source::Name;
use crate::wire::{Announcement, EpochId};

/// Messages of each kind that wait; the oldest gives way.
const EARLY_MAX: usize = 64;

/// See the module.
#[derive(Default)]
pub(super) struct Early {
    announcements: VecDeque<Signed<Announcement>>,
    steps: VecDeque<(Name, u16)>,
}

impl Early {
    /// An announcement waits for its epoch. One source can't push the others out.
    pub(super) fn keep(&mut self, signed: Signed<Announcement>) {
        if self.announcements.contains(&signed) {
            return;
        }
        let same = |other: &Signed<Announcement>| other.value.source == signed.value.source;
        if self.announcements.iter().filter(|other| same(other)).count() >= EPOCHS_HELD {
            let oldest = self.announcements.iter().position(same);
            oldest.and_then(|index| self.announcements.remove(index));
        }
        if self.announcements.len() >= EARLY_MAX {
            self.announcements.pop_front();
        }
        self.announcements.push_back(signed);
    }

    /// Gives up the announcements of an epoch.
    pub(super) fn of(&mut self, id: EpochId) -> VecDeque<Signed<Announcement>> {
        let (ready, rest) =
            std::mem::take(&mut self.announcements).into_iter().partition(|early| early.value.epoch == id);
        self.announcements = rest;
        ready
    }

    /// A step waits for the secret that it is of.
    pub(super) fn keep_step(&mut self, name: Name, generation: u16) {
        if self.steps.len() >= EARLY_MAX {
            self.steps.pop_front();
        }
        self.steps.push_back((name, generation));
    }

    /// Gives up the steps of a secret: the generation of the furthest.
    pub(super) fn steps_of(&mut self, name: &Name) -> Option<u16> {
        let furthest = self.steps.iter().filter(|(early, _)| early == name).map(|(_, at)| *at).max();
        self.steps.retain(|(early, _)| early != name);
        furthest
    }

    /// No announcement waits any longer.
    pub(super) fn drop_announcements(&mut self) {
        self.announcements.clear();
    }

    /// Asserts what always holds.
    pub(super) fn check(&self) {
        assert!(self.announcements.len() <= EARLY_MAX && self.steps.len() <= EARLY_MAX);
    }
}
