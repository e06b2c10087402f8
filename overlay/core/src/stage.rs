//! The stage: which source is plugged into which slot.

use std::collections::BTreeSet;

use crate::config;
use crate::id::NodeId;
use crate::io::LayerRate;
use crate::plan::Feed;

/// A stretch of coordination.
#[derive(Debug)]
pub(crate) struct Coordinator {
    pub(crate) term: u32,
    pub(crate) number: u32,
    pub(crate) next_feed: u32,
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
