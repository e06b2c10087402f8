//! A sealed frame's bytes (normative; `docs/protocol.md` repeats it). All integers big-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | version = 1 |
//! | 1 | flags: bit 0 key frame, bits 1-2 temporal layer, bit 3 audio, bits 4-7 zero |
//! | 2..4 | generation of the key, u16 |
//! | 4..12 | label of the key, u64 |
//! | 12..16 | counter of the key, u32: the nonce is the key's salt XOR (4 zero bytes ‖ counter as u64) |
//! | 16..20 | number of the frame, u32 |
//! | 20..24 | number of the frame that it depends on, u32 |
//! | 24.. | ChaCha20-Poly1305 (RFC 8439) ciphertext, then its 16-byte tag |
//!
//! The 24 header bytes are the associated data. Sealed, in front of the codec's data: captured at
//! (u64, µs since the Unix epoch), width u16, height u16, colour u8, layer u8.

use crate::frame::EncodedFrame;
use crate::layer::Layer;

/// The version that this code writes and reads.
pub const VERSION: u8 = 1;
/// Length of the clear header, all of it authenticated.
pub const HEADER_LEN: usize = 24;
/// Length of what is sealed in front of the codec's data.
pub const PREFIX_LEN: usize = 14;
/// Length of the Poly1305 tag.
pub const TAG_LEN: usize = 16;
/// Bytes that sealing adds to the codec's data.
pub const OVERHEAD: usize = HEADER_LEN + PREFIX_LEN + TAG_LEN;
/// The most codec data in one frame. A 720p key at 1.5 Mbit/s stays below 100 kB.
pub const MAX_DATA: usize = 512 * 1024;
/// The longest sealed frame.
pub const MAX_SEALED: usize = MAX_DATA + OVERHEAD;

const FLAG_KEY: u8 = 1;
const TEMPORAL_SHIFT: u8 = 1;
const TEMPORAL_MAX: u8 = 3;
const FLAG_AUDIO: u8 = 1 << 3;
const FLAGS_KNOWN: u8 = 0x0f;

/// The clear header: what anybody on the way can read, and nobody can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Decodes without any earlier frame.
    pub key: bool,
    /// Temporal layer, 0 to 3.
    pub temporal: u8,
    /// Sound, not a picture.
    pub audio: bool,
    /// Generation of the key under its secret.
    pub generation: u16,
    /// Names the key.
    pub label: u64,
    /// Counts what this key sealed.
    pub counter: u32,
    /// Counts the layer's frames.
    pub number: u32,
    /// The frame that it predicts from.
    pub depends_on: u32,
}

/// Why bytes are no sealed frame: the sender's fault, or a newer sender's right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Too short, too long, or bits that version 1 doesn't know.
    Malformed,
    /// The first byte names a later version.
    NewerVersion(u8),
}

impl Header {
    /// The header of `frame` under the key `label`, `generation` at `counter`.
    pub fn of(frame: &EncodedFrame, label: u64, generation: u16, counter: u32) -> Header {
        Header {
            key: frame.key,
            temporal: frame.temporal.min(TEMPORAL_MAX),
            audio: frame.layer.is_audio(),
            generation,
            label,
            counter,
            number: frame.number,
            depends_on: frame.depends_on,
        }
    }

    /// The 24 bytes.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = VERSION;
        bytes[1] = (u8::from(self.key) * FLAG_KEY)
            | ((self.temporal & TEMPORAL_MAX) << TEMPORAL_SHIFT)
            | (u8::from(self.audio) * FLAG_AUDIO);
        bytes[2..4].copy_from_slice(&self.generation.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.label.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.counter.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.number.to_be_bytes());
        bytes[20..24].copy_from_slice(&self.depends_on.to_be_bytes());
        bytes
    }

    /// Splits a sealed frame into its header, the header's bytes, and the ciphertext with its tag.
    pub fn split(sealed: &[u8]) -> Result<(Header, &[u8; HEADER_LEN], &[u8]), HeaderError> {
        match sealed.first() {
            Some(&VERSION) => {}
            Some(&version) if version > VERSION => return Err(HeaderError::NewerVersion(version)),
            _ => return Err(HeaderError::Malformed),
        }
        if sealed.len() < OVERHEAD || sealed.len() > MAX_SEALED || sealed[1] & !FLAGS_KNOWN != 0 {
            return Err(HeaderError::Malformed);
        }
        let (bytes, ciphertext) = sealed.split_first_chunk().ok_or(HeaderError::Malformed)?;
        Ok((Header::from_bytes(bytes), bytes, ciphertext))
    }

    fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Header {
        Header {
            key: bytes[1] & FLAG_KEY != 0,
            temporal: (bytes[1] >> TEMPORAL_SHIFT) & TEMPORAL_MAX,
            audio: bytes[1] & FLAG_AUDIO != 0,
            generation: u16::from_be_bytes(field(bytes, 2)),
            label: u64::from_be_bytes(field(bytes, 4)),
            counter: u32::from_be_bytes(field(bytes, 12)),
            number: u32::from_be_bytes(field(bytes, 16)),
            depends_on: u32::from_be_bytes(field(bytes, 20)),
        }
    }
}

/// What is sealed in front of the codec's data of `frame`.
pub(crate) fn prefix(frame: &EncodedFrame) -> [u8; PREFIX_LEN] {
    let mut bytes = [0; PREFIX_LEN];
    bytes[0..8].copy_from_slice(&frame.captured_us.to_be_bytes());
    bytes[8..10].copy_from_slice(&frame.width.to_be_bytes());
    bytes[10..12].copy_from_slice(&frame.height.to_be_bytes());
    bytes[12] = frame.colour;
    bytes[13] = frame.layer.byte();
    bytes
}

/// The frame of an opened plaintext. `None` where header and plaintext contradict each other,
/// which only the source itself can bring about.
pub(crate) fn frame_of(header: &Header, mut plain: Vec<u8>) -> Option<EncodedFrame> {
    let prefix = *plain.first_chunk::<PREFIX_LEN>()?;
    plain.drain(..PREFIX_LEN);
    let layer = Layer::from_byte(prefix[13])?;
    let depends_ok =
        if header.key { header.depends_on == header.number } else { header.depends_on < header.number };
    if layer.is_audio() != header.audio || (header.audio && !header.key) || !depends_ok {
        return None;
    }
    Some(EncodedFrame {
        layer,
        number: header.number,
        key: header.key,
        temporal: header.temporal,
        depends_on: header.depends_on,
        captured_us: u64::from_be_bytes(field(&prefix, 0)),
        width: u16::from_be_bytes(field(&prefix, 8)),
        height: u16::from_be_bytes(field(&prefix, 10)),
        colour: prefix[12],
        data: plain,
    })
}

// Every caller names a field inside a fixed array.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}
