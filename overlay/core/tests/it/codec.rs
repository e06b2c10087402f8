//! Every decoder takes what its encoder writes, and nothing else harms it.

use overlay_core::config;
use overlay_core::id::NodeId;
use overlay_core::io::{Kind, LayerRate};
use overlay_core::members::{Look, Place, Presence};
use overlay_core::plan::{Feed, Row};
use overlay_core::seat::Seat;
use overlay_core::stage::{Group, Reachable, Stage};
use overlay_core::unit::{FrameInfo, Layer, TreeId, UnitHeader};
use overlay_core::wire::{HEADER_LEN, Message};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::{message, node, tree};

fn any_message() -> impl Strategy<Value = Message> {
    message(node().boxed(), tree().boxed(), any::<u32>().boxed())
}

proptest! {
    #[test]
    fn a_header_comes_back_as_it_was(
        tree in tree(), feed: u32, number: u32, key: bool, temporal in 0_u8..4, m in 0_u8..4, hop: u8,
    ) {
        let frame = FrameInfo { number, key, temporal };
        let header = UnitHeader { tree, feed, frame, k: 10, m, hop };
        let mut bytes = [0; HEADER_LEN];
        header.encode(&mut bytes);
        prop_assert_eq!(UnitHeader::decode(&bytes), Ok(header));
    }

    #[test]
    fn a_header_has_one_encoding(bytes: [u8; HEADER_LEN]) {
        if let Ok(header) = UnitHeader::decode(&bytes) {
            let mut again = [0; HEADER_LEN];
            header.encode(&mut again);
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn a_message_comes_back_as_it_was(message in any_message()) {
        let bytes = message.encode().expect("fits");
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
    }

    #[test]
    fn a_cut_or_changed_message_never_panics(message in any_message(), at: prop::sample::Index, value: u8) {
        let mut bytes = message.encode().expect("fits");
        let at = at.index(bytes.len());
        prop_assert!(Message::decode(&bytes[..at]).is_err());
        bytes[at] = value;
        if let Ok(other) = Message::decode(&bytes) {
            prop_assert_eq!(other.encode().expect("fits"), bytes);
        }
    }

    #[test]
    fn garbage_never_panics(bytes in vec(any::<u8>(), 0..400)) {
        let _ = Message::decode(&bytes);
        let _ = Presence::decode(&bytes);
        let _ = Stage::decode(&bytes);
        let _ = Seat::decode(&bytes);
    }
}

#[test]
fn the_header_is_what_the_protocol_says_byte_for_byte() {
    let header = UnitHeader {
        tree: TreeId { slot: 5, layer: Layer::P360, index: 1 },
        feed: 0x0102_0304,
        frame: FrameInfo { number: 0x0506_0708, key: true, temporal: 2 },
        k: 8,
        m: 2,
        hop: 3,
    };
    let mut bytes = [0; HEADER_LEN];
    header.encode(&mut bytes);
    assert_eq!(bytes, [1, 5, 2, 1, 0x82, 8, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (at, value) in [(0, 2), (1, 16), (2, 4), (3, 10), (4, 0x04), (5, 0)] {
        let mut wrong = bytes;
        wrong[at] = value;
        assert!(UnitHeader::decode(&wrong).is_err(), "byte {at} = {value}");
    }
}

fn presence() -> Presence {
    Presence {
        uplink_kbps: 5_000,
        lends_kbps: 4_000,
        offers_kbps: 2_000,
        ..crate::harness::presence(Kind::Relay)
    }
}

#[test]
fn a_presence_with_too_much_in_it_is_refused() {
    let tree = TreeId { slot: 3, layer: Layer::P360, index: 0 };
    let presence = Presence {
        contacts: vec!["/ip4/127.0.0.1/udp/1/quic-v1".into()],
        credential: vec![1, 2, 3],
        sends: vec![LayerRate { layer: Layer::Audio, kbps: 32 }, LayerRate { layer: Layer::P180, kbps: 150 }],
        stint: 3,
        on_stage: Some((2, 9)),
        places: vec![Place { tree, parent: u64::MAX, takes: true }],
        looks: vec![Look { source: 1, most: Layer::Audio }, Look { source: 2, most: Layer::P180 }],
        ..presence()
    };
    assert_eq!(Presence::decode(&presence.encode().expect("fits")), Ok(presence.clone()));
    let mut twice = presence.clone();
    twice.sends.swap(0, 1);
    let mut wordy = presence.clone();
    wordy.contacts = vec![String::new(); 17];
    let mut missing = presence.clone();
    missing.missed = vec![1; config::MISSED_MAX + 1];
    let mut offstage = presence.clone();
    offstage.on_stage = Some((16, 9));
    let mut unsure = presence.clone();
    unsure.looks[1].source = 1;
    let mut curious = presence.clone();
    curious.looks = (0..17).map(|source| Look { source, most: Layer::P180 }).collect();
    let mut beyond = presence.encode().expect("fits");
    // The last field is the coordinate: [point, height]; its height becomes 65,535.
    beyond.truncate(beyond.len() - 1);
    beyond.extend([0x19, 0xff, 0xff]);
    assert!(Presence::decode(&beyond).is_err());
    let mut nowhere = presence;
    nowhere.places[0].tree.slot = 16;
    for wrong in [twice, wordy, missing, offstage, unsure, curious, nowhere] {
        assert!(Presence::decode(&wrong.encode().expect("fits")).is_err());
    }
}

fn stage() -> Stage {
    let source = NodeId([0x11; 32]);
    let layers = vec![LayerRate { layer: Layer::P360, kbps: 500 }];
    Stage {
        term: 1,
        number: 2,
        crowded: true,
        feeds: vec![Feed { slot: 3, feed: 9, source, stint: 7, layers }],
        groups: vec![Group { slot: 3, layer: Layer::P360, kbps: 564, k: 1, m: 0 }],
        helpers: vec![Reachable { id: NodeId([0x22; 32]), contacts: Vec::new() }],
    }
}

#[test]
fn a_stage_that_contradicts_itself_is_refused() {
    let good = stage();
    assert_eq!(Stage::decode(&good.encode().expect("fits")), Ok(good.clone()));
    let mut wrong = vec![good.clone(); 6];
    wrong[0].feeds[0].slot = 16;
    wrong[1].groups[0].k = 0;
    wrong[2].groups[0].m = u8::MAX;
    wrong[3].groups[0].slot = 4;
    wrong[4].groups.push(good.groups[0]);
    wrong[5].helpers = vec![good.helpers[0].clone(); config::HELPERS_MAX + 1];
    for (n, wrong) in wrong.iter().enumerate() {
        assert!(Stage::decode(&wrong.encode().expect("fits")).is_err(), "{n}");
    }
}

#[test]
fn a_seat_comes_back_as_it_was_and_drops_backups_where_it_would_not_fit() {
    let node = |n: u16| {
        let mut bytes = [7; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        NodeId(bytes)
    };
    let tree = |n: usize| TreeId { slot: (n / 12) as u8, layer: Layer::P360, index: (n % 12) as u8 };
    let seat = |trees: usize, contact: &str| {
        let row =
            |n: u16| Row { parent: node(n % 5), backups: vec![node(n + 20), node(n + 300)], takes: true };
        let rows = (0..trees).map(|n| (tree(n), row(n as u16))).collect();
        let peers = (0..600).map(|n| (node(n), vec![contact.to_owned()])).collect();
        Seat { term: 1, number: 2, heard: 3, rows, peers, ..Seat::default() }
    };
    let small = seat(3, "/ip4/192.0.2.1/udp/4001/quic-v1");
    let back = Seat::decode(&small.encode().expect("fits")).expect("our own");
    assert_eq!((back.of(), back.heard, &back.rows), (small.of(), small.heard, &small.rows));
    assert_eq!(back.peers.len(), 3 + 6, "only those who are named");
    let awaits = Seat { awaited: [node(500)].into(), ..small };
    let back = Seat::decode(&awaits.encode().expect("fits")).expect("our own");
    assert_eq!((back.peers.len(), back.peers.contains_key(&node(500))), (3 + 6 + 1, true));
    let long = "x".repeat(config::CONTACT_LEN_MAX);
    let large = seat(16 * 12, &long);
    let body = large.encode().expect("fits without backups");
    assert!(body.len() <= config::NOTE_BODY_MAX);
    let back = Seat::decode(&body).expect("our own");
    assert_eq!(back.rows.len(), large.rows.len());
    assert!(back.rows.values().all(|row| row.backups.is_empty()));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bodies_of_presence_stage_and_seat_are_the_examples_of_the_protocol() {
    let body = presence().encode().expect("fits");
    assert_eq!(
        hex(&body),
        "b4000101191388028003400480050006f607f408f409000a8200000bf50c800d800ef40f8010a2008400000000010011190fa0121907d01380"
    );
    let full = Presence { downlink_kbps: 900, ..presence() }.encode().expect("fits");
    let with = |head: &[u8], tail: &[u8]| [head, &body[1..], tail].concat();
    assert_eq!(
        hex(&full),
        hex(&with(&[0xb5], &[0x14, 0x19, 0x03, 0x84])),
        "one field more, behind all others"
    );
    assert!(Presence::decode(&full).is_ok_and(|read| read.downlink_kbps == 900));
    assert!(Presence::decode(&with(&[0xb5], &[0x14, 0x00])).is_err(), "there is one way to say nothing");
    assert_eq!(
        hex(&stage().encode().expect("fits")),
        concat!(
            "a60001010202f50381a500030109025820",
            "1111111111111111111111111111111111111111111111111111111111111111",
            "03070481a20002011901f40481a50003010202190234030104000581a2005820",
            "2222222222222222222222222222222222222222222222222222222222222222",
            "0180"
        )
    );
    let (parent, tree) = (NodeId([0x11; 32]), TreeId { slot: 3, layer: Layer::P360, index: 0 });
    let rows = [(tree, Row { parent, backups: Vec::new(), takes: true })].into();
    let seat = Seat { term: 1, number: 2, heard: 5, rows, ..Seat::default() };
    assert_eq!(
        hex(&seat.encode().expect("fits")),
        concat!(
            "a50001010202050381a2005820",
            "1111111111111111111111111111111111111111111111111111111111111111",
            "0180048184a3000301020200008219ffff19fffff5"
        )
    );
}
