//! What every node answers when the overlay's driver asks about peers and notes: by `keyagree`'s gate.
//! What only a participant says is in `member`, what only a relay says in [`crate::relay`].

use std::sync::Arc;

use keyagree::credential::{self, Admission};
use keyagree::gate::{Gate, sign_note, verify_note};
use keyagree::identity::{Identity, PeerKey};
use keyagree::signing::{sign_list, verify_list};
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Class, Command, Kind, Note, Signature, Topic};
use overlay_core::list::List;
use overlay_core::members::Presence;
use overlay_libp2p::{Handle, Refusal};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::clock;

/// Bytes of a hello: a credential and a claim.
pub const HELLO_MAX: usize = 8 * 1024;

/// What a node shows when a link is made.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Who lets this node into the meeting; empty for a relay that no meeting has claimed yet.
    #[serde(with = "serde_bytes")]
    pub credential: Vec<u8>,
    /// An organiser's claim on the relay that it says this to; else empty.
    #[serde(with = "serde_bytes")]
    pub claim: Vec<u8>,
}

impl Hello {
    /// Reads what a peer showed.
    pub fn decode(bytes: &[u8]) -> Result<Hello, Refusal> {
        canopy_codec::decode_strict(bytes, HELLO_MAX)
            .map_err(|_| Refusal { text: "the greeting can't be read".into(), final_: true })
    }

    /// Writes what to show.
    pub fn encode(&self) -> Vec<u8> {
        canopy_codec::encode(self, HELLO_MAX).unwrap_or_default()
    }
}

/// The gate, shared by the driver (who asks) and the hub (who feeds it kick lists).
pub type SharedGate = Arc<Mutex<Gate>>;

/// Lets a peer in by its credential, or says why not.
pub fn admit(gate: &SharedGate, peer: NodeId, credential: &[u8]) -> Result<Admitted, Refusal> {
    match gate.lock().admit(clock::unix(), PeerKey(peer.0), credential) {
        Ok(admission) => Ok(admitted(&admission)),
        // A clock that is set right makes an early credential good.
        Err(refusal) => {
            Err(Refusal { text: refusal.to_string(), final_: refusal != credential::Refusal::TooEarly })
        }
    }
}

/// Checks who signed a note. A presence brings its origin's credential along; everybody else must be
/// known from theirs.
pub fn vet(gate: &SharedGate, note: &Note, signature: &Signature) -> Option<Admitted> {
    let origin = PeerKey(note.origin.0);
    let bytes = note_bytes(note)?;
    verify_note(&origin, &bytes, &signature.0).ok()?;
    let mut gate = gate.lock();
    if note.topic == Topic::Presence {
        let presence = Presence::decode(&note.body).ok()?;
        return gate
            .admit(clock::unix(), origin, &presence.credential)
            .ok()
            .map(|admission| admitted(&admission));
    }
    gate.known(&origin).filter(|admission| clock::unix() < admission.expires).map(admitted)
}

/// Ends what is over by now: whose credential has expired is shut out, whose pass has ended is in the lobby again.
pub fn end_what_is_over(gate: &SharedGate, handle: &Handle) {
    let (mut gate, now) = (gate.lock(), clock::unix());
    let over = gate.expire(now).into_iter().map(|peer| (peer, Command::Shut(NodeId(peer.0))));
    let lapsed = gate.lapse(now);
    for (peer, command) in over.chain(lapsed.into_iter().map(|peer| (peer, Command::Lapse(NodeId(peer.0))))) {
        tracing::info!(%peer, ?command, "a credential is over");
        handle.command(command);
    }
}

/// Signs a note of this node's own.
pub fn sign(identity: &Identity, note: &Note) -> Signature {
    Signature(sign_note(identity, &note_bytes(note).unwrap_or_default()))
}

/// True if `source` signed this list. It need not be known here: who is a source is said by whoever coordinates.
pub fn vet_units(source: NodeId, list: &List, signature: &Signature) -> bool {
    let genuine = |bytes: Vec<u8>| verify_list(&PeerKey(source.0), &bytes, &signature.0).is_ok();
    list.encode().is_ok_and(genuine)
}

/// Signs a list of this node's own units.
pub fn sign_units(identity: &Identity, list: &List) -> Signature {
    Signature(sign_list(identity, &list.encode().unwrap_or_default()))
}

/// What a note's signature covers: the whole note, in its one encoding.
fn note_bytes(note: &Note) -> Option<Vec<u8>> {
    canopy_codec::encode(note, overlay_core::config::MESSAGE_MAX).ok()
}

fn admitted(admission: &Admission) -> Admitted {
    Admitted {
        kind: if admission.is_participant() { Kind::Participant } else { Kind::Relay },
        class: if admission.lobby { Class::Lobby } else { Class::Member },
        may_coordinate: admission.may_coordinate() && !admission.lobby,
        owner: admission.invite.map_or(0, |invite| u64::from_be_bytes(invite.0)),
    }
}

#[cfg(test)]
mod tests {
    use keyagree::identity::{IssuerKey, MeetingId};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// What a stranger says first: it is refused with words for it, and for good; nothing is kept of it.
        #[test]
        fn greetings_of_any_bytes_are_refused_in_words(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            credential in proptest::collection::vec(any::<u8>(), 0..600),
            at in any::<usize>(),
            bits in any::<u8>(),
        ) {
            let gate = Arc::new(Mutex::new(Gate::new(MeetingId([1; 16]), IssuerKey([2; 32]))));
            let mut hello = Hello { credential, claim: vec![7; 40] }.encode();
            let at = at % hello.len();
            hello[at] ^= bits;
            for said in [&bytes, &hello] {
                let refusal = match Hello::decode(said) {
                    Ok(hello) => {
                        prop_assert_eq!(&hello.encode(), said, "there is one encoding");
                        admit(&gate, NodeId([3; 32]), &hello.credential).unwrap_err()
                    }
                    Err(refusal) => refusal,
                };
                prop_assert!(refusal.final_ && !refusal.text.is_empty());
            }
            prop_assert!(gate.lock().known(&PeerKey([3; 32])).is_none());
        }
    }
}
