//! Opus at a constant bit rate, without DTX: neither size nor silence tells who speaks.

use ffmpeg::util::{channel_layout::ChannelLayout, format, frame};
use ffmpeg_next as ffmpeg;

use super::{find_encoder, open_codec};

/// Samples a second.
pub(crate) const RATE: u32 = 48_000;
/// Samples in one packet: 20 ms.
pub(crate) const SAMPLES: usize = 960;

pub(crate) struct OpusEncoder {
    audio: ffmpeg::encoder::audio::Audio,
    pts: i64,
}

impl OpusEncoder {
    pub(crate) fn open(kbps: u32) -> Result<OpusEncoder, String> {
        let codec = find_encoder("libopus")?;
        let wrong = |error| format!("FFmpeg can't make an Opus encoder: {error}");
        let mut audio =
            ffmpeg::codec::context::Context::new_with_codec(codec).encoder().audio().map_err(wrong)?;
        audio.set_rate(RATE as i32);
        audio.set_channel_layout(ChannelLayout::MONO);
        audio.set_format(format::Sample::I16(format::sample::Type::Packed));
        audio.set_bit_rate(kbps as usize * 1000);
        audio.set_time_base((1, RATE as i32));
        let options = [("application", "audio"), ("vbr", "off"), ("frame_duration", "20")];
        // SAFETY: the context was allocated above for this codec and is not open yet.
        unsafe { open_codec(audio.as_mut_ptr(), codec, &options)? };
        Ok(OpusEncoder { audio, pts: 0 })
    }

    /// Encodes [`SAMPLES`] mono samples to one packet.
    pub(crate) fn encode(&mut self, samples: &[i16]) -> Result<Vec<u8>, String> {
        let wrong = |error| format!("the Opus encoder failed: {error}");
        let mut sound = frame::Audio::new(
            format::Sample::I16(format::sample::Type::Packed),
            SAMPLES,
            ChannelLayout::MONO,
        );
        sound.set_rate(RATE);
        sound.set_pts(Some(self.pts));
        self.pts += SAMPLES as i64;
        let to = sound.plane_mut::<i16>(0);
        let len = samples.len().min(to.len());
        to[..len].copy_from_slice(&samples[..len]);
        to[len..].fill(0);
        self.audio.send_frame(&sound).map_err(wrong)?;
        let mut packet = ffmpeg::Packet::empty();
        self.audio.receive_packet(&mut packet).map_err(wrong)?;
        Ok(packet.data().unwrap_or_default().to_vec())
    }
}
