//! VP8 and Opus decoders for what comes from other people.

use ffmpeg::codec::Id;
use ffmpeg::util::frame;
use ffmpeg_next as ffmpeg;

use super::picture::packed;
use super::{find_decoder, muxer, open_codec};
use crate::picture::Picture;

/// The largest picture that is decoded, in pixels: a source's header may claim 268 million.
const PIXELS_MAX: i64 = 1280 * 720;

pub(crate) struct VideoDecoder(ffmpeg::decoder::Opened);
pub(crate) struct OpusDecoder(ffmpeg::decoder::Opened);

fn open(
    id: Id,
    prepare: impl FnOnce(*mut ffmpeg::ffi::AVCodecContext),
) -> Result<ffmpeg::decoder::Opened, String> {
    let codec = find_decoder(id)?;
    let mut decoder = ffmpeg::codec::context::Context::new_with_codec(codec).decoder();
    // SAFETY: the context was allocated above for this codec and is not open yet. More than one
    // thread would add a frame of delay.
    unsafe {
        let context = decoder.as_mut_ptr();
        (*context).thread_count = 1;
        prepare(context);
        open_codec(context, codec, &[])?;
    }
    Ok(ffmpeg::decoder::Opened(decoder))
}

impl VideoDecoder {
    pub(crate) fn open() -> Result<VideoDecoder, String> {
        // SAFETY: `open` passes a live context.
        open(Id::VP8, |context| unsafe { (*context).max_pixels = PIXELS_MAX }).map(VideoDecoder)
    }

    /// The picture of one VP8 frame; `None` if the decoder refuses it.
    pub(crate) fn decode(&mut self, data: &[u8]) -> Option<Picture> {
        self.0.send_packet(&ffmpeg::Packet::copy(data)).ok()?;
        let mut picture = frame::Video::empty();
        self.0.receive_frame(&mut picture).ok()?;
        if picture.format() != ffmpeg::format::Pixel::YUV420P {
            return None;
        }
        Picture::from_i420(picture.width() as usize, picture.height() as usize, packed(&picture))
    }
}

impl OpusDecoder {
    pub(crate) fn open() -> Result<OpusDecoder, String> {
        // SAFETY: `open` passes a live context that owns no extradata yet, and takes this over.
        open(Id::OPUS, |context| unsafe {
            (*context).sample_rate = super::opus::RATE as i32;
            (*context).extradata = muxer::extradata(&muxer::OPUS_HEAD);
            (*context).extradata_size = muxer::OPUS_HEAD.len() as i32;
        })
        .map(OpusDecoder)
    }

    /// How many samples one packet gave; `None` if the decoder refuses it.
    pub(crate) fn decode(&mut self, data: &[u8]) -> Option<usize> {
        self.0.send_packet(&ffmpeg::Packet::copy(data)).ok()?;
        let mut sound = frame::Audio::empty();
        self.0.receive_frame(&mut sound).ok()?;
        Some(sound.samples())
    }
}
