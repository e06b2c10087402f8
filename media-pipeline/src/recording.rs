//! What a receiver records of a source whose layers come and go: the largest that moves, and sound.

use std::collections::VecDeque;
use std::path::PathBuf;

use crate::frame::EncodedFrame;
use crate::layer::Layer;
use crate::record::Recorder;

/// How long the file waits for the other of picture and sound before it is made without.
const WAIT_US: u64 = 2_000_000;
/// The most frames that wait: 2 s of sound and three layers.
const WAITING_MAX: usize = 400;
/// A layer that is silent for longer gives way to a smaller one.
const STALE_US: u64 = 1_000_000;

/// A recorder that finds out by itself what there is to record.
pub(crate) struct Recording {
    path: PathBuf,
    recorder: Option<Recorder>,
    waiting: VecDeque<EncodedFrame>,
    since_us: Option<u64>,
    layer: Option<Layer>,
    layer_us: u64,
}

impl Recording {
    pub(crate) fn new(path: PathBuf) -> Recording {
        Recording { path, recorder: None, waiting: VecDeque::new(), since_us: None, layer: None, layer_us: 0 }
    }

    /// Takes a released frame; gives the number of frames written so far.
    pub(crate) fn write(&mut self, frame: &EncodedFrame, now_us: u64) -> Result<u64, String> {
        if self.recorder.is_none() {
            self.waiting.push_back(frame.clone());
            let since_us = *self.since_us.get_or_insert(now_us);
            let both = self.waits_with(true) && self.waits_with(false);
            if !both && now_us.saturating_sub(since_us) < WAIT_US && self.waiting.len() < WAITING_MAX {
                return Ok(0);
            }
            return self.open(now_us);
        }
        self.pass(frame, now_us)
    }

    /// Ends the file, with what was still waiting.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        if self.recorder.is_none() && !self.waiting.is_empty() {
            self.open(0)?;
        }
        self.recorder.map_or(Ok(()), |recorder| recorder.finish().map_err(|error| error.0))
    }

    fn waits_with(&self, audio: bool) -> bool {
        self.waiting.iter().any(|frame| frame.layer.is_audio() == audio)
    }

    fn open(&mut self, now_us: u64) -> Result<u64, String> {
        let (video, audio) = (self.waits_with(false), self.waits_with(true));
        self.recorder = Some(Recorder::create(&self.path, video, audio).map_err(|error| error.0)?);
        let mut waiting: Vec<_> = std::mem::take(&mut self.waiting).into();
        waiting.sort_by_key(|frame| frame.captured_us);
        let mut written = 0;
        for frame in &waiting {
            written = self.pass(frame, now_us)?;
        }
        Ok(written)
    }

    fn pass(&mut self, frame: &EncodedFrame, now_us: u64) -> Result<u64, String> {
        let wanted = frame.layer.is_audio() || self.prefers(frame, now_us);
        let Some(recorder) = &mut self.recorder else { return Ok(0) };
        if wanted {
            recorder.write(frame).map_err(|error| error.0)?;
        }
        Ok(recorder.written())
    }

    /// The largest layer wins with its key frame; a smaller one follows when the larger is silent.
    fn prefers(&mut self, frame: &EncodedFrame, now_us: u64) -> bool {
        let stale = now_us.saturating_sub(self.layer_us) > STALE_US;
        if frame.key && self.layer.is_none_or(|layer| frame.layer > layer || stale) {
            self.layer = Some(frame.layer);
        }
        let wanted = self.layer == Some(frame.layer);
        if wanted {
            self.layer_us = now_us;
        }
        wanted
    }
}
