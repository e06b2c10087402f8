//! Whom a node complains of, and when it was deserved last.

use std::collections::BTreeMap;

use crate::config;
use crate::id::NodeId;
use crate::time::Time;

/// Whom, and when that was deserved last: at most [`config::COMPLAINTS_MAX`], each for [`config::COMPLAINT_FOR`].
#[derive(Debug, Default)]
pub(crate) struct Complaints(BTreeMap<NodeId, Time>);

impl Complaints {
    /// True if this is the first word of it.
    pub(crate) fn note(&mut self, now: Time, of: NodeId) -> bool {
        let is_new = !self.0.contains_key(&of);
        if is_new && self.0.len() >= config::COMPLAINTS_MAX {
            return false;
        }
        self.0.insert(of, now);
        is_new
    }

    pub(crate) fn tidy(&mut self, now: Time) {
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
