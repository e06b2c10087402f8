//! More sources than places: who is heard and seen, and how fast that changes.

use overlay_core::config;
use overlay_core::io::{Claim, Command, Event, Kind, Part};
use overlay_core::unit::Layer;

use crate::harness::{World, id, ladder};

/// Six sources for four places and the main one (of which nobody has claimed any), two who listen, two relays.
fn crowd() -> World {
    let mut world = World::demo(2);
    for n in 7..=8 {
        world.add(n, Kind::Participant, 1_500);
        world.link(id(1), id(n));
    }
    world.command(id(1), Command::Floor { gallery: 1, claims: Vec::new() });
    for n in 4..=6 {
        world.command(id(n), Command::Send(ladder()));
    }
    world.run(3_000);
    world
}

fn claims(all: &[(Part, u8)]) -> Command {
    let claim = |(part, n): &(Part, u8)| Claim { part: *part, source: id(*n) };
    Command::Floor { gallery: 1, claims: all.iter().map(claim).collect() }
}

#[test]
fn on_a_crowded_stage_three_are_heard_and_one_more_is_seen() {
    let mut world = crowd();
    let since = world.now;
    world.run(1_000);
    let all = |world: &World, since, layer| {
        (1..=6).filter(|n| !world.frames(id(8), id(*n), layer, since).is_empty()).count()
    };
    let counts = [Layer::Audio, Layer::P180, Layer::P360].map(|layer| all(&world, since, layer));
    assert_eq!(counts, [3, 4, 0], "nobody is in front yet");
    let off = (1..=6).filter(|n| world.has_event(id(*n), &Event::OffStage)).count();
    assert_eq!(off, 2, "who has no place knows it");
    assert!((1..=8).all(|n| world.has_event(id(n), &Event::Crowded(true))));
    for n in 5..=6 {
        world.command(id(n), Command::Send(Vec::new()));
    }
    world.run(1_000);
    assert!((1..=8).all(|n| world.has_event(id(n), &Event::Crowded(false))));
    let since = world.now;
    world.run(1_000);
    assert_eq!(all(&world, since, Layer::Audio), 4, "a place for everybody again");
}

#[test]
fn who_is_given_the_floor_is_heard_everywhere_soon_and_others_go_on() {
    let mut world = crowd();
    let voices: Vec<u8> = (1..=6)
        .filter(|n| world.nodes[&id(*n)].status().on_stage.is_some_and(|(slot, _)| slot < config::VOICES))
        .collect();
    let newcomer = (1..=6).find(|n| world.nodes[&id(*n)].status().on_stage.is_none()).expect("off the stage");
    let (kept, given) = ([voices[0], voices[1]], voices[2]);
    let since = world.now;
    world.command(
        id(1),
        claims(&[
            (Part::Front, newcomer),
            (Part::Voice, kept[0]),
            (Part::Voice, kept[1]),
            (Part::Gallery, given),
        ]),
    );
    world.run(2_000);
    for receiver in (1..=8).filter(|n| *n != newcomer) {
        let sound = world.frames(id(receiver), id(newcomer), Layer::Audio, since);
        let first = sound.first().expect("heard").at.since(since);
        assert!(first.as_millis() <= 500, "{receiver} hears {newcomer} after {first:?}");
        let missed = sound.windows(2).find(|pair| pair[1].info.number != pair[0].info.number + 1);
        assert_eq!((sound[0].info.number, missed), (0, None), "from its first word on");
        for other in kept.into_iter().filter(|other| *other != receiver) {
            let gap = world.gap_ms(id(receiver), id(other), Layer::Audio, since);
            assert!(gap <= 60, "{receiver} misses {other} for {gap} ms");
        }
        let seen = world.frames(id(receiver), id(newcomer), Layer::P360, since);
        assert!(!seen.is_empty(), "{receiver} sees who is in front");
        if receiver != given {
            let last = world.frames(id(receiver), id(given), Layer::Audio, since).last().map(|got| got.at);
            assert!(last.is_none_or(|at| at.since(since).as_millis() < 500), "whoever made way is not heard");
            assert!(world.frames(id(receiver), id(given), Layer::P180, since).len() > 10, "and is seen");
        }
    }
    let told = Event::OnStage { slot: 0, feed: 0, layers: Vec::new() };
    let told = world.events.iter().rev().find(|(who, event)| {
        *who == id(newcomer) && std::mem::discriminant(event) == std::mem::discriminant(&told)
    });
    let Some((_, Event::OnStage { layers, .. })) = told else { panic!("it knows what it sends") };
    assert_eq!(layers[..], [Layer::Audio, Layer::P180, Layer::P360]);
}

#[test]
fn a_front_that_changes_costs_nobody_a_frame_of_sound() {
    let mut world = crowd();
    let voices: Vec<u8> = (1..=6)
        .filter(|n| world.nodes[&id(*n)].status().on_stage.is_some_and(|(slot, _)| slot < config::VOICES))
        .collect();
    let mut feeds = Vec::new();
    let since = world.now;
    for turn in 0..6 {
        let mut parts = [(Part::Voice, voices[0]), (Part::Voice, voices[1]), (Part::Voice, voices[2])];
        parts[turn % 3].0 = Part::Front;
        world.command(id(1), claims(&parts));
        world.run(1_000);
        feeds.push(voices.iter().map(|n| world.nodes[&id(*n)].status().on_stage).collect::<Vec<_>>());
    }
    assert!(feeds.windows(2).all(|pair| pair[0] == pair[1]), "they stay where they are");
    for receiver in 7..=8 {
        for source in &voices {
            let sound = world.frames(id(receiver), id(*source), Layer::Audio, since);
            assert!(sound.len() >= 299, "{receiver} hears {} frames of {source}", sound.len());
        }
    }
}
