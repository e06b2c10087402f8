//! The messages of key agreement and their bytes: a version byte, then strict CBOR.
//!
//! Everything is broadcast to members and relays alike: a message shows random ids, public keys and
//! ciphertext, and nothing else.

use serde::{Deserialize, Serialize};

use crate::credential::{Signed, Statement};
use crate::identity::{Context, InviteId, MeetingId, PeerKey};
use crate::time::UnixTime;

/// The version that this program writes and reads: the first byte of a message.
pub const VERSION: u8 = 1;
/// Longest message in bytes, version byte included.
pub const SAY_MAX: usize = 16 * 1024;
/// Most members of a meeting: so many wraps, or so many names in a welcome, fit one message.
pub const MEMBERS_MAX: usize = 256;
/// Most joins, and most leaves, in one record; more wait for the next. So many of both and
/// [`MEMBERS_MAX`] names fit one welcome.
pub(crate) const CHANGES_MAX: usize = 48;
/// Most invites that can be removed from one meeting.
pub const KICKS_MAX: usize = 1024;
/// Length of a wrap in bytes: tag of the chain's step, secret, AEAD tag.
pub(crate) const WRAP_LEN: usize = 52;

/// An epoch's full name: two coordinators, or two runs of one, never name two epochs alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochId {
    /// The stretch of coordination.
    pub term: u32,
    /// Who coordinates it.
    pub coordinator: PeerKey,
    /// Counts the epochs of the term from 0.
    pub epoch: u64,
}

/// Asks to be let into the current epoch, or for a fresh chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinRequest {
    pub(crate) meeting: MeetingId,
    pub(crate) peer: PeerKey,
    /// One-time X-Wing key.
    #[serde(with = "serde_bytes")]
    pub(crate) public: Vec<u8>,
    /// Liveness: the welcome binds it through the hash of this request.
    #[serde(with = "serde_bytes")]
    pub(crate) nonce: [u8; 16],
    /// Orders the requests of one peer.
    pub(crate) made_at: UnixTime,
    /// The term that it asks; 0 while the peer has seen none.
    pub(crate) term: u32,
    /// A member that only wants a fresh chain: it can wait for the next record.
    pub(crate) refresh: bool,
}

/// Lets one peer in: names the record, seals the epoch's secret to the request's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Welcome {
    pub(crate) meeting: MeetingId,
    pub(crate) to: PeerKey,
    /// Hash of the request that it answers.
    #[serde(with = "serde_bytes")]
    pub(crate) request: [u8; 32],
    /// The record that lets the peer in, so that a welcome is enough by itself.
    pub(crate) record: Signed<Record>,
    #[serde(with = "serde_bytes")]
    pub(crate) enc: Vec<u8>,
    /// Epoch secret and roster.
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Vec<u8>,
}

/// How an epoch's secret comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reason {
    /// A term begins: a fresh secret, and the coordinator is the only member.
    Start,
    /// The last secret steps one way.
    Join,
    /// A fresh secret, wrapped for each member: somebody left, or it was time.
    Fresh,
}

/// A peer that a record lets in, and by which request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Joined {
    pub(crate) peer: PeerKey,
    #[serde(with = "serde_bytes")]
    pub(crate) request: [u8; 32],
}

/// A peer that a record shuts out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Left {
    pub(crate) peer: PeerKey,
    /// Shut out by the organiser, not just gone.
    pub(crate) removed: bool,
}

/// One epoch, as everybody can check it. Records of a term form a hash chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) meeting: MeetingId,
    pub(crate) id: EpochId,
    /// Hash of the record before; zero at the start of a term.
    #[serde(with = "serde_bytes")]
    pub(crate) previous: [u8; 32],
    pub(crate) reason: Reason,
    pub(crate) joined: Vec<Joined>,
    pub(crate) left: Vec<Left>,
    /// Members after this record.
    pub(crate) members: u16,
    /// Hash of their sorted keys.
    #[serde(with = "serde_bytes")]
    pub(crate) roster: [u8; 32],
    /// Hash of the last record that changed members; zero if this one does.
    #[serde(with = "serde_bytes")]
    pub(crate) changed: [u8; 32],
    pub(crate) made_at: UnixTime,
    pub(crate) activate_at: UnixTime,
    /// Commits to the epoch's secret.
    #[serde(with = "serde_bytes")]
    pub(crate) commitment: [u8; 32],
}

/// A fresh secret, wrapped for each member under its chain: [`WRAP_LEN`] bytes each. Whoever passes
/// it on learns how many there are, which the record says anyway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wraps {
    pub(crate) meeting: MeetingId,
    /// Hash of the record that they belong to.
    #[serde(with = "serde_bytes")]
    pub(crate) record: [u8; 32],
    #[serde(with = "serde_bytes")]
    pub(crate) wraps: Vec<u8>,
}

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

/// All invites that were removed so far. Lists are united, never replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kicks {
    pub(crate) meeting: MeetingId,
    pub(crate) invites: Vec<InviteId>,
}

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

/// Why a request is not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Denial {
    /// Another peer key came with the same invite first.
    UsedUp,
    /// The invite was removed.
    Removed,
    /// There are [`MEMBERS_MAX`] members.
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

macro_rules! statements {
    ($($name:ident $context:ident $max:expr;)*) => {$(
        impl Statement for $name {
            const CONTEXT: Context = Context::$context;
            const MAX: usize = $max;
        }
    )*};
}

statements! {
    JoinRequest JOIN 2048;
    Welcome WELCOME SAY_MAX;
    Record RECORD 6 * 1024;
    Announcement ANNOUNCEMENT 2048;
    Ratchet RATCHET 256;
    Kicks KICKS KICKS_MAX * 9 + 64;
    RefusalNote REFUSAL 256;
    Talk TALK 6 * 1024;
}

/// Everything that is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "lives for one call")]
pub(crate) enum Message {
    Join(Signed<JoinRequest>),
    Welcome(Signed<Welcome>),
    Record(Signed<Record>),
    Wraps(Wraps),
    Announcement(Signed<Announcement>),
    Ratchet(Signed<Ratchet>),
    Kicks(Signed<Kicks>),
    Refusal(Signed<RefusalNote>),
    Talk(Signed<Talk>),
    /// Asks the coordinator to tell the others: not everybody knows its sender's credential.
    PassOn(Signed<Talk>),
}

/// Why a message was dropped: always its sender's fault, or its program's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not a message.
    #[error("sent a key message that is malformed")]
    Malformed,
    /// From a newer program.
    #[error("sent a key message of a newer version of canopy: update this program")]
    NewerVersion,
}

impl Message {
    /// At most [`SAY_MAX`] bytes: the bounds of the fields see to that.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        let body = canopy_codec::encode(self, SAY_MAX - 1);
        debug_assert!(body.is_ok(), "a message outgrew its bound");
        bytes.extend(body.unwrap_or_default());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Message, WireError> {
        match bytes.split_first() {
            Some((&VERSION, body)) => {
                canopy_codec::decode_strict(body, SAY_MAX - 1).map_err(|_| WireError::Malformed)
            }
            Some((&version, _)) if version > VERSION => Err(WireError::NewerVersion),
            _ => Err(WireError::Malformed),
        }
    }
}

/// Checks that bytes are a key message that this program reads; for the log of whoever dropped it.
pub fn well_formed(bytes: &[u8]) -> Result<(), WireError> {
    Message::decode(bytes).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::suite::{ENC_LEN, Secret, TAG_LEN};

    #[test]
    fn the_largest_of_each_message_fits_its_bound() {
        let signer = Identity::from_seed(&Secret::take(&mut [1; 32]));
        let (meeting, peer) = (MeetingId([255; 16]), PeerKey([255; 32]));
        let record = Record {
            meeting,
            id: EpochId { term: u32::MAX, coordinator: peer, epoch: u64::MAX },
            previous: [255; 32],
            reason: Reason::Fresh,
            joined: vec![Joined { peer, request: [255; 32] }; CHANGES_MAX],
            left: vec![Left { peer, removed: true }; CHANGES_MAX],
            members: u16::MAX,
            roster: [255; 32],
            changed: [255; 32],
            made_at: UnixTime(u64::MAX),
            activate_at: UnixTime(u64::MAX),
            commitment: [255; 32],
        };
        let record = Signed::new(record, &signer);
        let sealed = vec![255; 32 * (1 + MEMBERS_MAX) + TAG_LEN];
        let welcome = Welcome {
            meeting,
            to: peer,
            request: [255; 32],
            record: record.clone(),
            enc: vec![255; ENC_LEN],
            sealed,
        };
        let kicks = Kicks { meeting, invites: vec![InviteId([255; 8]); KICKS_MAX] };
        let wraps = Wraps { meeting, record: [255; 32], wraps: vec![255; WRAP_LEN * MEMBERS_MAX] };
        let all = [
            Message::Record(record),
            Message::Welcome(Signed::new(welcome, &signer)),
            Message::Kicks(Signed::new(kicks, &signer)),
            Message::Wraps(wraps),
        ];
        for message in all {
            let bytes = message.encode();
            assert!(bytes.len() > 1 && bytes.len() <= SAY_MAX);
            assert_eq!(Message::decode(&bytes), Ok(message));
        }
    }
}
