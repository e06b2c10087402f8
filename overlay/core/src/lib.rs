//! The overlay as plain state machines: who feeds whom, and what happens when somebody dies.
//!
//! No I/O, no clock, no randomness of its own, no keys, no codecs. See [`node::Node`] for the verbs.
//! Each module imports only from those below it in this list:
//!
//! | module | its noun |
//! |---|---|
//! | [`node`] | one node: a value in, values out |
//! | `coordinator` | whoever plans now |
//! | `speech` | notes and messages between neighbours |
//! | `follow` | a new plan: what it changes for this node |
//! | `beats` | who is still there: how far a presence goes, and whose silence counts |
//! | `serve` | children: who is accepted, what they are told |
//! | `repair` | looking for a parent |
//! | `relay` | the data plane: forward, thin, drop, deliver |
//! | `state` | what a node holds, one field for each room |
//! | [`status`] | what a node knows of its own place, as plain data |
//! | `links` | neighbours, and for each tree a parent and children |
//! | `gossip` | notes that are kept and were seen |
//! | `stage` | who is plugged into which slot |
//! | `ring` | the last second of a tree |
//! | [`plan`] | the plan, and the pure function that makes it |
//! | [`members`] | who is present, and what they say about themselves |
//! | [`wire`] | control messages and unit headers as bytes |
//! | [`timers`] | why a node wants to be called again, and when |
//! | [`config`] | every bound and every span, with its reason |
//! | [`io`] | the values that go in and come out |
//! | [`mod@unit`] | what travels in a tree |
//! | [`id`], [`time`] | who and when |

mod beats;
mod coordinator;
mod follow;
mod gossip;
mod links;
mod relay;
mod repair;
mod ring;
mod serve;
mod speech;
mod stage;
mod state;

pub mod config;
pub mod id;
pub mod io;
pub mod members;
pub mod node;
pub mod plan;
pub mod status;
pub mod time;
pub mod timers;
pub mod unit;
pub mod wire;
