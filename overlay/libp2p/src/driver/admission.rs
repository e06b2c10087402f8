//! Who is taken in: hellos, verdicts, refusals, and which of two connections to a peer stays.

use std::sync::Arc;

use libp2p::swarm::ConnectionId;
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Event, Input};
use overlay_core::time::Time;

use super::Driver;
use crate::authority::Refusal;
use crate::config::{FAREWELL, Happening, PROTOCOL, SIMULTANEOUS};
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
        self.authority.admit(peer, shown).map_err(|refusal| {
            let told = refusal.text.clone();
            (refusal, told)
        })
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
