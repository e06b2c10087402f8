//! Children: who is accepted, what they are told, when they no longer count.

use crate::config;
use crate::id::NodeId;
use crate::io::Output;
use crate::links::{Child, Parked, Thin, Tree};
use crate::plan::graft_kbps;
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::{Payload, TreeId, Unit};
use crate::wire::{Message, Refusal, TreeTick};

impl<P: Payload> State<P> {
    /// A neighbour wants to be fed.
    pub(crate) fn attach(&mut self, now: Time, from: NodeId, id: TreeId, feed: u32, start: Option<u32>) {
        if self.leaving {
            return self.refuse(now, from, id, Refusal::Leaving);
        }
        let known = self.plan.as_ref().and_then(|(_, plan)| plan.trees.get(&id)).map(|branch| branch.feed);
        if known.is_none_or(|known| known < feed) {
            return self.park(now, Parked { from, tree: id, feed, start, until: now + config::PARKED_FOR });
        }
        if known != Some(feed) || !self.trees.contains_key(&id) && !self.join(now, id) {
            return self.refuse(now, from, id, Refusal::Unknown);
        }
        let planned = self.is_planned_child(id, from);
        let first = planned || self.feeds_others(id, from);
        let refusal = self.trees.get(&id).and_then(|tree| refusal(tree, from));
        if let Some(why) = refusal {
            return self.refuse(now, from, id, why);
        }
        if !self.make_room(now, id, from, first) {
            return self.refuse(now, from, id, Refusal::Full);
        }
        self.accept(now, from, id, start, planned);
    }

    fn park(&mut self, now: Time, parked: Parked) {
        let same = |other: &Parked| other.from == parked.from && other.tree == parked.tree;
        self.parked.retain(|other| !same(other));
        if self.parked.len() >= config::PARKED_MAX {
            return self.refuse(now, parked.from, parked.tree, Refusal::Unknown);
        }
        self.parked.push(parked);
    }

    /// Looks again at attaches that came before their plan.
    pub(crate) fn unpark(&mut self, now: Time) {
        for parked in std::mem::take(&mut self.parked) {
            if parked.until > now {
                self.attach(now, parked.from, parked.tree, parked.feed, parked.start);
            } else {
                self.refuse(now, parked.from, parked.tree, Refusal::Unknown);
            }
        }
    }

    /// Takes part in a tree of the plan that this node has no row in, because it was asked to help.
    fn join(&mut self, now: Time, id: TreeId) -> bool {
        let me = self.me();
        let Some(branch) = self.plan.as_ref().and_then(|(_, plan)| plan.trees.get(&id)) else { return false };
        if self.trees.len() >= config::TREES_MAX {
            return false;
        }
        let tree = Tree::new(now, id, branch, me);
        self.trees.insert(id, tree);
        self.seek(now, id);
        true
    }

    fn is_planned_child(&self, id: TreeId, child: NodeId) -> bool {
        let plan = self.plan.as_ref().map(|(_, plan)| plan);
        plan.and_then(|plan| plan.row(id, child)).is_some_and(|row| row.parent == self.config.me)
    }

    fn refuse(&mut self, now: Time, to: NodeId, tree: TreeId, why: Refusal) {
        self.tell(now, to, &Message::Refused { tree, why });
    }

    /// True if the plan lets this node feed others in the tree: it is saved before a leaf.
    fn feeds_others(&self, id: TreeId, node: NodeId) -> bool {
        let branch = self.plan.as_ref().and_then(|(_, plan)| plan.trees.get(&id));
        branch.is_some_and(|branch| branch.rows.values().any(|row| row.parent == node))
    }

    /// True if one more child fits. Children of the plan, and those who feed others, go before leaves that
    /// were grafted, which are sent away for them.
    fn make_room(&mut self, now: Time, id: TreeId, from: NodeId, first: bool) -> bool {
        let Some(tree) = self.trees.get(&id) else { return false };
        if tree.has_child(from) {
            return true;
        }
        let cost = u64::from(tree.kbps);
        if tree.children.len() >= config::CHILDREN_MAX {
            return false;
        }
        // What a child that has just died costs is not known to be free yet.
        let uplink = self.config.uplink_kbps;
        let limit = if first { u64::from(uplink) } else { graft_kbps(uplink) };
        while self.counted_kbps(now) + cost > limit {
            let Some((graft, child)) = self.dispensable(id).filter(|_| first) else { return false };
            self.detach(graft, child);
            self.refuse(now, child, graft, Refusal::Full);
        }
        true
    }

    /// What the children cost that are surely there, kbit/s.
    fn counted_kbps(&self, now: Time) -> u64 {
        let is_heard = |peer: NodeId| {
            let heard = self.links.get(peer).map(|neighbour| neighbour.heard);
            heard.is_some_and(|heard| now.since(heard) < config::CHILD_SILENT_AFTER)
        };
        let costs = self.trees.values().map(|tree| {
            let heard = tree.children.iter().filter(|child| is_heard(child.peer)).count();
            u64::from(tree.kbps) * heard as u64
        });
        costs.sum()
    }

    /// The grafted child that is sent away first for one in tree `id`: a leaf, or whoever hangs on this node
    /// in a tree of another source while `id` is a tree of its own, which nobody else can feed.
    fn dispensable(&self, id: TreeId) -> Option<(TreeId, NodeId)> {
        let own = |id: &TreeId| self.trees.get(id).is_some_and(|tree| tree.is_root);
        let grafts = self.trees.values().flat_map(|tree| {
            tree.children.iter().filter(|child| !child.planned).map(|child| (tree.id, child.peer))
        });
        let grafts =
            grafts.filter(|(graft, peer)| !self.feeds_others(*graft, *peer) || own(&id) && !own(graft));
        grafts.max_by_key(|(graft, peer)| (!self.feeds_others(*graft, *peer), graft.layer))
    }

    fn accept(&mut self, now: Time, from: NodeId, id: TreeId, start: Option<u32>, planned: bool) {
        let me = self.me();
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let message =
            Message::Accepted { tree: id, feed: tree.feed, live: tree.is_live(), path: tree.path_to(me) };
        let (units, ready) = tree.ring.since(start);
        let units: Vec<Unit<P>> = units.cloned().collect();
        let waits = !ready && !id.layer.is_audio();
        let thin = if waits { Thin::ToFirstKey } else { Thin::Nothing };
        tree.idle = None;
        tree.children.retain(|child| child.peer != from);
        tree.children.push(Child { peer: from, planned, thin, sent: now });
        self.tell(now, from, &message);
        self.outbox.extend(units.into_iter().map(|unit| Output::Unit { to: from, unit }));
        self.timers.set_earlier(Timer::Tick(from), now + config::TICK_EVERY);
        if waits {
            self.want_key(now, id);
        }
    }

    /// A child goes, or is sent away.
    pub(crate) fn detach(&mut self, id: TreeId, child: NodeId) {
        if let Some(tree) = self.trees.get_mut(&id) {
            tree.children.retain(|other| other.peer != child);
        }
    }

    /// Tells a neighbour that this node is there, if nothing else did for long enough.
    pub(crate) fn tick(&mut self, now: Time, peer: NodeId) {
        let Some(sent) = self.links.get(peer).map(|neighbour| neighbour.sent) else { return };
        let (mut carried, mut trees) = (sent, Vec::new());
        for tree in self.trees.values_mut() {
            let live = tree.is_live();
            let id = tree.id;
            if let Some(child) = tree.child(peer) {
                carried = carried.max(child.sent);
                let thinned = child.thin != Thin::Nothing;
                trees.push(TreeTick { tree: id, live, thinned, path: None });
            }
        }
        let feeds_me = self.trees.values().any(|tree| tree.parent == Some(peer));
        let every = match (trees.is_empty(), feeds_me) {
            (false, _) => config::TICK_EVERY,
            (true, true) => config::ALIVE_EVERY,
            (true, false) => return,
        };
        if now.since(carried) >= every {
            self.tell(now, peer, &Message::Tick { trees });
            carried = now;
        }
        self.timers.set(Timer::Tick(peer), carried + every);
    }

    /// Children that were not heard of for too long are taken out.
    pub(crate) fn drop_silent_children(&mut self, now: Time) {
        let links = &self.links;
        for tree in self.trees.values_mut() {
            tree.children.retain(|child| {
                let heard = links.get(child.peer).map(|neighbour| neighbour.heard);
                heard.is_some_and(|heard| now.since(heard) < config::CHILD_GONE_AFTER)
            });
        }
    }
}

/// Why a tree can't take this child, its cost aside.
fn refusal<P: Payload>(tree: &Tree<P>, from: NodeId) -> Option<Refusal> {
    let above = tree.path.contains(&from) || tree.parent == Some(from);
    let asked = tree.trying.is_some_and(|attempt| attempt.peer == from);
    if above || asked || tree.source == from {
        return Some(Refusal::Loop);
    }
    // Who has never had a parent, or has asked a backup, is fed again in a round trip: waiting is shorter
    // than asking elsewhere. (Should it be a loop, the path that comes with the answer shows it.)
    let asking = tree.trying.is_some_and(|attempt| attempt.sent);
    let lost = !tree.is_live() && !tree.path.is_empty() && !asking;
    (lost && !tree.has_child(from)).then_some(Refusal::Stalled)
}
