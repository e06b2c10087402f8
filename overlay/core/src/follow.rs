//! A new plan: what it changes for this node. Data goes on while it is carried out.

use std::collections::{BTreeMap, BTreeSet};

use crate::config;
use crate::id::NodeId;
use crate::io::Event;
use crate::links::{Taking, Tree};
use crate::plan::{Branch, Plan};
use crate::ring::Ring;
use crate::state::State;
use crate::time::Time;
use crate::unit::{Layer, Payload, TreeId};
use crate::wire::Message;

/// Who made a plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin(pub(crate) NodeId);

impl<P: Payload> State<P> {
    /// Carries out a plan that is newer than the one before.
    pub(crate) fn follow(&mut self, now: Time, origin: Origin, plan: Plan) {
        for id in self.trees.keys().copied().collect::<Vec<_>>() {
            if !plan.trees.contains_key(&id) {
                self.leave_tree(now, id);
            }
        }
        self.plug_in(now, &plan);
        for (id, branch) in &plan.trees {
            self.follow_branch(now, *id, branch);
        }
        if self.plan.as_ref().is_some_and(|(before, _)| *before != origin.0) {
            self.uphill = None;
        }
        self.plan = Some((origin.0, plan));
        self.take_leave_of_listed(now);
        self.retake(now);
        self.find_parents(now);
        self.unpark(now);
    }

    /// Is this node's source on the stage, and where?
    fn plug_in(&mut self, now: Time, plan: &Plan) {
        let me = self.me();
        let mine = plan.feeds.iter().find(|feed| feed.source == me && feed.stint == self.stint);
        let place = mine.map(|feed| (feed.slot, feed.feed)).filter(|_| !self.sends.is_empty());
        if place == self.on_stage {
            return;
        }
        self.on_stage = place;
        match place {
            Some((slot, feed)) => self.event(Event::OnStage { slot, feed }),
            None => self.event(Event::OffStage),
        }
        self.say_news(now);
    }

    fn follow_branch(&mut self, now: Time, id: TreeId, branch: &Branch) {
        let me = self.me();
        let row = branch.rows.get(&me);
        let is_root = branch.source == me;
        let replaced = self.trees.get(&id).is_some_and(|tree| tree.source != branch.source);
        if replaced {
            self.leave_tree(now, id);
        }
        let Some(tree) = self.trees.get_mut(&id) else {
            if is_root || row.is_some() {
                self.trees.insert(id, Tree::new(now, id, branch, me));
            }
            return;
        };
        tree.row = row.cloned();
        tree.kbps = branch.kbps;
        for child in &mut tree.children {
            child.planned = branch.rows.get(&child.peer).is_some_and(|row| row.parent == me);
        }
        if tree.feed == branch.feed {
            return;
        }
        // The source has started anew: its frames count from 0 again.
        tree.feed = branch.feed;
        tree.ring = Ring::new();
        tree.fed = now;
        if let Some(parent) = tree.parent {
            self.tell(now, parent, &Message::Attach { tree: id, feed: branch.feed, from: None });
        }
    }

    /// Takes leave of a tree; its children have learned of it from the same plan, or look elsewhere.
    pub(crate) fn leave_tree(&mut self, now: Time, id: TreeId) {
        let Some(tree) = self.trees.remove(&id) else { return };
        self.timers.cancel(crate::timers::Timer::Repair(id));
        self.timers.cancel(crate::timers::Timer::KeyWanted(id));
        let asked = tree.trying.filter(|attempt| attempt.sent).map(|attempt| attempt.peer);
        for peer in [tree.parent, tree.old, asked].into_iter().flatten() {
            self.tell(now, peer, &Message::Detach { tree: id });
        }
        for child in tree.children {
            self.tell(now, child.peer, &Message::Refused { tree: id, why: crate::wire::Refusal::Unknown });
        }
    }

    /// Which frames go to this node's user: sound, and one picture of each slot. A picture that is replaced by
    /// another layer is kept until the other has brought a key frame.
    fn retake(&mut self, now: Time) {
        let me = self.me();
        let Some((_, plan)) = &self.plan else { return };
        let takes = |id: TreeId| plan.row(id, me).is_some_and(|row| row.takes);
        let pictured: BTreeSet<u8> = self
            .trees
            .values()
            .filter(|tree| {
                !tree.id.layer.is_audio() && matches!(tree.taking, Taking::Yes | Taking::UntilNext)
            })
            .map(|tree| tree.id.slot)
            .collect();
        let replaced: BTreeSet<u8> = self
            .trees
            .values()
            .filter(|tree| !tree.id.layer.is_audio() && takes(tree.id))
            .map(|tree| tree.id.slot)
            .collect();
        let mut fresh = Vec::new();
        for tree in self.trees.values_mut() {
            let before = tree.taking;
            let slot = tree.id.slot;
            tree.taking = match (takes(tree.id), before) {
                (true, Taking::Yes | Taking::UntilNext) => Taking::Yes,
                (true, Taking::FromKey { since }) => Taking::FromKey { since },
                (true, Taking::No) if !tree.id.layer.is_audio() && pictured.contains(&slot) => {
                    Taking::FromKey { since: now }
                }
                (true, Taking::No) => Taking::Yes,
                (false, Taking::Yes | Taking::UntilNext)
                    if !tree.id.layer.is_audio() && replaced.contains(&slot) =>
                {
                    Taking::UntilNext
                }
                (false, _) => Taking::No,
            };
            if before == Taking::No && tree.taking != Taking::No {
                fresh.push(tree.id);
            }
        }
        self.tell_sources();
        for id in fresh {
            self.deliver_kept(id);
        }
    }

    /// Tells the user which sources there are, and in which layer they come.
    fn tell_sources(&mut self) {
        let me = self.me();
        let Some((_, plan)) = &self.plan else { return };
        let mut now_taken: BTreeMap<u8, (NodeId, u32, Layer)> = BTreeMap::new();
        for feed in &plan.feeds {
            if let Some(layer) = plan.taken(feed.slot, me) {
                now_taken.insert(feed.slot, (feed.source, feed.feed, layer));
            }
        }
        let before = std::mem::replace(&mut self.told, now_taken.clone());
        let gone =
            before.values().filter(|(source, ..)| now_taken.values().all(|(other, ..)| other != source));
        for (peer, ..) in gone.copied().collect::<Vec<_>>() {
            self.event(Event::Source { peer, layer: None });
        }
        for (slot, taken) in now_taken {
            if before.get(&slot) != Some(&taken) {
                self.event(Event::Source { peer: taken.0, layer: Some(taken.2) });
            }
        }
    }

    /// Asks for parents where the plan names others; dials backups, so that they are warm.
    fn find_parents(&mut self, now: Time) {
        for id in self.trees.keys().copied().collect::<Vec<_>>() {
            let Some(tree) = self.trees.get_mut(&id).filter(|tree| !tree.is_root) else { continue };
            let Some(row) = tree.row.clone() else { continue };
            for backup in &row.backups {
                self.dial(now, *backup);
            }
            let Some(tree) = self.trees.get_mut(&id) else { continue };
            if tree.parent.is_none() {
                self.seek(now, id);
            } else if tree.parent != Some(row.parent) {
                tree.return_wait = config::RETURN_SOON;
                tree.return_at = Some(now + tree.return_wait);
                if tree.trying.is_none() {
                    self.ask_planned(now, id);
                }
            } else {
                tree.return_at = None;
            }
        }
    }

    /// Leaves trees that nobody needs this node in; ends layer switches that never came.
    pub(crate) fn prune_trees(&mut self, now: Time) {
        for id in self.trees.keys().copied().collect::<Vec<_>>() {
            let Some(tree) = self.trees.get_mut(&id) else { continue };
            if let Taking::FromKey { since } = tree.taking
                && now.since(since) >= config::SWITCH_PATIENCE
            {
                tree.taking = Taking::Yes;
                self.end_old_layers(id);
                continue;
            }
            if tree.is_needed() {
                tree.idle = None;
                continue;
            }
            let since = *tree.idle.get_or_insert(now);
            if now.since(since) >= config::LINGER_FOR {
                self.leave_tree(now, id);
            }
        }
    }

    fn end_old_layers(&mut self, id: TreeId) {
        for tree in self.trees.values_mut().filter(|tree| tree.id.slot == id.slot && tree.id != id) {
            if tree.taking == Taking::UntilNext {
                tree.taking = Taking::No;
            }
        }
    }
}
