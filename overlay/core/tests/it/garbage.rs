//! Whatever comes, in whatever order, a node goes on, and within its bounds.

use std::time::Duration;

use overlay_core::id::NodeId;
use overlay_core::io::{
    Admitted, Audience, Class, Command, Input, Kind, LayerRate, Lends, Note, Output, Signature, Topic,
};
use overlay_core::members::{Place, Presence};
use overlay_core::node::{Config, Node};
use overlay_core::plan::{Feed, Row};
use overlay_core::seat::Seat;
use overlay_core::stage::{Group, Reachable, Stage};
use overlay_core::time::Time;
use overlay_core::unit::{Cut, FrameInfo, Layer, TreeId, Unit, UnitHeader};
use overlay_core::wire::Message;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::{layer, message};
use crate::harness::{Blob, id, ladder, presence};

/// So many sequences, or as many times more as `CANOPY_FUZZ` says (`make fuzz`).
fn cases(count: u32) -> u32 {
    let times = std::env::var("CANOPY_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    count.saturating_mul(times)
}

const ME: u8 = 1;

/// Few enough to meet again.
fn few() -> BoxedStrategy<NodeId> {
    (0_u8..7).prop_map(id).boxed()
}

/// Mostly one that there is.
fn tree() -> impl Strategy<Value = TreeId> {
    let ours = layer().prop_map(|layer| TreeId { slot: 0, layer, index: 0 });
    let any = (0_u8..3, layer(), 0_u8..2).prop_map(|(slot, layer, index)| TreeId { slot, layer, index });
    prop_oneof![4 => ours, 1 => any]
}

/// Of feeds and of frames: mostly one that there is.
fn number() -> BoxedStrategy<u32> {
    prop_oneof![4 => 0_u32..4, 1 => 0_u32..90].boxed()
}

fn admitted() -> impl Strategy<Value = Admitted> {
    (any::<bool>(), 0_u8..4, any::<bool>()).prop_map(|(relay, class, leads)| {
        let class = if class == 0 { Class::Lobby } else { Class::Member };
        let kind = if relay { Kind::Relay } else { Kind::Participant };
        Admitted { kind, class, may_coordinate: leads && !relay && class == Class::Member, owner: 0 }
    })
}

/// A presence of somebody who may send, lead, ask for a seat, or go.
fn presence_body() -> impl Strategy<Value = Vec<u8>> {
    let place =
        (tree(), any::<u64>(), any::<bool>()).prop_map(|(tree, parent, takes)| Place { tree, parent, takes });
    let says =
        (any::<bool>(), any::<bool>(), 0_u32..4, any::<[bool; 3]>(), prop::option::of((0_u8..4, 0_u32..4)));
    (any::<bool>(), (0_u32..30_000, 0_u32..30_000), says, vec(place, 0..4), 0_u64..9).prop_map(
        |(
            relay,
            (uplink_kbps, lends_kbps),
            (sends, watch, leads, [leaving, asks, hidden], on_stage),
            places,
            stint,
        )| {
            let kind = if relay { Kind::Relay } else { Kind::Participant };
            let sends = if sends { ladder() } else { Vec::new() };
            let leaving = leaving && asks;
            let said = Presence {
                uplink_kbps,
                lends_kbps,
                offers_kbps: lends_kbps / 2,
                sends,
                stint,
                on_stage,
                watch,
                leaving,
                leads,
                asks,
                places,
                hidden,
                contacts: vec!["/ip4/192.0.2.1/udp/1/quic-v1".into()],
                ..presence(kind)
            };
            said.encode().unwrap_or_default()
        },
    )
}

fn stage_body() -> impl Strategy<Value = Vec<u8>> {
    let feed = (0_u8..3, 0_u32..4, few(), 0_u64..9).prop_map(|(slot, feed, source, stint)| Feed {
        slot,
        feed,
        source,
        stint,
        layers: ladder(),
    });
    (0_u32..4, 0_u32..9, vec(feed, 0..3), few(), 0_u8..2).prop_map(|(term, number, mut feeds, helper, m)| {
        feeds.dedup_by_key(|feed| feed.slot);
        let group = |feed: &Feed, rate: &LayerRate| {
            let m = if rate.layer == Layer::Audio { m } else { 0 };
            Group { slot: feed.slot, layer: rate.layer, kbps: rate.kbps, k: 1, m }
        };
        let groups = feeds.iter().flat_map(|feed| feed.layers.iter().map(move |rate| group(feed, rate)));
        let groups = groups.collect();
        let helpers = vec![Reachable { id: helper, contacts: Vec::new() }];
        Stage { term, number, crowded: number % 2 == 1, feeds, groups, helpers }.encode().unwrap_or_default()
    })
}

fn seat_body() -> impl Strategy<Value = Vec<u8>> {
    let row = (few(), vec(few(), 0..3), any::<bool>()).prop_map(|(parent, backups, takes)| Row {
        parent,
        backups,
        takes,
    });
    let rows = prop::collection::btree_map(tree(), row, 0..5);
    let change = (0_u32..9, prop::collection::btree_set(tree(), 0..3));
    (0_u32..4, 0_u32..9, 0_u64..9, rows, change).prop_map(|(term, number, heard, rows, (base, gone))| {
        Seat { term, number, base, heard, rows, gone, ..Seat::default() }.encode().unwrap_or_default()
    })
}

fn note() -> impl Strategy<Value = Note> {
    let said = prop_oneof![
        presence_body().prop_map(|body| (Topic::Presence, body)),
        stage_body().prop_map(|body| (Topic::Stage, body)),
        seat_body().prop_map(|body| (Topic::Seat, body)),
        vec(any::<u8>(), 0..40).prop_map(|body| (Topic::Keys, body)),
        vec(any::<u8>(), 0..40).prop_map(|body| (Topic::Presence, body)),
    ];
    let audience = prop_oneof![
        4 => Just(Audience::Everybody),
        1 => Just(Audience::Coordinator),
        2 => Just(Audience::One(id(ME))),
        1 => few().prop_map(Audience::One),
    ];
    (few(), 0_u64..30, said, audience).prop_map(|(origin, serial, (topic, body), audience)| Note {
        origin,
        serial,
        topic,
        audience,
        body,
    })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (0_u32..5).prop_map(|term| Command::Coordinate { term }),
        any::<bool>().prop_map(|sends| Command::Send(if sends { ladder() } else { Vec::new() })),
        (0_u32..30_000).prop_map(|kbps| Command::Uplink { kbps }),
        any::<bool>().prop_map(Command::Watch),
        vec((few(), layer()), 0..3).prop_map(Command::Look),
        (few(), layer()).prop_map(|(source, layer)| Command::RequestKey { source, layer }),
        few().prop_map(|to| Command::Say { to: Audience::One(to), body: vec![7; 30] }),
        (0_u8..9).prop_map(|which| Command::SayStanding { which, body: vec![7; 30] }),
        few().prop_map(Command::Shut),
        few().prop_map(Command::Lapse),
        Just(Command::Leave),
    ]
}

/// Times at which things happen, and what. Links come up often, so that what neighbours say is heard.
fn input() -> impl Strategy<Value = (u64, Input<Blob>)> {
    let signature = Signature([0; 64]);
    let unit = (few(), tree(), 0_u32..4, 0_u32..90, any::<bool>(), 0_u8..3).prop_map(
        |(from, tree, feed, number, key, temporal)| {
            let frame = FrameInfo { number, key, temporal };
            let header = UnitHeader { tree, feed, frame, k: 1, m: 0, hop: 1 };
            Input::Unit { from, unit: Unit { header, payload: Blob(300) } }
        },
    );
    let frame = (layer(), 0_u32..90, any::<bool>()).prop_map(|(layer, number, key)| {
        Input::Publish(Cut {
            layer,
            info: FrameInfo { number, key, temporal: 0 },
            k: 1 + number as u8 % 4,
            units: (0..number as u8 % 7).map(|place| (place, Blob(900))).collect(),
        })
    });
    let happens = prop_oneof![
        3 => (few(), admitted()).prop_map(|(peer, admitted)| Input::Linked { peer, admitted }),
        1 => few().prop_map(|peer| Input::Unlinked { peer }),
        6 => (few(), message(few(), tree().boxed(), number())).prop_map(|(from, said)| {
            Input::Control { from, bytes: said.encode().unwrap_or_default() }
        }),
        3 => (few(), tree(), any::<bool>()).prop_map(|(from, tree, planned)| {
            let attach = Message::Attach { tree, feed: 1, from: None, planned, feeds: false };
            Input::Control { from, bytes: attach.encode().unwrap_or_default() }
        }),
        1 => (few(), vec(any::<u8>(), 0..60)).prop_map(|(from, bytes)| Input::Control { from, bytes }),
        6 => (few(), note(), prop::option::weighted(0.9, admitted())).prop_map(move |(from, note, verdict)| {
            Input::Vetted { from, note, signature, verdict }
        }),
        4 => unit,
        2 => frame,
        1 => (few(), tree()).prop_map(|(peer, tree)| Input::Dropped { peer, tree }),
        3 => command().prop_map(Input::Command),
        4 => Just(Input::Timer),
    ];
    (prop_oneof![4 => 0_u64..40, 1 => 0_u64..6_000], happens)
}

/// A meeting under way: five neighbours, of whom one leads and one sends, and a seat with a parent for its sound and picture.
fn meeting() -> Vec<Input<Blob>> {
    let (leads, sends, feeds, spare) = (id(2), id(3), id(4), id(5));
    let member =
        |may_coordinate| Admitted { kind: Kind::Participant, class: Class::Member, may_coordinate, owner: 0 };
    let said = |origin, serial, topic, audience, body: Vec<u8>| Input::Vetted {
        from: leads,
        note: Note { origin, serial, topic, audience, body },
        signature: Signature([0; 64]),
        verdict: Some(member(origin == leads)),
    };
    let trees = ladder().into_iter().map(|rate| TreeId { slot: 0, layer: rate.layer, index: 0 });
    let row = || Row { parent: feeds, backups: vec![spare], takes: true };
    let rows = trees.clone().map(|tree| (tree, row())).collect();
    let group = |tree: TreeId| Group { slot: 0, layer: tree.layer, kbps: 200, k: 1, m: 0 };
    let feed = Feed { slot: 0, feed: 1, source: sends, stint: 0, layers: ladder() };
    let groups = trees.clone().map(group).collect();
    let stage = Stage { term: 1, number: 1, crowded: false, feeds: vec![feed], groups, helpers: Vec::new() };
    let seat = Seat { term: 1, number: 1, rows, ..Seat::default() };
    let leader = Presence { leads: 1, ..presence(Kind::Participant) };
    let mut happens: Vec<Input<Blob>> =
        (2..7).map(|n| Input::Linked { peer: id(n), admitted: member(n == 2) }).collect();
    happens.push(said(leads, 1, Topic::Presence, Audience::Everybody, leader.encode().expect("fits")));
    happens.push(said(leads, 2, Topic::Stage, Audience::Everybody, stage.encode().expect("fits")));
    happens.push(said(leads, 3, Topic::Seat, Audience::One(id(ME)), seat.encode().expect("fits")));
    for tree in trees {
        let accepted = Message::Accepted { tree, feed: 1, live: true, path: vec![sends] };
        happens.push(Input::Control { from: feeds, bytes: accepted.encode().expect("fits") });
        let frame = FrameInfo { number: 0, key: true, temporal: 0 };
        let header = UnitHeader { tree, feed: 1, frame, k: 1, m: 0, hop: 1 };
        happens.push(Input::Unit { from: feeds, unit: Unit { header, payload: Blob(300) } });
    }
    happens
}

/// A node that has all of this happen to it; its edge signs what it says, and takes what comes as `verdicts` say.
fn suffer(
    config: Config,
    happens: impl Iterator<Item = (u64, Input<Blob>)>,
    mut verdicts: impl Iterator<Item = Option<Admitted>>,
) {
    let mut now = Time(1_000_000_000);
    let mut node: Node<Blob> = Node::new(config);
    for (ms, input) in happens {
        now = now + Duration::from_millis(ms);
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            node.handle(now, input);
            while let Some(output) = node.poll() {
                inputs.extend(answer(output, || verdicts.next().flatten()));
            }
            node.check();
        }
    }
}

fn answer(output: Output<Blob>, verdict: impl FnOnce() -> Option<Admitted>) -> Option<Input<Blob>> {
    let signature = Signature([1; 64]);
    match output {
        Output::Vet { from, note, signature } => {
            Some(Input::Vetted { from, note, signature, verdict: verdict() })
        }
        Output::Sign(note) => Some(Input::Signed { note, signature }),
        Output::VetList { from, list, signature, .. } => {
            let genuine = verdict().is_some();
            Some(Input::ListVetted { from, list, signature, genuine })
        }
        Output::SignList(list) => Some(Input::ListSigned { list, signature }),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(20_000)))]

    #[test]
    fn no_sequence_of_inputs_breaks_a_node(
        own in admitted(),
        uplink_kbps in 0_u32..20_000,
        lends in prop_oneof![Just(Lends::Spare), (0_u32..20_000).prop_map(Lends::UpTo)],
        hidden: bool,
        joined: bool,
        happens in vec(input(), 1..120),
        verdicts in vec(prop::option::weighted(0.9, admitted()), 1..8),
    ) {
        let config = Config {
            me: id(ME),
            kind: own.kind,
            admitted: own,
            credential: vec![1, 2, 3],
            first_serial: 1,
            uplink_kbps,
            lends,
            contacts: vec!["/ip4/192.0.2.2/udp/1/quic-v1".into()],
            watch: own.kind == Kind::Participant,
            hidden,
        };
        let before = if joined { meeting() } else { Vec::new() };
        let happens = before.into_iter().map(|input| (1, input)).chain(happens);
        suffer(config, happens, verdicts.into_iter().cycle());
    }
}
