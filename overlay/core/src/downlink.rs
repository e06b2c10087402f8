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

/// What a way in is asked to carry by plans, kbit/s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    /// All sound: never less.
    pub(crate) least: u32,
    /// Everything that there is: more is as good as no limit.
    pub(crate) most: u32,
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
        let of_them =
            self.dropped.iter().map(|(_, parent)| *parent).filter(|parent| parents.contains(parent));
        let who: BTreeSet<NodeId> = of_them.clone().collect();
        of_them.count() >= config::DROPS_MAX && 2 * who.len() > parents.len()
    }

    /// Lowers what it is taken to carry if it is full: to what came in lately, and each time by a part at least. True if that
    /// is news. Not again before a plan had the time to change anything.
    pub(crate) fn lowers(&mut self, now: Time, parents: &BTreeSet<NodeId>, needs: Needs) -> bool {
        let settles =
            |limit: &Limit| now.since(limit.since) < config::DOWNLINK_LOWERED_FOR && !limit.has_grown;
        if self.limit.as_ref().is_some_and(settles) || !self.is_full(now, parents) {
            return false;
        }
        self.dropped.clear();
        let before = self.limit;
        let most = before.map_or(u32::MAX, |limit| part(limit.kbps, config::DOWNLINK_LOWERED_PERMILLE));
        let kbps = self.came.most_kbps().min(most).max(needs.least);
        if before.is_none() && kbps >= needs.most {
            // It was a burst.
            return false;
        }
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

    /// What was borne for long enough grows, until nothing limits it any more. True if that is news.
    pub(crate) fn grows(&mut self, now: Time, needs: Needs) -> bool {
        let Some(limit) = self.limit.as_mut().filter(|limit| now.since(limit.since) >= limit.wait) else {
            return false;
        };
        if limit.has_grown && limit.kbps >= limit.too_much {
            // The line is better than it was.
            limit.wait = config::DOWNLINK_GROWS_AFTER;
        }
        (limit.kbps, limit.since) = (part(limit.kbps, config::DOWNLINK_GROWS_PERMILLE), now);
        limit.has_grown = true;
        self.limit = self.limit.filter(|limit| limit.kbps < needs.most);
        true
    }
}

fn part(of: u32, permille: u32) -> u32 {
    u32::try_from(u64::from(of) * u64::from(permille) / 1_000).unwrap_or(u32::MAX)
}

/// What has come in, by spans of [`config::CAME_SPAN`]: the last [`config::CAME_SPANS`] in which anything did. A line that stood
/// still for a moment is no narrower for it.
#[derive(Debug, Default)]
struct Came {
    /// Each with its number, and bytes on the wire.
    spans: VecDeque<(u64, u64)>,
}

impl Came {
    fn add(&mut self, now: Time, bytes: u64) {
        let span = now.0 / config::CAME_SPAN.as_nanos() as u64;
        match self.spans.back_mut() {
            Some((last, sum)) if *last == span => *sum += bytes,
            _ => {
                if self.spans.len() >= config::CAME_SPANS {
                    self.spans.pop_front();
                }
                self.spans.push_back((span, bytes));
            }
        }
    }

    /// The most in one of the last spans, kbit/s: what the line carried while it was full.
    fn most_kbps(&self) -> u32 {
        let most = self.spans.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
        u32::try_from(most * 8 / config::CAME_SPAN.as_millis() as u64).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: Needs = Needs { least: 400, most: 5_000 };

    fn node(of: u8) -> NodeId {
        NodeId([of; 32])
    }

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    fn parents(count: u8) -> BTreeSet<NodeId> {
        (1..=count).map(node).collect()
    }

    /// In the second before this one so much came in evenly, kbit/s without what carries it.
    fn comes(downlink: &mut Downlink, until: u64, kbps: usize) {
        for frame in 0..50 {
            downlink.came(Time(at(until - 1).0 + frame * 20_000_000), kbps * 125 / 50);
        }
    }

    /// So many parents drop, until that is as often as it takes.
    fn drop_by(downlink: &mut Downlink, now: Time, parents: u8) {
        (0..config::DROPS_MAX.max(parents.into())).for_each(|n| {
            downlink.dropped(now, node(1 + n as u8 % parents));
        });
    }

    /// One whose way in was found to carry some 1,000 kbit/s.
    fn full() -> (Downlink, u32) {
        let mut downlink = Downlink::default();
        comes(&mut downlink, 100, 960);
        drop_by(&mut downlink, at(100), 4);
        assert!(downlink.lowers(at(100), &parents(4), NEEDS));
        let kbps = downlink.kbps();
        assert!((1_020..1_080).contains(&kbps), "{kbps}: 50 units of 2 packets a second, and 80 B with each");
        (downlink, kbps)
    }

    #[test]
    fn what_came_in_is_what_it_carries_once_more_than_half_of_the_parents_drop() {
        let (mut downlink, kbps) = full();
        assert!(!downlink.lowers(at(101), &parents(4), NEEDS), "they dropped before that");
        drop_by(&mut downlink, at(101), 4);
        assert!(!downlink.lowers(at(101), &parents(4), NEEDS), "no plan can have changed anything yet");
        assert!(downlink.lowers(at(104), &parents(4), NEEDS));
        assert_eq!(downlink.kbps(), kbps * 85 / 100, "it was still too much, whatever came in");
        let loud = Needs { least: 800, ..NEEDS };
        drop_by(&mut downlink, at(108), 4);
        assert!(downlink.lowers(at(108), &parents(4), loud));
        assert_eq!(downlink.kbps(), 800, "all sound goes on");
        drop_by(&mut downlink, at(112), 4);
        assert!(!downlink.lowers(at(112), &parents(4), loud), "and that is no news");
    }

    #[test]
    fn one_bad_parent_of_several_or_half_of_them_is_no_full_way_in_and_the_only_one_is() {
        let mut downlink = Downlink::default();
        comes(&mut downlink, 100, 960);
        for _ in 0..3 * config::DROPS_MAX {
            downlink.dropped(at(100), node(1));
        }
        assert!(!downlink.lowers(at(100), &parents(2), NEEDS), "its own way out may be full");
        drop_by(&mut downlink, at(100), 2);
        assert!(!downlink.lowers(at(100), &parents(4), NEEDS), "so may those of two");
        assert!(!downlink.lowers(at(100), &[node(7)].into(), NEEDS), "those are no parents any more");
        assert!(!downlink.lowers(at(100) + config::DROPS_WITHIN, &parents(1), NEEDS), "it was long ago");
        drop_by(&mut downlink, at(120), 1);
        assert!(downlink.lowers(at(120), &parents(1), NEEDS), "there is nobody else to tell it by");
    }

    #[test]
    fn a_burst_into_a_line_that_holds_everything_is_no_news() {
        let mut downlink = Downlink::default();
        comes(&mut downlink, 100, 4_900);
        drop_by(&mut downlink, at(100), 4);
        assert!(!downlink.lowers(at(100), &parents(4), NEEDS) && downlink.kbps() == 0);
        drop_by(&mut downlink, at(100), 4);
        assert!(downlink.lowers(at(100), &parents(4), Needs { most: 6_000, ..NEEDS }));
    }

    #[test]
    fn it_grows_by_steps_until_it_holds_everything() {
        let (mut downlink, kbps) = full();
        let mut now = at(100);
        assert!(!downlink.grows(now, NEEDS));
        for steps in 1..=6 {
            now = now + config::DOWNLINK_GROWS_AFTER;
            assert!(downlink.grows(now, NEEDS) && !downlink.grows(now, NEEDS), "step {steps}");
            assert!(downlink.kbps() == 0 || downlink.kbps() > kbps);
        }
        // 1.25 to the 6 is 3.81.
        assert!(downlink.kbps().abs_diff(kbps * 381 / 100) < 10, "{} of {kbps}", downlink.kbps());
        assert!(downlink.grows(now + config::DOWNLINK_GROWS_AFTER, NEEDS));
        assert_eq!(downlink.kbps(), 0, "nothing limits it any more");
    }

    #[test]
    fn each_step_that_was_too_much_is_taken_back_at_once_and_the_next_is_tried_later() {
        let (mut downlink, kbps) = full();
        let (mut second, mut wait) = (100, config::DOWNLINK_GROWS_AFTER.as_secs());
        for _ in 0..8 {
            assert!(!downlink.grows(at(second + wait - 1), NEEDS), "not before {wait} s");
            second += wait;
            assert!(downlink.grows(at(second), NEEDS));
            comes(&mut downlink, second, 960);
            drop_by(&mut downlink, at(second), 4);
            assert!(downlink.lowers(at(second), &parents(4), NEEDS));
            assert_eq!(downlink.kbps(), kbps, "what it carries is known");
            wait = (2 * wait).min(config::DOWNLINK_GROWS_AFTER_MAX.as_secs());
        }
        // The line carries more from now on: soon nobody waits so long.
        let waits = [wait, wait, config::DOWNLINK_GROWS_AFTER.as_secs()];
        for (step, wait) in waits.into_iter().enumerate() {
            second += wait;
            assert!(downlink.grows(at(second), NEEDS), "step {step}");
        }
    }
}
