//! The participant who makes epochs: gathers joins and leaves, and says records, welcomes and wraps.

use std::collections::{BTreeMap, BTreeSet};

use crate::credential::{Admission, Signed};
use crate::epoch::chain::PairChain;
use crate::epoch::{
    ACTIVATE_AFTER_MS, Adopted, Head, NO_RECORD, commitment, record_hash, statement_hash, step, welcome_info,
};
use crate::identity::{InviteId, PeerKey};
use crate::io::{Past, Seat, SessionRng, Timer};
use crate::roster::Roster;
use crate::suite::{Secret, seal};
use crate::time::{SKEW_MS, UnixTime};
use crate::wire::{
    CHANGES_MAX, Denial, EpochId, JoinRequest, Joined, KICKS_MAX, Kicks, Left, MEMBERS_MAX, Message, Reason,
    Record, RefusalNote, Welcome, Wraps,
};

/// Joins are gathered for so long, after a crash for longer: all come at once then.
const JOIN_BATCH_MS: u64 = 100;
const RESUME_BATCH_MS: u64 = 800;
/// Records that only let somebody in keep this distance, so that at most one epoch waits to be used.
const JOIN_GAP_MS: u64 = 1_000;
/// Leaves are gathered for so long.
const LEAVE_BATCH_MS: u64 = 300;
/// No two records follow each other faster: with it, a kick is over within 1.5 s.
const GAP_MS: u64 = 500;
/// An epoch is not used for longer than this and a second.
const REKEY_MS: u64 = 5 * 60_000;
/// An answer is said again at most so often.
const ANSWER_AGAIN_MS: u64 = 2_000;
/// Most peers whose last request is remembered.
const ANSWERED_MAX: usize = 1024;
/// Most invites that can be bound.
const BINDINGS_MAX: usize = 4096;

/// A request that waits for the next record.
struct Pending {
    request: [u8; 32],
    public: Vec<u8>,
    /// Wants in; else only a fresh chain, for which the next record is soon enough.
    joins: bool,
}

/// The last request of a peer, and what it was told.
struct Answer {
    request: [u8; 32],
    made_at: UnixTime,
    said: Option<(UnixTime, Vec<u8>)>,
}

/// See the module.
pub(crate) struct Coordinator {
    head: Head,
    resumed: bool,
    chains: BTreeMap<PeerKey, PairChain>,
    invites: BTreeMap<PeerKey, InviteId>,
    bindings: BTreeMap<InviteId, PeerKey>,
    removed: BTreeSet<InviteId>,
    pending: BTreeMap<PeerKey, Pending>,
    leaving: BTreeMap<PeerKey, bool>,
    answers: BTreeMap<PeerKey, Answer>,
    due: Option<UnixTime>,
    last_record: UnixTime,
}

impl Coordinator {
    /// Begins a term: a fresh secret that only this node holds, and the record that tells everybody.
    pub(crate) fn start(
        now: UnixTime,
        seat: &Seat,
        past: Past,
        rng: &mut SessionRng,
        says: &mut Vec<Vec<u8>>,
    ) -> (Coordinator, Adopted) {
        let me = seat.identity.public();
        let id = EpochId { term: past.term, coordinator: me, epoch: 0 };
        let (roster, secret) = (Roster::of(me), Secret::generate(rng));
        let record = Record {
            meeting: seat.meeting,
            id,
            previous: NO_RECORD,
            reason: Reason::Start,
            joined: Vec::new(),
            left: Vec::new(),
            members: 1,
            roster: roster.hash(),
            changed: NO_RECORD,
            made_at: now,
            activate_at: now,
            commitment: commitment(&secret, &seat.meeting, &id),
        };
        let head = Head::new(&record, roster, secret);
        let adopted = Adopted::new(now, &record, &head, &seat.issuer);
        let mut bindings: BTreeMap<_, _> = past.bindings.into_iter().take(BINDINGS_MAX).collect();
        bindings.insert(seat.invite, me);
        let coordinator = Coordinator {
            head,
            resumed: past.term > 1,
            chains: BTreeMap::new(),
            invites: BTreeMap::from([(me, seat.invite)]),
            bindings,
            removed: past.removed.into_iter().take(KICKS_MAX).collect(),
            pending: BTreeMap::new(),
            leaving: BTreeMap::new(),
            answers: BTreeMap::new(),
            due: None,
            last_record: now,
        };
        says.push(Message::Record(Signed::new(record, &seat.identity)).encode());
        coordinator.say_kicks(seat, says);
        (coordinator, adopted)
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn bindings(&self) -> Vec<(InviteId, PeerKey)> {
        self.bindings.iter().map(|(invite, peer)| (*invite, *peer)).collect()
    }

    pub(crate) fn removed(&self) -> Vec<InviteId> {
        self.removed.iter().copied().collect()
    }

    /// When to be called again, and why.
    pub(crate) fn deadline(&self) -> (UnixTime, Timer) {
        let rekey = (self.last_record.plus_ms(REKEY_MS), Timer::Rekey);
        self.due.map_or(rekey, |due| (due, Timer::Record).min(rekey))
    }

    /// Somebody asks to be let in. Duplicates get the same answer, older requests none.
    pub(crate) fn asked(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        admission: &Admission,
        signed: &Signed<JoinRequest>,
        says: &mut Vec<Vec<u8>>,
    ) {
        let request = &signed.value;
        let addressed = match request.term {
            0 => now.since(request.made_at).max(request.made_at.since(now)) <= SKEW_MS,
            term => term == self.head.id.term,
        };
        let Some(invite) = admission.invite else { return };
        if !addressed || request.meeting != seat.meeting || !admission.is_participant() {
            return;
        }
        let hash = statement_hash(request);
        if let Some(answer) = self.answers.get_mut(&request.peer) {
            if answer.request == hash {
                return say_again(answer, now, says);
            }
            if request.made_at <= answer.made_at {
                return;
            }
        }
        if !signed.signed_by(&request.peer) || !self.remember(request.peer, hash, request.made_at) {
            return;
        }
        match self.denial(&request.peer, &invite) {
            Some(denial) => self.refuse(now, seat, request.peer, hash, denial, says),
            None => self.enqueue(now, request, hash, invite),
        }
    }

    fn denial(&self, peer: &PeerKey, invite: &InviteId) -> Option<Denial> {
        if self.removed.contains(invite) {
            return Some(Denial::Removed);
        }
        match self.bindings.get(invite) {
            Some(bound) if bound != peer => return Some(Denial::UsedUp),
            None if self.bindings.len() >= BINDINGS_MAX => return Some(Denial::Full),
            _ => {}
        }
        let known = self.head.roster.contains(peer) || self.pending.contains_key(peer);
        (!known && self.head.roster.len() + self.pending.len() >= MEMBERS_MAX).then_some(Denial::Full)
    }

    fn enqueue(&mut self, now: UnixTime, request: &JoinRequest, hash: [u8; 32], invite: InviteId) {
        self.bindings.insert(invite, request.peer);
        self.invites.insert(request.peer, invite);
        // A newcomer or a member that lost its way waits for nobody; the rest rides along.
        let joins = !request.refresh || !self.head.roster.contains(&request.peer);
        self.pending.insert(request.peer, Pending { request: hash, public: request.public.clone(), joins });
        if joins {
            let batch = if self.resumed && self.head.id.epoch == 0 { RESUME_BATCH_MS } else { JOIN_BATCH_MS };
            self.schedule(now.plus_ms(batch).max(self.last_record.plus_ms(JOIN_GAP_MS)));
        }
    }

    fn schedule(&mut self, at: UnixTime) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Keeps the newest request of each peer, so that older ones which arrive late change nothing.
    fn remember(&mut self, peer: PeerKey, request: [u8; 32], made_at: UnixTime) -> bool {
        if self.answers.len() >= ANSWERED_MAX && !self.answers.contains_key(&peer) {
            let gone =
                |other: &&PeerKey| !self.head.roster.contains(other) && !self.pending.contains_key(other);
            let Some(other) = self.answers.keys().find(gone).copied() else { return false };
            self.answers.remove(&other);
        }
        self.answers.insert(peer, Answer { request, made_at, said: None });
        true
    }

    fn refuse(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        to: PeerKey,
        request: [u8; 32],
        denial: Denial,
        says: &mut Vec<Vec<u8>>,
    ) {
        let note = RefusalNote { meeting: seat.meeting, to, request, denial };
        let bytes = Message::Refusal(Signed::new(note, &seat.identity)).encode();
        self.answered(now, &to, bytes.clone());
        says.push(bytes);
    }

    fn answered(&mut self, now: UnixTime, to: &PeerKey, bytes: Vec<u8>) {
        if let Some(answer) = self.answers.get_mut(to) {
            answer.said = Some((now, bytes));
        }
    }

    /// A member is gone: the next epoch is without it.
    pub(crate) fn departed(&mut self, now: UnixTime, peer: PeerKey) {
        self.pending.remove(&peer);
        if self.head.roster.contains(&peer) && peer != self.head.id.coordinator {
            self.leaving.entry(peer).or_insert(false);
            self.schedule(now.plus_ms(LEAVE_BATCH_MS).max(self.last_record.plus_ms(GAP_MS)));
        }
    }

    /// Shuts an invite out for good.
    pub(crate) fn remove(&mut self, now: UnixTime, seat: &Seat, invite: InviteId, says: &mut Vec<Vec<u8>>) {
        if invite == seat.invite || self.removed.len() >= KICKS_MAX {
            return;
        }
        self.removed.insert(invite);
        self.say_kicks(seat, says);
        let holders = self.invites.iter().filter(|(_, held)| **held == invite).map(|(peer, _)| *peer);
        for peer in holders.collect::<Vec<_>>() {
            self.pending.remove(&peer);
            if self.head.roster.contains(&peer) {
                self.leaving.insert(peer, true);
                self.schedule(now.max(self.last_record.plus_ms(GAP_MS)));
            }
        }
    }

    fn say_kicks(&self, seat: &Seat, says: &mut Vec<Vec<u8>>) {
        if !self.removed.is_empty() {
            let kicks = Kicks { meeting: seat.meeting, invites: self.removed() };
            says.push(Message::Kicks(Signed::new(kicks, &seat.identity)).encode());
        }
    }

    /// Makes the record that is due, if any.
    pub(crate) fn tick(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        says: &mut Vec<Vec<u8>>,
    ) -> Option<Adopted> {
        let old = now >= self.last_record.plus_ms(REKEY_MS);
        if !old && self.due.is_none_or(|due| now < due) {
            return None;
        }
        self.due = None;
        let fresh = old || !self.leaving.is_empty();
        let joining = self.take_joining();
        let left = self.take_leaving(&joining);
        if !fresh && joining.is_empty() {
            return None;
        }
        let (record, secret) = self.next_record(now, seat, rng, fresh, &joining, left);
        let roster = self.head.roster.after(&record);
        self.head = Head::new(&record, roster, secret);
        self.last_record = now;
        let record = Signed::new(record, &seat.identity);
        says.push(Message::Record(record.clone()).encode());
        if fresh {
            self.say_wraps(seat, &joining, says);
            self.say_kicks(seat, says);
        }
        for (peer, pending) in joining {
            self.welcome(now, seat, rng, &record, peer, &pending, says);
        }
        self.schedule_rest(now);
        Some(Adopted::new(now, &record.value, &self.head, &seat.issuer))
    }

    fn take_joining(&mut self) -> BTreeMap<PeerKey, Pending> {
        // Who wants in comes before who only wants a fresh chain.
        let mut order: Vec<_> = self.pending.iter().map(|(peer, pending)| (!pending.joins, *peer)).collect();
        order.sort_unstable();
        let take = order.into_iter().take(CHANGES_MAX);
        take.filter_map(|(_, peer)| Some((peer, self.pending.remove(&peer)?))).collect()
    }

    /// Who comes back in the very record of its leave stays: it gets a new chain.
    fn take_leaving(&mut self, joining: &BTreeMap<PeerKey, Pending>) -> Vec<Left> {
        let mut left = Vec::new();
        self.leaving.retain(|peer, _| !joining.contains_key(peer));
        while left.len() < CHANGES_MAX {
            let Some((peer, removed)) = self.leaving.pop_first() else { break };
            self.chains.remove(&peer);
            self.invites.remove(&peer);
            left.push(Left { peer, removed });
        }
        left
    }

    fn schedule_rest(&mut self, now: UnixTime) {
        if !self.leaving.is_empty() {
            self.schedule(now.plus_ms(GAP_MS));
        } else if self.pending.values().any(|pending| pending.joins) {
            self.schedule(now.plus_ms(JOIN_GAP_MS));
        }
    }

    fn next_record(
        &self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        fresh: bool,
        joining: &BTreeMap<PeerKey, Pending>,
        left: Vec<Left>,
    ) -> (Record, Secret) {
        let joined = joining.iter().map(|(peer, pending)| Joined { peer: *peer, request: pending.request });
        let id = EpochId { epoch: self.head.id.epoch + 1, ..self.head.id };
        let mut record = Record {
            meeting: seat.meeting,
            id,
            previous: self.head.record,
            reason: if fresh { Reason::Fresh } else { Reason::Join },
            joined: joined.collect(),
            left,
            members: 0,
            roster: [0; 32],
            changed: NO_RECORD,
            made_at: now,
            activate_at: now.plus_ms(ACTIVATE_AFTER_MS),
            commitment: [0; 32],
        };
        let roster = self.head.roster.after(&record);
        record.members = u16::try_from(roster.len()).unwrap_or(u16::MAX);
        record.roster = roster.hash();
        if roster == self.head.roster {
            record.changed = self.head.changed;
        }
        let secret = if fresh { Secret::generate(rng) } else { step(&self.head.secret, &record) };
        record.commitment = commitment(&secret, &seat.meeting, &id);
        (record, secret)
    }

    fn say_wraps(&mut self, seat: &Seat, joining: &BTreeMap<PeerKey, Pending>, says: &mut Vec<Vec<u8>>) {
        let Head { record, secret, roster, .. } = &self.head;
        let members =
            self.chains.iter_mut().filter(|(peer, _)| roster.contains(peer) && !joining.contains_key(peer));
        let wraps: Vec<u8> = members.flat_map(|(_, chain)| chain.wrap(record, secret)).collect();
        if !wraps.is_empty() {
            says.push(Message::Wraps(Wraps { meeting: seat.meeting, record: *record, wraps }).encode());
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one call, in the loop above")]
    fn welcome(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        record: &Signed<Record>,
        to: PeerKey,
        pending: &Pending,
        says: &mut Vec<Vec<u8>>,
    ) {
        let info = welcome_info(&record_hash(&record.value), &to, &pending.request);
        let mut plain = zeroize::Zeroizing::new(Vec::with_capacity(32 * (1 + self.head.roster.len())));
        plain.extend_from_slice(self.head.secret.expose());
        plain.extend_from_slice(&self.head.roster.bytes());
        // A malformed key is its owner's fault: it gets no welcome, and leaves when it falls silent.
        let Some(sealed) = seal(&mut **rng, &pending.public, &info, &plain) else { return };
        self.chains.insert(to, PairChain::new(sealed.pair));
        let welcome = Welcome {
            meeting: seat.meeting,
            to,
            request: pending.request,
            record: record.clone(),
            enc: sealed.enc,
            sealed: sealed.sealed,
        };
        let bytes = Message::Welcome(Signed::new(welcome, &seat.identity)).encode();
        self.answered(now, &to, bytes.clone());
        says.push(bytes);
    }
}

fn say_again(answer: &mut Answer, now: UnixTime, says: &mut Vec<Vec<u8>>) {
    if let Some((said_at, bytes)) = &mut answer.said
        && now.since(*said_at) >= ANSWER_AGAIN_MS
    {
        *said_at = now;
        says.push(bytes.clone());
    }
}
