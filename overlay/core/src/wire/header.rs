//! The fixed header of a unit.

use crate::config;
use crate::unit::{FrameInfo, Layer, TreeId, UnitHash, UnitHeader};

/// Bytes of a unit's header.
pub const HEADER_LEN: usize = 16;

/// The first byte of a header.
const VERSION: u8 = 1;
/// The key flag in byte 4.
const KEY: u8 = 0x80;
/// The temporal layer in byte 4; the other bits are zero.
const TEMPORAL: u8 = 0x03;

/// Why a header was refused: the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the header of a unit")]
pub struct NotAHeader;

impl UnitHeader {
    /// Writes the header, all integers big-endian:
    ///
    /// | bytes | field |
    /// |---|---|
    /// | 0 | version of this layout, 1 |
    /// | 1 | slot, below 16 |
    /// | 2 | layer: 0 sound, 1 180p, 2 360p, 3 720p |
    /// | 3 | index of the tree in its group, below k + m |
    /// | 4 | bit 7 key frame, bits 6 to 2 zero, bits 1 and 0 temporal layer |
    /// | 5 | k, data units of the frame's group, at least 1 |
    /// | 6 | m, parity units |
    /// | 7 | hop: links crossed before this one |
    /// | 8..12 | feed |
    /// | 12..16 | frame number |
    pub fn encode(&self, bytes: &mut [u8; HEADER_LEN]) {
        let key = if self.frame.key { KEY } else { 0 };
        bytes[0] = VERSION;
        bytes[1] = self.tree.slot;
        bytes[2] = self.tree.layer as u8;
        bytes[3] = self.tree.index;
        bytes[4] = key | self.frame.temporal & TEMPORAL;
        bytes[5] = self.k;
        bytes[6] = self.m;
        bytes[7] = self.hop;
        bytes[8..12].copy_from_slice(&self.feed.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.frame.number.to_be_bytes());
    }

    /// The hash of the unit that this header makes with a payload of this BLAKE3 hash. Which tree of its group carries it,
    /// and over how many links it came, makes no difference.
    pub fn unit_hash(&self, payload: &[u8; 32]) -> UnitHash {
        let mut front = [0; HEADER_LEN];
        let tree = TreeId { index: 0, ..self.tree };
        UnitHeader { tree, hop: 0, ..*self }.encode(&mut front);
        let mut hasher = blake3::Hasher::new_derive_key("canopy/4/unit");
        hasher.update(&front).update(payload);
        let mut hash = UnitHash([0; UnitHash::LEN]);
        hasher.finalize_xof().fill(&mut hash.0);
        hash
    }

    /// Reads a header; only what [`UnitHeader::encode`] writes is taken. The error is the sender's fault.
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<UnitHeader, NotAHeader> {
        let [version, slot, layer, index, flags, k, m, hop, f0, f1, f2, f3, n0, n1, n2, n3] = *bytes;
        let trees = k.checked_add(m).ok_or(NotAHeader)?;
        let well_formed = version == VERSION && slot < config::SLOTS && flags & !(KEY | TEMPORAL) == 0;
        if !well_formed || k == 0 || index >= trees {
            return Err(NotAHeader);
        }
        Ok(UnitHeader {
            tree: TreeId { slot, layer: Layer::from_byte(layer).ok_or(NotAHeader)?, index },
            feed: u32::from_be_bytes([f0, f1, f2, f3]),
            frame: FrameInfo {
                number: u32::from_be_bytes([n0, n1, n2, n3]),
                key: flags & KEY != 0,
                temporal: flags & TEMPORAL,
            },
            k,
            m,
            hop,
        })
    }
}
