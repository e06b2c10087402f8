//! The overlay over rust-libp2p: the only crate that names it.
//!
//! [`spawn`] starts a node: one [`overlay_core::node::Node`], a swarm, and a task that drives both.
//! Units go from the connection that read them through the core to the children's queues and into
//! their streams, without any other task in between. Each module imports only from those below it:
//!
//! | module | its noun |
//! |---|---|
//! | [`handle`] | the front door: start, tell, ask, stop |
//! | `driver` | the task that does what the core wants done beside units |
//! | `dials` | whom to reach, and when to try again |
//! | `swarm` | libp2p put together, with limits |
//! | `behaviour` | a handler and an outlet for each connection |
//! | `handler` | one connection: reads its lanes |
//! | `hub` | the core, shared by all of them |
//! | `errands` | what the core wants done that is not sending |
//! | `recorder` | what the core is told, written down for a replay |
//! | `upgrade` | telling which lane a stream is |
//! | `outlet` | the way out to one peer: its lanes, written by whoever has something |
//! | `queue` | what waits on one lane, and what is too old to send |
//! | `framing` | lanes as bytes |
//! | `pacer` | the uplink, shared by all lanes |
//! | `lane` | control, sound, pictures, and their bounds |
//! | [`counters`] | what was carried |
//! | [`authority`] | whom to take in, and what to believe |
//! | [`address`] | where to find whom |
//! | [`config`] | what a node is started with, and every bound |
//! | `clock` | the one clock |

pub mod address;
pub mod authority;
pub mod config;
pub mod counters;
pub mod handle;

mod behaviour;
mod clock;
mod dials;
mod driver;
mod errands;
mod framing;
mod handler;
mod hub;
mod lane;
mod outlet;
mod pacer;
mod queue;
mod recorder;
mod swarm;
mod upgrade;

pub use address::{contact, node_id_of};
pub use authority::{Authority, Refusal};
pub use config::{Config, Delivered, Happening};
pub use counters::Counters;
pub use handle::{Error, Events, Frames, Handle, node_id_of_seed, spawn};
