//! What is said about epochs: records, wraps, and who the members are.

use serde::{Deserialize, Serialize};

use crate::credential::Signed;
use crate::identity::{InviteId, MeetingId, PeerKey};
use crate::removed::{Removal, Removed};
use crate::time::UnixTime;
use crate::wire::NAME_MAX;

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

impl EpochId {
    /// Whose term it is: the greater one leads.
    pub(crate) fn leader(&self) -> (u32, PeerKey) {
        (self.term, self.coordinator)
    }
}

/// How an epoch's secret comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reason {
    /// A term begins: a fresh secret, for those who have a chain with its coordinator already.
    Start,
    /// Somebody joined: the last secret steps one way.
    Join,
    /// Somebody left: a fresh secret, wrapped for each member.
    Leave,
    /// It was time: a fresh secret, wrapped for each member.
    Timer,
}

/// One epoch, as everybody can check it. Records of a term form a hash chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) meeting: MeetingId,
    pub(crate) id: EpochId,
    /// Hash of the record before; of the last one that was known of the term before at the start of a
    /// term, zero if there was none.
    #[serde(with = "serde_bytes")]
    pub(crate) previous: [u8; 32],
    pub(crate) reason: Reason,
    /// Members after this record.
    pub(crate) members: u16,
    /// Root of the roster: who they are, and by which request each came.
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

/// Two records of one coordinator for one epoch: it has told different people different things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evidence {
    pub(crate) first: Signed<Record>,
    pub(crate) second: Signed<Record>,
}

impl Evidence {
    /// The coordinator that has signed both, if they are two and it has.
    pub(crate) fn convicts(&self) -> Option<PeerKey> {
        let (first, second) = (&self.first.value, &self.second.value);
        let coordinator = first.id.coordinator;
        let two = first.id == second.id && first.meeting == second.meeting && first != second;
        let signed = || self.first.signed_by(&coordinator) && self.second.signed_by(&coordinator);
        (two && signed()).then_some(coordinator)
    }
}

/// A fresh secret for one member, see [`crate::epoch::chain`]. The record is found by its epoch, and bound
/// by the AEAD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wrap {
    pub(crate) epoch: u64,
    #[serde(with = "serde_bytes")]
    pub(crate) wrap: Vec<u8>,
}

/// One seat of the roster after a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    pub(crate) seat: u16,
    /// Who sits there now, and the hash of the request that it came by.
    pub(crate) taken: Option<(PeerKey, Hash)>,
    /// Who sat there was shut out by the host, and didn't just go.
    pub(crate) removed: bool,
}

/// A hash, as CBOR bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hash(#[serde(with = "serde_bytes")] pub(crate) [u8; 32]);

/// What a record changed in the roster, sealed to its members. Only the record's root makes it true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changes {
    pub(crate) epoch: u64,
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Vec<u8>,
}

/// Asks for pages of the roster, from this one on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageAsk {
    pub(crate) page: u16,
}

/// A page of the roster, sealed to the members of an epoch, see [`crate::roster::page`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageNote {
    pub(crate) epoch: EpochId,
    pub(crate) page: u16,
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Vec<u8>,
}

/// How a member wants to be called. It signs its own name: nobody else can give it one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NameCard {
    pub(crate) meeting: MeetingId,
    pub(crate) peer: PeerKey,
    /// The newest of a peer counts.
    pub(crate) made_at: UnixTime,
    /// UTF-8, filled up with zeros: how long it is can't be seen from outside.
    #[serde(with = "serde_bytes")]
    pub(crate) name: [u8; NAME_MAX],
}

/// A name card, sealed to the members of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    pub(crate) epoch: EpochId,
    /// Makes the key that it is sealed with one that is used once.
    pub(crate) made_at: UnixTime,
    #[serde(with = "serde_bytes")]
    pub(crate) sealed: Vec<u8>,
}

/// A coordinator's sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beat {
    pub(crate) meeting: MeetingId,
    pub(crate) id: EpochId,
    /// Hash of the epoch's record: who was told of another one finds out.
    #[serde(with = "serde_bytes")]
    pub(crate) record: [u8; 32],
    pub(crate) made_at: UnixTime,
    /// Who takes over should it fall silent, in this order.
    pub(crate) deputies: Vec<PeerKey>,
    /// Whoever is new waits at the door.
    pub(crate) locked: bool,
}

/// Everything that was shut out so far, each list ascending. Lists are united, never replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kicks {
    pub(crate) meeting: MeetingId,
    pub(crate) invites: Vec<InviteId>,
    pub(crate) peers: Vec<PeerKey>,
}

impl Kicks {
    pub(crate) fn new(meeting: MeetingId, removed: &Removed) -> Kicks {
        let mut kicks = Kicks { meeting, invites: Vec::new(), peers: Vec::new() };
        for removal in removed.iter() {
            match removal {
                Removal::Invite(invite) => kicks.invites.push(invite),
                Removal::Peer(peer) => kicks.peers.push(peer),
            }
        }
        kicks
    }

    /// What it names, as far as its bounds go.
    pub(crate) fn removed(&self) -> Removed {
        let invites = self.invites.iter().copied().map(Removal::Invite);
        invites.chain(self.peers.iter().copied().map(Removal::Peer)).collect()
    }
}
