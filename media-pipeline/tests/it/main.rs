//! The pipeline's behaviour, told as stories. Clips are made here; nothing is read from elsewhere.

mod keys;
mod ordering;
mod sealing;
mod vectors;

#[cfg(feature = "ffmpeg")]
mod clips;
#[cfg(feature = "ffmpeg")]
mod pipeline;
#[cfg(feature = "ffmpeg")]
mod receiving;
#[cfg(feature = "ffmpeg")]
mod recording;
#[cfg(feature = "ffmpeg")]
mod studio;
