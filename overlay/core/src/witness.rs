//! Who said it: sources sign lists of what they put into their trees; lists follow the units, and whoever alters one loses
//! the edge. Nobody can silence a source with that, nor get an honest relay blamed.

use std::collections::{BTreeMap, BTreeSet};

use crate::config;
use crate::id::NodeId;
use crate::io::{Event, Output, Signature};
use crate::links::Taking;
use crate::list::{FalseUnit, List};
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::{Payload, TreeId, UnitHash};
use crate::wire::Message;

impl<P: Payload> State<P> {
    /// A unit went into a tree of this node's own.
    pub(crate) fn note_own(&mut self, now: Time, id: TreeId, number: u32, hash: UnitHash) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let full = tree.lists.listing.put(now, (id, tree.feed), number, hash);
        if let Some(due) = tree.lists.listing.due() {
            self.timers.set_earlier(Timer::List(id), due);
        }
        self.outbox.extend(full.map(Output::SignList));
    }

    /// It is time to sign what went into a tree of this node's own.
    pub(crate) fn list_due(&mut self, id: TreeId) {
        let list = self.trees.get_mut(&id).and_then(|tree| tree.lists.listing.take(id, tree.feed));
        self.outbox.extend(list.map(Output::SignList));
    }

    /// A list came over a link: its signature is checked before it counts.
    pub(crate) fn heard_list(&mut self, now: Time, from: NodeId, list: List, signature: Signature) {
        let Some(tree) = self.trees.get_mut(&list.tree).filter(|tree| tree.may_bring(now, from)) else {
            self.charge(now, from, config::UNASKED_COST, 0);
            return;
        };
        if tree.feed != list.feed
            || tree.lists.in_check >= config::LISTS_IN_CHECK_MAX
            || tree.lists.listed.is_decided(&list)
        {
            return;
        }
        tree.lists.in_check += 1;
        self.outbox.push_back(Output::VetList { from, source: tree.source, list, signature });
    }

    /// The edge has checked a list. What it contradicts is taken out of the ring, and taken back from the children before
    /// they hear the list.
    pub(crate) fn list_vetted(
        &mut self,
        now: Time,
        from: NodeId,
        list: List,
        signature: Signature,
        genuine: bool,
    ) {
        let Some(tree) = self.trees.get_mut(&list.tree).filter(|tree| tree.feed == list.feed) else { return };
        tree.lists.in_check = tree.lists.in_check.saturating_sub(1);
        if !genuine {
            return self.cut(now, from, "passed on a list that its source did not sign");
        }
        if tree.lists.listed.is_decided(&list) {
            return;
        }
        let decided = tree.lists.listed.list(now, &list);
        for unit in &decided.false_units {
            tree.ring.remove(unit.number, unit.hash, !unit.have_true);
        }
        if decided.unsure != 0 {
            let (tree, feed, first, which) = (list.tree, list.feed, list.first, decided.unsure);
            self.tell_all_fed(now, tree, &Message::Retract { tree, feed, first, which });
        }
        self.give_list(now, list, signature);
        self.cut_liars(now, &decided.false_units);
    }

    /// A list that is known to be its source's goes on.
    pub(crate) fn give_list(&mut self, now: Time, list: List, signature: Signature) {
        let id = list.tree;
        let Some(tree) = self.trees.get_mut(&id).filter(|tree| tree.feed == list.feed) else { return };
        tree.lists.kept.retain(|(since, _)| now.since(*since) < config::LISTS_KEPT_FOR);
        if tree.lists.kept.len() >= config::LISTS_KEPT_MAX {
            tree.lists.kept.pop_front();
        }
        let message = Message::List { list, signature };
        self.tell_all_fed(now, id, &message);
        if let Some(tree) = self.trees.get_mut(&id) {
            tree.lists.kept.push_back((now, message));
        }
    }

    /// Who has just been accepted needs the lists of what it is given from the ring.
    pub(crate) fn give_kept_lists(&mut self, now: Time, id: TreeId, to: NodeId) {
        let Some(tree) = self.trees.get(&id) else { return };
        let kept = tree.lists.kept.iter().filter(|(since, _)| now.since(*since) < config::LISTS_KEPT_FOR);
        let messages: Vec<Message> = kept.map(|(_, message)| message.clone()).collect();
        for message in messages {
            self.tell(now, to, &message);
        }
    }

    /// A parent says that it passed on what may not be the source's. That happens to the honest once for each liar above
    /// them; whoever says it often is left, and not blamed.
    pub(crate) fn heard_retraction(
        &mut self,
        now: Time,
        from: NodeId,
        (id, feed): (TreeId, u32),
        first: u32,
        which: u64,
    ) {
        let Some(tree) = self.trees.get_mut(&id).filter(|tree| tree.may_bring(now, from)) else {
            self.charge(now, from, config::UNASKED_COST, 0);
            return;
        };
        if tree.feed != feed {
            return;
        }
        tree.lists.listed.take_back(from, first, which);
        if tree.parent != Some(from) {
            return;
        }
        let (since, count) = &mut tree.lists.retracted;
        if now.since(*since) >= config::RETRACTIONS_WITHIN {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if *count > config::RETRACTIONS_MAX {
            *count = 0;
            self.forsake(now, id);
        }
    }

    /// Leaves parents that bring units and no lists of them.
    pub(crate) fn miss_lists(&mut self, now: Time, id: TreeId) {
        let Some(tree) = self.trees.get_mut(&id).filter(|tree| tree.parent.is_some()) else { return };
        if tree.lists.listed.misses_lists(now, tree.path.len()) {
            self.forsake(now, id);
        }
    }

    /// Tells this node's user of whom all that comes is covered by lists, when that has changed.
    pub(crate) fn tell_verified(&mut self, now: Time) {
        if now.since(self.verified.0) < config::VERIFIED_EVERY {
            return;
        }
        let mut verified: BTreeMap<NodeId, bool> = BTreeMap::new();
        for tree in self.trees.values_mut().filter(|tree| tree.taking != Taking::No) {
            tree.lists.listed.tidy(now);
            if let Some(is) = tree.lists.listed.verified() {
                verified.entry(tree.source).and_modify(|all| *all &= is).or_insert(is);
            }
        }
        let before = std::mem::replace(&mut self.verified, (now, verified.clone())).1;
        let gone = before.keys().filter(|peer| !verified.contains_key(peer)).map(|peer| (*peer, false));
        for (peer, all) in gone.chain(verified.iter().map(|(peer, all)| (*peer, *all))).collect::<Vec<_>>() {
            if before.get(&peer).copied().unwrap_or(false) != all {
                self.event(Event::Verified { peer, all });
            }
        }
    }

    fn cut_liars(&mut self, now: Time, false_units: &[FalseUnit]) {
        let liars: BTreeSet<NodeId> =
            false_units.iter().filter(|unit| unit.is_a_lie).map(|unit| unit.edge).collect();
        for liar in liars.into_iter().filter(|liar| self.links.has(*liar)).collect::<Vec<_>>() {
            self.cut(now, liar, "brought units that their source did not send");
        }
    }

    fn tell_all_fed(&mut self, now: Time, id: TreeId, message: &Message) {
        let Some(tree) = self.trees.get(&id) else { return };
        let children = tree.children.peers();
        let Ok(bytes) = message.encode() else { return };
        for child in children {
            self.tell_bytes(now, child, bytes.clone());
        }
    }
}
