//! Key agreement beside the overlay: the shipped sessions, and models of what seals and opens.
//!
//! - [`invites`]: who everybody is
//! - [`member`]: one participant: its session, its [`sealer`] and its [`opener`]
//! - [`rekeys`]: how long it takes until who has left is shut out
//!
//! Notes about keys travel as real bytes through the simulated overlay; the world ([`crate::world`]) carries values
//! between the two, as the shipped node does. Nobody waits at a door here.

pub mod invites;
pub mod member;
pub mod opener;
pub mod rekeys;
pub mod sealer;

use keyagree::session::{Past, Session, SessionRng, next_term};
use keyagree::{InviteId, PeerKey, Removed, UnixTime};
use overlay_core::time::Time;

use crate::cast::Cast;
use crate::record::KeysRecord;
use crate::rng::{self, Subsystem};
use crate::scenario::Scenario;
use invites::Invites;
use member::Member;
use rekeys::Rekeys;

/// What clocks show when a run begins: 2027-01-15 08:00 UTC.
pub const START: UnixTime = UnixTime(1_800_000_000_000);
const NS_PER_MS: u64 = 1_000_000;

/// What clocks show at a moment of virtual time.
pub fn unix(now: Time) -> UnixTime {
    START.plus_ms(now.0 / NS_PER_MS)
}

/// The moment at which clocks begin to show this.
pub fn time(at: UnixTime) -> Time {
    Time(at.since(START).saturating_mul(NS_PER_MS))
}

/// The keys of a meeting: what participants share before it begins, and what is told of it.
pub struct Keys {
    seed: u64,
    /// Who everybody is.
    pub invites: Invites,
    /// Who has left, and who is not known to hold the keys of a meeting without them.
    pub rekeys: Rekeys,
    /// What is told of it.
    pub record: KeysRecord,
    /// Which peer keys came with which invites, and who was removed: the organiser's file.
    bindings: Vec<(InviteId, PeerKey)>,
    removed: Removed,
}

impl Keys {
    /// Everybody's identity and invite, if the scenario has keys agreed.
    pub fn draw(scenario: &Scenario, cast: &Cast, seed: u64) -> Option<Keys> {
        scenario.keys.agreed.then(|| Keys {
            seed,
            invites: Invites::draw(scenario, cast, seed),
            rekeys: Rekeys::default(),
            record: KeysRecord::default(),
            bindings: Vec::new(),
            removed: Removed::default(),
        })
    }

    /// A term for the organiser who begins, or comes back: its clock is all that it needs.
    pub fn term(&self, now: Time) -> u32 {
        next_term(unix(now), 0)
    }

    /// Somebody starts; `life` counts its starts from 1. None for who has no invite: relays.
    pub fn start(&self, now: Time, who: u32, life: u32) -> Option<Member> {
        let seat = self.invites.seat(who)?;
        let rng: SessionRng = Box::new(rng::of_node(self.seed, Subsystem::Sessions, who, life));
        let session = if who == 0 {
            let past = Past {
                term: self.term(now),
                bindings: self.bindings.clone(),
                removed: self.removed.clone(),
                locked: false,
            };
            Session::coordinator(unix(now), seat, past, rng)
        } else {
            Session::member(unix(now), seat, rng)
        };
        Some(Member::new(session))
    }

    /// The organiser writes its file.
    pub fn keep(&mut self, organiser: &Session) {
        // As the shipped program does: only who coordinates knows of bindings.
        if organiser.coordinates() {
            self.bindings = organiser.bindings();
            self.removed = organiser.removed();
        }
    }

    /// Writes down what a member has opened so far.
    pub fn count(&mut self, member: &mut Member, since: Time) {
        let tally = member.opener.tally();
        self.record.opened += tally.opened;
        self.record.unopened += tally.unopened;
        for wait in tally.waits {
            self.record.waits.add(micros(wait));
        }
        if let Some(first) = tally.first {
            self.record.first_opened.add(micros(first.since(since)));
        }
    }

    /// What is told of it.
    pub fn into_record(self) -> KeysRecord {
        KeysRecord { leaves: self.rekeys.leaves, rekeys: self.rekeys.took, ..self.record }
    }
}

fn micros(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
