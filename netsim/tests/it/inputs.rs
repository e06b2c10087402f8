//! What a scenario file becomes before time starts.

use netsim::cast::Cast;
use netsim::scenario::Scenario;

fn shipped(name: &str) -> Scenario {
    let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    Scenario::read(path).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn one_seed_draws_one_cast_and_another_seed_another() {
    let scenario = shipped("s3-200-people");
    let cast = |seed| Cast::draw(&scenario, seed).unwrap();
    assert_eq!(cast(1), cast(1));
    assert_ne!(cast(1), cast(2));
    assert_eq!(cast(1).people.len(), 210);
}
