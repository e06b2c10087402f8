//! What comes in is too much for this node's way in: it does with smaller pictures of some sources for a while.
//!
//! Nobody is told how much a home's line takes in, and it differs by the hour. What shows is that parents drop what they
//! have for this node: they say so when they begin to ([`crate::wire::TreeTick::thinned`]). If several do, it is not for want
//! of their own uplink.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::config;
use crate::id::NodeId;
use crate::time::Time;
use crate::unit::Layer;

/// Which pictures are kept smaller, and what led to it.
#[derive(Debug, Default)]
pub(crate) struct Relief {
    /// The largest picture of a source that is asked for, until then.
    capped: BTreeMap<NodeId, (Layer, Time)>,
    /// Which parents began to drop something, and when.
    dropped: VecDeque<(Time, NodeId)>,
    /// For how long the next source is kept smaller, and until when another one takes twice as long.
    patience: Option<(Duration, Time)>,
}

impl Relief {
    /// A parent says that it begins to leave out frames.
    pub(crate) fn note(&mut self, now: Time, parent: NodeId) {
        if self.dropped.len() >= config::DROPS_NOTED_MAX {
            self.dropped.pop_front();
        }
        self.dropped.push_back((now, parent));
    }

    /// True if it is this node's way in that is full: several parents drop, or the only one again and again.
    pub(crate) fn is_due(&mut self, now: Time, parents: usize) -> bool {
        self.dropped.retain(|(at, _)| now.since(*at) < config::DROPS_WITHIN);
        let who: BTreeSet<NodeId> = self.dropped.iter().map(|(_, parent)| *parent).collect();
        self.dropped.len() >= config::DROPS_MAX && (who.len() > 1 || parents == 1)
    }

    /// Of this source nothing larger than `most` for a while, which grows each time that one was not enough.
    pub(crate) fn cap(&mut self, now: Time, source: NodeId, most: Layer) {
        let span = match self.patience {
            Some((span, until)) if now < until => (span * 2).min(config::RELIEF_MAX),
            _ => config::RELIEF_FOR,
        };
        self.patience = Some((span, now + span * 2));
        self.dropped.clear();
        if self.capped.len() < config::LOOKS_MAX || self.capped.contains_key(&source) {
            self.capped.insert(source, (most, now + span));
        }
    }

    /// Takes out what has been long enough. True if there was any.
    pub(crate) fn expire(&mut self, now: Time) -> bool {
        let before = self.capped.len();
        self.capped.retain(|_, (_, until)| now < *until);
        self.capped.len() < before
    }

    /// The largest picture of each source that is asked for.
    pub(crate) fn caps(&self) -> impl Iterator<Item = (NodeId, Layer)> {
        self.capped.iter().map(|(source, (most, _))| (*source, *most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(of: u8) -> NodeId {
        NodeId([of; 32])
    }

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    #[test]
    fn several_parents_that_drop_are_a_full_way_in_and_one_of_several_is_not() {
        let mut relief = Relief::default();
        for _ in 0..config::DROPS_MAX {
            relief.note(at(1), node(1));
        }
        assert!(!relief.is_due(at(1), 3), "its own uplink may be full");
        assert!(relief.is_due(at(1), 1), "there is nobody else to tell it by");
        relief.note(at(2), node(2));
        assert!(relief.is_due(at(2), 3));
        assert!(!relief.is_due(at(2) + config::DROPS_WITHIN, 3), "it was long ago");
    }

    #[test]
    fn who_was_not_helped_does_with_less_for_longer() {
        let mut relief = Relief::default();
        relief.cap(at(0), node(1), Layer::P180);
        relief.cap(at(10), node(2), Layer::Audio);
        assert_eq!(relief.caps().collect::<Vec<_>>(), [(node(1), Layer::P180), (node(2), Layer::Audio)]);
        let first = at(0) + config::RELIEF_FOR;
        assert!(relief.expire(first) && relief.caps().count() == 1);
        assert!(!relief.expire(at(10) + config::RELIEF_FOR), "twice as long");
        assert!(relief.expire(at(10) + config::RELIEF_FOR * 2));
        relief.cap(at(1_000), node(1), Layer::P180);
        assert!(relief.expire(at(1_000) + config::RELIEF_FOR), "it was long ago");
    }
}
