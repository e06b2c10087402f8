//! What models say to each other, encoded as the shipped overlay's messages are, so that it costs what such words cost.

use overlay_core::unit::TreeId;
use serde::{Deserialize, Serialize};

/// Bytes of a message; [`NUMBERS_MAX`] numbers fit.
const LEN_MAX: usize = 2_048;
/// Frame numbers in one message.
pub const NUMBERS_MAX: usize = 256;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// To the tracker: I am here.
    Here,
    /// To the tracker: who feeds me in this tree? The parent that I had is lost.
    Ask(TreeId, Option<u32>),
    /// From the tracker: that one.
    Go(TreeId, u32),
    /// From the tracker: nobody can.
    Nobody(TreeId),
    /// To the tracker: this node's links are gone.
    Gone(u32),
    /// To a parent: feed me.
    Attach(TreeId),
    /// To a parent: no longer.
    Detach(TreeId),
    /// To a child: I am here, though there may be nothing to carry.
    Alive,
    /// To a peer: push me this topic. Gossipsub's GRAFT.
    Graft(TreeId),
    /// To a peer: don't push me this topic. Gossipsub's PRUNE.
    Prune(TreeId),
    /// To a peer: I have these frames of this feed. Gossipsub's IHAVE.
    Have(TreeId, u32, Vec<u32>),
    /// To a peer: send me those. Gossipsub's IWANT.
    Want(TreeId, u32, Vec<u32>),
    /// To a peer: I have this frame, don't send it. Gossipsub's IDONTWANT.
    DontWant(TreeId, u32, u32),
}

impl Message {
    /// The message as bytes.
    ///
    /// # Panics
    /// If it names more than [`NUMBERS_MAX`] frames: a fault of ours.
    pub fn encode(&self) -> Vec<u8> {
        canopy_codec::encode(self, LEN_MAX).expect("models say short things")
    }

    /// Bytes as a message; none for what no model says.
    pub fn decode(bytes: &[u8]) -> Option<Message> {
        canopy_codec::decode_strict(bytes, LEN_MAX).ok()
    }
}
