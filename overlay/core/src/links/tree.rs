//! A node's place in one tree: who feeds it, whom it feeds, and what it keeps.

use std::collections::BTreeSet;
use std::time::Duration;

use super::children::{Child, Children};
use super::lists::Lists;
use crate::config;
use crate::id::NodeId;
use crate::plan::{Feed, Row};
use crate::ring::Ring;
use crate::stage::Group;
use crate::time::Time;
use crate::unit::{Payload, TreeId};

/// One tree that this node is in.
#[derive(Debug)]
pub(crate) struct Tree<P> {
    pub(crate) id: TreeId,
    pub(crate) source: NodeId,
    pub(crate) feed: u32,
    pub(crate) kbps: u32,
    /// Data trees of its group, as the stage says: units of another cut are none of it.
    pub(crate) k: u8,
    pub(crate) is_root: bool,
    /// This node's row in the plan; none for a node that joined to help, or lingers.
    pub(crate) row: Option<Row>,
    pub(crate) parent: Option<NodeId>,
    /// The parent was told that it is the one of the plan.
    pub(crate) claimed: bool,
    /// The parent was silent for too long.
    pub(crate) suspect: bool,
    /// Since when the parent says that it is not fed itself.
    pub(crate) stalled: Option<Time>,
    /// The parent before, until the first unit of the new one.
    pub(crate) old: Option<NodeId>,
    /// Another parent that is tried beside one that brings nothing.
    pub(crate) trial: Option<Trial>,
    /// A parent of the plan that brought nothing while another did: not gone back to.
    pub(crate) given_up: Option<NodeId>,
    /// When the parent said that it leaves out frames, and that was taken note of.
    pub(crate) thinned: Option<Time>,
    /// Since when the parent says that it has what did not come.
    pub(crate) behind: Option<Time>,
    /// Since when its sound comes late, beside that of its twin.
    pub(crate) late: Option<Time>,
    /// A parent that was left, and until when what it had under way still counts.
    pub(crate) left: Option<(NodeId, Time)>,
    pub(crate) trying: Option<Attempt>,
    /// Who was asked before and has not answered yet, at most [`config::AWAITED_MAX`]: whoever says yes first feeds.
    pub(crate) awaited: Vec<NodeId>,
    /// Who was asked in this round.
    pub(crate) tried: BTreeSet<NodeId>,
    /// From the source to the parent.
    pub(crate) path: Vec<NodeId>,
    pub(crate) children: Children,
    pub(crate) ring: Ring<P>,
    /// While nothing has come: the first frame that the child lacks for whom this node has joined.
    pub(crate) begin: Option<u32>,
    pub(crate) lists: Lists,
    /// When a unit came last, or the tree was joined.
    pub(crate) fed: Time,
    /// When another parent may be tried, and how long after that the next.
    pub(crate) try_again: Time,
    pub(crate) patience: Duration,
    /// When to go back to the parent of the plan.
    pub(crate) return_at: Option<Time>,
    /// How long after that to try again.
    pub(crate) return_wait: Duration,
    /// Since when nobody needs this node here.
    pub(crate) idle: Option<Time>,
    /// When a key frame was asked for last, and whether one is awaited still.
    pub(crate) key_asked: Option<Time>,
    pub(crate) key_pending: bool,
    pub(crate) taking: Taking,
}

/// An attach that was not answered yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) peer: NodeId,
    /// False while there is no link yet.
    pub(crate) sent: bool,
    /// Nobody else is asked should it refuse, while there is a parent.
    pub(crate) alone: bool,
}

/// A neighbour that feeds beside a parent that brings nothing.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) peer: NodeId,
    /// From the source to it.
    pub(crate) path: Vec<NodeId>,
    /// When it ends for want of any unit: the source is silent.
    pub(crate) until: Time,
}

/// Whether frames go to this node's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taking {
    No,
    /// From the next key frame on: the layer that it replaces is still shown.
    FromKey {
        since: Time,
    },
    Yes,
    /// Only until the layer that replaces it has brought a key frame.
    UntilNext,
}

/// What a node that wants to be fed says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) from: NodeId,
    pub(crate) tree: TreeId,
    pub(crate) feed: u32,
    /// The first frame that it lacks.
    pub(crate) start: Option<u32>,
    /// The plan sends it here, as it says.
    pub(crate) planned: bool,
    /// It feeds others, as it says.
    pub(crate) feeds: bool,
}

/// An attach that came before the stage that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parked {
    pub(crate) ask: Ask,
    pub(crate) until: Time,
}

impl<P: Payload> Tree<P> {
    pub(crate) fn new(now: Time, id: TreeId, (feed, group): (&Feed, &Group), me: NodeId) -> Tree<P> {
        Tree {
            id,
            source: feed.source,
            feed: feed.feed,
            kbps: group.kbps,
            k: group.k,
            is_root: feed.source == me,
            row: None,
            parent: None,
            claimed: false,
            suspect: false,
            stalled: None,
            old: None,
            trial: None,
            given_up: None,
            thinned: None,
            behind: None,
            late: None,
            left: None,
            trying: None,
            awaited: Vec::new(),
            tried: BTreeSet::new(),
            path: Vec::new(),
            children: Children::default(),
            ring: Ring::new(),
            begin: None,
            lists: Lists::default(),
            fed: now,
            try_again: now,
            patience: config::STARVED_AFTER,
            return_at: None,
            return_wait: config::RETURN_SOON,
            idle: None,
            key_asked: None,
            key_pending: false,
            taking: Taking::No,
        }
    }

    /// True if units can be expected.
    pub(crate) fn is_live(&self) -> bool {
        self.is_root || self.parent.is_some() && !self.suspect && self.stalled.is_none()
    }

    /// What to tell children: the way from the source to this node.
    pub(crate) fn path_to(&self, me: NodeId) -> Vec<NodeId> {
        self.path.iter().copied().chain([me]).take(config::HOPS_MAX).collect()
    }

    pub(crate) fn child(&mut self, peer: NodeId) -> Option<&mut Child> {
        self.children.get_mut(peer)
    }

    pub(crate) fn has_child(&self, peer: NodeId) -> bool {
        self.children.has(peer)
    }

    /// True if the plan or a child needs this node here.
    pub(crate) fn is_needed(&self) -> bool {
        self.is_root || self.row.is_some() || !self.children.is_empty() || self.taking != Taking::No
    }

    /// True if `peer` was this node's parent until just now.
    pub(crate) fn has_left(&self, now: Time, peer: NodeId) -> bool {
        self.left.is_some_and(|(left, until)| left == peer && now < until)
    }

    /// True if this peer may bring units, see [`Tree::feeders`].
    pub(crate) fn is_fed_by(&self, peer: NodeId) -> bool {
        self.parent == Some(peer) || self.feeders().any(|feeder| feeder == peer)
    }

    /// Who may bring units: also who was asked, since its answer travels on another lane.
    pub(crate) fn feeders(&self) -> impl Iterator<Item = NodeId> {
        let tried = self.trial.as_ref().map(|trial| trial.peer);
        [self.parent, self.old, tried].into_iter().flatten().chain(self.asked())
    }

    /// Who was told that it is wanted as a parent, and has not answered.
    pub(crate) fn asked(&self) -> impl Iterator<Item = NodeId> {
        let now = self.trying.filter(|attempt| attempt.sent).map(|attempt| attempt.peer);
        now.into_iter().chain(self.awaited.iter().copied())
    }

    /// True if an answer of this peer is one that is waited for, or comes late.
    pub(crate) fn is_asking(&self, peer: NodeId) -> bool {
        self.trying.is_some_and(|attempt| attempt.peer == peer) || self.awaited.contains(&peer)
    }

    /// True if units and lists of this peer count now.
    pub(crate) fn may_bring(&self, now: Time, peer: NodeId) -> bool {
        self.is_fed_by(peer) || self.has_left(now, peer)
    }

    /// True if the plan names this peer as the parent.
    pub(crate) fn is_planned(&self, peer: NodeId) -> bool {
        self.row.as_ref().is_some_and(|row| row.parent == peer)
    }

    pub(crate) fn is_tried(&self, peer: NodeId) -> bool {
        self.trial.as_ref().is_some_and(|trial| trial.peer == peer)
    }

    /// Units came: nobody need be tried soon.
    pub(crate) fn feed(&mut self, now: Time) {
        self.fed = now;
        self.behind = None;
        self.try_again = now;
        self.patience = config::STARVED_AFTER;
    }

    pub(crate) fn check(&self, me: NodeId) {
        let peers: BTreeSet<NodeId> = self.children.iter().map(|child| child.peer).collect();
        assert_eq!(peers.len(), self.children.len(), "a child is fed once");
        assert!(!peers.contains(&me), "nobody feeds itself");
        assert!(self.parent.is_none_or(|parent| !peers.contains(&parent)), "a parent is no child");
        assert!(!self.path.contains(&me), "no loop");
        assert!(self.trial.as_ref().is_none_or(|trial| !trial.path.contains(&me)), "no loop by a trial");
        assert!(!self.is_root || self.parent.is_none(), "a root has no parent");
        assert!(self.awaited.len() <= config::AWAITED_MAX);
        assert!(self.children.len() <= config::CHILDREN_MAX);
        assert!(self.ring.bytes() <= config::RING_BYTES_MAX);
    }
}
