//! The lists of one tree, as a node sees them.

use std::collections::VecDeque;

use crate::list::{Listed, Listing};
use crate::time::Time;
use crate::wire::Message;

/// What a node knows of the lists of one feed of a tree.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// At the source: what is still to be listed.
    pub(crate) listing: Listing,
    /// Elsewhere: what lists say of what came.
    pub(crate) listed: Listed,
    /// Lists whose signature the edge is checking.
    pub(crate) in_check: usize,
    /// The last lists, as they are told, at most [`crate::config::LISTS_KEPT_MAX`].
    pub(crate) kept: VecDeque<(Time, Message)>,
    /// Since when parents took units back, and how often.
    pub(crate) retracted: (Time, u32),
}
