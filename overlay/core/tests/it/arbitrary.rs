//! Anything that can be said, for tests that try all of it.

use overlay_core::config;
use overlay_core::coordinate::Coordinate;
use overlay_core::id::NodeId;
use overlay_core::io::{Audience, Note, Signature, Topic};
use overlay_core::list::{LIST_SPAN, List};
use overlay_core::unit::{Layer, TreeId, UnitHash};
use overlay_core::wire::{Message, NoteId, Refusal, TreeTick};
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) fn layer() -> impl Strategy<Value = Layer> {
    prop::sample::select(Layer::ALL.to_vec())
}

pub(crate) fn tree() -> impl Strategy<Value = TreeId> {
    (0_u8..16, layer(), 0_u8..10).prop_map(|(slot, layer, index)| TreeId { slot, layer, index })
}

pub(crate) fn node() -> impl Strategy<Value = NodeId> {
    any::<[u8; 32]>().prop_map(NodeId)
}

pub(crate) fn topic() -> impl Strategy<Value = Topic> {
    prop::sample::select(vec![Topic::Presence, Topic::Stage, Topic::Seat, Topic::Keys, Topic::Standing(3)])
}

/// Any message about these nodes, trees, feeds and numbers.
pub(crate) fn message(
    nodes: BoxedStrategy<NodeId>,
    trees: BoxedStrategy<TreeId>,
    numbers: BoxedStrategy<u32>,
) -> impl Strategy<Value = Message> {
    let (node, tree, number) = (|| nodes.clone(), || trees.clone(), || numbers.clone());
    let refusal =
        prop::sample::select(vec![Refusal::Full, Refusal::Loop, Refusal::Stalled, Refusal::Leaving]);
    let path = prop::option::of(vec(node(), 0..12));
    let tick = (tree(), any::<bool>(), any::<bool>(), path, prop::option::of(number()))
        .prop_map(|(tree, live, thinned, path, newest)| TreeTick { tree, live, thinned, path, newest });
    let note_id = || {
        (node(), topic(), any::<u64>()).prop_map(|(origin, topic, serial)| NoteId { origin, topic, serial })
    };
    let note = |audience: BoxedStrategy<Audience>| {
        (node(), any::<u64>(), topic(), audience, vec(any::<u8>(), 0..300)).prop_map(
            |(origin, serial, topic, audience, body)| Note { origin, serial, topic, audience, body },
        )
    };
    let signature = || {
        any::<[u8; 32]>().prop_map(|half| {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(&half);
            Signature(bytes)
        })
    };
    let routed = prop_oneof![Just(Audience::Coordinator), node().prop_map(Audience::One)].boxed();
    prop_oneof![
        (tree(), number(), prop::option::of(number()), any::<bool>(), any::<bool>()).prop_map(
            |(tree, feed, from, planned, feeds)| Message::Attach { tree, feed, from, planned, feeds }
        ),
        (tree(), number(), any::<bool>(), vec(node(), 0..12))
            .prop_map(|(tree, feed, live, path)| Message::Accepted { tree, feed, live, path }),
        (tree(), refusal).prop_map(|(tree, why)| Message::Refused { tree, why }),
        tree().prop_map(|tree| Message::Detach { tree }),
        tree().prop_map(|tree| Message::KeyWanted { tree }),
        vec(tick, 0..8).prop_map(|trees| Message::Tick { trees }),
        vec(note_id(), 0..8).prop_map(|notes| Message::Have { notes }),
        vec(note_id(), 0..8).prop_map(|notes| Message::Want { notes }),
        any::<u8>().prop_map(|n| Message::Lazy { origin: NodeId([n; 32]) }),
        (note(Just(Audience::Everybody).boxed()), signature())
            .prop_map(|(note, signature)| Message::Note { note, signature }),
        (note(routed), signature(), 0..=config::CARRY_HOPS_MAX)
            .prop_map(|(note, signature, hops)| Message::Carry { note, signature, hops }),
        any::<bool>().prop_map(|on| Message::Uphill { on }),
        vec(node(), 0..8).prop_map(|peers| Message::Reach { peers }),
        vec(node(), 0..8).prop_map(|peers| Message::Lost { peers }),
        (
            tree(),
            number(),
            number().prop_map(|first| first.min(u32::MAX - LIST_SPAN)),
            any::<u64>(),
            signature()
        )
            .prop_map(|(tree, feed, first, which, signature)| {
                let which = which | 1;
                let hashes = vec![7; which.count_ones() as usize * UnitHash::LEN];
                Message::List { list: List { tree, feed, first, which, hashes }, signature }
            }),
        (tree(), number(), number(), any::<u64>()).prop_map(|(tree, feed, first, which)| Message::Retract {
            tree,
            feed,
            first,
            which
        }),
        number().prop_map(|number| Message::Probe { number }),
        (number(), any::<[i16; 4]>(), any::<u16>(), any::<u16>()).prop_map(
            |(number, point, height, error)| {
                let coordinate = Coordinate::new(point, height);
                Message::Echo { number, coordinate, error }
            }
        ),
    ]
}
