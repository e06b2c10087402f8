//! Whoever hides its address: links with relays only, which it makes itself.

use std::collections::BTreeMap;

use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Class, Command, Input, Kind, Output};
use overlay_core::plan::{Branch, Feed, Planner, Shapes, Supply, View};
use overlay_core::seat::Seat;
use overlay_core::time::Time;
use overlay_core::unit::{Layer, TreeId};
use proptest::prelude::*;

use crate::harness::{World, id, ladder, lending};

/// Five participants, of whom 4 and 5 hide, and three relays. 1, 2 and 5 send.
fn world() -> World {
    let mut world = World::new();
    world.hidden = [id(4), id(5)].into();
    for n in 1..=5 {
        world.add(n, Kind::Participant, 3_000);
    }
    for n in 11..=13 {
        world.add(n, Kind::Relay, 20_000);
    }
    world.command(id(1), Command::Coordinate { term: 1 });
    for n in [2, 3, 11, 12, 13] {
        world.link(id(1), id(n));
    }
    // All that their invites name.
    world.link(id(4), id(11));
    world.link(id(5), id(11));
    for n in [1, 2, 5] {
        world.command(id(n), Command::Send(ladder()));
    }
    world
}

/// Nobody has dialled across the line, and no link is there.
fn is_hidden(world: &World) {
    let hides = |node: NodeId| [id(4), id(5)].contains(&node);
    let participant = |node: NodeId| node.0[0] <= 5;
    for (from, to) in &world.dialled {
        assert!(!hides(*to), "{from} dials {to}, which hides");
        assert!(!hides(*from) || !participant(*to), "{from} hides, and dials {to}");
    }
    for hidden in [4, 5] {
        for other in (1..=5).filter(|other| *other != hidden) {
            assert!(!world.is_linked(id(hidden), id(other)), "{hidden} and {other}");
        }
    }
}

#[test]
fn who_hides_hears_and_is_heard_by_way_of_relays_only() {
    let mut world = world();
    world.run(3_000);
    let since = world.now;
    world.run(2_000);
    is_hidden(&world);
    for (receiver, source) in [(1, 5), (2, 5), (3, 5), (4, 5), (4, 1), (5, 1), (5, 2)] {
        let sound = world.frames(id(receiver), id(source), Layer::Audio, since).len();
        let picture = world.frames(id(receiver), id(source), Layer::P360, since).len();
        assert!(sound >= 98 && picture >= 48, "{source} at {receiver}: {sound} and {picture}");
    }
    for status in world.nodes.values().map(|node| node.status()) {
        for tree in status.trees {
            if tree.parent == Some(id(5)) {
                assert!(
                    world.seat_of[&id(5)].peers.contains_key(&status.me),
                    "5 was told to dial {}",
                    status.me
                );
            }
            let hides = |node: &NodeId| [id(4), id(5)].contains(node);
            let relay = |node: &NodeId| node.0[0] > 10;
            let ends = tree.parent.iter().chain(&tree.backups).chain(&tree.children);
            for other in ends {
                assert!(!hides(&status.me) || relay(other), "{} with {other}", status.me);
                assert!(!hides(other) || relay(&status.me), "{} with {other}", status.me);
            }
        }
    }
}

#[test]
fn relays_die_and_who_hides_finds_others() {
    let mut world = world();
    world.run(4_000);
    for relay in [11, 12] {
        world.kill(id(relay));
        world.run(6_000);
    }
    let since = world.now;
    world.run(2_000);
    is_hidden(&world);
    for (receiver, source) in [(3, 5), (4, 5), (4, 1), (5, 2)] {
        assert!(world.gap_ms(id(receiver), id(source), Layer::Audio, since) < 200, "{source} at {receiver}");
    }
}

#[test]
fn whoever_links_to_one_who_hides_is_no_relay_and_goes() {
    let mut world = world();
    world.run(1_000);
    let node = world.nodes.get_mut(&id(5)).expect("it runs");
    let admitted = Admitted { kind: Kind::Participant, class: Class::Member, may_coordinate: true, owner: 0 };
    node.handle(world.now, Input::Linked { peer: id(1), admitted });
    let mut hung_up = false;
    while let Some(output) = node.poll() {
        match output {
            Output::Hangup(peer) => hung_up |= peer == id(1),
            Output::Control { to, .. } => assert_ne!(to, id(1), "not a word"),
            _ => {}
        }
    }
    assert!(hung_up);
}

#[test]
fn who_hides_and_only_sends_is_told_to_dial_the_relays_that_it_feeds() {
    let mut world = world();
    world.command(id(5), Command::Watch(false));
    world.run(4_000);
    let since = world.now;
    world.run(2_000);
    is_hidden(&world);
    for receiver in 1..=4 {
        let sound = world.frames(id(receiver), id(5), Layer::Audio, since).len();
        assert!(sound >= 98, "{receiver}: {sound}");
    }
    let seat = &world.seat_of[&id(5)];
    assert!(seat.rows.is_empty() && !seat.peers.is_empty(), "{seat:?}");
    for relay in seat.peers.keys() {
        assert!(world.is_linked(id(5), *relay));
    }
}

#[test]
fn who_hides_dials_everybody_whom_its_seat_names_however_many_links_it_has() {
    let mut world = world();
    for n in 14..=17 {
        world.add(n, Kind::Relay, 20_000);
        world.link(id(5), id(n));
    }
    world.run(3_000);
    let mut seat = Seat { term: 1, number: 1_000, ..Seat::default() };
    seat.peers.insert(id(40), vec!["40".into()]);
    seat.awaited.insert(id(40));
    world.tell_seat(id(5), &seat);
    world.run(500);
    assert!(world.dialled.contains(&(id(5), id(40))));
}

/// What people and relays of a meeting are like, and what becomes of them: who comes, goes, and begins to hide.
#[derive(Clone, Debug)]
struct Meeting {
    people: Vec<(u32, bool, bool)>,
    relays: Vec<u32>,
    sources: Vec<usize>,
    shapes: Shapes,
    turns: Vec<(usize, u8)>,
}

fn meetings() -> impl Strategy<Value = Meeting> {
    let person = (200..8_000_u32, any::<bool>(), any::<bool>());
    let shapes = prop_oneof![Just(Shapes::Plain), Just(Shapes::Doubled), Just(Shapes::Coded)];
    (
        prop::collection::vec(person, 2..14),
        prop::collection::vec(500..30_000_u32, 0..5),
        prop::collection::vec(0..14_usize, 0..5),
        shapes,
        prop::collection::vec((0..20_usize, 0..4_u8), 0..12),
    )
        .prop_map(|(people, relays, sources, shapes, turns)| Meeting {
            people,
            relays,
            sources,
            shapes,
            turns,
        })
}

fn supplies(meeting: &Meeting) -> BTreeMap<NodeId, Supply> {
    let people = (1..).zip(&meeting.people).map(|(n, (uplink_kbps, watch, hidden))| {
        let (uplink_kbps, watch, hidden) = (*uplink_kbps, *watch, *hidden);
        (id(n), Supply { watch, hidden, ..lending(uplink_kbps) })
    });
    let relays = (101..)
        .zip(&meeting.relays)
        .map(|(n, uplink_kbps)| (id(n), Supply { kind: Kind::Relay, ..lending(*uplink_kbps) }));
    people.chain(relays).collect()
}

fn feeds(meeting: &Meeting) -> Vec<Feed> {
    let mut sources: Vec<usize> = meeting.sources.iter().map(|at| at % meeting.people.len()).collect();
    sources.sort_unstable();
    sources.dedup();
    let feed = |(slot, at): (u8, usize)| Feed {
        slot,
        feed: u32::from(slot) + 1,
        source: id(at as u8 + 1),
        stint: 1,
        layers: ladder(),
    };
    (0..).zip(sources).map(feed).collect()
}

/// No edge and no backup between one who hides and another participant; who hides feeds nobody beside its own source.
fn keeps_apart(nodes: &BTreeMap<NodeId, Supply>, trees: &BTreeMap<TreeId, Branch>) {
    let hidden = |node: &NodeId| nodes[node].hidden;
    let relay = |node: &NodeId| nodes[node].kind == Kind::Relay;
    for (tree, branch) in trees {
        for (node, row) in &branch.rows {
            for other in row.backups.iter().chain([&row.parent]) {
                let apart = (!hidden(node) || relay(other)) && (!hidden(other) || relay(node));
                assert!(apart, "{tree:?}: {node} and {other}");
                assert!(!hidden(other) || *other == branch.source, "{tree:?}: {other} feeds {node}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_has_an_edge_between_who_hides_and_another_participant(meeting in meetings()) {
        let mut nodes = supplies(&meeting);
        let view = |nodes: &BTreeMap<NodeId, Supply>, now| {
            let feeds = feeds(&meeting).into_iter().filter(|feed| nodes.contains_key(&feed.source)).collect();
            View { nodes: nodes.clone(), feeds, now, shapes: meeting.shapes, ..View::default() }
        };
        let mut planner = Planner::new();
        planner.update(&view(&nodes, Time(0)));
        keeps_apart(&nodes, &planner.trees());
        for (turn, (at, what)) in (1..).zip(&meeting.turns) {
            let ids: Vec<NodeId> = nodes.keys().copied().collect();
            let id = ids[at % ids.len()];
            match what {
                // One goes, or comes back as somebody who hides, at once or with the next plan.
                0 if nodes.len() > 2 => {
                    nodes.remove(&id);
                    planner.leave(id);
                }
                1 | 2 => {
                    let supply = nodes.get_mut(&id).expect("it is there");
                    supply.hidden = supply.kind == Kind::Participant && !supply.hidden;
                    if *what == 1 {
                        planner.join(id, *supply);
                    }
                }
                _ => {}
            }
            if *what != 2 {
                keeps_apart(&nodes, &planner.trees());
            }
            planner.update(&view(&nodes, Time(turn)));
            keeps_apart(&nodes, &planner.trees());
        }
        // So does a coordinator that takes over what another has made while nobody hid.
        let open: BTreeMap<NodeId, Supply> =
            nodes.iter().map(|(id, supply)| (*id, Supply { hidden: false, ..*supply })).collect();
        let mut before = Planner::new();
        before.update(&view(&open, Time(0)));
        let plan = overlay_core::plan::Plan {
            term: 1,
            number: 1,
            feeds: feeds(&meeting),
            trees: before.trees(),
        };
        let mut next = Planner::new();
        next.resume(&view(&nodes, Time(0)), &plan);
        keeps_apart(&nodes, &next.trees());
    }
}
