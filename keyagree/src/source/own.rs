//! This node's own source: its secret, its announcements, and when its chains step.

use std::collections::{BTreeMap, VecDeque};

use crate::credential::Signed;
use crate::identity::PeerKey;
use crate::io::{Audience, Output, Seat, SessionRng};
use crate::source::announcement_info;
use crate::stream::{LAYERS_MAX, SealingKey, SealingKeys, SourceKeys};
use crate::suite::{KeyPair, Secret, seal};
use crate::time::UnixTime;
use crate::wire::{
    Announcement, Ask, EpochId, Message, Ratchet, STANDING_ANNOUNCEMENT, STANDING_RATCHET, Stream,
};

/// A generation's length. What 2^20 frames take, which is all that a key may seal, lies far beyond: no layer makes
/// 17,000 frames a second.
const GENERATION_MS: u64 = 60_000;
/// A step is said so long before it counts.
pub(crate) const RATCHET_LEAD_MS: u64 = 3_000;
/// An announcement is out so long before its keys are used, if its source has others to seal with until then.
const ANNOUNCED_MS: u64 = 1_000;
/// And so long in any case: whoever begins to send has no others, and whoever hears of an epoch after it counts has some
/// that receivers soon forget.
const ANNOUNCED_MIN_MS: u64 = 300;

/// Somebody who asks is answered at most so often, and so many in that time.
const ANSWER_AGAIN_MS: u64 = 2_000;
const ANSWERED_MAX: usize = 256;

/// The epoch that the source enters.
pub(crate) struct Place<'a> {
    pub(crate) id: EpochId,
    pub(crate) record: &'a [u8; 32],
    pub(crate) keys: &'a KeyPair,
    pub(crate) activate_at: UnixTime,
}

struct Now {
    epoch: EpochId,
    keys: SourceKeys,
    ratchet_at: UnixTime,
    /// The announcement, and the ratchet since.
    said: Vec<Vec<u8>>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Own {
    layers: Vec<u8>,
    serial: u64,
    now: Option<Now>,
    /// Who was answered lately.
    answered: BTreeMap<PeerKey, UnixTime>,
}

impl Own {
    /// Says again, to somebody who missed it, what was announced for an epoch.
    pub(crate) fn asked(&mut self, now: UnixTime, from: PeerKey, ask: &Ask, out: &mut VecDeque<Output>) {
        let Some(own) = self.now.as_ref().filter(|own| own.epoch == ask.epoch) else { return };
        self.answered.retain(|_, at| now.since(*at) < ANSWER_AGAIN_MS);
        if self.answered.len() < ANSWERED_MAX && self.answered.insert(from, now).is_none() {
            let to = Audience::One(from);
            out.extend(own.said.iter().map(|body| Output::Say { to, body: body.clone() }));
        }
    }

    pub(crate) fn check(&self) {
        assert!(self.answered.len() <= ANSWERED_MAX);
    }

    /// Takes these layers, or none; the secret so far is forgotten.
    pub(crate) fn set(&mut self, layers: Option<Vec<u8>>) {
        self.layers.clear();
        self.now = None;
        for layer in layers.into_iter().flatten() {
            if self.layers.len() < LAYERS_MAX && !self.layers.contains(&layer) {
                self.layers.push(layer);
            }
        }
    }

    pub(crate) fn sends(&self) -> bool {
        !self.layers.is_empty()
    }

    pub(crate) fn ratchet_at(&self) -> Option<UnixTime> {
        self.now.as_ref().map(|now| now.ratchet_at)
    }

    /// Goes into an epoch: with the stepped secret if it was there before a join, else a fresh one.
    pub(crate) fn enter(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        place: &Place<'_>,
        steps: bool,
        out: &mut VecDeque<Output>,
    ) {
        if self.layers.is_empty() {
            return;
        }
        let activate_at = self.use_at(now, place.activate_at);
        let stepped = self.now.as_ref().filter(|_| steps).map(|now| now.keys.joined(place.record));
        let secret = stepped.unwrap_or_else(|| {
            // The clock orders the secrets of a source over its restarts too.
            self.serial = now.0.max(self.serial + 1);
            Secret::generate(rng)
        });
        let keys = SourceKeys::new(&secret, &self.layers);
        let info = announcement_info(&seat.meeting, &seat.identity.public(), place.record, self.serial);
        let Some(sealed) = seal(&mut **rng, &place.keys.public(), &info, secret.expose()) else { return };
        let streams = keys.chains.iter().map(|chain| {
            let drawn = chain.draw(&seat.meeting);
            Stream { layer: chain.layer, label: drawn.label, commitment: drawn.commitment }
        });
        let said = Announcement {
            meeting: seat.meeting,
            source: seat.identity.public(),
            epoch: place.id,
            record: *place.record,
            serial: self.serial,
            streams: streams.collect(),
            enc: sealed.enc,
            sealed: sealed.sealed,
        };
        let body = Message::Announcement(Signed::new(said, &seat.identity)).encode();
        out.push_back(Output::Say { to: Audience::Standing(STANDING_ANNOUNCEMENT), body: body.clone() });
        out.push_back(Output::Seal(sealing(seat, place.id, &keys, activate_at)));
        let ratchet_at = activate_at.plus_ms(GENERATION_MS - RATCHET_LEAD_MS);
        self.now = Some(Now { epoch: place.id, keys, ratchet_at, said: vec![body] });
    }

    /// From when on what is announced now is used, in an epoch that counts from `activate_at` on.
    fn use_at(&self, now: UnixTime, activate_at: UnixTime) -> UnixTime {
        let has_others = self.now.is_some() && now < activate_at;
        activate_at.max(now.plus_ms(if has_others { ANNOUNCED_MS } else { ANNOUNCED_MIN_MS }))
    }

    /// Steps the chains when it is time.
    pub(crate) fn tick(&mut self, now: UnixTime, seat: &Seat, out: &mut VecDeque<Output>) {
        let Some(own) = self.now.as_mut().filter(|own| now >= own.ratchet_at) else { return };
        own.ratchet_at = now.plus_ms(GENERATION_MS);
        if !own.keys.chains.iter_mut().all(crate::stream::Chain::step) {
            return;
        }
        let said = Ratchet {
            meeting: seat.meeting,
            source: seat.identity.public(),
            epoch: own.epoch,
            serial: self.serial,
            generation: own.keys.chains.first().map_or(0, |chain| chain.generation),
        };
        let body = Message::Ratchet(Signed::new(said, &seat.identity)).encode();
        own.said.truncate(1);
        own.said.push(body.clone());
        out.push_back(Output::Say { to: Audience::Standing(STANDING_RATCHET), body });
        out.push_back(Output::Seal(sealing(seat, own.epoch, &own.keys, now.plus_ms(RATCHET_LEAD_MS))));
    }
}

fn sealing(seat: &Seat, epoch: EpochId, keys: &SourceKeys, activate_at: UnixTime) -> SealingKeys {
    let keys = keys.chains.iter().map(|chain| {
        let drawn = chain.draw(&seat.meeting);
        SealingKey {
            label: drawn.label,
            generation: chain.generation,
            layer: chain.layer,
            epoch,
            key: drawn.key,
            salt: drawn.salt,
            commitment: drawn.commitment,
            activate_at,
        }
    });
    SealingKeys { epoch, activate_at, keys: keys.collect() }
}
