//! What this node asks to see: as its user wishes, and as its way in bears.

use std::collections::{BTreeMap, BTreeSet};

use crate::config;
use crate::downlink::Needs;
use crate::id::NodeId;
use crate::io::Kind;
use crate::members::Look;
use crate::state::State;
use crate::time::Time;
use crate::unit::{Layer, Payload};

impl<P: Payload> State<P> {
    /// How large this node's user wants to see whom.
    pub(crate) fn look(&mut self, now: Time, wishes: Vec<(NodeId, Layer)>) {
        let mut wished = BTreeMap::new();
        for (source, most) in wishes {
            let least = wished.entry(source).or_insert(most);
            *least = most.min(*least);
        }
        let mut looks: Vec<Look> =
            wished.into_iter().map(|(source, most)| Look { source: source.prefix(), most }).collect();
        looks.sort_by_key(|look| (look.source, look.most));
        looks.dedup_by_key(|look| look.source);
        looks.truncate(config::LOOKS_MAX);
        if self.looks != looks {
            self.looks = looks;
            self.presence_changed(now);
        }
    }

    /// Looks at what comes in: says what the way in carries once most of those drop who bring pictures, and tries more later.
    pub(crate) fn look_at_downlink(&mut self, now: Time) {
        if self.config.kind == Kind::Relay {
            return;
        }
        let pictures = self.trees.values().filter(|tree| !tree.id.layer.is_audio());
        let parents: BTreeSet<NodeId> = pictures.filter_map(|tree| tree.parent).collect();
        let needs = self.needs();
        if self.downlink.lowers(now, &parents, needs) || self.downlink.grows(now, needs) {
            self.presence_changed(now);
        }
    }

    /// What the sound of all other sources on the stage takes, and that with the largest picture of each.
    fn needs(&self) -> Needs {
        let (mut sound, mut pictures) = (0, BTreeMap::new());
        let stage = self.stage.as_ref().map(|(_, stage)| stage);
        let is_own =
            |slot| stage.and_then(|stage| stage.feed(slot)).is_some_and(|feed| feed.source == self.me());
        let groups = stage.into_iter().flat_map(|stage| &stage.groups);
        for group in groups.filter(|group| !is_own(group.slot)) {
            let kbps = u64::from(group.kbps) * u64::from(group.k + group.m);
            match group.layer {
                Layer::Audio => sound += kbps,
                // Groups stand in the order of layers.
                _ => drop(pictures.insert(group.slot, kbps)),
            }
        }
        let all = sound + pictures.values().sum::<u64>();
        Needs { least: planned_in(sound), most: planned_in(all) }
    }
}

/// The way in of which a plan gives out so much, kbit/s.
fn planned_in(kbps: u64) -> u32 {
    u32::try_from((kbps * 100).div_ceil(config::SUPPLY_PERCENT)).unwrap_or(u32::MAX)
}
