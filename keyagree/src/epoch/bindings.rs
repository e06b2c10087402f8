//! Who came by which invite: the first peer key of an invite is its holder for good.

use std::collections::BTreeMap;

use crate::identity::{InviteId, PeerKey};

/// Most peers that can be bound to invites.
const BINDINGS_MAX: usize = 1 << 15;

/// A list that only grows, so that a place in it says how much of it somebody knows.
#[derive(Default)]
pub(crate) struct Bindings {
    all: Vec<(InviteId, PeerKey)>,
    of: BTreeMap<InviteId, Vec<PeerKey>>,
}

impl Bindings {
    /// Adds one, if it is new and there is room.
    pub(crate) fn add(&mut self, invite: InviteId, peer: PeerKey) {
        let peers = self.of.entry(invite).or_default();
        if self.all.len() < BINDINGS_MAX && !peers.contains(&peer) {
            peers.push(peer);
            self.all.push((invite, peer));
        }
    }

    pub(crate) fn extend(&mut self, bindings: impl IntoIterator<Item = (InviteId, PeerKey)>) {
        bindings.into_iter().for_each(|(invite, peer)| self.add(invite, peer));
    }

    /// Who came by this invite, in this order.
    pub(crate) fn of(&self, invite: &InviteId) -> &[PeerKey] {
        self.of.get(invite).map_or(&[], Vec::as_slice)
    }

    /// All of them, in the order in which they were added.
    pub(crate) fn all(&self) -> &[(InviteId, PeerKey)] {
        &self.all
    }

    pub(crate) fn is_full(&self) -> bool {
        self.all.len() >= BINDINGS_MAX
    }

    pub(crate) fn check(&self) {
        assert!(self.all.len() <= BINDINGS_MAX);
    }
}
