//! Looking for a parent: the one of the plan, its backups, any neighbour; never out of a loop.

use crate::config;
use crate::id::NodeId;
use crate::io::{Event, Kind};
use crate::links::Attempt;
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::{Payload, TreeId};
use crate::wire::{Message, Refusal, TreeTick};

impl<P: Payload> State<P> {
    /// Starts a round of asking for a parent. A parent that still feeds is kept until the new one does.
    pub(crate) fn seek(&mut self, now: Time, id: TreeId) {
        self.seek_but(now, id, None);
    }

    /// The same, where one is not asked in this round: it has just been lost.
    fn seek_but(&mut self, now: Time, id: TreeId, lost: Option<NodeId>) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        if tree.is_root || tree.trying.is_some() {
            return;
        }
        tree.tried.clear();
        tree.tried.extend(tree.parent.into_iter().chain(lost));
        self.ask_next(now, id);
    }

    /// Asks the best candidate that was not asked in this round.
    fn ask_next(&mut self, now: Time, id: TreeId) {
        let Some(peer) = self.candidate(now, id) else {
            return self.timers.set(Timer::Repair(id), now + config::RETRY_AFTER);
        };
        let linked = self.links.has(peer);
        if !linked {
            self.dial(now, peer);
        }
        let Some(tree) = self.trees.get_mut(&id) else { return };
        tree.tried.insert(peer);
        tree.trying = Some(Attempt { peer, sent: linked, alone: false });
        if linked {
            return self.ask(now, id, peer);
        }
        self.timers.set(Timer::Repair(id), now + config::DIAL_TIMEOUT);
    }

    fn ask(&mut self, now: Time, id: TreeId, peer: NodeId) {
        self.say_attach(now, id, peer);
        let patience =
            self.links.get_mut(peer).map_or(config::ATTACH_TIMEOUT, |neighbour| neighbour.ask(now));
        self.timers.set(Timer::Repair(id), now + patience);
    }

    /// Asks to be fed from the first frame on that is missing here.
    pub(crate) fn say_attach(&mut self, now: Time, id: TreeId, peer: NodeId) {
        let Some(feed) = self.trees.get(&id).map(|tree| tree.feed) else { return };
        let from_start = self.has_just_begun(now, id, feed).then_some(0);
        let planned = self.is_sent_to(id, peer);
        let Some(tree) = self.trees.get_mut(&id) else { return };
        if tree.parent == Some(peer) {
            tree.claimed = planned;
        }
        // A relay is there to feed others: those who were asked in vain come to it next.
        let feeds = !tree.children.is_empty() || self.config.kind == Kind::Relay;
        let from = tree.ring.next_number().or(from_start);
        let message = Message::Attach { tree: id, feed, from, planned, feeds };
        self.tell(now, peer, &message);
    }

    /// Of the parent and the backups of the plan (for a helper without: the source), relays that help, the source, then
    /// neighbours, relays first, the first that has a link or can be dialled. At most [`config::CANDIDATES_MAX`] are
    /// looked at.
    fn candidate(&self, now: Time, id: TreeId) -> Option<NodeId> {
        let me = self.me();
        let tree = self.trees.get(&id)?;
        let row =
            tree.row.iter().flat_map(|row| std::iter::once(row.parent).chain(row.backups.iter().copied()));
        let helpers = self.stage.iter().flat_map(|(_, stage)| stage.helpers.iter().map(|helper| helper.id));
        let of_kind = |kind: Kind| {
            self.links.iter().filter(move |(_, neighbour)| neighbour.kind == kind).map(|(id, _)| id)
        };
        // Who was asked to help is nobody's burden yet: the source can best say who has room.
        let first = Some(tree.source).filter(|_| tree.row.is_none());
        let named = row.chain(first).chain(helpers).chain([tree.source]);
        let all = named.chain(of_kind(Kind::Relay)).chain(of_kind(Kind::Participant));
        let mut seen = Vec::new();
        let usable = all.filter(|peer| {
            let usable = *peer != me
                && !self.complaints.has(*peer)
                && !tree.tried.contains(peer)
                && !tree.has_child(*peer);
            let silent = self
                .links
                .get(*peer)
                .is_some_and(|neighbour| neighbour.suspected || neighbour.shut_until > now);
            let fresh = usable
                && !silent
                && !self.is_waiting(*peer)
                && !self.links.is_shut(*peer)
                && !seen.contains(peer);
            if fresh {
                seen.push(*peer);
            }
            fresh
        });
        usable.take(config::CANDIDATES_MAX).find(|peer| self.links.has(*peer) || self.may_dial(now, *peer))
    }

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
                if attempt.sent {
                    self.tell(now, attempt.peer, &Message::Detach { tree: id });
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
        let expected = self.trees.get(&id).is_some_and(|tree| {
            tree.feed == feed
                && (tree.parent == Some(from) || tree.trying.is_some_and(|attempt| attempt.peer == from))
        });
        let planned = self.is_sent_to(id, from);
        let Some(tree) = self.trees.get_mut(&id).filter(|_| expected) else {
            return self.tell(now, from, &Message::Detach { tree: id });
        };
        let asked = tree.trying.is_some_and(|attempt| attempt.peer == from);
        if asked {
            tree.trying = None;
            self.timers.cancel(Timer::Repair(id));
        }
        if path.contains(&me) || tree.has_child(from) {
            return self.turn_away(now, from, id);
        }
        let is_content = tree.is_live() && tree.given_up != tree.parent;
        if asked && !planned && tree.parent != Some(from) && is_content {
            return self.begin_trial(now, id, from, path);
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

    /// A link that was waited for is up.
    pub(crate) fn ask_linked(&mut self, now: Time, peer: NodeId) {
        let waits = |attempt: Attempt| attempt.peer == peer && !attempt.sent;
        for id in self.trees_where(|tree| tree.trying.is_some_and(waits)) {
            if let Some(tree) = self.trees.get_mut(&id) {
                tree.trying = tree.trying.map(|attempt| Attempt { sent: true, ..attempt });
            }
            self.ask(now, id, peer);
        }
        // Whoever sits elsewhere only because the parent of the plan had no link yet goes there now.
        for id in self.trees_where(|tree| {
            let planned = tree.row.as_ref().is_some_and(|row| row.parent == peer);
            planned && tree.parent.is_some_and(|parent| parent != peer) && tree.trying.is_none()
        }) {
            self.ask_planned(now, id);
        }
        // Orphans need not wait for their next round.
        for id in self.trees_where(|tree| !tree.is_root && tree.parent.is_none() && tree.trying.is_none()) {
            self.seek(now, id);
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
        let due = neighbour.silent_at();
        self.timers.set(Timer::Silence(peer), due);
        for id in self.trees_where(|tree| tree.parent == Some(peer) && tree.suspect) {
            let Some(tree) = self.trees.get_mut(&id) else { continue };
            tree.suspect = false;
            let let_go = tree.trying.take().filter(|attempt| attempt.sent);
            self.timers.cancel(Timer::Repair(id));
            if let Some(attempt) = let_go {
                self.tell(now, attempt.peer, &Message::Detach { tree: id });
            }
            self.tell_children(now, id);
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
                self.relief.note(now, from);
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

    /// Asks the parent of the plan, and nobody else if it refuses.
    pub(crate) fn ask_planned(&mut self, now: Time, id: TreeId) {
        let Some(tree) = self.trees.get(&id) else { return };
        let planned = tree.row.as_ref().map(|row| row.parent);
        let given_up = tree.given_up;
        let Some(planned) = planned.filter(|peer| tree.parent != Some(*peer) && given_up != Some(*peer))
        else {
            return;
        };
        let linked = self.links.has(planned);
        if self.links.is_shut(planned) || self.is_waiting(planned) || !linked && !self.dial(now, planned) {
            return;
        }
        let Some(tree) = self.trees.get_mut(&id) else { return };
        tree.tried = tree.parent.into_iter().chain([planned]).collect();
        tree.trying = Some(Attempt { peer: planned, sent: linked, alone: true });
        if linked {
            return self.ask(now, id, planned);
        }
        self.timers.set(Timer::Repair(id), now + config::DIAL_TIMEOUT);
    }
}
