//! A clip for trying Canopy out, where nobody gave one.

use std::path::Path;

/// Why no clip was made: the disk, or an FFmpeg without the codecs. One line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClipError(pub String);

/// Writes `seconds` of a moving, natural-looking picture with sound (640 x 360, 30 pictures a
/// second, VP8 and Opus in Matroska). The same each time.
pub fn generate(_path: &Path, _seconds: u32) -> Result<(), ClipError> {
    todo!()
}
