//! Seals frames: ChaCha20-Poly1305 (RFC 8439) under the layer's key, the header as associated data.

use std::collections::VecDeque;

use bytes::Bytes;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use keyagree::stream::SealingKey;

use crate::frame::EncodedFrame;
use crate::wire::{self, Header, MAX_DATA, TAG_LEN};

/// How many later keys wait for their time. An epoch overlaps with at most two others.
pub const SCHEDULED_MAX: usize = 4;
/// Frames that one key seals at the most. Time steps it long before: no layer makes 17,000 frames a second.
pub const FRAMES_MAX: u32 = 1 << 20;

/// Why a frame was not sealed. All of them are this node's own fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The frame belongs to another layer than the key.
    #[error("a frame of layer {frame} under the key of layer {key}")]
    WrongLayer {
        /// The frame's layer byte.
        frame: u8,
        /// The key's layer byte.
        key: u8,
    },
    /// [`FRAMES_MAX`] are sealed: the key agreement owes a new generation.
    #[error("the key has sealed all the frames that it may")]
    Exhausted,
    /// More codec data than a frame may carry.
    #[error("{len} bytes of codec data where at most {MAX_DATA} are allowed")]
    TooLarge {
        /// What there was.
        len: usize,
    },
}

/// Seals one layer of this node's source. The one owner of the key's counter: neither `Clone` nor
/// restorable, so that no nonce is used twice (a restarted source draws a new secret).
pub struct Sealer {
    current: Armed,
    scheduled: VecDeque<SealingKey>,
}

struct Armed {
    /// The only copy: a cipher is made of it for each frame, and wiped again.
    key: SealingKey,
    /// What the next frame is sealed with; [`FRAMES_MAX`] once nothing may be sealed any more.
    counter: u32,
}

impl Sealer {
    /// Seals with `key` from now on, whatever its `activate_at` says.
    pub fn new(key: SealingKey) -> Sealer {
        Sealer { current: Armed::new(key, 0), scheduled: VecDeque::new() }
    }

    /// As [`Sealer::new`], with the counter already at `counter`: for known-answer tests.
    #[doc(hidden)]
    pub fn new_at(key: SealingKey, counter: u32) -> Sealer {
        Sealer { current: Armed::new(key, counter), scheduled: VecDeque::new() }
    }

    /// Switches to `key` with the first frame that was captured at its `activate_at` or later.
    /// Keys are scheduled in the order of their activation; beyond [`SCHEDULED_MAX`] the oldest
    /// that waits is skipped.
    pub fn schedule(&mut self, key: SealingKey) {
        if self.scheduled.len() == SCHEDULED_MAX {
            self.scheduled.pop_front();
        }
        self.scheduled.push_back(key);
    }

    /// The label of the key in use.
    pub fn label(&self) -> u64 {
        self.current.key.label
    }

    /// Seals `frame` under the key of its moment, with the next counter. The bytes are laid out in
    /// [`crate::wire`]; a repair resends them, it never seals again.
    pub fn seal(&mut self, frame: &EncodedFrame) -> Result<Bytes, SealError> {
        while self.scheduled.front().is_some_and(|key| frame.captured_us / 1000 >= key.activate_at.0) {
            if let Some(key) = self.scheduled.pop_front() {
                self.current = Armed::new(key, 0);
            }
        }
        self.current.seal(frame)
    }
}

impl Armed {
    fn new(key: SealingKey, counter: u32) -> Armed {
        Armed { key, counter }
    }

    fn seal(&mut self, frame: &EncodedFrame) -> Result<Bytes, SealError> {
        if frame.layer.byte() != self.key.layer {
            return Err(SealError::WrongLayer { frame: frame.layer.byte(), key: self.key.layer });
        }
        if frame.data.len() > MAX_DATA {
            return Err(SealError::TooLarge { len: frame.data.len() });
        }
        let counter = self.counter;
        if counter >= FRAMES_MAX {
            return Err(SealError::Exhausted);
        }
        self.counter += 1;

        let header = Header::of(frame, self.key.label, self.key.generation, counter).to_bytes();
        let mut sealed = Vec::with_capacity(wire::OVERHEAD + frame.data.len());
        sealed.extend_from_slice(&header);
        sealed.extend_from_slice(&wire::prefix(frame));
        sealed.extend_from_slice(&frame.data);
        let nonce = nonce(&self.key.salt, counter);
        // The only failure that RFC 8439 knows is a plaintext of 256 GiB.
        let tag = ChaCha20Poly1305::new(self.key.key.expose().into())
            .encrypt_inout_detached(&nonce, &header, (&mut sealed[wire::HEADER_LEN..]).into())
            .map_err(|_| SealError::TooLarge { len: frame.data.len() })?;
        sealed.extend_from_slice(&tag[..TAG_LEN]);
        Ok(sealed.into())
    }
}

/// 4 zero bytes and the counter as 8 bytes big-endian, XOR the key's salt.
pub(crate) fn nonce(salt: &[u8; 12], counter: u32) -> Nonce {
    let mut bytes = *salt;
    for (byte, counted) in bytes[4..].iter_mut().zip(u64::from(counter).to_be_bytes()) {
        *byte ^= counted;
    }
    bytes.into()
}
