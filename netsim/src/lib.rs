//! A deterministic world that drives the shipped overlay: virtual time, one seed, integers only.
//!
//! - [`scenario`]: the file that says who meets, over what network, and what goes wrong
//! - [`demo_scenario`]: the small meeting of `canopy demo`
//! - [`world`]: nodes, links and time; does what the nodes want
//! - [`source`]: frames that are published while a node is on the stage
//! - [`link`]: an uplink that sends one thing after the other
//! - [`queue`]: what happens next
//! - [`report`]: what came of it
//! - [`cast`]: everybody, and the paths between them
//! - [`geography`]: where people are, and how long it takes between places
//! - [`uplinks`]: what interfaces carry
//! - [`turns`]: who speaks when
//! - [`rng`]: one seed, one stream for each subsystem
//! - [`fault`]: what can go wrong
//! - [`record`]: what a world writes down
//! - [`payload`]: a length and a taint instead of bytes

pub mod cast;
pub mod demo_scenario;
pub mod fault;
pub mod geography;
pub mod link;
pub mod payload;
pub mod queue;
pub mod record;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod source;
pub mod turns;
pub mod uplinks;
pub mod world;
