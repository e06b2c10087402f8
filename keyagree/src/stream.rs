//! The keys of a source's layers: what `media-pipeline` seals and opens frames with.
//!
//! A source draws one secret for each epoch. Each layer has a chain of its own, a generation is a
//! step of that chain, and key, label and commitment of a generation follow from its chain key:
//!
//! ```text
//! secret ─┬─ derive("stream", layer) = chain(0) ─┬─ derive("stream-key")    = AEAD key
//!         │                                      ├─ derive("stream-label")  = label, commitment
//!         │                                      └─ derive("stream-next")   = chain(1) ...
//!         └─ derive("source-next") ── derive("source-join", record hash) = secret of the next epoch, if that is a join
//! ```

use zeroize::Zeroize;

use crate::identity::{MeetingId, PeerKey};
use crate::suite::{Secret, derive, digest};
use crate::time::UnixTime;

pub use crate::wire::EpochId;

/// A key to seal one layer's frames with. The sealer that takes it owns the counter.
///
/// The nonce of a frame is 4 zero bytes and the counter as 8 bytes, big-endian, XOR [`Self::salt`].
pub struct SealingKey {
    /// Names the key on the wire: random, and different for each (source, layer, epoch, generation).
    pub label: u64,
    /// Steps of the layer's chain since the epoch (or the restart of the source) began.
    pub generation: u16,
    /// The layer's byte.
    pub layer: u8,
    /// The epoch.
    pub epoch: EpochId,
    /// ChaCha20-Poly1305 key.
    pub key: Secret,
    /// XORed with the counter; public.
    pub salt: [u8; 12],
    /// What the signed announcement commits to, so that a key can't differ between receivers.
    pub commitment: [u8; 32],
    /// Frames captured from then on are sealed with it, not before.
    pub activate_at: UnixTime,
}

/// All keys of this node's source, from one moment on. Layers that are not here are not sent.
///
/// Once the moment of a set has come, all sets that came out before it are done with, also those that
/// still wait for theirs: a source never goes back to an older set.
pub struct SealingKeys {
    /// The epoch.
    pub epoch: EpochId,
    /// When to switch.
    pub activate_at: UnixTime,
    /// One for each layer.
    pub keys: Vec<SealingKey>,
}

/// A key to open one layer's frames of one source with.
pub struct OpeningKey {
    /// Whose frames.
    pub source: PeerKey,
    /// Names the key on the wire.
    pub label: u64,
    /// As in [`SealingKey`].
    pub generation: u16,
    /// The layer's byte.
    pub layer: u8,
    /// The epoch.
    pub epoch: EpochId,
    /// ChaCha20-Poly1305 key.
    pub key: Secret,
    /// XORed with the counter; public.
    pub salt: [u8; 12],
    /// As in [`SealingKey`].
    pub commitment: [u8; 32],
}

/// Most layers that a source may have.
pub const LAYERS_MAX: usize = 8;

/// One layer's chain at one generation.
pub(crate) struct Chain {
    pub(crate) layer: u8,
    pub(crate) generation: u16,
    key: Secret,
}

/// What a chain gives at its generation.
pub(crate) struct Drawn {
    pub(crate) label: u64,
    pub(crate) key: Secret,
    pub(crate) commitment: [u8; 32],
    pub(crate) salt: [u8; 12],
}

impl Chain {
    pub(crate) fn draw(&self, meeting: &MeetingId) -> Drawn {
        let key = derive("canopy/1/stream-key", &[self.key.expose()]);
        let label_bytes = digest("canopy/1/stream-label", &[self.key.expose()]);
        let label = u64::from_be_bytes(first(&label_bytes));
        let commitment = digest("canopy/1/stream-commitment", &[key.expose(), &label.to_be_bytes()]);
        Drawn { label, key, commitment, salt: salt(label, meeting) }
    }

    /// One way: what was sealed before can't be opened with what is left.
    pub(crate) fn step(&mut self) -> bool {
        let Some(next) = self.generation.checked_add(1) else { return false };
        self.generation = next;
        self.key = derive("canopy/1/stream-next", &[self.key.expose()]);
        true
    }
}

/// What a source secret becomes: a chain for each layer, and the seed of the secret after a join.
pub(crate) struct SourceKeys {
    pub(crate) chains: Vec<Chain>,
    next: Secret,
}

impl SourceKeys {
    /// Splits the secret, which is not needed any more. `layers` are distinct.
    pub(crate) fn new(secret: &Secret, layers: &[u8]) -> SourceKeys {
        let chain = |&layer: &u8| Chain {
            layer,
            generation: 0,
            key: derive("canopy/1/stream", &[secret.expose(), &[layer]]),
        };
        SourceKeys {
            chains: layers.iter().map(chain).collect(),
            next: derive("canopy/1/source-next", &[secret.expose()]),
        }
    }

    /// The source's secret in the epoch that the join record `record` makes: members step by
    /// themselves, and nobody can step back.
    pub(crate) fn joined(&self, record: &[u8; 32]) -> Secret {
        derive("canopy/1/source-join", &[self.next.expose(), record])
    }
}

/// The public nonce salt of a key (DESIGN: first 12 bytes, label big-endian, then the meeting).
pub fn salt(label: u64, meeting: &MeetingId) -> [u8; 12] {
    first(&digest("canopy/1/nonce-salt", &[&label.to_be_bytes(), &meeting.0]))
}

fn first<const N: usize>(bytes: &[u8; 32]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}

impl SealingKey {
    /// A key from its parts: for known-answer vectors and for tests of whoever seals.
    pub fn from_parts(
        mut key: [u8; 32],
        label: u64,
        layer: u8,
        epoch: EpochId,
        meeting: &MeetingId,
    ) -> SealingKey {
        let commitment = digest("canopy/1/stream-commitment", &[&key, &label.to_be_bytes()]);
        let sealing = SealingKey {
            label,
            generation: 0,
            layer,
            epoch,
            key: Secret::take(&mut key),
            salt: salt(label, meeting),
            commitment,
            activate_at: UnixTime(0),
        };
        key.zeroize();
        sealing
    }

    /// What a receiver of `source` opens these frames with: for tests of whoever opens.
    pub fn opening(&self, source: PeerKey) -> OpeningKey {
        OpeningKey {
            source,
            label: self.label,
            generation: self.generation,
            layer: self.layer,
            epoch: self.epoch,
            key: Secret::take(&mut self.key.expose().to_owned()),
            salt: self.salt,
            commitment: self.commitment,
        }
    }
}
