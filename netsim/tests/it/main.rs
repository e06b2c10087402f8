//! What the shipped overlay does in a world with uplinks and delays.

mod inputs;
mod scenario_docs;
mod turns;

use netsim::demo_scenario::{Fault, Scenario};
use netsim::report::{Report, Stream, StreamId};
use netsim::world::{World, node_id};
use overlay_core::unit::Layer;

fn run(relays: u8, fault: Fault, seed: u64) -> Report {
    World::new(Scenario::demo(relays, fault, seed)).run()
}

/// Every receiver's stream of every source.
fn streams(report: &Report, sound: bool) -> Vec<(StreamId, Stream)> {
    let mut all = Vec::new();
    for receiver in 0..6 {
        for source in (0..3).filter(|source| *source != receiver) {
            let id = (node_id(receiver), node_id(source), sound);
            let stream = report.streams.get(&id).unwrap_or_else(|| panic!("nothing of {id:?}"));
            all.push((id, stream.clone()));
        }
    }
    all
}

#[test]
fn the_demo_is_served_whole_by_relays() {
    for seed in 1..=3 {
        let report = run(2, Fault::None, seed);
        for (id, stream) in streams(&report, true) {
            assert!(stream.delivered >= 50 * 18 && stream.lost == 0, "{seed} {id:?} {stream:?}");
            assert_eq!(stream.late, 0, "{seed} {id:?}");
        }
        for (id, stream) in streams(&report, false) {
            assert!(stream.layers.get(&Layer::P360) >= Some(&(30 * 17)), "{seed} {id:?} {stream:?}");
            assert!(stream.lost * 50 <= stream.delivered, "{seed} {id:?} {stream:?}");
        }
        assert!(report.relayed_percent > 50, "{}", report.relayed_percent);
    }
}

#[test]
fn a_killed_relay_costs_a_short_gap_and_nobody_stays_without() {
    let mut gaps = Vec::new();
    for seed in 1..=20 {
        let report = run(2, Fault::Kill, seed);
        for sound in [true, false] {
            for (id, stream) in streams(&report, sound) {
                // Links of 80 ms round trip, and two of them in a row: the worst is a little more.
                assert!(stream.gap_ms <= 400, "{seed} {id:?} {}", stream.gap_ms);
                gaps.push(stream.gap_ms);
                let per_s = if sound { 50 } else { 30 };
                assert!(stream.delivered >= per_s * 17, "{seed} {id:?} {stream:?}");
            }
        }
    }
    gaps.sort_unstable();
    let p95 = gaps[gaps.len() * 95 / 100];
    assert!(p95 <= 300, "p95 of the longest gap is {p95} ms");
}

#[test]
fn a_relay_that_forwards_nothing_is_gone_around() {
    let report = run(2, Fault::Swallow, 4);
    for (id, stream) in streams(&report, true) {
        assert!(stream.gap_ms <= 1_500, "{id:?} {}", stream.gap_ms);
        assert!(stream.delivered >= 50 * 16, "{id:?} {stream:?}");
    }
}

#[test]
fn without_relays_sound_stays_and_not_everybody_gets_the_larger_picture() {
    let report = run(0, Fault::None, 1);
    for (id, stream) in streams(&report, true) {
        assert!(stream.delivered >= 50 * 17, "{id:?} {stream:?}");
    }
    let large = |stream: &Stream| stream.layers.get(&Layer::P360).copied().unwrap_or(0) > 300;
    let served = streams(&report, false).iter().filter(|(_, stream)| large(stream)).count();
    assert!(served < 15, "{served} of 15 have the larger picture");
}

#[test]
fn the_same_seed_gives_the_same_hash_and_another_seed_another() {
    let hash = |seed| run(2, Fault::Kill, seed).hash;
    assert_eq!(hash(7), hash(7));
    assert_ne!(hash(7), hash(8));
    assert_eq!(hash(7).len(), 32, "128 bits");
}
