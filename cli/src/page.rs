//! The server of the page on this machine's loopback address. It hands out the page's files to whoever runs on
//! this machine, and its one socket only to who has the token ([`guard`]). What is said over the socket is the
//! business of [`crate::window`] and [`crate::relay`].

mod assets;
mod guard;
mod launch;
mod server;
mod socket;
mod token;

pub use launch::launch;
pub use server::{Page, serve};
#[cfg(feature = "ffmpeg")]
pub use socket::Outlet;
pub use socket::{Media, Request};
