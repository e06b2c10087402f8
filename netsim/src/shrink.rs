//! Reduces a scenario that fails: first what goes wrong, then who takes part, then how long it lasts. Whatever
//! still fails by the same invariant is kept (as delta debugging does; Zeller and Hildebrandt, IEEE TSE 28(2), 2002).

use std::panic::catch_unwind;
use std::time::Duration;

use crate::scenario::{Scenario, ScenarioError};
use crate::system::{System, run};

/// A failing run is cut so long after the failure.
const AFTERWARDS: Duration = Duration::from_millis(500);
/// The shortest run worth having.
const LENGTH_MIN: Duration = Duration::from_secs(1);

/// What stands for an invariant where the overlay's own checks panicked.
pub const PANIC: &str = "panic";

/// How a scenario fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which invariant, or [`PANIC`].
    pub invariant: &'static str,
    /// When; of a panic only that it was not later.
    pub at: Duration,
    /// What was seen.
    pub what: String,
}

impl Failure {
    /// Runs the scenario; none if nothing fails that it does not expect.
    pub fn of(scenario: &Scenario, seed: u64) -> Result<Option<Failure>, ScenarioError> {
        let Ok(record) = catch_unwind(|| run(System::Canopy, scenario.clone(), seed, |_| true)) else {
            // What was seen is on stderr, where panics say it.
            let (at, what) = (scenario.length, "an overlay contradicts itself".to_owned());
            return Ok(Some(Failure { invariant: PANIC, at, what }));
        };
        let record = record?;
        let broken = record.violations.into_iter().find(|violation| violation.expected.is_none());
        Ok(broken.map(|broken| Failure {
            invariant: broken.invariant,
            at: Duration::from_nanos(broken.at_ns),
            what: broken.what,
        }))
    }
}

/// The smallest scenario that was found which fails as this one does. `told` hears of each step that helped.
pub fn shrink(
    scenario: Scenario,
    seed: u64,
    failure: Failure,
    mut told: impl FnMut(&str, &Scenario),
) -> Result<Scenario, ScenarioError> {
    let invariant = failure.invariant;
    let fails = |candidate: &Scenario| -> Result<Option<Failure>, ScenarioError> {
        // A candidate that is no scenario any more (more sources than people, say) is no candidate.
        let Ok(candidate) = Scenario::parse(&candidate.to_toml(), &candidate.file) else { return Ok(None) };
        Ok(Failure::of(&candidate, seed)?.filter(|found| found.invariant == invariant))
    };
    let mut best = scenario;
    let mut at = 0;
    while at < best.faults.len() {
        let mut fewer = best.clone();
        fewer.faults.remove(at);
        if fails(&fewer)?.is_some() {
            best = fewer;
            told("a fault less", &best);
        } else {
            at += 1;
        }
    }
    for divisor in [2, 3] {
        while best.people.count > 1 {
            let people = best.people.count - best.people.count.div_ceil(divisor);
            let fewer = best.clone().with_people(people.max(1));
            if fewer.people.count >= best.people.count || fails(&fewer)?.is_none() {
                break;
            }
            best = fewer;
            told("fewer people", &best);
        }
    }
    while invariant == PANIC && best.length > LENGTH_MIN {
        let length = (best.length * 3 / 4).max(LENGTH_MIN);
        let shorter = Scenario { length, settle: best.settle.min(length), ..best.clone() };
        if fails(&shorter)?.is_none() {
            break;
        }
        best = shorter;
        told("shorter", &best);
    }
    if let Some(found) = fails(&best)? {
        let length = (found.at + AFTERWARDS).max(LENGTH_MIN);
        // Cut, not scaled: what happens before the failure stays as it is.
        let shorter = Scenario { length: length.min(best.length), ..best.clone() };
        if fails(&shorter)?.is_some() {
            best = shorter;
            told("shorter", &best);
        }
    }
    Ok(best)
}
