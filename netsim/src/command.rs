//! What each verb does. Each gives false if something did not hold.

pub mod compare;
pub mod figures;
pub mod list;
pub mod replay;
pub mod run;
pub mod shrink;
pub mod sweep;

use anyhow::Context;
use netsim::scenario::Scenario;

use crate::args::Subject;

/// Reads a scenario and makes it as large and long as it was asked for.
fn scenario(subject: &Subject) -> anyhow::Result<Scenario> {
    let mut scenario = Scenario::read(&subject.scenario)?.with_settings(&subject.set)?;
    if subject.short {
        scenario = scenario.shortened();
    }
    if let Some(people) = subject.people {
        scenario = scenario.with_people(people);
    }
    if let Some(length) = subject.length {
        scenario = scenario.with_length(length);
    }
    // What was asked for may be beyond what a scenario can be.
    let file = scenario.file.clone();
    Scenario::parse(&scenario.to_toml(), &file).context("as it was asked for")
}
