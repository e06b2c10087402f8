//! Epochs: one secret at a time that all members hold (DESIGN 4.2).
//!
//! ```text
//! a term begins, a leave, a kick, the timer:  E' fresh, wrapped for each member under its pairwise chain
//! a join:                                     E' = derive("epoch-join", E, step hash of the record)
//! each E:   derive("epoch-kem") = X-Wing key pair of all members;   derive("epoch-commitment") stands in the record
//!           derive("talk") = what members say to each other is sealed under it
//! ```
//! The step hash is the record's hash without its commitment, which is not known before the step.
//!
//! member → pairs, view; coordinator → door, view; deputy between the two; bindings under door and deputy.

pub(crate) mod bindings;
pub(crate) mod chain;
pub(crate) mod coordinator;
pub(crate) mod deputy;
pub(crate) mod door;
pub(crate) mod member;
pub(crate) mod pairs;
pub(crate) mod view;

use crate::credential::{Signed, Statement};
use crate::identity::{IssuerKey, MeetingId, PeerKey};
use crate::io::{Audience, Event};
use crate::suite::{KeyPair, Secret, derive, digest};
use crate::time::UnixTime;
use crate::wire::{EpochId, Message, Reason, Record};

/// A new epoch is used so long after its record, in milliseconds: by then all know it.
pub(crate) const ACTIVATE_AFTER_MS: u64 = 1_000;
/// What is older stays for what is under way: so long beyond activation after a leave, else longer.
pub(crate) const LEFT_GRACE_MS: u64 = 2_000;
pub(crate) const GRACE_MS: u64 = 10_000;
/// Epochs whose secrets are held at once: one to come, one in use, one going; records keep their distance.
pub(crate) const EPOCHS_HELD: usize = 3;
/// Terms begin at the clock's second, or one above what is known: clocks differ by two minutes, and deputies that follow
/// each other fast count on.
pub(crate) const TERM_AHEAD_MAX_MS: u64 = 10 * 60_000;
/// No record before the first of a meeting.
pub(crate) const NO_RECORD: [u8; 32] = [0; 32];

/// The term that a coordinator begins with when it knows of `known`: above that, and above all that this
/// key began before, since its clock has gone on. Whoever comes back after a crash remembers no term of its
/// own, and two secrets of one (term, coordinator, epoch) must never be.
pub(crate) fn next_term(now: UnixTime, known: u32) -> u32 {
    known.saturating_add(1).max(u32::try_from(now.0 / 1_000).unwrap_or(u32::MAX))
}

/// True for a term that no honest coordinator begins yet: it would make every later one impossible.
pub(crate) fn is_ahead(now: UnixTime, term: u32) -> bool {
    u64::from(term) > (now.0 + TERM_AHEAD_MAX_MS) / 1_000
}

/// What a part wants its session to do.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) says: Vec<(Audience, Vec<u8>)>,
    pub(crate) events: Vec<Event>,
    pub(crate) epochs: Vec<Adopted>,
    /// Coordinators that were found to have signed two records for one epoch.
    pub(crate) deposed: Vec<PeerKey>,
}

impl Effects {
    pub(crate) fn say(&mut self, to: Audience, message: &Message) {
        self.says.push((to, message.encode()));
    }
}

/// The secret of the epoch that a join makes.
pub(crate) fn step(secret: &Secret, record: &Record) -> Secret {
    derive("canopy/1/epoch-join", &[secret.expose(), &step_hash(record)])
}

/// What the keys of talk in this epoch follow from.
fn talk_secret(secret: &Secret) -> Secret {
    derive("canopy/1/talk", &[secret.expose()])
}

/// What a record commits to.
pub(crate) fn commitment(secret: &Secret, meeting: &MeetingId, id: &EpochId) -> [u8; 32] {
    let (term, epoch) = (id.term.to_be_bytes(), id.epoch.to_be_bytes());
    digest("canopy/1/epoch-commitment", &[secret.expose(), &meeting.0, &term, &id.coordinator.0, &epoch])
}

/// The key pair that all members share: sources seal their secrets to it.
pub(crate) fn key_pair(secret: &Secret) -> KeyPair {
    KeyPair::from_seed(derive("canopy/1/epoch-kem", &[secret.expose()]))
}

pub(crate) fn record_hash(record: &Record) -> [u8; 32] {
    digest("canopy/1/record-hash", &[&Signed::bytes(record)])
}

fn step_hash(record: &Record) -> [u8; 32] {
    let bare = Record { commitment: [0; 32], ..record.clone() };
    digest("canopy/1/step-hash", &[&Signed::bytes(&bare)])
}

/// What a signed statement is called elsewhere.
pub(crate) fn statement_hash<T: Statement>(value: &T) -> [u8; 32] {
    digest("canopy/1/statement-hash", &[&Signed::bytes(value)])
}

/// HPKE's `info` of a welcome: the record, the joiner, and its request with the fresh key and nonce.
pub(crate) fn welcome_info(record: &[u8; 32], to: &PeerKey, request: &[u8; 32]) -> [u8; 32] {
    digest("canopy/1/welcome-info", &[record, &to.0, request])
}

/// HPKE's `info` of a chain's root: both ends, and the request with the fresh key and nonce.
pub(crate) fn chain_info(from: &PeerKey, to: &PeerKey, request: &[u8; 32]) -> [u8; 32] {
    digest("canopy/2/chain-info", &[&from.0, &to.0, request])
}

/// The last epoch that a node holds: where the next record has to follow.
pub(crate) struct Head {
    pub(crate) signed: Signed<Record>,
    pub(crate) hash: [u8; 32],
    /// Hash of the last record that changed members.
    pub(crate) changed: [u8; 32],
    pub(crate) secret: Secret,
}

impl Head {
    /// The head after a record that was checked, and whose secret this is.
    pub(crate) fn new(signed: Signed<Record>, secret: Secret) -> Head {
        let hash = record_hash(&signed.value);
        let changed = if signed.value.changed == NO_RECORD { hash } else { signed.value.changed };
        Head { signed, hash, changed, secret }
    }

    pub(crate) fn id(&self) -> EpochId {
        self.signed.value.id
    }

    pub(crate) fn root(&self) -> &[u8; 32] {
        &self.signed.value.roster
    }

    pub(crate) fn members(&self) -> usize {
        usize::from(self.signed.value.members)
    }

    pub(crate) fn code(&self, issuer: &IssuerKey) -> String {
        crate::code::code(issuer, &self.changed)
    }

    /// Whether a record follows this head: the chain, and what it says of itself.
    pub(crate) fn is_followed_by(&self, record: &Record) -> bool {
        let (id, same) = (self.id(), self.root() == &record.roster);
        record.id.leader() == id.leader()
            && Some(record.id.epoch) == id.epoch.checked_add(1)
            && record.previous == self.hash
            && record.changed == if same { self.changed } else { NO_RECORD }
            && record.reason != Reason::Start
    }
}

/// A new epoch as the streams and the user need to know it.
pub(crate) struct Adopted {
    pub(crate) id: EpochId,
    pub(crate) record: [u8; 32],
    pub(crate) reason: Reason,
    pub(crate) activate_at: UnixTime,
    pub(crate) members: usize,
    pub(crate) keys: KeyPair,
    /// For [`crate::talk`], which takes it.
    pub(crate) talk: Option<Secret>,
    pub(crate) code: String,
}

impl Adopted {
    /// When what is older is forgotten.
    pub(crate) fn grace_until(&self) -> UnixTime {
        self.activate_at.plus_ms(if self.reason == Reason::Leave { LEFT_GRACE_MS } else { GRACE_MS })
    }

    pub(crate) fn new(now: UnixTime, head: &Head, issuer: &IssuerKey) -> Adopted {
        let record = &head.signed.value;
        Adopted {
            id: record.id,
            record: head.hash,
            reason: record.reason,
            // A clock that is wrong must not keep a node in the old epoch, nor hurry it into the new one.
            activate_at: record.activate_at.clamp(now, now.plus_ms(ACTIVATE_AFTER_MS)),
            members: head.members(),
            keys: key_pair(&head.secret),
            talk: Some(talk_secret(&head.secret)),
            code: head.code(issuer),
        }
    }
}
