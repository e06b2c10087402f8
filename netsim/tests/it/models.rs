//! Baselines in the same world as the shipped overlay.

use std::path::Path;

use netsim::record::Record;
use netsim::report::Report;
use netsim::scenario::Scenario;
use netsim::side_by_side;
use netsim::system::{System, run};
use overlay_core::unit::Layer;

const MODELS: [System; 3] = [System::Star, System::RandomTrees, System::GossipMesh];

/// One who shows a picture in two sizes, eleven who watch, 20 ms from each other; what follows is appended.
fn meeting(extra: &str) -> Scenario {
    let text = format!(
        r#"
title = "Models"
length = "10s"
[people]
count = 12
uplinks = "home"
[geography]
flat = "20ms"
[[sources]]
count = 1
layers = ["audio", "p180", "p360"]
uplink_min_kbps = 8000
{extra}
"#
    );
    Scenario::parse(&text, Path::new("models.toml")).expect("a small meeting")
}

fn simulate(system: System, scenario: Scenario) -> Record {
    run(system, scenario, 1, |_| true).expect("a scenario of ours")
}

fn continuity(record: &Record, layer: Layer) -> f64 {
    record.layers.get(&layer).map_or(0.0, |of| of.delivered as f64 / of.due.max(1) as f64)
}

#[test]
fn every_model_carries_a_small_meeting_and_says_that_it_is_a_model() {
    for system in MODELS {
        let record = simulate(system, meeting(""));
        assert!(
            record.complete && continuity(&record, Layer::Audio) > 0.9,
            "{system}: {:?}",
            record.violations
        );
        assert!(record.violations.iter().all(|found| found.expected.is_some()), "{system}");
        assert_eq!(record.hash, simulate(system, meeting("")).hash, "{system}");
        let report = Report::of(&record);
        assert!(side_by_side::table(&[report]).to_string().contains(&format!("{system} (a model)")));
    }
}

#[test]
fn the_star_carries_what_its_server_has_bandwidth_for() {
    let with = |kbps: u32| simulate(System::Star, meeting(&format!("[models]\nstar_kbps = {kbps}\n")));
    let (rich, poor) = (with(100_000), with(3_000));
    assert!(rich.goodput_kbps > 450.0, "{}", rich.goodput_kbps);
    assert!(poor.goodput_kbps < 250.0, "eleven times 500 kbit/s do not fit: {}", poor.goodput_kbps);
    assert!(continuity(&poor, Layer::Audio) > 0.9, "sound fits");
    // Up to the server and down again: two links of 20 ms, of which the server's site is at no distance.
    assert_eq!(rich.layers[&Layer::Audio].depth.0.max(), 2);
}

#[test]
fn random_trees_go_around_whoever_dies() {
    let crash = "[[faults]]\nwhat = \"crash\"\nwho = \"watchers\"\nat = \"5s\"\ncount = 4\n";
    let with = |faults: &str| {
        simulate(System::RandomTrees, meeting(&format!("{faults}[models]\ntree_children = 2\n")))
    };
    let (calm, hit) = (with(""), with(crash));
    assert!(hit.repairs.0.len() > calm.repairs.0.len(), "somebody's parent was among those who died");
    let last = hit.seconds.last().expect("ten of them");
    assert_eq!(last.starved, 0);
    assert!(hit.layers[&Layer::Audio].depth.0.max() >= 3, "eleven do not fit below two in two links");
}

#[test]
fn a_mesh_sends_each_frame_more_than_once_and_less_of_it_when_peers_say_that_they_have_it() {
    let with = |more: &str| simulate(System::GossipMesh, meeting(&format!("[models]\n{more}\n")));
    let copies = |record: &Record| {
        let delivered: u64 = record.layers.values().map(|layer| layer.bytes).sum();
        record.nodes.iter().map(|node| node.sent).sum::<u64>() as f64 / delivered as f64
    };
    let (plain, told) = (with("mesh_degree = 6"), with("mesh_degree = 6\nmesh_dont_want = true"));
    assert!(copies(&plain) > 2.0, "{}", copies(&plain));
    assert!(copies(&told) < copies(&plain), "{} and {}", copies(&told), copies(&plain));
}
