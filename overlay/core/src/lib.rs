//! The overlay as plain state machines: who feeds whom, and what happens when somebody dies.
//!
//! No I/O, no clock, no randomness of its own, no keys, no codecs. See [`node::Node`] for the verbs.

pub mod id;
pub mod io;
pub mod time;
pub mod unit;
