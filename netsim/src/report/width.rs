//! What people got whose way in holds everything that is sent, and those whose doesn't.

use std::collections::BTreeMap;

use overlay_core::unit::Layer;
use serde::{Deserialize, Serialize};

use crate::received::Frames;
use crate::record::Record;

/// How much somebody's way in holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    /// Less than the sound and the largest picture of every other source.
    Narrow,
    /// All of that.
    Wide,
}

/// People of one width.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WidthReport {
    /// How many.
    pub people: u32,
    /// Of them, those who told that their way in is full.
    pub limited: u32,
    /// For how long they did, all together, s.
    pub limited_s: u64,
    /// What they were to get and got, by layer.
    pub layers: BTreeMap<Layer, Frames>,
}

impl WidthReport {
    /// Sound, or all pictures together.
    pub fn frames(&self, sound: bool) -> Frames {
        let of = self.layers.iter().filter(|(layer, _)| layer.is_audio() == sound);
        of.fold(Frames::default(), |sum, (_, frames)| sum.with(*frames))
    }
}

/// The participants of a record; nobody where everybody's way in is wide.
pub fn widths(record: &Record) -> BTreeMap<Width, WidthReport> {
    let mut widths: BTreeMap<Width, WidthReport> = BTreeMap::new();
    for node in record.nodes.iter().take(record.people as usize) {
        let width = widths.entry(if node.narrow { Width::Narrow } else { Width::Wide }).or_default();
        width.people += 1;
        width.limited += u32::from(node.limited_s > 0);
        width.limited_s += u64::from(node.limited_s);
        for (layer, frames) in &node.frames {
            let sum = width.layers.entry(*layer).or_default();
            *sum = sum.with(*frames);
        }
    }
    widths
}
