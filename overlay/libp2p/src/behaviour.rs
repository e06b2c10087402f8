//! Gives each connection its handler and its outlet, and passes what handlers say on to the driver.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use crate::address;
use crate::handler::{FromPeer, Handler};
use crate::hub::Hub;
use crate::outlet::Outlet;

/// What a connection's handler has said.
#[derive(Debug)]
pub(crate) struct Said {
    /// Over which connection.
    pub(crate) connection: ConnectionId,
    /// What.
    pub(crate) what: FromPeer,
}

/// A peer whose key isn't Ed25519 has no node id.
#[derive(Debug)]
struct NotEd25519;

impl fmt::Display for NotEd25519 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer's key is not Ed25519")
    }
}

impl std::error::Error for NotEd25519 {}

/// The lanes of all connections. Holds at most one entry for each connection, and for each handler
/// what it has said (libp2p takes at most a few events from one before it is polled again).
pub(crate) struct Behaviour {
    hub: Arc<Hub>,
    outlets: BTreeMap<ConnectionId, Arc<Outlet>>,
    said: VecDeque<Said>,
}

impl Behaviour {
    /// No connections yet.
    pub(crate) fn new(hub: Arc<Hub>) -> Behaviour {
        Behaviour { hub, outlets: BTreeMap::new(), said: VecDeque::new() }
    }

    /// The way out over a connection.
    pub(crate) fn outlet(&self, connection: ConnectionId) -> Option<Arc<Outlet>> {
        self.outlets.get(&connection).cloned()
    }

    fn handler(
        &mut self,
        id: ConnectionId,
        peer: &PeerId,
        is_ours: bool,
    ) -> Result<Handler, ConnectionDenied> {
        let peer = address::node_id(peer).ok_or_else(|| ConnectionDenied::new(NotEd25519))?;
        if !is_ours {
            // One of ours is paid for when it is dialled.
            self.hub.pacer.connects(self.hub.clock.now());
        }
        let outlet = Arc::new(Outlet::new(peer, is_ours));
        self.outlets.insert(id, Arc::clone(&outlet));
        Ok(Handler::new(Arc::clone(&self.hub), outlet))
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Said;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(id, &peer, false)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(id, &peer, true)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(closed) => {
                self.outlets.remove(&closed.connection_id);
            }
            // Another behaviour may deny a connection after we made its handler.
            FromSwarm::ListenFailure(failure) => {
                self.outlets.remove(&failure.connection_id);
            }
            FromSwarm::DialFailure(failure) => {
                self.outlets.remove(&failure.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        connection: ConnectionId,
        what: THandlerOutEvent<Self>,
    ) {
        self.said.push_back(Said { connection, what });
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Said, THandlerInEvent<Self>>> {
        match self.said.pop_front() {
            Some(said) => Poll::Ready(ToSwarm::GenerateEvent(said)),
            None => Poll::Pending,
        }
    }
}
