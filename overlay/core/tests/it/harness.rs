//! A tiny world: nodes, links with a fixed delay, sources that publish while they are on the stage.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use overlay_core::coordinate::Coordinate;
use overlay_core::id::NodeId;
use overlay_core::io::{
    Admitted, Audience, Class, Command, Event, Input, Kind, LayerRate, Lends, Note, Output, Signature, Topic,
};
use overlay_core::list::List;
use overlay_core::members::Presence;
use overlay_core::node::{Config, Node};
use overlay_core::plan::{Shape, Supply};
use overlay_core::seat::Seat;
use overlay_core::time::Time;
use overlay_core::unit::{Cut, FrameInfo, Layer, Payload, Unit, UnitHash, UnitHeader};
use overlay_core::wire::Message;

/// A payload that is only a length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob(pub(crate) usize);

impl Payload for Blob {
    fn size(&self) -> usize {
        self.0
    }

    fn hash(&self, header: &UnitHeader) -> UnitHash {
        let mut hash = [0; UnitHash::LEN];
        hash[..4].copy_from_slice(&header.frame.number.to_be_bytes());
        hash[4..8].copy_from_slice(&header.feed.to_be_bytes());
        hash[8..12].copy_from_slice(&(self.0 as u32).to_be_bytes());
        hash[12..].copy_from_slice(&[
            header.tree.slot,
            header.tree.layer as u8,
            header.frame.key.into(),
            header.frame.temporal,
        ]);
        UnitHash(hash)
    }
}

/// Sound and two pictures, as the demo sends them.
pub(crate) fn ladder() -> Vec<LayerRate> {
    let rate = |layer, kbps| LayerRate { layer, kbps };
    vec![rate(Layer::Audio, 32), rate(Layer::P180, 150), rate(Layer::P360, 500)]
}

/// What a member says that has nothing to say: for stories that say more in its place.
pub(crate) fn presence(kind: Kind) -> Presence {
    Presence {
        kind,
        uplink_kbps: 0,
        contacts: Vec::new(),
        credential: Vec::new(),
        sends: Vec::new(),
        stint: 0,
        on_stage: None,
        watch: false,
        leaving: false,
        leads: 0,
        seat: (0, 0),
        asks: true,
        places: Vec::new(),
        missed: Vec::new(),
        hidden: false,
        looks: Vec::new(),
        coordinate: Coordinate::default(),
        lends_kbps: 0,
        offers_kbps: 0,
        complaints: Vec::new(),
        downlink_kbps: 0,
    }
}

/// Somebody who lends all of an uplink, as a planner knows it.
pub(crate) fn lending(kbps: u32) -> Supply {
    Supply { uplink_kbps: kbps, lends_kbps: kbps, offers_kbps: kbps, ..Supply::default() }
}

/// How long a signal takes over each link.
pub(crate) const DELAY: Duration = Duration::from_millis(10);
/// A killed peer is noticed by the transport only after this span.
const UNLINKED_AFTER: Duration = Duration::from_secs(10);

/// A frame that was handed to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) at: Time,
    pub(crate) source: NodeId,
    pub(crate) feed: u32,
    pub(crate) layer: Layer,
    pub(crate) info: FrameInfo,
    pub(crate) size: usize,
}

#[derive(Default)]
struct Source {
    feed: Option<u32>,
    rates: Vec<LayerRate>,
    numbers: BTreeMap<Layer, u32>,
    keys: BTreeSet<Layer>,
    due: BTreeMap<Layer, Time>,
}

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) nodes: BTreeMap<NodeId, Node<Blob>>,
    pub(crate) events: Vec<(NodeId, Event)>,
    pub(crate) got: BTreeMap<NodeId, Vec<Got>>,
    /// Units that each node has sent.
    pub(crate) carried: BTreeMap<NodeId, u64>,
    /// What each node said last of itself, and by which serial.
    pub(crate) said: BTreeMap<NodeId, (u64, Presence)>,
    /// Probes and echoes, with who sent them.
    pub(crate) heard: Vec<(NodeId, Message)>,
    /// Who said to everybody whom it complains of.
    pub(crate) overheard_complaints: BTreeSet<NodeId>,
    /// Presences that crossed a link.
    pub(crate) presences: u64,
    /// Seats that crossed a link.
    pub(crate) seats: u64,
    /// The last of them that was for each node.
    pub(crate) seat_of: BTreeMap<NodeId, Seat>,
    /// Bytes of control, and units, that each node was sent.
    pub(crate) sent_to: BTreeMap<NodeId, (u64, u64)>,
    /// Control messages that each node got, and that it sent.
    pub(crate) controls: BTreeMap<NodeId, (u64, u64)>,
    /// False where nobody can be reached by dialling.
    pub(crate) dials: bool,
    /// Nodes that pass on no note of somebody.
    pub(crate) swallows: BTreeMap<NodeId, NodeId>,
    /// Nodes that tell nobody whom they reach.
    pub(crate) liars: BTreeSet<NodeId>,
    /// Nodes whose units never leave.
    pub(crate) mute: BTreeSet<NodeId>,
    /// Nodes that alter each unit that they pass on.
    pub(crate) forgers: BTreeSet<NodeId>,
    /// Nodes that keep lists to themselves.
    pub(crate) hushers: BTreeSet<NodeId>,
    /// Edges believe nobody whose presence did not pass them, as real gates do.
    pub(crate) strict: bool,
    /// Whose presences passed the edge of each node.
    known: BTreeSet<(NodeId, NodeId)>,
    admitted: BTreeMap<NodeId, Admitted>,
    /// Nodes that hide their address; to be named before they are added.
    pub(crate) hidden: BTreeSet<NodeId>,
    /// Who dialled whom.
    pub(crate) dialled: BTreeSet<(NodeId, NodeId)>,
    /// Answers to attaches that are held back while there is a place for them: from whom, to whom.
    pub(crate) late: Option<Vec<(NodeId, NodeId, Vec<u8>)>>,
    /// Between whom no link can be made.
    pub(crate) walls: BTreeSet<(NodeId, NodeId)>,
    links: BTreeSet<(NodeId, NodeId)>,
    queue: BTreeMap<(Time, u64), (NodeId, Input<Blob>)>,
    sources: BTreeMap<NodeId, Source>,
    count: u64,
}

pub(crate) fn id(n: u8) -> NodeId {
    NodeId([n; 32])
}

/// A participant like all others.
pub(crate) const PLAIN: Admitted =
    Admitted { kind: Kind::Participant, class: Class::Member, may_coordinate: false, owner: 0 };

/// A participant who was not let in yet.
pub(crate) const WAITING: Admitted =
    Admitted { kind: Kind::Participant, class: Class::Lobby, may_coordinate: false, owner: 0 };

/// What this world's edges take for a signature.
pub(crate) fn sign(note: &Note) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&note.origin.0);
    Signature(bytes)
}

/// The same for a list: it names its source, and what is said.
pub(crate) fn sign_list(source: NodeId, list: &List) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&source.0);
    bytes[32..].copy_from_slice(blake3::hash(&list.encode().expect("fits")).as_bytes());
    Signature(bytes)
}

impl World {
    pub(crate) fn new() -> World {
        World {
            now: Time(1_000_000),
            nodes: BTreeMap::new(),
            events: Vec::new(),
            got: BTreeMap::new(),
            carried: BTreeMap::new(),
            said: BTreeMap::new(),
            heard: Vec::new(),
            presences: 0,
            seats: 0,
            seat_of: BTreeMap::new(),
            sent_to: BTreeMap::new(),
            controls: BTreeMap::new(),
            dials: true,
            swallows: BTreeMap::new(),
            overheard_complaints: BTreeSet::new(),
            liars: BTreeSet::new(),
            mute: BTreeSet::new(),
            forgers: BTreeSet::new(),
            hushers: BTreeSet::new(),
            late: None,
            strict: false,
            known: BTreeSet::new(),
            admitted: BTreeMap::new(),
            links: BTreeSet::new(),
            hidden: BTreeSet::new(),
            dialled: BTreeSet::new(),
            walls: BTreeSet::new(),
            queue: BTreeMap::new(),
            sources: BTreeMap::new(),
            count: 0,
        }
    }

    pub(crate) fn add(&mut self, n: u8, kind: Kind, uplink_kbps: u32) -> NodeId {
        self.add_with_serial(n, kind, uplink_kbps, 1)
    }

    /// A relay that no meeting has claimed yet.
    pub(crate) fn add_unclaimed(&mut self, n: u8, uplink_kbps: u32) -> NodeId {
        self.add_with(n, Kind::Relay, uplink_kbps, 1, Vec::new())
    }

    /// Node 1 may coordinate.
    pub(crate) fn add_with_serial(
        &mut self,
        n: u8,
        kind: Kind,
        uplink_kbps: u32,
        first_serial: u64,
    ) -> NodeId {
        self.add_with(n, kind, uplink_kbps, first_serial, vec![n])
    }

    fn add_with(
        &mut self,
        n: u8,
        kind: Kind,
        uplink_kbps: u32,
        first_serial: u64,
        credential: Vec<u8>,
    ) -> NodeId {
        self.add_admitted(
            n,
            Admitted { kind, class: Class::Member, may_coordinate: n == 1, owner: 0 },
            uplink_kbps,
            first_serial,
            credential,
        )
    }

    /// A participant who may coordinate.
    pub(crate) fn add_coordinator(&mut self, n: u8, uplink_kbps: u32) -> NodeId {
        let admitted =
            Admitted { kind: Kind::Participant, class: Class::Member, may_coordinate: true, owner: 0 };
        self.add_admitted(n, admitted, uplink_kbps, 1, vec![n])
    }

    /// Somebody who comes by a group link, and waits at the door.
    pub(crate) fn add_waiting(&mut self, n: u8) -> NodeId {
        self.add_admitted(n, WAITING, 1_500, 1, vec![n])
    }

    /// A host lets somebody in: it has a pass from now on.
    pub(crate) fn let_in(&mut self, who: NodeId) {
        self.admitted.insert(who, Admitted { class: Class::Member, ..WAITING });
        self.command(who, Command::Credential(vec![who.0[0], 1]));
    }

    /// A pass has ended, and every edge but the holder's own notices.
    pub(crate) fn lapse(&mut self, who: NodeId) {
        self.admitted.insert(who, WAITING);
        for other in self.nodes.keys().copied().filter(|other| *other != who).collect::<Vec<_>>() {
            self.command(other, Command::Lapse(who));
        }
    }

    fn add_admitted(
        &mut self,
        n: u8,
        admitted: Admitted,
        uplink_kbps: u32,
        first_serial: u64,
        credential: Vec<u8>,
    ) -> NodeId {
        let me = id(n);
        let kind = admitted.kind;
        let config = Config {
            me,
            kind,
            admitted,
            credential,
            first_serial,
            uplink_kbps,
            lends: Lends::UpTo(uplink_kbps),
            contacts: vec![format!("{n}")],
            watch: kind == Kind::Participant,
            hidden: self.hidden.contains(&me),
        };
        self.admitted.insert(me, admitted);
        self.nodes.insert(me, Node::new(config));
        self.input(me, Input::Timer);
        me
    }

    /// Somebody came by the link or lease of this number.
    pub(crate) fn came_by(&mut self, who: NodeId, owner: u64) {
        if let Some(admitted) = self.admitted.get_mut(&who) {
            admitted.owner = owner;
        }
    }

    /// The demo: six participants, of whom the first three send, and two relays. All know the first.
    pub(crate) fn demo(relays: u8) -> World {
        let mut world = World::new();
        for n in 1..=6 {
            world.add(n, Kind::Participant, 1_500);
        }
        for n in 11..11 + relays {
            world.add(n, Kind::Relay, 20_000);
        }
        world.command(id(1), Command::Coordinate { term: 1 });
        for n in (2..=6).chain(11..11 + relays) {
            world.link(id(1), id(n));
        }
        for n in 1..=3 {
            world.command(id(n), Command::Send(ladder()));
        }
        world
    }

    pub(crate) fn link(&mut self, a: NodeId, b: NodeId) {
        let fresh = self.links.insert((a.min(b), a.max(b)));
        if fresh && self.nodes.contains_key(&a) && self.nodes.contains_key(&b) {
            self.later(a, Input::Linked { peer: b, admitted: self.admitted[&b] });
            self.later(b, Input::Linked { peer: a, admitted: self.admitted[&a] });
        }
    }

    pub(crate) fn is_linked(&self, a: NodeId, b: NodeId) -> bool {
        self.links.contains(&(a.min(b), a.max(b)))
    }

    /// Between whom there are links.
    pub(crate) fn linked(&self) -> impl Iterator<Item = (NodeId, NodeId)> {
        self.links.iter().copied()
    }

    pub(crate) fn unlink(&mut self, a: NodeId, b: NodeId) {
        if self.links.remove(&(a.min(b), a.max(b))) {
            self.later(a, Input::Unlinked { peer: b });
            self.later(b, Input::Unlinked { peer: a });
        }
    }

    /// The process is gone; nobody is told, except by the transport after long.
    pub(crate) fn kill(&mut self, who: NodeId) {
        self.nodes.remove(&who);
        self.sources.remove(&who);
        let peers: Vec<NodeId> = self.nodes.keys().copied().collect();
        for peer in peers {
            if self.links.remove(&(who.min(peer), who.max(peer))) {
                self.at(self.now + UNLINKED_AFTER, peer, Input::Unlinked { peer: who });
            }
        }
    }

    fn at(&mut self, at: Time, to: NodeId, input: Input<Blob>) {
        self.count += 1;
        self.queue.insert((at, self.count), (to, input));
    }

    fn later(&mut self, to: NodeId, input: Input<Blob>) {
        self.at(self.now + DELAY, to, input);
    }

    pub(crate) fn command(&mut self, to: NodeId, command: Command) {
        if let Command::Send(rates) = &command {
            self.sources.insert(to, Source { rates: rates.clone(), ..Source::default() });
        }
        self.input(to, Input::Command(command));
    }

    /// Gives one value to a node and does what it wants.
    pub(crate) fn input(&mut self, to: NodeId, input: Input<Blob>) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&to) else { return };
        node.handle(now, input);
        node.check();
        while let Some(output) = self.nodes.get_mut(&to).and_then(Node::poll) {
            self.output(to, output);
        }
    }

    fn output(&mut self, me: NodeId, output: Output<Blob>) {
        match output {
            Output::Control { to, bytes } if self.is_linked(me, to) => {
                let message = Message::decode(&bytes).expect("a node writes what can be read");
                let note = match &message {
                    Message::Note { note, .. } | Message::Carry { note, .. } => Some(note),
                    _ => None,
                };
                let origin = note.map(|note| note.origin);
                if origin.is_some() && origin == self.swallows.get(&me).copied() {
                    return;
                }
                if self.hushers.contains(&me) && matches!(message, Message::List { .. }) {
                    return;
                }
                if let Some(late) = self.late.as_mut().filter(|_| matches!(message, Message::Accepted { .. }))
                {
                    late.push((me, to, bytes));
                    return;
                }
                if self.liars.contains(&me) && matches!(message, Message::Reach { .. }) {
                    return;
                }
                self.sent_to.entry(to).or_default().0 += bytes.len() as u64;
                self.controls.entry(me).or_default().1 += 1;
                self.controls.entry(to).or_default().0 += 1;
                if matches!(message, Message::Probe { .. } | Message::Echo { .. }) {
                    self.heard.push((me, message.clone()));
                }
                if let Some(note) = note.filter(|note| note.topic == Topic::Presence && note.origin == me) {
                    let presence = Presence::decode(&note.body).expect("a node writes what can be read");
                    if note.audience == Audience::Everybody && !presence.complaints.is_empty() {
                        self.overheard_complaints.insert(me);
                    }
                    self.said.insert(me, (note.serial, presence));
                }
                self.presences += u64::from(note.is_some_and(|note| note.topic == Topic::Presence));
                if let Some(note) = note.filter(|note| note.topic == Topic::Seat && note.origin == me)
                    && let Audience::One(to) = note.audience
                {
                    let said = Seat::decode(&note.body).expect("a coordinator writes what can be read");
                    let held = self.seat_of.get(&to).cloned().unwrap_or_default();
                    let seat = said.onto(&held).expect("a coordinator changes what it told last");
                    self.seat_of.insert(to, seat);
                }
                self.seats += u64::from(note.is_some_and(|note| note.topic == Topic::Seat));
                self.later(to, Input::Control { from: me, bytes });
            }
            Output::Unit { to, unit } if self.is_linked(me, to) && !self.mute.contains(&me) => {
                *self.carried.entry(me).or_default() += unit.payload.0 as u64;
                let unit = unit.map(|Blob(size)| Blob(size + usize::from(self.forgers.contains(&me))));
                self.sent_to.entry(to).or_default().1 += 1;
                self.later(to, Input::Unit { from: me, unit });
            }
            Output::Control { .. } | Output::Unit { .. } => {}
            Output::Deliver { source, feed, frame } => {
                let (layer, info, size) =
                    (frame.layer, frame.info, frame.units.iter().map(|(_, Blob(size))| size).sum());
                let got = Got { at: self.now, source, feed, layer, info, size };
                self.got.entry(me).or_default().push(got);
            }
            Output::Vet { from, note, signature } => {
                let genuine = signature == sign(&note);
                if genuine && note.topic == Topic::Presence {
                    self.known.insert((me, note.origin));
                }
                let known = !self.strict || self.known.contains(&(me, note.origin));
                let verdict = self.admitted.get(&note.origin).copied().filter(|_| genuine && known);
                self.at(self.now, me, Input::Vetted { from, note, signature, verdict });
            }
            Output::Sign(note) => {
                let signature = sign(&note);
                self.at(self.now, me, Input::Signed { note, signature });
            }
            Output::VetList { from, source, list, signature } => {
                let genuine = signature == sign_list(source, &list);
                self.at(self.now, me, Input::ListVetted { from, list, signature, genuine });
            }
            Output::SignList(list) => {
                let signature = sign_list(me, &list);
                self.at(self.now, me, Input::ListSigned { list, signature });
            }
            Output::Dial { peer, .. } => {
                self.dialled.insert((me, peer));
                let walled = self.walls.contains(&(me.min(peer), me.max(peer)));
                if self.dials && !walled && self.nodes.contains_key(&peer) {
                    self.link(me, peer);
                } else {
                    self.later(me, Input::Unlinked { peer });
                }
            }
            Output::Hangup(peer) => self.unlink(me, peer),
            Output::Event(event) => self.happened(me, event),
        }
    }

    fn happened(&mut self, me: NodeId, event: Event) {
        if let Some(source) = self.sources.get_mut(&me) {
            match event {
                Event::OnStage { feed, ref layers, .. } => {
                    if source.feed != Some(feed) {
                        (source.feed, source.due) = (Some(feed), BTreeMap::new());
                        source.numbers.clear();
                        source.keys = Layer::ALL.into();
                    }
                    source.due.retain(|layer, _| layers.contains(layer));
                    for layer in layers {
                        source.due.entry(*layer).or_insert(self.now);
                    }
                }
                Event::OffStage => (source.feed, source.due) = (None, BTreeMap::new()),
                Event::KeyWanted(layer) => drop(source.keys.insert(layer)),
                _ => {}
            }
        }
        self.events.push((me, event));
    }

    /// A source on the stage has nothing to say, until it [`World::speaks`] again.
    pub(crate) fn is_silent(&mut self, who: NodeId) {
        self.sources.get_mut(&who).expect("a source").due.clear();
    }

    pub(crate) fn speaks(&mut self, who: NodeId) {
        let source = self.sources.get_mut(&who).expect("a source");
        source.due = source.rates.iter().map(|rate| (rate.layer, self.now)).collect();
    }

    fn publish_due(&mut self) {
        let sources: Vec<NodeId> = self.sources.keys().copied().collect();
        for me in sources {
            let Some(source) = self.sources.get_mut(&me) else { continue };
            let mut frames = Vec::new();
            for rate in &source.rates {
                let gap = Duration::from_millis(if rate.layer.is_audio() { 20 } else { 40 });
                let Some(due) = source.due.get_mut(&rate.layer).filter(|due| **due <= self.now) else {
                    continue;
                };
                *due = *due + gap;
                let number = source.numbers.entry(rate.layer).or_default();
                let key = rate.layer.is_audio() || source.keys.remove(&rate.layer);
                let info = FrameInfo { number: *number, key, temporal: (*number % 2) as u8 * u8::from(!key) };
                *number += 1;
                let size = rate.kbps as usize * 125 * gap.as_millis() as usize / 1000;
                frames.push((rate.layer, info, size));
            }
            for (layer, info, size) in frames {
                let shape = self.nodes.get(&me).and_then(|node| node.shape(layer)).unwrap_or(Shape::PLAIN);
                let places = if shape.k == 1 { 0..1 } else { 0..shape.trees() };
                let units = places.map(|place| (place, Blob(size / usize::from(shape.k)))).collect();
                self.input(me, Input::Publish(Cut { layer, info, k: shape.k, units }));
            }
        }
    }

    /// Lets `millis` pass.
    pub(crate) fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        loop {
            let timers = self.nodes.iter().filter_map(|(id, node)| Some((node.deadline()?.0, *id)));
            let timer = timers.min();
            let queued = self.queue.keys().next().copied();
            let source = self.sources.values().flat_map(|source| source.due.values()).min().copied();
            let next =
                [timer.map(|(at, _)| at), queued.map(|(at, _)| at), source].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            if queued.is_some_and(|(at, _)| at <= self.now) {
                let first = self.queue.pop_first();
                first.into_iter().for_each(|(_, (to, input))| self.input(to, input));
            } else if let Some((_, id)) = timer.filter(|(at, _)| *at <= self.now) {
                self.input(id, Input::Timer);
            } else {
                self.publish_due();
            }
        }
        self.now = end;
    }

    /// Hands one unit to a node as if a neighbour had sent it.
    pub(crate) fn unit(&mut self, from: NodeId, to: NodeId, unit: Unit<Blob>) {
        self.input(to, Input::Unit { from, unit });
    }

    /// The first tells somebody its seat, whatever it planned.
    pub(crate) fn tell_seat(&mut self, who: NodeId, seat: &Seat) {
        let body = seat.encode().expect("fits");
        let serial = u64::MAX - 10_000 + u64::from(seat.number);
        let note = Note { origin: id(1), serial, topic: Topic::Seat, audience: Audience::One(who), body };
        let verdict =
            Some(Admitted { kind: Kind::Participant, class: Class::Member, may_coordinate: true, owner: 0 });
        self.input(who, Input::Vetted { from: id(1), signature: sign(&note), note, verdict });
    }

    /// What a receiver got of a source and layer since `since`.
    pub(crate) fn frames(&self, receiver: NodeId, source: NodeId, layer: Layer, since: Time) -> Vec<Got> {
        let all = self.got.get(&receiver).map_or(&[][..], Vec::as_slice);
        all.iter()
            .filter(|got| got.source == source && got.layer == layer && got.at >= since)
            .copied()
            .collect()
    }

    /// The longest time without a frame between `since` and now, in ms.
    pub(crate) fn gap_ms(&self, receiver: NodeId, source: NodeId, layer: Layer, since: Time) -> u128 {
        let mut last = since;
        let mut longest = Duration::ZERO;
        for got in self.frames(receiver, source, layer, since) {
            longest = longest.max(got.at.since(last));
            last = got.at;
        }
        longest.max(self.now.since(last)).as_millis()
    }

    pub(crate) fn has_event(&self, who: NodeId, event: &Event) -> bool {
        self.events.iter().any(|(at, happened)| *at == who && happened == event)
    }
}
