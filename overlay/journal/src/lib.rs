//! A recorded run of a node's core: what it was told and when, and a hash of what it wanted done each time.
//!
//! A real node writes it, the simulator reads it and tells a new core the same. `docs/netsim.md` documents the file.
//!
//! | module | its noun |
//! |---|---|
//! | [`file`](mod@file) | the recorded run: written, and read again |
//! | [`step`] | one call of the core |
//! | [`brief`] | a payload that is only known by its length and hash |

pub mod brief;
pub mod file;
pub mod step;

pub use brief::Brief;
pub use file::{ReadError, Reader, Writer};
pub use step::{Did, Step, Wants};
