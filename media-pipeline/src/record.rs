//! Records one source as it came, into a Matroska file: nothing is transcoded.

use std::path::{Path, PathBuf};

use crate::ffmpeg::muxer::Muxer;
use crate::frame::EncodedFrame;
use crate::layer::Layer;

/// Why a recording can't be made or go on: the disk or the folder. One line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordError(pub String);

/// Writes the released frames of one source. The file is playable at any moment, even when the
/// process is killed; [`Recorder::finish`] adds the length and the index.
pub struct Recorder {
    path: PathBuf,
    has_video: bool,
    has_audio: bool,
    open: Option<Open>,
    layer: Option<Layer>,
    written: u64,
}

struct Open {
    muxer: Muxer,
    /// Wall clock of the file's first frame.
    start_us: u64,
    /// Time of the last frame of each kind: Matroska wants them in order.
    last_us: [u64; 2],
}

impl Recorder {
    /// Records into `path` a picture, sound, or both. The file appears with the first key frame
    /// (the first sound, without a picture). An existing file is overwritten.
    pub fn create(path: &Path, has_video: bool, has_audio: bool) -> Result<Recorder, RecordError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            return Err(RecordError(format!(
                "can't write {}: there is no such folder; make it first",
                path.display()
            )));
        }
        let path = path.to_owned();
        Ok(Recorder { path, has_video, has_audio, open: None, layer: None, written: 0 })
    }

    /// Writes one frame. False if it is left out: sound before the first picture, a kind that the
    /// file was made without, or another size of the picture before its key frame. A key frame of
    /// another layer switches to that layer.
    pub fn write(&mut self, frame: &EncodedFrame) -> Result<bool, RecordError> {
        let audio = frame.layer.is_audio();
        if !(if audio { self.has_audio } else { self.has_video }) {
            return Ok(false);
        }
        if !audio {
            if frame.key {
                self.layer = Some(frame.layer);
            } else if self.layer != Some(frame.layer) {
                return Ok(false);
            }
        }
        let Some(open) = self.opened(frame)? else { return Ok(false) };
        let last_us = &mut open.last_us[usize::from(audio)];
        let at_us = frame.captured_us.saturating_sub(open.start_us);
        if frame.captured_us < open.start_us || (*last_us > 0 && at_us <= *last_us) {
            return Ok(false);
        }
        *last_us = at_us;
        let written = open.muxer.write(audio, frame.key, at_us, &frame.data).map_err(RecordError)?;
        self.written += u64::from(written);
        Ok(written)
    }

    /// Frames written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Ends the file. `Ok` too if nothing was ever written, and no file made.
    pub fn finish(self) -> Result<(), RecordError> {
        self.open.map_or(Ok(()), |open| open.muxer.finish().map_err(RecordError))
    }

    fn opened(&mut self, frame: &EncodedFrame) -> Result<Option<&mut Open>, RecordError> {
        if self.open.is_none() {
            let starts = if self.has_video { !frame.layer.is_audio() && frame.key } else { true };
            if !starts {
                return Ok(None);
            }
            let size = self.has_video.then_some((frame.width, frame.height));
            let muxer = Muxer::create(&self.path, size, self.has_audio).map_err(RecordError)?;
            self.open = Some(Open { muxer, start_us: frame.captured_us, last_us: [0; 2] });
        }
        Ok(self.open.as_mut())
    }
}
