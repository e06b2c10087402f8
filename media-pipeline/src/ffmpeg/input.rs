//! Clips and FFmpeg's generators, as pictures and 48 kHz mono sound with their times.

use std::ffi::CString;
use std::path::Path;

use ffmpeg::codec::{context, decoder};
use ffmpeg::format::context::Input as Container;
use ffmpeg::format::stream::Disposition;
use ffmpeg::util::{frame, media};
use ffmpeg_next as ffmpeg;

use super::picture::Image;
use super::resampler::Resampler;

/// The most packets that are skipped without one picture or sound coming of them.
const SILENT_PACKETS_MAX: usize = 10_000;

/// Something to show or to hear, `at_us` after the start of the input.
pub(crate) enum Media {
    Picture { image: Image, at_us: i64 },
    Sound { samples: Vec<i16>, at_us: i64 },
}

/// An open input with a picture.
pub(crate) struct Input {
    container: Container,
    pictures: Track<decoder::Video>,
    sound: Option<(Track<decoder::Audio>, Resampler)>,
    /// µs of the container's first timestamp.
    origin_us: i64,
    rate: f64,
    ended: Ended,
    ready: std::collections::VecDeque<Media>,
}

/// How far the end has come: the decoders hold frames back until they are told.
#[derive(PartialEq)]
enum Ended {
    No,
    Draining,
}

struct Track<D> {
    index: usize,
    decoder: D,
    time_base: f64,
    /// Where the next frame starts if it doesn't say, in µs.
    next_us: i64,
}

/// Why an input wasn't opened.
pub(crate) enum Trouble {
    /// It can't be read.
    Unreadable(String),
    /// It has no moving picture.
    NoVideo,
}

impl Input {
    /// Opens a file, and nothing but that file: what it refers to by URL is not fetched.
    pub(crate) fn file(path: &Path) -> Result<Input, Trouble> {
        super::init();
        let unreadable = |error: ffmpeg::Error| Trouble::Unreadable(error.to_string());
        let name = path.to_str().ok_or_else(|| Trouble::Unreadable("its name is not UTF-8".to_owned()))?;
        let mut options = ffmpeg::Dictionary::new();
        options.set("protocol_whitelist", "file");
        let container =
            ffmpeg::format::input_with_dictionary(&format!("file:{name}"), options).map_err(unreadable)?;
        Input::over(container)
    }

    /// Opens a graph of FFmpeg's generators, with `[out0]` for pictures and `[out1]` for sound.
    pub(crate) fn generator(graph: &str) -> Result<Input, Trouble> {
        super::init();
        ffmpeg::device::register_all();
        let name = CString::from(c"lavfi");
        // SAFETY: the name lives through the call; the result is checked, and static.
        let format = unsafe {
            let format = ffmpeg::ffi::av_find_input_format(name.as_ptr());
            if format.is_null() {
                return Err(Trouble::Unreadable("this FFmpeg has no lavfi device".to_owned()));
            }
            ffmpeg::format::Input::wrap(format as *mut _)
        };
        let format = ffmpeg::Format::Input(format);
        match ffmpeg::format::open_with(graph, &format, ffmpeg::Dictionary::new()) {
            Ok(context) => Input::over(context.input()),
            Err(error) => Err(Trouble::Unreadable(error.to_string())),
        }
    }

    fn over(container: Container) -> Result<Input, Trouble> {
        let unreadable = |error: ffmpeg::Error| Trouble::Unreadable(error.to_string());
        let stream = container.streams().best(media::Type::Video).ok_or(Trouble::NoVideo)?;
        // The cover of a song is a picture, but no video.
        if stream.disposition().contains(Disposition::ATTACHED_PIC) {
            return Err(Trouble::NoVideo);
        }
        let rate = f64::from(stream.avg_frame_rate());
        let opened = context::Context::from_parameters(stream.parameters()).map_err(unreadable)?;
        let pictures = Track::of(&stream, opened.decoder().video().map_err(unreadable)?);
        // A clip whose sound can't be decoded is sent without.
        let sound = container.streams().best(media::Type::Audio).and_then(|stream| {
            let opened = context::Context::from_parameters(stream.parameters()).ok()?;
            Some((Track::of(&stream, opened.decoder().audio().ok()?), Resampler::default()))
        });
        // SAFETY: the container is open; this reads one field.
        let start = unsafe { (*container.as_ptr()).start_time };
        let origin_us = if start == ffmpeg::ffi::AV_NOPTS_VALUE { 0 } else { start };
        let ready = std::collections::VecDeque::new();
        Ok(Input { container, pictures, sound, origin_us, rate, ended: Ended::No, ready })
    }

    /// Pictures a second, if it says anything sensible.
    pub(crate) fn rate(&self) -> Option<f64> {
        (self.rate.is_finite() && self.rate >= 1.0).then_some(self.rate)
    }

    pub(crate) fn has_sound(&self) -> bool {
        self.sound.is_some()
    }

    /// What comes next in the file's order, `None` at its end. Damaged packets are skipped.
    pub(crate) fn next(&mut self) -> Result<Option<Media>, String> {
        for _ in 0..SILENT_PACKETS_MAX {
            if let Some(media) = self.ready.pop_front() {
                return Ok(Some(media));
            }
            if self.ended == Ended::Draining {
                return Ok(None);
            }
            let mut packet = ffmpeg::Packet::empty();
            match packet.read(&mut self.container) {
                Ok(()) => self.feed(&packet)?,
                Err(ffmpeg::Error::Eof) => self.drain()?,
                Err(error) => return Err(format!("the clip can't be read any further: {error}")),
            }
        }
        Err("the clip has no picture that this FFmpeg can decode".to_owned())
    }

    fn feed(&mut self, packet: &ffmpeg::Packet) -> Result<(), String> {
        if packet.stream() == self.pictures.index {
            if self.pictures.decoder.send_packet(packet).is_ok() {
                self.take_pictures();
            }
        } else if let Some((track, _)) = &mut self.sound
            && packet.stream() == track.index
            && track.decoder.send_packet(packet).is_ok()
        {
            self.take_sound()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), String> {
        self.ended = Ended::Draining;
        if self.pictures.decoder.send_eof().is_ok() {
            self.take_pictures();
        }
        if let Some((track, _)) = &mut self.sound
            && track.decoder.send_eof().is_ok()
        {
            self.take_sound()?;
        }
        Ok(())
    }

    fn take_pictures(&mut self) {
        let period_us = self.rate().map_or(33_333, |rate| (1e6 / rate) as i64);
        loop {
            let mut picture = frame::Video::empty();
            if self.pictures.decoder.receive_frame(&mut picture).is_err() {
                return;
            }
            let at_us = self.pictures.place(picture.timestamp(), self.origin_us);
            self.pictures.next_us = at_us + period_us;
            self.ready.push_back(Media::Picture { image: Image::new(picture), at_us });
        }
    }

    fn take_sound(&mut self) -> Result<(), String> {
        let Some((track, resampler)) = &mut self.sound else { return Ok(()) };
        loop {
            let mut sound = frame::Audio::empty();
            if track.decoder.receive_frame(&mut sound).is_err() {
                return Ok(());
            }
            let at_us = track.place(sound.timestamp(), self.origin_us);
            track.next_us = at_us + sound.samples() as i64 * 1_000_000 / i64::from(sound.rate().max(1));
            let samples = resampler.run(sound)?;
            self.ready.push_back(Media::Sound { samples, at_us });
        }
    }
}

impl<D> Track<D> {
    fn of(stream: &ffmpeg::format::stream::Stream<'_>, decoder: D) -> Track<D> {
        Track { index: stream.index(), decoder, time_base: f64::from(stream.time_base()), next_us: 0 }
    }

    fn place(&self, timestamp: Option<i64>, origin_us: i64) -> i64 {
        match timestamp {
            Some(ticks) => (ticks as f64 * self.time_base * 1e6).round() as i64 - origin_us,
            None => self.next_us,
        }
    }
}
