//! Neighbours that mean harm cost bounded memory and time, and are named.

use overlay_core::config;
use overlay_core::io::{Audience, Command, Event, Input, Kind, Note, Output, Topic};
use overlay_core::seat::Seat;
use overlay_core::stage::Stage;
use overlay_core::unit::{FrameInfo, Layer, TreeId, Unit, UnitHeader};
use overlay_core::wire::Message;

use crate::harness::{Blob, World, id, sign};

fn is_blamed(world: &World, by: u8, peer: u8) -> bool {
    let blames = |event: &Event| matches!(event, Event::Blame { peer: who, .. } if *who == id(peer));
    world.events.iter().any(|(who, event)| *who == id(by) && blames(event))
}

fn is_linked(world: &World, by: u8, peer: u8) -> bool {
    world.is_linked(id(by), id(peer))
}

#[test]
fn garbage_on_the_control_lane_costs_the_link() {
    let mut world = World::demo(1);
    world.run(2_000);
    for garbage in [vec![], vec![0xff; 40], vec![0; config::MESSAGE_MAX + 1], b"\x00\x01\x02".to_vec()] {
        let mut world = World::demo(1);
        world.run(1_500);
        world.input(id(11), Input::Control { from: id(5), bytes: garbage });
        assert!(is_blamed(&world, 11, 5));
        world.run(50);
        assert!(!is_linked(&world, 11, 5));
    }
}

#[test]
fn a_flooder_is_cut() {
    let mut world = World::demo(1);
    world.run(2_000);
    let bytes = Message::Have { notes: Vec::new() }.encode().expect("fits");
    for _ in 0..=config::CONTROL_MESSAGES_BURST {
        world.input(id(11), Input::Control { from: id(5), bytes: bytes.clone() });
    }
    assert!(is_blamed(&world, 11, 5));
}

#[test]
fn units_that_nobody_asked_for_go_nowhere_and_are_counted() {
    let mut world = World::demo(2);
    world.run(2_000);
    let status = world.nodes[&id(5)].status();
    let tree = status.trees.iter().find(|tree| tree.tree.layer == Layer::Audio && tree.taken).expect("sound");
    let stranger =
        (2..=6).find(|n| *n != 5 && tree.parent != Some(id(*n)) && tree.source != id(*n)).expect("one");
    let frame = FrameInfo { number: 1_000_000, key: true, temporal: 0 };
    let header = UnitHeader { tree: tree.tree, feed: tree.feed, frame, k: 1, m: 0, hop: 0 };
    world.link(id(5), id(stranger));
    world.run(100);
    for _ in 0..2 * config::CONTROL_MESSAGES_BURST / config::UNASKED_COST {
        world.unit(id(stranger), id(5), Unit { header, payload: Blob(80) });
    }
    assert!(world.got[&id(5)].iter().all(|got| got.info.number != 1_000_000));
    assert!(is_blamed(&world, 5, stranger));
}

#[test]
fn a_forged_note_is_neither_believed_nor_passed_on() {
    let mut world = World::demo(1);
    world.run(2_000);
    let note = Note {
        origin: id(2),
        serial: u64::MAX,
        topic: Topic::Keys,
        audience: Audience::Everybody,
        body: b"forged".to_vec(),
    };
    let mut signature = sign(&note);
    signature.0[0] ^= 1;
    let bytes = Message::Note { note, signature }.encode().expect("fits");
    world.input(id(11), Input::Control { from: id(5), bytes });
    world.run(500);
    let forged = |event: &Event| matches!(event, Event::Keys { body, .. } if body == b"forged");
    assert!(!world.events.iter().any(|(_, event)| forged(event)));
    assert!(is_blamed(&world, 11, 5));
    // The forgery does not stand in the way of what the origin really says.
    world.command(id(2), Command::Say { to: Audience::Everybody, body: b"real".to_vec() });
    world.run(500);
    assert!(world.has_event(id(11), &Event::Keys { from: id(2), body: b"real".to_vec() }));
}

#[test]
fn a_stage_and_a_seat_from_somebody_who_may_not_plan_are_ignored() {
    let mut world = World::demo(2);
    world.run(2_000);
    let before = world.nodes[&id(5)].status();
    let body = Stage { term: 99, number: 1, ..Stage::default() }.encode().expect("fits");
    let (origin, serial) = (id(2), 1_000_000);
    let note = Note { origin, serial, topic: Topic::Stage, audience: Audience::Everybody, body };
    let signature = sign(&note);
    let bytes = Message::Note { note, signature }.encode().expect("fits");
    world.input(id(5), Input::Control { from: id(11), bytes });
    let body = Seat { term: 99, number: 1, ..Seat::default() }.encode().expect("fits");
    let audience = Audience::One(id(5));
    let note = Note { origin, serial: serial + 1, topic: Topic::Seat, audience, body };
    let signature = sign(&note);
    let bytes = Message::Carry { note, signature, hops: 1 }.encode().expect("fits");
    world.input(id(5), Input::Control { from: id(11), bytes });
    world.run(500);
    assert!(is_blamed(&world, 5, 2));
    let after = world.nodes[&id(5)].status();
    assert_eq!(after.term, before.term);
    assert_eq!(after.trees.len(), before.trees.len(), "it sits where it sat");
}

#[test]
fn a_member_that_says_very_much_costs_bounded_memory() {
    let mut world = World::demo(1);
    world.run(2_000);
    for n in 0..400_u32 {
        let mut body = vec![0; config::NOTE_BODY_MAX];
        body[..4].copy_from_slice(&n.to_be_bytes());
        let (origin, serial) = (id(2), 10_000 + u64::from(n));
        let note = Note { origin, serial, topic: Topic::Keys, audience: Audience::Everybody, body };
        let signature = sign(&note);
        // `check`, which the harness calls, asserts the bounds.
        world.input(
            id(11),
            Input::Vetted {
                from: id(5),
                note,
                signature,
                verdict: Some(overlay_core::io::Admitted {
                    kind: overlay_core::io::Kind::Participant,
                    class: overlay_core::io::Class::Member,
                    may_coordinate: false,
                    owner: 0,
                }),
            },
        );
    }
    let asked = Message::Want { notes: Vec::new() };
    assert!(asked.encode().is_ok());
    let node = world.nodes.get_mut(&id(11)).expect("alive");
    node.handle(
        world.now,
        Input::Linked {
            peer: id(77),
            admitted: overlay_core::io::Admitted {
                kind: overlay_core::io::Kind::Participant,
                class: overlay_core::io::Class::Member,
                may_coordinate: false,
                owner: 0,
            },
        },
    );
    let mut offered = 0;
    while let Some(output) = node.poll() {
        if let Output::Control { bytes, .. } = output
            && let Ok(Message::Have { notes }) = Message::decode(&bytes)
        {
            offered += notes.iter().filter(|note| note.origin == id(2) && note.topic == Topic::Keys).count();
        }
    }
    assert!(offered <= config::KEYS_BYTES_MAX / config::NOTE_BODY_MAX, "{offered} kept");
}

#[test]
fn attaches_to_trees_that_do_not_exist_are_parked_in_bounds_and_refused() {
    let mut world = World::demo(1);
    world.run(2_000);
    for slot in 8..16 {
        for layer in Layer::ALL {
            let tree = TreeId { slot, layer, index: 0 };
            let (feed, from, planned, feeds) = (u32::MAX, Some(3), true, true);
            let bytes = Message::Attach { tree, feed, from, planned, feeds }.encode().expect("fits");
            world.input(id(11), Input::Control { from: id(5), bytes });
        }
    }
    world.run(1_000);
    assert!(world.nodes[&id(11)].status().trees.iter().all(|tree| tree.tree.slot < 8));
}

#[test]
fn notes_that_nobody_can_vet_cost_the_relay_on_the_way_no_link() {
    let mut world = World::new();
    world.dials = false;
    world.add(1, Kind::Participant, 1_500);
    world.add(11, Kind::Relay, 20_000);
    let liars = 20..26;
    for n in liars.clone() {
        world.add(n, Kind::Participant, 1_500);
    }
    world.command(id(1), Command::Coordinate { term: 1 });
    for n in [1].into_iter().chain(liars.clone()) {
        world.link(id(11), id(n));
    }
    world.run(3_000);
    let stranger = id(99);
    for serial in 0..1_000 {
        for n in liars.clone() {
            let body = b"let me in".to_vec();
            let note =
                Note { origin: stranger, serial, topic: Topic::Keys, audience: Audience::Coordinator, body };
            let bytes = Message::Carry { signature: sign(&note), note, hops: 0 }.encode().expect("fits");
            world.input(id(11), Input::Control { from: id(n), bytes });
        }
        world.run(1);
    }
    world.run(1_000);
    assert!(is_linked(&world, 1, 11), "the relay is not to blame");
    assert!(!world.has_event(id(1), &Event::Keys { from: stranger, body: b"let me in".to_vec() }));
}
