//! Channels and groups as the meeting asks for them: what has ended gives back its uplink, what begins is bare.

use std::collections::BTreeMap;

use crate::io::LayerRate;
use crate::unit::Layer;

use super::backups;
use super::budget::{admitted_kbps, own_kbps, wire_kbps};
use super::channel::{Channel, Group};
use super::group::{Crowd, Shape, shape};
use super::planner::Planner;
use super::resume;
use super::roster::Ix;
use super::table::{Feed, Plan, View};

impl Planner {
    pub(super) fn crowd(&mut self, view: &View) -> Crowd {
        self.roster.forget_own();
        let owners = self.roster.weigh_owners();
        let watchers = self.roster.everybody().filter(|node| self.roster.watches(*node)).count();
        // Nobody reaches one who hides but by way of a relay.
        let open = self.roster.everybody().all(|node| !self.roster.is_hidden(node));
        let (mut sound_kbps, mut all_kbps, mut mesh) = (0, 0, self.small && open);
        for feed in &view.feeds {
            let source = self.roster.find(feed.source);
            let others = watchers - usize::from(source.is_some_and(|source| self.roster.watches(source)));
            let cost = |audio: bool| {
                let rate = feed.layers.iter().rev().find(|rate| rate.layer.is_audio() == audio);
                rate.map_or(0, |rate| u64::from(wire_kbps(*rate)) * others as u64)
            };
            sound_kbps += cost(true);
            all_kbps += cost(true) + cost(false);
            let cap = source.map_or(0, |source| u64::from(self.roster.cap(source)));
            if let Some(source) = source {
                let own = u64::from(own_kbps(&feed.layers)) * others as u64;
                self.roster.set_own(source, u32::try_from(own).unwrap_or(u32::MAX));
            }
            mesh &= cost(true) + cost(false) <= cap;
        }
        let supply_kbps = admitted_kbps(self.roster.totals().1, view.margins);
        Crowd { shapes: view.shapes, people: watchers, mesh, owners, sound_kbps, all_kbps, supply_kbps }
    }

    /// Makes channels and groups what the feeds ask for. What has ended gives back its uplink.
    pub(super) fn tune(&mut self, view: &View, crowd: &Crowd, previous: Option<&Plan>) {
        let mut before: BTreeMap<u8, Channel> = std::mem::take(&mut self.channels)
            .into_iter()
            .map(|channel| (channel.feed.slot, channel))
            .collect();
        for feed in &view.feeds {
            let Some(source) = self.roster.find(feed.source) else { continue };
            let kept = before.remove(&feed.slot);
            let mut groups: BTreeMap<Layer, Group> = BTreeMap::new();
            for mut group in kept.into_iter().flat_map(|channel| channel.groups) {
                let goes_on =
                    group.trees.first().is_some_and(|tree| (tree.feed, tree.source) == (feed.feed, source));
                let wanted = feed.layers.contains(&group.rate);
                if goes_on && wanted {
                    groups.insert(group.rate.layer, group);
                } else if wanted && !group.is_bare() && !self.hides_either(&group, source) {
                    // Trees belong to slots: they stay when somebody else is plugged in.
                    for tree in &mut group.trees {
                        tree.replug(&mut self.roster, source, feed.feed);
                    }
                    self.replugged = true;
                    groups.insert(group.rate.layer, group);
                } else {
                    backups::end(&mut self.roster, &mut group, &mut self.promises);
                }
            }
            let mut channel = Channel::new(feed.clone(), source);
            let affords_twice = self.affords_sound_twice(feed, source);
            for rate in &feed.layers {
                let plain = rate.layer.is_audio() && !affords_twice;
                let fresh = if plain { Shape::PLAIN } else { shape(*rate, crowd) };
                let held = previous.and_then(|plan| resume::shape_in(plan, feed, rate.layer));
                let shape = groups.get(&rate.layer).map(|group| group.shape).or(held);
                let shape = shape.filter(|held| held.is_as_good_as(fresh)).unwrap_or(fresh);
                // One of another shape stays among those that end.
                let same = groups.get(&rate.layer).is_some_and(|group| group.shape == shape);
                let kept = if same { groups.remove(&rate.layer) } else { None };
                let group = kept.unwrap_or_else(|| {
                    let mut group = Group::new(feed, source, *rate, shape, self.roster.len());
                    if let Some(plan) = previous {
                        resume::load(&mut self.roster, &mut group, plan);
                    }
                    group
                });
                channel.groups.push(group);
            }
            for mut group in groups.into_values() {
                backups::end(&mut self.roster, &mut group, &mut self.promises);
            }
            channel.fit(self.roster.len());
            self.channels.push(channel);
        }
        for group in before.into_values().flat_map(|channel| channel.groups) {
            let mut group = group;
            backups::end(&mut self.roster, &mut group, &mut self.promises);
        }
        self.afford();
    }

    /// A source's sound is doubled only where that does not cost its smallest picture.
    fn affords_sound_twice(&self, feed: &Feed, source: Ix) -> bool {
        let sound = feed.layers.iter().find(|rate| rate.layer.is_audio());
        let picture = feed.layers.iter().find(|rate| !rate.layer.is_audio());
        let kbps = |rate: Option<&LayerRate>| rate.map_or(0, |rate| wire_kbps(*rate));
        2 * kbps(sound) + kbps(picture) <= self.roster.cap(source)
    }

    /// A source needs uplink for a copy of each of its trees; layers that it has none for are left out.
    fn afford(&mut self) {
        for channel in &mut self.channels {
            let mut left = self.roster.cap(channel.source);
            let mut kept = Vec::new();
            for mut group in std::mem::take(&mut channel.groups) {
                if group.kbps() <= left {
                    left -= group.kbps();
                    kept.push(group);
                } else {
                    backups::end(&mut self.roster, &mut group, &mut self.promises);
                }
            }
            channel.groups = kept;
        }
    }

    /// Edges of one who hides are none that others could have.
    fn hides_either(&self, group: &Group, source: Ix) -> bool {
        group.trees.iter().any(|tree| self.roster.is_hidden(tree.source)) || self.roster.is_hidden(source)
    }
}
