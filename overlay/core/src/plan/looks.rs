//! How large somebody wants to see each slot's source.

use crate::config;
use crate::unit::Layer;

/// For each slot the largest layer that is wanted, two bits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks(u32);

const _: () = assert!(config::SLOTS as u32 * 2 <= u32::BITS && Layer::ALL.len() == 4);

impl Default for Looks {
    /// The largest of everybody.
    fn default() -> Looks {
        Looks(u32::MAX)
    }
}

impl Looks {
    /// The same, but at most this layer of a slot below [`config::SLOTS`].
    #[must_use]
    pub fn with(self, slot: u8, most: Layer) -> Looks {
        let shift = u32::from(slot % config::SLOTS) * 2;
        Looks(self.0 & !(0b11 << shift) | (most as u32) << shift)
    }

    /// The largest layer of a slot that is wanted.
    pub fn most(self, slot: u8) -> Layer {
        let bits = self.0 >> (u32::from(slot % config::SLOTS) * 2) & 0b11;
        Layer::ALL[bits as usize]
    }
}
