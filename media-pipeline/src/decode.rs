//! Decodes frames that the jitter buffer released: a picture, or a length of sound.

use crate::ffmpeg::decoder;
use crate::frame::EncodedFrame;
use crate::picture::Picture;

/// Why nothing can be decoded: this machine's FFmpeg lacks something. One line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub String);

/// Decodes one VP8 layer, without delay.
pub struct VideoDecoder {
    inner: decoder::VideoDecoder,
}

impl VideoDecoder {
    /// A decoder that waits for a key frame.
    pub fn open() -> Result<VideoDecoder, DecodeError> {
        Ok(VideoDecoder { inner: decoder::VideoDecoder::open().map_err(DecodeError)? })
    }

    /// The picture of `frame`. `None` if it is no VP8 frame of what the frame says about itself
    /// (RFC 6386, 9.1: bit 0 of the data is clear in a key frame) or is too large: the source's fault.
    pub fn decode(&mut self, frame: &EncodedFrame) -> Option<Picture> {
        let says_key = frame.data.first()? & 1 == 0;
        if says_key != frame.key {
            return None;
        }
        self.inner.decode(&frame.data)
    }
}

/// Decodes Opus.
pub struct AudioDecoder {
    inner: decoder::OpusDecoder,
}

impl AudioDecoder {
    /// A decoder at its start.
    pub fn open() -> Result<AudioDecoder, DecodeError> {
        Ok(AudioDecoder { inner: decoder::OpusDecoder::open().map_err(DecodeError)? })
    }

    /// How many 48 kHz samples `frame` gave. `None` if it is no Opus packet: the source's fault.
    pub fn decode(&mut self, frame: &EncodedFrame) -> Option<usize> {
        self.inner.decode(&frame.data)
    }
}
