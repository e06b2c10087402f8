//! The plan, and the planner that makes it: a deterministic function of who is there, who is plugged in, and what
//! held before. Integers, ties by number, nothing but its arguments. Each module imports only from those below it:
//!
//! | module | its noun |
//! |---|---|
//! | `compute` | a plan that is made once |
//! | `told` | a plan as it is told |
//! | `planner` | the tables that are kept between plans, and the verbs |
//! | `tune` | channels and groups as the meeting asks for them |
//! | `bare` | trees that are not there yet: dealt uplink, and built |
//! | `resume` | a plan that was made elsewhere |
//! | `settle` | brings trees that are there to what is granted |
//! | `better` | edges that hold, and move only because others are better |
//! | `swap` | two nodes of a tree that change places |
//! | `seat` | one node in a tree that is there |
//! | `place` | one tree from nothing |
//! | `deal` | which tree gets whose uplink |
//! | `admit` | who gets which layer |
//! | `served` | what a plan gives people |
//! | `channel` | a feed, its groups and what is granted |
//! | `backups` | who else could feed a node |
//! | `tree` | who hangs on whom, by number |
//! | `group` | k and m |
//! | `roster` | everybody, by number |
//! | `budget`, `table`, `looks` | costs, what goes in and comes out |

mod admit;
mod backups;
mod bare;
mod better;
mod budget;
mod channel;
mod compute;
mod deal;
mod group;
mod looks;
mod pairs;
mod place;
mod planner;
mod resume;
mod roster;
mod seat;
mod served;
mod settle;
mod swap;
mod table;
mod told;
mod tree;
mod tune;

pub use budget::{graft_kbps, own_kbps, planned_kbps, unit_kbps, wire_kbps};
pub use compute::compute;
pub use group::Shape;
pub use looks::Looks;
pub use planner::Planner;
pub use table::{Branch, Feed, Margins, Plan, Row, Shapes, Supply, View, Why};
pub use told::{Seat, Trees};
