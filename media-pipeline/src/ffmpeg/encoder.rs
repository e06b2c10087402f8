//! VP8 through libvpx, for conversation: no delay, constant rate, key frames on demand only.

use ffmpeg::format::Pixel;
use ffmpeg::util::picture;
use ffmpeg_next as ffmpeg;

use super::picture::Scaled;
use super::{find_encoder, open_codec};

/// What an encoder is opened for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VideoSettings {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) kbps: u32,
    /// Pictures a second, as a fraction.
    pub(crate) rate: (i32, i32),
    /// Two temporal layers (L1T2): every other frame is left out of all prediction.
    pub(crate) temporal: bool,
}

/// What the encoder made of one picture.
pub(crate) struct Packet {
    pub(crate) key: bool,
    pub(crate) data: Vec<u8>,
}

/// Key frames come on demand; this many frames is 10 minutes.
const GOP: u32 = 18_000;

pub(crate) struct VideoEncoder(ffmpeg::encoder::video::Video);

impl VideoEncoder {
    pub(crate) fn open(settings: VideoSettings) -> Result<VideoEncoder, String> {
        let codec = find_encoder("libvpx")?;
        let wrong = |error| format!("FFmpeg can't make a VP8 encoder: {error}");
        let mut video =
            ffmpeg::codec::context::Context::new_with_codec(codec).encoder().video().map_err(wrong)?;
        let bits = settings.kbps as usize * 1000;
        video.set_width(settings.width);
        video.set_height(settings.height);
        video.set_format(Pixel::YUV420P);
        video.set_time_base((settings.rate.1, settings.rate.0));
        video.set_frame_rate(Some(settings.rate));
        video.set_bit_rate(bits);
        video.set_gop(GOP);
        video.set_max_b_frames(0);
        // SAFETY: the context was allocated above for this codec and is not open yet. FFmpeg
        // chooses constant bit rate only if all three rates agree.
        unsafe {
            let context = video.as_mut_ptr();
            (*context).rc_min_rate = bits as i64;
            (*context).rc_max_rate = bits as i64;
            (*context).rc_buffer_size = i32::try_from(bits * 6 / 10).unwrap_or(i32::MAX);
            (*context).thread_count = 1;
            let layers = layers(settings.kbps);
            let mut options = OPTIONS.to_vec();
            if settings.temporal {
                options.push(("ts-parameters", &layers));
            }
            open_codec(context, codec, &options)?;
        }
        Ok(VideoEncoder(video))
    }

    /// Encodes one picture at `pts` (in 1/rate); `key` makes exactly this one a key frame.
    pub(crate) fn encode(&mut self, mut picture: Scaled, pts: i64, key: bool) -> Result<Packet, String> {
        let wrong = |error| format!("the VP8 encoder failed: {error}");
        picture.0.set_kind(if key { picture::Type::I } else { picture::Type::None });
        picture.0.set_pts(Some(pts));
        self.0.send_frame(&picture.0).map_err(wrong)?;
        let mut packet = ffmpeg::Packet::empty();
        // Without lag and frame dropping there is one packet for each picture.
        self.0.receive_packet(&mut packet).map_err(wrong)?;
        Ok(Packet { key: packet.is_key(), data: packet.data().unwrap_or_default().to_vec() })
    }
}

/// A negative cpu-used is a fixed speed; a positive one lets libvpx choose by the wall clock.
const OPTIONS: [(&str, &str); 9] = [
    ("deadline", "realtime"),
    ("cpu-used", "-8"),
    ("lag-in-frames", "0"),
    ("error-resilient", "default"),
    ("auto-alt-ref", "0"),
    ("static-thresh", "1"),
    ("undershoot-pct", "100"),
    ("overshoot-pct", "15"),
    ("max-intra-rate", "300"),
];

/// libvpx's pattern 2: the base layer gets 60 % of the rate, and the frames between depend on it.
fn layers(kbps: u32) -> String {
    format!(
        "ts_number_layers=2:ts_target_bitrate={},{kbps}:ts_rate_decimator=2,1:ts_periodicity=2:ts_layer_id=0,1:ts_layering_mode=2",
        kbps * 6 / 10
    )
}
