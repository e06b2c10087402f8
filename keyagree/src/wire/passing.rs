//! What a member can't say by itself: few know its credential, and nobody but the coordinator a way to it.

use serde::{Deserialize, Serialize};

use crate::identity::PeerKey;

/// Asks the coordinator to pass a message on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassOn {
    /// To this peer; to everybody if none.
    pub(crate) to: Option<PeerKey>,
    /// The sender's own, for whoever gets it.
    #[serde(with = "serde_bytes")]
    pub(crate) credential: Vec<u8>,
    /// A whole key message.
    #[serde(with = "serde_bytes")]
    pub(crate) body: Vec<u8>,
}

/// A message that a member said, as its coordinator passes it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Passed {
    pub(crate) from: PeerKey,
    #[serde(with = "serde_bytes")]
    pub(crate) credential: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub(crate) body: Vec<u8>,
}
