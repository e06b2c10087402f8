//! The way out: one capture, an encoder thread for each layer, frames to a sink.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::capture::{Capture, Shot};
use crate::encode::{AudioLayer, EncodeError, VideoLayer};
use crate::ffmpeg::Image;
use crate::frame::EncodedFrame;
use crate::layer::Layer;
use crate::level;
use crate::slot::{Slot, Taken};

/// Packets of sound between the capture and its encoder: 1 s.
const SOUND_QUEUE: usize = 50;
/// How soon an encoder notices a stop.
const NAP: Duration = Duration::from_millis(50);

/// How to encode.
#[derive(Clone, Default)]
pub struct Config {
    /// Where every tenth picture (`number % 10 == 0`) goes as the encoder saw it, for measuring:
    /// `DIR/<layer byte>-<number>.yuv`, I420, whole before the frame itself is given to the sink.
    pub reference: Option<PathBuf>,
    /// Is told the level ([`level::below_db`]) of each 20 ms of sound, before they go to the sink.
    pub hears: Option<Hears>,
}

/// Where levels go. It is called from the thread that encodes sound, and must not block.
pub type Hears = Arc<dyn Fn(u8) + Send + Sync>;

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
    /// Pictures or packets of sound that the encoder was too slow for.
    pub overrun: u64,
}

/// A source that is being sent. Dropping it stops it.
pub struct Sender {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share.
struct Shared {
    stop: AtomicBool,
    layers: BTreeMap<Layer, LayerState>,
    failure: Mutex<Option<String>>,
}

#[derive(Default)]
struct LayerState {
    pictures: Slot<(Image, u64)>,
    key_wanted: AtomicBool,
    /// Nobody wants it now: nothing is encoded.
    paused: AtomicBool,
    frames: AtomicU64,
    keys: AtomicU64,
    bytes: AtomicU64,
    sound_dropped: AtomicU64,
}

impl Sender {
    /// Starts to send the layers of `ladder`; sound is sent if it is in the ladder and the capture
    /// has any. Every encoder is tried before anything is sent. The error is one line that says
    /// what to do: this machine's FFmpeg lacks something.
    pub fn start(
        capture: Capture,
        ladder: &[Layer],
        config: Config,
        sink: Sink,
    ) -> Result<Sender, EncodeError> {
        let sent = |layer: &&Layer| !layer.is_audio() || capture.has_sound();
        let layers = ladder.iter().filter(sent).map(|&layer| (layer, LayerState::default())).collect();
        let failure = Mutex::new(None);
        let shared = Arc::new(Shared { stop: AtomicBool::new(false), layers, failure });
        // Dropped at any failure below, it stops what was started.
        let mut sender = Sender { shared: Arc::clone(&shared), threads: Vec::new() };
        let mut sound = None;
        for &layer in shared.layers.keys() {
            if layer.is_audio() {
                let (to, from) = sync_channel(SOUND_QUEUE);
                sound = Some(to);
                let (shared, sink, encoder) = (Arc::clone(&shared), Arc::clone(&sink), AudioLayer::open()?);
                let hears = config.hears.clone();
                sender.spawn("audio", move || shared.encode_sound(encoder, &from, hears, &sink))?;
            } else {
                let (shared, sink) = (Arc::clone(&shared), Arc::clone(&sink));
                let (first, rate, reference) =
                    (capture.first().clone(), capture.rate(), config.reference.clone());
                // Fails here, in the caller's hands, if it fails at all.
                VideoLayer::open(layer, &first, rate, None)?;
                sender.spawn("video", move || {
                    let opened = VideoLayer::open(layer, &first, rate, reference);
                    drop(first);
                    shared.note(opened.and_then(|encoder| shared.encode_pictures(layer, encoder, &sink)));
                })?;
            }
        }
        sender.spawn("capture", move || shared.capture(capture, sound))?;
        Ok(sender)
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), EncodeError> {
        let spawned = thread::Builder::new().name(format!("send-{name}")).spawn(body);
        self.threads.push(spawned.map_err(|error| EncodeError(format!("can't start a thread: {error}")))?);
        Ok(())
    }

    /// The layers that are really sent: without sound if the capture has none.
    pub fn layers(&self) -> Vec<Layer> {
        self.shared.layers.keys().copied().collect()
    }

    /// The next frame of `layer` becomes a key frame, at most every
    /// [`crate::encode::KEY_SPACING_US`]. Sound needs none.
    pub fn request_key(&self, layer: Layer) {
        if let Some(state) = self.shared.layers.get(&layer) {
            state.key_wanted.store(true, Ordering::Relaxed);
        }
    }

    /// Encodes only these of its pictures from now on; sound goes on in any case.
    pub fn only(&self, layers: &[Layer]) {
        for (layer, state) in self.shared.layers.iter().filter(|(layer, _)| !layer.is_audio()) {
            state.paused.store(!layers.contains(layer), Ordering::Relaxed);
        }
    }

    /// True once the clip has ended, [`Sender::stop`] took effect, or a thread failed.
    pub fn is_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Asks all threads to end. They do so within about 100 ms.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for the end (of a clip that isn't looped, or after [`Sender::stop`]) and gives the
    /// last counts, or the first error of any thread: one line.
    pub fn join(mut self) -> Result<BTreeMap<Layer, LayerCounts>, String> {
        for thread in std::mem::take(&mut self.threads) {
            if thread.join().is_err() {
                return Err("a thread of the sender panicked; this is a bug of Canopy".to_owned());
            }
        }
        let failure = self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or_else(|| Ok(self.counts()), Err)
    }

    /// What each layer's encoder did so far.
    pub fn counts(&self) -> BTreeMap<Layer, LayerCounts> {
        self.shared.layers.iter().map(|(&layer, state)| (layer, state.counts())).collect()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn capture(&self, capture: Capture, sound: Option<SyncSender<(Vec<i16>, u64)>>) {
        let ended = capture.run(&self.stop, |shot, captured_us| {
            match shot {
                Shot::Picture(image) => {
                    for state in
                        self.layers.iter().filter(|(layer, _)| !layer.is_audio()).map(|(_, state)| state)
                    {
                        state.pictures.put((image.clone(), captured_us));
                    }
                }
                Shot::Sound(samples) => {
                    if let Some(queue) = &sound
                        && queue.try_send((samples, captured_us)).is_err()
                        && let Some(state) = self.layers.get(&Layer::Audio)
                    {
                        state.sound_dropped.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            true
        });
        self.layers.values().for_each(|state| state.pictures.close());
        self.note(ended.map_err(|error| EncodeError(error.0)));
    }

    fn encode_pictures(&self, layer: Layer, mut encoder: VideoLayer, sink: &Sink) -> Result<(), EncodeError> {
        let Some(state) = self.layers.get(&layer) else { return Ok(()) };
        while !self.stop.load(Ordering::Relaxed) {
            let (image, captured_us) = match state.pictures.take(NAP) {
                Taken::Value(picture) => picture,
                Taken::Nothing => continue,
                Taken::Closed => break,
            };
            if state.paused.load(Ordering::Relaxed) {
                continue;
            }
            let key = encoder.may_key(captured_us) && state.key_wanted.swap(false, Ordering::Relaxed);
            let frame = encoder.encode(&image, captured_us, key)?;
            state.add(&frame);
            sink(frame);
        }
        Ok(())
    }

    fn encode_sound(
        &self,
        mut encoder: AudioLayer,
        queue: &Receiver<(Vec<i16>, u64)>,
        hears: Option<Hears>,
        sink: &Sink,
    ) {
        let Some(state) = self.layers.get(&Layer::Audio) else { return };
        while !self.stop.load(Ordering::Relaxed) {
            match queue.recv_timeout(NAP) {
                Ok((samples, captured_us)) => {
                    if let Some(hears) = &hears {
                        hears(level::below_db(&samples));
                    }
                    match encoder.encode(&samples, captured_us) {
                        Ok(frame) => {
                            state.add(&frame);
                            sink(frame);
                        }
                        Err(error) => return self.note(Err(error)),
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Keeps the first failure, and ends everything with it.
    fn note(&self, result: Result<(), EncodeError>) {
        if let Err(error) = result {
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.0);
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl LayerState {
    fn add(&self, frame: &EncodedFrame) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.keys.fetch_add(u64::from(frame.key && !frame.layer.is_audio()), Ordering::Relaxed);
        self.bytes.fetch_add(frame.data.len() as u64, Ordering::Relaxed);
    }

    fn counts(&self) -> LayerCounts {
        LayerCounts {
            frames: self.frames.load(Ordering::Relaxed),
            keys: self.keys.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            overrun: self.pictures.overwritten() + self.sound_dropped.load(Ordering::Relaxed),
        }
    }
}
