//! A participant who follows the epochs: asks to be let in, checks records, steps or unwraps secrets.

use std::collections::{BTreeMap, VecDeque};

use rand::Rng;

use crate::credential::Signed;
use crate::epoch::chain::PairChain;
use crate::epoch::{Adopted, Head, commitment, is_sound, record_hash, statement_hash, step, welcome_info};
use crate::identity::PeerKey;
use crate::io::{Event, Seat, SessionRng, Timer};
use crate::roster::Roster;
use crate::suite::{KeyPair, Secret, secret_of};
use crate::time::UnixTime;
use crate::wire::{
    Denial, EpochId, JoinRequest, Kicks, Message, Reason, Record, RefusalNote, Welcome, Wraps,
};

/// An unanswered request is said again, byte for byte, after this; one that only refreshes can wait.
const ASK_AGAIN_MS: u64 = 5_000;
const REFRESH_AGAIN_MS: u64 = 60_000;
/// An unanswered request is replaced by a fresh one after so many repeats.
const REPEATS_MAX: u32 = 3;
/// A gap in the records is given so long to be filled by gossip.
const CATCH_UP_MS: u64 = 3_000;
/// The chain gets a fresh root after this, and up to a tenth more, so that not all ask at once.
const REFRESH_MS: u64 = 10 * 60_000;
/// Most records that wait for one before them.
const RECORDS_MAX: usize = 16;
/// Most sets of wraps that wait for their record, the oldest gives way.
const WRAPS_MAX: usize = 8;

/// A request under way.
struct Ask {
    keys: KeyPair,
    hash: [u8; 32],
    bytes: Vec<u8>,
    refresh: bool,
    repeats: u32,
    again_at: UnixTime,
}

/// What a member wants its session to do.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) says: Vec<Vec<u8>>,
    pub(crate) events: Vec<Event>,
    pub(crate) epochs: Vec<Adopted>,
}

/// See the module.
pub(crate) struct Member {
    head: Option<Head>,
    chain: Option<PairChain>,
    /// The highest term seen, and whose.
    leader: (u32, PeerKey),
    ask: Option<Ask>,
    last_made_at: UnixTime,
    records: BTreeMap<u64, Signed<Record>>,
    wraps: VecDeque<Wraps>,
    stuck_since: Option<UnixTime>,
    refresh_at: Option<UnixTime>,
    stopped: bool,
}

impl Member {
    /// Asks at once.
    pub(crate) fn start(now: UnixTime, seat: &Seat, rng: &mut SessionRng, effects: &mut Effects) -> Member {
        let mut member = Member {
            head: None,
            chain: None,
            leader: (0, PeerKey([0; 32])),
            ask: None,
            last_made_at: UnixTime(0),
            records: BTreeMap::new(),
            wraps: VecDeque::new(),
            stuck_since: None,
            refresh_at: None,
            stopped: false,
        };
        member.ask(now, seat, rng, false, effects);
        effects.events.push(Event::Waiting);
        member
    }

    pub(crate) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// When to be called again, and why.
    pub(crate) fn deadline(&self) -> Option<(UnixTime, Timer)> {
        let ask = self.ask.as_ref().map(|ask| (ask.again_at, Timer::AskAgain));
        let stuck = self.stuck_since.map(|since| (since.plus_ms(CATCH_UP_MS), Timer::CatchUp));
        let refresh = self.refresh_at.map(|at| (at, Timer::Refresh));
        [ask, stuck, refresh].into_iter().flatten().min()
    }

    /// Asks with a fresh key and nonce; what was asked before is forgotten.
    fn ask(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        refresh: bool,
        effects: &mut Effects,
    ) {
        let keys = KeyPair::generate(rng);
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        self.last_made_at = now.max(self.last_made_at.plus_ms(1));
        let request = JoinRequest {
            meeting: seat.meeting,
            peer: seat.identity.public(),
            public: keys.public(),
            nonce,
            made_at: self.last_made_at,
            term: self.leader.0,
            refresh,
        };
        let hash = statement_hash(&request);
        let bytes = Message::Join(Signed::new(request, &seat.identity)).encode();
        effects.says.push(bytes.clone());
        let again_at = now.plus_ms(if refresh { REFRESH_AGAIN_MS } else { ASK_AGAIN_MS });
        self.ask = Some(Ask { keys, hash, bytes, refresh, repeats: 0, again_at });
        self.stuck_since = None;
    }

    pub(crate) fn tick(&mut self, now: UnixTime, seat: &Seat, rng: &mut SessionRng, effects: &mut Effects) {
        if self.refresh_at.is_some_and(|at| now >= at) {
            self.refresh_at = None;
            if self.ask.is_none() {
                self.ask(now, seat, rng, true, effects);
            }
        }
        if self.stuck_since.is_some_and(|since| now >= since.plus_ms(CATCH_UP_MS)) {
            self.ask(now, seat, rng, false, effects);
        }
        let Some(ask) = &mut self.ask else { return };
        if now < ask.again_at {
            return;
        }
        if ask.repeats < REPEATS_MAX {
            ask.repeats += 1;
            ask.again_at = now.plus_ms(if ask.refresh { REFRESH_AGAIN_MS } else { ASK_AGAIN_MS });
            effects.says.push(ask.bytes.clone());
        } else {
            let refresh = ask.refresh;
            self.ask(now, seat, rng, refresh, effects);
        }
        if self.head.is_none() {
            effects.events.push(Event::Waiting);
        }
    }

    /// A coordinator's record, whose origin is `from`.
    pub(crate) fn record(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        from: PeerKey,
        signed: Signed<Record>,
        effects: &mut Effects,
    ) {
        let id = signed.value.id;
        let known =
            self.head.as_ref().is_some_and(|head| leads(&head.id) == leads(&id) && id.epoch <= head.id.epoch);
        if self.stopped
            || known
            || leads(&id) < self.leader
            || self.records.contains_key(&id.epoch) && leads(&id) == self.leader
        {
            return;
        }
        if id.coordinator != from || signed.value.meeting != seat.meeting || !signed.signed_by(&from) {
            return;
        }
        if leads(&id) > self.leader {
            self.follow(leads(&id));
            // What was asked without knowing the term is good for the first term that is met.
            let asked_anyone = self.ask.as_ref().is_some_and(|ask| !ask.refresh) && self.head.is_none();
            if !asked_anyone {
                self.ask(now, seat, rng, false, effects);
            }
        }
        self.records.insert(id.epoch, signed);
        while self.records.len() > RECORDS_MAX {
            self.records.pop_last();
        }
        self.advance(now, seat, rng, effects);
    }

    fn follow(&mut self, leader: (u32, PeerKey)) {
        self.leader = leader;
        self.records.clear();
        self.stuck_since = None;
    }

    /// Wraps from a coordinator: good only with the record and the chain that fit them.
    pub(crate) fn wraps(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        wraps: Wraps,
        effects: &mut Effects,
    ) {
        if self.stopped || wraps.meeting != seat.meeting || self.wraps.iter().any(|held| *held == wraps) {
            return;
        }
        if self.wraps.len() >= WRAPS_MAX {
            self.wraps.pop_front();
        }
        self.wraps.push_back(wraps);
        self.advance(now, seat, rng, effects);
    }

    /// An answer to the request under way.
    pub(crate) fn welcome(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        from: PeerKey,
        signed: &Signed<Welcome>,
        effects: &mut Effects,
    ) {
        let (welcome, record) = (&signed.value, &signed.value.record.value);
        let Some(ask) = self.ask.as_ref().filter(|ask| ask.hash == welcome.request) else { return };
        let me = seat.identity.public();
        if welcome.to != me || welcome.meeting != seat.meeting || record.meeting != seat.meeting {
            return;
        }
        if record.id.coordinator != from
            || leads(&record.id) < self.leader
            || !signed.signed_by(&from)
            || !welcome.record.signed_by(&from)
        {
            return;
        }
        let info = welcome_info(&record_hash(record), &me, &ask.hash);
        let Some((plain, pair)) = ask.keys.open(&info, &welcome.enc, &welcome.sealed) else { return };
        let Some((secret, roster)) = read_welcome(seat, record, &plain, &me, &ask.hash) else { return };
        if leads(&record.id) > self.leader {
            self.follow(leads(&record.id));
        }
        self.ask = None;
        self.stuck_since = None;
        self.chain = Some(PairChain::new(pair));
        self.refresh_at = Some(now.plus_ms(REFRESH_MS + u64::from(rng.next_u32()) % (REFRESH_MS / 10)));
        let behind = self
            .head
            .as_ref()
            .is_some_and(|head| leads(&head.id) == leads(&record.id) && head.id.epoch >= record.id.epoch);
        if !behind {
            let first = self.head.as_ref().is_none_or(|head| leads(&head.id) != leads(&record.id));
            self.adopt(now, seat, record, roster, secret, effects);
            if first {
                effects.events.push(Event::Admitted { epoch: record.id });
            }
        }
        self.advance(now, seat, rng, effects);
    }

    /// Follows the records as far as they and their secrets are there.
    fn advance(&mut self, now: UnixTime, seat: &Seat, rng: &mut SessionRng, effects: &mut Effects) {
        let me = seat.identity.public();
        loop {
            let Some(head) = self.head.as_ref().filter(|head| leads(&head.id) == self.leader) else { return };
            let at = head.id.epoch;
            self.records.retain(|epoch, _| *epoch > at);
            let Some(record) = self.records.get(&at.saturating_add(1)).map(|signed| signed.value.clone())
            else {
                break;
            };
            if !head.is_followed_by(&record) {
                break;
            }
            if let Some(left) = record.left.iter().find(|left| left.peer == me) {
                return self.shut_out(now, seat, rng, left.removed, effects);
            }
            // The welcome brings this epoch and the chain together.
            if record
                .joined
                .iter()
                .any(|joined| self.ask.as_ref().is_some_and(|ask| ask.hash == joined.request))
            {
                break;
            }
            let secret = match record.reason {
                Reason::Join => Some(step(&head.secret, &record)),
                _ => self.unwrap(&record),
            };
            let Some(secret) = secret else { break };
            if commitment(&secret, &seat.meeting, &record.id) != record.commitment {
                break;
            }
            let Some(roster) = self.head.as_ref().map(|head| head.roster.after(&record)) else { return };
            self.stuck_since = None;
            self.adopt(now, seat, &record, roster, secret, effects);
        }
        let waits = !self.records.is_empty() && self.ask.as_ref().is_none_or(|ask| ask.refresh);
        self.stuck_since = waits.then(|| self.stuck_since.unwrap_or(now));
    }

    fn unwrap(&mut self, record: &Record) -> Option<Secret> {
        let hash = record_hash(record);
        let chain = self.chain.as_mut()?;
        let secret = self
            .wraps
            .iter()
            .filter(|held| held.record == hash)
            .find_map(|held| chain.unwrap(&hash, &held.wraps));
        if secret.is_some() {
            self.wraps.retain(|held| held.record != hash);
        }
        secret
    }

    fn adopt(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        record: &Record,
        roster: Roster,
        secret: Secret,
        effects: &mut Effects,
    ) {
        let head = Head::new(record, roster, secret);
        effects.epochs.push(Adopted::new(now, record, &head, &seat.issuer));
        self.head = Some(head);
    }

    /// A record without this node: for good, or because it seemed gone; then it asks again.
    fn shut_out(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        removed: bool,
        effects: &mut Effects,
    ) {
        if removed {
            return self.stop(Event::Removed, effects);
        }
        self.head = None;
        self.chain = None;
        self.records.clear();
        self.ask(now, seat, rng, false, effects);
    }

    /// A coordinator's kick list.
    pub(crate) fn kicks(
        &mut self,
        seat: &Seat,
        from: PeerKey,
        signed: &Signed<Kicks>,
        effects: &mut Effects,
    ) {
        let named = signed.value.invites.contains(&seat.invite) && signed.value.meeting == seat.meeting;
        if !self.stopped && named && signed.signed_by(&from) {
            self.stop(Event::Removed, effects);
        }
    }

    /// A coordinator's no.
    pub(crate) fn refusal(
        &mut self,
        seat: &Seat,
        from: PeerKey,
        signed: &Signed<RefusalNote>,
        effects: &mut Effects,
    ) {
        let note = &signed.value;
        let mine = self.ask.as_ref().is_some_and(|ask| ask.hash == note.request);
        if !mine
            || note.meeting != seat.meeting
            || note.to != seat.identity.public()
            || !signed.signed_by(&from)
        {
            return;
        }
        let reason = match note.denial {
            Denial::UsedUp => {
                "this invite is already in use by somebody else: ask the organiser for another one, or join from where you joined before"
            }
            Denial::Removed => return self.stop(Event::Removed, effects),
            Denial::Full => "the meeting is full: wait until somebody leaves",
        };
        let event = Event::Refused { reason: reason.to_owned() };
        if note.denial == Denial::UsedUp {
            self.stop(event, effects);
        } else {
            effects.events.push(event);
        }
    }

    fn stop(&mut self, event: Event, effects: &mut Effects) {
        self.stopped = true;
        self.ask = None;
        self.chain = None;
        self.head = None;
        self.stuck_since = None;
        self.refresh_at = None;
        self.records.clear();
        self.wraps.clear();
        effects.events.push(event);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Asserts what always holds.
    pub(crate) fn check(&self, me: &PeerKey) {
        assert!(self.records.len() <= RECORDS_MAX && self.wraps.len() <= WRAPS_MAX);
        assert!(
            self.head.as_ref().is_none_or(|head| head.roster.contains(me) && leads(&head.id) <= self.leader)
        );
        assert!(!self.stopped || self.ask.is_none() && self.head.is_none());
    }
}

/// The higher term leads; two coordinators of one term are told apart by their keys.
fn leads(id: &EpochId) -> (u32, PeerKey) {
    (id.term, id.coordinator)
}

/// Secret and roster of a welcome, if they are what its record commits to and let `me` in.
fn read_welcome(
    seat: &Seat,
    record: &Record,
    plain: &[u8],
    me: &PeerKey,
    request: &[u8; 32],
) -> Option<(Secret, Roster)> {
    let (secret, names) = plain.split_at_checked(32)?;
    let (secret, roster) = (secret_of(secret)?, Roster::from_bytes(names)?);
    let lets_in = record.joined.iter().any(|joined| joined.peer == *me && joined.request == *request);
    let committed = commitment(&secret, &seat.meeting, &record.id) == record.commitment;
    (lets_in && committed && is_sound(record, &roster) && roster.contains(me)).then_some((secret, roster))
}
