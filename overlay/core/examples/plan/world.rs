//! A made-up meeting of home users.

use std::collections::{BTreeMap, VecDeque};

use overlay_core::coordinate::Coordinate;
use overlay_core::id::NodeId;
use overlay_core::io::{Kind, LayerRate};
use overlay_core::plan::{Branch, Feed, Planner, Shapes, Supply, View};
use overlay_core::unit::Layer;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const CITIES: usize = 238;
/// Half of the longest round trip through the earth's surface as a straight line, 0.1 ms.
const RADIUS: f64 = 1_400.0;
/// Uplink of a source, kbit/s (the study's 5 Mbit/s).
const SOURCE_KBPS: u32 = 5_000;

/// A meeting, and what it is drawn from.
pub struct World {
    pub view: View,
    /// Everything is drawn from it.
    seed: u64,
    people: usize,
    cities: Vec<([f64; 3], f64)>,
    scale: f64,
}

impl World {
    /// One source, one 1.5 Mbit/s layer.
    pub fn stream(seed: u64, people: usize, load: f64) -> World {
        World::new(seed, people, load, &[(Layer::P720, 1_500)], 0, 0)
    }

    /// A main picture, nine of the gallery, three voices.
    pub fn meeting(seed: u64, people: usize, load: f64) -> World {
        World::new(seed, people, load, &[(Layer::P720, 1_500)], 9, 3)
    }

    fn new(seed: u64, people: usize, load: f64, main: &[(Layer, u32)], gallery: u8, voices: u8) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let cities = cities(&mut rng);
        let mut view = View { shapes: Shapes::Coded, main: Some(0), ..View::default() };
        for n in 0..people + people * 3 / 1_000 {
            view.nodes.insert(id(n), supply(&mut rng, &cities, n >= people));
        }
        let rates = |rates: &[(Layer, u32)]| {
            rates.iter().map(|(layer, kbps)| LayerRate { layer: *layer, kbps: *kbps }).collect()
        };
        for slot in 0..1 + gallery + voices {
            let layers: Vec<LayerRate> = match slot {
                0 => rates(main),
                slot if slot <= gallery => rates(&[(Layer::P180, 150)]),
                _ => rates(&[(Layer::Audio, 40)]),
            };
            let source = id(usize::from(slot) * 37);
            view.feeds.push(Feed { slot, feed: u32::from(slot) + 1, source, stint: 1, layers });
        }
        let uplink: u64 = view.nodes.values().map(|supply| u64::from(supply.uplink_kbps)).sum();
        let scale = (super::plain_kbps(&view) * people as u64) as f64 / load / uplink as f64;
        for supply in view.nodes.values_mut() {
            give(supply, (f64::from(supply.uplink_kbps) * scale) as u32);
        }
        for feed in &view.feeds {
            let source = view.nodes.get_mut(&feed.source).expect("sources are people");
            give(source, source.uplink_kbps.max(SOURCE_KBPS));
        }
        World { seed, view, people, cities, scale }
    }

    /// People like those who are there.
    pub fn newcomers(&self, count: usize) -> Vec<(NodeId, Supply)> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed + 1);
        let drawn = (0..count).map(|n| {
            let mut supply = supply(&mut rng, &self.cities, false);
            let kbps = (f64::from(supply.uplink_kbps) * self.scale) as u32;
            give(&mut supply, kbps);
            (id(1_000_000 + n), supply)
        });
        drawn.collect()
    }

    pub fn uplink_kbps(&self) -> u64 {
        self.view.nodes.values().map(|supply| u64::from(supply.uplink_kbps)).sum()
    }

    /// Receivers and slots that do not get what the source sends.
    pub fn unserved(&self, planner: &Planner) -> usize {
        let mut unserved = 0;
        for feed in &self.view.feeds {
            let wanted = feed.layers.last().map(|rate| rate.layer);
            let others = (0..self.people).map(id).filter(|id| *id != feed.source);
            unserved += others.filter(|id| planner.taken(feed.slot, *id) != wanted).count();
        }
        unserved
    }
}

fn id(n: usize) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    NodeId(bytes)
}

/// Where, and how likely: cities lie around ten centres, and a few are large.
fn cities(rng: &mut ChaCha8Rng) -> Vec<([f64; 3], f64)> {
    let point = |rng: &mut ChaCha8Rng| -> [f64; 3] { std::array::from_fn(|_| normal(rng)) };
    let centres: Vec<[f64; 3]> = (0..10).map(|_| on_sphere(point(rng))).collect();
    let city = |n: usize, rng: &mut ChaCha8Rng| {
        let (centre, off) = (centres[n % centres.len()], point(rng));
        let near = std::array::from_fn(|along| centre[along] + off[along] * 0.25);
        (on_sphere(near), 1.0 / (1.0 + n as f64).sqrt())
    };
    (0..CITIES).map(|n| city(n, rng)).collect()
}

fn on_sphere(point: [f64; 3]) -> [f64; 3] {
    let length = point.iter().map(|along| along * along).sum::<f64>().sqrt().max(1e-9);
    point.map(|along| along / length)
}

/// The sum of twelve is near enough to a bell.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

/// Lends all of this uplink.
fn give(supply: &mut Supply, kbps: u32) {
    (supply.uplink_kbps, supply.lends_kbps, supply.offers_kbps) = (kbps, kbps, kbps);
}

fn supply(rng: &mut ChaCha8Rng, cities: &[([f64; 3], f64)], volunteer: bool) -> Supply {
    let sum: f64 = cities.iter().map(|(_, weight)| weight).sum();
    let mut drawn = rng.random::<f64>() * sum;
    let city = cities.iter().find(|(_, weight)| {
        drawn -= weight;
        drawn <= 0.0
    });
    let [x, y, z] = city.map_or([1.0, 0.0, 0.0], |(point, _)| *point).map(|along| (along * RADIUS) as i16);
    // Each end's last mile, there and back.
    let last_mile = if volunteer { 5.0 } else { 100.0 * (normal(rng) * 0.7).exp() };
    let mbit = match (volunteer, rng.random::<f64>()) {
        (true, share) => 100.0 + 900.0 * share,
        (_, share) if share < 0.1 => 0.0,
        (_, share) if share < 0.9 => 5.0 * rng.random::<f64>(),
        _ => 10.0 + 40.0 * rng.random::<f64>(),
    };
    let kbps = (mbit * 1_000.0) as u32;
    let mut supply = Supply {
        kind: if volunteer { Kind::Relay } else { Kind::Participant },
        watch: !volunteer,
        coordinate: Coordinate::new([x, y, z, 0], last_mile as u16),
        ..Supply::default()
    };
    give(&mut supply, kbps);
    supply
}

/// When a unit arrives at each, 0.1 ms, and over how many links: children who feed others are sent to first.
pub fn arrivals(view: &View, branch: &Branch) -> BTreeMap<NodeId, (u32, usize)> {
    let mut children: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (id, row) in &branch.rows {
        children.entry(row.parent).or_default().push(*id);
    }
    let mut arrivals = BTreeMap::new();
    let mut queue = VecDeque::from([(branch.source, 0, 0)]);
    while let Some((id, at, depth)) = queue.pop_front() {
        let supply = &view.nodes[&id];
        let sending = f64::from(branch.kbps) / 30.0 / f64::from(supply.uplink_kbps.max(1)) * 10_000.0;
        let mut below = children.get(&id).cloned().unwrap_or_default();
        below.sort_by_key(|child| (!children.contains_key(child), *child));
        for (turn, child) in (1..).zip(below) {
            let way = supply.coordinate.one_way(&view.nodes[&child].coordinate);
            let arrival = at + way + (sending * f64::from(turn)) as u32;
            arrivals.insert(child, (arrival, depth + 1));
            queue.push_back((child, arrival, depth + 1));
        }
    }
    arrivals
}
