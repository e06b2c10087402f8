//! Who said it: lists follow the units, and whoever alters one loses its edges, and nobody else.

use std::collections::BTreeSet;
use std::time::Duration;

use overlay_core::config;
use overlay_core::id::NodeId;
use overlay_core::io::{Command, Event, Input, Kind, Signature};
use overlay_core::list::List;
use overlay_core::time::Time;
use overlay_core::unit::{Layer, TreeId};
use overlay_core::wire::Message;

use crate::harness::{Got, World, id, ladder, sign_list};

/// Everybody who was blamed for something.
fn blamed(world: &World) -> BTreeSet<NodeId> {
    let blamed = world.events.iter().filter_map(|(_, event)| match event {
        Event::Blame { peer, .. } => Some(*peer),
        _ => None,
    });
    blamed.collect()
}

/// What a node says of the units of the sources that it takes.
fn verdicts(world: &World, who: u8) -> Vec<Option<bool>> {
    let status = world.nodes[&id(who)].status();
    status.trees.iter().filter(|tree| tree.taken).map(|tree| tree.verified).collect()
}

/// Frames that were handed over as the source made them, each once.
fn true_frames(got: &[Got]) -> usize {
    let size =
        |got: &Got| ladder().iter().find(|rate| rate.layer == got.layer).map(|rate| rate.kbps as usize);
    let is_true = |got: &&Got| {
        let ms = if got.layer.is_audio() { 20 } else { 40 };
        size(got).map(|kbps| kbps * 125 * ms / 1000) == Some(got.size)
    };
    got.iter().filter(is_true).count()
}

#[test]
fn whatever_comes_is_verified_within_a_second_and_whoever_comes_later_finds_lists_too() {
    let mut world = World::demo(2);
    let told =
        |world: &World, source: u8| world.has_event(id(5), &Event::Verified { peer: id(source), all: true });
    let mut told_at = [None; 3];
    for _ in 0..400 {
        world.run(10);
        for (source, at) in (1..=3).zip(&mut told_at) {
            *at = at.or(told(&world, source).then_some(world.now));
        }
    }
    for (source, at) in (1..=3).zip(told_at) {
        let came = world.got[&id(5)].iter().find(|got| got.source == id(source)).expect("frames").at;
        let after = at.expect("verified").since(came);
        assert!(after <= Duration::from_secs(1), "{source} after {after:?}");
    }
    for who in 4..=6 {
        let verdicts = verdicts(&world, who);
        assert!(verdicts.len() >= 6 && verdicts.iter().all(|verdict| *verdict == Some(true)), "{verdicts:?}");
    }
    world.add(7, Kind::Participant, 1_500);
    world.link(id(7), id(11));
    world.run(1_500);
    let verdicts = verdicts(&world, 7);
    assert!(verdicts.len() >= 6 && verdicts.iter().all(|verdict| *verdict == Some(true)), "{verdicts:?}");
    assert_eq!(blamed(&world), BTreeSet::new());
    // While nothing comes there is nothing that could be verified.
    world.is_silent(id(2));
    world.run(3_000);
    assert!(world.has_event(id(5), &Event::Verified { peer: id(2), all: false }));
    assert!(!world.has_event(id(5), &Event::Verified { peer: id(1), all: false }));
}

#[test]
fn a_relay_that_alters_units_is_cut_off_by_all_and_costs_no_sound() {
    let mut world = World::demo(2);
    world.run(3_000);
    let feeds = world.nodes[&id(11)].status().trees.iter().any(|tree| !tree.children.is_empty());
    assert!(feeds, "it has whom to lie to");
    world.forgers.insert(id(11));
    let since = world.now;
    world.run(5_000);
    assert_eq!(
        blamed(&world),
        BTreeSet::from([id(11)]),
        "the other relay passed some of it on, and is not blamed"
    );
    assert_eq!(world.nodes[&id(11)].status().trees.iter().map(|tree| tree.children.len()).sum::<usize>(), 0);
    for who in 1..=6 {
        for source in (1..=3).filter(|source| *source != who) {
            let sound = world.frames(id(who), id(source), Layer::Audio, since);
            // Each comes by a second tree, or is mended by the time that anybody could have noticed: a gap of half a second
            // at most until the liar is cut off.
            let due = 5_000 / 20;
            assert!(
                true_frames(&sound) + 30 >= due,
                "{who} has {} of {due} of {source}",
                true_frames(&sound)
            );
            let after = world.frames(id(who), id(source), Layer::Audio, world.now - Duration::from_secs(3));
            assert!(after.len() >= 148 && true_frames(&after) == after.len(), "nothing altered any more");
        }
    }
    // It is left alone for as long as whoever breaks the protocol is, and no longer.
    assert!(verdicts(&world, 5).iter().all(|verdict| *verdict == Some(true)));
}

/// A source, a relay that only it can reach, a relay that only that one can reach, and two who only reach the second.
fn in_a_row() -> World {
    let mut world = World::new();
    for n in [1, 5, 6] {
        world.add(n, Kind::Participant, 1_500);
    }
    for n in [11, 12] {
        world.add(n, Kind::Relay, 20_000);
    }
    for (a, b) in [(1, 12), (1, 5), (1, 6), (5, 11), (6, 11), (5, 6)] {
        world.walls.insert((id(a), id(b)));
    }
    world.command(id(1), Command::Coordinate { term: 1 });
    for (a, b) in [(1, 11), (11, 12), (12, 5), (12, 6)] {
        world.link(id(a), id(b));
    }
    world.command(id(1), Command::Send(ladder()));
    world.run(8_000);
    let is_fed_by_12 = |tree: &overlay_core::status::TreeStatus| !tree.taken || tree.parent == Some(id(12));
    assert!(world.nodes[&id(5)].trees().all(|tree| is_fed_by_12(&tree)));
    assert!(verdicts(&world, 5).contains(&Some(true)));
    world
}

#[test]
fn an_honest_relay_below_a_liar_takes_back_what_it_passed_on_and_is_not_blamed() {
    let mut world = in_a_row();
    let since = world.now;
    world.forgers.insert(id(11));
    world.run(1_500);
    let got = world.frames(id(5), id(1), Layer::Audio, since);
    assert!(true_frames(&got) < got.len(), "some of it had come through");
    assert_eq!(blamed(&world), BTreeSet::from([id(11)]));
    assert!(world.is_linked(id(12), id(5)) && world.is_linked(id(12), id(6)));
    assert!(world.nodes[&id(12)].trees().all(|tree| tree.parent.is_none()), "and it feeds nobody");
}

#[test]
fn a_relay_that_keeps_lists_back_is_left_for_another_and_not_blamed() {
    let mut world = World::demo(2);
    world.hushers.insert(id(11));
    world.run(4_000);
    let since = world.now;
    world.run(8_000);
    assert_eq!(blamed(&world), BTreeSet::new());
    for who in 4..=6 {
        assert!(verdicts(&world, who).iter().all(|verdict| *verdict == Some(true)), "{who}");
        for source in 1..=3 {
            assert!(
                world.gap_ms(id(who), id(source), Layer::Audio, since) < 100,
                "nothing is lost by moving"
            );
        }
    }
}

#[test]
fn a_source_that_signs_nothing_is_heard_all_the_same() {
    let mut world = World::demo(2);
    world.hushers.insert(id(2));
    world.run(20_000);
    assert_eq!(blamed(&world), BTreeSet::new());
    let status = world.nodes[&id(5)].status();
    let of_two = status.trees.iter().filter(|tree| tree.taken && tree.source == id(2));
    assert!(of_two.clone().count() > 0);
    assert!(of_two.clone().all(|tree| tree.verified == Some(false)));
    assert!(
        !world
            .events
            .iter()
            .any(|(_, event)| matches!(event, Event::Verified { peer, .. } if *peer == id(2)))
    );
    let since = Time(5_000_000_000);
    let gap = world.gap_ms(id(5), id(2), Layer::Audio, since);
    assert!(gap < 100, "{gap} ms");
}

/// Who feeds 5 some tree, and a list of that tree which its source never made.
fn a_list(world: &World) -> (NodeId, List) {
    let fed = world.nodes[&id(5)].trees().find(|tree| tree.taken && tree.parent.is_some()).expect("a tree");
    let list = List { tree: fed.tree, feed: fed.feed, first: 1_000, which: 1, hashes: vec![9; 16] };
    (fed.parent.expect("a parent"), list)
}

#[test]
fn a_list_that_its_source_did_not_sign_costs_whoever_brought_it_the_link() {
    let mut world = World::demo(2);
    world.run(3_000);
    let (parent, list) = a_list(&world);
    // Signed by a member, though not by the source.
    let signature = sign_list(id(6), &list);
    let bytes = Message::List { list: list.clone(), signature }.encode().expect("fits");
    world.input(id(5), Input::Control { from: parent, bytes: bytes.clone() });
    world.run(50);
    assert_eq!(blamed(&world), BTreeSet::from([parent]));
    // From who doesn't feed it, it is not even looked at.
    let feeds = world.nodes[&id(5)].trees().find(|of| of.tree == list.tree).and_then(|of| of.parent);
    let is_other =
        |other: &NodeId| *other != id(5) && Some(*other) != feeds && world.is_linked(id(5), *other);
    let other = (1..=6).map(id).find(is_other).expect("one");
    world.events.clear();
    for _ in 0..20 {
        world.input(id(5), Input::Control { from: other, bytes: bytes.clone() });
    }
    world.run(50);
    assert_eq!(blamed(&world), BTreeSet::new());
}

#[test]
fn checks_of_lists_and_what_is_kept_of_them_are_bounded() {
    let mut world = World::demo(1);
    world.run(3_000);
    let (parent, list) = a_list(&world);
    let node = world.nodes.get_mut(&id(5)).expect("alive");
    let mut asked = 0;
    for first in 0..1_000 {
        let list = List { first: 5_000 + first, ..list.clone() };
        let bytes = Message::List { list, signature: Signature([0; 64]) }.encode().expect("fits");
        node.handle(world.now, Input::Control { from: parent, bytes });
        while let Some(output) = node.poll() {
            asked += usize::from(matches!(output, overlay_core::io::Output::VetList { .. }));
        }
    }
    assert_eq!(asked, config::LISTS_IN_CHECK_MAX);
    let short = List { which: 3, ..list.clone() };
    let outside = List { tree: TreeId { slot: config::SLOTS, ..list.tree }, ..list };
    for list in [short, outside] {
        let bytes = Message::List { list, signature: Signature([0; 64]) }.encode().expect("fits");
        assert!(Message::decode(&bytes).is_err());
    }
}
