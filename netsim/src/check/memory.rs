//! What a node holds is bounded.

use overlay_core::config::RING_BYTES_MAX;

use super::{Finding, Scene};
use crate::overlay::Overlay;

pub(super) const NAME: &str = "memory";
/// Notes of everybody: plans of 64 notes at most, and a presence of each member.
const NOTES_MAX: usize = 4 * 1024 * 1024;

pub(super) fn look<O: Overlay>(scene: &Scene<'_, O>) -> Option<Finding> {
    scene.up().find_map(|(who, _, overlay)| {
        let held = overlay.held();
        let units_max = RING_BYTES_MAX * scene.trees(who).len();
        let over = held.notes > NOTES_MAX || held.units > units_max;
        let what = || format!("holds {} bytes of notes and {} of units", held.notes, held.units);
        over.then(|| Finding { invariant: NAME, node: Some(who), what: what() })
    })
}
