//! Whoever feeds badly feeds nobody in the end; whoever only says so of others harms nobody.

use std::collections::BTreeSet;

use overlay_core::config;
use overlay_core::id::NodeId;
use overlay_core::io::{Audience, Event, Input, Kind, Note, Topic};
use overlay_core::unit::Layer;
use overlay_core::wire::Message;

use crate::harness::{World, id, presence, sign};

fn demoted(world: &World) -> BTreeSet<NodeId> {
    let of = |(by, event): &(NodeId, Event)| match event {
        Event::Demoted { peer } if *by == id(1) => Some(*peer),
        _ => None,
    };
    world.events.iter().filter_map(of).collect()
}

/// Whom the seats that were told last name as parents or backups.
fn named(world: &World) -> BTreeSet<NodeId> {
    let rows = world.seat_of.values().flat_map(|seat| seat.rows.values());
    rows.flat_map(|row| row.backups.iter().copied().chain([row.parent])).collect()
}

#[test]
fn a_relay_that_keeps_everything_to_itself_feeds_nobody_once_three_complain() {
    let mut world = World::demo(2);
    world.run(3_000);
    assert!(named(&world).contains(&id(12)));
    world.mute.insert(id(12));
    world.run(10_000);
    assert_eq!(demoted(&world), BTreeSet::from([id(12)]), "and nobody else");
    assert!(!named(&world).contains(&id(12)), "no plan counts on it");
    let since = world.now;
    world.run(2_000);
    for who in 1..=6 {
        for source in (1..=3).filter(|source| *source != who) {
            assert!(world.frames(id(who), id(source), Layer::Audio, since).len() >= 99);
            assert!(world.frames(id(who), id(source), Layer::P360, since).len() >= 49);
        }
    }
}

#[test]
fn all_who_came_by_one_link_are_one_owner() {
    let mut world = World::demo(2);
    (2..=6).chain([11]).for_each(|n| world.came_by(id(n), 7));
    world.run(3_000);
    world.mute.insert(id(12));
    world.run(10_000);
    // The organiser and those who came by the link: two.
    assert_eq!(demoted(&world), BTreeSet::new());
}

#[test]
fn one_who_complains_of_everybody_harms_nobody() {
    let mut world = World::demo(2);
    world.run(3_000);
    for second in 0..12 {
        let mut lies = presence(Kind::Participant);
        lies.complaints = [1, 2, 3, 4, 6, 11, 12].map(|n| id(n).prefix()).to_vec();
        let body = lies.encode().expect("fits");
        let (origin, serial) = (id(5), 1_000_000 + second);
        let note = Note { origin, serial, topic: Topic::Presence, audience: Audience::Coordinator, body };
        let signature = sign(&note);
        let bytes = Message::Carry { note, signature, hops: 0 }.encode().expect("fits");
        world.input(id(1), Input::Control { from: id(5), bytes });
        world.run(1_000);
    }
    assert_eq!(demoted(&world), BTreeSet::new());
    assert!(named(&world).contains(&id(11)) && named(&world).contains(&id(12)));
}

#[test]
fn a_complaint_goes_to_the_coordinator_alone_and_ends() {
    let mut world = World::demo(2);
    world.run(3_000);
    world.mute.insert(id(12));
    world.run(10_000);
    let complains = |world: &World, n: u8| world.said[&id(n)].1.complaints.contains(&id(12).prefix());
    assert!((2..=6).filter(|n| complains(&world, *n)).count() >= config::OWNERS_TO_DEMOTE);
    assert!(world.overheard_complaints.is_empty(), "{:?}", world.overheard_complaints);
    world.run(70_000);
    assert!((2..=6).all(|n| !complains(&world, n)));
}
