//! Own notes for one node, while no way to it is known.

use std::collections::VecDeque;

use crate::config;
use crate::id::NodeId;
use crate::io::{Note, Signature};
use crate::time::Time;

/// A note that waits.
#[derive(Debug)]
struct Waits {
    to: NodeId,
    until: Time,
    note: Note,
    signature: Signature,
}

/// In the order in which they were said.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    notes: VecDeque<Waits>,
    bytes: usize,
}

impl Unsent {
    /// A note waits for a way to `to`. If there are too many, the oldest go.
    pub(crate) fn put(&mut self, now: Time, to: NodeId, note: Note, signature: Signature) {
        self.bytes += note.body.len();
        self.notes.push_back(Waits { to, until: now + config::UNSENT_FOR, note, signature });
        while self.notes.len() > config::UNSENT_MAX || self.bytes > config::UNSENT_BYTES_MAX {
            let Some(oldest) = self.notes.pop_front() else { return };
            self.bytes -= oldest.note.body.len();
        }
    }

    /// Takes out those that go to nodes to which there `is_way`. What has waited for too long goes nowhere.
    pub(crate) fn take(&mut self, now: Time, is_way: impl Fn(NodeId) -> bool) -> Vec<(Note, Signature)> {
        let (mut go, mut rest) = (Vec::new(), VecDeque::new());
        for waits in self.notes.drain(..).filter(|waits| now < waits.until) {
            if is_way(waits.to) {
                go.push((waits.note, waits.signature));
            } else {
                rest.push_back(waits);
            }
        }
        self.bytes = rest.iter().map(|waits| waits.note.body.len()).sum();
        self.notes = rest;
        go
    }

    /// Nothing is for this node any longer.
    pub(crate) fn forget(&mut self, to: NodeId) {
        self.notes.retain(|waits| waits.to != to);
        self.bytes = self.notes.iter().map(|waits| waits.note.body.len()).sum();
    }

    pub(crate) fn check(&self) {
        assert!(self.notes.len() <= config::UNSENT_MAX && self.bytes <= config::UNSENT_BYTES_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{Audience, Topic};

    fn note(to: NodeId, serial: u64, bytes: usize) -> Note {
        let (topic, audience) = (Topic::Keys, Audience::One(to));
        Note { origin: NodeId([9; 32]), serial, topic, audience, body: vec![0; bytes] }
    }

    fn serials(notes: Vec<(Note, Signature)>) -> Vec<u64> {
        notes.into_iter().map(|(note, _)| note.serial).collect()
    }

    #[test]
    fn notes_wait_for_their_way_in_order_and_not_for_long() {
        let (one, two) = (NodeId([1; 32]), NodeId([2; 32]));
        let (mut unsent, at) = (Unsent::default(), |ms| Time::ZERO + std::time::Duration::from_millis(ms));
        for (serial, to) in [one, two, one].into_iter().enumerate() {
            unsent.put(at(serial as u64), to, note(to, serial as u64, 10), Signature([0; 64]));
        }
        assert!(unsent.take(at(100), |_| false).is_empty());
        assert_eq!(serials(unsent.take(at(100), |to| to == one)), [0, 2]);
        assert!(unsent.take(at(3_001), |_| true).is_empty(), "it is too late for the other");
        unsent.put(at(3_001), one, note(one, 3, 10), Signature([0; 64]));
        unsent.put(at(3_001), two, note(two, 4, 10), Signature([0; 64]));
        unsent.forget(one);
        assert_eq!(serials(unsent.take(at(3_002), |_| true)), [4]);
        assert_eq!(unsent.bytes, 0);
    }

    #[test]
    fn of_too_many_the_oldest_go() {
        let (to, mut unsent) = (NodeId([1; 32]), Unsent::default());
        let largest = config::UNSENT_BYTES_MAX / config::NOTE_BODY_MAX;
        for serial in 0..largest as u64 + 2 {
            unsent.put(Time::ZERO, to, note(to, serial, config::NOTE_BODY_MAX), Signature([0; 64]));
            unsent.check();
        }
        assert_eq!(serials(unsent.take(Time::ZERO, |_| true)).first(), Some(&2));
        for serial in 0..config::UNSENT_MAX as u64 + 3 {
            unsent.put(Time::ZERO, to, note(to, serial, 1), Signature([0; 64]));
        }
        unsent.check();
        assert_eq!(serials(unsent.take(Time::ZERO, |_| true)).first(), Some(&3));
    }
}
