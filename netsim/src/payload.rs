//! A frame without its bytes.

use overlay_core::time::Time;
use overlay_core::unit::{Layer, Payload};

/// A length, and what was sealed into it: enough to see that nobody is handed what is not of that source, that
/// layer and that number, and how long it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Length in bytes.
    pub len: u32,
    /// Whose frame it is.
    pub source: u32,
    /// Its number, as the source counts.
    pub number: u32,
    /// Which layer.
    pub layer: Layer,
    /// True once somebody has changed it on the way: whoever opens it sees that.
    pub altered: bool,
    /// When it was published.
    pub born: Time,
}

impl Payload for Parcel {
    fn size(&self) -> usize {
        self.len as usize
    }
}
