//! Models of what others would do, in the same world: the same machines, interfaces, links and frames.
//!
//! Each says less than a real system does: nobody is admitted, nothing is signed, everybody knows from the start who
//! sends what and who wants it, and pictures need no key frame to join. So a model is rather too good than too bad.
//!
//! - [`trees`]: one tree for each layer of each source, by a [`tracker`], in the [`shape`] of a star or of random trees
//! - [`mesh`]: gossipsub's mesh, with the [`topic`]s of one node
//! - [`message`]: what models say to each other
//! - [`brief`]: what everybody knows

pub mod brief;
pub mod mesh;
pub mod message;
pub mod shape;
pub mod topic;
pub mod tracker;
pub mod trees;
