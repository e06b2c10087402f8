//! The front door: start a node, tell it, ask it, stop it.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use libp2p::core::transport::TransportError;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, Swarm};
use overlay_core::id::NodeId;
use overlay_core::io::{Command, Input};
use overlay_core::node::Node;
use overlay_core::shards;
use overlay_core::status::Status;
use overlay_core::unit::Frame;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroize;

use crate::address::{self, ContactError};
use crate::authority::Authority;
use crate::config::{self, Config, Delivered, Happening};
use crate::counters::Counters;
use crate::driver::{Driver, Order};
use crate::framing::Parcel;
use crate::hub::Hub;
use crate::recorder::Recorder;
use crate::swarm::{self, Behaviours};

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
    #[error(
        "{address} is no address to listen on; write /ip4/0.0.0.0/udp/PORT/quic-v1 or /ip4/0.0.0.0/tcp/PORT"
    )]
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
    /// The core's journal can't be written.
    #[error("the core's journal can't be written: {0}; give another file")]
    Journal(std::io::Error),
    /// libp2p could not be put together.
    #[error("the network could not be started: {0}")]
    Transport(String),
}

/// Talks to a running node. When the last handle is dropped the node stops, without a farewell.
#[derive(Clone)]
pub struct Handle {
    me: NodeId,
    hub: Arc<Hub>,
    orders: mpsc::Sender<Order>,
}

/// Starts a node. Must be called within a tokio runtime, whose tasks it then lives in.
pub fn spawn<A: Authority>(mut config: Config, authority: A) -> Result<(Handle, Events, Frames), Error> {
    let keypair = keypair(&mut config.seed);
    let me = address::node_id(&keypair.public().to_peer_id()).unwrap_or(config.node.me);
    let contacts = parse_contacts(&config.bootstrap)?;
    let (frames_in, frames) = mpsc::channel(config::FRAMES_MAX);
    let (happenings, events) = mpsc::channel(config::HAPPENINGS_MAX);
    let (orders, orders_out) = mpsc::channel(config::ORDERS_MAX);
    config.node.me = me;
    let contacts_in_notes =
        config.node.contacts.iter().filter_map(|contact| address::without_identity(contact));
    config.node.contacts = contacts_in_notes.collect();
    config.node.uplink_kbps = config.uplink_kbps.unwrap_or(config::UNLIMITED_KBPS);
    let recorder = config.journal.map(|file| Recorder::start(file, &config.node)).transpose();
    let recorder = recorder.map_err(Error::Journal)?;
    let node = Node::new(config.node);
    let hub = Arc::new(Hub::new(node, recorder, config.uplink_kbps, config.tap, frames_in));
    let mut swarm = swarm::build(keypair, Arc::clone(&hub)).map_err(Error::Transport)?;
    for text in &config.listen {
        listen(&mut swarm, text)?;
    }
    let mut driver = Driver::new(me, swarm, Arc::clone(&hub), Box::new(authority), orders_out, happenings);
    for (peer, address, contact) in contacts {
        driver.want(peer, address, &contact);
    }
    tokio::spawn(driver.run());
    Ok((Handle { me, hub, orders }, events, frames))
}

/// The node that a seed makes.
pub fn node_id_of_seed(mut seed: [u8; 32]) -> NodeId {
    let peer = keypair(&mut seed).public().to_peer_id();
    address::node_id(&peer).unwrap_or(NodeId([0; 32]))
}

impl Handle {
    /// This node.
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// Tells the core. `Command::Uplink` also sets the pacer's limit; `Command::Shut` also cuts the link.
    pub fn command(&self, command: Command) {
        if let Command::Uplink { kbps } = &command {
            self.hub.pacer.set_limit(Some(*kbps));
        }
        self.hub.tell(Input::Command(command));
    }

    /// Publishes a sealed frame of our own source. Never blocks; what the links can't carry is dropped.
    pub fn publish(&self, frame: Frame<Bytes>) {
        if let Some(shape) = self.hub.shape(frame.layer) {
            let cut = shards::cut(&frame, shape).map(|unit| Parcel::new(&unit));
            self.hub.tell(Input::Publish(cut));
        }
    }

    /// Dials a contact until there is a link, as if it had been a bootstrap contact. More than
    /// [`config::ORDERS_MAX`] at once are dropped, and logged.
    pub fn dial(&self, contact: &str) -> Result<(), ContactError> {
        let (peer, address) = address::parse_contact(contact)?;
        if self.orders.try_send(Order::Dial { peer, address, contact: contact.to_owned() }).is_err() {
            tracing::warn!(contact, "too many dials at once: this one is dropped");
        }
        Ok(())
    }

    /// What was carried so far.
    pub fn counters(&self) -> Counters {
        self.hub.counters()
    }

    /// The core's own place.
    pub fn status(&self) -> Status {
        self.hub.status()
    }

    /// Takes leave, gives that [`config::FAREWELL`] to get out, closes all links.
    pub async fn shutdown(&self) {
        self.command(Command::Leave);
        // The leave is signed by the driver, then queued, then sent by QUIC: no event tells when.
        let until = self.hub.clock.instant(self.hub.clock.now() + config::FAREWELL);
        tokio::time::sleep(FLUSH).await;
        while self.hub.links().iter().any(|outlet| !outlet.is_quiet()) && self.hub.clock.is_before(until) {
            tokio::time::sleep(FLUSH / 4).await;
        }
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Stop(done)).await.is_ok() {
            let _ = wait.await;
        }
        self.hub.flush_journal();
    }
}

/// How long a farewell takes to be signed, and to leave QUIC's own buffers.
const FLUSH: Duration = Duration::from_millis(100);

/// The key of a seed; the seed is overwritten.
fn keypair(seed: &mut [u8; 32]) -> Keypair {
    // Any 32 bytes are an Ed25519 seed, and the call overwrites them itself.
    let keypair = Keypair::ed25519_from_bytes(&mut *seed);
    seed.zeroize();
    keypair.expect("32 bytes are a seed")
}

fn parse_contacts(texts: &[String]) -> Result<Vec<(NodeId, Multiaddr, String)>, Error> {
    texts
        .iter()
        .map(|contact| match address::parse_contact(contact) {
            Ok((peer, address)) => Ok((peer, address, contact.clone())),
            Err(why) => Err(Error::Contact { contact: contact.clone(), why }),
        })
        .collect()
}

fn listen(swarm: &mut Swarm<Behaviours>, text: &str) -> Result<(), Error> {
    let not_an_address = || Error::NotAnAddress { address: text.to_owned() };
    let address: Multiaddr = text.parse().map_err(|_| not_an_address())?;
    probe_tcp(&address).map_err(|error| why_not(&address, &error))?;
    match swarm.listen_on(address.clone()) {
        Ok(_) => Ok(()),
        Err(TransportError::MultiaddrNotSupported(_)) => Err(not_an_address()),
        Err(TransportError::Other(error)) => Err(why_not(&address, &error)),
    }
}

/// libp2p listens on TCP with SO_REUSEPORT, which would let two nodes share a port in silence: so
/// the port is taken for a moment without it.
fn probe_tcp(address: &Multiaddr) -> std::io::Result<()> {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => std::net::IpAddr::from(ip),
        Some(Protocol::Ip6(ip)) => std::net::IpAddr::from(ip),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) if port > 0 => TcpListener::bind((ip, port)).map(drop),
        _ => Ok(()),
    }
}

fn why_not(address: &Multiaddr, error: &std::io::Error) -> Error {
    let text = error.to_string();
    // libp2p wraps the system's error in its own, which hides the kind.
    if error.kind() == std::io::ErrorKind::AddrInUse || text.contains("in use") {
        return Error::PortTaken { port: address::port_of(address) };
    }
    Error::Listen { address: address.to_string(), why: text }
}
