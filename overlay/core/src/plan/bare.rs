//! Trees that are bare: uplink is dealt to them, and they are built.

use super::admit;
use super::deal::{Hands, Need, deal, suffices};
use super::place::{Ways, build};
use super::planner::{COPIES_MAX, Planner};
use super::roster::Ix;

impl Planner {
    /// The most of the steps for whom there are hands enough, found by halving.
    pub(super) fn dealable(&mut self, steps: &[admit::Step], affordable: usize, mesh: bool) -> usize {
        let (mut good, mut bad, mut probe) = (0, affordable + 1, affordable);
        while bad - good > 1 {
            self.grant(steps, probe, mesh);
            let (places, hands) = self.deal();
            let needs: Vec<&Need> = places.iter().map(|place| &place.need).collect();
            if suffices(&needs, &hands) {
                good = probe;
            } else {
                bad = probe;
            }
            probe = good + (bad - good) / 2;
        }
        good
    }

    /// Deals out uplink to the trees that are bare.
    pub(super) fn deal(&self) -> (Vec<Place>, Vec<Hands>) {
        let mut places = Vec::new();
        let mut kept = vec![0; self.roster.len()];
        let mut number = 0;
        for (at, channel) in self.channels.iter().enumerate() {
            for (layer, group) in channel.groups.iter().enumerate() {
                number += 1;
                let grants = |node: &Ix| channel.grants(layer, *node, self.roster.watches(*node));
                let takers: Vec<Ix> = self.roster.everybody().filter(grants).collect();
                if !group.is_bare() || takers.is_empty() {
                    continue;
                }
                let source = channel.source as usize;
                for (index, tree) in group.trees.iter().enumerate() {
                    let copies = tree.copies.min(takers.len() as u32);
                    kept[source] += tree.kbps * copies;
                    let direct = if tree.copies > COPIES_MAX { copies } else { 0 };
                    let children = takers.len() as u32 - direct;
                    let need = Need { group: number, kbps: tree.kbps, children };
                    places.push(Place { channel: at, layer, index, need });
                }
            }
        }
        let needs: Vec<&Need> = places.iter().map(|place| &place.need).collect();
        let takes = |tree: usize, node: Ix| {
            let place = &places[tree];
            self.channels[place.channel].grants(place.layer, node, self.roster.watches(node))
        };
        let hands = deal(&self.roster, &needs, &kept, self.small, takes);
        (places, hands)
    }

    /// Builds bare trees with the hands that were dealt to them.
    pub(super) fn build(&mut self, places: &[Place], hands: &[Hands]) {
        let mut ways: Option<(usize, usize, Ways)> = None;
        for (place, hands) in places.iter().zip(hands) {
            let channel = &mut self.channels[place.channel];
            let roster = &mut self.roster;
            let receivers: Vec<Ix> = {
                let grants = |node: &Ix| channel.grants(place.layer, *node, roster.watches(*node));
                roster.everybody().filter(grants).collect()
            };
            let group = &mut channel.groups[place.layer];
            let known = ways.take().filter(|(at, layer, _)| (*at, *layer) == (place.channel, place.layer));
            let mut known = known.map_or_else(|| Ways::new(group, roster.len()), |(.., ways)| ways);
            let tree = &mut group.trees[place.index];
            build(roster, tree, hands, &receivers, &known, self.small);
            known.add(tree);
            ways = Some((place.channel, place.layer, known));
        }
    }
}

/// Where a tree is that is to be built.
pub(super) struct Place {
    channel: usize,
    layer: usize,
    index: usize,
    need: Need,
}
