//! Who is still there: how beats travel, and who is thought to be gone.

use overlay_core::config;
use overlay_core::id::NodeId;
use overlay_core::io::{Command, Event, Input, Kind, Note, Topic};
use overlay_core::plan::{Part, Parts, Plan, split};
use overlay_core::wire::Message;

use crate::harness::{World, id, sign};

fn departed(world: &World, at: u8, who: u8) -> bool {
    let of_it = |event: &Event| matches!(event, Event::Departed { peer, .. } if *peer == id(who));
    world.events.iter().any(|(node, event)| *node == id(at) && of_it(event))
}

fn anybody_departed(world: &World) -> bool {
    world.events.iter().any(|(_, event)| matches!(event, Event::Departed { .. }))
}

fn knows(world: &World, at: u8, who: u8) -> bool {
    world.nodes[&id(at)].status().members.iter().any(|member| member.id == id(who))
}

/// A coordinator (1), relays (11 to 13) and people who can't dial each other: only these links.
fn sparse(people: &[u8], links: &[(u8, u8)]) -> World {
    let mut world = World::new();
    world.dials = false;
    for n in people {
        world.add(*n, Kind::Participant, 1_500);
    }
    for n in 11..=13 {
        world.add(n, Kind::Relay, 20_000);
    }
    world.command(id(1), Command::Coordinate { term: 1 });
    links.iter().for_each(|(a, b)| world.link(id(*a), id(*b)));
    world
}

#[test]
fn beats_reach_the_coordinator_through_two_relays_and_go_nowhere_else() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(4_000);
    world.presences = 0;
    world.run(10_000);
    assert!(!anybody_departed(&world));
    // Each second: the coordinator's own crosses all five links, 2's crosses three, 3's and 12's two, 11's one,
    // 13's three, and 11 and 12 have others whom they tell in turn.
    assert!(world.presences <= 10 * 18, "{} presences in ten seconds", world.presences);
    for n in [2, 3, 11, 12, 13] {
        assert!(knows(&world, 1, n) && (n == 2 || knows(&world, 2, n)), "{n}");
    }
}

#[test]
fn a_relay_that_swallows_beats_does_not_get_an_honest_node_declared_gone() {
    // The hostile relay 11 is the shortest way for 2, and for the honest relay 12 that 2 has as well.
    let mut world =
        sparse(&[1, 2, 3], &[(1, 11), (11, 2), (11, 12), (12, 2), (12, 13), (13, 3), (3, 1), (13, 11)]);
    world.run(4_000);
    world.swallows.insert(id(11), id(2));
    world.run(30_000);
    assert!(!anybody_departed(&world));
}

#[test]
fn who_dies_is_gone_for_everybody_when_the_coordinator_says_so() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13), (13, 3)]);
    world.run(4_000);
    world.kill(id(2));
    world.run(1_900);
    assert!(!anybody_departed(&world), "its silence is not long enough");
    world.run(1_400);
    for n in [1, 3, 11, 12, 13] {
        assert!(departed(&world, n, 2) && !knows(&world, n, 2), "{n}");
    }
}

#[test]
fn who_was_declared_gone_and_comes_back_is_a_member_again_everywhere() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(4_000);
    world.unlink(id(2), id(12));
    world.run(5_000);
    for n in [1, 3, 11, 12, 13] {
        assert!(departed(&world, n, 2) && !knows(&world, n, 2), "{n}");
    }
    world.events.clear();
    world.link(id(2), id(13));
    world.run(6_000);
    for n in [1, 3, 11, 12, 13] {
        assert!(knows(&world, n, 2) && knows(&world, 2, n), "{n}");
        let arrived = Event::Arrived { peer: id(2), kind: Kind::Participant };
        assert!(world.has_event(id(n), &arrived), "{n} is told");
    }
    assert!(!anybody_departed(&world), "and it stays");
}

#[test]
fn who_only_seemed_to_be_gone_hears_it_and_is_a_member_again() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(4_000);
    // The only relay on its way swallows whatever it says, and then no longer.
    world.swallows.insert(id(12), id(2));
    world.run(5_000);
    assert!(departed(&world, 1, 2) && departed(&world, 3, 2));
    world.events.clear();
    world.swallows.clear();
    world.run(2_000);
    for n in [1, 3, 11, 12, 13] {
        assert!(knows(&world, n, 2), "{n}");
    }
    world.run(5_000);
    assert!(!anybody_departed(&world), "and it stays");
}

#[test]
fn while_nobody_coordinates_nobody_else_departs() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(4_000);
    world.kill(id(1));
    world.run(15_000);
    for n in [2, 3, 11, 12, 13] {
        assert!(departed(&world, n, 1), "{n} knows that the coordinator is gone");
        for other in [2, 3, 11, 12, 13] {
            assert!(!departed(&world, n, other) && (n == other || knows(&world, n, other)), "{n} of {other}");
        }
    }
    // Whoever dies meanwhile stays a member until the coordinator is back, which gives all others time to beat.
    world.kill(id(3));
    world.run(10_000);
    assert!(knows(&world, 2, 3));
    world.events.clear();
    world.add_with_serial(1, Kind::Participant, 1_500, 1_000_000);
    world.command(id(1), Command::Coordinate { term: 2 });
    world.link(id(1), id(13));
    world.run(8_000);
    for n in [1, 2, 11, 12, 13] {
        assert!(!knows(&world, n, 3), "{n}");
        for other in [1, 2, 11, 12, 13] {
            assert!(!departed(&world, n, other) && (n == other || knows(&world, n, other)), "{n} of {other}");
        }
    }
}

/// Control messages in and out of the hub of a star each second.
fn at_hub(people: u8) -> u64 {
    let mut world = World::new();
    world.dials = false;
    world.add(200, Kind::Relay, 100_000);
    for n in 1..=people {
        world.add(n, Kind::Participant, 1_500);
    }
    world.command(id(1), Command::Coordinate { term: 1 });
    (1..=people).for_each(|n| world.link(id(n), id(200)));
    world.run(5_000);
    world.controls.clear();
    world.run(10_000);
    assert!(!anybody_departed(&world));
    let (taken, sent) = world.controls[&id(200)];
    (taken + sent) / 10
}

#[test]
fn upkeep_of_a_star_grows_with_people_not_with_their_square() {
    let counts: Vec<(u8, u64)> = [8, 16, 32, 64].into_iter().map(|people| (people, at_hub(people))).collect();
    // For each person: a beat in and on, the coordinator's beat to it, and what notes there are, both ways.
    for (people, count) in &counts {
        assert!(*count <= 6 * u64::from(*people) + 10, "{counts:?}");
    }
}

#[test]
fn a_relay_between_all_others_that_swallows_beats_gets_nobody_declared_gone() {
    // 11 is everybody's shortest way. Of seven neighbours of 2 only 12 leads around it, through 13.
    let mut world = sparse(&[1, 2, 3, 4, 5, 6, 7], &[(1, 11), (12, 13), (13, 1), (2, 12)]);
    for n in [2, 3, 4, 5, 6, 7, 12, 13] {
        world.link(id(11), id(n));
    }
    for n in [3, 4, 5, 6, 7] {
        world.link(id(2), id(n));
    }
    world.run(4_000);
    world.swallows.insert(id(11), id(2));
    world.run(40_000);
    assert!(!anybody_departed(&world));
}

#[test]
fn a_relay_on_the_way_that_dies_takes_nobody_with_it() {
    for wait in [0, 250, 500, 750] {
        let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 2), (11, 3), (1, 12), (12, 13), (13, 2), (13, 3)]);
        world.run(4_000 + wait);
        world.kill(id(11));
        world.run(9_000);
        for n in [1, 2, 3, 12, 13] {
            for other in [1, 2, 3, 12, 13] {
                assert!(!departed(&world, n, other), "{other} for {n}");
            }
            assert!(departed(&world, n, 11), "{n}");
        }
    }
}

#[test]
fn a_plan_that_lists_what_is_outlived_takes_leave_of_nobody_who_is_heard_of() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(4_000);
    // It has just said something that the plan does not know of.
    world.command(id(2), Command::Watch(false));
    world.run(200);
    let gone = [(id(2), 1), (id(3), u64::MAX)].into();
    let plan = Plan { term: 1, number: 1_000, gone, ..Plan::default() };
    let body = split(&plan).expect("fits").remove(0);
    let note = Note { origin: id(1), serial: 1_000_000, topic: Topic::Plan, body };
    let signature = sign(&note);
    let bytes = Message::Note { note, signature }.encode().expect("fits");
    world.input(id(13), Input::Control { from: id(12), bytes });
    world.run(1);
    assert!(departed(&world, 13, 3) && !departed(&world, 13, 2));
    world.run(10_000);
    assert!(!departed(&world, 13, 2), "it says itself that it is there");
    world.kill(id(2));
    world.run(3_500);
    assert!(departed(&world, 13, 2), "whom the coordinator has given up is not waited for");
    // An old presence that still goes around brings nobody back.
    world.events.clear();
    world.run(5_000);
    assert!(!world.has_event(id(13), &Event::Arrived { peer: id(3), kind: Kind::Participant }));
}

#[test]
fn many_who_are_gone_fit_into_a_plan() {
    let node = |n: u32| {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        NodeId(bytes)
    };
    let gone = (0..300).map(|n| (node(n), u64::MAX - u64::from(n))).collect();
    let plan = Plan { term: 1, number: 1, gone, ..Plan::default() };
    let bodies = split(&plan).expect("fits");
    assert_eq!(bodies.len(), 300_usize.div_ceil(config::GONE_IN_PART));
    let mut parts = Parts::default();
    let mut whole = None;
    for (serial, body) in (5..).zip(&bodies) {
        whole = parts.add(Part::decode(body).expect("our own"), serial);
    }
    assert_eq!(whole, Some((plan, 5)));
}
