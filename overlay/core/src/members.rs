//! Who is present, and what they say about themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::coordinate::Coordinate;
use crate::id::NodeId;
use crate::io::{Admitted, Kind, LayerRate};
use crate::time::Time;
use crate::unit::{Layer, TreeId};

/// What a node says of itself, as the body of a note. The edge reads `credential` to check the note's
/// origin; everything else is the core's.
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
    /// The term in which it leads the meeting; 0 from everybody but a coordinator.
    pub leads: u32,
    /// The term and number of the seat that it holds.
    pub seat: (u32, u32),
    /// Wants a seat in answer: it says something new, or has no answer yet.
    pub asks: bool,
    /// To a coordinator that took over: where it sits, at most [`config::TREES_MAX`].
    pub places: Vec<Place>,
    /// From a coordinator: who is lost, by the first eight bytes; at most [`config::MISSED_MAX`].
    pub missed: Vec<u64>,
    /// Hides its address: it has links with relays only, and makes them itself.
    pub hidden: bool,
    /// How large it wants to see whom, ascending by source, each once; at most [`config::LOOKS_MAX`].
    pub looks: Vec<Look>,
    /// Where it is, as far as delays tell; nowhere if nobody has measured it, or if it hides.
    pub coordinate: Coordinate,
    /// What of its uplink others' media may cost, in kbit/s.
    pub lends_kbps: u32,
    /// What of that a plan may count on now, in kbit/s.
    pub offers_kbps: u32,
    /// To the coordinator: parents that fed this node badly, by the first eight bytes; at most [`config::COMPLAINTS_MAX`].
    pub complaints: Vec<u64>,
    /// What its way in carries, in kbit/s; 0, and then left out, as long as nothing shows that it is full.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub downlink_kbps: u32,
}

fn is_nothing(kbps: &u32) -> bool {
    *kbps == 0
}

/// How much of one source somebody wants at most; of who isn't named, the largest picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// The source, by the first eight bytes of its id.
    pub source: u64,
    /// Its largest picture that is wanted, or sound alone.
    pub most: Layer,
}

/// Where a node sits in one tree, for a coordinator that has not planned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The tree.
    pub tree: TreeId,
    /// Who feeds it, by the first eight bytes of its id.
    pub parent: u64,
    /// It hands the frames to its user.
    pub takes: bool,
}

/// Why a presence was refused: the origin's fault, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresenceError {
    /// Not a presence, or not in its one encoding.
    #[error("not a presence: {0}")]
    Codec(#[from] canopy_codec::Error),
    /// A list or a text in it is too long, or a list not in order.
    #[error("a presence with more in it than is allowed")]
    TooMuch,
}

impl Presence {
    /// Reads the body of a note. Every error is the origin's fault.
    pub fn decode(body: &[u8]) -> Result<Presence, PresenceError> {
        let presence: Presence = canopy_codec::decode_strict(body, config::NOTE_BODY_MAX)?;
        let in_order = presence.sends.windows(2).all(|pair| pair[0].layer < pair[1].layer)
            && presence.looks.windows(2).all(|pair| pair[0].source < pair[1].source);
        let slots_fit = presence.on_stage.is_none_or(|(slot, _)| slot < config::SLOTS)
            && presence.places.iter().all(|place| place.tree.slot < config::SLOTS);
        let bounded = contacts_fit(&presence.contacts)
            && presence.coordinate.is_sound()
            && presence.credential.len() <= config::CREDENTIAL_MAX
            && presence.places.len() <= config::TREES_MAX
            && presence.missed.len() <= config::MISSED_MAX
            && presence.complaints.len() <= config::COMPLAINTS_MAX
            && presence.looks.len() <= config::LOOKS_MAX;
        if in_order && slots_fit && bounded { Ok(presence) } else { Err(PresenceError::TooMuch) }
    }

    /// Writes the body of a note. Fails if the owner of this node gave it too much.
    pub fn encode(&self) -> Result<Vec<u8>, canopy_codec::Error> {
        canopy_codec::encode(self, config::NOTE_BODY_MAX)
    }

    /// True if a planner would do the same with both.
    fn plans_like(&self, other: &Presence) -> bool {
        let relevant = |presence: &Presence| {
            let Presence {
                kind,
                uplink_kbps,
                coordinate,
                lends_kbps,
                offers_kbps,
                downlink_kbps,
                contacts,
                sends,
                stint,
                on_stage,
                watch,
                leads,
                hidden,
                ..
            } = presence;
            let gives = (*uplink_kbps, *lends_kbps, *offers_kbps, *downlink_kbps);
            let way = (contacts.clone(), *hidden, *coordinate);
            (*kind, gives, way, sends.clone(), *stint, *on_stage, *watch, *leads)
        };
        relevant(self) == relevant(other) && self.looks == other.looks
    }
}

/// True if these are few and short enough.
pub(crate) fn contacts_fit(contacts: &[String]) -> bool {
    contacts.len() <= config::CONTACTS_MAX
        && contacts.iter().all(|contact| contact.len() <= config::CONTACT_LEN_MAX)
}

/// Somebody who is present.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) presence: Presence,
    /// What the edge made of its credential.
    pub(crate) admitted: Admitted,
    /// The serial of its presence.
    pub(crate) serial: u64,
    /// When that came.
    pub(crate) heard: Time,
    lost: Option<Lost>,
}

/// Nobody reaches it any more, as far as the coordinator was told.
#[derive(Clone, Copy, Debug)]
struct Lost {
    since: Time,
    /// Since when heartbeats say so.
    named: Option<Time>,
}

/// Everybody who is known to be present, this node left out: at the coordinator all members, elsewhere those who
/// coordinate or send.
#[derive(Debug, Default)]
pub(crate) struct Members {
    by_id: BTreeMap<NodeId, Member>,
    /// The newest serials of some who have departed: what is older than that brings nobody back.
    departed: BTreeMap<NodeId, u64>,
}

/// What a presence changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Arrived,
    /// What matters to a planner is different.
    Changed,
    Same,
    Left,
    /// It is older than what is known, or there are too many.
    Refused,
}

impl Members {
    /// The presence of this serial came from `id`.
    pub(crate) fn heard(
        &mut self,
        now: Time,
        id: NodeId,
        serial: u64,
        presence: Presence,
        admitted: Admitted,
    ) -> Heard {
        let before = self.by_id.get(&id);
        let newest = before.map(|member| member.serial).or_else(|| self.departed.get(&id).copied());
        if newest.is_some_and(|newest| serial <= newest) {
            return Heard::Refused;
        }
        if presence.leaving {
            self.note_departure(id, serial);
            return if self.by_id.remove(&id).is_some() { Heard::Left } else { Heard::Same };
        }
        if before.is_none() && self.by_id.len() >= config::MEMBERS_MAX {
            return Heard::Refused;
        }
        let heard = match before {
            None => Heard::Arrived,
            Some(member) if member.presence.plans_like(&presence) && member.admitted == admitted => {
                Heard::Same
            }
            Some(_) => Heard::Changed,
        };
        self.by_id.insert(id, Member { presence, admitted, serial, heard: now, lost: None });
        heard
    }

    /// Somebody can be reached no longer, as a neighbour of it says.
    pub(crate) fn lose(&mut self, now: Time, id: NodeId) {
        if let Some(member) = self.by_id.get_mut(&id) {
            member.lost.get_or_insert(Lost { since: now, named: None });
        }
    }

    /// Somebody can be reached again. True if it was lost.
    pub(crate) fn find(&mut self, id: NodeId) -> bool {
        self.by_id.get_mut(&id).is_some_and(|member| member.lost.take().is_some())
    }

    /// Whom a heartbeat names as lost: first those who were not named yet, whose time runs from now on.
    pub(crate) fn name_missed(&mut self, now: Time) -> Vec<u64> {
        let mut lost: Vec<(bool, Time, NodeId)> = self
            .by_id
            .iter()
            .filter_map(|(id, member)| member.lost.map(|lost| (lost.named.is_some(), lost.since, *id)))
            .collect();
        lost.sort();
        lost.truncate(config::MISSED_MAX);
        for (.., id) in &lost {
            if let Some(lost) = self.by_id.get_mut(id).and_then(|member| member.lost.as_mut()) {
                lost.named.get_or_insert(now);
            }
        }
        lost.into_iter().map(|(.., id)| id.prefix()).collect()
    }

    /// True if somebody is lost whom no heartbeat has named yet.
    pub(crate) fn has_unnamed(&self) -> bool {
        self.by_id.values().any(|member| member.lost.is_some_and(|lost| lost.named.is_none()))
    }

    /// Takes out who was named as lost and did not answer in time.
    pub(crate) fn take_gone(&mut self, now: Time) -> Vec<NodeId> {
        let is_gone = |member: &Member| {
            let named = member.lost.and_then(|lost| lost.named);
            let after = match member.admitted.kind {
                Kind::Relay => config::RELAY_GONE_AFTER,
                Kind::Participant => config::GONE_AFTER,
            };
            named.is_some_and(|named| now.since(named) >= after)
        };
        let gone: Vec<NodeId> =
            self.by_id.iter().filter(|(_, member)| is_gone(member)).map(|(id, _)| *id).collect();
        for id in &gone {
            self.remove(*id);
        }
        gone
    }

    /// Only these stay.
    pub(crate) fn retain(&mut self, stays: impl Fn(NodeId, &Member) -> bool) -> Vec<NodeId> {
        let gone: Vec<NodeId> =
            self.by_id.iter().filter(|(id, member)| !stays(**id, member)).map(|(id, _)| *id).collect();
        for id in &gone {
            self.by_id.remove(id);
        }
        gone
    }

    pub(crate) fn remove(&mut self, id: NodeId) -> bool {
        let Some(member) = self.by_id.remove(&id) else { return false };
        self.note_departure(id, member.serial);
        true
    }

    fn note_departure(&mut self, id: NodeId, serial: u64) {
        if self.departed.len() >= config::SHUT_MAX {
            self.departed.pop_first();
        }
        self.departed.insert(id, serial);
    }

    pub(crate) fn get(&self, id: NodeId) -> Option<&Member> {
        self.by_id.get(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        self.by_id.iter().map(|(id, member)| (*id, member))
    }
}
