//! A deterministic world that drives the shipped overlay: virtual time, one seed, integers only.
//!
//! What a scenario becomes before time starts:
//! - [`scenario`]: the file that says who meets and what goes wrong
//! - [`cast`]: everybody, and the paths between them
//! - [`geography`]: where people are, and how long it takes between places
//! - [`uplinks`]: what interfaces carry
//! - [`turns`]: who speaks when
//! - [`fault`]: what can go wrong
//! - [`rng`]: one seed, one stream for each subsystem
//!
//! What happens:
//! - [`world`]: machines, links and time; does what the overlays want
//! - [`overlay`]: what runs on a machine
//! - [`keys`]: key agreement beside it
//! - [`machine`]: one machine, with its [`interface`], its [`link`]s and its line's [`loss`]
//! - [`source`]: frames that are published while a node is on the stage
//! - [`payload`]: a length, and what was sealed into it
//! - [`queue`]: what happens next
//! - [`hash`]: 128 bits over everything that happened
//! - [`model`]: baselines: what others would do, [`window`]: which frames were seen
//! - [`system`]: the shipped overlay, or a model of something else, on all machines
//! - [`saboteur`]: breaks an overlay from outside, for tests
//!
//! What comes of it:
//! - [`check`]: the invariants
//! - [`ledger`], [`record`]: what is written down; [`received`]: of one machine
//! - [`report`]: the same as data, a file and a page
//! - [`compare`]: what differs between two reports
//! - [`side_by_side`]: key figures of several reports
//! - [`figures`]: what the overlay is measured by, over several meetings
//! - [`shrink`]: the smallest scenario that fails as another does
//!
//! Beside it:
//! - [`replay`]: a recorded run of a real node, told to a new core

pub mod cast;
pub mod check;
pub mod compare;
pub mod fault;
pub mod figures;
pub mod geography;
pub mod hash;
pub mod id;
pub mod interface;
pub mod keys;
pub mod ledger;
pub mod link;
pub mod loss;
pub mod machine;
pub mod model;
pub mod overlay;
pub mod payload;
pub mod queue;
pub mod received;
pub mod record;
pub mod replay;
pub mod report;
pub mod rng;
pub mod saboteur;
pub mod scenario;
pub mod shrink;
pub mod side_by_side;
pub mod source;
pub mod system;
pub mod turns;
pub mod uplinks;
pub mod window;
pub mod world;
