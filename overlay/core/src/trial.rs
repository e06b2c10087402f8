//! A parent that lives but brings nothing: it keeps what it should pass on, or the source has nothing to say. Another is
//! tried beside it, and the one that brings a unit is kept.

use crate::config;
use crate::id::NodeId;
use crate::io::Event;
use crate::links::{Tree, Trial};
use crate::state::State;
use crate::time::Time;
use crate::unit::{Payload, TreeId};
use crate::wire::Message;

impl<P: Payload> State<P> {
    /// True if it is time to try another parent in this tree: the parent says that it has what did not come; another tree
    /// of the same source goes on; or there was nothing for so long that it is worth asking.
    pub(crate) fn is_starved(&self, now: Time, tree: &Tree<P>) -> bool {
        if tree.parent.is_none() || tree.trial.is_some() {
            return false;
        }
        let hungry = now.since(tree.fed);
        let behind = tree.behind.is_some_and(|since| now.since(since) >= config::STARVED_AFTER);
        let sibling = |other: &&Tree<P>| other.id != tree.id && other.source == tree.source;
        let goes_on =
            |other: &Tree<P>| other.parent.is_some() && now.since(other.fed) < config::TICK_EVERY * 2;
        let told =
            behind || tree.ring.next_number().is_some() && self.trees.values().filter(sibling).any(goes_on);
        let long = if told { config::STARVED_AFTER } else { config::SILENT_SOURCE_AFTER };
        hungry >= long && now >= tree.try_again
    }

    /// Looks for another parent to try, the next time after twice as long.
    pub(crate) fn try_another(&mut self, now: Time, id: TreeId) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        tree.try_again = now + tree.patience;
        tree.patience = (tree.patience * 2).min(config::STARVED_MAX);
        self.seek(now, id);
    }

    /// A neighbour that was asked for want of units has said yes: both feed now.
    pub(crate) fn begin_trial(&mut self, now: Time, id: TreeId, peer: NodeId, path: Vec<NodeId>) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let before = tree.trial.replace(Trial { peer, path, until: now + config::TRIAL_FOR });
        if let Some(before) = before.filter(|before| before.peer != peer) {
            self.tell(now, before.peer, &Message::Detach { tree: id });
        }
    }

    /// A unit that is new here came from `from`: if two were being weighed, that decides.
    pub(crate) fn end_trial(&mut self, now: Time, id: TreeId, from: NodeId) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let Some(trial) = tree.trial.take() else { return };
        if trial.peer != from {
            return self.tell(now, trial.peer, &Message::Detach { tree: id });
        }
        // It said that it had what it did not bring.
        let kept_back = tree.behind.is_some_and(|since| now.since(since) >= config::STARVED_AFTER);
        let before = tree.parent.replace(from);
        tree.old = tree.old.filter(|old| *old != from);
        tree.path = trial.path;
        tree.stalled = None;
        tree.claimed = false;
        tree.given_up = before;
        tree.return_at = None;
        if let Some(before) = before {
            self.tell(now, before, &Message::Detach { tree: id });
            if kept_back {
                self.complain(now, before);
            }
        }
        self.watch_parent(now, from);
        self.event(Event::Rewired { tree: id, parent: Some(from) });
        self.tell_children(now, id);
    }

    /// Trials in which nobody has brought anything: the source is silent, and everybody stays where it is.
    pub(crate) fn end_silent_trials(&mut self, now: Time) {
        let over = |tree: &Tree<P>| tree.trial.as_ref().is_some_and(|trial| now >= trial.until);
        for id in self.trees_where(over) {
            let trial = self.trees.get_mut(&id).and_then(|tree| tree.trial.take());
            if let Some(trial) = trial {
                self.tell(now, trial.peer, &Message::Detach { tree: id });
            }
        }
    }

    /// A trial's way from the source has changed. It ends if that way leads through this node.
    pub(crate) fn trial_moved(&mut self, now: Time, id: TreeId, path: Vec<NodeId>) {
        let me = self.me();
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let Some(trial) = &mut tree.trial else { return };
        if !path.contains(&me) {
            trial.path = path;
            return;
        }
        let peer = trial.peer;
        tree.trial = None;
        self.tell(now, peer, &Message::Detach { tree: id });
    }
}
