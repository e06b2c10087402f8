//! The participant who makes epochs: gathers joins and leaves, and says records, welcomes and wraps.

mod leaves;
mod letters;
mod passes;
mod prepare;
mod term;

use std::collections::BTreeMap;

use crate::credential::{Admission, Signed};
use crate::epoch::deputy::{self, Held};
use crate::epoch::door::{Answer, Door, Waiting};
use crate::epoch::view::View;
use crate::epoch::{
    ACTIVATE_AFTER_MS, Adopted, Effects, Head, NO_RECORD, commitment, record_hash, statement_hash, step,
};
use crate::identity::PeerKey;
use crate::io::{Audience, Event, Seat, SessionRng, Timer};
use crate::roster::{Entry, Roster, page};
use crate::suite::Secret;
use crate::time::{SKEW_MS, UnixTime};
use crate::wire::{
    CHANGES_MAX, Change, Changes, Denial, EpochId, Hash, JoinRequest, MEMBERS_MAX, Message, Reason, Record,
    Wants,
};
use letters::Letters;
use passes::Passes;
pub(crate) use term::Inheritance;

/// Joins are gathered for so long, at the start of a later term for longer: all come at once then.
const JOIN_BATCH_MS: u64 = 100;
const RESUME_BATCH_MS: u64 = 800;
/// Records that only let somebody in keep this distance, so that at most one epoch waits to be used.
const JOIN_GAP_MS: u64 = 1_000;
/// Most who are let in by one record: each costs a key encapsulation.
const JOINS_MAX: usize = 256;
/// No two records follow each other faster, so that a member holds at most three epochs.
const GAP_MS: u64 = 600;
/// No secret leads to others by steps for longer than this.
const REKEY_MS: u64 = 5 * 60_000;
/// How often a coordinator says that it is there.
pub(crate) const BEAT_MS: u64 = 1_000;

/// A request that waits for the next record.
struct Pending {
    request: [u8; 32],
    public: Vec<u8>,
}

/// See the module.
pub(crate) struct Coordinator {
    head: Head,
    view: View,
    door: Door,
    later_term: bool,
    held: BTreeMap<PeerKey, Held>,
    pending: BTreeMap<PeerKey, Pending>,
    /// Who goes, and whether by a host's word.
    leaving: BTreeMap<PeerKey, bool>,
    letters: Letters,
    due: Option<UnixTime>,
    last_record: UnixTime,
    /// When a secret was drawn last, and not stepped to.
    drawn_at: UnixTime,
    unheard_at: Option<UnixTime>,
    beat_at: UnixTime,
    passes: Passes,
}

impl Coordinator {
    /// What is left of a coordinator that gives way.
    pub(crate) fn into_parts(self) -> (Head, View, Door) {
        (self.head, self.view, self.door)
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    pub(crate) fn view_mut(&mut self) -> (&Head, &mut View) {
        (&self.head, &mut self.view)
    }

    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// When to be called again, and why.
    pub(crate) fn deadline(&self) -> (UnixTime, Timer) {
        let rekey = (self.drawn_at.plus_ms(REKEY_MS).max(self.last_record.plus_ms(GAP_MS)), Timer::Rekey);
        let passes = self.passes.deadline().map(|at| (at, Timer::Passes));
        let due = self.due.into_iter().chain(self.unheard_at).min().map(|due| (due, Timer::Record));
        [Some(rekey), passes, due].into_iter().flatten().fold((self.beat_at, Timer::Beat), Ord::min)
    }

    /// Somebody asks. Duplicates get the same answer, older requests none.
    pub(crate) fn asked(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        admission: &Admission,
        signed: &Signed<JoinRequest>,
        effects: &mut Effects,
    ) {
        let request = &signed.value;
        let addressed = match request.term {
            0 => now.since(request.made_at).max(request.made_at.since(now)) <= SKEW_MS,
            term => term == self.head.id().term,
        };
        let Some((invite, newly)) = admission.invite.zip(Held::new(admission)) else { return };
        if !addressed || request.meeting != seat.meeting {
            return;
        }
        if request.wants == Wants::Chain {
            if self.view.roster.contains(&request.peer)
                && let Some(held) = self.held.get_mut(&request.peer)
            {
                deputy::answer(now, seat, rng, held, signed, effects);
            }
            return;
        }
        let hash = statement_hash(request);
        let is_member = |peer: &PeerKey| self.view.roster.contains(peer) || self.pending.contains_key(peer);
        if !self.letters.is_news(now, signed, (&hash, invite), is_member, effects) {
            return;
        }
        let public = request.public.clone();
        match self.door.judge(&request.peer, &invite, admission) {
            Answer::In => {
                self.let_in(now, seat, rng, request.peer, newly, Pending { request: hash, public }, effects);
            }
            Answer::Out(denial) => self.letters.refuse(now, seat, request.peer, hash, denial, effects),
            Answer::Waits(why) => {
                let new = !self.door.is_waiting(&request.peer);
                let waits = self.door.wait(request.peer, Waiting { invite, request: hash, public, newly });
                let denial = if waits { Denial::Waits } else { Denial::Full };
                self.letters.refuse(now, seat, request.peer, hash, denial, effects);
                if waits && new {
                    effects.events.push(Event::Knock { peer: request.peer, invite, why });
                }
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one call; each is the session's own")]
    fn let_in(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        peer: PeerKey,
        newly: Held,
        pending: Pending,
        effects: &mut Effects,
    ) {
        if self.view.roster.len() + self.pending.len() >= MEMBERS_MAX && !self.view.roster.contains(&peer) {
            return self.letters.refuse(now, seat, peer, pending.request, Denial::Full, effects);
        }
        self.door.bind(newly.invite, peer);
        let (invite, by_pass) = (newly.invite, !newly.role.may_coordinate());
        self.held.entry(peer).or_insert(newly);
        if by_pass {
            self.passes.made(now, peer);
            letters::pass(now, seat, peer, invite, effects);
        }
        if self.view.roster.contains(&peer) && self.leaving.get(&peer) != Some(&true) {
            // It only lost its way: it may have what it is a member of, and nobody else is troubled.
            self.leaving.remove(&peer);
            self.welcome(now, seat, rng, peer, &pending, effects);
        } else {
            self.pending.insert(peer, pending);
            let later = self.later_term && self.head.id().epoch == 0;
            let batch = if later { RESUME_BATCH_MS } else { JOIN_BATCH_MS };
            self.schedule(now.plus_ms(batch).max(self.last_record.plus_ms(JOIN_GAP_MS)));
        }
    }

    fn schedule(&mut self, at: UnixTime) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// A host's word on somebody who waits.
    pub(crate) fn decide(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        peer: PeerKey,
        admit: bool,
        effects: &mut Effects,
    ) {
        if let Some(Waiting { request, public, newly, .. }) = self.door.decide(peer, admit) {
            self.let_in(now, seat, rng, peer, newly, Pending { request, public }, effects);
        }
    }

    pub(crate) fn lock(&mut self, locked: bool) {
        self.door.locked = locked;
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: UnixTime, seat: &Seat, rng: &mut SessionRng, effects: &mut Effects) {
        if self.unheard_at.take_if(|at| now >= *at).is_some() {
            self.drop_unheard(now, seat);
        }
        self.record_when_due(now, seat, rng, effects);
        if now >= self.beat_at {
            self.beat_at = now.plus_ms(BEAT_MS);
            let (deputies, locked) = (self.deputies(seat), self.door.locked);
            self.tell_bindings(&deputies, effects);
            letters::beat(now, seat, &self.head, deputies, locked, effects);
        }
        while let Some(peer) = self.passes.next(now) {
            match self.held.get(&peer).filter(|_| self.view.roster.contains(&peer)) {
                Some(held) => {
                    letters::pass(now, seat, peer, held.invite, effects);
                    self.passes.made(now, peer);
                }
                None => self.passes.stop(&peer),
            }
        }
    }

    fn record_when_due(&mut self, now: UnixTime, seat: &Seat, rng: &mut SessionRng, effects: &mut Effects) {
        let old = now >= self.drawn_at.plus_ms(REKEY_MS).max(self.last_record.plus_ms(GAP_MS));
        if !old && self.due.is_none_or(|due| now < due) {
            return;
        }
        self.due = None;
        let joining: BTreeMap<PeerKey, Pending> =
            std::iter::from_fn(|| self.pending.pop_first()).take(JOINS_MAX).collect();
        // Who comes back in the very record of its leave stays, with a fresh chain.
        self.leaving.retain(|peer, removed| *removed || !joining.contains_key(peer));
        let reason = match (self.leaving.is_empty(), old) {
            (false, _) => Reason::Leave,
            (true, true) => Reason::Timer,
            (true, false) if joining.is_empty() => return,
            (true, false) => Reason::Join,
        };
        let changes = self.change_roster(&joining);
        let (record, secret) = self.next_record(now, seat, rng, reason);
        self.head = Head::new(Signed::new(record, &seat.identity), secret);
        self.last_record = now;
        if reason != Reason::Join {
            self.drawn_at = now;
        }
        effects.say(Audience::Everybody, &Message::Record(self.head.signed.clone()));
        self.say_changes(changes, effects);
        if reason != Reason::Join {
            self.wrap_for_all(effects);
            self.say_kicks(seat, effects);
        }
        for (peer, pending) in &joining {
            self.welcome(now, seat, rng, *peer, pending, effects);
        }
        if !self.pending.is_empty() {
            self.schedule(now.plus_ms(JOIN_GAP_MS));
        }
        self.letters.forget_old(now);
        self.view.show(&self.head, seat, effects);
        effects.epochs.push(Adopted::new(now, &self.head, &seat.issuer));
    }

    fn change_roster(&mut self, joining: &BTreeMap<PeerKey, Pending>) -> BTreeMap<u16, Change> {
        let mut changes = BTreeMap::new();
        for (peer, removed) in std::mem::take(&mut self.leaving) {
            self.held.remove(&peer);
            self.passes.stop(&peer);
            let Some(seat) = self.view.roster.leave(&peer) else { continue };
            self.view.note_left(peer, removed);
            changes.insert(seat, Change { seat, taken: None, removed });
        }
        for (peer, pending) in joining {
            // The chain before is of another request: the welcome brings the one that counts.
            if let Some(held) = self.held.get_mut(peer) {
                held.chain = None;
            }
            let before = self.view.roster.leave(peer);
            let entry = Entry { peer: *peer, request: pending.request };
            if let Some(seat) = before {
                self.view.roster.set(seat, Some(entry));
            }
            let Some(seat) = before.or_else(|| self.view.roster.sit(entry)) else { continue };
            let removed = changes.get(&seat).is_some_and(|change: &Change| change.removed);
            changes.insert(seat, Change { seat, taken: Some((*peer, Hash(pending.request))), removed });
        }
        changes
    }

    fn next_record(
        &self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        reason: Reason,
    ) -> (Record, Secret) {
        let id = EpochId { epoch: self.head.id().epoch + 1, ..self.head.id() };
        let root = self.view.roster.root();
        let mut record = Record {
            meeting: seat.meeting,
            id,
            previous: self.head.hash,
            reason,
            members: count(&self.view.roster),
            roster: root,
            changed: if root == *self.head.root() { self.head.changed } else { NO_RECORD },
            made_at: now,
            activate_at: now.plus_ms(ACTIVATE_AFTER_MS),
            commitment: [0; 32],
        };
        let secret =
            if reason == Reason::Join { step(&self.head.secret, &record) } else { Secret::generate(rng) };
        record.commitment = commitment(&secret, &seat.meeting, &id);
        (record, secret)
    }

    /// Small changes go to everybody; after large ones members fetch what they want to see.
    fn say_changes(&self, changes: BTreeMap<u16, Change>, effects: &mut Effects) {
        let list: Vec<Change> = changes.into_values().collect();
        if (1..=CHANGES_MAX).contains(&list.len()) {
            let (epoch, sealed) = (self.head.id().epoch, page::seal_changes(&list, &self.head.secret));
            effects.say(Audience::Everybody, &Message::Changes(Changes { epoch, sealed }));
        }
    }

    fn wrap_for_all(&mut self, effects: &mut Effects) {
        let Head { hash, secret, signed, .. } = &self.head;
        for (peer, held) in self.held.iter_mut().filter(|(peer, _)| self.view.roster.contains(peer)) {
            if let Some(chain) = &mut held.chain {
                letters::wrap(*peer, signed.value.id.epoch, chain.wrap(hash, secret), effects);
            }
        }
    }

    /// Gives a member the epoch as it is now, and a fresh chain.
    fn welcome(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        to: PeerKey,
        pending: &Pending,
        effects: &mut Effects,
    ) {
        let Some(at) = self.view.roster.seat_of(&to) else { return };
        let proof = self.view.roster.proof(at);
        let root = self.letters.welcome(
            now,
            seat,
            rng,
            &self.head,
            &proof,
            (to, &pending.request, &pending.public),
            effects,
        );
        // A malformed key is its owner's fault: it gets no welcome, and leaves when it falls silent.
        if let (Some(root), Some(held)) = (root, self.held.get_mut(&to)) {
            held.renew(root);
        }
    }

    /// A member asks for a page of the roster.
    pub(crate) fn page_asked(&mut self, now: UnixTime, from: PeerKey, page: u16, effects: &mut Effects) {
        if self.view.roster.contains(&from) {
            self.letters.page(now, &self.head, &self.view, from, page, effects);
        }
    }

    /// Asserts what always holds.
    pub(crate) fn check(&self) {
        self.view.check();
        self.door.check();
        self.letters.check();
        self.passes.check();
        assert!(self.view.is_complete(&self.head));
        assert!(self.held.len() <= 2 * MEMBERS_MAX && self.pending.len() <= MEMBERS_MAX);
        assert_eq!(self.head.hash, record_hash(&self.head.signed.value));
    }
}

fn count(roster: &Roster) -> u16 {
    u16::try_from(roster.len()).unwrap_or(u16::MAX)
}
