//! Reduces a scenario that fails: first what goes wrong, then who takes part, then how long it lasts. Whatever
//! still fails by the same invariant is kept (as delta debugging does; Zeller and Hildebrandt, IEEE TSE 28(2), 2002).

use std::time::Duration;

use crate::scenario::{Scenario, ScenarioError};
use crate::system::{System, run};

/// A failing run is cut so long after the failure.
const AFTERWARDS: Duration = Duration::from_millis(500);
/// The shortest run worth having.
const LENGTH_MIN: Duration = Duration::from_secs(1);

/// How a scenario fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which invariant.
    pub invariant: &'static str,
    /// When.
    pub at: Duration,
    /// What was seen.
    pub what: String,
}

impl Failure {
    /// Runs the scenario; none if nothing fails that it does not expect.
    pub fn of(scenario: &Scenario, seed: u64) -> Result<Option<Failure>, ScenarioError> {
        let record = run(System::Canopy, scenario.clone(), seed, |_| true)?;
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
