//! The first peer key that came by each invite for one person, as far as one node has seen: nobody else takes part by it
//! without a pass.

use std::collections::BTreeMap;

use crate::gate::KNOWN_MAX;
use crate::identity::{InviteId, PeerKey};
use crate::time::UnixTime;

struct First {
    peer: PeerKey,
    since: UnixTime,
    expires: UnixTime,
}

#[derive(Default)]
pub(super) struct FirstKeys {
    of: BTreeMap<InviteId, First>,
}

impl FirstKeys {
    /// Since when this peer is the first; `None` if another is, or if there is no room to remember it.
    pub(super) fn since(
        &mut self,
        now: UnixTime,
        invite: InviteId,
        peer: PeerKey,
        expires: UnixTime,
    ) -> Option<UnixTime> {
        if self.of.len() >= KNOWN_MAX && !self.of.contains_key(&invite) {
            self.of.retain(|_, first| now < first.expires);
            if self.of.len() >= KNOWN_MAX {
                return None;
            }
        }
        let first = self.of.entry(invite).or_insert(First { peer, since: now, expires });
        (first.peer == peer).then_some(first.since)
    }

    /// The same, and nobody becomes the first by asking.
    pub(super) fn known_since(&self, invite: &InviteId, peer: &PeerKey) -> Option<UnixTime> {
        self.of.get(invite).filter(|first| first.peer == *peer).map(|first| first.since)
    }
}
