//! How large the page shows each source, and so which layer this node asks for at most.

use std::collections::{BTreeMap, BTreeSet};

use keyagree::UnixTime;
use overlay_core::config::LOOKS_MAX;
use overlay_core::id::NodeId;
use overlay_core::unit::Layer;

/// A larger picture is asked for when it was of use for so long, a smaller one when it was enough for so long: who drags
/// a window's edge, or scrolls past somebody, moves no tree.
const LARGER_AFTER_MS: u64 = 300;
const SMALLER_AFTER_MS: u64 = 1_500;
/// Wishes come no closer together: each is a word to the whole meeting.
const APART_MS: u64 = 500;
/// Up to so many pixels of height a picture of this layer is as good as a larger one (a guess).
const ENOUGH: [(Layer, u32); 2] = [(Layer::P180, 240), (Layer::P360, 540)];
/// A tile must be smaller than that by so much to get the smaller picture, percent: sizes at the edge don't go to and fro.
const MARGIN_PERCENT: u32 = 15;

/// See the module.
#[derive(Debug, Default)]
pub struct Looks {
    tiles: BTreeMap<NodeId, Tile>,
    /// Who is on the stage: a wish about anybody else would be of no use.
    sources: BTreeSet<NodeId>,
    told: Vec<(NodeId, Layer)>,
    told_at: UnixTime,
}

#[derive(Debug)]
struct Tile {
    height: u32,
    most: Layer,
    /// Another layer that would fit, and since when.
    other: Option<(Layer, UnixTime)>,
}

impl Looks {
    /// The page shows these tiles, with so many pixels of height; 0 where none of it is seen.
    pub fn shown(&mut self, heights: impl IntoIterator<Item = (NodeId, u32)>) {
        let mut before = std::mem::take(&mut self.tiles);
        for (source, height) in heights {
            let kept = before.remove(&source);
            let tile = kept.unwrap_or_else(|| Tile { height, most: enough(height), other: None });
            self.tiles.insert(source, Tile { height, ..tile });
        }
    }

    /// There is no page.
    pub fn unseen(&mut self) {
        self.tiles.values_mut().for_each(|tile| tile.height = 0);
    }

    /// Somebody came onto the stage, or left it.
    pub fn on_stage(&mut self, source: NodeId, is_on: bool) {
        if is_on {
            self.sources.insert(source);
        } else {
            self.sources.remove(&source);
        }
    }

    /// What is wished for, if that is another wish than the last. To be called a few times a second.
    pub fn turn(&mut self, now: UnixTime) -> Option<Vec<(NodeId, Layer)>> {
        self.tiles.values_mut().for_each(|tile| tile.turn(now));
        let known = self.tiles.iter().filter(|(source, _)| self.sources.contains(*source));
        let small = known.map(|(source, tile)| (*source, tile.most)).filter(|(_, most)| *most < Layer::P720);
        let wishes: Vec<_> = small.take(LOOKS_MAX).collect();
        let due = wishes != self.told && now.since(self.told_at) >= APART_MS;
        due.then(|| {
            self.told.clone_from(&wishes);
            self.told_at = now;
            wishes
        })
    }
}

impl Tile {
    fn turn(&mut self, now: UnixTime) {
        let fits = if enough(self.height) < self.most {
            enough(self.height.saturating_mul(100 + MARGIN_PERCENT) / 100).min(self.most)
        } else {
            enough(self.height)
        };
        if fits == self.most {
            self.other = None;
            return;
        }
        let since = self.other.filter(|(other, _)| *other == fits).map_or(now, |(_, since)| since);
        let after = if fits > self.most { LARGER_AFTER_MS } else { SMALLER_AFTER_MS };
        self.other = Some((fits, since));
        if now.since(since) >= after {
            (self.most, self.other) = (fits, None);
        }
    }
}

/// The smallest layer that looks good at this height.
fn enough(height: u32) -> Layer {
    match height {
        0 => Layer::Audio,
        _ => ENOUGH.iter().find(|(_, most)| height <= *most).map_or(Layer::P720, |(layer, _)| *layer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: NodeId = NodeId([1; 32]);
    const BEN: NodeId = NodeId([2; 32]);

    fn looks() -> Looks {
        let mut looks = Looks::default();
        looks.on_stage(ADA, true);
        looks
    }

    #[test]
    fn a_tile_is_asked_for_as_large_as_it_is_and_one_that_nobody_sees_by_ear() {
        let mut looks = looks();
        let mut now = UnixTime(1_000);
        for (height, most) in [(0, Layer::Audio), (100, Layer::P180), (300, Layer::P360)] {
            looks.shown([]);
            looks.shown([(ADA, height), (BEN, 100)]);
            now = now.plus_ms(APART_MS);
            assert_eq!(looks.turn(now), Some(vec![(ADA, most)]), "of who is on the stage");
            assert_eq!(looks.turn(now.plus_ms(APART_MS)), None, "said once");
        }
        looks.on_stage(ADA, false);
        looks.on_stage(BEN, true);
        assert_eq!(looks.turn(now.plus_ms(1)), None, "not at once");
        now = now.plus_ms(APART_MS);
        assert_eq!(looks.turn(now), Some(vec![(BEN, Layer::P180)]));
        looks.shown([]);
        assert_eq!(looks.turn(now.plus_ms(APART_MS)), Some(Vec::new()), "who has no tile is not spoken of");
    }

    #[test]
    fn a_wish_changes_when_the_size_has_stood_for_a_while_larger_sooner_than_smaller() {
        let mut looks = looks();
        looks.shown([(ADA, 400)]);
        looks.turn(UnixTime(1_000));
        looks.shown([(ADA, 100)]);
        assert_eq!(looks.turn(UnixTime(2_000)), None);
        assert_eq!(looks.turn(UnixTime(2_000 + SMALLER_AFTER_MS / 2)), None);
        looks.shown([(ADA, 400)]);
        assert_eq!(looks.turn(UnixTime(3_000)), None, "it was small for a moment");
        looks.shown([(ADA, 100)]);
        assert_eq!(looks.turn(UnixTime(4_000)), None);
        assert_eq!(looks.turn(UnixTime(4_000 + SMALLER_AFTER_MS)), Some(vec![(ADA, Layer::P180)]));
        looks.shown([(ADA, 900)]);
        assert_eq!(looks.turn(UnixTime(7_000)), None);
        assert_eq!(looks.turn(UnixTime(7_000 + LARGER_AFTER_MS)), Some(Vec::new()));
    }

    #[test]
    fn a_size_at_the_edge_does_not_go_to_and_fro() {
        let mut looks = looks();
        looks.shown([(ADA, 250)]);
        assert_eq!(looks.turn(UnixTime(1_000)), Some(vec![(ADA, Layer::P360)]));
        looks.shown([(ADA, 230)]);
        looks.turn(UnixTime(2_000));
        assert_eq!(looks.turn(UnixTime(60_000)), None);
        looks.unseen();
        looks.turn(UnixTime(60_000));
        assert_eq!(looks.turn(UnixTime(70_000)), Some(vec![(ADA, Layer::Audio)]));
    }
}
