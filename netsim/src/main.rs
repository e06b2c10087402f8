//! `netsim`: meetings in virtual time.

use std::time::Instant;

use netsim::payload::Parcel;
use netsim::report::{Report, summary};
use netsim::scenario::Scenario;
use netsim::world::World;
use overlay_core::node::Node;

fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap();
    let mut scenario = Scenario::read(path).unwrap();
    if let Some(n) = args.next() { scenario = scenario.with_people(n.parse().unwrap()); }
    let start = Instant::now();
    let record = World::<Node<Parcel>>::new(scenario, 1).unwrap().run(|p| { if p.now.0 % 1_000_000_000 == 0 { eprintln!("{:?} {:.1}", p, start.elapsed().as_secs_f64()); } true });
    let report = Report::of(&record).with_wall(start.elapsed());
    println!("{}", summary::text(&report));
    report.write(std::path::Path::new("/tmp/runs/out")).unwrap();
}
