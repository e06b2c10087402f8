//! Any sound to 48 kHz mono.

use ffmpeg::software::resampling;
use ffmpeg::util::{channel_layout::ChannelLayout, format, frame};
use ffmpeg_next as ffmpeg;

use super::opus::RATE;

/// Room beyond the converted length, for what the resampler held back before.
const SPARE: usize = 1024;

#[derive(Default)]
pub(crate) struct Resampler {
    context: Option<(Shape, resampling::Context)>,
}

type Shape = (format::Sample, u16, u32);

impl Resampler {
    /// The samples of `sound` as 48 kHz mono, with what was held back before.
    pub(super) fn run(&mut self, mut sound: frame::Audio) -> Result<Vec<i16>, String> {
        let wrong = |error| format!("FFmpeg can't convert the sound: {error}");
        let shape = (sound.format(), sound.channels().max(1), sound.rate().max(1));
        let layout = ChannelLayout::default(i32::from(shape.1));
        // Files that don't name their layout get the usual one for that many channels.
        sound.set_channel_layout(layout);
        let to = format::Sample::I16(format::sample::Type::Packed);
        let context = match self.context.take() {
            Some((known, context)) if known == shape => context,
            _ => resampling::Context::get(shape.0, layout, shape.2, to, ChannelLayout::MONO, RATE)
                .map_err(wrong)?,
        };
        let (_, context) = self.context.insert((shape, context));
        let room = sound.samples() * RATE as usize / shape.2 as usize + SPARE;
        let mut out = frame::Audio::new(to, room, ChannelLayout::MONO);
        context.run(&sound, &mut out).map_err(wrong)?;
        Ok(out.plane::<i16>(0)[..out.samples().min(room)].to_vec())
    }
}
