//! A stage whose pictures are cut into units, two of which give a frame, said by hand: today's planner says none.

use std::collections::BTreeMap;
use std::time::Duration;

use overlay_core::id::NodeId;
use overlay_core::io::{
    Admitted, Audience, Class, Command, Input, Kind, Lends, Note, Output, Signature, Topic,
};
use overlay_core::members::Presence;
use overlay_core::node::{Config, Node};
use overlay_core::plan::{Feed, Row, Shape};
use overlay_core::seat::Seat;
use overlay_core::stage::{Group, Stage};
use overlay_core::time::Time;
use overlay_core::unit::{Cut, FrameInfo, Layer, TreeId, Unit, UnitHeader};
use overlay_core::wire::Message;

use crate::harness::{Blob, id, ladder, presence};

const ME: u8 = 1;
const LEADS: u8 = 2;
const SHAPE: Shape = Shape { k: 2, m: 1 };
/// A neighbour for each tree.
const NEIGHBOURS: [u8; 3] = [4, 5, 6];

fn tree(index: u8) -> TreeId {
    TreeId { slot: 0, layer: Layer::P360, index }
}

fn info(number: u32) -> FrameInfo {
    FrameInfo { number, key: number == 0, temporal: 0 }
}

fn header(index: u8, number: u32) -> UnitHeader {
    UnitHeader { tree: tree(index), feed: 1, frame: info(number), k: SHAPE.k, m: SHAPE.m, hop: 1 }
}

fn member(may_coordinate: bool) -> Admitted {
    Admitted { kind: Kind::Participant, class: Class::Member, may_coordinate, owner: 0 }
}

/// One node, and all that it has wanted.
struct Alone {
    now: Time,
    node: Node<Blob>,
    wanted: Vec<Output<Blob>>,
}

impl Alone {
    fn new() -> Alone {
        let config = Config {
            me: id(ME),
            kind: Kind::Participant,
            admitted: member(false),
            credential: vec![ME],
            first_serial: 1,
            uplink_kbps: 20_000,
            lends: Lends::Spare,
            contacts: Vec::new(),
            watch: true,
            hidden: false,
        };
        let mut alone = Alone { now: Time(1_000_000_000), node: Node::new(config), wanted: Vec::new() };
        for n in NEIGHBOURS.into_iter().chain([LEADS]) {
            alone.put(Input::Linked { peer: id(n), admitted: member(n == LEADS) });
        }
        let leads = Presence { leads: 1, ..presence(Kind::Participant) };
        alone.hears(1, Topic::Presence, Audience::Everybody, leads.encode().expect("fits"));
        alone
    }

    /// Its edge signs all that it says.
    fn put(&mut self, input: Input<Blob>) {
        self.node.handle(self.now, input);
        while let Some(output) = self.node.poll() {
            if let Output::Sign(note) = &output {
                let signature = Signature([1; 64]);
                self.node.handle(self.now, Input::Signed { note: note.clone(), signature });
            }
            self.wanted.push(output);
        }
        self.node.check();
    }

    fn hears(&mut self, serial: u64, topic: Topic, audience: Audience, body: Vec<u8>) {
        let note = Note { origin: id(LEADS), serial, topic, audience, body };
        let (signature, verdict) = (Signature([0; 64]), Some(member(true)));
        self.put(Input::Vetted { from: id(LEADS), note, signature, verdict });
    }

    /// The stage with this source on it.
    fn follows(&mut self, source: NodeId, stint: u64) {
        let feed = Feed { slot: 0, feed: 1, source, stint, layers: ladder() };
        let groups = vec![Group { slot: 0, layer: Layer::P360, kbps: 300, k: SHAPE.k, m: SHAPE.m }];
        let stage =
            Stage { term: 1, number: 1, crowded: false, feeds: vec![feed], groups, helpers: Vec::new() };
        self.hears(2, Topic::Stage, Audience::Everybody, stage.encode().expect("fits"));
    }

    /// Numbers of the frames that it has handed over since the last call, each with the places of the units.
    fn handed(&mut self) -> Vec<(u32, Vec<u8>)> {
        let frames = std::mem::take(&mut self.wanted).into_iter().filter_map(|output| match output {
            Output::Deliver { frame, .. } => Some(frame),
            _ => None,
        });
        frames.map(|cut| (cut.info.number, cut.units.iter().map(|(place, _)| *place).collect())).collect()
    }
}

#[test]
fn a_source_puts_each_unit_into_a_tree_of_its_own() {
    let mut alone = Alone::new();
    alone.put(Input::Command(Command::Send(ladder())));
    // It says so a moment later.
    alone.now = alone.now + Duration::from_millis(50);
    alone.put(Input::Timer);
    assert_eq!(alone.node.shape(Layer::P360), None, "it has no place");
    let mut bodies = alone.wanted.iter().filter_map(|output| match output {
        Output::Sign(note) if note.topic == Topic::Presence => Presence::decode(&note.body).ok(),
        _ => None,
    });
    let stint = bodies.next_back().map_or(0, |said| said.stint);
    alone.follows(id(ME), stint);
    assert_eq!(alone.node.shape(Layer::P360), Some(SHAPE));
    for (index, from) in (0..).zip(NEIGHBOURS) {
        let attach = Message::Attach { tree: tree(index), feed: 1, from: None, planned: true, feeds: false };
        alone.put(Input::Control { from: id(from), bytes: attach.encode().expect("fits") });
    }
    alone.wanted.clear();
    let units = (0..3).map(|place| (place, Blob(100 + usize::from(place)))).collect();
    alone.put(Input::Publish(Cut { layer: Layer::P360, info: info(0), k: SHAPE.k, units }));
    let sent: BTreeMap<NodeId, (u8, usize)> = alone
        .wanted
        .iter()
        .filter_map(|output| match output {
            Output::Unit { to, unit } => Some((*to, (unit.header.tree.index, unit.payload.0))),
            _ => None,
        })
        .collect();
    let each = (0..).zip(NEIGHBOURS).map(|(index, to)| (id(to), (index, 100 + usize::from(index))));
    assert_eq!(sent, each.collect());
    // One that was cut before the stage changed goes nowhere.
    alone.wanted.clear();
    let whole = Cut { layer: Layer::P360, info: info(1), k: 1, units: vec![(0, Blob(200))] };
    alone.put(Input::Publish(whole));
    assert!(!alone.wanted.iter().any(|output| matches!(output, Output::Unit { .. })));
}

#[test]
fn two_of_three_trees_are_enough_whatever_the_third_brings() {
    let mut alone = Alone::new();
    alone.follows(id(9), 0);
    let row = |from: u8| Row { parent: id(from), backups: Vec::new(), takes: true };
    let rows = (0..).zip(NEIGHBOURS).map(|(index, from)| (tree(index), row(from))).collect();
    let seat = Seat { term: 1, number: 1, rows, ..Seat::default() };
    alone.hears(3, Topic::Seat, Audience::One(id(ME)), seat.encode().expect("fits"));
    for (index, from) in (0..).zip(NEIGHBOURS) {
        let accepted =
            Message::Accepted { tree: tree(index), feed: 1, live: true, path: vec![id(9), id(from)] };
        alone.put(Input::Control { from: id(from), bytes: accepted.encode().expect("fits") });
    }
    let unit = |alone: &mut Alone, header: UnitHeader| {
        let from = id(NEIGHBOURS[usize::from(header.tree.index)]);
        alone.put(Input::Unit { from, unit: Unit { header, payload: Blob(100) } });
        alone.handed()
    };
    assert_eq!(unit(&mut alone, header(2, 0)), []);
    assert_eq!(unit(&mut alone, header(0, 0)), [(0, vec![0, 2])]);
    assert_eq!(unit(&mut alone, header(1, 0)), [], "it was handed over");
    // The first tree's parent says that its unit is all of the frame, then that it is one of more, or of other trees.
    for (number, k, m) in [(1, 1, 0), (2, 3, 1), (3, 2, 7)] {
        let forged = unit(&mut alone, UnitHeader { k, m, ..header(0, number) });
        assert_eq!(forged, []);
        let first = unit(&mut alone, header(1, number));
        let second = unit(&mut alone, header(2, number));
        assert_eq!([first, second].concat().len(), 1, "frame {number}");
    }
}
