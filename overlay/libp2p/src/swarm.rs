//! libp2p put together: QUIC first, TCP with Noise and Yamux as the fallback, limits on everything.

use std::sync::Arc;
use std::time::Duration;

use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{
    Swarm, SwarmBuilder, connection_limits, identify, memory_connection_limits, noise, ping, quic, tcp, yamux,
};

use crate::behaviour::Behaviour;
use crate::config;
use crate::hub::Hub;

/// What all nodes say of themselves to identify: nothing that tells one program or release from
/// another (their versions are in the hello, for admitted peers).
const IDENTIFY_PROTOCOL: &str = "/canopy";
/// See [`IDENTIFY_PROTOCOL`].
const IDENTIFY_AGENT: &str = "canopy";
/// How often a peer is asked for a sign of life. QUIC notices a dead peer itself and the core notices one
/// that should carry something; only an idle TCP connection needs this. Each round costs a relay four
/// packets for each link.
const PING_EVERY: Duration = Duration::from_secs(15);
/// What is negotiated on one connection at a time: lanes, ping, identify.
const NEGOTIATING_MAX: usize = 16;

/// All behaviours; the limits come first, since they may deny what the others would take in.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviours {
    limits: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    /// Lanes of links.
    pub(crate) lanes: Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

/// A swarm that listens nowhere yet. Must be called within a tokio runtime.
pub(crate) fn build(keypair: Keypair, hub: Arc<Hub>) -> Result<Swarm<Behaviours>, String> {
    let identity = keypair.public();
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| error.to_string())?
        .with_quic_config(quic_limits)
        .with_behaviour(|_| behaviours(identity, hub))
        .map_err(|error| error.to_string())?
        .with_swarm_config(|swarm| {
            swarm
                .with_substream_upgrade_protocol_override(Version::V1Lazy)
                .with_max_negotiating_inbound_streams(NEGOTIATING_MAX)
                .with_idle_connection_timeout(config::IDLE_TIMEOUT)
                .with_smart_dial()
        })
        .build();
    Ok(swarm)
}

fn quic_limits(mut quic: quic::Config) -> quic::Config {
    quic.handshake_timeout = config::HANDSHAKE_TIMEOUT;
    quic.max_idle_timeout = config::IDLE_TIMEOUT.as_millis() as u32;
    quic.keep_alive_interval = config::IDLE_TIMEOUT / 3;
    quic.max_concurrent_stream_limit = config::STREAMS_MAX;
    quic.max_stream_data = config::STREAM_WINDOW;
    quic.max_connection_data = config::CONNECTION_WINDOW;
    quic
}

fn behaviours(identity: libp2p::identity::PublicKey, hub: Arc<Hub>) -> Behaviours {
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(config::PENDING_MAX))
        .with_max_pending_outgoing(Some(config::PENDING_MAX))
        .with_max_established(Some(config::CONNECTIONS_MAX))
        .with_max_established_per_peer(Some(config::CONNECTIONS_PER_PEER_MAX));
    // Listen addresses would tell a stranger the addresses of the home network.
    let identify = identify::Config::new(IDENTIFY_PROTOCOL.into(), identity)
        .with_agent_version(IDENTIFY_AGENT.into())
        .with_hide_listen_addrs(true)
        .with_push_listen_addr_updates(false)
        .with_cache_size(0);
    Behaviours {
        limits: connection_limits::Behaviour::new(limits),
        memory: memory_connection_limits::Behaviour::with_max_percentage(config::MEMORY_SHARE_MAX),
        lanes: Behaviour::new(hub),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_EVERY).with_timeout(PING_EVERY)),
    }
}
