//! Opens sealed frames: exactly the key that the header names, never a second try.

use std::collections::BTreeMap;

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use keyagree::identity::PeerKey;
use keyagree::stream::OpeningKey;

use crate::frame::EncodedFrame;
use crate::replay::Window;
use crate::seal::nonce;
use crate::wire::{self, Header, HeaderError, TAG_LEN};

/// The most keys held at once: 200 sources with 4 layers in 3 epochs, and their ratchets.
pub const KEYS_MAX: usize = 4096;

/// Why a sealed frame was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No key of this label and generation: it is too early, too late, or not for this node.
    /// Nobody's fault.
    #[error("no key {label:016x} of generation {generation}")]
    UnknownLabel {
        /// As the header says.
        label: u64,
        /// As the header says.
        generation: u16,
    },
    /// Opened before, or too far behind the newest. The fault of whoever forwarded it twice.
    #[error("seen before, or older than the replay window")]
    Replayed,
    /// Not sealed by the holder of the key, or changed on the way. The fault of a hop.
    #[error("not what its source sealed")]
    Forged,
    /// No sealed frame, or one whose source contradicts itself.
    #[error("not a sealed frame")]
    Malformed,
    /// A later version of this format: this node must be updated. Nobody's fault.
    #[error("made by a newer version ({0}) of the protocol")]
    NewerVersion(u8),
}

/// Opens the frames of all sources that this node has keys for.
#[derive(Default)]
pub struct Opener {
    keys: BTreeMap<u64, Held>,
}

struct Held {
    /// The only copy: a cipher is made of it for each frame, and wiped again. A cipher kept here
    /// would be moved about by the map, and leave its bytes behind.
    key: OpeningKey,
    window: Window,
}

impl Opener {
    /// Without any key.
    pub fn new() -> Opener {
        Opener::default()
    }

    /// Adds a key. A label that is already held keeps its key and its window, so that a repeated
    /// announcement never opens the door to replays. False if it was not added: held already, or
    /// [`KEYS_MAX`] are.
    pub fn insert(&mut self, key: OpeningKey) -> bool {
        if self.keys.contains_key(&key.label) || self.keys.len() >= KEYS_MAX {
            return false;
        }
        self.keys.insert(key.label, Held { key, window: Window::new() });
        true
    }

    /// Wipes the key of `label`. False if there was none.
    pub fn forget(&mut self, label: u64) -> bool {
        self.keys.remove(&label).is_some()
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True without any key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whose frames are sealed under `label`, and which layer's (its byte).
    pub fn source_of(&self, label: u64) -> Option<(PeerKey, u8)> {
        self.keys.get(&label).map(|held| (held.key.source, held.key.layer))
    }

    /// Opens one sealed frame, as laid out in [`crate::wire`]. Cheap checks come first, and the
    /// replay window moves only after the tag was right.
    pub fn open(&mut self, sealed: &[u8]) -> Result<(PeerKey, EncodedFrame), OpenError> {
        let (header, aad, ciphertext) = Header::split(sealed).map_err(|error| match error {
            HeaderError::Malformed => OpenError::Malformed,
            HeaderError::NewerVersion(version) => OpenError::NewerVersion(version),
        })?;
        let unknown = OpenError::UnknownLabel { label: header.label, generation: header.generation };
        let held = self.keys.get_mut(&header.label).ok_or(unknown)?;
        if held.key.generation != header.generation {
            return Err(unknown);
        }
        if !held.window.is_fresh(header.counter) {
            return Err(OpenError::Replayed);
        }
        let plain = held.decrypt(&header, aad, ciphertext)?;
        held.window.accept(header.counter);
        let frame = wire::frame_of(&header, plain).ok_or(OpenError::Malformed)?;
        if frame.layer.byte() != held.key.layer {
            return Err(OpenError::Malformed);
        }
        Ok((held.key.source, frame))
    }
}

impl Held {
    fn decrypt(&self, header: &Header, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(OpenError::Malformed)?;
        let mut plain = ciphertext.to_vec();
        let nonce = nonce(&self.key.salt, header.counter);
        ChaCha20Poly1305::new(self.key.key.expose().into())
            .decrypt_inout_detached(&nonce, aad, plain.as_mut_slice().into(), tag.into())
            .map_err(|_| OpenError::Forged)?;
        Ok(plain)
    }
}
