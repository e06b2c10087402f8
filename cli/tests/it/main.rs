//! The program as its users meet it: real processes, real sockets, real files.

mod bad_input;
#[cfg(feature = "ffmpeg")]
mod browser;
#[cfg(feature = "ffmpeg")]
mod floor;
#[cfg(feature = "ffmpeg")]
mod hidden;
#[cfg(all(feature = "ffmpeg", target_os = "linux"))]
mod link;
#[cfg(all(feature = "ffmpeg", target_os = "linux"))]
mod live;
#[cfg(feature = "ffmpeg")]
mod meeting;
#[cfg(feature = "ffmpeg")]
mod page;
mod program;
mod safety;
#[cfg(feature = "ffmpeg")]
mod several;
mod unlinkable;
