//! A mesh as gossipsub makes it: each frame is pushed to D peers of its topic, so it comes more than once; once a second
//! others are told what there is, and pull what they lack (gossipsub 1.1 and, as a setting, IDONTWANT of 1.2).
//!
//! Each layer of each source is a topic. Scores, backoff, flood publishing and opportunistic grafts are left out: nobody
//! is hostile to a model.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use overlay_core::io::{Command, Event, Input, Kind, Output};
use overlay_core::status::TreeStatus;
use overlay_core::time::Time;
use overlay_core::unit::{Cut, Frame, Layer, TreeId, Unit, UnitHeader};
use rand::RngExt;

use super::brief::Brief;
use super::message::{Message, NUMBERS_MAX};
use super::topic::Topic;
use crate::cast::{Cast, Person};
use crate::id::{index, node_id};
use crate::overlay::{Held, Overlay};
use crate::payload::Parcel;
use crate::rng::{self, ChaCha8Rng, Subsystem};
use crate::scenario::Scenario;

/// gossipsub's heartbeat.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Links for each peer of a mesh, so that there is somebody to tell of frames, and to graft.
const LINKS_FACTOR: usize = 2;
/// A frame that is larger, bytes, is worth saying that no other copy is wanted: a packet's.
const DONT_WANT_FROM: u32 = 1_200;

/// One node.
#[derive(Debug)]
pub struct Mesh {
    me: u32,
    feed: u32,
    brief: Rc<Brief>,
    topics: Vec<Topic>,
    /// Who is linked, and what it wants.
    links: Vec<(u32, BTreeSet<TreeId>)>,
    dialled: BTreeSet<u32>,
    beats: u64,
    beat: Time,
    rng: ChaCha8Rng,
    out: VecDeque<Output<Parcel>>,
}

impl Mesh {
    fn degree(&self) -> usize {
        self.brief.models.mesh_degree as usize
    }

    fn say(&mut self, to: u32, message: &Message) {
        self.out.push_back(Output::Control { to: node_id(to), bytes: message.encode() });
    }

    fn topic(&mut self, tree: TreeId) -> Option<&mut Topic> {
        let place = self.brief.place(tree)?;
        Some(&mut self.topics[place]).filter(|topic| topic.joined)
    }

    fn joined(&self) -> Vec<TreeId> {
        let all = (0..self.topics.len()).filter(|place| self.topics[*place].joined);
        all.map(|place| self.brief.tree(place)).collect()
    }

    fn hear(&mut self, from: u32, message: Message) {
        match message {
            Message::Graft(tree) => {
                let most = self.degree() * 2;
                let room = self.topic(tree).is_some_and(|topic| {
                    let room = topic.mesh.len() < most;
                    if room {
                        topic.mesh.insert(from);
                    }
                    room
                });
                if !room {
                    self.say(from, &Message::Prune(tree));
                }
            }
            Message::Prune(tree) => {
                if let Some(topic) = self.topic(tree) {
                    topic.mesh.remove(&from);
                }
            }
            Message::Have(tree, feed, numbers) => {
                let lacking = self.topic(tree).map(|topic| topic.to_ask(feed, numbers)).unwrap_or_default();
                if !lacking.is_empty() {
                    self.say(from, &Message::Want(tree, feed, lacking));
                }
            }
            Message::Want(tree, feed, numbers) => {
                let Some(topic) = self.topic(tree) else { return };
                let units: Vec<_> =
                    numbers.into_iter().filter_map(|number| topic.get(feed, number).cloned()).collect();
                for unit in units {
                    self.out.push_back(Output::Unit { to: node_id(from), unit: crossed(&unit) });
                }
            }
            Message::DontWant(tree, feed, number) => {
                if let Some(topic) = self.topic(tree) {
                    topic.unwanted(from, feed, number);
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, from: u32, unit: Unit<Parcel>) {
        let UnitHeader { tree, feed, frame, .. } = unit.header;
        let beat = self.beats;
        let Some(topic) = self.topic(tree) else { return };
        if !topic.take(beat, &unit) {
            return;
        }
        let to = topic.push_to(from, &unit);
        let mesh: Vec<u32> = topic.mesh.iter().copied().filter(|peer| *peer != from).collect();
        if self.brief.models.mesh_dont_want && unit.payload.len > DONT_WANT_FROM {
            for peer in mesh {
                self.say(peer, &Message::DontWant(tree, feed, frame.number));
            }
        }
        for peer in to {
            self.out.push_back(Output::Unit { to: node_id(peer), unit: crossed(&unit) });
        }
        if self.brief.people[self.me as usize].watch {
            let source = node_id(self.brief.source(tree));
            let frame = Frame { layer: tree.layer, info: frame, payload: unit.payload };
            self.out.push_back(Output::Deliver { source, feed, frame: Cut::whole(frame) });
        }
    }

    fn publish(&mut self, frame: &Cut<Parcel>) {
        let Some((_, payload)) = frame.units.first().copied() else { return };
        let Some(slot) = self.brief.slot_of(self.me) else { return };
        let tree = TreeId { slot, layer: frame.layer, index: 0 };
        let header = UnitHeader { tree, feed: self.feed, frame: frame.info, k: 1, m: 0, hop: 0 };
        let unit = Unit { header, payload };
        let (me, beat) = (self.me, self.beats);
        let Some(topic) = self.topic(tree) else { return };
        topic.take(beat, &unit);
        for peer in topic.push_to(me, &unit) {
            self.out.push_back(Output::Unit { to: node_id(peer), unit: unit.clone() });
        }
    }

    fn beat(&mut self, now: Time) {
        self.beat = now + BEAT_EVERY;
        self.beats += 1;
        self.look_for_links();
        for tree in self.joined() {
            let beats = self.beats;
            if let Some(topic) = self.topic(tree) {
                topic.beat(beats);
            }
            self.keep_mesh(tree);
            self.tell(tree);
        }
    }

    /// Dials somebody at random as long as there are too few links; who they are is known, as by discovery.
    fn look_for_links(&mut self) {
        let wanted = self.degree() * LINKS_FACTOR;
        let people = self.brief.people.len() as u64;
        let lacking = wanted.saturating_sub(self.links.len() + self.dialled.len());
        for _ in 0..lacking {
            let peer = self.rng.random_range(0..people) as u32;
            if peer != self.me && !self.is_linked(peer) && self.dialled.insert(peer) {
                self.out.push_back(Output::Dial { peer: node_id(peer), contacts: Vec::new() });
            }
        }
    }

    fn is_linked(&self, peer: u32) -> bool {
        self.links.iter().any(|(linked, _)| *linked == peer)
    }

    /// Some of those who are linked and in the topic but not in its mesh, drawn at random.
    fn draw(&mut self, tree: TreeId, most: usize) -> Vec<u32> {
        let Some(place) = self.brief.place(tree) else { return Vec::new() };
        let mesh = &self.topics[place].mesh;
        let outside = self.links.iter().filter(|(peer, wants)| wants.contains(&tree) && !mesh.contains(peer));
        let mut outside: Vec<u32> = outside.map(|(peer, _)| *peer).collect();
        let mut drawn = Vec::new();
        while drawn.len() < most && !outside.is_empty() {
            drawn.push(outside.swap_remove(self.rng.random_range(0..outside.len() as u64) as usize));
        }
        drawn
    }

    /// Grafts where there are fewer than D. More than twice as many are never accepted.
    fn keep_mesh(&mut self, tree: TreeId) {
        let degree = self.degree();
        let Some(size) = self.topic(tree).map(|topic| topic.mesh.len()) else { return };
        for peer in self.draw(tree, degree.saturating_sub(size)) {
            if let Some(topic) = self.topic(tree) {
                topic.mesh.insert(peer);
            }
            self.say(peer, &Message::Graft(tree));
        }
    }

    /// Tells some who are not in the mesh what came lately.
    fn tell(&mut self, tree: TreeId) {
        let beats = self.beats;
        let Some((feed, numbers)) = self.topic(tree).and_then(|topic| topic.to_tell(beats, NUMBERS_MAX))
        else {
            return;
        };
        if numbers.is_empty() {
            return;
        }
        for peer in self.draw(tree, self.brief.models.mesh_lazy as usize) {
            self.say(peer, &Message::Have(tree, feed, numbers.clone()));
        }
    }

    fn linked(&mut self, peer: u32) {
        self.dialled.remove(&peer);
        if !self.is_linked(peer) {
            let sends = self.brief.slot_of(peer);
            let all = (0..self.brief.places()).map(|place| self.brief.tree(place));
            let wants: BTreeSet<TreeId> = takes_part(&self.brief, peer).into_iter().collect();
            let in_it = all.filter(|tree| Some(tree.slot) == sends || wants.contains(tree));
            self.links.push((peer, in_it.collect()));
        }
        for tree in self.joined() {
            if self.topic(tree).is_some_and(|topic| topic.mesh.is_empty()) {
                self.keep_mesh(tree);
            }
        }
    }

    fn unlinked(&mut self, peer: u32) {
        self.dialled.remove(&peer);
        self.links.retain(|(linked, _)| *linked != peer);
        for topic in &mut self.topics {
            topic.mesh.remove(&peer);
        }
    }
}

/// The topics of a node beside those that it sends into: a volunteer is in all of them.
fn takes_part(brief: &Brief, who: u32) -> Vec<TreeId> {
    if brief.people[who as usize].kind == Kind::Relay {
        let all = (0..brief.places()).map(|place| brief.tree(place));
        return all.filter(|tree| brief.kbps(*tree).is_some()).collect();
    }
    brief.wants(who)
}

fn crossed(unit: &Unit<Parcel>) -> Unit<Parcel> {
    let header = UnitHeader { hop: unit.header.hop.saturating_add(1), ..unit.header };
    Unit { header, payload: unit.payload }
}

impl Overlay for Mesh {
    const SYSTEM: &'static str = "gossip-mesh";
    const MODEL: bool = true;
    type Brief = Rc<Brief>;

    fn brief(scenario: &Scenario, cast: &mut Cast, seed: u64) -> Rc<Brief> {
        Brief::of(scenario, cast, seed, None)
    }

    fn start(who: u32, _: &Person, _: u32, life: u32, brief: &Rc<Brief>) -> Mesh {
        let mut topics: Vec<Topic> = (0..brief.places()).map(|_| Topic::default()).collect();
        let mut out = VecDeque::new();
        for tree in takes_part(brief, who) {
            if let Some(place) = brief.place(tree) {
                topics[place].joined = true;
            }
            if brief.people[who as usize].watch {
                let event = Event::Source { peer: node_id(brief.source(tree)), layer: Some(tree.layer) };
                out.push_back(Output::Event(event));
            }
        }
        for (place, topic) in topics.iter_mut().enumerate() {
            let tree = brief.tree(place);
            topic.joined |= brief.slot_of(who) == Some(tree.slot) && brief.kbps(tree).is_some();
        }
        // Each node draws for itself, in each life anew.
        let mut rng = rng::stream(brief.seed, Subsystem::Baseline);
        rng.set_word_pos((u128::from(who) << 32 | u128::from(life)) << 20);
        Mesh {
            me: who,
            feed: life,
            brief: Rc::clone(brief),
            topics,
            links: Vec::new(),
            dialled: BTreeSet::new(),
            beats: 0,
            beat: Time::ZERO,
            rng,
            out,
        }
    }

    fn handle(&mut self, now: Time, input: Input<Parcel>) {
        match input {
            Input::Linked { peer, .. } => self.linked(index(peer)),
            Input::Unlinked { peer } => self.unlinked(index(peer)),
            Input::Control { from, bytes } => {
                if let Some(message) = Message::decode(&bytes) {
                    self.hear(index(from), message);
                }
            }
            Input::Unit { from, unit } => self.take(index(from), unit),
            Input::Publish(frame) => self.publish(&frame),
            Input::Timer => self.beat(now),
            Input::Command(Command::Send(rates)) => {
                if let Some(slot) = self.brief.slot_of(self.me).filter(|_| !rates.is_empty()) {
                    self.out.push_back(Output::Event(Event::OnStage {
                        slot,
                        feed: self.feed,
                        layers: Layer::ALL.to_vec(),
                    }));
                }
            }
            // A model signs nothing, and does without what was dropped.
            _ => {}
        }
    }

    fn poll(&mut self) -> Option<Output<Parcel>> {
        self.out.pop_front()
    }

    fn deadline(&self) -> Option<Time> {
        Some(self.beat)
    }

    /// A mesh is no tree: nobody has a parent.
    fn trees(&self) -> Vec<TreeStatus> {
        Vec::new()
    }

    fn plan(&self) -> Option<(u32, u32)> {
        None
    }

    fn held(&self) -> Held {
        Held::default()
    }

    fn check(&self) {}
}
