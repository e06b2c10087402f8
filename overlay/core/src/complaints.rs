//! Whom a node complains of: parents that fed it badly, in a way that nobody above them can bring about. They altered units,
//! said that they had what they did not bring, or said nothing at all. The coordinator weighs that against what others say
//! ([`crate::verdicts`]); the node itself goes around them at once.
//!
//! Whoever brings sound late is gone around, and not complained of: there are no common clocks, so that it may have got it
//! late itself, and not know.

use std::collections::BTreeMap;

use crate::config;
use crate::id::NodeId;
use crate::state::State;
use crate::time::Time;
use crate::unit::{Payload, TreeId};

/// Whom, and when that was deserved last: at most [`config::COMPLAINTS_MAX`], each for [`config::COMPLAINT_FOR`].
#[derive(Debug, Default)]
pub(crate) struct Complaints(BTreeMap<NodeId, Time>);

impl Complaints {
    /// True if this is the first word of it.
    fn note(&mut self, now: Time, of: NodeId) -> bool {
        let is_new = !self.0.contains_key(&of);
        if is_new && self.0.len() >= config::COMPLAINTS_MAX {
            return false;
        }
        self.0.insert(of, now);
        is_new
    }

    fn tidy(&mut self, now: Time) {
        self.0.retain(|_, at| now.since(*at) < config::COMPLAINT_FOR);
    }

    pub(crate) fn has(&self, peer: NodeId) -> bool {
        self.0.contains_key(&peer)
    }

    /// The first eight bytes of each.
    pub(crate) fn named(&self) -> Vec<u64> {
        self.0.keys().map(|peer| peer.prefix()).collect()
    }
}

impl<P: Payload> State<P> {
    /// This node was fed badly, and not for want of anything that its parent lacks too.
    pub(crate) fn complain(&mut self, now: Time, of: NodeId) {
        if self.complaints.note(now, of) {
            self.say_news(now);
        }
    }

    /// What is long past is not complained of any more.
    pub(crate) fn forgive(&mut self, now: Time) {
        self.complaints.tidy(now);
    }

    /// A unit came by a link.
    pub(crate) fn fed_by(&mut self, now: Time, from: NodeId) {
        if let Some(neighbour) = self.links.get_mut(from) {
            neighbour.fed = now;
        }
    }

    /// Parents that live and say nothing of what they should feed are complained of, and left.
    pub(crate) fn leave_misers(&mut self, now: Time) {
        let keeps = |peer: NodeId| self.links.get(peer).is_some_and(|neighbour| neighbour.keeps_all(now));
        for id in self.trees_where(|tree| tree.parent.is_some_and(keeps) && tree.given_up != tree.parent) {
            let Some(parent) = self.trees.get(&id).and_then(|tree| tree.parent) else { continue };
            self.complain(now, parent);
            self.forsake(now, id);
        }
    }

    /// Sound came by one of two trees. If the other is ahead of it by far, and for long, somebody on the way holds it back.
    pub(crate) fn compare_twins(&mut self, now: Time, id: TreeId, number: u32) {
        let twin = |other: &TreeId| (other.slot, other.layer) == (id.slot, id.layer) && *other != id;
        let Some(feed) = self.trees.get(&id).map(|tree| tree.feed) else { return };
        let twins = self.trees.iter().filter(|(other, tree)| twin(other) && tree.feed == feed && tree.k == 1);
        let ahead = twins.filter_map(|(_, tree)| tree.ring.next_number()).max().unwrap_or(0);
        let Some(tree) = self.trees.get_mut(&id) else { return };
        if ahead.saturating_sub(number) <= config::LATE_FRAMES {
            tree.late = None;
            return;
        }
        let since = *tree.late.get_or_insert(now);
        if now.since(since) >= config::LATE_FOR {
            tree.late = None;
            self.forsake(now, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_news_once_ends_and_is_one_of_few() {
        let (mut complaints, start) = (Complaints::default(), Time(1_000_000));
        let peer = |n: usize| NodeId([n as u8; 32]);
        assert!(complaints.note(start, peer(1)) && !complaints.note(start, peer(1)));
        for n in 2..=config::COMPLAINTS_MAX + 1 {
            assert_eq!(complaints.note(start, peer(n)), n <= config::COMPLAINTS_MAX);
        }
        assert_eq!(complaints.named().len(), config::COMPLAINTS_MAX);
        assert!(!complaints.note(start + config::COMPLAINT_FOR / 2, peer(1)), "it is deserved again");
        complaints.tidy(start + config::COMPLAINT_FOR);
        assert_eq!(complaints.named(), [peer(1).prefix()]);
    }
}
