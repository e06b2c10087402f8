//! A parent that says yes, no, or nothing any more; never out of a loop.

use crate::config;
use crate::id::NodeId;
use crate::io::Event;
use crate::links::Tree;
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::{Payload, TreeId};
use crate::wire::{Message, Refusal, TreeTick};

impl<P: Payload> State<P> {
    /// True if this tree can't do without another parent.
    fn lacks_parent(&self, id: TreeId) -> bool {
        self.trees.get(&id).is_some_and(|tree| !tree.is_root && (tree.parent.is_none() || tree.suspect))
    }

    /// Nobody answered in time, or it is time for the next round.
    pub(crate) fn repair_due(&mut self, now: Time, id: TreeId) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        match tree.trying.take() {
            Some(attempt) => {
                let contented = attempt.alone && tree.parent.is_some() && !tree.suspect;
                // Who feeds others may be above whoever says yes by the time that it does.
                let waits = !contented && tree.children.is_empty();
                match attempt.sent {
                    true if waits => self.await_late(now, id, attempt.peer),
                    true => self.ask_off(now, id, attempt.peer),
                    false => {}
                }
                if !contented {
                    self.ask_next(now, id);
                }
            }
            None if self.lacks_parent(id) => self.seek(now, id),
            None => {}
        }
    }

    /// A neighbour has said yes.
    pub(crate) fn accepted(
        &mut self,
        now: Time,
        from: NodeId,
        id: TreeId,
        feed: u32,
        live: bool,
        path: Vec<NodeId>,
    ) {
        let me = self.me();
        if let Some(neighbour) = self.links.get_mut(from) {
            neighbour.answered(now);
        }
        let named = self.trees.get(&id).filter(|tree| tree.feed == feed);
        // The answer to what was asked before another was: it feeds on until that one does.
        if named.is_some_and(|tree| tree.old == Some(from) && !tree.is_asking(from)) {
            return;
        }
        let expected = named.is_some_and(|tree| tree.parent == Some(from) || tree.is_asking(from));
        let planned = self.is_sent_to(id, from);
        let Some(tree) = self.trees.get_mut(&id).filter(|_| expected) else {
            return self.tell(now, from, &Message::Detach { tree: id });
        };
        if path.contains(&me) || tree.has_child(from) {
            return self.turn_away(now, from, id);
        }
        let asked = tree.is_asking(from);
        if asked {
            self.ask_no_more(now, id, Some(from));
        }
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let is_content = tree.is_live() && tree.given_up != tree.parent;
        if asked && !planned && tree.parent != Some(from) && is_content {
            return self.begin_trial(now, id, from, path);
        }
        if tree.is_tried(from) {
            // It is the parent now: what ends with the trial must not be its feeding.
            tree.trial = None;
        }
        tree.claimed = planned;
        let before = tree.parent.replace(from).filter(|parent| *parent != from);
        let older = before.and_then(|before| tree.old.replace(before)).filter(|older| *older != from);
        if tree.old == Some(from) {
            tree.old = None;
        }
        tree.suspect = false;
        tree.stalled = (!live).then_some(now);
        let first = tree.path.is_empty();
        tree.path = path;
        let planned = tree.row.as_ref().is_none_or(|row| row.parent == from);
        if planned {
            tree.return_at = None;
        } else if first {
            // The parent of the plan has not failed: its link, or its own copy of the plan, was not there yet.
            tree.return_wait = config::RETURN_SOON;
            tree.return_at = Some(now + config::RETURN_SOON);
        } else if before.is_none_or(|before| tree.row.as_ref().is_some_and(|row| row.parent == before)) {
            // It was not the plan that changed, but the parent of the plan that failed.
            tree.return_wait = config::RETURN_AFTER;
            tree.return_at = Some(now + config::RETURN_AFTER);
        }
        if let Some(older) = older {
            self.tell(now, older, &Message::Detach { tree: id });
        }
        self.watch_parent(now, from);
        self.event(Event::Rewired { tree: id, parent: Some(from) });
        self.tell_children(now, id);
        if self.trees.get(&id).is_some_and(|tree| tree.key_pending) {
            self.want_key(now, id);
        }
    }

    /// Sees to it that this parent's silence is noticed, and that it knows that we are here.
    pub(crate) fn watch_parent(&mut self, now: Time, parent: NodeId) {
        if let Some(neighbour) = self.links.get_mut(parent) {
            (neighbour.heard, neighbour.fed) = (now, now);
            self.timers.set(Timer::Silence(parent), neighbour.silent_at());
        }
        self.timers.set_earlier(Timer::Tick(parent), now + config::ALIVE_EVERY);
    }

    /// A parent, or a candidate, can't feed us: it would be a loop, or it said no.
    fn turn_away(&mut self, now: Time, from: NodeId, id: TreeId) {
        self.tell(now, from, &Message::Detach { tree: id });
        self.lose_parent(now, from, id);
    }

    /// A neighbour has said no, or no longer.
    pub(crate) fn refused(&mut self, now: Time, from: NodeId, id: TreeId, why: Refusal) {
        if let Some(neighbour) = self.links.get_mut(from) {
            neighbour.answered(now);
            if why == Refusal::Lobby {
                neighbour.shut_until = now + config::DOOR_SHUT_FOR;
            }
        }
        if let Some(tree) =
            self.trees.get_mut(&id).filter(|tree| why == Refusal::Loop && tree.is_planned(from))
        {
            tree.return_wait = tree.return_wait.min(config::RETURN_LOOPED);
        }
        self.lose_parent(now, from, id);
    }

    /// Looks for a parent in place of one that may be honest: it feeds on until another does, and is not gone back to because
    /// the plan names it.
    pub(crate) fn forsake(&mut self, now: Time, id: TreeId) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        tree.given_up = tree.parent;
        self.seek(now, id);
    }

    fn lose_parent(&mut self, now: Time, peer: NodeId, id: TreeId) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        if tree.old == Some(peer) {
            tree.old = None;
        }
        if tree.is_tried(peer) {
            tree.trial = None;
        }
        tree.awaited.retain(|awaited| *awaited != peer);
        let was_parent = tree.parent == Some(peer);
        if was_parent {
            // A parent that was about to be left still feeds.
            tree.parent = tree.old.take();
            tree.stalled = None;
        }
        let orphaned = was_parent && tree.parent.is_none();
        let asked = tree.trying.filter(|attempt| attempt.peer == peer);
        if let Some(attempt) = asked {
            tree.trying = None;
            self.timers.cancel(Timer::Repair(id));
            if !attempt.alone || tree.parent.is_none() || tree.suspect {
                self.ask_next(now, id);
            }
        } else if was_parent {
            self.seek_but(now, id, Some(peer));
        }
        if orphaned {
            self.event(Event::Rewired { tree: id, parent: None });
            self.tell_children(now, id);
        }
    }

    /// The link to a peer is gone.
    pub(crate) fn lost_link(&mut self, now: Time, peer: NodeId) {
        self.timers.cancel(Timer::Silence(peer));
        self.timers.cancel(Timer::Tick(peer));
        self.vivaldi.forget(peer);
        self.parked.retain(|parked| parked.ask.from != peer);
        self.lose_way_by(now, peer);
        for id in self.trees.keys().copied().collect::<Vec<_>>() {
            self.detach(id, peer);
            self.lose_parent(now, peer, id);
        }
    }

    /// A parent may have been silent for too long: then all its trees ask their backups at once.
    pub(crate) fn silence_due(&mut self, now: Time, peer: NodeId) {
        let feeds = self.trees.values().any(|tree| tree.parent == Some(peer));
        let Some(neighbour) = self.links.get_mut(peer).filter(|_| feeds) else { return };
        let due = neighbour.silent_at();
        if now < due {
            return self.timers.set(Timer::Silence(peer), due);
        }
        neighbour.suspected = true;
        let trees = self.trees_where(|tree| tree.parent == Some(peer));
        self.event(Event::Silent { peer });
        self.lose_uphill(now, peer);
        for id in trees {
            if let Some(tree) = self.trees.get_mut(&id) {
                tree.suspect = true;
            }
            self.tell_children(now, id);
            self.seek(now, id);
        }
    }

    /// Anything came from a neighbour: a suspicion was wrong, and who is being asked instead is let go.
    pub(crate) fn heard_of(&mut self, now: Time, peer: NodeId) {
        let Some(neighbour) = self.links.get_mut(peer) else { return };
        neighbour.touch(now);
        if !std::mem::take(&mut neighbour.suspected) {
            return;
        }
        neighbour.wronged = true;
        let due = neighbour.silent_at();
        self.timers.set(Timer::Silence(peer), due);
        for id in self.trees_where(|tree| tree.parent == Some(peer) && tree.suspect) {
            let Some(tree) = self.trees.get_mut(&id) else { continue };
            tree.suspect = false;
            self.ask_no_more(now, id, None);
            self.tell_children(now, id);
        }
    }

    /// A neighbour that was suspected brings units after all: where the plan has it as the parent it is gone back to soon, since
    /// the uplink of whoever said yes meanwhile was meant for others.
    pub(crate) fn make_up_with(&mut self, now: Time, peer: NodeId) {
        let left = |tree: &&mut Tree<P>| tree.is_planned(peer) && tree.parent != Some(peer);
        for tree in self.trees.values_mut().filter(left) {
            if let Some(at) = &mut tree.return_at {
                tree.return_wait = config::RETURN_SOON;
                *at = (*at).min(now + config::RETURN_SOON);
            }
        }
    }

    /// A parent says what it feeds us.
    pub(crate) fn ticked(&mut self, now: Time, from: NodeId, ticks: Vec<TreeTick>) {
        let me = self.me();
        if let Some(neighbour) = self.links.get_mut(from) {
            neighbour.fed = now;
        }
        for tick in ticks {
            let id = tick.tree;
            let Some(tree) = self.trees.get_mut(&id).filter(|tree| tree.is_fed_by(from)) else {
                self.tell(now, from, &Message::Detach { tree: id });
                continue;
            };
            if tree.is_tried(from)
                && let Some(path) = tick.path
            {
                self.trial_moved(now, id, path);
                continue;
            }
            if tree.parent != Some(from) {
                // A parent that is about to be left brings nothing any more where its way leads through this node.
                if tick.path.is_some_and(|path| path.contains(&me)) {
                    tree.old = tree.old.filter(|old| *old != from);
                    self.tell(now, from, &Message::Detach { tree: id });
                }
                continue;
            }
            let lately = |at: Time| now.since(at) < config::DROPS_APART;
            if !tick.thinned {
                tree.thinned = None;
            } else if !tree.thinned.is_some_and(lately) {
                tree.thinned = Some(now);
                // Who waits for a first key frame is told so as well: that is no sign, unless it should have come.
                let waited = now.since(tree.fed) >= config::KEY_WANTED_EVERY * 2;
                if !id.layer.is_audio() && (waited || tree.ring.next_number().is_some()) {
                    self.downlink.dropped(now, from);
                }
            }
            let is_behind = !tick.thinned && tick.newest > tree.ring.next_number();
            tree.behind = is_behind.then(|| tree.behind.unwrap_or(now));
            let was = (tree.is_live(), tree.path.clone());
            tree.stalled = if tick.live { None } else { tree.stalled.or(Some(now)) };
            if let Some(path) = tick.path {
                if path.contains(&me) {
                    self.turn_away(now, from, id);
                    continue;
                }
                tree.path = path;
            }
            if was != (tree.is_live(), tree.path.clone()) {
                self.tell_children(now, id);
            }
        }
    }

    /// Looks for trees whose parent is no good: stalled for long, starved, or not the one of the plan.
    pub(crate) fn look_after_trees(&mut self, now: Time) {
        for id in self.trees.keys().copied().collect::<Vec<_>>() {
            let Some(tree) = self.trees.get_mut(&id).filter(|tree| !tree.is_root && tree.trying.is_none())
            else {
                continue;
            };
            let stalled = tree.stalled.is_some_and(|since| now.since(since) >= config::STALL_PATIENCE);
            let returns = tree.return_at.is_some_and(|at| now >= at);
            if stalled {
                tree.stalled = Some(now);
            }
            let starved = self.trees.get(&id).is_some_and(|tree| self.is_starved(now, tree));
            let Some(tree) = self.trees.get_mut(&id) else { continue };
            if stalled {
                self.seek(now, id);
            } else if starved {
                self.try_another(now, id);
            } else if returns {
                tree.return_wait = (tree.return_wait * 2).min(config::RETURN_AFTER);
                tree.return_at = Some(now + tree.return_wait);
                self.ask_planned(now, id);
            } else {
                self.miss_lists(now, id);
            }
        }
    }
}
