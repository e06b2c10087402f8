//! Encodes one layer: VP8 with its numbers and dependencies, or Opus.

use std::path::{Path, PathBuf};

use crate::ffmpeg::encoder::{VideoEncoder, VideoSettings};
use crate::ffmpeg::opus::OpusEncoder;
use crate::ffmpeg::{Image, Scaler};
use crate::frame::{COLOUR_UNSPECIFIED, EncodedFrame};
use crate::layer::Layer;

/// Key frames are made no more often than this, however often they are asked for.
pub const KEY_SPACING_US: u64 = 500_000;
/// Which pictures are written as references for measuring.
pub const REFERENCE_EVERY: u32 = 10;

/// Why nothing can be encoded: this machine's FFmpeg lacks something, or the disk is full. One
/// line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub String);

/// Where the reference of a picture is, under the directory that the source was given.
pub fn reference_path(dir: &Path, layer: Layer, number: u32) -> PathBuf {
    dir.join(format!("{}-{number}.yuv", layer.byte()))
}

/// Encodes one video layer. Stays on the thread that made it.
pub(crate) struct VideoLayer {
    layer: Layer,
    encoder: VideoEncoder,
    scaler: Scaler,
    size: (u32, u32),
    rate: (i32, i32),
    reference: Option<PathBuf>,
    number: u32,
    last_base: u32,
    last_key_us: Option<u64>,
    /// Position in the temporal pattern; a forced key starts it anew.
    position: u32,
    first_us: Option<u64>,
    last_pts: i64,
}

impl VideoLayer {
    pub(crate) fn open(
        layer: Layer,
        first: &Image,
        rate: (i32, i32),
        reference: Option<PathBuf>,
    ) -> Result<VideoLayer, EncodeError> {
        let (width, height) = first.size();
        let (width, height) = layer.fit(width, height, first.pixel_shape());
        let settings = VideoSettings { width, height, kbps: layer.kbps(), rate, temporal: true };
        Ok(VideoLayer {
            layer,
            encoder: VideoEncoder::open(settings).map_err(EncodeError)?,
            scaler: Scaler::new(width, height),
            size: (width, height),
            rate,
            reference,
            number: 0,
            last_base: 0,
            last_key_us: None,
            position: 0,
            first_us: None,
            last_pts: -1,
        })
    }

    /// True if a key frame may be made at `captured_us`.
    pub(crate) fn may_key(&self, captured_us: u64) -> bool {
        self.last_key_us.is_none_or(|last| captured_us.saturating_sub(last) >= KEY_SPACING_US)
    }

    pub(crate) fn encode(
        &mut self,
        image: &Image,
        captured_us: u64,
        key: bool,
    ) -> Result<EncodedFrame, EncodeError> {
        let scaled = self.scaler.scale(image).map_err(EncodeError)?;
        let number = self.number;
        if let Some(dir) = self.reference.as_ref().filter(|_| number.is_multiple_of(REFERENCE_EVERY)) {
            write_reference(&reference_path(dir, self.layer, number), &scaled.i420())?;
        }
        let key = key || number == 0;
        let pts = self.pts(captured_us);
        let packet = self.encoder.encode(scaled, pts, key).map_err(EncodeError)?;
        self.number =
            number.checked_add(1).ok_or_else(|| EncodeError("all frame numbers are used".to_owned()))?;

        let (temporal, depends_on) = self.place(number, key, packet.key);
        if packet.key {
            self.last_key_us = Some(captured_us);
        }
        Ok(EncodedFrame {
            layer: self.layer,
            number,
            key: packet.key,
            temporal,
            depends_on,
            captured_us,
            width: self.size.0 as u16,
            height: self.size.1 as u16,
            colour: image.colour(),
            data: packet.data,
        })
    }

    /// libvpx doesn't say which temporal layer a frame got; it is the position in the pattern, which
    /// FFmpeg restarts at each forced key. Both kinds of frame predict from the last base frame.
    fn place(&mut self, number: u32, forced: bool, key: bool) -> (u8, u32) {
        if forced {
            self.position = 0;
        }
        let temporal = if key { 0 } else { (self.position % 2) as u8 };
        self.position = self.position.wrapping_add(1);
        let depends_on = if key { number } else { self.last_base };
        if temporal == 0 {
            self.last_base = number;
        }
        (temporal, depends_on)
    }

    /// The encoder's clock ticks once a picture; left-out pictures leave a hole in it.
    fn pts(&mut self, captured_us: u64) -> i64 {
        let since = captured_us.saturating_sub(*self.first_us.get_or_insert(captured_us));
        let per_us = f64::from(self.rate.0) / f64::from(self.rate.1) / 1e6;
        self.last_pts = ((since as f64 * per_us).round() as i64).max(self.last_pts + 1);
        self.last_pts
    }
}

/// Whoever reads it finds a whole picture or none.
fn write_reference(path: &Path, i420: &[u8]) -> Result<(), EncodeError> {
    let unfinished = path.with_extension("part");
    std::fs::write(&unfinished, i420)
        .and_then(|()| std::fs::rename(&unfinished, path))
        .map_err(|error| EncodeError(format!("can't write {}: {error}; check the folder", path.display())))
}

/// Encodes the sound.
pub(crate) struct AudioLayer {
    encoder: OpusEncoder,
    number: u32,
}

impl AudioLayer {
    pub(crate) fn open() -> Result<AudioLayer, EncodeError> {
        let encoder = OpusEncoder::open(Layer::Audio.kbps()).map_err(EncodeError)?;
        Ok(AudioLayer { encoder, number: 0 })
    }

    pub(crate) fn encode(&mut self, samples: &[i16], captured_us: u64) -> Result<EncodedFrame, EncodeError> {
        let number = self.number;
        let data = self.encoder.encode(samples).map_err(EncodeError)?;
        self.number =
            number.checked_add(1).ok_or_else(|| EncodeError("all frame numbers are used".to_owned()))?;
        Ok(EncodedFrame {
            layer: Layer::Audio,
            number,
            key: true,
            temporal: 0,
            depends_on: number,
            captured_us,
            width: 0,
            height: 0,
            colour: COLOUR_UNSPECIFIED,
            data,
        })
    }
}
