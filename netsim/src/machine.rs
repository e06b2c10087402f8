//! One machine of the world: what runs on it, its interfaces, its links, and what is known of it for the report.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use overlay_core::time::Time;
use overlay_core::unit::{Layer, TreeId};

use crate::fault::Malice;
use crate::interface::{Inward, Lane, Outward};
use crate::loss::Gilbert;
use crate::scenario::Network;
use crate::source::Source;

use crate::cast::Person;

/// Events of a node that are kept for a violation's report.
const TAIL_MAX: usize = 24;

/// A connection to another machine, as one end sees it.
#[derive(Clone, Debug)]
pub struct Link {
    /// The other end.
    pub to: u32,
    /// Which connection between the two: grows with each.
    pub serial: u64,
    /// True once the handshake is over at this end.
    pub up: bool,
    /// Mean one-way delay.
    pub path: Duration,
    /// When the last thing of each lane arrives: streams keep their order.
    pub last: [Time; 3],
    /// Control messages that can't get through a partition.
    pub held: Vec<Vec<u8>>,
    /// True while a partition lies between the two.
    pub severed: bool,
}

/// Something that happened to a node, for people.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// When.
    pub at: Time,
    /// What, in a word.
    pub what: &'static str,
    /// With whom, if anybody.
    pub with: Option<u32>,
    /// In which tree, if any.
    pub tree: Option<TreeId>,
}

/// What this machine was last handed of a source.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Whose.
    pub source: u32,
    /// Sound, or pictures.
    pub sound: bool,
    /// Of which plugging-in.
    pub feed: u32,
    /// When.
    pub at: Time,
}

/// One machine.
#[derive(Debug)]
pub struct Machine<O> {
    /// What runs on it; nothing before it starts, after it left, and while it is dead.
    pub overlay: Option<O>,
    /// Counts its starts.
    pub life: u32,
    /// The way out.
    pub out: Outward,
    /// The way in.
    pub inward: Inward,
    /// What its line loses.
    pub loss: Gilbert,
    /// By the other end's index.
    pub links: Vec<Link>,
    /// What it publishes.
    pub source: Option<Source>,
    /// The earliest timer that is planned.
    pub timer: Option<Time>,
    /// When its source publishes next.
    pub publishes: Option<Time>,
    /// It stands still until then.
    pub frozen: Time,
    /// What it does to units that it should forward.
    pub malice: Option<Malice>,
    /// On which side of a partition it is.
    pub side: bool,
    /// When it started, this time.
    pub since: Time,
    /// Which layer it is to get of each source.
    pub takes: BTreeMap<u32, Layer>,
    /// What it was handed last of each source.
    pub heard: Vec<Heard>,
    /// When it was handed the first sound and the first picture.
    pub first: [Option<Time>; 2],
    /// When it was handed anything last.
    pub fed: Time,
    /// When units of each tree came last, and whether its parent has changed since.
    pub carried: BTreeMap<TreeId, (Time, bool)>,
    /// Bytes of control messages sent.
    pub control: u64,
    /// Units dropped before they were sent.
    pub dropped: u64,
    /// The most children in all trees together.
    pub children_max: u32,
    /// Whole time that it was up, before this life.
    pub up: Duration,
    tail: VecDeque<Step>,
}

impl<O> Machine<O> {
    /// A machine that nothing runs on yet.
    pub fn new(person: &Person, network: &Network) -> Machine<O> {
        Machine {
            overlay: None,
            life: 0,
            out: Outward::new(person.uplink_kbps, person.limit_kbps, network.uplink_buffer),
            inward: Inward::new(person.downlink_kbps, network.downlink_buffer),
            loss: Gilbert::new(network.loss_per_million, network.loss_burst),
            links: Vec::new(),
            source: None,
            timer: None,
            publishes: None,
            frozen: Time::ZERO,
            malice: None,
            side: false,
            since: Time::ZERO,
            takes: BTreeMap::new(),
            heard: Vec::new(),
            first: [None; 2],
            fed: Time::ZERO,
            carried: BTreeMap::new(),
            control: 0,
            dropped: 0,
            children_max: 0,
            up: Duration::ZERO,
            tail: VecDeque::new(),
        }
    }

    /// The link to another machine.
    pub fn link(&self, to: u32) -> Option<&Link> {
        self.links.binary_search_by_key(&to, |link| link.to).ok().map(|at| &self.links[at])
    }

    /// The link to another machine.
    pub fn link_mut(&mut self, to: u32) -> Option<&mut Link> {
        self.links.binary_search_by_key(&to, |link| link.to).ok().map(|at| &mut self.links[at])
    }

    /// Adds a link; there is none to this machine.
    pub fn add_link(&mut self, to: u32, serial: u64, path: Duration, severed: bool) {
        let at = self.links.partition_point(|link| link.to < to);
        let (last, held) = ([Time::ZERO; 3], Vec::new());
        self.links.insert(at, Link { to, serial, up: false, path, last, held, severed });
    }

    /// Takes a link out; gives it if it was there and is this one.
    pub fn remove_link(&mut self, to: u32, serial: u64) -> Option<Link> {
        let at = self.links.binary_search_by_key(&to, |link| link.to).ok()?;
        (self.links[at].serial == serial).then(|| self.links.remove(at))
    }

    /// Notes what happened.
    pub fn step(&mut self, step: Step) {
        if self.tail.len() == TAIL_MAX {
            self.tail.pop_front();
        }
        self.tail.push_back(step);
    }

    /// The last events, oldest first, in words.
    pub fn tail(&self) -> Vec<String> {
        let words = |step: &Step| {
            let with = step.with.map(|with| format!(" {with}")).unwrap_or_default();
            let tree = step.tree.map(|tree| format!(" (slot {} {:?})", tree.slot, tree.layer));
            format!("{:.6} s: {}{with}{}", step.at.0 as f64 / 1e9, step.what, tree.unwrap_or_default())
        };
        self.tail.iter().map(words).collect()
    }

    /// Which lane a layer's units travel in.
    pub fn lane(layer: Layer) -> Lane {
        if layer.is_audio() { Lane::Audio } else { Lane::Video }
    }
}
