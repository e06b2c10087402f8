//! Invariants, each a small checker on its own, looked at while the world runs.
//!
//! A violation ends the run, unless the scenario lists it as expected; then the first of its kind is written down.

mod acyclic;
mod children;
mod delivery;
mod demotion;
mod epochs;
mod interfaces;
mod liveness;
mod memory;
mod mutual;
mod openable;
mod terms;

use std::collections::BTreeMap;
use std::time::Duration;

use overlay_core::status::TreeStatus;
use overlay_core::time::Time;
use overlay_core::unit::Frame;

use crate::cast::Cast;
use crate::machine::Machine;
use crate::overlay::Overlay;
use crate::payload::Parcel;
use crate::record::Violation;
use crate::scenario::Scenario;

/// How often everybody is looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Large meetings are looked at only each so many looks.
const SELDOM: u64 = 10;
/// Who has more people than this is large.
const LARGE: usize = 1_000;

/// Every invariant's name, as scenarios and reports write it.
pub const INVARIANTS: [&str; 12] = [
    interfaces::NAME,
    acyclic::NAME,
    delivery::TWICE,
    delivery::FORGED,
    children::NAME,
    mutual::NAME,
    memory::NAME,
    terms::NAME,
    demotion::NAME,
    liveness::NAME,
    openable::NAME,
    epochs::NAME,
];

/// What checkers see.
pub(crate) struct Scene<'a, O> {
    pub(crate) now: Time,
    pub(crate) machines: &'a [Machine<O>],
    pub(crate) cast: &'a Cast,
    /// The places of each machine that is up in its trees, asked for once for all checkers.
    pub(crate) trees: Vec<Vec<TreeStatus>>,
    /// When something was disturbed last, by the scenario.
    pub(crate) disturbed: Time,
    /// What nodes claim instead of their limits, kbit/s.
    pub(crate) claims: &'a BTreeMap<u32, u32>,
}

impl<O: Overlay> Scene<'_, O> {
    /// Everybody who is up: index, machine, what runs on it.
    pub(crate) fn up(&self) -> impl Iterator<Item = (u32, &Machine<O>, &O)> {
        let all = (0..).zip(self.machines);
        all.filter_map(|(who, machine)| Some((who, machine, machine.overlay.as_ref()?)))
    }

    /// The places of a machine in its trees.
    pub(crate) fn trees(&self, who: u32) -> &[TreeStatus] {
        &self.trees[who as usize]
    }
}

/// What a checker has found.
pub(crate) struct Finding {
    pub(crate) invariant: &'static str,
    pub(crate) node: Option<u32>,
    pub(crate) what: String,
}

/// All checkers, and what they have found.
#[derive(Debug)]
pub struct Checks {
    expected: BTreeMap<String, String>,
    disturbed: Time,
    claims: BTreeMap<u32, u32>,
    looks: u64,
    deliveries: delivery::Deliveries,
    terms: terms::Terms,
    mutual: mutual::Mutual,
    epochs: epochs::Epochs,
    violations: Vec<Violation>,
    failed: bool,
}

impl Checks {
    /// Checkers of a run.
    pub fn new<O: Overlay>(scenario: &Scenario, cast: &Cast) -> Checks {
        let listed =
            scenario.expected.iter().map(|expected| (expected.invariant.clone(), expected.why.clone()));
        let models = INVARIANTS.map(|name| (name.to_owned(), "a model is not held to it".to_owned()));
        Checks {
            expected: if O::MODEL { models.into() } else { listed.collect() },
            disturbed: Time::ZERO,
            claims: BTreeMap::new(),
            looks: 0,
            deliveries: delivery::Deliveries::new(cast.people.len()),
            terms: terms::Terms::default(),
            mutual: mutual::Mutual::default(),
            epochs: epochs::Epochs::default(),
            violations: Vec::new(),
            failed: false,
        }
    }

    /// The scenario disturbs somebody, now or at a moment to come.
    pub fn disturbed(&mut self, at: Time) {
        self.disturbed = self.disturbed.max(at);
    }

    /// A node's process has ended.
    pub fn gone(&mut self, who: u32) {
        self.deliveries.forget(who);
        self.terms.forget(who);
        self.epochs.forget(who);
    }

    /// A node claims another limit than its own.
    pub fn lies(&mut self, who: u32, kbps: u32) {
        self.claims.insert(who, kbps);
    }

    /// What a node claims, if it lies.
    pub fn claimed(&self, who: u32) -> Option<u32> {
        self.claims.get(&who).copied()
    }

    /// True once something that is not expected was found: the run ends.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// A frame was handed over, and opened.
    pub fn delivered<O>(
        &mut self,
        now: Time,
        who: u32,
        source: u32,
        feed: u32,
        frame: &Frame<Parcel>,
        machines: &[Machine<O>],
    ) {
        if let Some(finding) = self.deliveries.delivered(who, source, feed, frame) {
            self.found(now, finding, machines);
        }
    }

    /// The coordinator lets somebody feed nobody any more.
    pub fn demoted<O: Overlay>(&mut self, now: Time, who: u32, machines: &[Machine<O>]) {
        if let Some(finding) = demotion::look(who, machines) {
            self.found(now, finding, machines);
        }
    }

    /// Looks at everybody.
    pub fn look<O: Overlay>(&mut self, now: Time, machines: &[Machine<O>], cast: &Cast) {
        self.looks += 1;
        if machines.len() > LARGE && !self.looks.is_multiple_of(SELDOM) {
            return;
        }
        let (disturbed, claims) = (self.disturbed, &self.claims);
        let trees = |machine: &Machine<O>| machine.overlay.as_ref().map(Overlay::trees).unwrap_or_default();
        let trees = machines.iter().map(trees).collect();
        let scene = Scene { now, machines, cast, trees, disturbed, claims };
        for (_, machine, overlay) in scene.up() {
            overlay.check();
            if let Some(member) = &machine.keys {
                member.session.check();
            }
        }
        let mut findings = Vec::new();
        findings.extend(interfaces::look(&scene));
        findings.extend(acyclic::look(&scene));
        findings.extend(children::look(&scene));
        findings.extend(memory::look(&scene));
        findings.extend(liveness::look(&scene));
        findings.extend(openable::look(&scene));
        findings.extend(self.epochs.look(&scene));
        findings.extend(self.terms.look(&scene));
        findings.extend(self.mutual.look(&scene));
        for finding in findings {
            self.found(now, finding, machines);
        }
    }

    fn found<O>(&mut self, now: Time, finding: Finding, machines: &[Machine<O>]) {
        let Finding { invariant, node, what } = finding;
        if self.violations.iter().any(|violation| violation.invariant == invariant) {
            return;
        }
        let tail = node.map(|node| machines[node as usize].tail()).unwrap_or_default();
        let expected = self.expected.get(invariant).cloned();
        self.failed |= expected.is_none();
        self.violations.push(Violation { invariant, at_ns: now.0, node, what, expected, tail });
    }

    /// What was found, in the order of time.
    pub fn into_violations(self) -> Vec<Violation> {
        self.violations
    }
}
