//! Stories about nodes that meet over real sockets on this machine.

mod harness;
mod hostile;
mod identify;
mod links;
mod raw;
mod recorded;
mod relaying;
mod uplink;
