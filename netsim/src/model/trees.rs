//! A tree for each layer of each source, placed by a tracker: a star, whose tracker is the server that feeds everybody,
//! or trees in which it draws each parent among those who can take one more.
//!
//! Who is not fed any more asks the tracker for another parent. Parents show their children each half second that they
//! are there, so a silent source is not taken for a dead parent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use overlay_core::io::{Command, Event, Input, Kind, Output};
use overlay_core::status::TreeStatus;
use overlay_core::time::Time;
use overlay_core::unit::{Cut, Frame, Layer, TreeId, Unit, UnitHeader};

use super::brief::Brief;
use super::message::Message;
use super::shape::Shape;
use super::tracker::Tracker;
use crate::cast::{Cast, Person};
use crate::id::{index, node_id};
use crate::overlay::{Held, Overlay};
use crate::payload::Parcel;
use crate::scenario::Scenario;
use crate::window::Window;

/// Parents show themselves, and who waits for a parent asks again, this often.
const BEAT_EVERY: Duration = Duration::from_millis(500);
/// Who was not heard of for so long is lost: three beats.
const LOST_AFTER: Duration = Duration::from_millis(1_500);
/// An answer of the tracker is waited for this long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Of its limit a node takes children for so much, percent, whatever the tracker thinks.
const TAKES_PERCENT: u64 = 95;

/// A node's place in one tree.
#[derive(Clone, Debug, Default)]
struct Place {
    wanted: bool,
    parent: Option<u32>,
    /// When the tracker was asked last.
    asked: Option<Time>,
    children: Vec<u32>,
    seen: Option<Window>,
}

/// One node of a model of this shape.
#[derive(Debug)]
pub struct Trees<S> {
    me: u32,
    feed: u32,
    brief: Rc<Brief>,
    tracker: u32,
    /// Only at the tracker.
    books: Option<Tracker>,
    places: Vec<Place>,
    links: BTreeSet<u32>,
    /// When each parent was heard of last.
    heard: BTreeMap<u32, Time>,
    /// kbit/s that the children cost.
    spent: u64,
    limit_kbps: u64,
    beat: Time,
    out: VecDeque<Output<Parcel>>,
    shape: PhantomData<S>,
}

impl<S: Shape> Trees<S> {
    fn say(&mut self, now: Time, to: u32, message: Message) {
        if to == self.me {
            self.hear(now, to, message);
        } else if self.links.contains(&to) {
            self.out.push_back(Output::Control { to: node_id(to), bytes: message.encode() });
        }
    }

    fn hear(&mut self, now: Time, from: u32, message: Message) {
        match message {
            Message::Here => {
                self.on_books(|books| books.here(from));
                if self.brief.server == Some(self.me) {
                    // A source may have come, which the server waits for.
                    self.ask_for_lacking(now, Duration::ZERO);
                }
            }
            Message::Gone(who) => self.on_books(|books| books.gone(who)),
            Message::Ask(tree, lost) => {
                // Before its source is there a tree has no answer; who asked does so again.
                let Some(books) = self.books.as_mut().filter(|books| books.is_open(tree, from)) else {
                    return;
                };
                let answer =
                    books.hang(tree, from, lost).map_or(Message::Nobody(tree), |to| Message::Go(tree, to));
                self.say(now, from, answer);
            }
            Message::Go(tree, parent) => self.go(now, tree, parent),
            Message::Nobody(tree) => self.nobody(now, tree),
            Message::Attach(tree) => self.attach(now, from, tree),
            Message::Detach(tree) => {
                if let Some(place) = self.brief.place(tree) {
                    self.drop_child(place, from);
                }
            }
            Message::Alive => {
                self.heard.entry(from).and_modify(|heard| *heard = now);
            }
            Message::Graft(_)
            | Message::Prune(_)
            | Message::Have(..)
            | Message::Want(..)
            | Message::DontWant(..) => {}
        }
    }

    fn on_books(&mut self, note: impl FnOnce(&mut Tracker)) {
        if let Some(books) = self.books.as_mut() {
            note(books);
        }
    }

    fn ask(&mut self, now: Time, place: usize, lost: Option<u32>) {
        self.places[place].parent = None;
        self.places[place].asked = Some(now);
        self.say(now, self.tracker, Message::Ask(self.brief.tree(place), lost));
    }

    fn go(&mut self, now: Time, tree: TreeId, parent: u32) {
        let Some(place) = self.brief.place(tree).filter(|place| self.places[*place].wanted) else { return };
        self.places[place].parent = Some(parent);
        self.out.push_back(Output::Event(Event::Rewired { tree, parent: Some(node_id(parent)) }));
        self.heard.insert(parent, now + LOST_AFTER);
        if self.links.contains(&parent) {
            self.say(now, parent, Message::Attach(tree));
        } else {
            self.out.push_back(Output::Dial { peer: node_id(parent), contacts: Vec::new() });
        }
    }

    /// Nobody can take a child in this tree: a smaller picture is asked for, and at last none.
    fn nobody(&mut self, now: Time, tree: TreeId) {
        let Some(place) = self.brief.place(tree) else { return };
        (self.places[place].parent, self.places[place].asked) = (None, Some(now));
        if tree.layer.is_audio() || self.brief.server == Some(self.me) {
            // Asked again with a later beat.
            return;
        }
        self.places[place].wanted = false;
        let smaller = self.brief.smaller(tree);
        let layer = smaller.map_or(Layer::Audio, |smaller| smaller.layer);
        self.takes(tree, layer);
        if let Some(place) = smaller.and_then(|smaller| self.brief.place(smaller)) {
            self.places[place].wanted = true;
            self.ask(now, place, None);
        }
    }

    fn takes(&mut self, tree: TreeId, layer: Layer) {
        if self.brief.people[self.me as usize].watch {
            let peer = node_id(self.brief.source(tree));
            self.out.push_back(Output::Event(Event::Source { peer, layer: Some(layer) }));
        }
    }

    fn attach(&mut self, now: Time, from: u32, tree: TreeId) {
        let Some((place, kbps)) = self.brief.place(tree).zip(self.brief.kbps(tree)) else { return };
        let source = self.brief.source(tree) == self.me;
        let room = self.limit_kbps * TAKES_PERCENT / 100;
        let children = &mut self.places[place].children;
        if children.contains(&from) {
            return;
        }
        if !source && self.spent + u64::from(kbps) > room {
            self.say(now, from, Message::Nobody(tree));
            return;
        }
        children.push(from);
        self.spent += u64::from(kbps);
    }

    fn drop_child(&mut self, place: usize, child: u32) {
        let kbps = u64::from(self.brief.kbps(self.brief.tree(place)).unwrap_or(0));
        let children = &mut self.places[place].children;
        if let Some(at) = children.iter().position(|one| *one == child) {
            children.remove(at);
            self.spent -= kbps;
        }
    }

    fn linked(&mut self, now: Time, peer: u32) {
        self.links.insert(peer);
        if peer == self.tracker {
            self.say(now, peer, Message::Here);
            for place in self.wanted() {
                self.ask(now, place, None);
            }
        }
        for place in self.fed_by(peer) {
            self.say(now, peer, Message::Attach(self.brief.tree(place)));
        }
    }

    fn unlinked(&mut self, now: Time, peer: u32) {
        self.links.remove(&peer);
        for place in 0..self.places.len() {
            self.drop_child(place, peer);
        }
        self.lost(now, peer);
        self.say(now, self.tracker, Message::Gone(peer));
        if peer == self.tracker {
            self.out.push_back(Output::Dial { peer: node_id(peer), contacts: Vec::new() });
        }
    }

    fn lost(&mut self, now: Time, parent: u32) {
        self.heard.remove(&parent);
        for place in self.fed_by(parent) {
            self.say(now, parent, Message::Detach(self.brief.tree(place)));
            self.ask(now, place, Some(parent));
        }
    }

    fn wanted(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|place| self.places[*place].wanted).collect()
    }

    fn fed_by(&self, parent: u32) -> Vec<usize> {
        let mut wanted = self.wanted();
        wanted.retain(|place| self.places[*place].parent == Some(parent));
        wanted
    }

    fn beat(&mut self, now: Time) {
        self.beat = now + BEAT_EVERY;
        let children: BTreeSet<u32> =
            self.places.iter().flat_map(|place| place.children.iter().copied()).collect();
        for child in children {
            self.say(now, child, Message::Alive);
        }
        let silent = |(_, heard): &(&u32, &Time)| now.since(**heard) > LOST_AFTER;
        let lost: Vec<u32> = self.heard.iter().filter(silent).map(|(parent, _)| *parent).collect();
        for parent in lost {
            self.lost(now, parent);
        }
        self.ask_for_lacking(now, ASK_AGAIN_AFTER);
    }

    /// Asks for a parent wherever there is none, and none was asked for within this span.
    fn ask_for_lacking(&mut self, now: Time, within: Duration) {
        for place in self.wanted() {
            let Place { parent, asked, .. } = &self.places[place];
            if parent.is_none() && asked.is_none_or(|asked| now.since(asked) >= within) {
                self.ask(now, place, None);
            }
        }
    }

    fn forward(&mut self, now: Time, from: u32, unit: Unit<Parcel>) {
        let UnitHeader { tree, feed, frame, hop, .. } = unit.header;
        let Some(place) = self.brief.place(tree) else { return };
        let source = self.brief.source(tree);
        let place = &mut self.places[place];
        if place.parent != Some(from) {
            return;
        }
        let fresh = match &mut place.seen {
            Some(seen) => seen.take(feed, frame.number),
            none => none.replace(Window::new(feed, frame.number)).is_none(),
        };
        if !fresh {
            return;
        }
        if let Some(heard) = self.heard.get_mut(&from) {
            *heard = now.max(*heard);
        }
        for child in &place.children {
            let header = UnitHeader { hop: hop.saturating_add(1), ..unit.header };
            self.out.push_back(Output::Unit {
                to: node_id(*child),
                unit: Unit { header, payload: unit.payload },
            });
        }
        if self.brief.people[self.me as usize].watch {
            let frame = Frame { layer: tree.layer, info: frame, payload: unit.payload };
            self.out.push_back(Output::Deliver { source: node_id(source), feed, frame: Cut::whole(frame) });
        }
    }

    fn publish(&mut self, frame: &Cut<Parcel>) {
        let Some((_, payload)) = frame.units.first().copied() else { return };
        let Some(slot) = self.brief.slot_of(self.me) else { return };
        let tree = TreeId { slot, layer: frame.layer, index: 0 };
        let header = UnitHeader { tree, feed: self.feed, frame: frame.info, k: 1, m: 0, hop: 0 };
        let Some(place) = self.brief.place(tree) else { return };
        for child in &self.places[place].children {
            let unit = Unit { header, payload };
            self.out.push_back(Output::Unit { to: node_id(*child), unit });
        }
    }

    fn leave(&mut self, now: Time) {
        self.say(now, self.tracker, Message::Gone(self.me));
        for place in self.wanted() {
            if let Some(parent) = self.places[place].parent {
                self.say(now, parent, Message::Detach(self.brief.tree(place)));
            }
        }
    }
}

impl<S: Shape> Overlay for Trees<S> {
    const SYSTEM: &'static str = S::SYSTEM;
    const MODEL: bool = true;
    type Brief = Rc<Brief>;

    fn brief(scenario: &Scenario, cast: &mut Cast, seed: u64) -> Rc<Brief> {
        let server = S::furnish(scenario, cast);
        Brief::of(scenario, cast, seed, server)
    }

    fn start(who: u32, person: &Person, limit_kbps: u32, life: u32, brief: &Rc<Brief>) -> Trees<S> {
        let tracker = brief.server.unwrap_or(0);
        let mut node = Trees {
            me: who,
            feed: life,
            brief: Rc::clone(brief),
            tracker,
            books: (tracker == who).then(|| Tracker::new(brief)),
            places: vec![Place::default(); brief.places()],
            links: BTreeSet::new(),
            heard: BTreeMap::new(),
            spent: 0,
            limit_kbps: u64::from(person.gives_of(limit_kbps)),
            beat: Time::ZERO,
            out: VecDeque::new(),
            shape: PhantomData,
        };
        let wants = brief.wants(who);
        // In a star volunteers have nothing to do.
        let idle = brief
            .server
            .is_some_and(|server| server != who && brief.people[who as usize].kind == Kind::Relay);
        for tree in wants.iter().filter(|_| !idle) {
            if let Some(place) = brief.place(*tree) {
                node.places[place].wanted = true;
            }
            // The sound of a source comes beside its picture.
            let alone = !wants.iter().any(|other| other.slot == tree.slot && !other.layer.is_audio());
            if !tree.layer.is_audio() || alone {
                node.takes(*tree, tree.layer);
            }
        }
        if tracker == who {
            node.hear(Time::ZERO, who, Message::Here);
        } else if !idle {
            node.out.push_back(Output::Dial { peer: node_id(tracker), contacts: Vec::new() });
        }
        node
    }

    fn handle(&mut self, now: Time, input: Input<Parcel>) {
        match input {
            Input::Linked { peer, .. } => self.linked(now, index(peer)),
            Input::Unlinked { peer } => self.unlinked(now, index(peer)),
            Input::Control { from, bytes } => {
                if let Some(message) = Message::decode(&bytes) {
                    self.hear(now, index(from), message);
                }
            }
            Input::Unit { from, unit } => self.forward(now, index(from), unit),
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
            Input::Command(Command::Uplink { kbps }) => self.limit_kbps = u64::from(kbps),
            Input::Command(Command::Leave) => self.leave(now),
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

    fn trees(&self) -> Vec<TreeStatus> {
        let places = self.places.iter().enumerate();
        let taken = places.filter(|(_, place)| place.parent.is_some() || !place.children.is_empty());
        let status = |(at, place): (usize, &Place)| {
            let tree = self.brief.tree(at);
            TreeStatus {
                tree,
                source: node_id(self.brief.source(tree)),
                feed: self.feed,
                kbps: self.brief.kbps(tree).unwrap_or(0),
                taken: place.wanted,
                parent: place.parent.map(node_id),
                backups: Vec::new(),
                children: place.children.iter().copied().map(node_id).collect(),
                live: place.parent.is_some(),
                verified: None,
            }
        };
        taken.map(status).collect()
    }

    fn plan(&self) -> Option<(u32, u32)> {
        None
    }

    fn held(&self) -> Held {
        Held::default()
    }

    fn check(&self) {
        let kbps = |(at, place): (usize, &Place)| {
            u64::from(self.brief.kbps(self.brief.tree(at)).unwrap_or(0)) * place.children.len() as u64
        };
        assert_eq!(self.spent, self.places.iter().enumerate().map(kbps).sum::<u64>(), "what children cost");
    }
}
