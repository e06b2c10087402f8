//! Three ways to forward frames.

pub(crate) mod canopy;
pub(crate) mod gossip;
pub(crate) mod plain;
