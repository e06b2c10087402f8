//! The stage: which source is plugged into which slot, and in which groups of trees its layers travel.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::id::NodeId;
use crate::io::{Claim, LayerRate, Part};
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
    /// More want to send than there are places: who isn't named here sends nothing.
    pub crowded: bool,
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
        self.crowded == other.crowded
            && self.feeds == other.feeds
            && self.groups == other.groups
            && self.helpers == other.helpers
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

/// What a coordinator's edge wishes where there are not enough places, see [`crate::io::Command::Floor`].
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    gallery: u8,
    claims: Vec<Claim>,
}

impl Default for Wishes {
    fn default() -> Wishes {
        Wishes { gallery: config::GALLERY_MAX, claims: Vec::new() }
    }
}

impl Wishes {
    pub(crate) fn new(gallery: u8, mut claims: Vec<Claim>) -> Wishes {
        claims.truncate(usize::from(config::SLOTS));
        Wishes { gallery: gallery.min(config::GALLERY_MAX), claims }
    }

    fn places(&self) -> u8 {
        config::MAIN_SLOT + 1 + self.gallery
    }

    /// True if there are too many for each to have a place.
    pub(crate) fn is_crowded(&self, candidates: &[Candidate]) -> bool {
        candidates.len() > usize::from(self.places())
    }

    /// Which slots are for a part.
    fn slots(&self, part: Part) -> Range<u8> {
        match part {
            Part::Main => config::MAIN_SLOT..config::MAIN_SLOT + 1,
            Part::Front | Part::Voice => 0..config::VOICES,
            Part::Gallery => config::MAIN_SLOT + 1..self.places(),
        }
    }

    fn has_room(&self, parts: &BTreeMap<NodeId, Part>, part: Part) -> bool {
        let slots = self.slots(part);
        let taken = parts.values().filter(|other| self.slots(**other) == slots).count();
        taken < slots.len() && (part != Part::Front || !parts.values().any(|other| *other == Part::Front))
    }

    /// Who has which part of a crowded stage: what is claimed, then whoever is on it now, then the others.
    fn parts(
        &self,
        candidates: &[Candidate],
        held: &BTreeMap<NodeId, (u8, Option<u32>)>,
    ) -> BTreeMap<NodeId, Part> {
        let mut parts = BTreeMap::new();
        for claim in &self.claims {
            let here = candidates.iter().any(|candidate| candidate.source == claim.source);
            if here && !parts.contains_key(&claim.source) && self.has_room(&parts, claim.part) {
                parts.insert(claim.source, claim.part);
            }
        }
        let is_voice = |slot: &u8| self.slots(Part::Voice).contains(slot);
        let mut others: Vec<(u8, &Candidate)> = candidates
            .iter()
            .map(|candidate| (held.get(&candidate.source).map_or(u8::MAX, |(slot, _)| *slot), candidate))
            .collect();
        others.sort_by_key(|(slot, candidate)| (*slot, candidate.source));
        for (_, candidate) in others.iter().filter(|(slot, _)| is_voice(slot)) {
            if !parts.contains_key(&candidate.source) && self.has_room(&parts, Part::Voice) {
                parts.insert(candidate.source, Part::Voice);
            }
        }
        let shows = |candidate: &Candidate| candidate.layers.iter().any(|rate| !rate.layer.is_audio());
        // Whoever is seen stays so.
        let seen = self.slots(Part::Gallery);
        others.sort_by_key(|(slot, candidate)| (!seen.contains(slot), *slot, candidate.source));
        for part in [Part::Gallery, Part::Voice] {
            for (_, candidate) in
                others.iter().filter(|(_, candidate)| part == Part::Voice || shows(candidate))
            {
                if !parts.contains_key(&candidate.source) && self.has_room(&parts, part) {
                    parts.insert(candidate.source, part);
                }
            }
        }
        parts
    }
}

/// What a source of this part sends of its layers, which are in their order.
fn layers_of(part: Part, all: &[LayerRate]) -> Vec<LayerRate> {
    let smallest = all.iter().find(|rate| !rate.layer.is_audio());
    let sound = all.iter().find(|rate| rate.layer.is_audio());
    match part {
        Part::Main | Part::Front => all.to_vec(),
        Part::Voice => sound.into_iter().chain(smallest).copied().collect(),
        Part::Gallery => smallest.into_iter().copied().collect(),
    }
}

/// Gives every source a slot of its own while they suffice, and else as is wished. Who has one keeps it where it can; the
/// feed stays for as long as the stint and the slot do, and `next_feed` grows with every new one. A coordinator that starts
/// over without a plan takes the sources at their word.
pub(crate) fn assign(
    candidates: &[Candidate],
    previous: &[Feed],
    wishes: &Wishes,
    next_feed: &mut u32,
) -> Vec<Feed> {
    let held = |candidate: &Candidate| {
        let before = previous.iter().find(|feed| feed.source == candidate.source);
        let said = candidate.on_stage.filter(|_| previous.is_empty());
        match before {
            Some(before) if before.stint == candidate.stint => Some((before.slot, Some(before.feed))),
            Some(before) => Some((before.slot, None)),
            None => said.map(|(slot, feed)| (slot, Some(feed))),
        }
    };
    let held: BTreeMap<NodeId, (u8, Option<u32>)> =
        candidates.iter().filter_map(|candidate| Some((candidate.source, held(candidate)?))).collect();
    let parts = wishes.is_crowded(candidates).then(|| wishes.parts(candidates, &held));
    // Those who have a place, with the slots that they may have it in.
    let placed = candidates.iter().filter_map(|candidate| match &parts {
        None => Some((candidate, 0..config::SLOTS, candidate.layers.clone())),
        Some(parts) => {
            let part = *parts.get(&candidate.source)?;
            Some((candidate, wishes.slots(part), layers_of(part, &candidate.layers)))
        }
    });
    let mut feeds: Vec<Feed> = Vec::new();
    let mut moved = Vec::new();
    let mut free: BTreeSet<u8> = (0..config::SLOTS).collect();
    for (candidate, slots, layers) in placed {
        match held.get(&candidate.source).filter(|(slot, _)| slots.contains(slot)) {
            Some((slot, feed)) if free.remove(slot) => {
                feeds.push(plug(candidate, layers, *slot, *feed, next_feed));
            }
            _ => moved.push((candidate, slots, layers)),
        }
    }
    for (candidate, slots, layers) in moved {
        if let Some(slot) = free.range(slots).next().copied() {
            free.remove(&slot);
            feeds.push(plug(candidate, layers, slot, None, next_feed));
        }
    }
    feeds.sort_by_key(|feed| feed.slot);
    feeds
}

fn plug(
    candidate: &Candidate,
    layers: Vec<LayerRate>,
    slot: u8,
    feed: Option<u32>,
    next_feed: &mut u32,
) -> Feed {
    let feed = feed.unwrap_or_else(|| {
        let fresh = *next_feed;
        *next_feed = next_feed.saturating_add(1);
        fresh
    });
    Feed { slot, feed, source: candidate.source, stint: candidate.stint, layers }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    fn candidate(n: u8) -> Candidate {
        let layers = Layer::ALL.map(|layer| LayerRate { layer, kbps: 100 }).to_vec();
        Candidate { source: id(n), stint: 1, layers, on_stage: None }
    }

    fn claim(part: Part, n: u8) -> Claim {
        Claim { part, source: id(n) }
    }

    struct Stages {
        feeds: Vec<Feed>,
        next_feed: u32,
    }

    impl Stages {
        /// The first of `sources`, in which slots and with how many layers.
        fn assign(&mut self, sources: u8, claims: &[Claim]) -> Vec<(u8, u8, usize)> {
            let candidates: Vec<Candidate> = (1..=sources).map(candidate).collect();
            let wishes = Wishes::new(2, claims.to_vec());
            self.feeds = assign(&candidates, &self.feeds, &wishes, &mut self.next_feed);
            let slots = self.feeds.windows(2).all(|pair| pair[0].slot < pair[1].slot);
            let numbers: BTreeSet<u32> = self.feeds.iter().map(|feed| feed.feed).collect();
            assert!(slots && numbers.len() == self.feeds.len(), "each slot and each feed once");
            self.feeds.iter().map(|feed| (feed.source.0[0], feed.slot, feed.layers.len())).collect()
        }

        fn feed_of(&self, n: u8) -> Option<u32> {
            self.feeds.iter().find(|feed| feed.source == id(n)).map(|feed| feed.feed)
        }
    }

    #[test]
    fn while_places_suffice_everybody_has_one_whatever_is_claimed() {
        let mut stages = Stages { feeds: Vec::new(), next_feed: 1 };
        let own: Vec<(u8, u8, usize)> = (1..=6).map(|n| (n, n - 1, 4)).collect();
        assert_eq!(stages.assign(6, &[]), own);
        assert_eq!(stages.assign(6, &[claim(Part::Gallery, 1), claim(Part::Main, 2)]), own);
    }

    #[test]
    fn a_crowd_is_heard_and_seen_as_claimed_and_who_is_there_stays_else() {
        let mut stages = Stages { feeds: Vec::new(), next_feed: 1 };
        stages.assign(6, &[]);
        let before: Vec<u32> = stages.feeds.iter().map(|feed| feed.feed).collect();
        // Nobody speaks: whoever sits in the main slot has no claim to it.
        let crowded = stages.assign(8, &[]);
        assert_eq!(crowded, [(1, 0, 2), (2, 1, 2), (3, 2, 2), (5, 4, 1), (6, 5, 1)]);
        assert_eq!(stages.feed_of(1), Some(before[0]), "the same feed, with fewer layers");
        let crowded = stages.assign(8, &[claim(Part::Front, 8), claim(Part::Gallery, 1)]);
        let made_way = "who gave its voice up is seen in place of one whom nobody claims";
        assert_eq!(crowded, [(8, 0, 4), (2, 1, 2), (3, 2, 2), (5, 4, 1), (1, 5, 1)], "{made_way}");
        let feed = stages.feed_of(8);
        let crowded =
            stages.assign(8, &[claim(Part::Main, 7), claim(Part::Voice, 8), claim(Part::Gallery, 6)]);
        assert_eq!(crowded, [(8, 0, 2), (2, 1, 2), (3, 2, 2), (7, 3, 4), (5, 4, 1), (6, 5, 1)]);
        assert_eq!(stages.feed_of(8), feed);
        let all = stages.assign(6, &[]);
        assert_eq!(all.len(), 6, "enough again");
        assert!(all.iter().all(|(_, _, layers)| *layers == 4));
    }

    #[test]
    fn no_claim_makes_more_places_than_there_are() {
        let mut stages = Stages { feeds: Vec::new(), next_feed: 1 };
        let all = [Part::Main, Part::Front, Part::Voice, Part::Gallery];
        let claims: Vec<Claim> = all.iter().flat_map(|part| (1..=9).map(|n| claim(*part, n))).collect();
        let crowded = stages.assign(9, &claims[..16]);
        assert_eq!(crowded.iter().filter(|(_, _, layers)| *layers == 4).count(), 2, "a screen and a front");
        assert_eq!(stages.assign(9, &claims[..16]), crowded, "and nothing moves without a reason");
        assert!(crowded.iter().all(|(_, slot, _)| *slot < 6));
    }

    #[test]
    fn whoever_sends_sound_alone_takes_no_place_from_a_picture() {
        let mut candidates: Vec<Candidate> = (1..=8).map(candidate).collect();
        for candidate in &mut candidates[..6] {
            candidate.layers.truncate(1);
        }
        let feeds = assign(&candidates, &[], &Wishes::new(2, Vec::new()), &mut 1);
        let shown = feeds.iter().filter(|feed| feed.slot > config::MAIN_SLOT).map(|feed| feed.source);
        assert_eq!(shown.collect::<Vec<_>>(), [id(7), id(8)]);
    }
}
