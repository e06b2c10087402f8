//! Who is shut out of a meeting for good: whole invites, and single peers. It only grows.

use std::collections::BTreeSet;

use crate::identity::{InviteId, PeerKey};

/// Most invites that can be removed from one meeting.
pub const INVITES_MAX: usize = 1024;
/// Most peers that can be removed one by one: with as many invites they fit into one message.
pub const PEERS_MAX: usize = 192;

/// One thing that a host shuts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removal {
    /// An invite, and with it all who came by it or will.
    Invite(InviteId),
    /// One peer key. By its invite others may come, and whoever holds it with another key has to pass the door.
    Peer(PeerKey),
}

/// All that was shut out so far. Lists are united, so that no order of messages lets anybody in again; what is beyond
/// [`INVITES_MAX`] and [`PEERS_MAX`] is not added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    invites: BTreeSet<InviteId>,
    peers: BTreeSet<PeerKey>,
}

impl Removed {
    /// Shuts something out; false if it is already, or if there is no room.
    pub fn insert(&mut self, removal: Removal) -> bool {
        match removal {
            Removal::Invite(invite) => self.invites.len() < INVITES_MAX && self.invites.insert(invite),
            Removal::Peer(peer) => self.peers.len() < PEERS_MAX && self.peers.insert(peer),
        }
    }

    /// Shuts out what somebody else has shut out; false if that changes nothing.
    pub fn unite(&mut self, other: &Removed) -> bool {
        other.iter().fold(false, |any, removal| self.insert(removal) | any)
    }

    /// True if this very thing was shut out.
    pub fn contains(&self, removal: &Removal) -> bool {
        match removal {
            Removal::Invite(invite) => self.invites.contains(invite),
            Removal::Peer(peer) => self.peers.contains(peer),
        }
    }

    /// True for a peer that may not take part, by its own key or by the invite that it came with; relays have none.
    pub fn shuts_out(&self, peer: &PeerKey, invite: Option<InviteId>) -> bool {
        self.peers.contains(peer) || invite.is_some_and(|invite| self.invites.contains(&invite))
    }

    /// Everything, invites first, each kind ascending.
    pub fn iter(&self) -> impl Iterator<Item = Removal> + '_ {
        let invites = self.invites.iter().copied().map(Removal::Invite);
        invites.chain(self.peers.iter().copied().map(Removal::Peer))
    }

    /// True if nothing was shut out.
    pub fn is_empty(&self) -> bool {
        self.invites.is_empty() && self.peers.is_empty()
    }

    /// What is left without one peer and its invite.
    pub(crate) fn sparing(&self, peer: &PeerKey, invite: &InviteId) -> Removed {
        let own = [Removal::Peer(*peer), Removal::Invite(*invite)];
        self.iter().filter(|removal| !own.contains(removal)).collect()
    }

    /// Asserts what always holds.
    pub(crate) fn check(&self) {
        assert!(self.invites.len() <= INVITES_MAX && self.peers.len() <= PEERS_MAX);
    }
}

impl FromIterator<Removal> for Removed {
    fn from_iter<I: IntoIterator<Item = Removal>>(all: I) -> Removed {
        let mut removed = Removed::default();
        all.into_iter().for_each(|removal| {
            removed.insert(removal);
        });
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: Removal = Removal::Invite(InviteId([1; 8]));
    const PEER: Removal = Removal::Peer(PeerKey([2; 32]));

    #[test]
    fn lists_are_united_in_any_order_and_nobody_is_ever_let_in_again() {
        let lists: [Removed; 3] = [
            [INVITE].into_iter().collect(),
            [PEER].into_iter().collect(),
            [INVITE, PEER].into_iter().collect(),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut all = Removed::default();
            for at in order {
                all.unite(&lists[at]);
                assert!(lists[at].iter().all(|removal| all.contains(&removal)));
            }
            assert_eq!(all, lists[2]);
            assert!(!all.unite(&lists[0]), "nothing new");
        }
    }

    #[test]
    fn an_invite_shuts_out_all_who_came_by_it_and_a_peer_key_itself() {
        let removed: Removed = [INVITE, PEER].into_iter().collect();
        let (one, other) = (PeerKey([2; 32]), PeerKey([3; 32]));
        let (gone, kept) = (InviteId([1; 8]), InviteId([4; 8]));
        assert!(removed.shuts_out(&other, Some(gone)) && removed.shuts_out(&one, Some(kept)));
        assert!(removed.shuts_out(&one, None), "a relay");
        assert!(!removed.shuts_out(&other, Some(kept)) && !removed.shuts_out(&other, None));
        assert_eq!(removed.sparing(&one, &gone), Removed::default());
    }

    #[test]
    fn it_is_bounded() {
        let mut removed = Removed::default();
        for n in 0..INVITES_MAX as u64 + 10 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_be_bytes());
            removed.insert(Removal::Invite(InviteId(n.to_be_bytes())));
            removed.insert(Removal::Peer(PeerKey(key)));
        }
        removed.check();
        assert_eq!(removed.iter().count(), INVITES_MAX + PEERS_MAX);
    }
}
