//! Asking for a parent: the one of the plan, its backups, any neighbour.

use crate::config;
use crate::id::NodeId;
use crate::io::Kind;
use crate::links::{Attempt, Tree};
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::{Payload, TreeId};
use crate::wire::Message;

impl<P: Payload> State<P> {
    /// Starts a round of asking for a parent. A parent that still feeds is kept until the new one does.
    pub(crate) fn seek(&mut self, now: Time, id: TreeId) {
        self.seek_but(now, id, None);
    }

    /// The same, where one is not asked in this round: it has just been lost.
    pub(crate) fn seek_but(&mut self, now: Time, id: TreeId, lost: Option<NodeId>) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        if tree.is_root || tree.trying.is_some() {
            return;
        }
        tree.tried.clear();
        tree.tried.extend(tree.parent.into_iter().chain(lost));
        // Who has not answered all this time may be asked again.
        self.ask_no_more(now, id, None);
        self.ask_next(now, id);
    }

    /// Nobody is asked any more; all who were but this one are told.
    pub(crate) fn ask_no_more(&mut self, now: Time, id: TreeId, but: Option<NodeId>) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let asked: Vec<NodeId> = tree.asked().filter(|peer| Some(*peer) != but).collect();
        tree.trying = None;
        tree.awaited.clear();
        self.timers.cancel(Timer::Repair(id));
        for peer in asked {
            self.ask_off(now, id, peer);
        }
    }

    /// Somebody who was asked is told that it need not feed; but not who feeds meanwhile, since the one that was asked
    /// before it has refused: it would, and this node would take it for its parent still.
    pub(crate) fn ask_off(&mut self, now: Time, id: TreeId, peer: NodeId) {
        let feeds = |tree: &Tree<P>| [tree.parent, tree.old].contains(&Some(peer));
        if !self.trees.get(&id).is_some_and(feeds) {
            self.tell(now, peer, &Message::Detach { tree: id });
        }
    }

    /// An answer did not come in time: another is asked too, and whoever says yes first feeds.
    pub(crate) fn await_late(&mut self, now: Time, id: TreeId, peer: NodeId) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        tree.awaited.push(peer);
        if tree.awaited.len() > config::AWAITED_MAX {
            let longest = tree.awaited.remove(0);
            self.ask_off(now, id, longest);
        }
    }

    /// Asks the best candidate that was not asked in this round.
    pub(crate) fn ask_next(&mut self, now: Time, id: TreeId) {
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
        let round_trip = self.vivaldi.round_trip(peer).unwrap_or_default();
        let patience = self
            .links
            .get_mut(peer)
            .map_or(config::ATTACH_TIMEOUT, |neighbour| neighbour.ask(now, round_trip));
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
        let from = tree.ring.next_number().or(tree.begin).or(from_start);
        let message = Message::Attach { tree: id, feed, from, planned, feeds };
        self.tell(now, peer, &message);
    }

    /// Of the parent and the backups of the plan (for a helper without: the source), relays that help, those with a link
    /// first, the source, then neighbours, relays first, the first that has a link or can be dialled. At most
    /// [`config::CANDIDATES_MAX`] are looked at.
    fn candidate(&self, now: Time, id: TreeId) -> Option<NodeId> {
        let me = self.me();
        let tree = self.trees.get(&id)?;
        let row =
            tree.row.iter().flat_map(|row| std::iter::once(row.parent).chain(row.backups.iter().copied()));
        let helpers = self.stage.iter().flat_map(|(_, stage)| stage.helpers.iter().map(|helper| helper.id));
        // Each link to one more takes another's, where many look for parents.
        let (linked, others): (Vec<NodeId>, Vec<NodeId>) =
            helpers.partition(|helper| self.links.has(*helper));
        let helpers = linked.into_iter().chain(others);
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
            let planned = tree.is_planned(peer);
            planned && tree.parent.is_some_and(|parent| parent != peer) && tree.trying.is_none()
        }) {
            self.ask_planned(now, id);
        }
        // Orphans need not wait for their next round.
        for id in self.trees_where(|tree| !tree.is_root && tree.parent.is_none() && tree.trying.is_none()) {
            self.seek(now, id);
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
