//! What came of a run: plain data that is written as `report.json` and drawn as `report.html`.
//!
//! - [`quantiles`]: how values spread
//! - [`layer`]: what came of one layer
//! - [`class`]: what nodes sent, one by one and by class
//! - [`keys`]: what came of key agreement
//! - [`width`]: what people got, by what their way in holds
//! - [`totals`]: the run as a whole
//! - [`summary`]: the key figures in words
//! - [`file`]: reading and writing
//! - [`page`]: `report.html`, of `charts`, `trees` and `plot`
//!
//! Every key of the JSON is described in `docs/netsim.md`.

mod charts;
pub mod class;
pub mod file;
pub mod keys;
pub mod layer;
pub mod page;
mod plot;
pub mod quantiles;
pub mod summary;
pub mod totals;
mod trees;
pub mod width;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use overlay_core::unit::Layer;
use serde::{Deserialize, Serialize};

use crate::record::{Edge, Happened, Record, Second, Violation};
use class::{Class, ClassReport, Node};
use keys::KeysReport;
use layer::LayerReport;
use quantiles::Quantiles;
use totals::Totals;
use width::{Width, WidthReport};

/// The number of this form of `report.json`; another number can't be read.
pub const FORMAT: u32 = 1;

/// Everything that is told of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Always [`FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// What ran: "canopy", or the name of a baseline.
    pub system: String,
    /// The seed.
    pub seed: u64,
    /// Participants.
    pub people: u32,
    /// Volunteers.
    pub relays: u32,
    /// Virtual time that was simulated, ms.
    pub simulated_ms: u64,
    /// Of it, what came after all had settled: what delays and interruptions are told of, ms.
    pub settled_ms: u64,
    /// False if the run was interrupted or ended by a violation.
    pub complete: bool,
    /// Events handled.
    pub events: u64,
    /// Units that crossed a link.
    pub unit_hops: u64,
    /// 128 bits over everything that happened, as 32 hex digits.
    pub hash: String,
    /// The command that runs it again.
    pub replay: String,
    /// What did not hold.
    pub violations: Vec<Broken>,
    /// The run as a whole.
    pub totals: Totals,
    /// By layer.
    pub layers: BTreeMap<Layer, LayerReport>,
    /// Sums and spreads over participants, and over relays.
    pub classes: BTreeMap<Class, ClassReport>,
    /// Participants, by what their way in holds.
    pub widths: BTreeMap<Width, WidthReport>,
    /// From a lost parent to the next frame of the same tree, ms.
    pub repairs_ms: Quantiles,
    /// From a participant's start to its first sound, ms.
    pub first_sound_ms: Quantiles,
    /// From a participant's start to its first picture, ms.
    pub first_picture_ms: Quantiles,
    /// From the moment at which somebody begins to speak who has no place, to their first word at a receiver, ms.
    pub floor_taken_ms: Quantiles,
    /// Receivers whom nothing of it came to.
    pub never_heard: u64,
    /// Of such people's first half seconds the share that receivers were handed.
    pub first_words: Option<f64>,
    /// What came of key agreement; none where no keys were agreed.
    pub keys: Option<KeysReport>,
    /// By second.
    pub seconds: Vec<Second>,
    /// By node, in the order of their index.
    pub nodes: Vec<Node>,
    /// The trees at the end.
    pub trees: Vec<Edge>,
    /// Faults and answers.
    pub timeline: Vec<Happened>,
    /// What the run cost the machine that it ran on; none unless it was told.
    pub machine: Option<Machine>,
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broken {
    /// Which checker.
    pub invariant: String,
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

/// What a run cost. It differs from machine to machine and from run to run, and nothing else in a report does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Time on the wall, s.
    pub wall_s: f64,
    /// Events handled in a second of it.
    pub events_per_s: f64,
    /// Units that crossed a link in a second of it.
    pub unit_hops_per_s: f64,
    /// Virtual seconds in a second of it.
    pub speed: f64,
}

impl Report {
    /// The report of a run that has ended.
    pub fn of(record: &Record) -> Report {
        let nodes = class::nodes(record);
        Report {
            format: FORMAT,
            scenario: record.scenario.clone(),
            system: record.system.to_owned(),
            seed: record.seed,
            people: record.people,
            relays: record.relays,
            simulated_ms: u64::try_from(record.simulated.as_millis()).unwrap_or(u64::MAX),
            settled_ms: u64::try_from(record.settled.as_millis()).unwrap_or(u64::MAX),
            complete: record.complete,
            events: record.events,
            unit_hops: record.unit_hops,
            hash: format!("{:032x}", record.hash),
            replay: replay(&record.scenario, record.seed),
            violations: record.violations.iter().map(Broken::of).collect(),
            totals: Totals::of(record),
            layers: record.layers.iter().map(|(layer, one)| (*layer, LayerReport::of(one))).collect(),
            classes: class::classes(&nodes),
            widths: width::widths(record),
            repairs_ms: Quantiles::of_micros(&record.repairs),
            first_sound_ms: Quantiles::of_micros(&record.first_sound),
            floor_taken_ms: Quantiles::of_micros(&record.floor_taken),
            never_heard: record.never_heard,
            first_words: share(record.first_words.0, record.first_words.1),
            first_picture_ms: Quantiles::of_micros(&record.first_picture),
            keys: record.keys.as_ref().map(KeysReport::of),
            seconds: record.seconds.clone(),
            nodes,
            trees: record.trees.clone(),
            timeline: record.timeline.clone(),
            machine: None,
        }
    }

    /// The same report with what it took on the wall.
    pub fn with_wall(mut self, wall: Duration) -> Report {
        let wall_s = wall.as_secs_f64();
        let each = |count: f64| if wall_s > 0.0 { count / wall_s } else { 0.0 };
        self.machine = Some(Machine {
            wall_s,
            events_per_s: each(self.events as f64),
            unit_hops_per_s: each(self.unit_hops as f64),
            speed: each(self.simulated_ms as f64 / 1_000.0),
        });
        self
    }
}

impl Broken {
    fn of(violation: &Violation) -> Broken {
        Broken {
            invariant: violation.invariant.to_owned(),
            at_ns: violation.at_ns,
            node: violation.node,
            what: violation.what.clone(),
            expected: violation.expected.clone(),
            tail: violation.tail.clone(),
        }
    }
}

/// The command that runs a scenario again, ready to be pasted into a shell whatever the name is.
fn replay(scenario: &str, seed: u64) -> String {
    // A NUL can't be quoted, and no file has one in its name.
    let name = shlex::try_quote(scenario).unwrap_or(Cow::Borrowed("SCENARIO"));
    format!("netsim run {name} --seed {seed}")
}

/// The share of a part in a whole; none of nothing.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
