//! What a receiver records of a source whose layers come and go: the largest that moves, and sound.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::frame::EncodedFrame;
use crate::layer::Layer;
use crate::record::Recorder;

/// How long the file waits for the other of picture and sound before it is made without.
const WAIT_US: u64 = 2_000_000;
/// The most frames that wait: 2 s of sound and three layers.
const WAITING_MAX: usize = 400;
/// A layer that is silent for longer gives way to a smaller one.
const STALE_US: u64 = 1_000_000;
/// The most files that one source's recording is spread over.
const FILES_MAX: u32 = 100;

/// A recorder that finds out by itself what there is to record.
pub(crate) struct Recording {
    path: PathBuf,
    recorder: Option<Recorder>,
    waiting: VecDeque<EncodedFrame>,
    since_us: Option<u64>,
    layer: Option<Layer>,
    layer_us: u64,
    /// Frames in the files that are finished.
    before: u64,
}

impl Recording {
    pub(crate) fn new(path: PathBuf) -> Recording {
        Recording {
            path,
            recorder: None,
            waiting: VecDeque::new(),
            since_us: None,
            layer: None,
            layer_us: 0,
            before: 0,
        }
    }

    /// Takes a released frame; gives the number of frames written so far.
    pub(crate) fn write(&mut self, frame: &EncodedFrame, now_us: u64) -> Result<u64, String> {
        if self.is_first_picture(frame) {
            self.start_anew()?;
        }
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

    /// Ends the file, with what was still waiting; gives the number of frames written in all.
    pub(crate) fn finish(mut self) -> Result<u64, String> {
        if self.recorder.is_none() && !self.waiting.is_empty() {
            self.open(0)?;
        }
        self.start_anew()?;
        Ok(self.before)
    }

    fn waits_with(&self, audio: bool) -> bool {
        self.waiting.iter().any(|frame| frame.layer.is_audio() == audio)
    }

    /// A file of sound alone can't take pictures any more: another one begins. (The other way
    /// round it stays as it is, since the pictures up to the next key frame would be lost.)
    fn is_first_picture(&self, frame: &EncodedFrame) -> bool {
        self.recorder.is_some() && self.layer.is_none() && frame.key && !frame.layer.is_audio()
    }

    /// Ends the file; what comes next begins another.
    fn start_anew(&mut self) -> Result<(), String> {
        let Some(recorder) = self.recorder.take() else { return Ok(()) };
        self.before += recorder.written();
        self.since_us = None;
        recorder.finish().map_err(|error| error.0)
    }

    fn open(&mut self, now_us: u64) -> Result<u64, String> {
        let (video, audio) = (self.waits_with(false), self.waits_with(true));
        self.recorder = Some(Recorder::create(&free(&self.path), video, audio).map_err(|error| error.0)?);
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
        Ok(self.before + recorder.written())
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

/// `path`, or with `-2`, `-3` ... behind its name: a source that comes back, or a second run, never
/// writes over what was recorded before. After [`FILES_MAX`] the last one is.
fn free(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let numbered = |number| path.with_file_name(format!("{stem}-{number}.{extension}"));
    let mut names = std::iter::once(path.to_owned()).chain((2..FILES_MAX).map(numbered));
    names.find(|name| !name.exists()).unwrap_or_else(|| numbered(FILES_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(layer: Layer, number: u32) -> EncodedFrame {
        let at_ms = u64::from(number) * if layer.is_audio() { 20 } else { 33 };
        EncodedFrame {
            layer,
            number,
            key: layer.is_audio() || number == 0,
            temporal: 0,
            depends_on: if layer.is_audio() { number } else { number.saturating_sub(1) },
            captured_us: 1_000_000 + at_ms * 1000,
            width: 320,
            height: 180,
            colour: 2,
            data: vec![0xfc; 80],
        }
    }

    #[test]
    fn pictures_that_begin_late_begin_a_file_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("source.mkv");
        let mut recording = Recording::new(path.clone());
        for number in 0..150 {
            recording.write(&frame(Layer::Audio, number), u64::from(number) * 20_000).unwrap();
        }
        assert!(path.exists(), "after two seconds nobody waits for a picture");
        for number in 0..10 {
            let mut picture = frame(Layer::P180, number);
            picture.captured_us += 3_000_000;
            recording.write(&picture, 3_000_000).unwrap();
        }
        assert_eq!(recording.finish(), Ok(160));
        assert!(dir.path().join("source-2.mkv").exists());
        assert_eq!(free(&path), dir.path().join("source-3.mkv"));
    }
}
