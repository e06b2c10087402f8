//! What keeps the coordinator of many people from being the one to whom all come, and who tells all.

use overlay_core::io::{Command, Input, Kind};
use overlay_core::seat::Seat;
use overlay_core::wire::Message;

use crate::harness::{World, id, ladder};

/// What the first may send, kbit/s.
const THIN: u32 = 1_500;
/// Relays with room for half of all people each.
const RELAYS: [u8; 2] = [250, 251];

fn relay_of(n: u8) -> u8 {
    RELAYS[usize::from(n % 2)]
}

/// The first leads; people come, each with a link to it and to one of two relays, and nobody dials.
fn hall(people: u8) -> World {
    let mut world = World::new();
    world.dials = false;
    world.add(1, Kind::Participant, THIN);
    world.command(id(1), Command::Coordinate { term: 1 });
    for relay in RELAYS {
        world.add(relay, Kind::Relay, 100_000);
        world.link(id(1), id(relay));
    }
    world.run(2_000);
    for n in 2..2 + people {
        world.add(n, Kind::Participant, 500);
        world.link(id(n), id(1));
        world.link(id(n), id(relay_of(n)));
    }
    world
}

#[test]
fn a_thin_uplink_pushes_notes_over_few_links_and_everybody_hears_them() {
    let people = 28;
    let mut world = hall(people);
    // Until everybody has said where it is, and was told a seat for it.
    world.run(35_000);
    world.controls.clear();
    world.run(10_000);
    let sent = world.controls[&id(1)].1;
    // Nine links bear a heartbeat each second; six more are told of it, and four of all notes now and then. It asks how far
    // somebody is each two seconds, and so does each of those who have two links, which asks it half of the time.
    let probes = 5 + u64::from(people) * 10 / 4;
    assert!(sent <= 10 * (9 + 6 + 2) + probes, "{sent} messages in ten seconds");
    for n in 2..2 + people {
        assert_eq!(world.nodes[&id(n)].status().coordinator, Some(id(1)), "{n}");
        assert!(world.seat_of.contains_key(&id(n)), "{n}");
    }
}

#[test]
fn another_way_is_nobodys_business_but_the_coordinators() {
    let mut world = hall(20);
    world.add(100, Kind::Participant, 1_500);
    for relay in RELAYS {
        world.link(id(100), id(relay));
    }
    world.command(id(100), Command::Send(ladder()));
    // Until everybody has said where it is.
    world.run(25_000);
    (world.presences, world.seats) = (0, 0);
    world.run(3_000);
    let quiet = world.presences;
    (world.presences, world.seats) = (0, 0);
    for relay in RELAYS {
        let bytes = Message::Uphill { on: false }.encode().expect("fits");
        world.input(id(100), Input::Control { from: id(relay), bytes });
    }
    world.run(3_000);
    assert!(world.presences > quiet, "it has said that there is another way");
    assert!(world.presences <= quiet + 8, "{} presences where {quiet} are heartbeats", world.presences);
    assert_eq!(world.seats, 0, "nothing is new");
}

#[test]
fn relays_that_the_stage_names_come_without_contacts() {
    let mut world = World::demo(2);
    world.run(3_000);
    // A first seat may have been told before there was a stage: it comes anew, and has forgotten that.
    world.kill(id(5));
    world.add(5, Kind::Participant, 1_400);
    world.link(id(5), id(1));
    world.run(2_000);
    let seat = &world.seat_of[&id(5)];
    assert!(seat.peers[&id(11)].is_empty() && seat.peers[&id(12)].is_empty());
    assert!(seat.peers.iter().all(|(peer, contacts)| contacts.is_empty() == (peer.0[0] > 10)));
    assert!(world.is_linked(id(5), id(11)) && world.is_linked(id(5), id(12)), "it has dialled them");
}

#[test]
fn who_was_told_what_changes_another_seat_asks_for_all_of_it() {
    let mut world = World::demo(2);
    world.run(3_000);
    let held = world.seat_of[&id(5)].clone();
    world.seats = 0;
    let missed = Seat { term: 1, number: 1_000, base: 999, ..Seat::default() };
    world.tell_seat(id(5), &missed);
    world.run(500);
    assert!(world.said[&id(5)].1.asks, "it asks");
    assert!(world.seats > 0, "it is answered");
    assert_eq!(world.seat_of[&id(5)].rows, held.rows);
    world.seats = 0;
    world.run(3_000);
    assert_eq!(world.seats, 0, "that was all");
}

#[test]
fn in_a_large_meeting_who_is_lost_is_named_once_a_second() {
    let mut world = hall(210);
    world.run(6_000);
    assert_eq!(world.nodes[&id(1)].status().members.len(), 212);
    world.presences = 0;
    for n in 150..160 {
        world.unlink(id(n), id(relay_of(n)));
        world.unlink(id(n), id(1));
        world.run(300);
    }
    // Three or four heartbeats, each once to everybody, and some twice.
    assert!(world.presences <= 5 * 213, "{} presences in three seconds", world.presences);
}

#[test]
fn a_coordinator_of_many_leaves_a_quarter_of_its_uplink_to_seats_and_sends_what_is_its_own() {
    let mut world = World::new();
    let uplink_kbps = 4_000;
    world.add(1, Kind::Participant, uplink_kbps);
    world.command(id(1), Command::Coordinate { term: 1 });
    world.command(id(1), Command::Send(ladder()));
    for n in 2..62 {
        world.add(n, Kind::Participant, 3_000);
        world.link(id(1), id(n));
        world.run(50);
        let fed = world.nodes[&id(1)].status().committed_kbps;
        assert!(n < 40 || fed <= uplink_kbps * 3 / 4, "{fed} kbit/s for {n}");
    }
    world.run(5_000);
    let since = world.now;
    world.run(1_000);
    let heard = |n: &u8| !world.frames(id(*n), id(1), overlay_core::unit::Layer::Audio, since).is_empty();
    assert_eq!((2..62).filter(heard).count(), 60);
}
