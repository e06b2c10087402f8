//! What members say to each other beside media (names, chat, raised hands), sealed to whoever holds the epoch.
//!
//! ```text
//! epoch secret ── derive("talk") ── derive("talk-key", sender, nonce) = key of one message, used once
//! ```
//! A message is signed by its sender, since not always the sender's own note carries it; key and associated data bind the
//! sender too. Whoever joins later can't step the secret back, and reads from then on.

use std::collections::{BTreeMap, VecDeque};

use rand::CryptoRng;

use crate::credential::Signed;
use crate::epoch::{Adopted, EPOCHS_HELD};
use crate::identity::{Identity, MeetingId, PeerKey};
use crate::suite::{Secret, derive, digest, unwrap_once, wrap_once};
use crate::time::UnixTime;
use crate::wire::{EpochId, Talk};

/// Longest body in bytes.
pub const TALK_MAX: usize = 4096;
/// Bodies are padded to a multiple of this, so that a relay can't tell a raised hand from a word.
const PAD: usize = 256;
/// Longest sealed body in bytes.
#[cfg(test)]
pub(crate) const SEALED_MAX: usize = (2 + TALK_MAX).next_multiple_of(PAD) + crate::suite::TAG_LEN;
/// Messages that came before their epoch.
const EARLY_MAX: usize = 64;
/// Of them, those of one sender: it can't push the others out.
const EARLY_EACH: usize = 8;
/// Senders whose serials are remembered; beyond, whoever was silent longest is forgotten.
const SENDERS_MAX: usize = 4096;

struct Held {
    id: EpochId,
    secret: Secret,
    forget_at: Option<UnixTime>,
}

/// Which serials of a sender were heard: the highest, and the 64 up to it as bits.
#[derive(Clone, Copy, Default)]
struct Window {
    highest: u64,
    seen: u64,
}

/// See the module.
pub(crate) struct Talks {
    meeting: MeetingId,
    me: PeerKey,
    epochs: VecDeque<Held>,
    serial: u64,
    windows: BTreeMap<PeerKey, Window>,
    early: VecDeque<Signed<Talk>>,
}

impl Talks {
    pub(crate) fn new(meeting: MeetingId, me: PeerKey) -> Talks {
        Talks {
            meeting,
            me,
            epochs: VecDeque::new(),
            serial: 0,
            windows: BTreeMap::new(),
            early: VecDeque::new(),
        }
    }

    /// Talks under this epoch from now on. Gives what came before it and can be read now.
    pub(crate) fn adopt(&mut self, epoch: &mut Adopted) -> Vec<(PeerKey, Vec<u8>)> {
        let Some(secret) = epoch.talk.take() else { return Vec::new() };
        let forget_at = epoch.grace_until();
        for held in &mut self.epochs {
            held.forget_at = Some(held.forget_at.map_or(forget_at, |at| at.min(forget_at)));
        }
        if self.epochs.len() == EPOCHS_HELD {
            self.epochs.pop_front();
        }
        self.epochs.push_back(Held { id: epoch.id, secret, forget_at: None });
        let early = std::mem::take(&mut self.early);
        early.into_iter().filter_map(|said| self.heard(said)).collect()
    }

    /// Wipes the secrets of epochs that are over.
    pub(crate) fn tick(&mut self, now: UnixTime) {
        self.epochs.retain(|held| held.forget_at.is_none_or(|at| now < at));
    }

    /// This node is shut out: it talks no more, and hears nothing more.
    pub(crate) fn stop(&mut self) {
        self.epochs.clear();
        self.early.clear();
    }

    /// What says `body` to all members; `None` without an epoch, or if it is too long.
    pub(crate) fn say(
        &mut self,
        now: UnixTime,
        identity: &Identity,
        rng: &mut (impl CryptoRng + ?Sized),
        body: &[u8],
    ) -> Option<Signed<Talk>> {
        let held = self.epochs.back().filter(|_| body.len() <= TALK_MAX)?;
        // It grows over restarts too: the clock goes on.
        self.serial = now.0.max(self.serial + 1);
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        let mut said = Talk {
            meeting: self.meeting,
            sender: self.me,
            epoch: held.id,
            serial: self.serial,
            nonce,
            sealed: Vec::new(),
        };
        said.sealed = wrap_once(&key(&held.secret, &said), &aad(&said), &padded(body));
        Some(Signed::new(said, identity))
    }

    /// What a member said. `None` if it can't be read (yet), isn't signed by whom it names, was heard before, or is too
    /// old.
    pub(crate) fn heard(&mut self, signed: Signed<Talk>) -> Option<(PeerKey, Vec<u8>)> {
        let said = &signed.value;
        let from = said.sender;
        if said.meeting != self.meeting || from == self.me || !signed.signed_by(&from) {
            return None;
        }
        let Some(held) = self.epochs.iter().find(|held| held.id == said.epoch) else {
            self.keep_early(signed);
            return None;
        };
        let plain = unwrap_once(&key(&held.secret, said), &aad(said), &said.sealed)?;
        let body = unpadded(&plain)?;
        self.window(from).accept(said.serial).then_some((from, body))
    }

    fn window(&mut self, from: PeerKey) -> &mut Window {
        if self.windows.len() >= SENDERS_MAX && !self.windows.contains_key(&from) {
            let stale = self.windows.iter().min_by_key(|(_, window)| window.highest).map(|(peer, _)| *peer);
            stale.and_then(|peer| self.windows.remove(&peer));
        }
        self.windows.entry(from).or_default()
    }

    fn keep_early(&mut self, signed: Signed<Talk>) {
        let (id, from) = (signed.value.epoch, signed.value.sender);
        let later = |last: &Held| (last.id.term, last.id.epoch) < (id.term, id.epoch);
        if !self.epochs.back().is_none_or(later) {
            return;
        }
        let same = |other: &Signed<Talk>| other.value.sender == from;
        if self.early.iter().filter(|other| same(other)).count() >= EARLY_EACH
            && let Some(oldest) = self.early.iter().position(same)
        {
            self.early.remove(oldest);
        }
        if self.early.len() == EARLY_MAX {
            self.early.pop_front();
        }
        self.early.push_back(signed);
    }

    pub(crate) fn check(&self) {
        assert!(self.epochs.len() <= EPOCHS_HELD && self.early.len() <= EARLY_MAX);
        assert!(self.windows.len() <= SENDERS_MAX);
    }
}

impl Window {
    /// Notes a serial; false if it was heard before, or is too old to tell.
    fn accept(&mut self, serial: u64) -> bool {
        if serial > self.highest {
            let ahead = serial - self.highest;
            self.seen = if ahead < 64 { self.seen << ahead | 1 } else { 1 };
            self.highest = serial;
            return true;
        }
        let behind = self.highest - serial;
        let fresh = behind < 64 && self.seen & (1 << behind) == 0;
        if fresh {
            self.seen |= 1 << behind;
        }
        fresh
    }
}

fn key(epoch: &Secret, said: &Talk) -> Secret {
    derive("canopy/1/talk-key", &[epoch.expose(), &said.sender.0, &said.nonce])
}

fn aad(said: &Talk) -> [u8; 32] {
    let (term, epoch) = (said.epoch.term.to_be_bytes(), said.epoch.epoch.to_be_bytes());
    let (coordinator, serial) = (&said.epoch.coordinator.0, said.serial.to_be_bytes());
    let parts: [&[u8]; 6] = [&said.meeting.0, &term, coordinator, &epoch, &said.sender.0, &serial];
    digest("canopy/1/talk-aad", &parts)
}

/// Length as u16, body, zeros.
fn padded(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity((2 + body.len()).next_multiple_of(PAD));
    plain.extend_from_slice(&(body.len() as u16).to_be_bytes());
    plain.extend_from_slice(body);
    plain.resize(plain.len().next_multiple_of(PAD), 0);
    plain
}

fn unpadded(plain: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = plain.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (body, zeros) = rest.split_at_checked(length)?;
    (length <= TALK_MAX && zeros.iter().all(|byte| *byte == 0)).then(|| body.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_heard_once_in_any_order_within_the_window() {
        let mut window = Window::default();
        for (serial, fresh) in
            [(100, true), (100, false), (102, true), (101, true), (101, false), (40, true), (38, false)]
        {
            assert_eq!(window.accept(serial), fresh, "{serial}");
        }
        assert!(window.accept(1_000) && !window.accept(102));
    }

    #[test]
    fn padding_hides_the_length_and_comes_off_again() {
        for length in [0, 1, 253, 254, 255, TALK_MAX] {
            let body = vec![7; length];
            let plain = padded(&body);
            assert_eq!(plain.len() % PAD, 0);
            assert_eq!(unpadded(&plain), Some(body));
        }
        assert_eq!(padded(b"a").len(), padded(&[1; 200]).len());
        assert_eq!(unpadded(&[0, 1, 7, 9]), None, "what isn't zero is no padding");
        assert_eq!(unpadded(&[255, 255, 7]), None);
    }
}
