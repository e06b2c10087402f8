//! The plan, and the pure function that makes it.
//!
//! [`compute`] is deterministic: integers, ties by id, nothing but its arguments. It gives out a short
//! supply as DESIGN 3.3 says: sound to everybody, then the smallest picture, then larger ones. A
//! relay with spare uplink is preferred over a participant: it can be reached by everybody, and a
//! source keeps its own uplink for grafts.

mod admit;
mod backups;
mod budget;
mod place;
mod table;

pub use admit::compute;
pub use budget::{graft_kbps, planned_kbps, wire_kbps};
pub use table::{Branch, Feed, Plan, Row, Supply, View};
