//! Who is reached by way of whom: what a node knows of those below it.

use std::collections::{BTreeMap, BTreeSet};

use crate::config;
use crate::id::NodeId;
use crate::time::Time;

/// The ways down from here. They are learned from what comes up, and are believed: a lie leads notes astray, and
/// their addressees ask for them another way.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    by_origin: BTreeMap<NodeId, NodeId>,
    /// The same of who is in the lobby, and when that was learned last: nobody is told of them as reached.
    waiting: BTreeMap<NodeId, (NodeId, Time)>,
    below: BTreeSet<NodeId>,
}

impl Routes {
    /// `origin` is reached by way of this neighbour from now on. True if that is new.
    pub(crate) fn learn(&mut self, origin: NodeId, by: NodeId) -> bool {
        let known = self.by_origin.contains_key(&origin);
        if !known && self.by_origin.len() >= config::MEMBERS_MAX {
            return false;
        }
        self.waiting.remove(&origin);
        self.by_origin.insert(origin, by) != Some(by)
    }

    /// The same for somebody in the lobby. Where too many wait, one that has not been heard of for long gives way.
    pub(crate) fn learn_waiting(&mut self, now: Time, origin: NodeId, by: NodeId) {
        self.by_origin.remove(&origin);
        if self.waiting.len() >= config::LOBBY_MAX && !self.waiting.contains_key(&origin) {
            self.waiting.retain(|_, (_, heard)| now.since(*heard) < config::LOBBY_GONE_AFTER);
        }
        if self.waiting.len() < config::LOBBY_MAX || self.waiting.contains_key(&origin) {
            self.waiting.insert(origin, (by, now));
        }
    }

    /// The neighbour by way of which this node is reached.
    pub(crate) fn by(&self, origin: NodeId) -> Option<NodeId> {
        let waiting = || self.waiting.get(&origin).map(|(by, _)| *by);
        self.by_origin.get(&origin).copied().or_else(waiting)
    }

    /// These are reached by way of that neighbour no longer; gives those who were.
    pub(crate) fn forget(&mut self, by: NodeId, mut origins: Vec<NodeId>) -> Vec<NodeId> {
        origins.retain(|origin| self.by(*origin) == Some(by));
        for origin in &origins {
            self.by_origin.remove(origin);
            self.waiting.remove(origin);
        }
        origins
    }

    /// Nobody is reached by way of this neighbour any longer; gives who was.
    pub(crate) fn forget_all(&mut self, by: NodeId) -> Vec<NodeId> {
        let waiting = self.waiting.iter().map(|(origin, (by, _))| (origin, by));
        let all = self.by_origin.iter().chain(waiting);
        let origins = all.filter(|(_, other)| **other == by).map(|(origin, _)| *origin).collect();
        self.forget(by, origins)
    }

    /// Members who are reached from here, except by way of this neighbour.
    pub(crate) fn except(&self, by: NodeId) -> Vec<NodeId> {
        self.by_origin.iter().filter(|(_, other)| **other != by).map(|(origin, _)| *origin).collect()
    }

    /// A neighbour looks to this node as its way to the coordinator. False if there are `most` already.
    pub(crate) fn put_below(&mut self, neighbour: NodeId, most: usize) -> bool {
        let fits = self.below.len() < most || self.below.contains(&neighbour);
        if fits {
            self.below.insert(neighbour);
        }
        fits
    }

    /// It does so no longer. True if it did.
    pub(crate) fn take_from_below(&mut self, neighbour: NodeId) -> bool {
        self.below.remove(&neighbour)
    }

    pub(crate) fn is_below(&self, neighbour: NodeId) -> bool {
        self.below.contains(&neighbour)
    }

    /// Neighbours whose way to the coordinator leads through this node.
    pub(crate) fn below(&self) -> impl Iterator<Item = NodeId> {
        self.below.iter().copied()
    }

    pub(crate) fn check(&self) {
        assert!(self.by_origin.len() <= config::MEMBERS_MAX && self.waiting.len() <= config::LOBBY_MAX);
    }
}
