//! What a coordinator answers to the request under way: a welcome, or a no.

#[cfg(test)]
mod tests;

use crate::credential::Signed;
use crate::epoch::member::Member;
use crate::epoch::{Effects, commitment, record_hash, welcome_info};
use crate::identity::PeerKey;
use crate::io::{Event, Seat, SessionRng};
use crate::roster::proven;
use crate::suite::{Secret, secret_of};
use crate::time::UnixTime;
use crate::wire::{Denial, Record, RefusalNote, Welcome};

impl Member {
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
        let Some(ask) = self.asking.open(&welcome.request) else { return };
        let me = seat.identity.public();
        if welcome.to != me
            || welcome.meeting != seat.meeting
            || record.meeting != seat.meeting
            || record.id.coordinator != from
            || record.id.leader() < self.leader
            || !signed.signed_by(&from)
            || !welcome.record.signed_by(&from)
        {
            return;
        }
        let info = welcome_info(&record_hash(record), &me, &ask.hash);
        let Some((plain, pair)) = ask.keys.open(&info, &welcome.enc, &welcome.sealed) else { return };
        let Some(secret) = read_welcome(seat, record, &plain, me) else { return };
        if let Some(other) = self.other_of(&record.id).filter(|_| !self.records.knows(&welcome.record)) {
            return self.expose(now, other, welcome.record.clone(), effects);
        }
        if record.id.leader() > self.leader {
            self.follow(now, record.id.leader(), effects);
        }
        self.asking.done();
        self.succession.seen(now);
        self.pairs.root(now, rng, from, pair);
        let old = self.head.as_ref().filter(|head| head.id().leader() == record.id.leader());
        if old.is_none_or(|head| head.id().epoch < record.id.epoch) {
            let first = old.is_none();
            self.adopt(now, seat, welcome.record.clone(), secret, effects);
            if first {
                effects.events.push(Event::Admitted { epoch: record.id });
            }
        }
        self.advance(now, seat, effects);
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
        if self.asking.open(&note.request).is_none()
            || note.meeting != seat.meeting
            || note.to != seat.identity.public()
            || !signed.signed_by(&from)
        {
            return;
        }
        let reason = match note.denial {
            Denial::Waits => return effects.events.push(Event::AtTheDoor),
            Denial::Removed => return self.stop(Event::Removed, effects),
            Denial::UsedUp => {
                "as many people as it is for have come by this link: ask the organiser for an invite"
            }
            Denial::Denied => "the host has not let you in: ask the organiser",
            Denial::Full => "the meeting is full: wait until somebody leaves",
        };
        let event = Event::Refused { reason: reason.to_owned() };
        if note.denial == Denial::Full {
            effects.events.push(event);
        } else {
            self.stop(event, effects);
        }
    }
}

/// The secret of a welcome, if it is what its record commits to, and the record's roster has `me`.
fn read_welcome(seat: &Seat, record: &Record, plain: &[u8], me: PeerKey) -> Option<Secret> {
    let (secret, proof) = plain.split_at_checked(32)?;
    let secret = secret_of(secret)?;
    proven(&record.roster, me, proof)?;
    (commitment(&secret, &seat.meeting, &record.id) == record.commitment).then_some(secret)
}
