//! Nodes, links and time. Does what the nodes want, and writes down what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Command, Event, Input, Kind, Note, Output, Signature};
use overlay_core::node::{Config, Node};
use overlay_core::time::Time;
use overlay_core::unit::{TreeId, Unit};
use overlay_core::wire::HEADER_LEN;

use crate::demo_report::Report;
use crate::link::{Lane, Uplink};
use crate::payload::Parcel;
use crate::queue::Queue;
use crate::scenario::{Fault, Scenario};
use crate::source::Source;

/// A killed peer is noticed by the transport only after this span.
const UNLINKED_AFTER: Duration = Duration::from_secs(10);

/// What is on its way.
enum Happening {
    Input(usize, Input<Parcel>),
    /// A fresh look at a node's deadline.
    Timer(usize),
    Publish(usize),
    Fault,
}

struct Peer {
    id: NodeId,
    kind: Kind,
    node: Node<Parcel>,
    uplink: Uplink,
    source: Option<Source>,
    alive: bool,
    mute: bool,
    /// The earliest timer that is in the queue.
    timer: Option<Time>,
    /// When the last thing to each peer arrives, in each lane: streams keep their order.
    arrives: BTreeMap<(usize, u8), Time>,
}

/// A meeting that can be run.
pub struct World {
    scenario: Scenario,
    delays: Vec<Vec<u64>>,
    now: Time,
    queue: Queue<Happening>,
    peers: Vec<Peer>,
    links: BTreeSet<(usize, usize)>,
    report: Report,
    hasher: blake3::Hasher,
}

impl World {
    /// Everybody present, linked to the first only; it plans.
    pub fn new(scenario: Scenario) -> World {
        let delays = scenario.delays();
        let mut world = World {
            delays,
            now: Time(1),
            queue: Queue::default(),
            peers: Vec::new(),
            links: BTreeSet::new(),
            report: Report::default(),
            hasher: blake3::Hasher::new(),
            scenario,
        };
        for at in 0..world.scenario.nodes() {
            world.add(at);
        }
        world.input(0, Input::Command(Command::Coordinate { term: 1 }));
        for at in 1..world.peers.len() {
            world.link(0, at);
        }
        for at in 0..usize::from(world.scenario.sources) {
            world.peers[at].source = Some(Source::new(Scenario::ladder()));
            world.input(at, Input::Command(Command::Send(Scenario::ladder())));
        }
        let half = Time(world.scenario.seconds * 500_000_000);
        world.queue.push(half, Happening::Fault);
        world
    }

    fn add(&mut self, at: usize) {
        let is_person = at < usize::from(self.scenario.people);
        let kind = if is_person { Kind::Participant } else { Kind::Relay };
        let uplink_kbps = match (is_person, at < usize::from(self.scenario.sources)) {
            (true, true) => self.scenario.source_kbps,
            (true, false) => self.scenario.watcher_kbps,
            (false, _) => self.scenario.relay_kbps,
        };
        let id = node_id(at);
        let config = Config {
            me: id,
            kind,
            admitted: admitted(at, kind),
            credential: vec![1],
            first_serial: 1,
            uplink_kbps,
            contacts: vec![at.to_string()],
            watch: is_person,
        };
        self.peers.push(Peer {
            id,
            kind,
            node: Node::new(config),
            uplink: Uplink::new(uplink_kbps),
            source: None,
            alive: true,
            mute: false,
            timer: None,
            arrives: BTreeMap::new(),
        });
        self.input(at, Input::Timer);
    }

    /// Runs to the end and tells what came of it. Panics if a node breaks an invariant.
    pub fn run(mut self) -> Report {
        let end = Time(self.scenario.seconds * 1_000_000_000);
        while self.queue.next_at().is_some_and(|at| at <= end) {
            let Some((at, happening)) = self.queue.pop() else { break };
            self.now = self.now.max(at);
            self.happen(happening);
        }
        self.now = end;
        self.finish()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Input(to, input) => self.input(to, input),
            Happening::Timer(at) => {
                self.peers[at].timer = None;
                self.input(at, Input::Timer);
            }
            Happening::Publish(at) => {
                let (now, id) = (self.now, self.peers[at].id);
                let source = self.peers[at].source.as_mut();
                let frames = source.map(|source| source.frames(now, id)).unwrap_or_default();
                for frame in frames {
                    self.input(at, Input::Publish(frame));
                }
                self.plan_publish(at);
            }
            Happening::Fault => self.fault(),
        }
    }

    fn plan_publish(&mut self, at: usize) {
        let due = self.peers[at].source.as_ref().and_then(Source::due);
        if let Some(due) = due {
            self.queue.push(due, Happening::Publish(at));
        }
    }

    fn fault(&mut self) {
        let relay = usize::from(self.scenario.people);
        if self.scenario.relays == 0 {
            return;
        }
        match self.scenario.fault {
            Fault::None => {}
            Fault::Swallow => self.peers[relay].mute = true,
            Fault::Kill => {
                self.peers[relay].alive = false;
                let (dead, now) = (self.peers[relay].id, self.now);
                for other in 0..self.peers.len() {
                    if self.links.remove(&pair(relay, other)) {
                        self.queue.push(
                            now + UNLINKED_AFTER,
                            Happening::Input(other, Input::Unlinked { peer: dead }),
                        );
                    }
                }
            }
        }
    }

    /// Gives a value to a node and does what it wants.
    fn input(&mut self, to: usize, input: Input<Parcel>) {
        let peer = &mut self.peers[to];
        if !peer.alive {
            return;
        }
        self.report.events += 1;
        self.hasher.update(&self.now.0.to_le_bytes());
        self.hasher.update(&[to as u8]);
        peer.node.handle(self.now, input);
        if self.report.events.is_multiple_of(64) {
            peer.node.check();
        }
        while let Some(output) = self.peers[to].node.poll() {
            self.output(to, output);
        }
        self.plan_timer(to);
    }

    fn plan_timer(&mut self, at: usize) {
        let peer = &mut self.peers[at];
        let Some((due, _)) = peer.node.deadline() else { return };
        let due = due.max(self.now);
        if peer.timer.is_none_or(|planned| planned > due) {
            peer.timer = Some(due);
            self.queue.push(due, Happening::Timer(at));
        }
    }

    fn output(&mut self, me: usize, output: Output<Parcel>) {
        match output {
            Output::Control { to, bytes } => {
                self.hasher.update(&bytes);
                let len = bytes.len();
                self.send(me, to, Lane::Control, len, |from| Input::Control { from, bytes });
            }
            Output::Unit { to, unit } => self.send_unit(me, to, unit),
            Output::Deliver { source, feed, frame } => {
                assert_eq!(frame.payload.taint, source.0[0], "a frame of somebody else");
                let sound = frame.layer.is_audio();
                let stream = self.report.streams.entry((self.peers[me].id, source, sound)).or_default();
                stream.add(self.now, frame.payload.born, feed, frame.layer, frame.info.number);
                self.hasher.update(&frame.info.number.to_le_bytes());
            }
            Output::Vet { from, note, signature } => {
                let verdict = verdict(&note, signature, &self.peers);
                self.queue
                    .push(self.now, Happening::Input(me, Input::Vetted { from, note, signature, verdict }));
            }
            Output::Sign(note) => {
                let signature = sign(&note);
                self.queue.push(self.now, Happening::Input(me, Input::Signed { note, signature }));
            }
            Output::Dial { peer, .. } => self.dial(me, peer),
            Output::Hangup(peer) => self.hang_up(me, peer),
            Output::Event(event) => self.event(me, event),
        }
    }

    fn send_unit(&mut self, me: usize, to: NodeId, unit: Unit<Parcel>) {
        if self.peers[me].mute {
            return;
        }
        let tree: TreeId = unit.header.tree;
        let lane = if tree.layer.is_audio() { Lane::Audio } else { Lane::Video };
        let len = unit.payload.len as usize + HEADER_LEN;
        if !self.send(me, to, lane, len, |from| Input::Unit { from, unit }) {
            self.report.dropped += 1;
            self.queue.push(self.now, Happening::Input(me, Input::Dropped { peer: to, tree }));
        }
    }

    /// Puts something on the way. False if the uplink had no room for it.
    fn send(
        &mut self,
        me: usize,
        to: NodeId,
        lane: Lane,
        len: usize,
        input: impl FnOnce(NodeId) -> Input<Parcel>,
    ) -> bool {
        let other = place(to);
        if !self.links.contains(&pair(me, other)) {
            return true;
        }
        let delay = Duration::from_millis(self.delays[me][other]);
        let now = self.now;
        let peer = &mut self.peers[me];
        let Some(left) = peer.uplink.send(now, lane, len) else { return false };
        let last = peer.arrives.entry((other, lane as u8)).or_default();
        let arrives = (left + delay).max(*last);
        *last = arrives;
        let from = peer.id;
        self.queue.push(arrives, Happening::Input(other, input(from)));
        true
    }

    fn link(&mut self, a: usize, b: usize) {
        if !self.links.insert(pair(a, b)) {
            return;
        }
        // A handshake takes a round trip.
        let at = self.now + Duration::from_millis(self.delays[a][b] * 2);
        for (me, other) in [(a, b), (b, a)] {
            let admitted = admitted(other, self.peers[other].kind);
            let peer = self.peers[other].id;
            self.queue.push(at, Happening::Input(me, Input::Linked { peer, admitted }));
        }
    }

    fn dial(&mut self, me: usize, peer: NodeId) {
        let other = place(peer);
        if self.peers[other].alive {
            self.link(me, other);
        } else {
            self.queue.push(self.now + UNLINKED_AFTER, Happening::Input(me, Input::Unlinked { peer }));
        }
    }

    fn hang_up(&mut self, me: usize, peer: NodeId) {
        let other = place(peer);
        if self.links.remove(&pair(me, other)) {
            let mine = self.peers[me].id;
            self.queue.push(self.now, Happening::Input(me, Input::Unlinked { peer }));
            self.queue.push(self.now, Happening::Input(other, Input::Unlinked { peer: mine }));
        }
    }

    fn event(&mut self, me: usize, event: Event) {
        let now = self.now;
        if let Event::Blame { what, .. } = event {
            self.hasher.update(what.as_bytes());
        }
        let Some(source) = self.peers[me].source.as_mut() else { return };
        match event {
            Event::OnStage { .. } => {
                let was_on = source.due().is_some();
                source.start(now);
                if !was_on {
                    self.plan_publish(me);
                }
            }
            Event::OffStage => source.stop(),
            Event::KeyWanted(layer) => source.want_key(layer),
            _ => {}
        }
    }

    fn finish(mut self) -> Report {
        for stream in self.report.streams.values_mut() {
            stream.close(self.now);
        }
        let bytes = |kind: Option<Kind>| -> u64 {
            let counted = self.peers.iter().filter(|peer| kind.is_none_or(|kind| peer.kind == kind));
            counted.map(|peer| peer.uplink.bytes).sum()
        };
        self.report.relayed_percent = bytes(Some(Kind::Relay)) * 100 / bytes(None).max(1);
        self.report.sent = self.peers.iter().map(|peer| (peer.id, peer.uplink.bytes)).collect();
        self.report.hash = self.hasher.finalize().to_hex()[..32].to_string();
        self.report
    }
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// The id of the node at this place.
pub fn node_id(at: usize) -> NodeId {
    NodeId([at as u8 + 1; 32])
}

fn place(id: NodeId) -> usize {
    usize::from(id.0[0]) - 1
}

fn admitted(at: usize, kind: Kind) -> Admitted {
    Admitted { kind, may_coordinate: at == 0 }
}

/// This world's signatures only name their origin.
fn sign(note: &Note) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&note.origin.0);
    Signature(bytes)
}

fn verdict(note: &Note, signature: Signature, peers: &[Peer]) -> Option<Admitted> {
    let at = place(note.origin);
    (signature == sign(note)).then(|| admitted(at, peers[at].kind))
}
