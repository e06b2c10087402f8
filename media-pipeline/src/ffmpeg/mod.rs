//! The only module that names FFmpeg. Its neighbours see frames, samples and bytes.
//!
//! FFmpeg's own calls are `unsafe` where `ffmpeg-next` has no safe door; each says why it is sound.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::sync::Once;

use ffmpeg_next as ffmpeg;

pub(crate) mod decoder;
pub(crate) mod encoder;
pub(crate) mod input;
pub(crate) mod muxer;
pub(crate) mod opus;
pub(crate) mod picture;
pub(crate) mod resampler;

pub(crate) use picture::{Image, Scaler};

/// What to do when a codec is missing.
const INSTALL: &str = "install an FFmpeg with libvpx and libopus (Debian: libavcodec-extra or ffmpeg)";

/// Registers FFmpeg's devices, once, and silences its log below errors of ours.
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // It only fails if the library can't allocate; every later call reports that on its own.
        let _ = ffmpeg::init();
        ffmpeg::log::set_level(ffmpeg::log::Level::Fatal);
    });
}

fn find_encoder(name: &str) -> Result<ffmpeg::Codec, String> {
    init();
    ffmpeg::encoder::find_by_name(name).ok_or_else(|| format!("FFmpeg has no encoder {name}: {INSTALL}"))
}

fn find_decoder(id: ffmpeg::codec::Id) -> Result<ffmpeg::Codec, String> {
    init();
    ffmpeg::decoder::find(id).ok_or_else(|| format!("FFmpeg has no decoder for {id:?}: {INSTALL}"))
}

/// Opens `context` as `codec`. `ffmpeg-next` drops options that the codec doesn't know; here
/// they are an error, so that a misspelt one can't silently do nothing.
///
/// # Safety
/// `context` is a live, unopened context that was allocated for `codec`.
unsafe fn open_codec(
    context: *mut ffmpeg::ffi::AVCodecContext,
    codec: ffmpeg::Codec,
    options: &[(&str, &str)],
) -> Result<(), String> {
    let mut dictionary = std::ptr::null_mut();
    for (key, value) in options {
        let (Ok(key), Ok(value)) = (CString::new(*key), CString::new(*value)) else {
            return Err("an option holds a zero byte".to_owned());
        };
        // SAFETY: both strings live through the call, which copies them.
        unsafe { ffmpeg::ffi::av_dict_set(&mut dictionary, key.as_ptr(), value.as_ptr(), 0) };
    }
    // SAFETY: the caller vouches for the context; the dictionary is ours, and is replaced by the
    // options that were not used.
    let (code, unused) = unsafe {
        let code = ffmpeg::ffi::avcodec_open2(context, codec.as_ptr(), &mut dictionary);
        (code, ffmpeg::Dictionary::own(dictionary))
    };
    if code < 0 {
        return Err(format!("FFmpeg can't open {}: {}", codec.name(), ffmpeg::Error::from(code)));
    }
    match unused.iter().next() {
        Some((key, _)) => {
            Err(format!("this FFmpeg's {} doesn't know the option {key}: {INSTALL}", codec.name()))
        }
        None => Ok(()),
    }
}
