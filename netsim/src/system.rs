//! What can run on the machines of a world.

use std::fmt;

use clap::ValueEnum;
use overlay_core::node::Node;

use crate::model::mesh::Mesh;
use crate::model::shape::{RandomTrees, Star};
use crate::model::trees::Trees;
use crate::payload::Parcel;
use crate::record::Record;
use crate::scenario::{Scenario, ScenarioError};
use crate::world::{Progress, World};

/// The shipped overlay, or a model of something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum System {
    /// The overlay that ships.
    Canopy,
    /// A model: one server that everybody sends to and is fed by.
    Star,
    /// A model: trees whose parents are drawn among those who can take one more child.
    RandomTrees,
    /// A model: gossipsub's mesh, which pushes each frame to D peers.
    GossipMesh,
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
        System::Star => Ok(World::<Trees<Star>>::new(scenario, seed)?.run(go_on)),
        System::RandomTrees => Ok(World::<Trees<RandomTrees>>::new(scenario, seed)?.run(go_on)),
        System::GossipMesh => Ok(World::<Mesh>::new(scenario, seed)?.run(go_on)),
    }
}
