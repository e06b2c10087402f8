//! Source secrets: what this node seals with, what it opens others with, and for how long.
//!
//! A source draws one secret for each epoch that begins with a fresh secret (and whenever it restarts),
//! seals it to the epoch's public key and announces it. At a join everybody steps it one way, so that
//! nobody who was there has to wait for the announcement, which is for the newcomer.

mod early;
mod missing;
mod own;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::credential::Signed;
use crate::epoch::{Adopted, EPOCHS_HELD, GRACE_MS, LEFT_GRACE_MS};
use crate::identity::{MeetingId, PeerKey};
use crate::io::{Audience, Event, Output, Seat, SessionRng, Timer};
use crate::stream::{LAYERS_MAX, OpeningKey, SourceKeys};
use crate::suite::{KeyPair, digest, secret_of};
use crate::time::UnixTime;
use crate::wire::{Announcement, Ask, EpochId, Message, Ratchet, Reason};
use early::Early;
use missing::Missing;
use own::Own;

/// Secrets of one source in one epoch: it may restart, but not make us hold keys without end.
const SERIALS_MAX: usize = 3;
/// Sources whose keys are held for one epoch.
const SOURCES_MAX: usize = 64;
/// Labels that wait to be forgotten without their epoch; more, and the oldest goes at once.
const GOING_MAX: usize = 2048;
/// How far one message may step a chain.
const RATCHET_AHEAD_MAX: u16 = 64;

/// Names one secret of one source.
type Name = (EpochId, PeerKey, u64);

struct Held {
    id: EpochId,
    record: [u8; 32],
    reason: Reason,
    activate_at: UnixTime,
    keys: KeyPair,
    forget_at: Option<UnixTime>,
}

struct Heard {
    keys: SourceKeys,
    labels: Vec<u64>,
}

/// See the module.
pub(crate) struct Streams {
    meeting: MeetingId,
    me: PeerKey,
    epochs: VecDeque<Held>,
    own: Own,
    heard: BTreeMap<Name, Heard>,
    early: Early,
    /// Labels to forget on their own, without their epoch.
    going: VecDeque<(UnixTime, u64)>,
    missing: Missing,
}

impl Streams {
    pub(crate) fn new(seat: &Seat) -> Streams {
        Streams {
            meeting: seat.meeting,
            me: seat.identity.public(),
            epochs: VecDeque::new(),
            own: Own::default(),
            heard: BTreeMap::new(),
            early: Early::default(),
            going: VecDeque::new(),
            missing: Missing::default(),
        }
    }

    /// When to be called again, and why.
    pub(crate) fn deadline(&self) -> Option<(UnixTime, Timer)> {
        let epochs = self.epochs.iter().filter_map(|held| held.forget_at);
        let forget = epochs.chain(self.going.iter().map(|(at, _)| *at)).min().map(|at| (at, Timer::Forget));
        let missing = self.missing.deadline().map(|at| (at, Timer::Missing));
        let ratchet = self.own.ratchet_at().map(|at| (at, Timer::Ratchet));
        [forget, missing, ratchet].into_iter().flatten().min()
    }

    /// A new epoch: steps or renews this node's secret, steps the others', and dates what is older.
    pub(crate) fn adopt(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        epoch: Adopted,
        out: &mut VecDeque<Output>,
    ) {
        let follows = self.epochs.back().is_some_and(|last| is_next(&last.id, &epoch.id));
        let steps = follows && epoch.reason == Reason::Join;
        let grace = epoch.grace_until();
        for held in &mut self.epochs {
            held.forget_at = Some(held.forget_at.map_or(grace, |at| at.min(grace)));
        }
        if !steps {
            self.expect(&epoch);
        }
        let (id, record) = (epoch.id, epoch.record);
        self.epochs.push_back(Held {
            id,
            record,
            reason: epoch.reason,
            activate_at: epoch.activate_at,
            keys: epoch.keys,
            forget_at: None,
        });
        self.own_into_last(now, seat, rng, steps, out);
        if steps {
            let sources: BTreeSet<PeerKey> = self.heard.keys().map(|(_, source, _)| *source).collect();
            let before = self.epochs.len() - 2;
            sources.iter().for_each(|source| self.carry(source, before, out));
        }
        if self.epochs.len() > EPOCHS_HELD {
            self.forget_epoch(0, out);
        }
        for signed in self.early.of(id) {
            self.announced(now, signed.value.source, signed, out);
        }
    }

    /// Sources of the last epoch have to announce themselves anew.
    fn expect(&mut self, epoch: &Adopted) {
        if let Some(last) = self.epochs.back().map(|held| held.id) {
            let sources = self.heard.keys().filter(|(id, ..)| *id == last).map(|(_, source, _)| *source);
            self.missing.expect(epoch.activate_at, sources);
        }
    }

    fn own_into_last(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        steps: bool,
        out: &mut VecDeque<Output>,
    ) {
        let Some(held) = self.epochs.back() else { return };
        let place =
            own::Place { id: held.id, record: &held.record, keys: &held.keys, activate_at: held.activate_at };
        self.own.enter(now, seat, rng, &place, steps, out);
    }

    /// Steps a source's newest secret from the epoch at `index` through the joins behind it.
    fn carry(&mut self, source: &PeerKey, index: usize, out: &mut VecDeque<Output>) {
        for next in index + 1..self.epochs.len() {
            let (from, into) = (&self.epochs[next - 1], &self.epochs[next]);
            let (from_id, id, record) = (from.id, into.id, into.record);
            let steps = into.reason == Reason::Join && is_next(&from_id, &id);
            let Some(serial) = self.newest(&from_id, source) else { return };
            if !steps || self.newest(&id, source).is_some_and(|there| there >= serial) {
                return;
            }
            let Some(heard) = self.heard.get(&(from_id, *source, serial)) else { return };
            let layers: Vec<u8> = heard.keys.chains.iter().map(|chain| chain.layer).collect();
            let keys = SourceKeys::new(&heard.keys.joined(&record), &layers);
            self.open((id, *source, serial), keys, out);
        }
    }

    fn newest(&self, id: &EpochId, source: &PeerKey) -> Option<u64> {
        self.heard
            .range((*id, *source, 0)..=(*id, *source, u64::MAX))
            .next_back()
            .map(|((.., serial), _)| *serial)
    }

    /// Hands the keys of a secret out, and dates those of the source's older ones in this epoch.
    fn open(&mut self, name: Name, keys: SourceKeys, out: &mut VecDeque<Output>) {
        let mut heard = Heard { keys, labels: Vec::new() };
        hand_out(&self.meeting, &name, &mut heard, out);
        self.heard.insert(name, heard);
        if let Some(generation) = self.early.steps_of(&name) {
            self.step_to(&name, generation, out);
        }
    }

    /// A source says its secret. The note's origin is `from`.
    pub(crate) fn announced(
        &mut self,
        now: UnixTime,
        from: PeerKey,
        signed: Signed<Announcement>,
        out: &mut VecDeque<Output>,
    ) {
        let said = &signed.value;
        let proper = said.source == from
            && from != self.me
            && said.meeting == self.meeting
            && said.streams.len() <= LAYERS_MAX;
        if !proper {
            return;
        }
        let Some(index) = self.epochs.iter().position(|held| held.id == said.epoch) else {
            return self.keep_early(signed);
        };
        if self.newest(&said.epoch, &from).is_some_and(|there| there >= said.serial) {
            return;
        }
        let held = &self.epochs[index];
        if held.record != said.record || !self.has_room(&said.epoch, &from) || !signed.signed_by(&from) {
            return;
        }
        let Some(keys) = read(&held.keys, said) else {
            let why = "its announcement is not what it commits to";
            return out.push_back(Output::Event(Event::Missing { source: from, why }));
        };
        let (id, serial) = (said.epoch, said.serial);
        self.retire_serials(now, &id, &from, out);
        self.open((id, from, serial), keys, out);
        self.carry(&from, index, out);
    }

    fn has_room(&self, id: &EpochId, source: &PeerKey) -> bool {
        let mut sources: Vec<PeerKey> =
            self.heard.keys().filter(|(epoch, ..)| epoch == id).map(|(_, other, _)| *other).collect();
        sources.dedup();
        sources.len() < SOURCES_MAX || sources.contains(source)
    }

    /// A source that restarted: its older keys go soon, and at once when there are too many.
    fn retire_serials(&mut self, now: UnixTime, id: &EpochId, source: &PeerKey, out: &mut VecDeque<Output>) {
        let names: Vec<Name> =
            self.heard.range((*id, *source, 0)..=(*id, *source, u64::MAX)).map(|(name, _)| *name).collect();
        let at_once = (names.len() + 1).saturating_sub(SERIALS_MAX);
        for (i, name) in names.iter().enumerate() {
            if i < at_once {
                self.forget_name(name, out);
            } else if let Some(heard) = self.heard.get_mut(name) {
                self.going.extend(heard.labels.drain(..).map(|label| (now.plus_ms(GRACE_MS), label)));
            }
        }
    }

    /// For an epoch that this node doesn't hold yet, or not any more.
    fn keep_early(&mut self, signed: Signed<Announcement>) {
        let said = &signed.value;
        let later = self
            .epochs
            .back()
            .is_none_or(|last| (last.id.term, last.id.epoch) < (said.epoch.term, said.epoch.epoch));
        if later {
            self.early.keep(signed);
        }
    }

    /// A source's chains step soon.
    pub(crate) fn ratcheted(
        &mut self,
        now: UnixTime,
        from: PeerKey,
        signed: &Signed<Ratchet>,
        out: &mut VecDeque<Output>,
    ) {
        let said = &signed.value;
        if said.source != from || from == self.me || said.meeting != self.meeting || !signed.signed_by(&from)
        {
            return;
        }
        let name = (said.epoch, from, said.serial);
        if let Some(heard) = self.heard.get_mut(&name) {
            if heard.keys.chains.first().is_some_and(|chain| chain.generation < said.generation) {
                let until = now.plus_ms(own::RATCHET_LEAD_MS + GRACE_MS);
                self.going.extend(heard.labels.drain(..).map(|label| (until, label)));
            }
            return self.step_to(&name, said.generation, out);
        }
        self.early.keep_step(name, said.generation);
    }

    fn step_to(&mut self, name: &Name, generation: u16, out: &mut VecDeque<Output>) {
        let Some(heard) = self.heard.get_mut(name) else { return };
        let at = heard.keys.chains.first().map_or(0, |chain| chain.generation);
        if generation <= at || generation - at > RATCHET_AHEAD_MAX {
            return;
        }
        for _ in at..generation {
            heard.keys.chains.iter_mut().for_each(|chain| {
                chain.step();
            });
        }
        hand_out(&self.meeting, name, heard, out);
    }

    /// This node's source begins with these layers, or ends.
    pub(crate) fn send(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        layers: Option<Vec<u8>>,
        out: &mut VecDeque<Output>,
    ) {
        self.own.set(layers);
        self.own_into_last(now, seat, rng, false, out);
    }

    pub(crate) fn tick(&mut self, now: UnixTime, seat: &Seat, out: &mut VecDeque<Output>) {
        self.own.tick(now, seat, out);
        let surplus = self.going.len().saturating_sub(GOING_MAX);
        out.extend(self.going.drain(..surplus).map(|(_, label)| Output::Forget { label }));
        while let Some(index) = self.epochs.iter().position(|held| held.forget_at.is_some_and(|at| now >= at))
        {
            self.forget_epoch(index, out);
        }
        let (over, rest): (Vec<_>, Vec<_>) = self.going.drain(..).partition(|(at, _)| now >= *at);
        self.going = rest.into();
        out.extend(over.into_iter().map(|(_, label)| Output::Forget { label }));
    }

    /// True while this node is a source.
    pub(crate) fn sends(&self) -> bool {
        self.own.sends()
    }

    /// A frame of this source came that no key opens.
    pub(crate) fn unopened(&mut self, now: UnixTime, source: PeerKey) {
        if source != self.me {
            let had = self.epochs.back().and_then(|held| self.newest(&held.id, &source));
            self.missing.unopened(now, source, had);
        }
    }

    /// Says which sources can't be opened and why, and asks them for what is missing. `listed`: whether
    /// somebody is a member, as far as that is known.
    pub(crate) fn say_missing(
        &mut self,
        now: UnixTime,
        listed: impl Fn(&PeerKey) -> bool,
        out: &mut VecDeque<Output>,
    ) {
        let Some(last) = self.epochs.back().map(|held| held.id) else { return };
        for (source, had) in self.missing.due(now, listed) {
            let known = self.newest(&last, &source);
            if known.is_none() || known == had {
                let why = match known {
                    None => "it has not announced its keys for this epoch",
                    Some(_) => "it seals with keys that it has not announced here",
                };
                out.push_back(Output::Event(Event::Missing { source, why }));
                let body = Message::Ask(Ask { epoch: last }).encode();
                out.push_back(Output::Say { to: Audience::One(source), body });
            }
        }
    }

    /// Somebody asks for what this node's source announced: the same bytes again.
    pub(crate) fn asked(&mut self, now: UnixTime, from: PeerKey, ask: &Ask, out: &mut VecDeque<Output>) {
        self.own.asked(now, from, ask, out);
    }

    fn forget_epoch(&mut self, index: usize, out: &mut VecDeque<Output>) {
        let Some(held) = self.epochs.remove(index) else { return };
        let names: Vec<Name> = self.heard.keys().filter(|(id, ..)| *id == held.id).copied().collect();
        names.iter().for_each(|name| self.forget_name(name, out));
    }

    fn forget_name(&mut self, name: &Name, out: &mut VecDeque<Output>) {
        let Some(heard) = self.heard.remove(name) else { return };
        out.extend(heard.labels.into_iter().map(|label| Output::Forget { label }));
    }

    /// This node is shut out: it seals no more, and what it could open is gone soon.
    pub(crate) fn stop(&mut self, now: UnixTime) {
        self.own.set(None);
        let soon = now.plus_ms(LEFT_GRACE_MS);
        for held in &mut self.epochs {
            held.forget_at = Some(held.forget_at.map_or(soon, |at| at.min(soon)));
        }
        self.missing = Missing::default();
        self.early.drop_announcements();
    }

    /// Asserts what always holds.
    pub(crate) fn check(&self) {
        assert!(self.epochs.len() <= EPOCHS_HELD);
        self.missing.check();
        self.own.check();
        self.early.check();
        assert!(self.heard.keys().all(|(id, ..)| self.epochs.iter().any(|held| held.id == *id)));
    }
}

/// True if the second epoch comes right after the first in one term.
fn is_next(first: &EpochId, second: &EpochId) -> bool {
    first.term == second.term && first.coordinator == second.coordinator && first.epoch + 1 == second.epoch
}

/// Opens an announcement, and believes it only if its labels and commitments follow from the secret.
fn read(keys: &KeyPair, said: &Announcement) -> Option<SourceKeys> {
    let info = announcement_info(&said.meeting, &said.source, &said.record, said.serial);
    let (plain, _) = keys.open(&info, &said.enc, &said.sealed)?;
    let layers: Vec<u8> = said.streams.iter().map(|stream| stream.layer).collect();
    let keys = SourceKeys::new(&secret_of(&plain)?, &layers);
    let distinct = layers.iter().enumerate().all(|(i, layer)| !layers[..i].contains(layer));
    let fits = keys.chains.iter().zip(&said.streams).all(|(chain, stream)| {
        let drawn = chain.draw(&said.meeting);
        drawn.label == stream.label && drawn.commitment == stream.commitment
    });
    (distinct && fits).then_some(keys)
}

/// HPKE's `info` of an announcement.
fn announcement_info(meeting: &MeetingId, source: &PeerKey, record: &[u8; 32], serial: u64) -> [u8; 32] {
    digest("canopy/1/announcement-info", &[&meeting.0, &source.0, record, &serial.to_be_bytes()])
}

fn hand_out(meeting: &MeetingId, name: &Name, heard: &mut Heard, out: &mut VecDeque<Output>) {
    let (epoch, source, _) = *name;
    for chain in &heard.keys.chains {
        let drawn = chain.draw(meeting);
        heard.labels.push(drawn.label);
        out.push_back(Output::Open(OpeningKey {
            source,
            label: drawn.label,
            generation: chain.generation,
            layer: chain.layer,
            epoch,
            key: drawn.key,
            salt: drawn.salt,
            commitment: drawn.commitment,
        }));
    }
}
