//! A source's way out and in: capture → encode → seal, and open → jitter buffer → decode or record.
//!
//! Each step is one module, one type in and one type out. [`send::Sender`] and
//! [`receive::Receiver`] are the two front doors that run the steps on their own threads. Only
//! the module `ffmpeg` names FFmpeg; without the feature `ffmpeg` what remains is sealing,
//! opening and ordering, and no C library is needed.

#[cfg(feature = "ffmpeg")]
pub mod capture;
#[cfg(feature = "ffmpeg")]
pub mod clip;
pub mod clock;
#[cfg(feature = "ffmpeg")]
pub mod decode;
#[cfg(feature = "ffmpeg")]
pub mod encode;
#[cfg(feature = "ffmpeg")]
mod ffmpeg;
pub mod frame;
pub mod ingest;
pub mod jitter;
pub mod layer;
pub mod level;
pub mod open;
pub mod picture;
#[cfg(feature = "ffmpeg")]
pub mod receive;
#[cfg(feature = "ffmpeg")]
pub mod record;
#[cfg(feature = "ffmpeg")]
mod recording;
mod replay;
pub mod seal;
#[cfg(feature = "ffmpeg")]
pub mod send;
pub mod slot;
#[cfg(feature = "ffmpeg")]
mod sound;
pub mod trial;
pub mod wire;

pub use frame::EncodedFrame;
pub use layer::Layer;
