//! Where a source's pictures and sound come from: a clip, or the test card.
//!
//! [`open`] reads the first picture at once, so that what can't be sent is refused before anything
//! starts. A camera, a screen or a microphone will be one more [`Source`] each.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::{sleep_until, wall_us};
use crate::ffmpeg::input::{Input, Media, Trouble};
use crate::ffmpeg::{Image, opus};
use crate::sound::Chunks;

/// The most pictures that are sent in a second; what a source has beyond is left out.
pub const FPS_MAX: u32 = 30;
/// How far the file's order of pictures and sound is evened out, at most.
const AHEAD_MAX: usize = 48;
/// A capture that is later than this gives up the lost time instead of racing after it.
const BEHIND_MAX_US: u64 = 1_000_000;
/// How soon a stop is noticed.
const NAP: Duration = Duration::from_millis(50);

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Any clip that FFmpeg reads.
    File {
        /// The clip.
        path: PathBuf,
        /// From the start again at its end, without a jump in the timestamps; else it ends there.
        looped: bool,
    },
    /// A moving picture with a running clock, and a tone.
    TestCard {
        /// Width in pixels, even.
        width: u32,
        /// Height in pixels, even.
        height: u32,
    },
}

/// Why a source can't be sent: the user's choice of it. One line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CaptureError(pub String);

/// A source that is open and has given its first picture.
pub struct Capture {
    source: Source,
    input: Input,
    /// Read, and not yet due, in the order of their times; times run on through every loop.
    pictures: VecDeque<(i64, Image)>,
    sound: Option<Chunks>,
    first: Image,
    /// What is added to the input's times in this loop.
    offset_us: i64,
    /// Where the next loop starts: the end of the longest track so far.
    end_us: i64,
    period_us: i64,
    ended: bool,
}

/// What is due now.
pub(crate) enum Shot {
    /// A picture.
    Picture(Image),
    /// 20 ms of sound: [`opus::SAMPLES`] samples.
    Sound(Vec<i16>),
}

/// Opens `source` and reads its first picture.
pub fn open(source: Source) -> Result<Capture, CaptureError> {
    let mut input = open_input(&source)?;
    let mut early = Vec::new();
    let (first, at_us) = loop {
        match input.next() {
            Ok(Some(Media::Picture { image, at_us })) => break (image, at_us),
            Ok(Some(sound)) => early.push(sound),
            Ok(None) => return Err(refusal(&source, "it holds no picture that this FFmpeg can decode")),
            Err(why) => return Err(refusal(&source, &why)),
        }
    };
    let rate = input.rate().unwrap_or(f64::from(FPS_MAX)).min(f64::from(FPS_MAX));
    let mut capture = Capture {
        sound: input.has_sound().then(Chunks::default),
        source,
        input,
        pictures: VecDeque::new(),
        first: first.clone(),
        offset_us: 0,
        end_us: 0,
        period_us: (1e6 / rate) as i64,
        ended: false,
    };
    early.into_iter().for_each(|media| capture.take(media));
    capture.take(Media::Picture { image: first, at_us });
    Ok(capture)
}

fn open_input(source: &Source) -> Result<Input, CaptureError> {
    let opened = match source {
        Source::File { path, .. } => Input::file(path),
        Source::TestCard { width, height } => Input::generator(&format!(
            "testsrc2=size={width}x{height}:rate={FPS_MAX},format=yuv420p[out0];\
             sine=frequency=440:beep_factor=2:sample_rate={}:samples_per_frame={}[out1]",
            opus::RATE,
            opus::SAMPLES
        )),
    };
    opened.map_err(|trouble| match trouble {
        Trouble::Unreadable(why) => refusal(source, &why),
        Trouble::NoVideo => refusal(source, "it has no video"),
    })
}

fn refusal(source: &Source, why: &str) -> CaptureError {
    CaptureError(match source {
        Source::File { path, .. } => {
            format!("can't send {}: {why}; choose a clip with a picture that FFmpeg plays", path.display())
        }
        Source::TestCard { width, height } => {
            format!("can't make a test card of {width}x{height}: {why}; choose another size or a clip")
        }
    })
}

impl Capture {
    /// True if there is sound to send.
    pub fn has_sound(&self) -> bool {
        self.sound.is_some()
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        self.first.size()
    }

    pub(crate) fn first(&self) -> &Image {
        &self.first
    }

    /// Pictures a second, as a fraction.
    pub(crate) fn rate(&self) -> (i32, i32) {
        ((1_000_000_000 / self.period_us.max(1)) as i32, 1000)
    }

    /// Gives out every picture and every 20 ms of sound when it is due, with the wall clock of that
    /// moment, until the source ends, `stop` is set, or `out` says false.
    pub(crate) fn run(
        mut self,
        stop: &AtomicBool,
        mut out: impl FnMut(Shot, u64) -> bool,
    ) -> Result<(), CaptureError> {
        let mut zero_us = wall_us();
        let mut next_picture_us = i64::MIN / 2;
        while let Some((at_us, shot)) = self.next()? {
            let due_us = zero_us.saturating_add_signed(at_us);
            while !sleep_until(due_us, NAP) {
                if stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            let behind_us = wall_us().saturating_sub(due_us);
            if behind_us > BEHIND_MAX_US {
                zero_us += behind_us;
            }
            if matches!(shot, Shot::Picture(_)) {
                // A tenth of a period is forgiven: files round their times.
                if at_us < next_picture_us - self.period_us / 10 {
                    continue;
                }
                next_picture_us = (at_us - self.period_us).max(next_picture_us) + self.period_us;
            }
            if stop.load(Ordering::Relaxed) || !out(shot, due_us) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What is due next, with its time since the start; `None` at the end.
    fn next(&mut self) -> Result<Option<(i64, Shot)>, CaptureError> {
        while !self.knows_next() {
            self.read()?;
        }
        let picture_us = self.pictures.front().map(|(at_us, _)| *at_us);
        let sound_us = self.sound.as_ref().and_then(Chunks::next_us);
        if let (Some(chunks), Some(at_us)) = (&mut self.sound, sound_us)
            && picture_us.is_none_or(|picture_us| at_us <= picture_us)
        {
            return Ok(chunks.pop().map(|samples| (at_us, Shot::Sound(samples))));
        }
        Ok(self.pictures.pop_front().map(|(at_us, image)| (at_us, Shot::Picture(image))))
    }

    /// True if nothing that is still to be read can be due before what is here.
    fn knows_next(&self) -> bool {
        let sound_here = self.sound.as_ref().is_none_or(|chunks| chunks.next_us().is_some());
        let sound_full = self.sound.as_ref().is_some_and(Chunks::is_full);
        let both = !self.pictures.is_empty() && sound_here;
        self.ended || both || self.pictures.len() >= AHEAD_MAX || sound_full
    }

    fn read(&mut self) -> Result<(), CaptureError> {
        match self.input.next() {
            Ok(Some(media)) => self.take(media),
            // What can't be read any further ends there, as a cut-off file does.
            Ok(None) | Err(_) => self.end_or_loop()?,
        }
        Ok(())
    }

    fn take(&mut self, media: Media) {
        match media {
            Media::Picture { image, at_us } => {
                let at_us = self.offset_us + at_us.max(0);
                self.end_us = self.end_us.max(at_us + self.period_us);
                self.pictures.push_back((at_us, image));
            }
            Media::Sound { samples, at_us } => {
                if let Some(chunks) = &mut self.sound {
                    chunks.push(self.offset_us + at_us, &samples);
                    self.end_us = self.end_us.max(chunks.end_us());
                }
            }
        }
    }

    fn end_or_loop(&mut self) -> Result<(), CaptureError> {
        let again = matches!(self.source, Source::File { looped: true, .. });
        // A loop that gave nothing would spin.
        if !again || self.end_us <= self.offset_us {
            self.ended = true;
            return Ok(());
        }
        self.offset_us = self.end_us;
        self.input = open_input(&self.source)?;
        Ok(())
    }
}
