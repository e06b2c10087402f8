//! The front door: start a node, tell it, ask it, stop it.

use bytes::Bytes;
use overlay_core::id::NodeId;
use overlay_core::io::Command;
use overlay_core::status::Status;
use overlay_core::unit::Frame;
use tokio::sync::mpsc;

use crate::address::ContactError;
use crate::authority::Authority;
use crate::config::{Config, Delivered, Happening};
use crate::counters::Counters;

/// What happens, in order. Must be read: while [`crate::config::HAPPENINGS_MAX`] wait, control stops.
pub type Events = mpsc::Receiver<Happening>;
/// Whole frames; those that come while [`crate::config::FRAMES_MAX`] wait are dropped and counted.
pub type Frames = mpsc::Receiver<Delivered>;

/// Why a node could not be started: the owner's to change, each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else listens there.
    #[error("{port} is taken by another program: stop it, or choose another port (0 takes a free one)")]
    PortTaken {
        /// Such as `UDP port 4000`.
        port: String,
    },
    /// The system does not let us listen there.
    #[error("cannot listen on {address}: {why}; choose another address")]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        why: String,
    },
    /// An address of the configuration isn't one.
    #[error("{address} is no address to listen on; write /ip4/0.0.0.0/udp/PORT/quic-v1 or /ip4/0.0.0.0/tcp/PORT")]
    NotAnAddress {
        /// The text.
        address: String,
    },
    /// A bootstrap contact isn't one.
    #[error("{contact}: {why}")]
    Contact {
        /// The text.
        contact: String,
        /// What is wrong with it.
        why: ContactError,
    },
    /// libp2p could not be put together.
    #[error("the network could not be started: {0}")]
    Transport(String),
}

/// Talks to a running node. When the last handle is dropped the node stops, without a farewell.
#[derive(Clone)]
pub struct Handle {}

/// Starts a node. Must be called within a tokio runtime, whose tasks it then lives in.
pub fn spawn<A: Authority>(_config: Config, _authority: A) -> Result<(Handle, Events, Frames), Error> {
    todo!()
}

/// The node that a seed makes.
pub fn node_id_of_seed(_seed: [u8; 32]) -> NodeId {
    todo!()
}

impl Handle {
    /// This node.
    pub fn me(&self) -> NodeId {
        todo!()
    }

    /// Tells the core. `Command::Uplink` also sets the pacer's limit; `Command::Shut` also cuts the link.
    pub fn command(&self, _command: Command) {
        todo!()
    }

    /// Publishes a sealed frame of our own source. Never blocks; what the links can't carry is dropped.
    pub fn publish(&self, _frame: Frame<Bytes>) {
        todo!()
    }

    /// Dials a contact until there is a link, as if it had been a bootstrap contact.
    pub fn dial(&self, _contact: &str) -> Result<(), ContactError> {
        todo!()
    }

    /// What was carried so far.
    pub fn counters(&self) -> Counters {
        todo!()
    }

    /// The core's own place.
    pub fn status(&self) -> Status {
        todo!()
    }

    /// Takes leave, gives that [`crate::config::FAREWELL`] to get out, closes all links.
    pub async fn shutdown(&self) {
        todo!()
    }
}
