//! One frame as an encoder made it: what is sealed, ordered, decoded and recorded.

use crate::layer::Layer;

/// The H.273 code point for "matrix coefficients not specified".
pub const COLOUR_UNSPECIFIED: u8 = 2;

/// A VP8 picture or 20 ms of Opus, and what a receiver must know to decode it or to withhold it.
///
/// VP8 decoders don't report a missing reference, so the frame itself says what it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    /// Which layer of the source.
    pub layer: Layer,
    /// Counts the frames of this layer without gaps, from 0 at the encoder's start.
    pub number: u32,
    /// Decodes without any earlier frame. Always true for sound.
    pub key: bool,
    /// VP8 temporal layer, 0 to 3; nothing depends on the highest. Zero for sound.
    pub temporal: u8,
    /// Number of the one frame that this one predicts from; its own number if `key`.
    pub depends_on: u32,
    /// Wall clock at capture (of the first sample, for sound), µs since the Unix epoch.
    pub captured_us: u64,
    /// Width in pixels; zero for sound.
    pub width: u16,
    /// Height in pixels; zero for sound.
    pub height: u16,
    /// Matrix coefficients of the colour space (ITU-T H.273 table 4), limited range.
    pub colour: u8,
    /// What the codec made: one VP8 frame (RFC 6386) or one Opus packet (RFC 6716).
    pub data: Vec<u8>,
}
