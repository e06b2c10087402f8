//! One machine of the world: what runs on it, its interfaces, its links, and what is known of it for the report.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use overlay_core::time::Time;
use overlay_core::unit::{Layer, TreeId};
use overlay_core::waits::Waits;

use crate::fault::Malice;
use crate::interface::{Inward, Lane, Outward};
use crate::keys::member::Member;
use crate::link::Links;
use crate::loss::Gilbert;
use crate::received::Received;
use crate::scenario::Network;
use crate::source::Source;

use crate::cast::Person;

/// Events of a node that are kept for a violation's report.
const TAIL_MAX: usize = 24;

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
    /// The mean delay of the direct path, µs.
    pub direct_us: u64,
    /// How many frames, by layer.
    pub frames: [u32; Layer::ALL.len()],
}

/// When units of each tree came last, and whether its parent has changed since; in the order of the trees.
#[derive(Debug, Default)]
pub struct Lately(Vec<(TreeId, Time, bool)>);

impl Lately {
    /// A unit came. If the tree's parent has changed since the last one: how long ago that was.
    pub fn came(&mut self, tree: TreeId, now: Time) -> Option<Duration> {
        match self.0.binary_search_by_key(&tree, |(tree, ..)| *tree) {
            Ok(at) => {
                let (_, last, changed) = &mut self.0[at];
                let gap = now.since(std::mem::replace(last, now));
                std::mem::take(changed).then_some(gap)
            }
            Err(at) => {
                self.0.insert(at, (tree, now, false));
                None
            }
        }
    }

    /// The parent of this tree has changed.
    pub fn rewired(&mut self, tree: TreeId) {
        if let Ok(at) = self.0.binary_search_by_key(&tree, |(tree, ..)| *tree) {
            self.0[at].2 = true;
        }
    }

    /// All is forgotten.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// One machine.
#[derive(Debug)]
pub struct Machine<O> {
    /// What runs on it; nothing before it starts, after it left, and while it is dead.
    pub overlay: Option<O>,
    /// Its side of key agreement, where keys are agreed.
    pub keys: Option<Box<Member>>,
    /// Counts its starts.
    pub life: u32,
    /// The way out.
    pub out: Outward,
    /// How long what it sends waits there.
    pub waits: Waits,
    /// The way in.
    pub inward: Inward,
    /// What its line loses.
    pub loss: Gilbert,
    /// To others.
    pub links: Links,
    /// What it publishes.
    pub source: Option<Source>,
    /// The earliest timer that is planned.
    pub timer: Option<Time>,
    /// When its source began to speak last, if it sends sound only while it speaks.
    pub speaks_since: Time,
    /// Until when it speaks, where there are more sources than places.
    pub speaks_until: Time,
    /// When its source publishes next.
    pub publishes: Option<Time>,
    /// It stands still until then.
    pub frozen: Time,
    /// What it does to units that it should forward.
    pub malice: Option<Malice>,
    /// It has been hostile, or has lied about its limit.
    pub was_hostile: bool,
    /// On which side of a partition it is.
    pub side: bool,
    /// When it started, this time.
    pub since: Time,
    /// Which layer it is to get of each source.
    pub takes: BTreeMap<u32, Layer>,
    /// What it was to be handed, and was.
    pub received: Received,
    /// What it was handed last of each source.
    pub heard: Vec<Heard>,
    /// When it was handed the first sound and the first picture.
    pub first: [Option<Time>; 2],
    /// When it was handed anything last.
    pub fed: Time,
    /// When units of each tree came last.
    pub lately: Lately,
    /// Bytes of control messages sent.
    pub control: u64,
    /// Of them, lists of units, bytes.
    pub lists: u64,
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
            keys: None,
            life: 0,
            out: Outward::new(person.uplink_kbps, person.limit_kbps, network.uplink_buffer),
            waits: Waits::default(),
            inward: Inward::new(person.downlink_kbps, network.downlink_buffer),
            loss: Gilbert::new(network.loss_per_million, network.loss_burst),
            links: Links::default(),
            source: None,
            timer: None,
            speaks_since: Time::ZERO,
            speaks_until: Time::ZERO,
            publishes: None,
            frozen: Time::ZERO,
            malice: None,
            was_hostile: false,
            side: false,
            since: Time::ZERO,
            takes: BTreeMap::new(),
            received: Received::default(),
            heard: Vec::new(),
            first: [None; 2],
            fed: Time::ZERO,
            lately: Lately::default(),
            control: 0,
            lists: 0,
            dropped: 0,
            children_max: 0,
            up: Duration::ZERO,
            tail: VecDeque::new(),
        }
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
