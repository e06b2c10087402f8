//! Who speaks when.

use std::time::Duration;

use overlay_core::time::Time;

/// One stretch of speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Counted from 0.
    pub speaker: u32,
    /// When it begins.
    pub start: Time,
    /// How long it lasts.
    pub span: Duration,
}
