//! Children: who is accepted, what they are told, when they no longer count.

use crate::bucket::Bucket;
use crate::config;
use crate::id::NodeId;
use crate::io::{Kind, Output};
use crate::links::{Ask, Child, Parked, Thin, Tree};
use crate::plan::graft_kbps;
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::{Payload, TreeId, Unit};
use crate::wire::{Message, Refusal, TreeTick};

/// What newcomers may be given of what is kept, by a node of so much uplink.
pub(crate) fn replays(now: Time, uplink_kbps: u32) -> Bucket {
    let per_s = u64::from(uplink_kbps) * 125;
    let burst = per_s * config::REPLAYS_BURST.as_millis() as u64 / 1000;
    Bucket::new(now, per_s * config::REPLAYS_PERCENT / 100, burst.max(config::REPLAYS_BURST_MIN))
}

impl<P: Payload> State<P> {
    /// A neighbour wants to be fed.
    pub(crate) fn attach(&mut self, now: Time, ask: Ask) {
        let Ask { from, tree: id, feed, start, .. } = ask;
        if self.leaving {
            return self.refuse(now, from, id, Refusal::Leaving);
        }
        let known = self.group(id).map(|(feed, _)| feed.feed);
        if known.is_none_or(|known| known < feed) {
            return self.park(now, Parked { ask, until: now + config::PARKED_FOR });
        }
        if known != Some(feed) || !self.trees.contains_key(&id) && !self.join(now, id, start) {
            return self.refuse(now, from, id, Refusal::Unknown);
        }
        let refusal = self.trees.get(&id).and_then(|tree| refusal(tree, from));
        if let Some(why) = refusal {
            return self.refuse(now, from, id, why);
        }
        if !self.make_room(now, ask) {
            return self.refuse(now, from, id, Refusal::Full);
        }
        self.accept(now, ask);
    }

    fn park(&mut self, now: Time, parked: Parked) {
        let Ask { from, tree, .. } = parked.ask;
        self.parked.retain(|other| other.ask.from != from || other.ask.tree != tree);
        if self.parked.len() >= config::PARKED_MAX {
            return self.refuse(now, from, tree, Refusal::Unknown);
        }
        self.parked.push(parked);
    }

    /// Looks again at attaches that came before their stage.
    pub(crate) fn unpark(&mut self, now: Time) {
        for parked in std::mem::take(&mut self.parked) {
            if parked.until > now {
                self.attach(now, parked.ask);
            } else {
                self.refuse(now, parked.ask.from, parked.ask.tree, Refusal::Unknown);
            }
        }
    }

    /// A relay takes part in a tree that it has no row in, because it was asked to help: from where whoever asks lacks frames.
    fn join(&mut self, now: Time, id: TreeId, start: Option<u32>) -> bool {
        let me = self.me();
        let lends = self.config.kind == Kind::Relay && self.lends_kbps() > 0;
        if self.trees.len() >= config::TREES_MAX || !lends {
            return false;
        }
        let Some(tree) = self.group(id).map(|group| Tree::new(now, id, group, me)) else { return false };
        self.trees.insert(id, Tree { begin: start, ..tree });
        self.seek(now, id);
        true
    }

    fn refuse(&mut self, now: Time, to: NodeId, tree: TreeId, why: Refusal) {
        self.tell(now, to, &Message::Refused { tree, why });
    }

    /// True if one more child fits. Children of the plan, and those who feed others, go before leaves that
    /// were grafted, which are sent away for them; for one of the plan others too that feed.
    fn make_room(&mut self, now: Time, ask: Ask) -> bool {
        let Ask { from, tree: id, planned, feeds, .. } = ask;
        let first = planned || feeds;
        let Some(tree) = self.trees.get(&id) else { return false };
        if tree.has_child(from) {
            return true;
        }
        let (cost, own) = (u64::from(tree.kbps), tree.is_root);
        if tree.children.len() >= config::CHILDREN_MAX {
            return false;
        }
        let most = |kbps: u32| if first { u64::from(kbps) } else { graft_kbps(kbps) };
        let (limit, lent) = (most(self.left_for_children()), most(self.takes_kbps()));
        loop {
            let over = |trees: Trees, limit: u64| self.committed_in(trees) + cost > limit;
            let lends_too_much = !own && over(Trees::OfOthers, lent);
            if !lends_too_much && !over(Trees::All, limit) {
                return true;
            }
            // A child that says nothing may be dead: it goes where all others fit, and before anybody who is surely there.
            let (among, most) = if lends_too_much { (Trees::OfOthers, lent) } else { (Trees::All, limit) };
            let rest_fits = self.counted_kbps(now, among) + cost <= most;
            let silent = self.silent_longest(now, among).filter(|_| rest_fits);
            let spare = silent
                .or_else(|| self.dispensable(id, among).filter(|_| first))
                .or_else(|| self.surplus(id).filter(|_| planned));
            let Some((other, child)) = spare else {
                let exchanged = planned && !lends_too_much && self.makes_way(id, limit);
                if exchanged {
                    self.over_since = Some(now);
                }
                return exchanged;
            };
            self.detach(other, child);
            self.refuse(now, child, other, Refusal::Full);
        }
    }

    /// True if a child of the plan comes in place of one that feeds others, who waits for a parent that may hang below the newcomer
    /// still: one copy more until then, out of what a coordinator keeps for seats.
    fn makes_way(&self, id: TreeId, limit: u64) -> bool {
        let Some(tree) = self.trees.get(&id) else { return false };
        let committed = self.committed_in(Trees::All);
        let fits = committed + u64::from(tree.kbps) <= u64::from(self.config.uplink_kbps);
        fits && committed <= limit && tree.children.iter().any(|child| !child.planned)
    }

    /// True while a child is fed that another has come in place of: seats wait for that.
    pub(crate) fn is_exchanging(&self, now: Time) -> bool {
        self.over_since.is_some_and(|since| now.since(since) < config::MAKES_WAY_FOR * 2)
    }

    /// Whom a child of the plan came in place of, and who has found no other parent for a while, is sent away.
    pub(crate) fn end_what_makes_way(&mut self, now: Time) {
        if !self.leads() || self.committed_in(Trees::All) <= u64::from(self.left_for_children()) {
            self.over_since = None;
            return;
        }
        let since = *self.over_since.get_or_insert(now);
        if now.since(since) < config::MAKES_WAY_FOR {
            return;
        }
        let shared = self.trees.values().filter(|tree| tree.children.iter().any(|child| child.planned));
        let grafts = shared.flat_map(|tree| {
            tree.children
                .iter()
                .filter(|child| !child.planned)
                .map(|child| (tree.id.layer, tree.id, child.peer))
        });
        if let Some((_, tree, child)) = grafts.max() {
            self.detach(tree, child);
            self.refuse(now, child, tree, Refusal::Full);
        }
    }

    /// What the children cost in these trees, kbit/s.
    pub(crate) fn committed_in(&self, trees: Trees) -> u64 {
        let trees = self.trees.values().filter(|tree| trees.has(tree));
        trees.map(|tree| u64::from(tree.kbps) * tree.children.len() as u64).sum()
    }

    /// True if a child was heard of a short while ago.
    fn is_heard(&self, now: Time, child: NodeId) -> bool {
        let heard = self.links.get(child).map(|neighbour| neighbour.heard);
        heard.is_some_and(|heard| now.since(heard) < config::CHILD_SILENT_AFTER)
    }

    /// The child that was not heard of for the longest time, if that is long, in one of these trees.
    fn silent_longest(&self, now: Time, trees: Trees) -> Option<(TreeId, NodeId)> {
        let trees = self.trees.values().filter(|tree| trees.has(tree));
        let children = trees.flat_map(|tree| tree.children.iter().map(|child| (tree.id, child.peer)));
        let silent = children.filter(|(_, child)| !self.is_heard(now, *child));
        silent.min_by_key(|(tree, child)| {
            (self.links.get(*child).map(|neighbour| neighbour.heard), *child, *tree)
        })
    }

    /// What the children cost that are surely there, kbit/s.
    fn counted_kbps(&self, now: Time, trees: Trees) -> u64 {
        let costs = self.trees.values().filter(|tree| trees.has(tree)).map(|tree| {
            let heard = tree.children.iter().filter(|child| self.is_heard(now, child.peer)).count();
            u64::from(tree.kbps) * heard as u64
        });
        costs.sum()
    }

    /// The grafted child that is sent away first for one in tree `id`: a leaf; or, while `id` is a tree of its own, which
    /// nobody else can feed, whoever hangs on this node in a tree of another source; or, while nobody hangs on it in `id`,
    /// beside others in one of its own, but not one of sound.
    fn dispensable(&self, id: TreeId, among: Trees) -> Option<(TreeId, NodeId)> {
        let own = self.trees.get(&id).filter(|tree| tree.is_root);
        let is_silent = own.is_some_and(|tree| tree.children.is_empty());
        let grafts = self.trees.values().filter(|tree| among.has(tree)).flat_map(|tree| {
            let is_beside_others = tree.children.len() > 1 && !tree.id.layer.is_audio();
            let spares = own.is_some() && !tree.is_root || is_silent && is_beside_others;
            let grafts = tree.children.iter().filter(|child| !child.planned);
            grafts.filter(move |child| !child.feeds || spares).map(|child| (tree.id, child.peer, child.feeds))
        });
        grafts
            .max_by_key(|(graft, peer, feeds)| (!feeds, graft.layer, *graft, *peer))
            .map(|(graft, peer, _)| (graft, peer))
    }

    /// The last that came of several grafted children of a tree: one of them at most keeps a child of the plan waiting.
    fn surplus(&self, id: TreeId) -> Option<(TreeId, NodeId)> {
        let children = self.trees.get(&id).into_iter().flat_map(|tree| tree.children.iter());
        let mut grafts = children.filter(|child| !child.planned).map(|child| (id, child.peer));
        grafts.next()?;
        grafts.last()
    }

    fn accept(&mut self, now: Time, ask: Ask) {
        let me = self.me();
        let Ask { from, tree: id, start, planned, feeds, .. } = ask;
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let message =
            Message::Accepted { tree: id, feed: tree.feed, live: tree.is_live(), path: tree.path_to(me) };
        let (units, ready) = tree.ring.since(start);
        let mut units: Vec<Unit<P>> = units.cloned().collect();
        // Who comes anew may wait for a key frame, which comes for all who wait; what is kept goes to each alone, and if many
        // come at once it holds up those who are fed already. A gap is closed at any rate.
        let bytes: usize = units.iter().map(|unit| unit.payload.size()).sum();
        let affordable = start.is_some() || id.layer.is_audio() || self.replays.take(now, bytes as u64);
        if !affordable {
            units.clear();
        }
        let waits = !id.layer.is_audio() && (!ready || !affordable);
        let thin = if waits { Thin::ToFirstKey } else { Thin::Nothing };
        tree.idle = None;
        tree.children.put(Child { peer: from, planned, feeds, thin, sent: now, dropped: None });
        self.tell(now, from, &message);
        self.outbox.extend(units.into_iter().map(|unit| Output::Unit { to: from, unit }));
        self.give_kept_lists(now, id, from);
        self.timers.set_earlier(Timer::Tick(from), now + config::TICK_EVERY);
        if waits {
            self.want_key(now, id);
        }
    }

    /// A child takes its leave. If the plan has it change places with this node it is above now, and can feed it.
    pub(crate) fn detached(&mut self, now: Time, id: TreeId, child: NodeId) {
        self.detach(id, child);
        let awaited =
            |tree: &Tree<P>| tree.is_planned(child) && tree.return_at.is_some() && tree.trying.is_none();
        if self.trees.get(&id).is_some_and(awaited) {
            self.ask_planned(now, id);
        }
    }

    /// A child goes, or is sent away.
    pub(crate) fn detach(&mut self, id: TreeId, child: NodeId) {
        if let Some(tree) = self.trees.get_mut(&id) {
            tree.children.remove(child);
        }
    }

    /// What this node sends waits for its line: others' media is planned elsewhere.
    pub(crate) fn queued(&mut self, now: Time) {
        if self.capacity.queued(now) {
            self.presence_changed(now);
        }
    }

    /// What was borne for a while without that can be more.
    pub(crate) fn offer_what_is_borne(&mut self, now: Time) {
        let (lent, limit) = (self.committed_in(Trees::OfOthers), self.lends_kbps());
        if self.capacity.borne(now, lent, limit) && limit > 0 {
            self.presence_changed(now);
        }
    }

    /// Tells a neighbour that this node is there, if nothing else did for long enough.
    pub(crate) fn tick(&mut self, now: Time, peer: NodeId) {
        let Some(sent) = self.links.get(peer).map(|neighbour| neighbour.sent) else { return };
        let (mut carried, mut trees) = (sent, Vec::new());
        for tree in self.trees.values_mut() {
            let Some(child) = tree.child(peer) else { continue };
            carried = carried.max(child.sent);
            let thinned = child.is_thinned(now);
            let (live, newest) = (tree.is_live(), tree.ring.next_number());
            trees.push(TreeTick { tree: tree.id, live, thinned, path: None, newest });
        }
        let feeds_me = self.trees.values().any(|tree| tree.parent == Some(peer));
        let is_uphill = self.uphill.is_some_and(|uphill| uphill.peer == peer);
        let every = match (trees.is_empty(), feeds_me, is_uphill) {
            (false, ..) => config::TICK_EVERY,
            (true, true, _) => config::ALIVE_EVERY,
            (true, false, true) => config::HEARTBEAT_EVERY,
            (true, false, false) => return,
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
        if links.all_heard(now, config::CHILD_GONE_AFTER) {
            return;
        }
        for tree in self.trees.values_mut() {
            tree.children.retain(|child| {
                let heard = links.get(child.peer).map(|neighbour| neighbour.heard);
                heard.is_some_and(|heard| now.since(heard) < config::CHILD_GONE_AFTER)
            });
        }
    }
}

/// Which of a node's trees are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trees {
    All,
    /// What its children in these cost is lent.
    OfOthers,
}

impl Trees {
    fn has<P: Payload>(self, tree: &Tree<P>) -> bool {
        self == Trees::All || !tree.is_root
    }
}

/// Why a tree can't take this child, its cost aside.
fn refusal<P: Payload>(tree: &Tree<P>, from: NodeId) -> Option<Refusal> {
    let above = tree.path.contains(&from) || [tree.parent, tree.old].contains(&Some(from));
    let asked = tree.is_asking(from) || tree.is_tried(from);
    if above || asked || tree.source == from {
        return Some(Refusal::Loop);
    }
    // Who has never had a parent, or has asked a backup, is fed again in a round trip: waiting is shorter
    // than asking elsewhere. (Should it be a loop, the path that comes with the answer shows it.)
    let asking = tree.trying.is_some_and(|attempt| attempt.sent);
    let lost = !tree.is_live() && !tree.path.is_empty() && !asking;
    (lost && !tree.has_child(from)).then_some(Refusal::Stalled)
}
