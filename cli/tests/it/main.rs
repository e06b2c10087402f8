//! The program as its users meet it: real processes, real sockets, real files.

mod bad_input;
#[cfg(feature = "ffmpeg")]
mod meeting;
mod program;
