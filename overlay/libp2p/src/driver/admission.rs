//! Who is taken in: hellos, verdicts, refusals, and which of two connections to a peer stays.

use std::sync::Arc;

use libp2p::swarm::ConnectionId;
use overlay_core::config::LOBBY_LINKS_MAX;
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Event, Input};
use overlay_core::time::Time;

use super::Driver;
use crate::authority::Refusal;
use crate::config::{CONNECTIONS_CROWDED, FAREWELL, Happening, PROTOCOL, SIMULTANEOUS};
use crate::framing::{self, Fault};
use crate::handler::FromPeer;
use crate::outlet::Outlet;

impl Driver {
    pub(super) fn on_said(&mut self, id: ConnectionId, what: FromPeer) {
        let Some(connection) = self.connections.get(&id) else { return };
        let (outlet, since) = (Arc::clone(&connection.outlet), connection.since);
        let peer = outlet.peer();
        match what {
            FromPeer::Hello { version, shown } => match self.judge(peer, version, &shown) {
                Ok(admitted) => self.admit(id, &outlet, since, admitted),
                Err((refusal, told)) => self.refuse(id, &outlet, refusal, &told),
            },
            FromPeer::Refused { final_, text } => {
                if final_ {
                    self.dials.give_up(peer);
                }
                self.tell(Happening::Refused { peer, text, final_, theirs: true });
                self.swarm.close_connection(id);
            }
            FromPeer::Fault(fault) => self.blame(id, peer, fault),
            FromPeer::Broken => {
                self.swarm.close_connection(id);
            }
        }
    }

    /// Admits a peer, or says why not: for our owner, and in the words that the peer is told.
    fn judge(&mut self, peer: NodeId, version: u16, shown: &[u8]) -> Result<Admitted, (Refusal, String)> {
        if version != PROTOCOL {
            let (ours, theirs) = ("update this program", "it must be updated");
            let (text, told) = if version > PROTOCOL { (ours, theirs) } else { (theirs, ours) };
            let text = format!("speaks protocol {version}, this is {PROTOCOL}: {text}");
            let told = format!("speaks protocol {PROTOCOL}, this is {version}: {told}");
            return Err((Refusal { text, final_: true }, told));
        }
        let admitted = self.authority.admit(peer, shown).and_then(|admitted| self.find_room(peer, admitted));
        admitted.map_err(|refusal| {
            let told = refusal.text.clone();
            (refusal, told)
        })
    }

    /// Few wait at each node's door, so that whoever shows a link with many keys fills no more than that.
    fn find_room(&self, peer: NodeId, admitted: Admitted) -> Result<Admitted, Refusal> {
        let waiting = if admitted.is_in() { Vec::new() } else { self.hub.waiting() };
        if waiting.len() >= LOBBY_LINKS_MAX && !waiting.contains(&peer) {
            let text = "too many wait at this door: it is tried again in a while".into();
            return Err(Refusal { text, final_: false });
        }
        Ok(admitted)
    }

    /// Where connections are many, one of the lobby is closed for each that comes.
    pub(super) fn make_room(&mut self) {
        if self.connections.len() >= CONNECTIONS_CROWDED
            && let Some(peer) = self.hub.waiting().first()
        {
            tracing::debug!(%peer, "somebody in the lobby gives way");
            self.hang_up(*peer);
        }
    }

    fn refuse(&mut self, id: ConnectionId, outlet: &Arc<Outlet>, refusal: Refusal, told: &str) {
        let (peer, Refusal { text, final_ }) = (outlet.peer(), refusal);
        tracing::warn!(%peer, text, "refused a link");
        let now = self.hub.clock.now();
        self.send_control(now, outlet, framing::refuse(final_, told));
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.until = Some(now + FAREWELL);
        }
        if final_ {
            self.dials.give_up(peer);
        }
        self.tell(Happening::Refused { peer, text, final_, theirs: false });
    }

    fn admit(&mut self, id: ConnectionId, outlet: &Arc<Outlet>, since: Time, admitted: Admitted) {
        let peer = outlet.peer();
        if let Some(old) = self.hub.link(peer) {
            if self.keeps_old(&old, outlet, since) {
                tracing::debug!(%peer, "a second connection is closed");
                self.swarm.close_connection(id);
                return;
            }
            self.drop_link(&old);
        }
        let now = self.hub.clock.now();
        if !outlet.is_ours() {
            self.say_hello(now, outlet);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.until = None;
        }
        outlet.admit();
        self.hub.set_link(outlet);
        self.dials.linked(peer);
        self.tell(Happening::Linked(peer));
        self.hub.tell(Input::Linked { peer, admitted });
    }

    /// Of two connections that both sides have dialled at the same time, the one that the smaller id has
    /// dialled stays: both sides come to the same verdict. Otherwise the newer one stays, since an
    /// honest peer with a link dials only when it has started anew.
    fn keeps_old(&self, old: &Arc<Outlet>, new: &Arc<Outlet>, since: Time) -> bool {
        let old_since =
            self.connections.values().find(|link| Arc::ptr_eq(&link.outlet, old)).map(|link| link.since);
        let together = old_since.is_some_and(|old_since| since.since(old_since) < SIMULTANEOUS);
        together && old.is_ours() != new.is_ours() && old.is_ours() == (self.me < new.peer())
    }

    fn drop_link(&mut self, outlet: &Arc<Outlet>) {
        outlet.shut();
        self.hub.clear_link(outlet);
        let id =
            self.connections.iter().find(|(_, link)| Arc::ptr_eq(&link.outlet, outlet)).map(|(id, _)| *id);
        if let Some(id) = id {
            self.swarm.close_connection(id);
        }
        self.hub.tell(Input::Unlinked { peer: outlet.peer() });
        self.tell(Happening::Unlinked(outlet.peer()));
    }

    fn blame(&mut self, id: ConnectionId, peer: NodeId, fault: Fault) {
        let what = fault.what();
        tracing::warn!(%peer, what, "a peer broke the protocol and is dropped");
        self.hub.pacer.count(|counters| counters.blamed += 1);
        self.tell(Happening::Core(Event::Blame { peer, what }));
        self.swarm.close_connection(id);
    }

    pub(super) fn say_hello(&mut self, now: Time, outlet: &Arc<Outlet>) {
        let shown = self.authority.hello(outlet.peer());
        self.send_control(now, outlet, framing::hello(&shown));
    }
}
