//! stub
/// Why nothing can be encoded: this machine's FFmpeg lacks something. One line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub String);
