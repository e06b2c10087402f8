//! The door of a meeting: who is let in at once, who waits for a host, who is turned away.

use std::collections::{BTreeMap, BTreeSet};

use crate::credential::Admission;
use crate::epoch::bindings::Bindings;
use crate::epoch::deputy::Held;
use crate::identity::{InviteId, PeerKey};
use crate::io::{Knocks, Past};
use crate::removed::{Removal, Removed};
use crate::wire::Denial;

/// Most who wait at a time.
pub(crate) const WAITING_MAX: usize = 256;
/// Most who are remembered as turned away; the invite can be removed for good.
const TURNED_AWAY_MAX: usize = 1024;

/// What the door says to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    In,
    Waits(Knocks),
    Out(Denial),
}

/// A request that waits for a host.
pub(crate) struct Waiting {
    pub(crate) invite: InviteId,
    pub(crate) request: [u8; 32],
    pub(crate) public: Vec<u8>,
    pub(crate) newly: Held,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Door {
    bindings: Bindings,
    removed: Removed,
    pub(crate) locked: bool,
    waiting: BTreeMap<PeerKey, Waiting>,
    turned_away: BTreeSet<PeerKey>,
}

impl Door {
    pub(crate) fn new(past: Past) -> Door {
        let mut bindings = Bindings::default();
        bindings.extend(past.bindings);
        Door { bindings, locked: past.locked, removed: past.removed, ..Door::default() }
    }

    pub(crate) fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// What is left of a door: whoever waits asks the next.
    pub(crate) fn into_parts(self) -> (Bindings, Removed, bool) {
        (self.bindings, self.removed, self.locked)
    }

    pub(crate) fn removed(&self) -> &Removed {
        &self.removed
    }

    /// Shuts these out for good; false if they are already.
    pub(crate) fn remove(&mut self, removed: &Removed) -> bool {
        let fresh = self.removed.unite(removed);
        self.waiting.retain(|peer, waiting| !self.removed.shuts_out(peer, Some(waiting.invite)));
        fresh
    }

    pub(crate) fn bind(&mut self, invite: InviteId, peer: PeerKey) {
        self.bindings.add(invite, peer);
    }

    /// Who comes, with what its credential says. The first peer key binds an invite for good: it may come
    /// back whenever it likes, another one has to be let in.
    pub(crate) fn judge(&self, peer: &PeerKey, invite: &InviteId, admission: &Admission) -> Answer {
        let came = self.bindings.of(invite);
        if self.removed.shuts_out(peer, Some(*invite)) {
            Answer::Out(Denial::Removed)
        } else if came.contains(peer) {
            Answer::In
        } else if self.turned_away.contains(peer) {
            Answer::Out(Denial::Denied)
        } else if self.bindings.is_full() {
            Answer::Out(Denial::Full)
        } else if admission.uses > 1 && came.len() >= usize::from(admission.uses) {
            Answer::Out(Denial::UsedUp)
        } else if self.locked {
            Answer::Waits(Knocks::Locked)
        } else if admission.uses > 1 {
            let again = came.iter().any(|peer| self.removed.contains(&Removal::Peer(*peer)));
            Answer::Waits(if again { Knocks::LinkOfRemoved } else { Knocks::GroupLink })
        } else if came.is_empty() {
            Answer::In
        } else {
            Answer::Waits(Knocks::UsedInvite)
        }
    }

    /// Remembers who waits. False if too many do: nobody that waits is pushed out.
    pub(crate) fn wait(&mut self, peer: PeerKey, waiting: Waiting) -> bool {
        let room = self.waiting.len() < WAITING_MAX || self.waiting.contains_key(&peer);
        if room {
            self.waiting.insert(peer, waiting);
        }
        room
    }

    /// A host's word. Gives the request of who is let in.
    pub(crate) fn decide(&mut self, peer: PeerKey, admit: bool) -> Option<Waiting> {
        let waiting = self.waiting.remove(&peer)?;
        if !admit {
            if self.turned_away.len() < TURNED_AWAY_MAX {
                self.turned_away.insert(peer);
            }
            return None;
        }
        self.bind(waiting.invite, peer);
        Some(waiting)
    }

    pub(crate) fn gone(&mut self, peer: &PeerKey) {
        self.waiting.remove(peer);
    }

    pub(crate) fn is_waiting(&self, peer: &PeerKey) -> bool {
        self.waiting.contains_key(peer)
    }

    pub(crate) fn check(&self) {
        self.removed.check();
        self.bindings.check();
        assert!(self.waiting.len() <= WAITING_MAX && self.turned_away.len() <= TURNED_AWAY_MAX);
    }
}
