//! Who leads when: signs of life, coordinators that say two things, and when a deputy takes over.

use crate::credential::{Admission, Signed};
use crate::epoch::coordinator::Inheritance;
use crate::epoch::member::Member;
use crate::epoch::{Effects, Head};
use crate::identity::PeerKey;
use crate::io::{Audience, Event, Seat, SessionRng};
use crate::time::UnixTime;
use crate::wire::{Beat, DEPUTIES_MAX, EpochId, Evidence, JoinRequest, Message, Record, STANDING_EVIDENCE};

/// A deputy of rank r takes over after (r + 1) times this without a sign of the coordinator.
const SILENCE_MS: u64 = 3_000;
/// The user is told after so long: what members hold goes on, but nobody comes or goes.
const TOLD_AFTER_MS: u64 = 10_000;
/// A deputy that is called later than this after it should have taken over was asleep itself.
const ASLEEP_MS: u64 = 1_500;
/// A coordinator that lags behind is told so at most so often.
const WITNESS_AGAIN_MS: u64 = 2_000;

/// See the module.
pub(crate) struct Succession {
    seen_at: UnixTime,
    /// When the newest sign of life of this leader was made: one that is said again is none.
    beat_made_at: UnixTime,
    silence_said: bool,
    deputies: Vec<PeerKey>,
    witness_at: UnixTime,
}

impl Succession {
    pub(crate) fn new(now: UnixTime) -> Succession {
        Succession {
            seen_at: now,
            beat_made_at: UnixTime(0),
            silence_said: false,
            deputies: Vec::new(),
            witness_at: UnixTime(0),
        }
    }

    /// The coordinator gave a sign of life.
    pub(crate) fn seen(&mut self, now: UnixTime) {
        self.seen_at = now;
        self.silence_said = false;
    }

    /// Somebody else leads.
    pub(crate) fn follow(&mut self, now: UnixTime) {
        self.seen(now);
        self.beat_made_at = UnixTime(0);
    }

    /// True if nobody leads, as far as this node can tell.
    pub(crate) fn is_silent(&self, now: UnixTime) -> bool {
        now.since(self.seen_at) >= TOLD_AFTER_MS
    }

    /// When the user is told that nobody leads.
    pub(crate) fn tells_at(&self) -> Option<UnixTime> {
        (!self.silence_said).then(|| self.seen_at.plus_ms(TOLD_AFTER_MS))
    }

    pub(crate) fn tick(&mut self, now: UnixTime, effects: &mut Effects) {
        if self.tells_at().is_some_and(|at| now >= at) {
            self.silence_said = true;
            effects.events.push(Event::Leaderless);
        }
    }
}

impl Member {
    /// A coordinator's sign of life.
    pub(crate) fn beat(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        from: PeerKey,
        signed: &Signed<Beat>,
        effects: &mut Effects,
    ) {
        let beat = &signed.value;
        if self.stopped || beat.id.coordinator != from || beat.meeting != seat.meeting {
            return;
        }
        if beat.id.leader() < self.leader {
            return self.tell_stale(now, effects);
        }
        if beat.deputies.len() > DEPUTIES_MAX || !signed.signed_by(&from) {
            return;
        }
        if beat.id.leader() > self.leader {
            // Its record is on its way; whoever has no chain for it asks.
            let asked_anyone = self.head.is_none() && self.asking.is_open();
            self.follow(now, beat.id.leader(), effects);
            if !asked_anyone && !self.pairs.has(&from) {
                self.asking.ask(now, seat, rng, self.leader.0, effects);
            }
        }
        if beat.made_at <= self.succession.beat_made_at {
            return;
        }
        self.succession.beat_made_at = beat.made_at;
        self.succession.seen(now);
        self.succession.deputies.clone_from(&beat.deputies);
        self.heard_of = self.heard_of.max(beat.id.epoch);
        if let Some(deputy) = &mut self.deputy {
            deputy.locked = beat.locked;
        }
        let Some(head) = self.head.as_ref().filter(|head| head.id().leader() == self.leader) else {
            return self.mind_the_gap(now);
        };
        let me = seat.identity.public();
        let mut with = vec![from];
        with.extend(beat.deputies.iter().filter(|peer| **peer != me));
        self.pairs.want(now, &with, head.members(), rng);
        if head.id() == beat.id && head.hash != beat.record {
            self.bear_witness(now, Audience::Everybody, effects);
        }
        self.mind_the_gap(now);
    }

    /// Somebody refers to another record of an epoch than the one that this node holds.
    pub(crate) fn refers(&mut self, now: UnixTime, id: &EpochId, record: &[u8; 32], effects: &mut Effects) {
        if self.records.took_another(id, record) {
            self.bear_witness(now, Audience::Everybody, effects);
        }
    }

    /// Shows the record that this node holds to who may hold another.
    fn bear_witness(&mut self, now: UnixTime, to: Audience, effects: &mut Effects) {
        if now.since(self.succession.witness_at) < WITNESS_AGAIN_MS {
            return;
        }
        if let Some(head) = &self.head {
            self.succession.witness_at = now;
            effects.say(to, &Message::Witness(head.signed.clone()));
        }
    }

    /// Tells a coordinator that isn't followed why, if the one that is doesn't do so itself: then the overlay is led by the
    /// former.
    pub(crate) fn tell_stale(&mut self, now: UnixTime, effects: &mut Effects) {
        let silent = now.since(self.succession.seen_at) >= SILENCE_MS;
        if silent && self.head.as_ref().is_some_and(|head| head.id().leader() == self.leader) {
            self.bear_witness(now, Audience::Coordinator, effects);
        }
    }

    /// A record that somebody passes on: if it is not the one that was told here, both together are proof.
    pub(crate) fn witness(
        &mut self,
        now: UnixTime,
        signed: Signed<Record>,
        seat: &Seat,
        effects: &mut Effects,
    ) {
        let id = signed.value.id;
        let doubtful = id.leader() == self.leader && signed.value.meeting == seat.meeting;
        if self.stopped || !doubtful || self.records.knows(&signed) {
            return;
        }
        if let Some(other) = self.other_of(&id)
            && signed.signed_by(&id.coordinator)
        {
            self.expose(now, other, signed, effects);
        }
    }

    /// The record of this epoch that is known.
    pub(crate) fn other_of(&self, id: &EpochId) -> Option<Signed<Record>> {
        self.records.of(id).cloned()
    }

    /// Tells everybody of a coordinator that has signed two records for one epoch.
    pub(crate) fn expose(
        &mut self,
        now: UnixTime,
        first: Signed<Record>,
        second: Signed<Record>,
        effects: &mut Effects,
    ) {
        let evidence = Evidence { first, second };
        if let Some(coordinator) = evidence.convicts() {
            effects.say(Audience::Standing(STANDING_EVIDENCE), &Message::Evidence(evidence));
            effects.deposed.push(coordinator);
            self.leader_deposed(now, &coordinator);
        }
    }

    /// Somebody is not followed any longer. If it led, its silence begins three seconds ago: the first deputy need not wait.
    pub(crate) fn leader_deposed(&mut self, now: UnixTime, coordinator: &PeerKey) {
        if self.leader.1 == *coordinator {
            self.succession.seen_at = UnixTime(now.0.saturating_sub(SILENCE_MS));
            // Whoever holds nothing of it yet asks whoever leads, also in an older term.
            if self.head.is_none() {
                self.leader = (0, PeerKey([0; 32]));
            }
        }
    }

    /// A peer wants a chain for the day that this node coordinates.
    pub(crate) fn asked(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        admission: &Admission,
        signed: &Signed<JoinRequest>,
        effects: &mut Effects,
    ) {
        if let Some(deputy) = self.deputy.as_mut().filter(|_| self.head.is_some()) {
            deputy.asked(now, seat, rng, self.leader.0, admission, signed, effects);
        }
    }

    /// When this node takes over if nobody leads until then.
    pub(crate) fn leads_at(&self, seat: &Seat) -> Option<UnixTime> {
        if self.stopped || self.head.is_none() || !seat.role.may_coordinate() {
            return None;
        }
        let me = seat.identity.public();
        let named = self.succession.deputies.iter().position(|deputy| *deputy == me);
        let rank = named.unwrap_or(DEPUTIES_MAX);
        Some(self.succession.seen_at.plus_ms(SILENCE_MS * (rank as u64 + 1)))
    }

    /// What this node goes on with as coordinator, if it is its turn.
    pub(crate) fn takes_over(&mut self, now: UnixTime, seat: &Seat) -> Option<Inheritance> {
        let at = self.leads_at(seat).filter(|at| now >= *at)?;
        if now >= at.plus_ms(ASLEEP_MS) {
            self.succession.seen_at = now;
            return None;
        }
        let head: Head = self.head.take()?;
        Some(Inheritance {
            head,
            view: std::mem::take(&mut self.view),
            deputy: self.deputy.take().unwrap_or_default(),
            without: self.leader.1,
            term: self.leader.0,
        })
    }
}
