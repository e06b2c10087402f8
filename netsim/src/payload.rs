//! A frame without its bytes.

use overlay_core::unit::Payload;

/// A length, and whose frame it is: enough to see that nobody is handed what is not of that source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Length in bytes.
    pub len: u32,
    /// The first byte of the source's id.
    pub taint: u8,
    /// When it was published, ns.
    pub born: u64,
}

impl Payload for Parcel {
    fn size(&self) -> usize {
        self.len as usize
    }
}
