//! A participant's answers to the overlay's driver.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyagree::identity::{Identity, PeerKey};
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Note, Signature};
use overlay_core::list::List;
use overlay_libp2p::{Authority, Refusal};
use parking_lot::Mutex;

use crate::authority::{Hello, SharedGate, admit, sign, sign_units, vet, vet_units};

/// An organiser's claims: shared with the hub, which adds those of leases that come later.
pub type SharedClaims = Arc<Mutex<BTreeMap<PeerKey, Vec<u8>>>>;

/// What this node shows at further links: shared with the hub, which hears of a better one.
pub type SharedCredential = Arc<Mutex<Vec<u8>>>;

/// A participant's answers.
pub struct Member {
    /// Signs this node's notes.
    pub identity: Arc<Identity>,
    /// Checks the others.
    pub gate: SharedGate,
    /// Shown at each link.
    pub credential: SharedCredential,
    /// The organiser's claims, by the relay that each is for; empty for a guest.
    pub claims: SharedClaims,
}

impl Authority for Member {
    fn hello(&mut self, peer: NodeId) -> Vec<u8> {
        let claim = self.claims.lock().get(&PeerKey(peer.0)).cloned().unwrap_or_default();
        Hello { credential: self.credential.lock().clone(), claim }.encode()
    }

    fn admit(&mut self, peer: NodeId, hello: &[u8]) -> Result<Admitted, Refusal> {
        let hello = Hello::decode(hello)?;
        admit(&self.gate, peer, &hello.credential)
    }

    fn vet(&mut self, note: &Note, signature: &Signature) -> Option<Admitted> {
        vet(&self.gate, note, signature)
    }

    fn sign(&mut self, note: &Note) -> Signature {
        sign(&self.identity, note)
    }

    fn vet_list(&mut self, source: NodeId, list: &List, signature: &Signature) -> bool {
        vet_units(source, list, signature)
    }

    fn sign_list(&mut self, list: &List) -> Signature {
        sign_units(&self.identity, list)
    }
}
