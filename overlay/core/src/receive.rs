//! What this node asks to see: as its user wishes, and as its way in bears.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::NodeId;
use crate::links::Taking;
use crate::members::Look;
use crate::state::State;
use crate::time::Time;
use crate::unit::{Layer, Payload};
use crate::{config, links};

impl<P: Payload> State<P> {
    /// How large this node's user wants to see whom.
    pub(crate) fn look(&mut self, now: Time, wishes: Vec<(NodeId, Layer)>) {
        let mut wished = BTreeMap::new();
        for (source, most) in wishes {
            let least = wished.entry(source).or_insert(most);
            *least = most.min(*least);
        }
        self.wished = wished.into_iter().take(config::LOOKS_MAX).collect();
        self.look_anew(now);
    }

    /// Says what is asked for, if that is not what was said last.
    fn look_anew(&mut self, now: Time) {
        let mut most: BTreeMap<NodeId, Layer> = self.relief.caps().collect();
        for (source, wish) in &self.wished {
            let least = most.entry(*source).or_insert(*wish);
            *least = (*wish).min(*least);
        }
        let mut looks: Vec<Look> =
            most.into_iter().map(|(source, most)| Look { source: source.prefix(), most }).collect();
        looks.sort_by_key(|look| (look.source, look.most));
        looks.dedup_by_key(|look| look.source);
        looks.truncate(config::LOOKS_MAX);
        if self.looks != looks {
            self.looks = looks;
            self.presence_changed(now);
        }
    }

    /// Does with a smaller picture if the way in is full, of whoever sends the largest; looks again later.
    pub(crate) fn relieve(&mut self, now: Time) {
        if self.relief.expire(now) {
            self.look_anew(now);
        }
        let pictures = || self.trees.values().filter(|tree| !tree.id.layer.is_audio());
        let parents: BTreeSet<NodeId> = pictures().filter_map(|tree| tree.parent).collect();
        if !self.relief.is_due(now, parents.len()) {
            return;
        }
        let taken = |tree: &&links::Tree<P>| tree.taking != Taking::No;
        let largest = pictures().filter(taken).max_by_key(|tree| (tree.id.layer, tree.kbps, tree.source));
        let Some((source, slot, layer)) = largest.map(|tree| (tree.source, tree.id.slot, tree.id.layer))
        else {
            return;
        };
        let feed = self.stage.as_ref().and_then(|(_, stage)| stage.feed(slot));
        let sends = feed.into_iter().flat_map(|feed| &feed.layers).map(|rate| rate.layer);
        let smaller = sends.filter(|other| *other < layer).max();
        // Nobody is left without the smallest: it may be those parents that are short of uplink, while many join.
        let Some(most) = smaller.filter(|smaller| !smaller.is_audio()) else { return };
        self.relief.cap(now, source, most);
        self.look_anew(now);
    }
}
