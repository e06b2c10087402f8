//! A relay's answers: nobody gets in before an organiser has claimed the lease; afterwards whoever holds a credential of
//! that meeting.

use std::sync::Arc;

use keyagree::gate::Gate;
use keyagree::identity::{Identity, PeerKey};
use keyagree::lease::LeaseHolder;
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Note, Signature};
use overlay_core::list::List;
use overlay_libp2p::{Authority, Refusal};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::authority::{self, Hello, SharedGate};
use crate::clock;

/// The meeting's gate, once a meeting has claimed the relay.
pub type ClaimedGate = Arc<Mutex<Option<SharedGate>>>;

/// A relay's authority in one meeting.
pub struct Volunteer {
    /// Its key there.
    pub identity: Arc<Identity>,
    /// The lease that is claimed.
    pub holder: LeaseHolder,
    /// Made here by the first claim.
    pub gate: ClaimedGate,
    /// The credential of each claim.
    pub claimed: mpsc::Sender<Vec<u8>>,
}

impl Volunteer {
    fn claim(&mut self, peer: NodeId, claim: &[u8]) -> Result<(), Refusal> {
        let bound = self.holder.claim(clock::unix(), PeerKey(peer.0), claim).map_err(|error| {
            tracing::warn!(%peer, %error, "a claim was refused");
            Refusal { text: error.to_string(), final_: true }
        })?;
        let mut gate = self.gate.lock();
        if gate.is_none() {
            tracing::info!(meeting = %bound.meeting, "claimed");
            *gate = Some(Arc::new(Mutex::new(Gate::new(bound.meeting, bound.issuer))));
        }
        // A full queue holds the very same grant.
        let _ = self.claimed.try_send(bound.grant.credential());
        Ok(())
    }
}

impl Authority for Volunteer {
    fn hello(&mut self, _peer: NodeId) -> Vec<u8> {
        let credential = self.holder.bound().map(|bound| bound.grant.credential()).unwrap_or_default();
        Hello { credential, claim: Vec::new() }.encode()
    }

    fn admit(&mut self, peer: NodeId, hello: &[u8]) -> Result<Admitted, Refusal> {
        if clock::unix() >= self.holder.ends() {
            return Err(Refusal { text: "the relay's lease has ended".into(), final_: true });
        }
        let hello = Hello::decode(hello)?;
        if !hello.claim.is_empty() {
            self.claim(peer, &hello.claim)?;
        }
        let gate = self.gate.lock().clone().ok_or_else(|| Refusal {
            text: "no meeting has claimed this relay yet: its organiser has to come first".into(),
            final_: false,
        })?;
        authority::admit(&gate, peer, &hello.credential)
    }

    fn vet(&mut self, note: &Note, signature: &Signature) -> Option<Admitted> {
        let gate = self.gate.lock().clone()?;
        authority::vet(&gate, note, signature)
    }

    fn sign(&mut self, note: &Note) -> Signature {
        authority::sign(&self.identity, note)
    }

    fn vet_list(&mut self, source: NodeId, list: &List, signature: &Signature) -> bool {
        authority::vet_units(source, list, signature)
    }

    fn sign_list(&mut self, list: &List) -> Signature {
        authority::sign_units(&self.identity, list)
    }
}
