//! The shipped overlay in a world.

use netsim::payload::Parcel;
use netsim::record::Record;
use netsim::scenario::Scenario;
use netsim::world::World;
use overlay_core::node::Node;

fn run(scenario: Scenario, seed: u64) -> Record {
    World::<Node<Parcel>>::new(scenario, seed).expect("a scenario of ours").run(|_| true)
}

#[test]
fn six_people_hear_and_see_each_other() {
    let scenario = Scenario::read("scenarios/s1-six-people.toml").expect("ours").shortened();
    let record = run(scenario, 1);
    assert_eq!(record.violations, []);
}
