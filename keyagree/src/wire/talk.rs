//! What members say to each other.

use serde::{Deserialize, Serialize};

use crate::identity::{MeetingId, PeerKey};
use crate::wire::EpochId;

/// Something that a member says to the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Talk {
    pub(crate) meeting: MeetingId,
    pub(crate) sender: PeerKey,
    pub(crate) epoch: EpochId,
    /// Grows with each message of the sender, also over its restarts.
    pub(crate) serial: u64,
    /// Makes the key that the body is sealed with; it is never used again.
    #[serde(with = "serde_bytes")]
    pub(crate) nonce: [u8; 16],
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Vec<u8>,
}
