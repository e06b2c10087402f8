//! The way in, one for each source: jitter buffers, decoders, the recorder, on a thread of their own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::frame::EncodedFrame;
use crate::jitter;
use crate::layer::Layer;
use crate::picture::Picture;
use crate::slot::Slot;

/// What to do with a source's frames besides decoding them.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The Matroska file to record into. It starts with the first key frame.
    pub record: Option<PathBuf>,
    /// Where the source writes its references ([`crate::send::Config::reference`]).
    pub reference: Option<PathBuf>,
}

/// What happened, told from the receiver's thread. Times are of [`crate::clock::wall_us`].
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The source must be asked for a key frame of this layer. At most one a second for each layer.
    NeedsKey(Layer),
    /// A frame was decoded: latency is `at_us - captured_us`.
    Decoded {
        /// Which layer.
        layer: Layer,
        /// Which frame.
        number: u32,
        /// When the source captured it.
        captured_us: u64,
        /// When it was decoded.
        at_us: u64,
    },
    /// Luma PSNR of a picture whose number is a multiple of ten against its reference.
    Psnr {
        /// Which layer.
        layer: Layer,
        /// Which frame.
        number: u32,
        /// In dB.
        db: f64,
    },
    /// Recording stopped; the reason says what to do. Receiving goes on.
    RecordingFailed(String),
}

/// Where events go; it must not block.
pub type Events = Box<dyn FnMut(Event) + Send>;

/// What became of one layer's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerCounts {
    /// What the jitter buffer did.
    pub jitter: jitter::Counts,
    /// Frames that gave a picture, or sound.
    pub decoded: u64,
    /// Frames that the decoder refused.
    pub refused: u64,
}

/// What became of a source's frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// For each layer that anything came of.
    pub layers: BTreeMap<Layer, LayerCounts>,
    /// Dropped because this machine was too slow: the receiver's queue was full.
    pub overflowed: u64,
    /// Sum of all stretches longer than 200 ms between two successive decoded pictures (whole
    /// stretches, any layer advances the picture), from the first picture on. The stretch that
    /// is still open counts if it is longer than that.
    pub frozen_ms: u64,
    /// When the first picture was decoded.
    pub first_picture_us: Option<u64>,
    /// When the first sound was decoded.
    pub first_sound_us: Option<u64>,
    /// Frames written to the recording.
    pub recorded: u64,
}

/// Receives one source.
pub struct Receiver {
    _todo: (),
}

impl Receiver {
    /// Starts the thread.
    pub fn start(_config: Config, _events: Events) -> Result<Receiver, crate::decode::DecodeError> {
        todo!()
    }

    /// Takes an opened frame that arrived at `now_us`. Never blocks; false if it was dropped
    /// because the queue is full.
    pub fn push(&self, _frame: EncodedFrame, _now_us: u64) -> bool {
        todo!()
    }

    /// The newest decoded picture, for whoever shows it.
    pub fn pictures(&self) -> Slot<Picture> {
        todo!()
    }

    /// What happened up to `now_us`.
    pub fn counts(&self, _now_us: u64) -> Counts {
        todo!()
    }

    /// Takes in what is queued, ends the recording, and gives the final counts.
    pub fn finish(self) -> Counts {
        todo!()
    }
}
