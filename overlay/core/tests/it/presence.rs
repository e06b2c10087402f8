//! Who is still there: how presences and seats travel, and who is thought to be gone.

use overlay_core::config;
use overlay_core::io::{Audience, Command, Event, Input, Kind, Note, Topic};
use overlay_core::members::Presence;
use overlay_core::wire::Message;

use crate::harness::{World, id, ladder, presence, sign};

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
fn only_the_coordinator_knows_everybody_and_nothing_is_said_while_nothing_happens() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(4_000);
    world.seats = 0;
    // Everybody says where it is, and hears nothing new for that.
    world.run(30_000);
    world.presences = 0;
    world.run(10_000);
    assert!(!anybody_departed(&world));
    for n in [2, 3, 11, 12, 13] {
        assert!(knows(&world, 1, n), "{n}");
        assert_eq!(world.nodes[&id(n)].status().coordinator, Some(id(1)), "{n}");
        assert!((2..=13).all(|other| !knows(&world, n, other)), "{n} knows the coordinator only");
    }
    // The heartbeat crosses each of the five links once a second.
    assert!(world.presences <= 5 * 11, "{} presences in ten seconds", world.presences);
    assert_eq!(world.seats, 0);
}

#[test]
fn a_source_is_known_to_everybody_while_it_is_on_the_stage() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(3_000);
    assert!(!knows(&world, 3, 2));
    world.command(id(2), Command::Send(ladder()));
    world.run(1_000);
    assert!(knows(&world, 3, 2) && knows(&world, 13, 2));
    world.command(id(2), Command::Send(Vec::new()));
    world.run(12_000);
    assert!(!knows(&world, 3, 2) && knows(&world, 1, 2));
}

#[test]
fn what_is_for_one_node_or_for_the_coordinator_goes_there_and_nowhere_else() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(3_000);
    world.command(id(2), Command::Say { to: Audience::Coordinator, body: b"let me in".to_vec() });
    world.command(id(1), Command::Say { to: Audience::One(id(2)), body: b"come".to_vec() });
    world.run(300);
    let heard = |body: &[u8]| -> Vec<u8> {
        let is_it = |event: &Event| matches!(event, Event::Keys { body: said, .. } if said == body);
        world.events.iter().filter(|(_, event)| is_it(event)).map(|(node, _)| node.0[0]).collect()
    };
    assert_eq!(heard(b"let me in"), [1]);
    assert_eq!(heard(b"come"), [2]);
}

#[test]
fn what_is_said_to_the_coordinator_before_there_is_a_way_to_it_waits_for_one() {
    let mut world = sparse(&[1, 2], &[]);
    world.command(id(2), Command::Say { to: Audience::Coordinator, body: b"let me in".to_vec() });
    world.run(1_000);
    world.link(id(2), id(12));
    world.run(1_000);
    world.link(id(12), id(1));
    world.run(1_000);
    assert!(world.has_event(id(1), &Event::Keys { from: id(2), body: b"let me in".to_vec() }));
}

#[test]
fn who_takes_over_says_keys_to_those_to_whom_it_is_shown_no_way_yet() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.add_coordinator(4, 1_500);
    world.link(id(4), id(13));
    world.run(4_000);
    world.kill(id(1));
    world.run(2_000);
    world.command(id(4), Command::Coordinate { term: 2 });
    for n in [2, 3] {
        world.command(id(4), Command::Say { to: Audience::One(id(n)), body: vec![n] });
    }
    world.run(500);
    for n in [2, 3] {
        let wrap = |event: &Event| *event == Event::Keys { from: id(4), body: vec![n] };
        let heard = world.events.iter().filter(|(who, event)| *who == id(n) && wrap(event));
        assert_eq!(heard.count(), 1, "{n}");
    }
}

#[test]
fn what_a_newcomer_asks_follows_its_presence_to_the_coordinator() {
    let mut world = sparse(&[1], &[(1, 11), (11, 12)]);
    world.strict = true;
    world.run(3_000);
    world.add(2, Kind::Participant, 1_000);
    world.command(id(2), Command::Say { to: Audience::Coordinator, body: b"let me in".to_vec() });
    world.link(id(2), id(12));
    world.run(2_000);
    assert!(world.has_event(id(1), &Event::Keys { from: id(2), body: b"let me in".to_vec() }));
}

#[test]
fn who_dies_is_gone_when_its_neighbours_say_so_and_it_does_not_answer() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(4_000);
    world.kill(id(2));
    world.run(3_000);
    assert!(!anybody_departed(&world), "its silence is not long enough");
    world.run(3_000);
    assert!(departed(&world, 1, 2) && !knows(&world, 1, 2));
    assert!(!departed(&world, 1, 12) && !departed(&world, 1, 13));
}

#[test]
fn who_was_cut_off_and_finds_another_way_is_a_member_again() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(4_000);
    world.unlink(id(2), id(12));
    world.run(5_000);
    assert!(departed(&world, 1, 2) && departed(&world, 2, 1), "both sides notice");
    world.events.clear();
    world.link(id(2), id(13));
    world.run(3_000);
    assert!(world.has_event(id(1), &Event::Arrived { peer: id(2), kind: Kind::Participant }));
    assert_eq!(world.nodes[&id(2)].status().coordinator, Some(id(1)));
    assert!(!anybody_departed(&world), "and it stays");
}

#[test]
fn a_relay_on_the_way_that_dies_takes_nobody_with_it() {
    for wait in [0, 250, 500, 750] {
        let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 2), (11, 3), (1, 12), (12, 13), (13, 2), (13, 3)]);
        world.run(4_000 + wait);
        world.kill(id(11));
        world.run(9_000);
        assert!(departed(&world, 1, 11), "after {wait} ms");
        for other in [2, 3, 12, 13] {
            assert!(!departed(&world, 1, other) && !departed(&world, other, 1), "{other} after {wait} ms");
        }
        // What is said to those behind it finds the new way.
        world.command(id(1), Command::Say { to: Audience::One(id(2)), body: b"there?".to_vec() });
        world.run(200);
        assert!(world.has_event(id(2), &Event::Keys { from: id(1), body: b"there?".to_vec() }), "{wait} ms");
    }
}

#[test]
fn what_went_to_nobody_but_a_coordinator_that_died_is_heard_before_there_is_another() {
    // Whoever is lazy is told of a note 300 to 800 ms after it came: meanwhile the way of everybody changes.
    for wait in (0..1_000).step_by(100) {
        let mut world = sparse(&[1, 2, 3], &[(1, 2), (1, 3), (1, 11), (11, 2), (11, 3)]);
        world.command(id(1), Command::Send(ladder()));
        world.command(id(2), Command::Send(ladder()));
        world.run(4_000 + wait);
        world.command(id(2), Command::Say { to: Audience::Everybody, body: b"my keys".to_vec() });
        world.kill(id(1));
        // Two lazy links at most. Keys are in use a second after they were said, and frames wait for two more.
        world.run(1_700);
        assert!(
            world.has_event(id(3), &Event::Keys { from: id(2), body: b"my keys".to_vec() }),
            "said after {wait} ms"
        );
    }
}

#[test]
fn a_neighbour_that_says_falsely_who_is_lost_gets_nobody_declared_gone() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 2), (1, 12), (12, 2), (11, 3)]);
    world.run(4_000);
    for _ in 0..20 {
        let bytes = Message::Lost { peers: vec![id(2), id(3)] }.encode().expect("short");
        world.input(id(1), Input::Control { from: id(11), bytes });
        world.run(1_000);
    }
    assert!(!anybody_departed(&world));
    // What no other node has to do with is not believed at all.
    world.presences = 0;
    let bytes = Message::Lost { peers: vec![id(12)] }.encode().expect("short");
    world.input(id(1), Input::Control { from: id(11), bytes });
    world.run(500);
    assert!(world.presences <= 8, "no heartbeat names it");
}

#[test]
fn a_relay_that_swallows_what_somebody_says_is_gone_around() {
    // 11 is the shortest way for 2; 12 leads around it.
    let mut world = sparse(&[1, 2], &[(1, 11), (11, 2), (1, 13), (13, 12), (12, 2)]);
    world.swallows.insert(id(11), id(2));
    world.run(6_000);
    assert!(knows(&world, 1, 2), "its presence came another way");
    world.command(id(2), Command::Send(ladder()));
    world.run(4_000);
    let status = world.nodes[&id(2)].status();
    assert!(status.on_stage.is_some(), "and so does what is new of it");
}

#[test]
fn while_nobody_leads_nobody_else_departs_and_who_takes_over_finds_everybody() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.command(id(3), Command::Send(ladder()));
    world.run(4_000);
    let fed = |world: &World| world.nodes[&id(2)].trees().filter(|tree| tree.parent.is_some()).count();
    let trees = fed(&world);
    assert!(trees > 0);
    world.kill(id(1));
    world.run(15_000);
    for n in [2, 3, 11, 12, 13] {
        assert!(departed(&world, n, 1), "{n} knows that the coordinator is gone");
    }
    assert_eq!(fed(&world), trees, "the trees stay as they were");
    world.events.clear();
    world.add_with_serial(1, Kind::Participant, 1_500, 1_000_000);
    world.command(id(1), Command::Coordinate { term: 2 });
    let since = world.now;
    world.link(id(1), id(13));
    world.run(5_000);
    for n in [2, 3, 11, 12, 13] {
        assert!(knows(&world, 1, n), "{n}");
        assert!(world.has_event(id(n), &Event::Led { by: id(1), term: 2 }), "{n}");
    }
    assert!(!anybody_departed(&world));
    let gap = world.gap_ms(id(2), id(3), overlay_core::unit::Layer::Audio, since);
    assert!(gap <= 60, "the sound went on: {gap} ms");
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
    // For each person: the heartbeat to it, its sign of life, what notes there are, both ways every three seconds, and how far
    // it is, there and back every two.
    for (people, count) in &counts {
        assert!(*count <= 4 * u64::from(*people) + 10, "{counts:?}");
    }
}

#[test]
fn an_old_presence_brings_nobody_back() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 12), (12, 2), (11, 3), (12, 13)]);
    world.run(4_000);
    world.kill(id(2));
    world.run(6_000);
    assert!(departed(&world, 1, 2));
    world.events.clear();
    let presence =
        Presence { uplink_kbps: 1_500, credential: vec![2], watch: true, ..presence(Kind::Participant) };
    let body = presence.encode().expect("fits");
    let (origin, audience) = (id(2), Audience::Coordinator);
    for (serial, comes) in [(1, false), (1_000, true)] {
        let note = Note { origin, serial, topic: Topic::Presence, audience, body: body.clone() };
        let signature = sign(&note);
        let bytes = Message::Carry { note, signature, hops: 1 }.encode().expect("fits");
        world.input(id(1), Input::Control { from: id(11), bytes });
        world.run(100);
        assert_eq!(knows(&world, 1, 2), comes, "serial {serial}");
    }
}

#[test]
fn of_two_who_lead_the_one_with_the_higher_term_is_followed() {
    let mut world = sparse(&[1, 2, 3], &[(1, 11), (11, 2), (12, 3)]);
    world.run(2_000);
    // 4 may coordinate as well, and does so on the other side.
    world.add_coordinator(4, 1_500);
    world.command(id(4), Command::Coordinate { term: 2 });
    world.link(id(4), id(12));
    world.run(3_000);
    assert_eq!(world.nodes[&id(3)].status().coordinator, Some(id(4)));
    assert_eq!(world.nodes[&id(2)].status().coordinator, Some(id(1)));
    world.link(id(11), id(12));
    world.run(5_000);
    for n in [1, 2, 3, 4, 11, 12] {
        assert_eq!(world.nodes[&id(n)].status().coordinator, Some(id(4)), "{n}");
    }
    for n in [1, 2, 3, 11, 12] {
        assert!(knows(&world, 4, n), "{n}");
    }
}

#[test]
fn who_takes_over_listens_before_it_plans() {
    let mut world = World::demo(2);
    world.add_coordinator(7, 1_500);
    world.link(id(7), id(11));
    world.run(3_000);
    world.kill(id(1));
    world.run(500);
    world.command(id(7), Command::Coordinate { term: 2 });
    let planned = |world: &World| world.nodes[&id(7)].status().term == 2;
    world.run(config::PLAN_SETTLE_AGAIN.as_millis() as u64 - 50);
    assert!(!planned(&world), "it may know half of the meeting");
    world.run(200);
    assert!(planned(&world));
}
