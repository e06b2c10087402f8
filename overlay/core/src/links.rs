//! My neighbours, and for each tree my parent and my children.

mod lists;
mod neighbours;
mod tree;

pub(crate) use lists::Lists;
pub(crate) use neighbours::Links;
pub(crate) use tree::{Ask, Attempt, Child, Parked, Taking, Thin, Tree, Trial};
