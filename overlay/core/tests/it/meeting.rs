//! A meeting that goes well: joining, sending, leaving, removing, coming back.

use overlay_core::id::NodeId;
use overlay_core::io::{Audience, Command, Event, Input, Kind, LayerRate, Note, Topic};
use overlay_core::plan::Row;
use overlay_core::seat::Seat;
use overlay_core::unit::{Layer, TreeId};
use overlay_core::wire::Message;

use crate::harness::{PLAIN, World, id, ladder, sign};

#[test]
fn everybody_gets_the_larger_picture_and_the_sound_through_relays() {
    let mut world = World::demo(2);
    world.run(2_000);
    let since = world.now;
    world.run(4_000);
    for receiver in 1..=6 {
        for source in (1..=3).filter(|source| *source != receiver) {
            let sound = world.frames(id(receiver), id(source), Layer::Audio, since);
            let picture = world.frames(id(receiver), id(source), Layer::P360, since);
            assert!(sound.len() >= 199, "sound of {source} at {receiver}: {}", sound.len());
            assert!(picture.len() >= 99, "picture of {source} at {receiver}: {}", picture.len());
            for frames in [sound, picture] {
                let in_order = frames.windows(2).all(|pair| pair[1].info.number == pair[0].info.number + 1);
                assert!(in_order, "each frame once and in order");
            }
        }
    }
    let relayed: u64 = [id(11), id(12)].iter().map(|relay| world.carried[relay]).sum();
    let all: u64 = world.carried.values().sum();
    assert!(relayed * 2 > all, "relays carry most: {relayed} of {all}");
}

#[test]
fn a_source_hears_that_it_is_on_the_stage_and_a_watcher_what_comes() {
    let mut world = World::demo(1);
    world.run(1_500);
    let on_stage = |event: &Event| matches!(event, Event::OnStage { .. });
    assert!(world.events.iter().any(|(who, event)| *who == id(2) && on_stage(event)));
    assert!(world.has_event(id(4), &Event::Source { peer: id(2), layer: Some(Layer::P360) }));
    assert!(world.has_event(id(5), &Event::Arrived { peer: id(2), kind: Kind::Participant }));
    world.command(id(2), Command::Send(Vec::new()));
    world.run(1_500);
    assert!(world.has_event(id(2), &Event::OffStage));
    assert!(world.has_event(id(4), &Event::Source { peer: id(2), layer: None }));
    let since = world.now;
    world.run(1_000);
    assert!(world.frames(id(4), id(2), Layer::Audio, since).is_empty());
}

#[test]
fn a_source_that_starts_anew_gets_a_larger_feed() {
    let mut world = World::demo(2);
    world.run(2_000);
    let before = world.nodes[&id(2)].status().on_stage.expect("on stage");
    world.command(id(2), Command::Send(ladder()));
    world.run(1_000);
    let after = world.nodes[&id(2)].status().on_stage.expect("on stage again");
    assert_eq!(after.0, before.0, "the same slot");
    assert!(after.1 > before.1, "a larger feed");
    let since = world.now;
    world.run(1_000);
    let frames = world.frames(id(6), id(2), Layer::P360, since);
    assert!(frames.len() >= 24 && frames.iter().all(|got| got.feed == after.1));
}

#[test]
fn who_joins_late_starts_at_a_key_frame() {
    let mut world = World::demo(2);
    world.run(3_000);
    world.add(7, Kind::Participant, 1_500);
    let joined = world.now;
    world.link(id(7), id(11));
    world.run(2_500);
    for source in 1..=3 {
        let pictures = world.frames(id(7), id(source), Layer::P360, joined);
        assert!(pictures[0].info.key, "the first of {source} is a key frame");
        assert!(pictures[0].at.since(joined).as_millis() < 1_500, "first picture");
        let sound = world.frames(id(7), id(source), Layer::Audio, joined);
        assert!(sound[0].at.since(joined).as_millis() < 1_000, "first sound");
    }
}

#[test]
fn who_leaves_is_gone_at_once_and_says_so() {
    let mut world = World::demo(2);
    world.run(2_000);
    world.command(id(3), Command::Leave);
    world.run(500);
    for other in [1, 2, 4, 5, 6, 11] {
        assert!(world.has_event(id(other), &Event::Departed { peer: id(3), said_so: true }), "{other}");
    }
    world.command(id(5), Command::Leave);
    world.run(500);
    let left = |peer| Event::Departed { peer, said_so: true };
    assert!(world.has_event(id(1), &left(id(5))) && !world.has_event(id(4), &left(id(5))));
    assert!(world.has_event(id(4), &Event::Source { peer: id(3), layer: None }));
}

#[test]
fn a_relay_that_leaves_is_not_missed() {
    let mut world = World::demo(2);
    world.run(2_000);
    let since = world.now;
    world.command(id(11), Command::Leave);
    world.run(3_000);
    for receiver in 4..=6 {
        for source in 1..=3 {
            let gap = world.gap_ms(id(receiver), id(source), Layer::Audio, since);
            assert!(gap <= 150, "{receiver} misses {source} for {gap} ms");
        }
    }
}

#[test]
fn who_is_shut_out_gets_nothing_and_is_heard_no_more() {
    let mut world = World::demo(2);
    world.run(2_000);
    for other in [1, 2, 3, 4, 5, 11, 12] {
        world.command(id(other), Command::Shut(id(6)));
    }
    world.run(500);
    let since = world.now;
    world.command(id(6), Command::Say { to: Audience::Everybody, body: b"let me in".to_vec() });
    world.link(id(6), id(11));
    world.run(3_000);
    assert!(world.got[&id(6)].iter().all(|got| got.at < since), "nothing reaches it");
    let heard = |event: &Event| matches!(event, Event::Keys { from, .. } if *from == id(6));
    assert!(!world.events.iter().any(|(_, event)| heard(event)), "nothing is heard of it");
    assert!(world.nodes[&id(11)].status().members.iter().all(|member| member.id != id(6)));
}

#[test]
fn who_is_shut_out_learns_it_from_the_last_note() {
    let mut world = World::demo(2);
    world.run(3_000);
    let others = [1, 2, 3, 4, 5, 11, 12];
    for other in others {
        // Everybody takes it that the guest gets the coordinator's notes another way.
        let bytes = Message::Lazy { origin: id(1) }.encode().expect("short");
        world.input(id(other), Input::Control { from: id(6), bytes });
    }
    world.command(id(1), Command::Say { to: Audience::Everybody, body: b"six goes".to_vec() });
    world.run(50);
    for other in others {
        world.command(id(other), Command::Shut(id(6)));
    }
    world.run(500);
    assert!(world.has_event(id(6), &Event::Keys { from: id(1), body: b"six goes".to_vec() }));
}

#[test]
fn of_what_stands_only_the_last_reaches_those_who_come_later_and_nothing_is_pushed_out_by_it() {
    let mut world = World::demo(2);
    world.run(2_500);
    world.command(id(2), Command::Say { to: Audience::Everybody, body: b"kept".to_vec() });
    world.command(id(2), Command::SayStanding { which: 1, body: b"stands".to_vec() });
    for n in 0..100 {
        world.command(id(2), Command::SayStanding { which: 0, body: vec![n] });
        world.run(20);
    }
    world.run(1_000);
    world.add(7, Kind::Participant, 1_500);
    world.link(id(7), id(12));
    world.run(2_000);
    let heard = |body: &[u8]| Event::Keys { from: id(2), body: body.to_vec() };
    for body in [&b"kept"[..], b"stands", &[99]] {
        assert!(world.has_event(id(7), &heard(body)), "{body:?}");
    }
    assert!(!world.has_event(id(7), &heard(&[98])), "what was replaced is told no more");
    assert!((0..100).all(|n| world.has_event(id(5), &heard(&[n]))), "who is there hears each");
}

#[test]
fn key_notes_reach_those_who_come_later() {
    let mut world = World::demo(2);
    world.run(1_000);
    for n in 0..5 {
        world.command(id(2), Command::Say { to: Audience::Everybody, body: vec![n] });
    }
    world.run(1_000);
    world.add(7, Kind::Participant, 1_500);
    world.link(id(7), id(12));
    world.run(2_000);
    for n in 0..5 {
        assert!(world.has_event(id(7), &Event::Keys { from: id(2), body: vec![n] }), "note {n}");
    }
    let at_five = |event: &Event| matches!(event, Event::Keys { from, .. } if *from == id(2));
    let count = world.events.iter().filter(|(who, event)| *who == id(5) && at_five(event)).count();
    assert_eq!(count, 5, "each once");
}

#[test]
fn a_coordinator_that_comes_back_with_a_higher_term_disturbs_nobody() {
    let mut world = World::demo(2);
    world.run(3_000);
    world.kill(id(1));
    world.run(1_500);
    let since = world.now;
    world.add_with_serial(1, Kind::Participant, 1_500, 1_000_000);
    world.command(id(1), Command::Coordinate { term: 2 });
    world.link(id(1), id(11));
    world.command(id(1), Command::Send(ladder()));
    world.run(4_000);
    for node in world.nodes.values() {
        assert_eq!(node.status().term, 2, "{}", node.status().me);
    }
    for receiver in 4..=6 {
        for source in 2..=3 {
            let gap = world.gap_ms(id(receiver), id(source), Layer::Audio, since);
            assert!(gap <= 60, "{receiver} misses {source} for {gap} ms");
        }
        let frames = |layer| world.frames(id(receiver), id(1), layer, since).len();
        assert!(frames(Layer::P360) > 40, "{} and {} smaller ones", frames(Layer::P360), frames(Layer::P180));
    }
}

#[test]
fn a_coordinator_that_comes_back_publishes_into_no_feed_of_its_earlier_life() {
    let mut world = World::new();
    world.add_coordinator(1, 1_500);
    world.add(11, Kind::Relay, 20_000);
    for n in 4..=6 {
        world.add(n, Kind::Participant, 1_500);
    }
    world.command(id(1), Command::Coordinate { term: 1_800_000_000 });
    [1, 4, 5, 6].iter().for_each(|n| world.link(id(*n), id(11)));
    world.command(id(1), Command::Send(ladder()));
    world.run(4_000);
    let feed = |world: &World| world.nodes[&id(1)].status().on_stage.map(|(_, feed)| feed);
    let before = feed(&world).expect("a place");
    world.kill(id(1));
    world.run(2_000);
    // Nobody took its place: it plans as soon as it starts, and no presence tells it the feed that it had.
    world.add_with_serial(1, Kind::Participant, 1_500, 1_000_000);
    let since = world.now;
    world.command(id(1), Command::Coordinate { term: 1_800_000_006 });
    world.command(id(1), Command::Send(ladder()));
    world.run(100);
    world.link(id(1), id(11));
    world.run(4_000);
    let after = feed(&world).expect("a place");
    assert!(after > before, "{after} after {before}");
    for receiver in 4..=6 {
        let heard = world.frames(id(receiver), id(1), Layer::Audio, since).len();
        assert!(heard > 150, "{receiver} heard {heard} of its packets");
    }
}

/// Tells a node, in its coordinator's name, to sit as it sits, with this row in place of its picture of the slot.
fn seat_anew(world: &mut World, node: NodeId, number: u32, picture: TreeId, parent: NodeId) {
    let status = world.nodes[&node].status();
    let replaced = |tree: TreeId| tree.slot == picture.slot && !tree.layer.is_audio();
    let kept = status.trees.into_iter().filter(|tree| !replaced(tree.tree));
    let row = |parent, takes| Row { parent, backups: Vec::new(), takes };
    let rows = kept.filter_map(|tree| Some((tree.tree, row(tree.parent?, tree.taken))));
    let rows = rows.chain([(picture, row(parent, true))]).collect();
    let seat = Seat { term: 1, number, rows, ..Seat::default() };
    let (serial, body) = (1_000_000 + u64::from(number), seat.encode().expect("fits"));
    let note = Note { origin: id(1), serial, topic: Topic::Seat, audience: Audience::One(node), body };
    let signature = sign(&note);
    let bytes = Message::Carry { note, signature, hops: 1 }.encode().expect("fits");
    world.input(node, Input::Control { from: id(1), bytes });
}

#[test]
fn whoever_has_the_smaller_picture_for_a_moment_is_not_long_without_the_larger_one() {
    let mut world = World::demo(2);
    for relay in [11, 12] {
        world.command(id(relay), Command::Uplink { kbps: 3_600 });
    }
    // What relays offer has grown to what they lend by then.
    world.run(15_000);
    let picture = |n: u8, layer: Layer| {
        let trees = world.nodes[&id(n)].status().trees.into_iter();
        trees.filter(|tree| tree.taken).find(|tree| (tree.tree.slot, tree.tree.layer) == (2, layer))
    };
    let watchers = [2, 4, 5, 6];
    let small =
        watchers.into_iter().find_map(|n| picture(n, Layer::P180)).expect("somebody has the smaller one");
    let (who, large) = watchers
        .into_iter()
        .find_map(|n| Some((id(n), picture(n, Layer::P360)?)))
        .expect("somebody has the larger one");
    let (by_small, by_large) = (small.parent.expect("fed"), large.parent.expect("fed"));
    let plan = world.nodes[&who].status().plan;
    let since = world.now;
    seat_anew(&mut world, who, plan + 100, small.tree, by_small);
    world.run(300);
    assert!(!world.frames(who, id(3), Layer::P180, since).is_empty(), "it has switched");
    seat_anew(&mut world, who, plan + 101, large.tree, by_large);
    world.run(300);
    let since = world.now;
    world.run(1_000);
    let frames = world.frames(who, id(3), Layer::P360, since);
    assert!(frames.len() >= 24, "{} of the larger ones in a second", frames.len());
}

#[test]
fn when_a_layer_is_switched_the_old_one_is_kept_until_the_new_one_has_a_key_frame() {
    let mut world = World::demo(2);
    world.run(3_000);
    let since = world.now;
    // The relays' owners take their uplinks back: not everybody can have the larger picture now.
    for relay in [11, 12] {
        world.command(id(relay), Command::Uplink { kbps: 500 });
    }
    world.run(5_000);
    let mut switched = 0;
    for receiver in 1..=6 {
        for source in (1..=3).filter(|source| *source != receiver) {
            let small = world.frames(id(receiver), id(source), Layer::P180, since);
            if let Some(first) = small.first() {
                switched += 1;
                assert!(first.info.key, "a layer starts at a key frame");
                let large = world.frames(id(receiver), id(source), Layer::P360, since);
                let last = large.last().expect("the larger picture went on");
                assert!(last.at + std::time::Duration::from_millis(100) >= first.at, "no hole between them");
            }
        }
    }
    assert!(switched > 0, "somebody has the smaller picture now");
}

#[test]
fn a_source_that_is_looked_at_small_or_not_at_all_comes_so_and_nobody_misses_a_picture() {
    let mut world = World::demo(2);
    world.run(3_000);
    let (viewer, small, unseen) = (id(4), id(1), id(2));
    let since = world.now;
    world.command(viewer, Command::Look(vec![(small, Layer::P180), (unseen, Layer::Audio)]));
    world.run(3_000);
    let first = *world.frames(viewer, small, Layer::P180, since).first().expect("the smaller one has come");
    let last = *world.frames(viewer, small, Layer::P360, since).last().expect("the larger one went on");
    assert!(first.info.key && last.at + std::time::Duration::from_millis(100) >= first.at, "no hole between");
    let later = world.now - std::time::Duration::from_secs(1);
    assert!(world.frames(viewer, small, Layer::P360, later).is_empty(), "the larger one has ended");
    for layer in [Layer::P180, Layer::P360] {
        assert!(world.frames(viewer, unseen, layer, later).is_empty());
    }
    let others = [(viewer, unseen, Layer::Audio), (viewer, id(3), Layer::P360), (id(5), small, Layer::P360)];
    for (receiver, source, layer) in others {
        assert!(world.gap_ms(receiver, source, layer, since) <= 100, "{receiver} misses nothing of {source}");
    }

    let since = world.now;
    world.command(viewer, Command::Look(Vec::new()));
    world.run(2_000);
    let first = *world.frames(viewer, small, Layer::P360, since).first().expect("the larger one is back");
    let last = *world.frames(viewer, small, Layer::P180, since).last().expect("the smaller one went on");
    assert!(first.info.key && last.at + std::time::Duration::from_millis(100) >= first.at, "no hole between");
    assert!(!world.frames(viewer, unseen, Layer::P360, since).is_empty());
}

#[test]
fn sound_alone_is_planned_too() {
    let mut world = World::new();
    world.add(1, Kind::Participant, 200);
    world.add(2, Kind::Participant, 200);
    world.command(id(1), Command::Coordinate { term: 1 });
    world.link(id(1), id(2));
    world.command(id(2), Command::Send(vec![LayerRate { layer: Layer::Audio, kbps: 32 }]));
    world.run(2_000);
    assert!(world.has_event(id(1), &Event::Source { peer: id(2), layer: Some(Layer::Audio) }));
    assert!(
        world.frames(id(1), id(2), Layer::Audio, world.now - std::time::Duration::from_secs(1)).len() >= 49
    );
}

#[test]
fn a_relay_is_silent_until_a_meeting_has_claimed_it() {
    let mut world = World::demo(0);
    let relay = world.add_unclaimed(11, 20_000);
    world.link(id(1), relay);
    world.run(2_500);
    let arrived = Event::Arrived { peer: relay, kind: Kind::Relay };
    assert!(!world.has_event(id(1), &arrived));
    assert!(!world.events.iter().any(|(_, event)| matches!(event, Event::Blame { .. })), "nobody is blamed");
    world.command(relay, Command::Credential(vec![11]));
    world.run(500);
    assert!(world.has_event(id(1), &arrived));
}

#[test]
fn a_heartbeat_keeps_to_a_tree_of_links_also_when_that_tree_breaks() {
    let mut world = World::demo(2);
    let members: Vec<_> = world.nodes.keys().copied().collect();
    for (n, a) in members.iter().enumerate() {
        members[n + 1..].iter().for_each(|b| world.link(*a, *b));
    }
    world.run(4_000);
    world.presences = 0;
    world.run(5_000);
    // The coordinator says it five times and seven others hear it; flooded it would cross seven times as many links.
    let least = 5 * 7;
    assert!(world.presences < least * 3 / 2, "{} presences where {least} suffice", world.presences);
    world.events.clear();
    for other in &members {
        world.unlink(id(2), *other);
    }
    world.link(id(2), id(6));
    world.run(5_000);
    let departed = world.events.iter().any(|(_, event)| matches!(event, Event::Departed { .. }));
    assert!(!departed, "nobody is thought to be gone");
}

#[test]
fn a_place_that_the_plan_has_for_others_is_given_up_to_them() {
    let mut world = World::demo(2);
    world.run(4_000);
    let who = id(4);
    let status = world.nodes[&who].status();
    let picture = status.trees.into_iter().find(|tree| tree.taken && tree.tree.layer == Layer::P360);
    let picture = picture.expect("it takes a picture");
    let parent = picture.parent.expect("fed");
    let other = [id(11), id(12)].into_iter().find(|relay| *relay != parent).expect("there are two");
    // The plan sends it to the other relay, which has no room.
    world.command(other, Command::Uplink { kbps: 1 });
    seat_anew(&mut world, who, status.plan + 100, picture.tree, other);
    world.run(150);
    let children = |world: &World| -> Vec<NodeId> {
        let tree = world.nodes[&parent].trees().find(|tree| tree.tree == picture.tree);
        tree.map(|tree| tree.children).unwrap_or_default()
    };
    assert!(children(&world).contains(&who), "it stays where it is until there is another");
    let given = world.nodes[&parent].trees().map(|tree| tree.kbps * tree.children.len() as u32).sum();
    world.command(parent, Command::Uplink { kbps: given });
    let newcomer = id(77);
    world.input(parent, Input::Linked { peer: newcomer, admitted: PLAIN });
    let ask =
        Message::Attach { tree: picture.tree, feed: picture.feed, from: None, planned: true, feeds: false };
    world.input(parent, Input::Control { from: newcomer, bytes: ask.encode().expect("fits") });
    let now = children(&world);
    assert!(now.contains(&newcomer) && !now.contains(&who), "whom the plan sends there goes first: {now:?}");
}
