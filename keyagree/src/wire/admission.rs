//! What is said at the door: requests, and the coordinator's answers to one peer.

use serde::{Deserialize, Serialize};

use crate::credential::{InviteCert, Pass, PeerCert, Signed};
use crate::identity::{InviteId, MeetingId, PeerKey};
use crate::time::UnixTime;
use crate::wire::Record;

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wants {
    /// The secret of the epoch now, and a chain: to be let in, or let in again.
    Epoch,
    /// Only a chain: with the coordinator a fresh one, with a deputy one for the day that it takes over.
    Chain,
}

/// Asks a coordinator, or a deputy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinRequest {
    pub(crate) meeting: MeetingId,
    pub(crate) peer: PeerKey,
    /// One-time X-Wing key.
    #[serde(with = "serde_bytes")]
    pub(crate) public: Vec<u8>,
    /// Liveness: the answer binds it through the hash of this request.
    #[serde(with = "serde_bytes")]
    pub(crate) nonce: [u8; 16],
    /// Orders the requests of one peer.
    pub(crate) made_at: UnixTime,
    /// The term that it asks; 0 while the peer has seen none.
    pub(crate) term: u32,
    pub(crate) wants: Wants,
}

/// Lets one peer in: the record of the epoch now, its secret sealed to the request's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Welcome {
    pub(crate) meeting: MeetingId,
    pub(crate) to: PeerKey,
    /// Hash of the request that it answers.
    #[serde(with = "serde_bytes")]
    pub(crate) request: [u8; 32],
    /// The record of the epoch, so that a welcome is enough by itself.
    pub(crate) record: Signed<Record>,
    #[serde(with = "serde_bytes")]
    pub(crate) enc: Vec<u8>,
    /// Epoch secret, and the proof that the record's roster has the peer.
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Vec<u8>,
}

/// Gives one peer a chain: HPKE's exporter is its root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChainRoot {
    pub(crate) meeting: MeetingId,
    pub(crate) to: PeerKey,
    #[serde(with = "serde_bytes")]
    pub(crate) request: [u8; 32],
    #[serde(with = "serde_bytes")]
    pub(crate) enc: Vec<u8>,
    /// Nothing, sealed: its tag shows that both ends have the same root.
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Vec<u8>,
}

/// Why a request is not granted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Denial {
    /// Somebody has to let the peer in first.
    Waits,
    /// The host said no.
    Denied,
    /// The group link let in as many as it may.
    UsedUp,
    /// The invite was removed.
    Removed,
    /// There are [`crate::wire::MEMBERS_MAX`] members, or too many at the door.
    Full,
}

/// Tells one peer that its request is not granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusalNote {
    pub(crate) meeting: MeetingId,
    pub(crate) to: PeerKey,
    #[serde(with = "serde_bytes")]
    pub(crate) request: [u8; 32],
    pub(crate) denial: Denial,
}

/// A host's word on somebody who waits at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    pub(crate) meeting: MeetingId,
    pub(crate) peer: PeerKey,
    pub(crate) made_at: UnixTime,
    pub(crate) admit: bool,
}

/// A certificate of the coordinator for a peer that it has let in, and who signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassNote {
    pub(crate) pass: Signed<Pass>,
    pub(crate) invite: Signed<InviteCert>,
    pub(crate) holder: Signed<PeerCert>,
}

/// Most bindings that a deputy is told at once.
pub(crate) const BOUND_MAX: usize = 256;
const BOUND_TEXT_MAX: usize = BOUND_MAX * 48;

/// Who came by an invite.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Binding {
    invite: InviteId,
    peer: PeerKey,
}

/// Tells a deputy who came by which invites: a letter with a list of [`Binding`], at most [`BOUND_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bound {
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Vec<u8>,
}

/// The text of such a letter.
pub(crate) fn write_bindings(bindings: &[(InviteId, PeerKey)]) -> Vec<u8> {
    let list: Vec<Binding> = bindings.iter().map(|&(invite, peer)| Binding { invite, peer }).collect();
    canopy_codec::encode(&list, BOUND_TEXT_MAX).unwrap_or_default()
}

/// Reads it; `None` if it is none.
pub(crate) fn read_bindings(text: &[u8]) -> Option<Vec<(InviteId, PeerKey)>> {
    let list: Vec<Binding> = canopy_codec::decode_strict(text, BOUND_TEXT_MAX).ok()?;
    (list.len() <= BOUND_MAX).then(|| list.iter().map(|bound| (bound.invite, bound.peer)).collect())
}
