//! Who is present, and what they say about themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::id::NodeId;
use crate::io::{Admitted, Kind, LayerRate};
use crate::time::Time;

/// What a node says of itself each second, as the body of a note. The edge reads `credential` to
/// check the note's origin; everything else is the core's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    /// How it takes part, as it says; believed only as the edge's verdict says.
    pub kind: Kind,
    /// What it can send in all, in kbit/s.
    pub uplink_kbps: u32,
    /// Where it can be reached; at most [`config::CONTACTS_MAX`].
    pub contacts: Vec<String>,
    /// Opaque here; at most [`config::CREDENTIAL_MAX`] bytes.
    #[serde(with = "serde_bytes")]
    pub credential: Vec<u8>,
    /// What it sends; empty if it is no source. Layers in ascending order, each once.
    pub sends: Vec<LayerRate>,
    /// Names one stretch of sending: a source that starts anew says a larger one.
    pub stint: u64,
    /// The slot and the feed that it publishes into now.
    pub on_stage: Option<(u8, u32)>,
    /// Wants every source.
    pub watch: bool,
    /// Takes its leave.
    pub leaving: bool,
    /// Says more than the origin's last presence did, so that it goes to everybody at once.
    pub news: bool,
    /// Whose beats a coordinator misses; at most [`config::MISSED_MAX`]. Empty in all other presences.
    pub missed: Vec<NodeId>,
}

/// Why a presence was refused: the origin's fault, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresenceError {
    /// Not a presence, or not in its one encoding.
    #[error("not a presence: {0}")]
    Codec(#[from] canopy_codec::Error),
    /// A list or a text in it is too long, or its layers are not in order.
    #[error("a presence with more in it than is allowed")]
    TooMuch,
}

impl Presence {
    /// Reads the body of a note. Every error is the origin's fault.
    pub fn decode(body: &[u8]) -> Result<Presence, PresenceError> {
        let presence: Presence = canopy_codec::decode_strict(body, config::NOTE_BODY_MAX)?;
        let contacts_fit = presence.contacts.len() <= config::CONTACTS_MAX
            && presence.contacts.iter().all(|contact| contact.len() <= config::CONTACT_LEN_MAX);
        let layers_in_order = presence.sends.windows(2).all(|pair| pair[0].layer < pair[1].layer);
        let slot_fits = presence.on_stage.is_none_or(|(slot, _)| slot < config::SLOTS);
        let credential_fits = presence.credential.len() <= config::CREDENTIAL_MAX;
        let missed_fit = presence.missed.len() <= config::MISSED_MAX;
        if contacts_fit && layers_in_order && slot_fits && credential_fits && missed_fit {
            Ok(presence)
        } else {
            Err(PresenceError::TooMuch)
        }
    }

    /// Writes the body of a note. Fails if the owner of this node gave it too much.
    pub fn encode(&self) -> Result<Vec<u8>, canopy_codec::Error> {
        canopy_codec::encode(self, config::NOTE_BODY_MAX)
    }
}

/// Somebody who is present.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) presence: Presence,
    /// What the edge made of its credential.
    pub(crate) admitted: Admitted,
    heard: Time,
}

/// Everybody who is present, this node left out.
#[derive(Debug, Default)]
pub(crate) struct Members {
    by_id: BTreeMap<NodeId, Member>,
}

/// What a presence changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Arrived,
    /// What matters to a planner is different.
    Changed,
    Same,
    Left,
    /// There are too many.
    Refused,
}

impl Members {
    pub(crate) fn heard(&mut self, now: Time, id: NodeId, presence: Presence, admitted: Admitted) -> Heard {
        if presence.leaving {
            return if self.by_id.remove(&id).is_some() { Heard::Left } else { Heard::Same };
        }
        if !self.by_id.contains_key(&id) && self.by_id.len() >= config::MEMBERS_MAX {
            return Heard::Refused;
        }
        let changed =
            self.by_id.get(&id).map(|member| member.presence != presence || member.admitted != admitted);
        self.by_id.insert(id, Member { presence, admitted, heard: now });
        match changed {
            None => Heard::Arrived,
            Some(true) => Heard::Changed,
            Some(false) => Heard::Same,
        }
    }

    /// Takes out who was silent for too long, of those whose silence `counts`.
    pub(crate) fn take_gone(&mut self, now: Time, counts: impl Fn(NodeId, &Member) -> bool) -> Vec<NodeId> {
        let gone: Vec<NodeId> = self
            .iter()
            .filter(|(id, member)| now.since(member.heard) >= config::GONE_AFTER && counts(*id, member))
            .map(|(id, _)| id)
            .collect();
        self.by_id.retain(|id, _| !gone.contains(id));
        gone
    }

    /// Who was silent for longer than a beat may take, the longest first.
    pub(crate) fn missed(&self, now: Time) -> Vec<NodeId> {
        let mut missed: Vec<(Time, NodeId)> = self
            .by_id
            .iter()
            .filter(|(_, member)| now.since(member.heard) >= config::MISSED_AFTER)
            .map(|(id, member)| (member.heard, *id))
            .collect();
        missed.sort();
        missed.into_iter().map(|(_, id)| id).take(config::MISSED_MAX).collect()
    }

    /// Nobody's silence until now counts.
    pub(crate) fn forgive(&mut self, now: Time) {
        for member in self.by_id.values_mut() {
            member.heard = now;
        }
    }

    pub(crate) fn remove(&mut self, id: NodeId) -> bool {
        self.by_id.remove(&id).is_some()
    }

    pub(crate) fn get(&self, id: NodeId) -> Option<&Member> {
        self.by_id.get(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        self.by_id.iter().map(|(id, member)| (*id, member))
    }
}
