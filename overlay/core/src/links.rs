//! My neighbours, and for each tree my parent and my children.

mod by_id;
mod children;
mod lists;
mod neighbours;
mod thin;
mod tree;

pub(crate) use children::Child;
pub(crate) use lists::Lists;
pub(crate) use neighbours::Links;
pub(crate) use thin::Thin;
pub(crate) use tree::{Ask, Attempt, Parked, Taking, Tree, Trial};
