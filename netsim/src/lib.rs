//! A deterministic world that drives the shipped overlay: virtual time, one seed, integers only.
//!
//! - [`scenario`]: who takes part, what they can send, what goes wrong
//! - [`world`]: nodes, links and time; does what the nodes want
//! - [`source`]: frames that are published while a node is on the stage
//! - [`link`]: an uplink that sends one thing after the other
//! - [`queue`]: what happens next
//! - [`demo_report`]: what came of the demo's small world
//! - [`cast`]: everybody, and the paths between them
//! - [`fault`]: what can go wrong
//! - [`record`]: what a world writes down
//! - [`report`]: what came of it, as data, a file and a page
//! - [`compare`]: what differs between two reports
//! - [`payload`]: a length and a taint instead of bytes

pub mod cast;
pub mod compare;
pub mod demo_report;
pub mod fault;
pub mod link;
pub mod payload;
pub mod queue;
pub mod record;
pub mod report;
pub mod scenario;
pub mod source;
pub mod world;
