//! The way out: one capture, an encoder thread for each layer, frames to a sink.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::capture::Capture;
use crate::frame::EncodedFrame;
use crate::layer::Layer;

/// How to encode.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where every tenth picture (`number % 10 == 0`) goes as the encoder saw it, for measuring:
    /// `DIR/<layer byte>-<number>.yuv`, I420, whole before the frame itself is given to the sink.
    pub reference: Option<PathBuf>,
}

/// Where encoded frames go. It is called from each encoder's thread, in order for each layer, and
/// must not block: a full queue drops the frame and the receivers ask for a key frame.
pub type Sink = Arc<dyn Fn(EncodedFrame) + Send + Sync>;

/// What one layer's encoder did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerCounts {
    /// Frames given to the sink.
    pub frames: u64,
    /// Of them, key frames.
    pub keys: u64,
    /// Codec data in bytes.
    pub bytes: u64,
}

/// A source that is being sent.
pub struct Sender {
    _todo: (),
}

impl Sender {
    /// Starts to send the layers of `ladder`; sound is sent if it is in the ladder and the capture
    /// has any. The error is one line that says what to do: this machine's FFmpeg lacks something.
    pub fn start(
        _capture: Capture,
        _ladder: &[Layer],
        _config: Config,
        _sink: Sink,
    ) -> Result<Sender, crate::encode::EncodeError> {
        todo!()
    }

    /// The layers that are really sent: without sound if the capture has none.
    pub fn layers(&self) -> Vec<Layer> {
        todo!()
    }

    /// The next frame of `layer` becomes a key frame. Sound needs none.
    pub fn request_key(&self, _layer: Layer) {
        todo!()
    }

    /// True once the clip has ended or [`Sender::stop`] took effect.
    pub fn is_finished(&self) -> bool {
        todo!()
    }

    /// Asks all threads to end. They do so within about 100 ms.
    pub fn stop(&self) {
        todo!()
    }

    /// Waits for the end and gives the first error of any thread.
    pub fn join(self) -> Result<BTreeMap<Layer, LayerCounts>, String> {
        todo!()
    }

    /// What each layer's encoder did so far.
    pub fn counts(&self) -> BTreeMap<Layer, LayerCounts> {
        todo!()
    }
}
