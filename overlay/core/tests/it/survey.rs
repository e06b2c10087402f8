//! Where nodes are, and what follows from it: what neighbours answer, who hides, and whose way in is full.

use std::collections::BTreeSet;
use std::time::Duration;

use overlay_core::config;
use overlay_core::coordinate::Coordinate;
use overlay_core::id::NodeId;
use overlay_core::io::{Command, Event, Input, Kind};
use overlay_core::unit::{Layer, TreeId};
use overlay_core::wire::Message;

use crate::harness::{DELAY, World, id, ladder};

/// Where a node said last that it is.
fn said(world: &World, node: NodeId) -> Coordinate {
    world.said.get(&node).expect("it has said a presence").1.coordinate
}

#[test]
fn who_has_measured_its_neighbours_says_where_it_is_and_how_far_they_are() {
    let mut world = World::demo(2);
    world.run(40_000);
    let links: Vec<(NodeId, NodeId)> = world.linked().collect();
    assert!(links.len() > 8, "{}", links.len());
    let guess =
        |(one, other): &(NodeId, NodeId)| f64::from(said(&world, *one).one_way(&said(&world, *other))) / 10.0;
    let guesses: Vec<f64> = links.iter().map(guess).collect();
    let (right, count) = (DELAY.as_secs_f64() * 1e3, guesses.len() as f64);
    // All links are as long here, and eight points as far from each other need seven dimensions: with four and heights it is
    // nearly so. Who was not measured would count as 30 ms away.
    let off = guesses.iter().map(|guess| (guess - right).abs()).sum::<f64>() / count;
    assert!(off < right / 3.0, "{guesses:?} ms, and all are {right}");
    let before = world.said[&id(5)].0;
    world.run(20_000);
    assert!(world.said[&id(5)].0 <= before + 1, "who stays where it is says nothing new");
}

#[test]
fn who_hides_asks_nobody_and_says_to_nobody_where_it_is() {
    let mut world = World::new();
    world.hidden.insert(id(2));
    world.add(1, Kind::Participant, 3_000);
    world.add(2, Kind::Participant, 3_000);
    world.add(11, Kind::Relay, 20_000);
    world.command(id(1), Command::Coordinate { term: 1 });
    world.link(id(1), id(11));
    world.link(id(2), id(11));
    // Two who know only each other are sure of it late.
    world.run(60_000);
    assert!(!said(&world, id(2)).is_known());
    assert!(said(&world, id(11)).is_known() && said(&world, id(1)).is_known());
    let probe = Message::Probe { number: 7 }.encode().expect("fits");
    world.heard.clear();
    world.input(id(2), Input::Control { from: id(11), bytes: probe });
    let echo = world.heard.iter().find_map(|(from, message)| match message {
        Message::Echo { number: 7, coordinate, .. } if *from == id(2) => Some(*coordinate),
        _ => None,
    });
    assert_eq!(echo, Some(Coordinate::default()), "it answers, and tells nothing by it");
    let asked =
        |(from, message): &(NodeId, Message)| *from == id(2) && matches!(message, Message::Probe { .. });
    world.run(10_000);
    assert!(!world.heard.iter().any(asked));
}

/// The layers in which a node takes pictures.
fn pictures(world: &World, node: NodeId) -> Vec<(NodeId, Layer)> {
    let trees = world.nodes[&node].trees();
    trees
        .filter(|tree| tree.taken && !tree.tree.layer.is_audio())
        .map(|tree| (tree.source, tree.tree.layer))
        .collect()
}

/// Parents of a node's pictures, each with the tree.
fn feeders(world: &World, node: NodeId) -> Vec<(NodeId, TreeId)> {
    let trees = world.nodes[&node].trees();
    let pictures = trees.filter(|tree| tree.taken && !tree.tree.layer.is_audio());
    pictures.filter_map(|tree| Some((tree.parent?, tree.tree))).collect()
}

#[test]
fn whose_way_in_is_full_says_what_it_carries_and_gets_pictures_that_fit_for_a_while() {
    let mut world = World::demo(2);
    world.run(4_000);
    let node = id(6);
    let others = |world: &World| [1, 2, 3, 4, 5].map(|n| pictures(world, id(n)));
    let (large, theirs) = (pictures(&world, node), others(&world));
    assert!(large.iter().all(|(_, layer)| *layer == Layer::P360), "{large:?}");
    let parents: BTreeSet<NodeId> = feeders(&world, node).into_iter().map(|(parent, _)| parent).collect();
    assert!(parents.len() > 1, "the story needs two parents");
    for (peer, tree) in feeders(&world, node) {
        world.input(peer, Input::Dropped { peer: node, tree });
    }
    world.run(3_000);
    let carries = world.nodes[&node].status().downlink_kbps;
    assert!((1_500..2_300).contains(&carries), "{carries}: three pictures of 500 and sound twice came in");
    assert_eq!(world.said[&node].1.downlink_kbps, carries);
    let mut layers: Vec<Layer> = pictures(&world, node).into_iter().map(|(_, layer)| layer).collect();
    layers.sort();
    assert_eq!(layers, [Layer::P180, Layer::P360, Layer::P360], "what fits, with room");
    assert_eq!(others(&world), theirs);
    world.run(config::DOWNLINK_GROWS_AFTER.as_millis() as u64 + 2_000);
    assert_eq!((pictures(&world, node), world.nodes[&node].downlink_kbps()), (large.clone(), 0));
    // One parent that drops, again and again, is short of uplink itself.
    let (peer, tree) = feeders(&world, node)[0];
    for _ in 0..2 * config::DROPS_MAX {
        world.input(peer, Input::Dropped { peer: node, tree });
        world.run(1_200);
    }
    assert_eq!(pictures(&world, node), large);
}

#[test]
fn many_who_come_at_once_wait_for_one_key_frame_together() {
    let mut world = World::new();
    let watchers: Vec<u8> = (2..=20).collect();
    world.add(1, Kind::Participant, 16_000);
    world.command(id(1), Command::Coordinate { term: 1 });
    world.command(id(1), Command::Send(ladder()));
    world.add(100, Kind::Participant, 100);
    world.link(id(1), id(100));
    world.run(2_000);
    // A key frame as old as what is kept: all that follows it would be given to each.
    world.command(id(100), Command::RequestKey { source: id(1), layer: Layer::P360 });
    world.run(900);
    let (carried, since) = (world.carried.get(&id(1)).copied().unwrap_or(0), world.now);
    for n in &watchers {
        world.add(*n, Kind::Participant, 100);
        world.link(id(1), id(*n));
    }
    world.run(400);
    let kept_each = 500 * 125 * 9 / 10;
    let burst = 16_000 * 125 / 10;
    let sent = world.carried[&id(1)] - carried;
    assert!(kept_each * 19 > 2 * burst, "the story needs more than what the uplink bears");
    let live = 400 * (500 + 150 + 2 * 32) / 8 * 20;
    assert!(sent < burst + live, "{sent} B, and {} if each were given what is kept", kept_each * 19);
    world.run(2_000);
    for n in watchers {
        let first = world.frames(id(n), id(1), Layer::P360, since);
        assert!(first.first().is_some_and(|first| first.info.key), "{n} begins with a key frame");
        assert!(first[0].at.since(since) < Duration::from_millis(1_900), "{n} did not wait long");
    }
    let wanted = world.events.iter().filter(|(_, event)| *event == Event::KeyWanted(Layer::P360)).count();
    assert!(wanted <= 4, "{wanted} wishes for a key frame are one a second");
}
