//! Who goes: by leave, by a host's word, or because nothing is heard of them.

use std::collections::BTreeSet;

use crate::epoch::coordinator::{Coordinator, GAP_MS};
use crate::epoch::{Effects, deputy};
use crate::identity::PeerKey;
use crate::io::Seat;
use crate::removed::Removed;
use crate::time::UnixTime;

/// Leaves are gathered for so long in a meeting below [`LEAVE_SMALL`], longer in a larger one, at most
/// [`LEAVE_BATCH_MAX_MS`] from a thousand members on.
const LEAVE_BATCH_MS: u64 = 500;
const LEAVE_BATCH_MAX_MS: u64 = 2_000;
const LEAVE_SMALL: usize = 200;
const LEAVE_LARGE: usize = 1_000;
/// Whom a deputy found in the roster when it took over, and has no chain with, may be listed for so long without
/// asking: who is listed holds the secret.
pub(super) const UNHEARD_MS: u64 = 10_000;

impl Coordinator {
    /// A member is gone: the next epoch is without it.
    pub(crate) fn departed(&mut self, now: UnixTime, peer: PeerKey) {
        self.pending.remove(&peer);
        self.door.gone(&peer);
        if !self.view.roster.contains(&peer) {
            self.held.remove(&peer);
        }
        if self.view.roster.contains(&peer) && peer != self.head.id().coordinator {
            self.leaving.entry(peer).or_insert(false);
            let batch = leave_batch_ms(self.view.roster.len());
            self.schedule(now.plus_ms(batch).max(self.last_record.plus_ms(GAP_MS)));
        }
    }

    /// Shuts these out for good, this node itself excepted.
    pub(crate) fn remove(&mut self, now: UnixTime, seat: &Seat, removed: &Removed, effects: &mut Effects) {
        let others = removed.sparing(&seat.identity.public(), &seat.invite);
        if !self.door.remove(&others) {
            return;
        }
        self.say_kicks(seat, effects);
        self.letters.take_back(&others);
        let invite = |peer| self.held.get(peer).map(|held| held.invite);
        let able = |peer| self.held.get(peer).is_some_and(|held| held.role.may_coordinate());
        let members = self.held.keys().chain(self.view.roster.peers());
        let out: BTreeSet<PeerKey> =
            members.filter(|peer| others.shuts_out(peer, invite(peer))).copied().collect();
        if out.iter().any(able) {
            // Passes that it has signed are good at no further link.
            self.passes.hurry(now);
        }
        for peer in out {
            // Until the record without it is made, too, it gets nothing: no chain if it asks for one.
            self.pending.remove(&peer);
            self.held.remove(&peer);
            self.expel(now, peer);
        }
    }

    /// Shuts a member out with the next record, which doesn't wait for others.
    fn expel(&mut self, now: UnixTime, peer: PeerKey) {
        if self.view.roster.contains(&peer) {
            self.leaving.insert(peer, true);
            self.schedule(now.max(self.last_record.plus_ms(GAP_MS)));
        }
    }

    /// Whoever is in the roster still and has not asked since this term began is a member no longer: it holds no secret,
    /// and by which invite it came, which may be removed meanwhile, nobody here knows.
    pub(super) fn drop_unheard(&mut self, now: UnixTime, seat: &Seat) {
        let me = seat.identity.public();
        let unheard = |peer: &PeerKey| *peer != me && !self.held.contains_key(peer);
        let gone: Vec<PeerKey> = self.view.roster.peers().filter(|peer| unheard(peer)).copied().collect();
        gone.into_iter().for_each(|peer| self.departed(now, peer));
    }

    /// Says whom it has shut out.
    pub(crate) fn say_kicks(&self, seat: &Seat, effects: &mut Effects) {
        deputy::say_kicks(seat, self.door.removed(), effects);
    }
}

fn leave_batch_ms(members: usize) -> u64 {
    let above = members.clamp(LEAVE_SMALL, LEAVE_LARGE) - LEAVE_SMALL;
    LEAVE_BATCH_MS + (LEAVE_BATCH_MAX_MS - LEAVE_BATCH_MS) * above as u64 / (LEAVE_LARGE - LEAVE_SMALL) as u64
}
