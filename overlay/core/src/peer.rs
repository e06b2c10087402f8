//! What a peer is to the meeting: how it takes part, and how far it is in.

use serde::{Deserialize, Serialize};

/// How a node takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Holds keys; sends, receives, and relays if it has uplink to spare.
    Participant,
    /// Holds no key; only relays.
    Relay,
}

/// How far into the meeting a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// At the door: it may ask to be let in, and hear the answer; little of both, and nothing else.
    Lobby,
    /// In the meeting.
    Member,
}

/// What the edge found out about a peer when it checked its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admitted {
    /// How it takes part.
    pub kind: Kind,
    /// How far it is in. Grows when its presence brings a better credential, over the link that there is.
    pub class: Class,
    /// True if its credential lets it plan (the organiser, later its deputies); never in the lobby.
    pub may_coordinate: bool,
    /// By which invite or lease it came, as a number: what those of one owner say counts once. A group link is one owner.
    pub owner: u64,
}

impl Admitted {
    /// True for a member.
    pub fn is_in(self) -> bool {
        self.class == Class::Member
    }
}
