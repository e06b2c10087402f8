//! Matroska files, written so that they play even if the process is killed in the middle.

use std::path::Path;

use ffmpeg::codec::packet::Flags;
use ffmpeg::ffi;
use ffmpeg_next as ffmpeg;

/// `OpusHead` (RFC 7845, 5.1): version 1, mono, pre-skip 312 samples (what libopus needs to start
/// at 48 kHz), 48 kHz, no gain, mapping family 0.
pub(crate) const OPUS_HEAD: [u8; 19] = *b"OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00";
const OPUS_PRE_SKIP: i32 = 312;

/// A cluster is closed, and with it what a player can read, at least this often.
const CLUSTER_MS: &str = "1000";
/// How long a packet of one stream waits for one of the other, in µs.
const INTERLEAVE_US: i64 = 500_000;

pub(crate) struct Muxer {
    output: ffmpeg::format::context::Output,
    video: Option<usize>,
    audio: Option<usize>,
}

/// Copies `bytes` into a buffer that FFmpeg owns and frees, with the padding that it asks for.
pub(super) fn extradata(bytes: &[u8]) -> *mut u8 {
    // SAFETY: the buffer is zeroed, longer than what is copied, and null is checked.
    unsafe {
        let buffer = ffi::av_mallocz(bytes.len() + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize).cast::<u8>();
        assert!(!buffer.is_null(), "out of memory");
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, bytes.len());
        buffer
    }
}

impl Muxer {
    /// Creates the file with a VP8 stream if it has a size, and an Opus stream.
    pub(crate) fn create(path: &Path, video: Option<(u16, u16)>, audio: bool) -> Result<Muxer, String> {
        super::init();
        let wrong =
            |error| format!("can't write {}: {error}; check the folder and its free space", path.display());
        let name =
            path.to_str().ok_or_else(|| format!("{} is no UTF-8 name; choose another", path.display()))?;
        let mut output = ffmpeg::format::output_as(&format!("file:{name}"), "matroska").map_err(wrong)?;
        let mut streams = 0..;
        let video = video.map(|size| {
            add_video(&mut output, size);
            streams.next().unwrap_or(0)
        });
        let audio = audio.then(|| {
            add_audio(&mut output);
            streams.next().unwrap_or(0)
        });
        // SAFETY: the output was just opened and its header is not written yet.
        unsafe {
            let context = output.as_mut_ptr();
            (*context).flags |= ffi::AVFMT_FLAG_FLUSH_PACKETS;
            (*context).max_interleave_delta = INTERLEAVE_US;
        }
        let mut options = ffmpeg::Dictionary::new();
        options.set("cluster_time_limit", CLUSTER_MS);
        output.write_header_with(options).map_err(wrong)?;
        Ok(Muxer { output, video, audio })
    }

    /// Writes one frame at `at_us` from the file's start. Frames of a kind that the file was made
    /// without are left out: false.
    pub(crate) fn write(&mut self, audio: bool, key: bool, at_us: u64, data: &[u8]) -> Result<bool, String> {
        let Some(stream) = (if audio { self.audio } else { self.video }) else { return Ok(false) };
        let mut packet = ffmpeg::Packet::copy(data);
        let at = i64::try_from(at_us).unwrap_or(i64::MAX);
        packet.set_stream(stream);
        packet.set_pts(Some(at));
        packet.set_dts(Some(at));
        if audio {
            packet.set_duration(20_000);
        }
        if key {
            packet.set_flags(Flags::KEY);
        }
        if let Some(to) = self.output.stream(stream).map(|stream| stream.time_base()) {
            packet.rescale_ts(ffmpeg::Rational(1, 1_000_000), to);
        }
        packet.write_interleaved(&mut self.output).map_err(|error| format!("can't record: {error}"))?;
        Ok(true)
    }

    /// Writes what is held back, the index and the length.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        self.output.write_trailer().map_err(|error| format!("can't end the recording: {error}"))
    }
}

fn add_video(output: &mut ffmpeg::format::context::Output, (width, height): (u16, u16)) {
    add(output, |parameters| {
        parameters.codec_type = ffi::AVMediaType::AVMEDIA_TYPE_VIDEO;
        parameters.codec_id = ffi::AVCodecID::AV_CODEC_ID_VP8;
        parameters.format = ffi::AVPixelFormat::AV_PIX_FMT_YUV420P as i32;
        parameters.width = i32::from(width);
        parameters.height = i32::from(height);
    });
}

fn add_audio(output: &mut ffmpeg::format::context::Output) {
    add(output, |parameters| {
        parameters.codec_type = ffi::AVMediaType::AVMEDIA_TYPE_AUDIO;
        parameters.codec_id = ffi::AVCodecID::AV_CODEC_ID_OPUS;
        parameters.sample_rate = super::opus::RATE as i32;
        parameters.frame_size = super::opus::SAMPLES as i32;
        parameters.initial_padding = OPUS_PRE_SKIP;
        parameters.extradata = extradata(&OPUS_HEAD);
        parameters.extradata_size = OPUS_HEAD.len() as i32;
        // SAFETY: `ch_layout` belongs to these parameters and is still empty.
        unsafe { ffi::av_channel_layout_default(&mut parameters.ch_layout, 1) };
    });
}

fn add(output: &mut ffmpeg::format::context::Output, fill: impl FnOnce(&mut ffi::AVCodecParameters)) {
    // SAFETY: the context is live; a new stream belongs to it and has parameters of its own.
    unsafe {
        let stream = ffi::avformat_new_stream(output.as_mut_ptr(), std::ptr::null());
        assert!(!stream.is_null(), "out of memory");
        (*stream).time_base = ffi::AVRational { num: 1, den: 1000 };
        fill(&mut *(*stream).codecpar);
    }
}
