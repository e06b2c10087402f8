//! What a deputy prepares while somebody else coordinates: chains with the members, and what it needs to
//! know to go on as coordinator.

use std::collections::BTreeMap;

use crate::credential::{Admission, Role, Signed};
use crate::epoch::bindings::Bindings;
use crate::epoch::chain::PairChain;
use crate::epoch::{Effects, chain_info, statement_hash};
use crate::identity::{InviteId, PeerKey};
use crate::io::{Audience, Seat, SessionRng};
use crate::removed::Removed;
use crate::suite::seal;
use crate::time::UnixTime;
use crate::wire::{ChainRoot, JoinRequest, Kicks, MEMBERS_MAX, Message, STANDING_KICKS, Wants};

/// A fresh request of one peer is heeded at most so often: each costs a key encapsulation.
pub(crate) const ANSWERS_APART_MS: u64 = 500;

/// A member as its coordinator, or a deputy, knows it.
pub(crate) struct Held {
    pub(crate) chain: Option<PairChain>,
    pub(crate) invite: InviteId,
    /// What its invite lets it do.
    pub(crate) role: Role,
    /// How many bindings it was told under this chain, being a deputy.
    pub(crate) told: usize,
    made_at: UnixTime,
    answered_at: UnixTime,
}

impl Held {
    /// `None` for a relay.
    pub(crate) fn new(admission: &Admission) -> Option<Held> {
        let (invite, role) = (admission.invite?, admission.participant()?);
        Some(Held { chain: None, invite, role, told: 0, made_at: UnixTime(0), answered_at: UnixTime(0) })
    }

    /// Takes a fresh chain into use.
    pub(crate) fn renew(&mut self, chain: PairChain) {
        (self.chain, self.told) = (Some(chain), 0);
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Deputy {
    pub(crate) held: BTreeMap<PeerKey, Held>,
    /// Of those who came in this meeting, as coordinators told.
    pub(crate) bindings: Bindings,
    pub(crate) removed: Removed,
    pub(crate) locked: bool,
}

impl Deputy {
    /// A member wants a chain for the day that this node coordinates.
    #[allow(clippy::too_many_arguments, reason = "one call; each is the session's own")]
    pub(crate) fn asked(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        term: u32,
        admission: &Admission,
        signed: &Signed<JoinRequest>,
        effects: &mut Effects,
    ) {
        let request = &signed.value;
        let Some(newly) = Held::new(admission) else { return };
        if request.wants != Wants::Chain
            || request.term != term
            || request.meeting != seat.meeting
            || admission.lobby
            || self.removed.shuts_out(&request.peer, Some(newly.invite))
            || self.held.len() >= MEMBERS_MAX && !self.held.contains_key(&request.peer)
        {
            return;
        }
        let held = self.held.entry(request.peer).or_insert(newly);
        answer(now, seat, rng, held, signed, effects);
    }

    /// A new coordinator may not have heard of everybody who was shut out.
    pub(crate) fn tell_kicks(&self, seat: &Seat, effects: &mut Effects) {
        say_kicks(seat, &self.removed, effects);
    }

    /// These are shut out; false if they were already.
    pub(crate) fn kicked(&mut self, removed: &Removed) -> bool {
        let fresh = self.removed.unite(removed);
        self.held.retain(|peer, held| !self.removed.shuts_out(peer, Some(held.invite)));
        fresh
    }
}

/// Gives a member a fresh chain, once for each of its requests.
pub(crate) fn answer(
    now: UnixTime,
    seat: &Seat,
    rng: &mut SessionRng,
    held: &mut Held,
    signed: &Signed<JoinRequest>,
    effects: &mut Effects,
) {
    let (request, me) = (&signed.value, seat.identity.public());
    if request.made_at <= held.made_at
        || now.since(held.answered_at) < ANSWERS_APART_MS
        || !signed.signed_by(&request.peer)
    {
        return;
    }
    (held.made_at, held.answered_at) = (request.made_at, now);
    let hash = statement_hash(request);
    let info = chain_info(&me, &request.peer, &hash);
    // A malformed key is its owner's fault: it gets nothing.
    let Some(sealed) = seal(&mut **rng, &request.public, &info, b"") else { return };
    held.renew(PairChain::new(sealed.pair));
    let root = ChainRoot {
        meeting: seat.meeting,
        to: request.peer,
        request: hash,
        enc: sealed.enc,
        sealed: sealed.sealed,
    };
    effects.say(Audience::One(request.peer), &Message::Chain(Signed::new(root, &seat.identity)));
}

/// The kick list, for everybody.
pub(crate) fn say_kicks(seat: &Seat, removed: &Removed, effects: &mut Effects) {
    if !removed.is_empty() {
        let kicks = Kicks::new(seat.meeting, removed);
        effects.say(Audience::Standing(STANDING_KICKS), &Message::Kicks(Signed::new(kicks, &seat.identity)));
    }
}
