//! Whom to take in, and what to believe: decided outside, since this crate holds no credentials.

use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Note, Signature};
use overlay_core::list::List;

/// Why a peer was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For people, one line: what is wrong and what to do. It is told to the peer, cut to
    /// [`crate::config::REFUSAL_TEXT_MAX`] bytes.
    pub text: String,
    /// True if trying again is of no use.
    pub final_: bool,
}

/// Judges peers, notes and lists, and signs ours. Called by the driver's task alone; a call should take
/// less than a millisecond, since it holds up control messages (never units).
pub trait Authority: Send + 'static {
    /// What to show to this peer when the link is made: a credential, at most
    /// [`crate::config::HELLO_MAX`] bytes.
    fn hello(&mut self, peer: NodeId) -> Vec<u8>;

    /// Judges what a peer showed. The link itself has proved that the peer holds the key `peer`.
    fn admit(&mut self, peer: NodeId, hello: &[u8]) -> Result<Admitted, Refusal>;

    /// Checks who signed a note and what its origin may do; `None` drops it.
    fn vet(&mut self, note: &Note, signature: &Signature) -> Option<Admitted>;

    /// Signs a note of ours.
    fn sign(&mut self, note: &Note) -> Signature;

    /// True if `source` signed this list.
    fn vet_list(&mut self, source: NodeId, list: &List, signature: &Signature) -> bool;

    /// Signs a list of ours.
    fn sign_list(&mut self, list: &List) -> Signature;
}
