//! Whom a node feeds in one tree.

use crate::config;
use crate::id::NodeId;
use crate::time::Time;
use crate::unit::UnitHeader;

use super::thin::Thin;

/// Whom this node feeds.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) peer: NodeId,
    /// The plan sends it here, as it says.
    pub(crate) planned: bool,
    /// It feeds others in the tree, as it says.
    pub(crate) feeds: bool,
    pub(crate) thin: Thin,
    pub(crate) sent: Time,
    /// When something for it was dropped before it was sent.
    pub(crate) dropped: Option<Time>,
}

impl Child {
    /// True if it gets a unit, see [`Thin::lets`].
    pub(crate) fn wants(&mut self, now: Time, header: &UnitHeader) -> bool {
        self.thin.lets(now, header)
    }

    /// True if it does not get all that there is, for this node's want of uplink.
    pub(crate) fn is_thinned(&self, now: Time) -> bool {
        self.thin != Thin::Nothing || self.dropped.is_some_and(|at| now.since(at) < config::DROPS_APART)
    }
}

/// All children in one tree, at most [`crate::config::CHILDREN_MAX`], in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Children {
    /// The first words of their ids lie together: each tick of a link looks for one child in every tree.
    prefixes: Vec<u64>,
    all: Vec<Child>,
}

impl Children {
    fn find(&self, peer: NodeId) -> Option<usize> {
        let prefix = peer.prefix();
        let alike = (0..).zip(&self.prefixes).filter(|(_, other)| **other == prefix);
        alike.map(|(at, _)| at).find(|at| self.all[*at].peer == peer)
    }

    pub(crate) fn get_mut(&mut self, peer: NodeId) -> Option<&mut Child> {
        self.find(peer).map(|at| &mut self.all[at])
    }

    pub(crate) fn has(&self, peer: NodeId) -> bool {
        self.find(peer).is_some()
    }

    /// Puts a child behind all others, in place of what it was.
    pub(crate) fn put(&mut self, child: Child) {
        self.remove(child.peer);
        self.prefixes.push(child.peer.prefix());
        self.all.push(child);
    }

    pub(crate) fn remove(&mut self, peer: NodeId) {
        if let Some(at) = self.find(peer) {
            self.prefixes.remove(at);
            self.all.remove(at);
        }
    }

    pub(crate) fn retain(&mut self, keep: impl FnMut(&Child) -> bool) {
        self.all.retain(keep);
        self.prefixes.clear();
        self.prefixes.extend(self.all.iter().map(|child| child.peer.prefix()));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Child> {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Child> {
        self.all.iter_mut()
    }

    /// Who they are.
    pub(crate) fn peers(&self) -> Vec<NodeId> {
        self.all.iter().map(|child| child.peer).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}
