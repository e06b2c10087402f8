//! Epochs: one secret at a time that all members hold (DESIGN 4.2).
//!
//! ```text
//! a term begins, a leave, a kick, the timer:  E' fresh, wrapped for each member under its pairwise chain
//! a join:                                     E' = derive("epoch-join", E, step hash of the record)
//! each E:   derive("epoch-kem") = X-Wing key pair of all members;   derive("epoch-commitment") stands in the record
//!           derive("talk") = what members say to each other is sealed under it
//! ```
//! The step hash is the record's hash without its commitment, which is not known before the step.

pub(crate) mod chain;
pub(crate) mod coordinator;
pub(crate) mod member;

use crate::credential::{Signed, Statement};
use crate::identity::{IssuerKey, MeetingId, PeerKey};
use crate::roster::Roster;
use crate::suite::{KeyPair, Secret, derive, digest};
use crate::time::UnixTime;
use crate::wire::{CHANGES_MAX, EpochId, Reason, Record};

/// A new epoch is used so long after its record, in milliseconds: by then all know it.
pub(crate) const ACTIVATE_AFTER_MS: u64 = 1_000;
/// What is older stays for what is under way: so long beyond activation after a leave, else longer.
pub(crate) const LEFT_GRACE_MS: u64 = 2_000;
pub(crate) const GRACE_MS: u64 = 10_000;
/// No record before the first of a term.
pub(crate) const NO_RECORD: [u8; 32] = [0; 32];

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

/// The last epoch that a node holds: where the next record has to follow.
pub(crate) struct Head {
    pub(crate) id: EpochId,
    pub(crate) record: [u8; 32],
    pub(crate) changed: [u8; 32],
    pub(crate) roster: Roster,
    pub(crate) secret: Secret,
}

impl Head {
    /// The head after a record that was checked, and whose secret this is.
    pub(crate) fn new(record: &Record, roster: Roster, secret: Secret) -> Head {
        let hash = record_hash(record);
        let changed = if record.changed == NO_RECORD { hash } else { record.changed };
        Head { id: record.id, record: hash, changed, roster, secret }
    }

    pub(crate) fn code(&self, issuer: &IssuerKey) -> String {
        crate::code::code(issuer, &self.changed)
    }

    /// Whether a record follows this head: the chain, the roster and what it says of itself.
    pub(crate) fn is_followed_by(&self, record: &Record) -> bool {
        let roster = self.roster.after(record);
        let changed = if roster == self.roster { self.changed } else { NO_RECORD };
        record.id.term == self.id.term
            && record.id.coordinator == self.id.coordinator
            && Some(record.id.epoch) == self.id.epoch.checked_add(1)
            && record.previous == self.record
            && record.changed == changed
            && (record.reason != Reason::Join || record.left.is_empty())
            && record.reason != Reason::Start
            && is_sound(record, &roster)
    }
}

/// What can be said of a record and the roster that it leaves, without the one before.
pub(crate) fn is_sound(record: &Record, roster: &Roster) -> bool {
    record.joined.len() <= CHANGES_MAX
        && record.left.len() <= CHANGES_MAX
        && usize::from(record.members) == roster.len()
        && record.roster == roster.hash()
        && roster.contains(&record.id.coordinator)
}

/// A new epoch as the streams need to know it.
pub(crate) struct Adopted {
    pub(crate) id: EpochId,
    pub(crate) record: [u8; 32],
    pub(crate) reason: Reason,
    pub(crate) activate_at: UnixTime,
    /// Somebody was shut out: what is older is forgotten sooner.
    pub(crate) leaves: bool,
    pub(crate) keys: KeyPair,
    /// For [`crate::talk`], which takes it.
    pub(crate) talk: Option<Secret>,
    pub(crate) roster: Roster,
    /// Who left by being removed, the others just went.
    pub(crate) removed: Vec<PeerKey>,
    pub(crate) code: String,
}

impl Adopted {
    /// When what is older is forgotten.
    pub(crate) fn grace_until(&self) -> UnixTime {
        self.activate_at.plus_ms(if self.leaves { LEFT_GRACE_MS } else { GRACE_MS })
    }

    pub(crate) fn new(now: UnixTime, record: &Record, head: &Head, issuer: &IssuerKey) -> Adopted {
        // A clock that is wrong must not keep a node in the old epoch, nor hurry it into the new one.
        let activate_at = record.activate_at.clamp(now, now.plus_ms(ACTIVATE_AFTER_MS));
        Adopted {
            id: head.id,
            record: head.record,
            reason: record.reason,
            activate_at,
            leaves: !record.left.is_empty(),
            keys: key_pair(&head.secret),
            talk: Some(talk_secret(&head.secret)),
            roster: head.roster.clone(),
            removed: record.left.iter().filter(|left| left.removed).map(|left| left.peer).collect(),
            code: head.code(issuer),
        }
    }
}
