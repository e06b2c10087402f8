//! The last second of a tree: the same bytes for whoever attaches, and what was seen already.

use std::collections::VecDeque;

use crate::config;
use crate::time::Time;
use crate::unit::{Payload, Unit, UnitHash};
use crate::window::Window;

/// Units of one feed in the order of their numbers, bounded by age, count and bytes.
#[derive(Debug)]
pub(crate) struct Ring<P> {
    units: VecDeque<(Time, Unit<P>)>,
    bytes: usize,
    seen: Window,
}

impl<P: Payload> Ring<P> {
    pub(crate) fn new() -> Ring<P> {
        Ring { units: VecDeque::new(), bytes: 0, seen: Window::default() }
    }

    /// Keeps a unit. False if this number was here before, or is too far behind to tell.
    pub(crate) fn add(&mut self, now: Time, unit: Unit<P>) -> bool {
        let is_fresh = self.seen.mark(unit.header.frame.number);
        if is_fresh {
            self.keep(now, unit);
        }
        is_fresh
    }

    /// True if a unit of this number was not here yet, and could still be taken.
    pub(crate) fn lacks(&self, number: u32) -> bool {
        self.seen.is_fresh(number)
    }

    /// Takes a unit out that is not the source's. If it was the only one of its number, that may come again.
    pub(crate) fn remove(&mut self, number: u32, hash: UnitHash, only: bool) {
        let is_it = |unit: &Unit<P>| unit.header.frame.number == number && unit.hash() == hash;
        if let Some(at) = self.units.iter().position(|(_, unit)| is_it(unit))
            && let Some((_, unit)) = self.units.remove(at)
        {
            self.bytes -= unit.payload.size();
        }
        if only {
            self.seen.unmark(number);
        }
    }

    /// Keeps a unit, also another one of a number that is here already: either may be the source's.
    pub(crate) fn keep(&mut self, now: Time, unit: Unit<P>) {
        self.bytes += unit.payload.size();
        let number = unit.header.frame.number;
        let at =
            self.units.iter().rposition(|(_, kept)| kept.header.frame.number < number).map_or(0, |at| at + 1);
        self.units.insert(at, (now, unit));
        self.trim(now);
    }

    fn trim(&mut self, now: Time) {
        while let Some((kept_at, unit)) = self.units.front() {
            let old = now.since(*kept_at) > config::RING_SPAN;
            if !old && self.units.len() <= config::RING_UNITS_MAX && self.bytes <= config::RING_BYTES_MAX {
                return;
            }
            self.bytes -= unit.payload.size();
            self.units.pop_front();
        }
    }

    /// The number behind the highest that was seen; none if nothing was.
    pub(crate) fn next_number(&self) -> Option<u32> {
        self.seen.next_number()
    }

    /// What to give to somebody who lacks everything from `from` on, and whether it can go on from
    /// there: false if it has to wait for a key frame.
    pub(crate) fn since(&self, from: Option<u32>) -> (impl Iterator<Item = &Unit<P>>, bool) {
        let units = || self.units.iter().map(|(_, unit)| unit);
        let oldest = units().next().map(|unit| unit.header.frame.number);
        let first_key = || units().find(|unit| unit.header.frame.key);
        let last_key = || units().rev().find(|unit| unit.header.frame.key);
        let start = match (from, oldest) {
            (Some(from), Some(oldest)) if from >= oldest => Some(from),
            (Some(from), None) => Some(from),
            (Some(_), Some(_)) => first_key().map(|unit| unit.header.frame.number),
            (None, _) => last_key().map(|unit| unit.header.frame.number),
        };
        let first = start.unwrap_or(u32::MAX);
        (units().filter(move |unit| unit.header.frame.number >= first), start.is_some())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
