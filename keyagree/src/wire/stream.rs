//! What sources say about their secrets, and who asks them.

use serde::{Deserialize, Serialize};

use crate::identity::{MeetingId, PeerKey};
use crate::wire::EpochId;

/// One layer of an announcement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stream {
    pub(crate) layer: u8,
    pub(crate) label: u64,
    #[serde(with = "serde_bytes")]
    pub(crate) commitment: [u8; 32],
}

/// A source's secret for one epoch, sealed to the epoch's public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Announcement {
    pub(crate) meeting: MeetingId,
    pub(crate) source: PeerKey,
    pub(crate) epoch: EpochId,
    /// Hash of the epoch's record.
    #[serde(with = "serde_bytes")]
    pub(crate) record: [u8; 32],
    /// Grows with each secret that the source draws, also over its restarts.
    pub(crate) serial: u64,
    /// At generation 0.
    pub(crate) streams: Vec<Stream>,
    #[serde(with = "serde_bytes")]
    pub(crate) enc: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Vec<u8>,
}

/// A source's chains step to a generation soon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ratchet {
    pub(crate) meeting: MeetingId,
    pub(crate) source: PeerKey,
    pub(crate) epoch: EpochId,
    /// Names the announcement.
    pub(crate) serial: u64,
    pub(crate) generation: u16,
}

/// Asks sources for what they announced for an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    pub(crate) epoch: EpochId,
}
