//! Every decoder takes what its encoder writes, and nothing else harms it.

use overlay_core::id::NodeId;
use overlay_core::io::{Kind, LayerRate, Note, Signature, Topic};
use overlay_core::members::Presence;
use overlay_core::plan::{Branch, Feed, Part, Plan, Row, split};
use overlay_core::unit::{FrameInfo, Layer, TreeId, UnitHeader};
use overlay_core::wire::{HEADER_LEN, Message, NoteId, Refusal, TreeTick};
use proptest::collection::vec;
use proptest::prelude::*;

fn layer() -> impl Strategy<Value = Layer> {
    prop::sample::select(Layer::ALL.to_vec())
}

fn tree() -> impl Strategy<Value = TreeId> {
    (0_u8..16, layer(), 0_u8..10).prop_map(|(slot, layer, index)| TreeId { slot, layer, index })
}

fn node() -> impl Strategy<Value = NodeId> {
    any::<[u8; 32]>().prop_map(NodeId)
}

fn topic() -> impl Strategy<Value = Topic> {
    prop::sample::select(vec![Topic::Presence, Topic::Plan, Topic::Keys])
}

fn message() -> impl Strategy<Value = Message> {
    let refusal =
        prop::sample::select(vec![Refusal::Full, Refusal::Loop, Refusal::Stalled, Refusal::Leaving]);
    let tick = (tree(), any::<bool>(), any::<bool>(), prop::option::of(vec(node(), 0..12)))
        .prop_map(|(tree, live, thinned, path)| TreeTick { tree, live, thinned, path });
    let note_id = || {
        (node(), topic(), any::<u64>()).prop_map(|(origin, topic, serial)| NoteId { origin, topic, serial })
    };
    let note = (node(), any::<u64>(), topic(), vec(any::<u8>(), 0..300))
        .prop_map(|(origin, serial, topic, body)| Note { origin, serial, topic, body });
    prop_oneof![
        (tree(), any::<u32>(), any::<Option<u32>>()).prop_map(|(tree, feed, from)| Message::Attach {
            tree,
            feed,
            from
        }),
        (tree(), any::<u32>(), any::<bool>(), vec(node(), 0..12))
            .prop_map(|(tree, feed, live, path)| Message::Accepted { tree, feed, live, path }),
        (tree(), refusal).prop_map(|(tree, why)| Message::Refused { tree, why }),
        tree().prop_map(|tree| Message::Detach { tree }),
        tree().prop_map(|tree| Message::KeyWanted { tree }),
        vec(tick, 0..8).prop_map(|trees| Message::Tick { trees }),
        vec(note_id(), 0..8).prop_map(|notes| Message::Have { notes }),
        vec(note_id(), 0..8).prop_map(|notes| Message::Want { notes }),
        any::<u8>().prop_map(|n| Message::Lazy { origin: NodeId([n; 32]) }),
        (note, any::<[u8; 32]>()).prop_map(|(note, half)| {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(&half);
            Message::Note { note, signature: Signature(bytes) }
        }),
    ]
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
    fn a_message_comes_back_as_it_was(message in message()) {
        let bytes = message.encode().expect("fits");
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
    }

    #[test]
    fn a_cut_or_changed_message_never_panics(message in message(), at: prop::sample::Index, value: u8) {
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
        let _ = Part::decode(&bytes);
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

#[test]
fn a_presence_with_too_much_in_it_is_refused() {
    let presence = Presence {
        kind: Kind::Relay,
        uplink_kbps: 1,
        contacts: vec!["/ip4/127.0.0.1/udp/1/quic-v1".into()],
        credential: vec![1, 2, 3],
        sends: vec![LayerRate { layer: Layer::Audio, kbps: 32 }, LayerRate { layer: Layer::P180, kbps: 150 }],
        stint: 3,
        on_stage: Some((2, 9)),
        watch: false,
        leaving: false,
        news: false,
        missed: Vec::new(),
    };
    assert_eq!(Presence::decode(&presence.encode().expect("fits")), Ok(presence.clone()));
    let mut twice = presence.clone();
    twice.sends.swap(0, 1);
    let mut wordy = presence.clone();
    wordy.contacts = vec![String::new(); 17];
    let mut missing = presence.clone();
    missing.missed = vec![NodeId([1; 32]); 33];
    let mut offstage = presence;
    offstage.on_stage = Some((16, 9));
    for wrong in [twice, wordy, missing, offstage] {
        assert!(Presence::decode(&wrong.encode().expect("fits")).is_err());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bodies_of_presence_and_plan_are_the_examples_of_the_protocol() {
    let presence = Presence {
        kind: Kind::Relay,
        uplink_kbps: 5_000,
        contacts: Vec::new(),
        credential: Vec::new(),
        sends: Vec::new(),
        stint: 0,
        on_stage: None,
        watch: false,
        leaving: false,
        news: false,
        missed: Vec::new(),
    };
    let body = presence.encode().expect("fits");
    assert_eq!(hex(&body), "ab000101191388028003400480050006f607f408f409f40a80");

    let (source, receiver) = (NodeId([0x11; 32]), NodeId([0x22; 32]));
    let tree = TreeId { slot: 3, layer: Layer::P360, index: 0 };
    let layers = vec![LayerRate { layer: Layer::P360, kbps: 500 }];
    let row = Row { parent: source, backups: Vec::new(), takes: true };
    let rows = [(receiver, row)].into();
    let plan = Plan {
        term: 1,
        number: 2,
        feeds: vec![Feed { slot: 3, feed: 9, source, stint: 7, layers }],
        trees: [(tree, Branch { source, feed: 9, kbps: 564, k: 1, m: 0, rows })].into(),
        gone: Default::default(),
    };
    let (ones, twos) = ("11".repeat(32), "22".repeat(32));
    let example = format!(
        "a800010102020003010481a5000301090258 20{ones}03070481a20002011901f405825820{ones}5820{twos}\
         068186a30003010202000900190234820100818401008219ffff19fffff50780"
    );
    let bodies = split(&plan).expect("fits");
    assert_eq!(bodies.iter().map(|body| hex(body)).collect::<Vec<_>>(), [example.replace(' ', "")]);
}
