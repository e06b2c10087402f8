//! How each source comes through, over the last minute, for the panel.

use std::collections::{BTreeMap, VecDeque};

use overlay_core::id::NodeId;
use serde::Serialize;

/// Looks that are kept, one each second.
const KEPT: usize = 60;
/// A layer of which nothing came for so many looks is told of no longer.
const RESTS: usize = 5;

/// What became of one layer of one source so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames that came.
    pub came: u64,
    /// Frames that did not come in time, or lacked what they depend on.
    pub lost: u64,
    /// Key frames that were asked for.
    pub keys: u64,
    /// From capture to here lately, as the two machines' clocks show it, microseconds.
    pub delay_us: i64,
}

/// How one layer of one source came through in the last minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Through {
    /// Whose.
    #[cfg_attr(test, ts(type = "string"))]
    pub source: NodeId,
    /// Which layer.
    pub layer: u8,
    /// From capture to this node, as the two machines' clocks show it: where one is off, so is this.
    pub delay_ms: i32,
    /// How much of that is above the least of the minute, whatever the clocks show.
    pub above_ms: i32,
    /// Frames that came.
    pub came: u32,
    /// Frames that did not come in time, or lacked what they depend on.
    pub lost: u32,
    /// Key frames that were asked for.
    pub keys: u32,
    /// How often it came another way than before.
    pub moves: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Quality(BTreeMap<(NodeId, u8), VecDeque<Tally>>);

impl Quality {
    /// Notes what became of everything so far; to be called each second.
    pub fn count(&mut self, tallies: impl IntoIterator<Item = (NodeId, u8, Tally)>) {
        let mut before = std::mem::take(&mut self.0);
        for (source, layer, tally) in tallies {
            let mut looks = before.remove(&(source, layer)).unwrap_or_default();
            // A source that came anew counts from 0.
            if looks.back().is_some_and(|last| last.came > tally.came) {
                looks.clear();
            }
            if looks.len() > KEPT {
                looks.pop_front();
            }
            looks.push_back(tally);
            self.0.insert((source, layer), looks);
        }
    }

    /// How each layer that moves came through; `moves` says how often it came another way.
    pub fn look(&self, moves: impl Fn(NodeId, u8) -> u32) -> Vec<Through> {
        let through = self.0.iter().filter_map(|((source, layer), looks)| {
            let (first, last) = (looks.front()?, looks.back()?);
            let rested = looks.get(looks.len().saturating_sub(RESTS + 1)).unwrap_or(first);
            if last.came == rested.came && looks.len() > 1 {
                return None;
            }
            let least = looks.iter().map(|tally| tally.delay_us).min()?;
            let since = |of: fn(&Tally) -> u64| of(last).saturating_sub(of(first)) as u32;
            Some(Through {
                source: *source,
                layer: *layer,
                delay_ms: (last.delay_us / 1000) as i32,
                above_ms: ((last.delay_us - least) / 1000) as i32,
                came: since(|tally| tally.came),
                lost: since(|tally| tally.lost),
                keys: since(|tally| tally.keys),
                moves: moves(*source, *layer),
            })
        });
        through.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: NodeId = NodeId([1; 32]);

    fn second(n: u64) -> Tally {
        Tally { came: n * 30, lost: n, keys: n / 10, delay_us: 20_000 + i64::from(n == 80) * 15_000 }
    }

    #[test]
    fn a_minute_is_told_of_and_no_more() {
        let mut quality = Quality::default();
        for n in 0..=80 {
            quality.count([(ADA, 1, second(n))]);
        }
        let through = quality.look(|_, _| 2).pop().expect("it moves");
        assert_eq!((through.came, through.lost, through.keys, through.moves), (60 * 30, 60, 6, 2));
        assert_eq!((through.delay_ms, through.above_ms), (35, 15));
        quality.count([]);
        assert!(quality.look(|_, _| 0).is_empty(), "whoever is gone is forgotten");
    }

    #[test]
    fn a_layer_that_rests_is_not_told_of_and_a_source_that_starts_anew_is_counted_anew() {
        let mut quality = Quality::default();
        quality.count([(ADA, 1, second(9))]);
        for _ in 0..RESTS + 1 {
            quality.count([(ADA, 1, second(10))]);
        }
        assert!(quality.look(|_, _| 0).is_empty());
        quality.count([(ADA, 1, Tally { came: 1, ..Tally::default() })]);
        quality.count([(ADA, 1, Tally { came: 31, lost: 2, ..Tally::default() })]);
        let through = &quality.look(|_, _| 0)[0];
        assert_eq!((through.came, through.lost), (30, 2));
    }
}
