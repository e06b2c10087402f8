//! Notes that were asked for and have not come: each of one neighbour at a time.
//!
//! Whoever comes into a meeting is offered the same notes by every neighbour at once. Asked for of all of them they would come as
//! often as there are neighbours, and the coordinator is a neighbour of everybody who comes.

use std::collections::BTreeMap;

use crate::config;
use crate::id::NodeId;
use crate::time::Time;
use crate::wire::NoteId;

/// Notes that were asked for, at most [`config::WANTED_MAX`].
#[derive(Debug, Default)]
pub(crate) struct Wants(BTreeMap<NoteId, Want>);

#[derive(Debug)]
struct Want {
    asked: Time,
    /// Of whom.
    of: NodeId,
    /// Who has it as well.
    others: Vec<NodeId>,
}

impl Wants {
    /// True if a neighbour that has this note is to be asked for it now; else it is asked later, should the note not come.
    pub(crate) fn ask(&mut self, now: Time, id: NoteId, from: NodeId) -> bool {
        if let Some(want) = self.0.get_mut(&id) {
            if want.others.len() < config::WANTED_OF_MAX && !want.others.contains(&from) {
                want.others.push(from);
            }
            return false;
        }
        if self.0.len() >= config::WANTED_MAX {
            self.0.pop_first();
        }
        self.0.insert(id, Want { asked: now, of: from, others: Vec::new() });
        true
    }

    /// A note has come.
    pub(crate) fn came(&mut self, id: NoteId) {
        self.0.remove(&id);
    }

    /// What did not come in time, or was asked of somebody who is no neighbour any more, and who is to be asked for it next.
    /// What nobody else has is forgotten.
    pub(crate) fn late(
        &mut self,
        now: Time,
        is_linked: impl Fn(NodeId) -> bool,
    ) -> BTreeMap<NodeId, Vec<NoteId>> {
        let mut next: BTreeMap<NodeId, Vec<NoteId>> = BTreeMap::new();
        self.0.retain(|id, want| {
            if now.since(want.asked) < config::WANTED_FOR && is_linked(want.of) {
                return true;
            }
            want.others.retain(|other| is_linked(*other));
            let other = (!want.others.is_empty()).then(|| want.others.remove(0));
            if let Some(other) = other {
                (want.asked, want.of) = (now, other);
                next.entry(other).or_default().push(*id);
            }
            other.is_some()
        });
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Topic;

    fn note(serial: u64) -> NoteId {
        NoteId { origin: NodeId([9; 32]), topic: Topic::Stage, serial }
    }

    #[test]
    fn each_is_asked_of_one_neighbour_and_of_the_next_if_that_one_does_not_answer() {
        let (mut wants, one, other) = (Wants::default(), NodeId([1; 32]), NodeId([2; 32]));
        let start = Time(1_000_000);
        assert!(wants.ask(start, note(1), one) && wants.ask(start, note(2), one));
        assert!(!wants.ask(start, note(1), other) && !wants.ask(start, note(1), other));
        wants.came(note(2));
        assert!(wants.late(start, |_| true).is_empty());
        let late = start + config::WANTED_FOR;
        assert_eq!(wants.late(late, |_| true), BTreeMap::from([(other, vec![note(1)])]));
        assert!(wants.late(late, |_| true).is_empty(), "it has as long as the first");
        assert!(wants.late(late + config::WANTED_FOR, |_| true).is_empty(), "nobody else has it");
        assert!(
            wants.ask(late + config::WANTED_FOR, note(1), one),
            "and it is asked for when it is offered again"
        );
    }

    #[test]
    fn who_is_no_neighbour_any_more_is_waited_for_no_longer_and_not_asked() {
        let (mut wants, start) = (Wants::default(), Time(1_000_000));
        let peers = [1, 2, 3].map(|n| NodeId([n; 32]));
        for peer in peers {
            wants.ask(start, note(1), peer);
        }
        let is_linked = |peer| peer == peers[2];
        assert_eq!(wants.late(start, is_linked), BTreeMap::from([(peers[2], vec![note(1)])]));
        assert!(wants.late(start, is_linked).is_empty(), "it is being asked");
        assert!(wants.late(start, |_| false).is_empty() && wants.ask(start, note(1), peers[0]));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut wants = Wants::default();
        for serial in 0..=config::WANTED_MAX as u64 {
            assert!(wants.ask(Time::ZERO, note(serial), NodeId([1; 32])));
        }
        assert_eq!(wants.0.len(), config::WANTED_MAX);
    }
}
