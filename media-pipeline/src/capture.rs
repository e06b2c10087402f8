//! Where a source's pictures and sound come from: a clip, or the test card.
//!
//! [`open`] reads the first picture at once, so that what can't be sent is refused before anything
//! starts. A camera, a screen or a microphone will be one more [`Source`] each.

use std::path::PathBuf;

/// The most pictures that are sent in a second; what a source has beyond is left out.
pub const FPS_MAX: u32 = 30;

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Any clip that FFmpeg reads.
    File {
        /// The clip.
        path: PathBuf,
        /// From the start again at its end, without a jump in the timestamps; else it ends there.
        looped: bool,
    },
    /// A moving picture with a running clock, and a tone.
    TestCard {
        /// Width in pixels, even.
        width: u32,
        /// Height in pixels, even.
        height: u32,
    },
}

/// Why a source can't be sent: the user's choice of it. One line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CaptureError(pub String);

/// A source that is open and has given its first picture.
pub struct Capture {
    _todo: (),
}

/// Opens `source` and reads its first picture.
pub fn open(_source: Source) -> Result<Capture, CaptureError> {
    todo!()
}

impl Capture {
    /// True if there is sound to send.
    pub fn has_sound(&self) -> bool {
        todo!()
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        todo!()
    }
}
