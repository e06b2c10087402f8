//! The way in, one for each source: jitter buffers, decoders, the recorder, on a thread of their own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver as Queue, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clock::wall_us;
use crate::decode::{AudioDecoder, DecodeError, VideoDecoder};
use crate::encode::{REFERENCE_EVERY, reference_path};
use crate::frame::EncodedFrame;
use crate::jitter::{self, Jitter};
use crate::layer::Layer;
use crate::picture::Picture;
use crate::recording::Recording;
use crate::slot::Slot;

/// Opened frames that wait for the receiver's thread: more than 2 s of three layers and sound.
const QUEUE: usize = 512;
/// How long the thread waits at most before it looks at its deadlines.
const NAP_US: u64 = 100_000;
/// A picture that stands longer than this is frozen.
pub const FREEZE_US: u64 = 200_000;

/// What to do with a source's frames besides decoding them.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The Matroska file to record into. It starts with the first key frame. If it exists, or if
    /// pictures begin only after 2 s of sound, `-2`, `-3` ... behind the name make another.
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

/// Receives one source. Its thread ends when it is dropped or finished.
pub struct Receiver {
    queue: Option<SyncSender<(EncodedFrame, u64)>>,
    thread: Option<JoinHandle<()>>,
    counts: Arc<Mutex<Tally>>,
    pictures: Slot<Picture>,
}

/// The counts, and when the shown picture was decoded.
#[derive(Default)]
struct Tally {
    counts: Counts,
    frozen_us: u64,
    shown_us: Option<u64>,
}

impl Receiver {
    /// Starts the thread. The decoders are opened here, so that a missing one is found at once.
    pub fn start(config: Config, events: Events) -> Result<Receiver, DecodeError> {
        VideoDecoder::open()?;
        AudioDecoder::open()?;
        let (queue, from) = sync_channel(QUEUE);
        let (counts, pictures) = (Arc::new(Mutex::new(Tally::default())), Slot::default());
        let worker = Worker {
            lanes: BTreeMap::new(),
            recording: config.record.map(Recording::new),
            reference: config.reference,
            events,
            counts: Arc::clone(&counts),
            pictures: pictures.clone(),
        };
        let thread = thread::Builder::new().name("receive".to_owned()).spawn(move || worker.run(&from));
        let thread = thread.map_err(|error| DecodeError(format!("can't start a thread: {error}")))?;
        Ok(Receiver { queue: Some(queue), thread: Some(thread), counts, pictures })
    }

    /// Takes an opened frame that arrived at `now_us` of [`wall_us`]. Never blocks; false if it
    /// was dropped because the queue is full (the jitter buffer then sees a gap).
    pub fn push(&self, frame: EncodedFrame, now_us: u64) -> bool {
        let taken = self.queue.as_ref().is_some_and(|queue| queue.try_send((frame, now_us)).is_ok());
        if !taken {
            lock(&self.counts).counts.overflowed += 1;
        }
        taken
    }

    /// The newest decoded picture of the largest layer that moves, for whoever shows it.
    pub fn pictures(&self) -> Slot<Picture> {
        self.pictures.clone()
    }

    /// What happened up to `now_us` of [`wall_us`].
    pub fn counts(&self, now_us: u64) -> Counts {
        lock(&self.counts).at(now_us)
    }

    /// Takes in what is queued, ends the recording, and gives the final counts; a picture that
    /// stands at `now_us` is frozen until then.
    pub fn finish(mut self, now_us: u64) -> Counts {
        self.end();
        self.counts(now_us)
    }

    fn end(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed by its hook; the counts tell what came before.
            let _ = thread.join();
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the thread owns.
struct Worker {
    lanes: BTreeMap<Layer, Lane>,
    recording: Option<Recording>,
    reference: Option<PathBuf>,
    events: Events,
    counts: Arc<Mutex<Tally>>,
    pictures: Slot<Picture>,
}

/// One layer of the source.
struct Lane {
    jitter: Jitter,
    decoder: Decoder,
    /// When it last gave a picture.
    moved_us: u64,
}

enum Decoder {
    Video(VideoDecoder),
    Audio(AudioDecoder),
}

impl Worker {
    fn run(mut self, queue: &Queue<(EncodedFrame, u64)>) {
        loop {
            let now_us = wall_us();
            let due = self.lanes.values().filter_map(|lane| lane.jitter.deadline()).min();
            // Never zero: a deadline that has passed and changes nothing must not spin.
            let wait_us = due.map_or(NAP_US, |due| due.saturating_sub(now_us).clamp(1_000, NAP_US));
            match queue.recv_timeout(Duration::from_micros(wait_us)) {
                Ok((frame, at_us)) => self.take(frame, at_us),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.release();
        }
        match self.recording.take().map(Recording::finish) {
            Some(Ok(written)) => lock(&self.counts).counts.recorded = written,
            Some(Err(why)) => (self.events)(Event::RecordingFailed(why)),
            None => {}
        }
    }

    fn take(&mut self, frame: EncodedFrame, at_us: u64) {
        let layer = frame.layer;
        let lane = match self.lanes.entry(layer) {
            Entry::Occupied(lane) => lane.into_mut(),
            Entry::Vacant(place) => {
                let Ok(lane) = Lane::open(layer) else { return };
                place.insert(lane)
            }
        };
        lane.jitter.push(at_us, frame);
    }

    fn release(&mut self) {
        for layer in Layer::ALL {
            while let Some(frame) = self.lanes.get_mut(&layer).and_then(|lane| lane.jitter.pop(wall_us())) {
                self.record(&frame);
                self.decode(frame);
            }
            let Some(lane) = self.lanes.get_mut(&layer) else { continue };
            if lane.jitter.needs_key(wall_us()) {
                (self.events)(Event::NeedsKey(layer));
            }
            lock(&self.counts).counts.layers.entry(layer).or_default().jitter = lane.jitter.counts();
        }
    }

    fn decode(&mut self, frame: EncodedFrame) {
        let (layer, number, captured_us) = (frame.layer, frame.number, frame.captured_us);
        let Some(lane) = self.lanes.get_mut(&layer) else { return };
        let decoded = match &mut lane.decoder {
            Decoder::Video(decoder) => decoder.decode(&frame).map(Some),
            Decoder::Audio(decoder) => decoder.decode(&frame).map(|_| None),
        };
        let at_us = wall_us();
        let Some(picture) = decoded else {
            lock(&self.counts).counts.layers.entry(layer).or_default().refused += 1;
            return;
        };
        lane.moved_us = at_us;
        lock(&self.counts).decoded(layer, at_us);
        (self.events)(Event::Decoded { layer, number, captured_us, at_us });
        let Some(picture) = picture else { return };
        self.measure(layer, number, &picture);
        let larger = self.lanes.range(layer..).any(|(&other, lane)| other != layer && lane.moves(at_us));
        if !larger {
            self.pictures.put(picture);
        }
    }

    fn measure(&mut self, layer: Layer, number: u32, picture: &Picture) {
        let Some(dir) = self.reference.as_ref().filter(|_| number.is_multiple_of(REFERENCE_EVERY)) else {
            return;
        };
        // A source that doesn't measure writes no references.
        if let Ok(reference) = std::fs::read(reference_path(dir, layer, number)) {
            (self.events)(Event::Psnr { layer, number, db: picture.psnr(&reference) });
        }
    }

    fn record(&mut self, frame: &EncodedFrame) {
        let Some(recording) = &mut self.recording else { return };
        match recording.write(frame, wall_us()) {
            Ok(written) => lock(&self.counts).counts.recorded = written,
            Err(why) => {
                self.recording = None;
                (self.events)(Event::RecordingFailed(why));
            }
        }
    }
}

impl Lane {
    fn open(layer: Layer) -> Result<Lane, DecodeError> {
        let decoder = match layer.is_audio() {
            true => Decoder::Audio(AudioDecoder::open()?),
            false => Decoder::Video(VideoDecoder::open()?),
        };
        Ok(Lane { jitter: Jitter::new(), decoder, moved_us: 0 })
    }

    fn moves(&self, now_us: u64) -> bool {
        now_us.saturating_sub(self.moved_us) <= FREEZE_US
    }
}

impl Tally {
    fn decoded(&mut self, layer: Layer, at_us: u64) {
        self.counts.layers.entry(layer).or_default().decoded += 1;
        if layer.is_audio() {
            self.counts.first_sound_us.get_or_insert(at_us);
            return;
        }
        self.counts.first_picture_us.get_or_insert(at_us);
        self.frozen_us += self.stood_us(at_us);
        self.shown_us = Some(at_us);
    }

    /// How long the shown picture has stood, if that is a freeze.
    fn stood_us(&self, now_us: u64) -> u64 {
        let stood_us = self.shown_us.map_or(0, |shown_us| now_us.saturating_sub(shown_us));
        if stood_us > FREEZE_US { stood_us } else { 0 }
    }

    fn at(&self, now_us: u64) -> Counts {
        Counts { frozen_ms: (self.frozen_us + self.stood_us(now_us)) / 1000, ..self.counts.clone() }
    }
}

// A thread that panicked while it counted left numbers, not nonsense.
fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
