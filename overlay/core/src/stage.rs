//! The stage: which source is plugged into which slot, and in which groups of trees its layers travel.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::id::NodeId;
use crate::io::LayerRate;
use crate::members::contacts_fit;
use crate::plan::Feed;
use crate::unit::{Layer, TreeId};

/// What everybody is told of a plan, as the body of a note of the coordinator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The coordinator's term.
    pub term: u32,
    /// The number of the plan within the term.
    pub number: u32,
    /// Who is plugged into which slot, in the order of slots.
    pub feeds: Vec<Feed>,
    /// The groups that carry anything, in the order of slots and layers.
    pub groups: Vec<Group>,
    /// Relays with room, for whoever finds no parent; at most [`config::HELPERS_MAX`].
    pub helpers: Vec<Reachable>,
}

/// The trees that carry one layer of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The slot.
    pub slot: u8,
    /// The layer of the slot's source.
    pub layer: Layer,
    /// What one child in one of the trees costs its parent, kbit/s on the wire.
    pub kbps: u32,
    /// Data trees.
    pub k: u8,
    /// Parity trees.
    pub m: u8,
}

/// A node, and where it can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reachable {
    /// The node.
    pub id: NodeId,
    /// As in [`crate::members::Presence`].
    pub contacts: Vec<String>,
}

/// Why a note is no stage: its origin's fault, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// Not a stage, or not in its one encoding.
    #[error("not a stage: {0}")]
    Codec(#[from] canopy_codec::Error),
    /// It names what is not there, or more than is allowed.
    #[error("a stage that contradicts itself")]
    Contradiction,
}

impl Stage {
    /// Reads the body of a note. Every error is the origin's fault.
    pub fn decode(body: &[u8]) -> Result<Stage, StageError> {
        let stage: Stage = canopy_codec::decode_strict(body, config::NOTE_BODY_MAX)?;
        let ascending = stage.feeds.windows(2).all(|pair| pair[0].slot < pair[1].slot)
            && stage
                .groups
                .windows(2)
                .all(|pair| (pair[0].slot, pair[0].layer) < (pair[1].slot, pair[1].layer));
        let sound = stage.feeds.iter().all(|feed| feed.slot < config::SLOTS)
            && stage
                .groups
                .iter()
                .all(|group| group.k > 0 && group.trees().is_some_and(|n| n <= config::GROUP_MAX))
            && stage.groups.iter().all(|group| stage.feed(group.slot).is_some())
            && stage.helpers.len() <= config::HELPERS_MAX
            && stage.helpers.iter().all(|helper| contacts_fit(&helper.contacts));
        if ascending && sound { Ok(stage) } else { Err(StageError::Contradiction) }
    }

    /// Writes the body of a note.
    pub fn encode(&self) -> Result<Vec<u8>, canopy_codec::Error> {
        canopy_codec::encode(self, config::NOTE_BODY_MAX)
    }

    /// Term and number: stages are followed in this order.
    pub fn of(&self) -> (u32, u32) {
        (self.term, self.number)
    }

    /// Who is plugged into a slot.
    pub fn feed(&self, slot: u8) -> Option<&Feed> {
        self.feeds.iter().find(|feed| feed.slot == slot)
    }

    /// The group that a tree belongs to, with what is plugged into it; none if the stage has no such tree.
    pub fn group(&self, tree: TreeId) -> Option<(&Feed, &Group)> {
        let group = self.groups.iter().find(|group| group.slot == tree.slot && group.layer == tree.layer)?;
        let feed = self.feed(tree.slot)?;
        group.trees().is_some_and(|trees| tree.index < trees).then_some((feed, group))
    }

    /// True if both say the same, whatever their numbers.
    pub(crate) fn says_like(&self, other: &Stage) -> bool {
        self.feeds == other.feeds && self.groups == other.groups && self.helpers == other.helpers
    }
}

impl Group {
    /// How many trees it has.
    pub fn trees(&self) -> Option<u8> {
        self.k.checked_add(self.m)
    }

    /// Its trees.
    pub fn tree_ids(&self) -> impl Iterator<Item = TreeId> {
        let (slot, layer) = (self.slot, self.layer);
        (0..self.trees().unwrap_or(0)).map(move |index| TreeId { slot, layer, index })
    }
}

/// Somebody who wants to be on the stage.
pub(crate) struct Candidate {
    pub(crate) source: NodeId,
    pub(crate) stint: u64,
    pub(crate) layers: Vec<LayerRate>,
    /// Where it says that it is now.
    pub(crate) on_stage: Option<(u8, u32)>,
}

/// Gives every source a slot of its own while they suffice. Who has one keeps it; the feed stays for
/// as long as the stint does, and `next_feed` grows with every new one. A coordinator that starts over
/// without a plan takes the sources at their word.
pub(crate) fn assign(candidates: &[Candidate], previous: &[Feed], next_feed: &mut u32) -> Vec<Feed> {
    let mut feeds: Vec<Feed> = Vec::new();
    let mut free: BTreeSet<u8> = (0..config::SLOTS).collect();
    for candidate in candidates {
        let before = previous.iter().find(|feed| feed.source == candidate.source);
        let said = candidate.on_stage.filter(|_| previous.is_empty());
        let kept = match before {
            Some(before) if before.stint == candidate.stint => Some((before.slot, Some(before.feed))),
            Some(before) => Some((before.slot, None)),
            None => said.map(|(slot, feed)| (slot, Some(feed))),
        };
        if let Some((slot, feed)) = kept
            && free.remove(&slot)
        {
            feeds.push(plug(candidate, slot, feed, next_feed));
        }
    }
    for candidate in candidates {
        if feeds.iter().all(|feed| feed.source != candidate.source)
            && let Some(slot) = free.pop_first()
        {
            feeds.push(plug(candidate, slot, None, next_feed));
        }
    }
    feeds.sort_by_key(|feed| feed.slot);
    feeds
}

fn plug(candidate: &Candidate, slot: u8, feed: Option<u32>, next_feed: &mut u32) -> Feed {
    let feed = feed.unwrap_or_else(|| {
        let fresh = *next_feed;
        *next_feed = next_feed.saturating_add(1);
        fresh
    });
    Feed { slot, feed, source: candidate.source, stint: candidate.stint, layers: candidate.layers.clone() }
}
