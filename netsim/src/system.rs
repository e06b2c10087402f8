//! What can run on the machines of a world.

use std::fmt;

use clap::ValueEnum;
use overlay_core::node::Node;

use crate::payload::Parcel;
use crate::record::Record;
use crate::scenario::{Scenario, ScenarioError};
use crate::world::{Progress, World};

/// The shipped overlay, or a model of something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum System {
    /// The overlay that ships.
    Canopy,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// Runs a scenario; see [`World::run`].
pub fn run(
    system: System,
    scenario: Scenario,
    seed: u64,
    go_on: impl FnMut(Progress) -> bool,
) -> Result<Record, ScenarioError> {
    match system {
        System::Canopy => Ok(World::<Node<Parcel>>::new(scenario, seed)?.run(go_on)),
    }
}
