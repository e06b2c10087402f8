//! Records that no world has filled: plausible, and the same each time.

use std::time::Duration;

use netsim::received::Frames;
use netsim::record::{Edge, KeysRecord, LayerRecord, NodeRecord, Record, Second, Spread, Violation};
use overlay_core::io::Kind;
use overlay_core::time::Time;
use overlay_core::unit::Layer;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Two minutes of a meeting with a fault in the middle of it.
pub fn record(people: u32, relays: u32) -> Record {
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(people));
    let mut record = Record {
        scenario: "s3-200-people.toml".into(),
        system: "canopy",
        seed: 7,
        people,
        relays,
        simulated: Duration::from_secs(120),
        settled: Duration::from_secs(120),
        complete: true,
        events: 31_415_926,
        unit_hops: 27_182_818,
        hash: 0x00c0_ffee_0123_4567_89ab_cdef_0011_2233,
        bound_kbps: 1_480.0,
        goodput_kbps: 905.5,
        ..Record::default()
    };
    for layer in Layer::ALL {
        record.layers.insert(layer, layer_record(layer, &mut rng));
    }
    record.seconds = (0..120).map(|at| second(at, people, relays, &mut rng)).collect();
    record.nodes = (0..people + relays).map(|index| node(index, people, &mut rng)).collect();
    for _ in 0..40 {
        record.repairs.add(120_000 + skewed(&mut rng, 900_000));
    }
    for _ in 0..people {
        record.first_sound.add(350_000 + skewed(&mut rng, 1_200_000));
        record.first_picture.add(500_000 + skewed(&mut rng, 2_500_000));
    }
    record.keys = Some(keys(people, &mut rng));
    for (name, arity) in [("slot 0 Audio", 5), ("slot 0 P360", 4), ("slot 1 P180", 3)] {
        record.trees.extend(tree(name, arity, people, relays));
    }
    let fault = |record: &mut Record, at_ms: u64, what: &str, fault| {
        record.happened(Time(at_ms * 1_000_000), what.into(), fault);
    };
    for (at_ms, what) in
        [(60_000, "node 205 dies"), (60_400, "node 206 dies"), (84_000, "uplink of node 3 at 40 %")]
    {
        fault(&mut record, at_ms, what, true);
        fault(&mut record, at_ms + 1_100, "the coordinator has a new plan", false);
    }
    record
}

fn keys(people: u32, rng: &mut ChaCha8Rng) -> KeysRecord {
    let mut keys = KeysRecord { opened: 1_000_000, unopened: 12_000, leaves: 9, ..KeysRecord::default() };
    for _ in 0..people {
        keys.first_opened.add(900_000 + skewed(rng, 2_500_000));
    }
    for _ in 0..8 {
        keys.waits.add(skewed(rng, 400_000));
        keys.rekeys.add(700_000 + skewed(rng, 900_000));
    }
    keys
}

/// The same, ended by something that must not be.
pub fn violated() -> Record {
    let mut record = record(24, 4);
    record.complete = false;
    record.violations.push(Violation {
        invariant: "limits",
        at_ns: 61_250_000_000,
        node: Some(25),
        what: "sent 3,412,000 bytes in a second, its limit is 2,500,000 and 5 %".into(),
        expected: None,
        tail: vec!["61.248 s <Attach> from node 3".into(), "61.250 s fed 41 children".into()],
    });
    record.nodes[25].highest_second = 3_412_000;
    record
}

/// Mostly small: the product of two even draws.
fn skewed(rng: &mut ChaCha8Rng, most: u64) -> u64 {
    rng.random_range(0..1_000u64) * rng.random_range(0..1_000u64) * most / 1_000_000
}

fn layer_record(layer: Layer, rng: &mut ChaCha8Rng) -> LayerRecord {
    let mut of = LayerRecord { due: 400_000 >> layer as u32, ..LayerRecord::default() };
    of.delivered = of.due - of.due / 400;
    of.late = of.due / 900;
    of.bytes = of.delivered * 700;
    for _ in 0..5_000 {
        let direct = 15_000 + skewed(rng, 140_000);
        let links = rng.random_range(1..=3 + layer as u64 / 2);
        of.direct.add(direct);
        of.delay.add(direct + links * (9_000 + skewed(rng, 60_000)));
        of.depth.add(links);
    }
    for _ in 0..30 {
        of.gaps.add(301 + skewed(rng, 4_000));
    }
    of
}

fn second(at: u32, people: u32, relays: u32, rng: &mut ChaCha8Rng) -> Second {
    let mut second = Second { nodes: people.min(at * 40 + 20) + relays, ..Second::default() };
    let faulty = (60..63).contains(&at);
    for layer in Layer::ALL {
        let due = 3_000 >> layer as u32;
        let lost = if faulty { due / rng.random_range(3..9) } else { due * rng.random_range(0..8) / 1_000 };
        second.due.insert(layer, due);
        second.delivered.insert(layer, due - lost);
    }
    second.sent = [rng.random_range(9_000_000..11_000_000), rng.random_range(24_000_000..27_000_000)];
    second.control = rng.random_range(300_000..500_000);
    second.starved = if faulty { people / 9 } else { 0 };
    second
}

fn node(index: u32, people: u32, rng: &mut ChaCha8Rng) -> NodeRecord {
    let relay = index >= people;
    let limit_kbps = if relay { 20_000 } else { rng.random_range(800..20_000) };
    let highest_second = u64::from(limit_kbps) * 125 * rng.random_range(20..100) / 100;
    let sent = highest_second * 120 * rng.random_range(40..90) / 100;
    NodeRecord {
        kind: Some(if relay { Kind::Relay } else { Kind::Participant }),
        limit_kbps,
        up_s: 120,
        sent,
        control: 60_000 + skewed(rng, 400_000),
        lists: 30_000,
        received: 40_000_000,
        highest_second,
        children_max: limit_kbps / 600,
        dropped: skewed(rng, 300),
        downlink_kbps: 4 * limit_kbps,
        narrow: index % 5 == 1,
        limited_s: if index % 5 == 1 { 40 } else { 0 },
        frames: [(Layer::Audio, Frames { due: 6_000, delivered: 5_990, late: 10 })].into(),
    }
}

/// Node 0 feeds the relays, and they feed everybody else, `arity` each.
fn tree(name: &str, arity: u32, people: u32, relays: u32) -> Vec<Edge> {
    let all = (people..people + relays).chain(1..people);
    let order: Vec<u32> = [0].into_iter().chain(all).take(200).collect();
    let parent = |at: usize| order[(at - 1) / arity as usize];
    (1..order.len()).map(|at| Edge { tree: name.into(), parent: parent(at), child: order[at] }).collect()
}

/// What an empty spread is made of.
pub fn empty() -> Record {
    Record { system: "canopy", repairs: Spread::default(), ..Record::default() }
}
