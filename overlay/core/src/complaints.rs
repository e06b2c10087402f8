//! Whom a node complains of, and when it was deserved last.

use std::collections::BTreeMap;

use crate::config;
use crate::id::NodeId;
use crate::time::Time;

/// Whom, and when that was deserved last: the last [`config::COMPLAINTS_MAX`]. Each is said for [`config::COMPLAINT_FOR`], and
/// avoided for [`config::AVOIDED_FOR`].
#[derive(Debug, Default)]
pub(crate) struct Complaints(BTreeMap<NodeId, Time>);

impl Complaints {
    /// True if this is news.
    pub(crate) fn note(&mut self, now: Time, of: NodeId) -> bool {
        let before = self.0.insert(of, now);
        if self.0.len() > config::COMPLAINTS_MAX {
            let oldest = self.0.iter().min_by_key(|(peer, at)| (**at, **peer)).map(|(peer, _)| *peer);
            oldest.map(|peer| self.0.remove(&peer));
        }
        before.is_none_or(|at| now.since(at) >= config::COMPLAINT_FOR)
    }

    pub(crate) fn tidy(&mut self, now: Time) {
        self.0.retain(|_, at| now.since(*at) < config::AVOIDED_FOR);
    }

    pub(crate) fn has(&self, peer: NodeId) -> bool {
        self.0.contains_key(&peer)
    }

    /// The first eight bytes of each of whom it is said.
    pub(crate) fn named(&self, now: Time) -> Vec<u64> {
        let said = self.0.iter().filter(|(_, at)| now.since(**at) < config::COMPLAINT_FOR);
        said.map(|(peer, _)| peer.prefix()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_news_once_ends_and_is_one_of_few() {
        let (mut complaints, start) = (Complaints::default(), Time(1_000_000_000));
        let peer = |n: usize| NodeId([n as u8; 32]);
        assert!(complaints.note(start, peer(1)) && !complaints.note(start, peer(1)));
        for n in 2..=config::COMPLAINTS_MAX + 1 {
            assert!(complaints.note(start + config::COMPLAINT_FOR / 4, peer(n)));
        }
        assert_eq!(complaints.named(start).len(), config::COMPLAINTS_MAX);
        assert!(!complaints.has(peer(1)), "the oldest has given way");
        let later = start + config::COMPLAINT_FOR / 2;
        assert!(!complaints.note(later, peer(2)), "it is deserved again");
        assert_eq!(complaints.named(start + config::COMPLAINT_FOR * 5 / 4), [peer(2).prefix()]);
        assert!(complaints.has(peer(3)), "it is said no more, and avoided");
        complaints.tidy(later + config::AVOIDED_FOR);
        assert!(!complaints.has(peer(2)));
    }
}
