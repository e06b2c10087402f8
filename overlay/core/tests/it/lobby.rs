//! Whoever has not been let in yet: it may ask, and hear the answer.

use overlay_core::config;
use overlay_core::id::NodeId;
use overlay_core::io::{Audience, Class, Command, Event, Input, Kind, Note, Output, Topic};
use overlay_core::members::Presence;
use overlay_core::unit::{FrameInfo, Layer, Unit, UnitHeader};
use overlay_core::wire::{Message, NoteId};

use crate::harness::{Blob, WAITING, World, id, ladder, presence as presence_of, sign};

/// The demo, and one at the door who reaches it by way of two relays.
fn demo_and_one_who_waits() -> (World, NodeId) {
    let mut world = World::demo(2);
    world.run(2_000);
    let late = world.add_waiting(7);
    world.walls.extend((1..=6).map(|n| (id(n), late)));
    world.link(late, id(11));
    world.link(late, id(12));
    (world, late)
}

fn note(origin: NodeId, serial: u64, topic: Topic, audience: Audience, body: &[u8]) -> Note {
    Note { origin, serial, topic, audience, body: body.to_vec() }
}

#[test]
fn who_waits_is_heard_by_the_coordinator_and_answered_and_nobody_plans_for_it() {
    let (mut world, late) = demo_and_one_who_waits();
    world.strict = true;
    world.command(late, Command::Say { to: Audience::Coordinator, body: b"may I?".to_vec() });
    world.run(3_000);
    assert!(world.has_event(id(1), &Event::Keys { from: late, body: b"may I?".to_vec() }));
    world.command(id(1), Command::Say { to: Audience::One(late), body: b"not yet".to_vec() });
    world.run(1_000);
    assert!(world.has_event(late, &Event::Keys { from: id(1), body: b"not yet".to_vec() }));
    let status = world.nodes[&id(1)].status();
    assert!(status.members.iter().all(|member| member.id != late));
    assert!(!world.has_event(id(1), &Event::Arrived { peer: late, kind: Kind::Participant }));
    assert!(world.nodes[&late].status().trees.is_empty());
    // It goes: whoever keeps the door hears of it.
    world.kill(late);
    world.run(12_000);
    assert!(world.has_event(id(1), &Event::Departed { peer: late, said_so: false }));
}

#[test]
fn who_waits_gets_no_unit_and_few_bytes_whatever_it_says() {
    let (mut world, late) = demo_and_one_who_waits();
    world.run(1_000);
    let before = world.sent_to[&late];
    let heard = world.events.len();
    let trees = world.nodes[&id(11)].status().trees;
    let known: Vec<NodeId> = (1..=6).map(id).collect();
    let (seconds, mut serial) = (20, 1_000);
    for _ in 0..seconds * 100 {
        serial += 10;
        let say = |at, topic, audience| note(late, serial + at, topic, audience, &[7; 600]);
        let carry = |note: Note| Message::Carry { signature: sign(&note), note, hops: 0 };
        let tree = trees[serial as usize / 10 % trees.len()].clone();
        let wants = known.iter().flat_map(|origin| {
            let topics = [Topic::Presence, Topic::Stage, Topic::Keys];
            topics.map(|topic| NoteId { origin: *origin, topic, serial: serial / 10 - 99 })
        });
        let flooded = say(0, Topic::Keys, Audience::Everybody);
        let said = [
            Message::Attach { tree: tree.tree, feed: tree.feed, from: None, planned: true, feeds: true },
            Message::Want { notes: wants.collect() },
            Message::Note { signature: sign(&flooded), note: flooded },
            carry(say(1, Topic::Keys, Audience::One(id(3)))),
            carry(say(2, Topic::Seat, Audience::One(id(3)))),
            carry(say(3, Topic::Keys, Audience::Coordinator)),
            Message::Reach { peers: (100..200).map(id).collect() },
            Message::Have { notes: vec![NoteId { origin: id(2), topic: Topic::Keys, serial }] },
            Message::KeyWanted { tree: tree.tree },
        ];
        for message in said {
            let bytes = message.encode().expect("fits");
            world.input(id(11), Input::Control { from: late, bytes });
        }
        let frame = FrameInfo { number: serial as u32, key: true, temporal: 0 };
        let header = UnitHeader { tree: tree.tree, feed: tree.feed, frame, k: 1, m: 0, hop: 0 };
        world.unit(late, id(11), Unit { header, payload: Blob(80) });
        world.run(10);
        if !world.is_linked(late, id(11)) {
            world.link(late, id(11));
        }
    }
    let after = world.sent_to[&late];
    assert_eq!(after.1, 0, "not one unit");
    let bound = 2 * (config::LOBBY_BYTES_BURST + seconds * config::LOBBY_BYTES_PER_S);
    let bytes = after.0 - before.0;
    println!("{bytes} bytes of control in {seconds} s over two links, at most {bound}");
    assert!(bytes <= bound, "{bytes}");
    let said: Vec<NodeId> = world.events[heard..]
        .iter()
        .filter(|(_, event)| matches!(event, Event::Keys { from, .. } if *from == late))
        .map(|(who, _)| *who)
        .collect();
    assert!(said.iter().all(|who| *who == id(1)), "only the coordinator hears it");
    let most = (config::LOBBY_BYTES_BURST + seconds * config::LOBBY_BYTES_PER_S) / 600;
    assert!(said.len() as u64 <= most, "{} requests", said.len());
    let since = world.now;
    world.run(1_000);
    for member in 2..=6 {
        assert!(world.gap_ms(id(member), id(1), Layer::Audio, since) < 100, "{member} hears on");
    }
}

#[test]
fn what_others_say_to_one_who_waits_has_a_bound_too() {
    let (mut world, late) = demo_and_one_who_waits();
    world.run(1_000);
    let before = world.sent_to[&late].0;
    let seconds = 10;
    for n in 0..seconds * 20 {
        let to = if n % 2 == 0 { Audience::One(late) } else { Audience::Everybody };
        world.command(id(1), Command::Say { to, body: vec![1; 4_000] });
        world.command(id(3), Command::Say { to: Audience::One(late), body: vec![1; 4_000] });
        world.run(50);
    }
    let bytes = world.sent_to[&late].0 - before;
    println!("{bytes} bytes");
    assert!(bytes <= 2 * (config::LOBBY_BYTES_BURST + seconds * config::LOBBY_BYTES_PER_S), "{bytes}");
    let heard = |event: &Event| matches!(event, Event::Keys { .. });
    assert!(world.events.iter().any(|(who, event)| *who == late && heard(event)), "it has its answers");
}

#[test]
fn an_attach_from_the_lobby_is_refused_with_its_reason() {
    let (mut world, late) = demo_and_one_who_waits();
    world.run(500);
    let tree = world.nodes[&id(11)].status().trees[0].clone();
    let attach =
        Message::Attach { tree: tree.tree, feed: tree.feed, from: None, planned: true, feeds: false };
    let relay = world.nodes.get_mut(&id(11)).expect("it runs");
    relay.handle(world.now, Input::Control { from: late, bytes: attach.encode().expect("fits") });
    let mut answers = Vec::new();
    while let Some(output) = relay.poll() {
        if let Output::Control { to, bytes } = output
            && to == late
        {
            answers.push(Message::decode(&bytes).expect("can be read"));
        }
    }
    let why = overlay_core::wire::Refusal::Lobby;
    assert!(matches!(&answers[..], [Message::Refused { why: said, .. }] if *said == why), "{answers:?}");
}

#[test]
fn who_is_let_in_is_fed_at_once_over_the_links_that_it_has() {
    let (mut world, late) = demo_and_one_who_waits();
    world.run(3_000);
    world.let_in(late);
    let since = world.now;
    world.run(1_000);
    for source in 1..=3 {
        let first = world.frames(late, id(source), Layer::Audio, since).first().map(|got| got.at);
        let first = first.expect("there is sound").since(since).as_millis();
        println!("first sound of {source} {first} ms after the pass");
        assert!(first < 600, "{first} ms");
    }
    assert!(world.has_event(id(1), &Event::Arrived { peer: late, kind: Kind::Participant }));
    for relay in [11, 12] {
        let relay = &world.nodes[&id(relay)];
        assert_eq!(relay.waiting().count(), 0, "both relays know of the pass");
    }
    let events = world.events.iter().filter(|(_, event)| matches!(event, Event::Blame { .. })).count();
    assert_eq!(events, 0, "nobody did wrong");
}

#[test]
fn whose_pass_has_ended_is_in_the_lobby_again_and_comes_back_with_another() {
    let (mut world, late) = demo_and_one_who_waits();
    world.run(1_000);
    world.let_in(late);
    world.command(late, Command::Send(ladder()));
    let since = world.now;
    world.run(3_000);
    assert!(!world.frames(id(4), late, Layer::Audio, since).is_empty(), "it is on the stage");
    world.lapse(late);
    world.run(500);
    let since = world.now;
    let before = world.sent_to[&late].1;
    world.run(3_000);
    assert_eq!(world.sent_to[&late].1, before, "not fed");
    assert!(world.frames(id(4), late, Layer::Audio, since).is_empty(), "nor heard");
    assert!(world.is_linked(late, id(11)), "its link stays");
    assert!(world.gap_ms(id(4), id(1), Layer::Audio, since) < 100, "nobody else notices");
    world.let_in(late);
    let since = world.now;
    world.run(2_000);
    assert!(!world.frames(late, id(1), Layer::Audio, since).is_empty());
}

#[test]
fn a_parent_that_shows_no_pass_with_a_second_link_feeds_no_longer() {
    let mut world = World::demo(2);
    world.run(3_000);
    // The harness checks each node's invariants behind every input.
    for relay in [id(11), id(12)] {
        world.input(id(4), Input::Linked { peer: relay, admitted: WAITING });
        let feeds = |tree: &overlay_core::status::TreeStatus| tree.parent == Some(relay);
        assert!(!world.nodes[&id(4)].trees().any(|tree| feeds(&tree)));
    }
}

/// One of very many keys.
fn key(n: u32) -> NodeId {
    let mut bytes = [0xee; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    NodeId(bytes)
}

#[test]
fn a_thousand_keys_of_one_link_cost_bounded_memory_and_displace_no_member() {
    let mut world = World::demo(2);
    world.run(2_000);
    let keys: Vec<NodeId> = (0..1_000).map(key).collect();
    let presence = |world: &mut World, of: NodeId, node: NodeId, from: NodeId| {
        let body = Presence {
            uplink_kbps: 50_000,
            lends_kbps: 50_000,
            offers_kbps: 50_000,
            credential: vec![1],
            sends: ladder(),
            stint: 1,
            watch: true,
            ..presence_of(Kind::Participant)
        };
        let body = body.encode().expect("fits");
        let note = note(of, 1, Topic::Presence, Audience::Coordinator, &body);
        let signature = sign(&note);
        world.input(node, Input::Vetted { from, note, signature, verdict: Some(WAITING) });
    };
    for (at, key) in keys.iter().enumerate() {
        // Each at both relays, and at the coordinator by way of one of them.
        for node in [11, 12] {
            world.input(id(node), Input::Linked { peer: *key, admitted: WAITING });
            presence(&mut world, *key, id(node), *key);
        }
        presence(&mut world, *key, id(1), id(11 + (at % 2) as u8));
        world.run(20);
    }
    // `check`, which the harness calls after each input, asserts the bounds of links, ways and the lobby.
    for relay in [11, 12] {
        assert_eq!(world.nodes[&id(relay)].waiting().count(), config::LOBBY_LINKS_MAX);
    }
    let status = world.nodes[&id(1)].status();
    assert_eq!(status.members.len(), 7, "five participants and two relays, as before");
    let since = world.now;
    world.run(2_000);
    for member in 2..=6 {
        assert!(world.gap_ms(id(member), id(1), Layer::Audio, since) < 100, "{member}");
    }
    // Members come in as ever, and where links are short it is the lobby that gives way.
    let admitted = overlay_core::io::Admitted { class: Class::Member, ..WAITING };
    let relay = id(11);
    for waiting in world.nodes[&relay].waiting().collect::<Vec<_>>() {
        // To be a way for somebody is a use of a link, but not of one to the lobby.
        let bytes = Message::Uphill { on: true }.encode().expect("fits");
        world.input(relay, Input::Control { from: waiting, bytes });
    }
    let linked = 7 + config::LOBBY_LINKS_MAX;
    for n in 0..(config::LINKS_CROWDED - linked + config::LOBBY_LINKS_MAX) as u32 {
        let peer = key(1_000_000 + n);
        world.input(relay, Input::Linked { peer, admitted });
    }
    let waiting = world.nodes[&relay].waiting().count();
    assert!(waiting < config::LOBBY_LINKS_MAX / 2, "{waiting} still wait");
    world.input(relay, Input::Linked { peer: key(2_000_000), admitted: WAITING });
    assert_eq!(world.nodes[&relay].waiting().count(), waiting, "nobody more waits where links are short");
}
