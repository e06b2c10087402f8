//! What tells one model of trees from another: who can be drawn as a parent.

use std::time::Duration;

use overlay_core::io::{Kind, Lends};
use overlay_core::time::Time;

use crate::cast::{Cast, Nat, Person};
use crate::scenario::Scenario;

/// A server starts so long before the first person.
const SERVER_FIRST: Duration = Duration::from_millis(1);

/// What tells one model of trees from another.
pub trait Shape {
    /// Its name.
    const SYSTEM: &'static str;
    /// Adds to the cast what only this shape has; gives the index of its server, if it has one.
    fn furnish(scenario: &Scenario, cast: &mut Cast) -> Option<u32>;
}

/// One server with a line of its own, where paths to everybody are shortest.
#[derive(Debug)]
pub struct Star;

impl Shape for Star {
    const SYSTEM: &'static str = "star";

    fn furnish(scenario: &Scenario, cast: &mut Cast) -> Option<u32> {
        let server = u32::try_from(cast.people.len()).ok()?;
        // A server is there before anybody comes.
        for person in &mut cast.people {
            person.arrives = person.arrives.max(Time::ZERO + SERVER_FIRST);
        }
        cast.people.push(Person {
            kind: Kind::Relay,
            uplink_kbps: scenario.models.star_kbps,
            limit_kbps: scenario.models.star_kbps,
            lends: Lends::Spare,
            downlink_kbps: scenario.models.star_kbps,
            site: cast.closest_site(),
            last_mile: Duration::ZERO,
            nat: Nat::Open,
            arrives: Time::ZERO,
            leaves: None,
            sends: Vec::new(),
            watch: false,
            may_coordinate: false,
        });
        Some(server)
    }
}

/// Each child hangs on whoever was drawn among those who can take one more.
#[derive(Debug)]
pub struct RandomTrees;

impl Shape for RandomTrees {
    const SYSTEM: &'static str = "random-trees";

    fn furnish(_: &Scenario, _: &mut Cast) -> Option<u32> {
        None
    }
}
