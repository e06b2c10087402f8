//! What this node's way in carries, once something shows that it is full.
//!
//! Nobody is told how much a home's line takes in, and it differs by the hour. What shows is that parents drop what they have for
//! this node: they say so when they begin to ([`crate::wire::TreeTick::thinned`]). If most of them do, it is not for want of
//! their own uplinks, and what came in meanwhile is what the line carries. One bad parent of several proves nothing, nor does a
//! way out that is full: nobody drops for that.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::config;
use crate::id::NodeId;
use crate::time::Time;

/// What is known of this node's way in.
#[derive(Debug, Default)]
pub(crate) struct Downlink {
    came: Came,
    /// Which parents began to drop a picture, and when.
    dropped: VecDeque<(Time, NodeId)>,
    limit: Option<Limit>,
}

/// What the way in is taken to carry.
#[derive(Clone, Copy, Debug)]
struct Limit {
    kbps: u32,
    /// When it was lowered or grew.
    since: Time,
    /// It grew then.
    has_grown: bool,
    /// How long it is borne before it grows.
    wait: Duration,
    /// What was too much last, kbit/s.
    too_much: u32,
}

impl Downlink {
    /// A unit of so many bytes has come in.
    pub(crate) fn came(&mut self, now: Time, bytes: usize) {
        let packets = (bytes as u64).div_ceil(config::PACKET_PAYLOAD).max(1);
        self.came.add(now, bytes as u64 + packets * config::PACKET_OVERHEAD);
    }

    /// A parent says that it begins to leave out frames of a picture.
    pub(crate) fn dropped(&mut self, now: Time, parent: NodeId) {
        if self.dropped.len() >= config::DROPS_NOTED_MAX {
            self.dropped.pop_front();
        }
        self.dropped.push_back((now, parent));
    }

    /// What it carries, kbit/s; 0 as long as nothing shows that it is full.
    pub(crate) fn kbps(&self) -> u32 {
        self.limit.map_or(0, |limit| limit.kbps)
    }

    /// True if it is this node's way in that is full: more than half of these, who bring it pictures, drop some, or the only
    /// one again and again.
    fn is_full(&mut self, now: Time, parents: &BTreeSet<NodeId>) -> bool {
        self.dropped.retain(|(at, _)| now.since(*at) < config::DROPS_WITHIN);
        let of_them = self.dropped.iter().map(|(_, parent)| *parent).filter(|parent| parents.contains(parent));
        let who: BTreeSet<NodeId> = of_them.clone().collect();
        of_them.count() >= config::DROPS_MAX && 2 * who.len() > parents.len()
    }

    /// Lowers what it is taken to carry if it is full: to what came in lately, and each time by a part at least, but not below
    /// `least`, kbit/s. True if that is news. Not again before a plan had the time to change anything.
    pub(crate) fn lowers(&mut self, now: Time, parents: &BTreeSet<NodeId>, least: u32) -> bool {
        let settles = |limit: &Limit| now.since(limit.since) < config::DOWNLINK_LOWERED_FOR && !limit.has_grown;
        if self.limit.as_ref().is_some_and(settles) || !self.is_full(now, parents) {
            return false;
        }
        self.dropped.clear();
        let before = self.limit.take();
        let most = before.map_or(u32::MAX, |limit| part(limit.kbps, config::DOWNLINK_LOWERED_PERMILLE));
        let kbps = self.came.most_kbps(now).min(most).max(least);
        let (wait, too_much) = match before {
            Some(limit) if limit.has_grown => {
                ((limit.wait * 2).min(config::DOWNLINK_GROWS_AFTER_MAX), limit.kbps)
            }
            Some(limit) => (limit.wait, limit.too_much),
            None => (config::DOWNLINK_GROWS_AFTER, 0),
        };
        self.limit = Some(Limit { kbps, since: now, has_grown: false, wait, too_much });
        before.is_none_or(|before| before.kbps != kbps)
    }

    /// What was borne for long enough grows; nothing limits it any more from `enough` on, kbit/s. True if that is news.
    pub(crate) fn grows(&mut self, now: Time, enough: u32) -> bool {
        let Some(limit) = self.limit.as_mut().filter(|limit| now.since(limit.since) >= limit.wait) else {
            return false;
        };
        if limit.has_grown && limit.kbps > limit.too_much {
            // The line is better than it was.
            limit.wait = config::DOWNLINK_GROWS_AFTER;
        }
        (limit.kbps, limit.since) = (part(limit.kbps, config::DOWNLINK_GROWS_PERMILLE), now);
        limit.has_grown = true;
        self.limit = self.limit.filter(|limit| limit.kbps < enough);
        true
    }
}

fn part(of: u32, permille: u32) -> u32 {
    u32::try_from(u64::from(of) * u64::from(permille) / 1_000).unwrap_or(u32::MAX)
}

/// What has come in, by spans of [`config::CAME_SPAN`]: the last whole ones, and the one that goes on.
#[derive(Debug, Default)]
struct Came {
    /// Each with its number, and bytes on the wire.
    spans: VecDeque<(u64, u64)>,
}

impl Came {
    fn add(&mut self, now: Time, bytes: u64) {
        let span = span_at(now);
        match self.spans.back_mut() {
            Some((last, sum)) if *last == span => *sum += bytes,
            _ => {
                if self.spans.len() > config::CAME_SPANS {
                    self.spans.pop_front();
                }
                self.spans.push_back((span, bytes));
            }
        }
    }

    /// The most in one of the last spans, kbit/s: what the line carried while it was full.
    fn most_kbps(&self, now: Time) -> u32 {
        let first = span_at(now).saturating_sub(config::CAME_SPANS as u64);
        let lately = self.spans.iter().filter(|(span, _)| *span >= first);
        let most = lately.map(|(_, bytes)| *bytes).max().unwrap_or(0);
        u32::try_from(most * 8 / config::CAME_SPAN.as_millis() as u64).unwrap_or(u32::MAX)
    }
}

fn span_at(now: Time) -> u64 {
    now.0 / config::CAME_SPAN.as_nanos() as u64
}
