//! What a world writes down while it runs; [`crate::report`] makes a report of it.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use overlay_core::io::Kind;
use overlay_core::time::Time;
use overlay_core::unit::Layer;
use serde::{Deserialize, Serialize};

use crate::received::Frames;

/// Milliseconds without a frame that count as an interruption of a stream.
pub const GAP_MS: u64 = 300;
/// A frame that takes longer than the direct path and this much is late.
pub const LATE_BY_MS: u64 = 400;
/// Trees are drawn up to so many nodes.
pub const DRAWN_MAX: usize = 200;

/// A histogram of whole microseconds, or of counts.
#[derive(Clone, Debug)]
pub struct Spread(pub Histogram<u64>);

impl Default for Spread {
    fn default() -> Spread {
        // Three digits over any u64: the constructor refuses only more than five.
        Spread(Histogram::new(3).expect("three digits are allowed"))
    }
}

impl Spread {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        // It grows to whatever comes; `saturating_record` would cut at the two values that an empty one holds.
        self.0.record(value).expect("it grows by itself");
    }

    /// Counts a value so many times.
    pub fn add_many(&mut self, value: u64, times: u64) {
        // A value that never came would still count as the largest.
        if times > 0 {
            self.0.record_n(value, times).expect("it grows by itself");
        }
    }
}

/// What came of one layer, over all its receivers.
#[derive(Clone, Debug, Default)]
pub struct LayerRecord {
    /// Frames that were to be delivered: each frame that a source published once for each receiver that took
    /// part in its tree, by plan, at that moment.
    pub due: u64,
    /// Frames that were delivered.
    pub delivered: u64,
    /// Of them, late by more than [`LATE_BY_MS`].
    pub late: u64,
    /// From the source's publishing to the receiver's delivery, µs.
    pub delay: Spread,
    /// The mean delay of the direct path of the same source and receiver, counted once for each frame, µs.
    pub direct: Spread,
    /// Links from source to receiver.
    pub depth: Spread,
    /// Every time without a frame longer than [`GAP_MS`] between two frames of one feed, ms.
    pub gaps: Spread,
    /// Bytes that receivers were handed.
    pub bytes: u64,
}

/// What came of key agreement.
#[derive(Clone, Debug, Default)]
pub struct KeysRecord {
    /// Frames that were handed over and opened, within the time that they are kept.
    pub opened: u64,
    /// Frames that no key came for in that time.
    pub unopened: u64,
    /// From a participant's start to the first frame that it opened, µs.
    pub first_opened: Spread,
    /// Each time in which a source's sound came that a receiver had no key for, though it had opened something before, µs.
    pub waits: Spread,
    /// Participants who took their leave or were removed.
    pub leaves: u64,
    /// From that moment until everybody else held the keys of a meeting without them, µs.
    pub rekeys: Spread,
}

/// One second of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Nodes that are up at its end.
    pub nodes: u32,
    /// Frames that were due and that were delivered, by layer.
    pub due: BTreeMap<Layer, u64>,
    /// See `due`.
    pub delivered: BTreeMap<Layer, u64>,
    /// Bytes that interfaces sent, headers included: participants, relays.
    pub sent: [u64; 2],
    /// Of them, control messages.
    pub control: u64,
    /// People who watch somebody and were not fed by anybody for this whole second.
    pub starved: u32,
}

/// What one node did.
#[derive(Clone, Debug, Serialize)]
pub struct NodeRecord {
    /// How it takes part.
    #[serde(skip)]
    pub kind: Option<Kind>,
    /// kbit/s that it may send.
    pub limit_kbps: u32,
    /// Seconds that it was up.
    pub up_s: u32,
    /// Bytes sent, headers and retransmissions included.
    pub sent: u64,
    /// Of them, control messages.
    pub control: u64,
    /// Of them, lists of units.
    pub lists: u64,
    /// Bytes received.
    pub received: u64,
    /// The most in any second, bytes.
    pub highest_second: u64,
    /// The most children in all trees together.
    pub children_max: u32,
    /// Units dropped before they were sent.
    pub dropped: u64,
    /// What it can take in, kbit/s.
    pub downlink_kbps: u32,
    /// Its way in holds less than the sound and the largest picture of every other source.
    #[serde(skip)]
    pub narrow: bool,
    /// Seconds in which it told that its way in is full.
    #[serde(skip)]
    pub limited_s: u32,
    /// What it was to be handed, and was.
    #[serde(skip)]
    pub frames: BTreeMap<Layer, Frames>,
}

/// One edge of one tree, at the moment that is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Which tree, in words ("slot 0 P360").
    pub tree: String,
    /// Index of the parent.
    pub parent: u32,
    /// Index of the child.
    pub child: u32,
}

/// Something of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// When, ms.
    pub at_ms: u64,
    /// What, in words.
    pub what: String,
    /// True for a fault that the scenario made; false for what nodes did about it (a new plan, a new term).
    pub fault: bool,
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which checker, see [`crate::check`].
    pub invariant: &'static str,
    /// When, ns.
    pub at_ns: u64,
    /// Which node, if it is one's.
    pub node: Option<u32>,
    /// What was seen.
    pub what: String,
    /// Why the scenario expects it, if it does.
    pub expected: Option<String>,
    /// The last events of that node, oldest first.
    pub tail: Vec<String>,
}

/// Everything that is known of a run when it has ended.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The scenario's name.
    pub scenario: String,
    /// What ran: "canopy", or a baseline, which is a model.
    pub system: &'static str,
    /// The seed.
    pub seed: u64,
    /// Participants and volunteers.
    pub people: u32,
    /// See `people`.
    pub relays: u32,
    /// How long it was simulated; shorter than the scenario if it was interrupted or violated.
    pub simulated: Duration,
    /// How long of that after all had settled, as the scenario says.
    pub settled: Duration,
    /// False if it was interrupted or ended by a violation.
    pub complete: bool,
    /// Events handled.
    pub events: u64,
    /// Units that crossed a link.
    pub unit_hops: u64,
    /// 128 bits over everything that happened.
    pub hash: u128,
    /// By layer.
    pub layers: BTreeMap<Layer, LayerRecord>,
    /// By second.
    pub seconds: Vec<Second>,
    /// By node.
    pub nodes: Vec<NodeRecord>,
    /// From a lost parent to the next frame of the same tree, µs.
    pub repairs: Spread,
    /// From a participant's start to the first frame that it was handed: sound, pictures, µs.
    pub first_sound: Spread,
    /// See `first_sound`.
    pub first_picture: Spread,
    /// From the moment at which somebody begins to speak who has no place, to their first word at a receiver, µs.
    pub floor_taken: Spread,
    /// Receivers whom nothing of it came to.
    pub never_heard: u64,
    /// Of such people's first half seconds: packets that receivers were handed, and those that there were.
    pub first_words: (u64, u64),
    /// What came of key agreement, if there was any.
    pub keys: Option<KeysRecord>,
    /// The trees at the end, of up to [`DRAWN_MAX`] nodes.
    pub trees: Vec<Edge>,
    /// Frames that were handed over altered, and did not open.
    pub rejected: u64,
    /// Nodes that the coordinator let feed nobody any more: honest, hostile.
    pub demoted: [u64; 2],
    /// When this was, faults and answers.
    pub timeline: Vec<Happened>,
    /// The capacity bound of the main picture, kbit/s for each receiver: min(u_s, (u_s + Σu)/n)
    /// (Mundinger, Weber, Weiss, 2008), and what was handed over instead.
    pub bound_kbps: f64,
    /// See `bound_kbps`.
    pub goodput_kbps: f64,
    /// What did not hold.
    pub violations: Vec<Violation>,
}

impl Record {
    /// Writes a moment into the timeline, bounded by [`TIMELINE_MAX`].
    pub fn happened(&mut self, now: Time, what: String, fault: bool) {
        if self.timeline.len() < TIMELINE_MAX {
            self.timeline.push(Happened { at_ms: now.0 / 1_000_000, what, fault });
        }
    }
}

/// Moments of a timeline that are kept.
pub const TIMELINE_MAX: usize = 2_000;
