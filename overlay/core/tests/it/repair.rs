//! Somebody dies, lies or stands still; the others find another way.

use std::collections::BTreeMap;

use overlay_core::id::NodeId;
use overlay_core::io::{Audience, Command, Event, Input, Kind, LayerRate, Note, Output, Topic};
use overlay_core::node::Node;
use overlay_core::plan::Row;
use overlay_core::seat::Seat;
use overlay_core::time::Time;
use overlay_core::unit::{FrameInfo, Layer, TreeId, Unit, UnitHeader};
use overlay_core::wire::Message;

use crate::harness::{Blob, PLAIN, World, id, ladder, sign};

/// The longest gap that any receiver had of any source's layer since `since`.
fn worst_gap(world: &World, layer: Layer, since: overlay_core::time::Time) -> u128 {
    let mut worst = 0;
    for receiver in (1..=6).filter(|n| world.nodes.contains_key(&id(*n))) {
        for source in (1..=3).filter(|source| *source != receiver) {
            worst = worst.max(world.gap_ms(id(receiver), id(source), layer, since));
        }
    }
    worst
}

#[test]
fn a_relay_that_dies_is_replaced_through_a_backup() {
    let mut world = World::demo(2);
    world.run(3_000);
    let since = world.now;
    world.kill(id(11));
    world.run(6_000);
    let (sound, picture) = (worst_gap(&world, Layer::Audio, since), worst_gap(&world, Layer::P360, since));
    assert!(sound <= 60, "sound is doubled, and was away for {sound} ms");
    assert!(picture <= 300, "the picture was away for {picture} ms");
    for receiver in 4..=6 {
        for source in 1..=3 {
            let frames = world.frames(id(receiver), id(source), Layer::P360, since);
            let whole = frames.windows(2).all(|pair| pair[1].info.number == pair[0].info.number + 1);
            assert!(whole, "what was missing was pulled from the ring");
        }
    }
    assert!(world.has_event(id(1), &Event::Departed { peer: id(11), said_so: false }));
}

#[test]
fn when_both_relays_die_sound_comes_from_the_participants() {
    let mut world = World::demo(2);
    world.run(3_000);
    world.kill(id(11));
    world.kill(id(12));
    world.run(8_000);
    let since = world.now;
    world.run(3_000);
    assert!(worst_gap(&world, Layer::Audio, since) <= 60);
}

#[test]
fn a_relay_that_swallows_everything_is_left() {
    let mut world = World::demo(2);
    world.run(3_000);
    world.mute.insert(id(12));
    world.run(3_000);
    let since = world.now;
    world.run(3_000);
    // It still ticks, but others bring what it has and does not pass on; nobody goes back to it.
    assert!(worst_gap(&world, Layer::Audio, since) <= 60);
    for receiver in 4..=6 {
        for source in 1..=3 {
            assert!(world.frames(id(receiver), id(source), Layer::Audio, since).len() >= 145);
        }
    }
}

/// Who feeds whom now: of each node and tree.
fn parents(world: &World) -> Vec<(NodeId, TreeId, Option<NodeId>)> {
    let of = |(id, node): (&NodeId, &Node<Blob>)| {
        node.trees().map(|tree| (*id, tree.tree, tree.parent)).collect::<Vec<_>>()
    };
    world.nodes.iter().flat_map(of).collect()
}

#[test]
fn while_a_source_is_silent_everybody_stays_and_is_fed_when_it_speaks() {
    let mut world = World::demo(2);
    world.run(3_000);
    let before = parents(&world);
    world.is_silent(id(2));
    world.run(8_000);
    assert_eq!(parents(&world), before);
    world.speaks(id(2));
    let since = world.now;
    world.run(1_000);
    for receiver in [1, 3, 4, 5, 6] {
        let gap = world.gap_ms(id(receiver), id(2), Layer::Audio, since);
        assert!(gap <= 60, "{receiver} waited {gap} ms");
    }
}

#[test]
fn who_could_not_reach_the_parent_of_the_plan_yet_goes_there_once_it_can() {
    let mut world = World::demo(2);
    world.run(3_000);
    let late = world.add(7, Kind::Participant, 500);
    world.walls.extend([(late.min(id(11)), late.max(id(11))), (late.min(id(12)), late.max(id(12)))]);
    world.link(id(1), late);
    world.run(2_500);
    let parents = |world: &World| -> Vec<_> {
        let trees = world.nodes[&late].status().trees;
        trees.into_iter().filter_map(|tree| tree.parent).collect()
    };
    let sources = parents(&world);
    assert!(!sources.is_empty() && sources.iter().all(|parent| *parent < id(11)), "fed by participants");
    world.walls.clear();
    world.link(late, id(11));
    world.link(late, id(12));
    world.run(200);
    let relays = parents(&world);
    assert!(relays.iter().all(|parent| *parent >= id(11)), "fed by relays at once, not {relays:?}");
    assert_eq!(relays.len(), sources.len());
}

#[test]
fn a_link_that_breaks_between_the_living_is_gone_around() {
    let mut world = World::demo(2);
    world.run(3_000);
    let since = world.now;
    world.unlink(id(4), id(11));
    world.unlink(id(4), id(12));
    world.run(4_000);
    assert!(worst_gap(&world, Layer::Audio, since) <= 300);
}

#[test]
fn who_is_asked_by_a_node_above_it_refuses_the_loop() {
    use overlay_core::io::Input;
    use overlay_core::unit::TreeId;
    use overlay_core::wire::{Message, Refusal};

    let mut world = World::demo(2);
    world.run(3_000);
    // A receiver that hangs on a relay is asked by that very relay.
    let status = world.nodes[&id(5)].status();
    let tree = status.trees.iter().find(|tree| tree.parent.is_some()).expect("5 is fed");
    let (tree_id, feed, parent): (TreeId, u32, _) = (tree.tree, tree.feed, tree.parent.expect("as found"));
    let bytes = Message::Attach { tree: tree_id, feed, from: None, planned: false, feeds: false }
        .encode()
        .expect("fits");
    let node = world.nodes.get_mut(&id(5)).expect("alive");
    node.handle(world.now, Input::Control { from: parent, bytes });
    let mut answers = Vec::new();
    while let Some(output) = node.poll() {
        if let overlay_core::io::Output::Control { to, bytes } = output {
            answers.push((to, Message::decode(&bytes).expect("our own")));
        }
    }
    assert_eq!(answers, [(parent, Message::Refused { tree: tree_id, why: Refusal::Loop })]);
}

#[test]
fn a_child_that_can_t_keep_up_gets_nothing_more_of_the_picture_until_a_key_frame() {
    use overlay_core::io::Input;

    let mut world = World::demo(2);
    world.run(3_000);
    let status = world.nodes[&id(5)].status();
    let tree =
        status.trees.iter().find(|tree| tree.tree.layer == Layer::P360 && tree.taken).expect("a picture");
    let (tree, source, parent) = (tree.tree, tree.source, tree.parent.expect("fed"));
    let since = world.now;
    world.input(parent, Input::Dropped { peer: id(5), tree });
    world.run(2_000);
    // What was on its way still arrives, then comes a key frame, then for a while only the base layer.
    let frames = world.frames(id(5), source, Layer::P360, since + crate::harness::DELAY * 2);
    assert!(frames[0].info.key, "nothing before a key frame: {:?}", frames[0]);
    assert!(frames.len() > 20 && frames[1..20].iter().all(|got| got.info.temporal == 0));
    assert!(world.has_event(source, &Event::KeyWanted(Layer::P360)));
    assert!(world.gap_ms(id(5), source, Layer::Audio, since) <= 60, "sound just goes on");
}

#[test]
fn wishes_for_a_key_frame_are_merged_to_one_a_second() {
    use overlay_core::io::Command;

    let mut world = World::demo(2);
    world.run(3_000);
    let asked = |world: &World| {
        world
            .events
            .iter()
            .filter(|(who, event)| *who == id(1) && *event == Event::KeyWanted(Layer::P360))
            .count()
    };
    let before = asked(&world);
    for _ in 0..20 {
        for receiver in 2..=6 {
            world.command(id(receiver), Command::RequestKey { source: id(1), layer: Layer::P360 });
        }
        world.run(100);
    }
    let times = asked(&world) - before;
    assert!((1..=3).contains(&times), "{times} in two seconds");
}

#[test]
fn a_relay_outside_a_tree_joins_it_when_it_is_asked() {
    let mut world = World::new();
    // The source has uplink for one copy of its sound and its smallest picture.
    world.add(1, Kind::Participant, 350);
    world.add(2, Kind::Participant, 350);
    world.add(3, Kind::Participant, 350);
    for n in [11, 12, 13] {
        world.add(n, Kind::Relay, 20_000);
    }
    world.command(id(1), overlay_core::io::Command::Coordinate { term: 1 });
    for n in [2, 3, 11, 12, 13] {
        world.link(id(1), id(n));
    }
    world.command(id(1), overlay_core::io::Command::Send(crate::harness::ladder()));
    world.run(3_000);
    // Each tree has two relays, one of them warm; the third is outside.
    let inside = |world: &World, n| {
        let status = world.nodes[&id(n)].status();
        status.trees.iter().any(|tree| tree.tree.layer == Layer::Audio)
    };
    let (spare, used): (Vec<u8>, Vec<u8>) = [11, 12, 13].into_iter().partition(|n| !inside(&world, *n));
    assert_eq!(spare.len(), 1, "{used:?} are in the tree");
    let since = world.now;
    for relay in used {
        world.kill(id(relay));
    }
    world.run(1_500);
    assert!(inside(&world, spare[0]), "it has joined");
    assert!(world.gap_ms(id(2), id(1), Layer::Audio, since) <= 1_000);
}

#[test]
fn a_relay_that_joins_for_somebody_asks_from_where_that_one_lacks_frames() {
    let mut world = World::demo(6);
    world.run(3_000);
    let outside = |n: u8| {
        let trees = world.nodes[&id(n)].status().trees;
        let roots = (1..=3).flat_map(|source| world.nodes[&id(source)].status().trees);
        let mut roots = roots.filter(|tree| tree.parent.is_none() && !tree.children.is_empty());
        roots.find(|tree| trees.iter().all(|at| at.tree != tree.tree))
    };
    let (relay, place) = (11..17).find_map(|n| Some((id(n), outside(n)?))).expect("not all are in all");
    let (tree, feed) = (place.tree, place.feed);
    let child = world
        .linked()
        .find_map(|(a, b)| (b == relay && a != place.source).then_some(a))
        .expect("it has links");
    let ask = Message::Attach { tree, feed, from: Some(77), planned: false, feeds: false };
    let bytes = ask.encode().expect("fits");
    let node = world.nodes.get_mut(&relay).expect("it is up");
    node.handle(world.now, Input::Control { from: child, bytes });
    let asks = std::iter::from_fn(|| node.poll()).find_map(|output| match output {
        Output::Control { bytes, .. } => match Message::decode(&bytes) {
            Ok(Message::Attach { tree: of, from, .. }) if of == tree => Some(from),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(asks, Some(Some(77)), "with the last key frame alone its child would miss what is between");
}

/// Everybody of the demo, with its uplinks, in an order that `seed` draws; the relays come last.
fn relays_come_last(seed: u64, sources_kbps: u32) -> World {
    let mut world = World::new();
    let of_sources = [sources_kbps; 3];
    for (n, uplink_kbps) in (1..).zip(of_sources.into_iter().chain([500, 500, 500, 1_000])) {
        world.add(n, Kind::Participant, uplink_kbps);
    }
    world.command(id(1), Command::Coordinate { term: 1 });
    let order = (0..7).map(|at| (at * 3 + seed) % 7 + 1).filter(|n| *n != 1);
    for n in order {
        world.run(seed * 13 % 97);
        world.link(id(1), id(n as u8));
    }
    for n in 1..=3 {
        world.run(seed * 11 % 89);
        world.command(id(n), Command::Send(ladder()));
    }
    world.run(500);
    for n in [11, 12] {
        world.add(n, Kind::Relay, 20_000);
        world.link(id(1), id(n));
        world.run(seed * 7 % 50);
    }
    // By then what relays offer has grown twice, and nobody is on the move because of that.
    world.run(5_000 + seed * 17 % 400);
    world
}

#[test]
fn relays_that_come_last_carry_most_and_one_that_dies_is_not_missed() {
    for seed in 0..40 {
        let mut world = relays_come_last(seed, 2_100 + 100 * (seed as u32 % 12));
        let (since, before) = (world.now, world.carried.clone());
        world.run(1_000);
        let sent = |n| world.carried[&id(n)] - before[&id(n)];
        let relays = sent(11) + sent(12);
        let people: u64 = (1..=7).filter(|n| before.contains_key(&id(*n))).map(sent).sum();
        assert!(relays > people, "seed {seed}: relays {relays} B, people {people} B");
        world.kill(id(11 + (seed % 2) as u8));
        world.run(6_000);
        for (layer, most) in [(Layer::Audio, 60), (Layer::P360, 300)] {
            let gap = worst_gap(&world, layer, since);
            assert!(gap <= most, "seed {seed}: {layer:?} was away for {gap} ms");
        }
        let is_person = |id: &NodeId| id.0[0] <= 7;
        let departed = world.events.iter().filter_map(|(_, event)| match event {
            Event::Departed { peer, .. } => Some(*peer).filter(is_person),
            _ => None,
        });
        assert_eq!(departed.collect::<Vec<_>>(), [], "seed {seed}: a relay's death takes nobody with it");
    }
}

/// Node 1, which sends this to node 2 and has peers beside it, whose messages the test says; a second and a half later.
fn source_with_peers(uplink_kbps: u32, rates: Vec<LayerRate>, peers: u8) -> World {
    let mut world = World::new();
    world.add(1, Kind::Participant, uplink_kbps);
    world.command(id(1), Command::Coordinate { term: 1 });
    world.command(id(1), Command::Send(rates));
    world.add(2, Kind::Participant, 50);
    world.link(id(1), id(2));
    for n in 1..=peers {
        world.input(id(1), Input::Linked { peer: peer(n), admitted: PLAIN });
    }
    world.run(1_500);
    world
}

fn peer(n: u8) -> NodeId {
    id(50 + n)
}

#[test]
fn a_silent_child_gives_up_its_place_and_no_uplink_is_promised_twice() {
    let mut world = source_with_peers(320, vec![LayerRate { layer: Layer::Audio, kbps: 32 }], 4);
    let child = peer;
    let tree = world.nodes[&id(1)].trees().next().expect("it sends");
    let says = |world: &mut World, n: u8, message: Message| {
        let bytes = message.encode().expect("fits");
        world.input(id(1), Input::Control { from: child(n), bytes });
    };
    let attach =
        Message::Attach { tree: tree.tree, feed: tree.feed, from: None, planned: false, feeds: false };
    (1..=3).for_each(|n| says(&mut world, n, attach.clone()));
    let fed = |world: &World| world.nodes[&id(1)].trees().next().expect("it sends").children;
    assert_eq!(fed(&world), [id(2), child(1), child(2), child(3)], "75 kbit/s each");
    says(&mut world, 4, attach.clone());
    assert_eq!(fed(&world).len(), 4, "there is no room");
    // One says nothing more. It is not taken out for that alone.
    for _ in 0..4 {
        world.run(300);
        [1, 3].into_iter().for_each(|n| says(&mut world, n, Message::Tick { trees: Vec::new() }));
    }
    assert_eq!(fed(&world).len(), 4);
    says(&mut world, 4, attach);
    assert_eq!(fed(&world), [id(2), child(1), child(3), child(4)]);
}

#[test]
fn a_source_sends_away_one_of_several_in_a_small_picture_for_the_first_in_a_large_one() {
    let mut world = World::new();
    world.add(1, Kind::Participant, 1_600);
    world.command(id(1), Command::Coordinate { term: 1 });
    world.command(id(1), Command::Send(ladder()));
    for n in [2, 3] {
        world.add(n, Kind::Participant, 50);
        world.link(id(1), id(n));
    }
    world.command(id(3), Command::Look(vec![(id(1), Layer::P180)]));
    for n in 1..=10 {
        world.input(id(1), Input::Linked { peer: peer(n), admitted: PLAIN });
    }
    world.run(1_500);
    let asks = |world: &mut World, n: u8, layer: Layer, planned: bool| {
        let status = world.nodes[&id(1)].trees().find(|tree| tree.tree.layer == layer).expect("it sends");
        let ask = Message::Attach { tree: status.tree, feed: status.feed, from: None, planned, feeds: true };
        let bytes = ask.encode().expect("fits");
        world.input(id(1), Input::Control { from: peer(n), bytes });
    };
    let fed = |world: &World, layer: Layer| -> Vec<_> {
        let trees = world.nodes[&id(1)].trees().filter(|tree| tree.tree.layer == layer);
        trees.flat_map(|tree| tree.children).filter(|child| ![id(2), id(3)].contains(child)).collect()
    };
    let large = world.nodes[&id(1)].trees().find(|tree| tree.tree.layer == Layer::P360).expect("it sends");
    let bytes = Message::Detach { tree: large.tree }.encode().expect("fits");
    world.input(id(1), Input::Control { from: id(2), bytes });
    asks(&mut world, 9, Layer::Audio, false);
    (1..=8).for_each(|n| asks(&mut world, n, Layer::P180, false));
    let before = fed(&world, Layer::P180).len();
    assert!((3..8).contains(&before), "its uplink is full with {before} of 8");
    asks(&mut world, 10, Layer::P360, true);
    assert_eq!(fed(&world, Layer::P360), [peer(10)]);
    let after = fed(&world, Layer::P180).len();
    assert!(after >= 1 && after < before, "some of {before} went, {after} are left");
    assert_eq!(fed(&world, Layer::Audio), [peer(9)], "no sound goes for a picture");
}

#[test]
fn one_of_two_who_were_grafted_goes_for_one_of_the_plan_though_it_feeds_others() {
    let rates = ladder().into_iter().filter(|rate| rate.layer == Layer::P360).collect();
    let mut world = source_with_peers(1_400, rates, 3);
    let status = world.nodes[&id(1)].trees().find(|tree| tree.tree.layer == Layer::P360).expect("it sends");
    let (tree, feed) = (status.tree, status.feed);
    let detach = Message::Detach { tree }.encode().expect("fits");
    world.input(id(1), Input::Control { from: id(2), bytes: detach });
    let asks = |world: &mut World, n: u8, planned: bool| {
        let ask = Message::Attach { tree, feed, from: None, planned, feeds: true };
        let bytes = ask.encode().expect("fits");
        world.input(id(1), Input::Control { from: peer(n), bytes });
    };
    let fed = |world: &World| {
        let status = world.nodes[&id(1)].trees().find(|status| status.tree == tree).expect("it sends");
        status.children.into_iter().filter(|child| *child != id(2)).collect::<Vec<_>>()
    };
    asks(&mut world, 1, false);
    asks(&mut world, 2, false);
    assert_eq!(fed(&world), [peer(1), peer(2)], "its uplink is full");
    asks(&mut world, 3, false);
    assert_eq!(fed(&world), [peer(1), peer(2)], "grafts don't push each other out");
    asks(&mut world, 3, true);
    assert_eq!(fed(&world), [peer(1), peer(3)], "the last that came goes, the first is fed on");
    asks(&mut world, 2, true);
    assert_eq!(fed(&world), [peer(1), peer(3)], "a single one that feeds others stays");
}

/// What was said to one who asked, and by whom.
type Answers = Vec<(NodeId, Vec<u8>)>;

#[test]
fn a_yes_that_comes_late_is_a_yes_while_nobody_else_has_said_so() {
    let mut world = World::demo(2);
    world.run(3_000);
    world.late = Some(Vec::new());
    world.kill(id(12));
    world.run(480);
    let feeds = |world: &World, node: NodeId, who: NodeId, tree: TreeId| {
        let trees = world.nodes[&node].status().trees;
        trees.iter().any(|at| at.tree == tree && at.children.contains(&who))
    };
    let mut answers: BTreeMap<(NodeId, TreeId), Answers> = BTreeMap::new();
    for (from, to, bytes) in world.late.take().expect("answers were held back") {
        let Ok(Message::Accepted { tree, .. }) = Message::decode(&bytes) else { panic!("ours") };
        if feeds(&world, from, to, tree) {
            answers.entry((to, tree)).or_default().push((from, bytes));
        }
    }
    let waits = answers.into_iter().find(|(_, answers)| answers.len() >= 2);
    let ((who, tree), answers) = waits.expect("another was asked when the first did not answer");
    let (first, bytes) = answers[0].clone();
    world.input(who, Input::Control { from: first, bytes });
    world.run(100);
    let parent = parents(&world).into_iter().find(|(node, of, _)| (*node, *of) == (who, tree));
    assert_eq!(parent.and_then(|(.., parent)| parent), Some(first));
    let feeders = world.nodes.keys().filter(|node| feeds(&world, **node, who, tree));
    assert_eq!(
        feeders.copied().collect::<Vec<_>>(),
        [first],
        "others who were asked know that they are not needed"
    );
}

/// What a node says now, and to whom.
fn said(node: &mut Node<Blob>) -> Vec<(NodeId, Message)> {
    let outputs = std::iter::from_fn(|| node.poll());
    let said = outputs.filter_map(|output| match output {
        Output::Control { to, bytes } => Some((to, Message::decode(&bytes).expect("ours"))),
        _ => None,
    });
    said.collect()
}

#[test]
fn a_parent_that_was_silent_for_a_moment_is_gone_back_to_soon() {
    let mut world = World::demo(2);
    world.run(3_000);
    let (who, before) = (id(4), world.nodes[&id(4)].status().trees);
    let (node, mut now) = (world.nodes.get_mut(&who).expect("it is up"), world.now);
    let mut pass = |node: &mut Node<Blob>, millis: u64| {
        now = now + std::time::Duration::from_millis(millis);
        node.handle(now, Input::Timer);
        now
    };
    pass(node, 200);
    let asked = said(node).into_iter().find_map(|(to, message)| match message {
        Message::Attach { tree, feed, planned: false, .. } => Some((to, tree, feed)),
        _ => None,
    });
    let (backup, tree, feed) = asked.expect("nothing came for 200 ms");
    let at = before.iter().find(|at| at.tree == tree).expect("it was in it");
    let (source, parent) = (at.source, at.parent.expect("it was fed"));
    let hears = |node: &mut Node<Blob>, now, from, message: Message| {
        node.handle(now, Input::Control { from, bytes: message.encode().expect("fits") });
    };
    let now = pass(node, 10);
    hears(node, now, backup, Message::Accepted { tree, feed, live: true, path: vec![source, backup] });
    hears(node, now, parent, Message::Tick { trees: Vec::new() });
    let goes_back = |said: Vec<(NodeId, Message)>| {
        said.iter().any(|(to, message)| {
            *to == parent && matches!(message, Message::Attach { tree: of, planned: true, .. } if *of == tree)
        })
    };
    assert!(!goes_back(said(node)), "the one who said yes feeds at first");
    let goes_back_soon = |node: &mut Node<Blob>, pass: &mut dyn FnMut(&mut Node<Blob>, u64) -> Time| {
        (0..5).any(|_| {
            pass(node, 100);
            goes_back(said(node))
        })
    };
    assert!(!goes_back_soon(node, &mut pass), "whoever keeps everything to itself says as much");
    let other = before.iter().find(|at| at.parent == Some(parent) && at.tree != tree).expect("it feeds more");
    let frame = FrameInfo { number: 10_000, key: true, temporal: 0 };
    let header = UnitHeader { tree: other.tree, feed: other.feed, frame, k: 1, m: 0, hop: 1 };
    let now = pass(node, 10);
    node.handle(now, Input::Unit { from: parent, unit: Unit { header, payload: Blob(80) } });
    assert!(goes_back_soon(node, &mut pass), "it feeds, and the plan has it there");
}

#[test]
fn who_was_tried_when_the_plan_names_it_is_a_parent_and_goes_on_feeding() {
    let mut world = World::demo(2);
    world.run(3_000);
    let (who, tree, before) = parents(&world)
        .into_iter()
        .find_map(|(who, tree, parent)| {
            let watches = who >= id(4) && who <= id(6) && !tree.layer.is_audio();
            watches.then_some((who, tree, parent?))
        })
        .expect("somebody watches");
    let feeds = |world: &World, parent: NodeId| {
        let at = world.nodes[&parent].status().trees.into_iter().find(|at| at.tree == tree);
        at.is_some_and(|at| at.children.contains(&who))
    };
    // Everybody keeps everything back, until another parent is tried.
    world.mute.extend((1..=12).map(id));
    let tried = (0..250).find_map(|_| {
        world.run(20);
        world.nodes.keys().copied().find(|other| *other != before && feeds(&world, *other))
    });
    let other = tried.expect("another is tried");

    let mut seat = world.seat_of[&who].clone();
    seat.number += 1;
    seat.rows.get_mut(&tree).expect("it is in the tree").parent = other;
    seat.peers.entry(other).or_default();
    let body = seat.encode().expect("fits");
    let (origin, serial) = (id(1), 1 << 40);
    let note = Note { origin, serial, topic: Topic::Seat, audience: Audience::One(who), body };
    let signature = sign(&note);
    let bytes = Message::Carry { note, signature, hops: 0 }.encode().expect("fits");
    world.input(who, Input::Control { from: id(1), bytes });
    world.run(40);
    // The answer of the parent before to what it was asked before that.
    let at = world.nodes[&who].status().trees.into_iter().find(|at| at.tree == tree).expect("it is in it");
    let late = Message::Accepted { tree, feed: at.feed, live: true, path: vec![at.source, before] };
    let bytes = late.encode().expect("fits");
    world.input(who, Input::Control { from: before, bytes });
    world.run(1_000);
    assert!(feeds(&world, other), "whom the plan names was tried before, and feeds on");
    assert!(feeds(&world, before), "the one before feeds until that one brings something");
    world.mute.clear();
    let since = world.now;
    world.run(3_000);
    let came = world.frames(who, at.source, tree.layer, since).len();
    assert!(came >= 60, "{came} pictures in 3 s");
}

/// The first says to somebody that it hangs on another in one tree.
fn reseat(world: &mut World, who: NodeId, number: u32, tree: TreeId, parent: NodeId) {
    let mut rows = world.seat_of[&who].rows.clone();
    if let Some(row) = rows.get_mut(&tree) {
        *row = Row { parent, backups: Vec::new(), takes: row.takes };
    }
    world.tell_seat(who, &Seat { term: 1, number, rows, ..Seat::default() });
}

#[test]
fn who_is_asked_again_before_it_is_left_feeds_on() {
    let mut world = World::demo(2);
    world.run(3_000);
    let relays = [id(11), id(12)];
    let rows = &world.seat_of[&id(5)].rows;
    let (tree, first) = rows
        .iter()
        .find(|(_, row)| relays.contains(&row.parent))
        .map(|(tree, row)| (*tree, row.parent))
        .expect("a relay feeds it");
    let second = if first == relays[0] { relays[1] } else { relays[0] };
    let (source, feed) = world.nodes[&id(5)]
        .trees()
        .find(|status| status.tree == tree)
        .map(|status| (status.source, status.feed))
        .expect("it is in it");
    // Sent to the second, and back before anything came from there.
    reseat(&mut world, id(5), 1_000, tree, second);
    let accepted = Message::Accepted { tree, feed, live: true, path: vec![source, second] };
    let bytes = accepted.encode().expect("fits");
    world.input(id(5), Input::Control { from: second, bytes });
    reseat(&mut world, id(5), 1_001, tree, first);
    let number =
        world.frames(id(5), source, tree.layer, Time::ZERO).last().expect("it was fed").info.number + 1;
    let frame = FrameInfo { number, key: false, temporal: 0 };
    let header = UnitHeader { tree, feed, frame, k: 1, m: 0, hop: 1 };
    world.unit(second, id(5), Unit { header, payload: Blob(100) });
    world.run(300);
    let parent =
        world.nodes[&id(5)].trees().find(|status| status.tree == tree).and_then(|status| status.parent);
    assert_eq!(parent, Some(first));
    let children =
        world.nodes[&first].trees().find(|status| status.tree == tree).map(|status| status.children);
    assert!(
        children.is_some_and(|children| children.contains(&id(5))),
        "it feeds whoever takes it for its parent"
    );
}
