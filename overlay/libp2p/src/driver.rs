//! The task that does what the core wants done beside sending: links, verdicts, signatures, timers.

mod admission;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures::StreamExt;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, Swarm, ping};
use overlay_core::id::NodeId;
use overlay_core::io::Input;
use overlay_core::time::Time;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

use crate::address;
use crate::authority::Authority;
use crate::behaviour::Said;
use crate::config::{ADMISSION_TIMEOUT, CONNECTIONS_MAX, FAREWELL, HAPPENINGS_MAX, Happening};
use crate::dials::Dials;
use crate::errands::Errand;
use crate::hub::{Batch, Hub};
use crate::outlet::{Outlet, Posted};
use crate::swarm::{Behaviours, BehavioursEvent};

/// What the owner wants of the driver.
pub(crate) enum Order {
    /// Dial this contact until there is a link.
    Dial { peer: NodeId, address: Multiaddr, contact: String },
    /// Close all and end; answered when that is done.
    Stop(oneshot::Sender<()>),
}

/// One connection as the driver sees it.
struct Connection {
    outlet: Arc<Outlet>,
    since: Time,
    /// Closed at this time, whatever happens: not admitted, or refused.
    until: Option<Time>,
}

/// Drives the swarm and the core. At most [`crate::config::CONNECTIONS_MAX`] connections.
pub(crate) struct Driver {
    me: NodeId,
    swarm: Swarm<Behaviours>,
    hub: Arc<Hub>,
    authority: Box<dyn Authority>,
    orders: mpsc::Receiver<Order>,
    happenings: mpsc::Sender<Happening>,
    /// Happenings that the owner has not read yet. While there are many, errands wait too.
    untold: VecDeque<Happening>,
    connections: BTreeMap<ConnectionId, Connection>,
    dials: Dials,
    /// Whom the core wants to be linked to, when the uplink has room for it. At most
    /// [`crate::config::CONNECTIONS_MAX`].
    waiting: VecDeque<(NodeId, Vec<Multiaddr>)>,
    batch: Batch,
}

impl Driver {
    pub(crate) fn new(
        me: NodeId,
        swarm: Swarm<Behaviours>,
        hub: Arc<Hub>,
        authority: Box<dyn Authority>,
        orders: mpsc::Receiver<Order>,
        happenings: mpsc::Sender<Happening>,
    ) -> Driver {
        Driver {
            me,
            swarm,
            hub,
            authority,
            orders,
            happenings,
            untold: VecDeque::new(),
            connections: BTreeMap::new(),
            dials: Dials::default(),
            waiting: VecDeque::new(),
            batch: Batch::default(),
        }
    }

    /// Runs until it is told to stop, or nobody holds a handle any more.
    pub(crate) async fn run(mut self) {
        let happenings = self.happenings.clone();
        loop {
            self.do_errands();
            let now = self.hub.clock.now();
            self.do_what_is_due(now);
            let wake = self.hub.clock.instant(self.next_due(now));
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm(event),
                order = self.orders.recv() => match order {
                    Some(Order::Dial { peer, address, contact }) => self.want(peer, address, &contact),
                    Some(Order::Stop(done)) => {
                        self.close_all().await;
                        let _ = done.send(());
                        return;
                    }
                    None => return,
                },
                () = self.hub.driver_wanted() => {}
                () = sleep_until(wake) => {}
                permit = happenings.reserve(), if !self.untold.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some(happening) = self.untold.pop_front() {
                            permit.send(happening);
                        }
                    }
                    // The owner has dropped its end: nobody wants to know.
                    Err(_) => self.untold.clear(),
                },
            }
        }
    }

    /// The owner names a contact.
    pub(crate) fn want(&mut self, peer: NodeId, address: Multiaddr, contact: &str) {
        if peer != self.me && self.hub.link(peer).is_none() {
            self.dials.want(self.hub.clock.now(), peer, address, contact);
        }
    }

    fn do_errands(&mut self) {
        while self.untold.len() < HAPPENINGS_MAX {
            let Some(errand) = self.hub.errand() else { return };
            match errand {
                Errand::Vet(from, note, signature) => {
                    let verdict = self.authority.vet(&note, &signature);
                    self.hub.tell(Input::Vetted { from, note, signature, verdict });
                }
                Errand::Sign(note) => {
                    let signature = self.authority.sign(&note);
                    self.hub.tell(Input::Signed { note, signature });
                }
                Errand::VetList(from, source, list, signature) => {
                    let genuine = self.authority.vet_list(source, &list, &signature);
                    self.hub.tell(Input::ListVetted { from, list, signature, genuine });
                }
                Errand::SignList(list) => {
                    let signature = self.authority.sign_list(&list);
                    self.hub.tell(Input::ListSigned { list, signature });
                }
                Errand::Dial(peer, contacts) => self.dial_for_core(peer, &contacts),
                Errand::Hangup(peer) => self.hang_up(peer),
                Errand::Tell(event) => self.tell(Happening::Core(event)),
            }
        }
    }

    fn do_what_is_due(&mut self, now: Time) {
        let mut batch = std::mem::take(&mut self.batch);
        if self.hub.arm().is_some_and(|due| due <= now) {
            self.hub.give(now, Input::Timer, &mut batch);
            self.hub.settle(now, &mut batch);
        }
        self.hub.serve_line(now, &mut batch);
        self.hub.release_held(now, &mut batch);
        self.batch = batch;
        while let Some((peer, addresses)) = self.dials.due(now) {
            if self.hub.link(peer).is_some() {
                self.dials.linked(peer);
            } else {
                self.dial(peer, addresses);
            }
        }
        while !self.waiting.is_empty() && self.hub.pacer.connects_from() <= now {
            if let Some((peer, addresses)) = self.waiting.pop_front() {
                self.dial(peer, addresses);
            }
        }
        let overdue: Vec<ConnectionId> = self.overdue(now).collect();
        for id in overdue {
            if let Some(connection) = self.connections.get_mut(&id) {
                tracing::debug!(peer = %connection.outlet.peer(), "not admitted in time, or refused: closed");
                connection.until = None;
                connection.outlet.shut();
            }
            self.swarm.close_connection(id);
        }
    }

    fn overdue(&self, now: Time) -> impl Iterator<Item = ConnectionId> {
        self.connections
            .iter()
            .filter(move |(_, connection)| connection.until.is_some_and(|until| until <= now))
            .map(|(id, _)| *id)
    }

    fn next_due(&self, now: Time) -> Time {
        let admissions = self.connections.values().filter_map(|connection| connection.until).min();
        let errands = if self.untold.len() < HAPPENINGS_MAX { self.hub.arm() } else { None };
        let connects = (!self.waiting.is_empty()).then(|| self.hub.pacer.connects_from());
        [errands, self.hub.line_due(), self.hub.held_due(), self.dials.next(), connects, admissions]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + ADMISSION_TIMEOUT)
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehavioursEvent>) {
        match event {
            SwarmEvent::Behaviour(BehavioursEvent::Lanes(Said { connection, what })) => {
                self.on_said(connection, what);
            }
            SwarmEvent::Behaviour(BehavioursEvent::Ping(ping::Event {
                connection,
                result: Err(error),
                ..
            })) => {
                tracing::debug!(%error, "a peer does not answer pings");
                self.swarm.close_connection(connection);
            }
            SwarmEvent::ConnectionEstablished { connection_id, .. } => self.on_established(connection_id),
            SwarmEvent::ConnectionClosed { connection_id, .. } => self.on_closed(connection_id),
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                if let Some(peer) = address::node_id(&peer) {
                    self.on_dial_failed(peer, &error);
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                if let Ok(address) = address.with_p2p(*self.swarm.local_peer_id()) {
                    self.tell(Happening::Listening(address.to_string()));
                }
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener has trouble"),
            _ => {}
        }
    }

    fn on_established(&mut self, id: ConnectionId) {
        let Some(outlet) = self.swarm.behaviour().lanes.outlet(id) else { return };
        let now = self.hub.clock.now();
        self.make_room();
        if outlet.is_ours() {
            self.say_hello(now, &outlet);
        }
        self.connections.insert(id, Connection { outlet, since: now, until: Some(now + ADMISSION_TIMEOUT) });
    }

    fn on_closed(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        let peer = connection.outlet.peer();
        let was_link = self.hub.clear_link(&connection.outlet);
        if was_link {
            self.hub.tell(Input::Unlinked { peer });
            self.tell(Happening::Unlinked(peer));
        }
        let now = self.hub.clock.now();
        let others = self.connections.values().any(|other| other.outlet.peer() == peer);
        if self.hub.link(peer).is_none() && !others {
            if !was_link {
                self.hub.tell(Input::Unlinked { peer });
            }
            if let Some(contact) = self.dials.failed(now, peer) {
                let why = "it closed the connection before it took us in".to_owned();
                self.tell(Happening::Unreachable { contact, why });
            }
        }
    }

    fn on_dial_failed(&mut self, peer: NodeId, error: &DialError) {
        if self.is_connected(peer) {
            return;
        }
        self.hub.tell(Input::Unlinked { peer });
        if let Some(contact) = self.dials.failed(self.hub.clock.now(), peer) {
            self.tell(Happening::Unreachable { contact, why: why(error) });
        }
    }

    fn hang_up(&mut self, peer: NodeId) {
        for (id, connection) in &self.connections {
            if connection.outlet.peer() == peer {
                connection.outlet.shut();
                self.swarm.close_connection(*id);
            }
        }
    }

    fn dial_for_core(&mut self, peer: NodeId, contacts: &[String]) {
        if self.is_connected(peer) {
            return;
        }
        let addresses: Vec<Multiaddr> =
            contacts.iter().filter_map(|contact| address::address_of(peer, contact)).collect();
        if self.waiting.len() < CONNECTIONS_MAX as usize {
            self.waiting.push_back((peer, addresses));
        } else {
            self.hub.tell(Input::Unlinked { peer });
        }
    }

    fn dial(&mut self, peer: NodeId, addresses: Vec<Multiaddr>) {
        if self.is_connected(peer) {
            return;
        }
        let Some(peer_id) = address::peer_id(peer).filter(|_| !addresses.is_empty()) else {
            self.hub.tell(Input::Unlinked { peer });
            return;
        };
        let options = DialOpts::peer_id(peer_id)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .addresses(addresses)
            .build();
        match self.swarm.dial(options) {
            Ok(()) => self.hub.pacer.connects(self.hub.clock.now()),
            // One is under way: its end will be told.
            Err(DialError::DialPeerConditionFalse(_)) => {}
            Err(error) => self.on_dial_failed(peer, &error),
        }
    }

    fn is_connected(&self, peer: NodeId) -> bool {
        self.connections.values().any(|connection| connection.outlet.peer() == peer)
    }

    fn send_control(&mut self, now: Time, outlet: &Arc<Outlet>, frame: bytes::Bytes) {
        if outlet.push_control(now, frame, true) == Posted::List {
            self.hub.touch(outlet, &mut self.batch);
        }
        let mut batch = std::mem::take(&mut self.batch);
        self.hub.settle(now, &mut batch);
        self.batch = batch;
    }

    fn tell(&mut self, happening: Happening) {
        if self.untold.len() < 2 * HAPPENINGS_MAX {
            self.untold.push_back(happening);
        } else {
            tracing::warn!(?happening, "the owner does not read what happens: this is lost");
        }
    }

    async fn close_all(&mut self) {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            self.swarm.close_connection(id);
        }
        let until = self.hub.clock.instant(self.hub.clock.now() + FAREWELL);
        while !self.connections.is_empty() {
            tokio::select! {
                event = self.swarm.select_next_some() => {
                    if let SwarmEvent::ConnectionClosed { connection_id, .. } = event {
                        self.connections.remove(&connection_id);
                    }
                }
                () = sleep_until(until) => return,
            }
        }
    }
}

/// A dial error in words for people.
fn why(error: &DialError) -> String {
    match error {
        DialError::WrongPeerId { .. } => "somebody else answers there".into(),
        DialError::Transport(failures) => {
            let all: Vec<String> = failures.iter().map(|(_, error)| innermost(error)).collect();
            all.into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
                .join("; ")
        }
        other => other.to_string(),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
