//! What came of one layer.

use overlay_core::unit::Layer;
use serde::{Deserialize, Serialize};

use super::quantiles::Quantiles;
use super::share;
use crate::record::{LayerRecord, Spread};

/// Interruptions are counted from each of these lengths up to the next, ms; the last has no end.
pub const GAP_STEPS_MS: [u64; 6] = [300, 500, 1_000, 2_000, 5_000, 10_000];
/// Frames that crossed as many links or more are counted together.
pub const DEPTH_MAX: u64 = 20;

/// One layer, over all its receivers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerReport {
    /// Frames that were to be delivered.
    pub due: u64,
    /// Frames that were delivered.
    pub delivered: u64,
    /// Of them, those that were late.
    pub late: u64,
    /// Delivered of due.
    pub continuity: Option<f64>,
    /// Delivered and not late, of due.
    pub in_time: Option<f64>,
    /// Bytes that receivers were handed.
    pub bytes: u64,
    /// From publishing to delivery, ms.
    pub delay_ms: Quantiles,
    /// What the direct path would have taken, ms.
    pub direct_ms: Quantiles,
    /// The median delay in median direct paths.
    pub stretch: Option<f64>,
    /// Links from source to receiver.
    pub depth: Quantiles,
    /// Frames that crossed 0, 1, 2… links; the last counts [`DEPTH_MAX`] and more.
    pub depth_counts: Vec<u64>,
    /// Times without a frame, ms.
    pub gaps_ms: Quantiles,
    /// How many of them are of each length, see [`GAP_STEPS_MS`].
    pub gap_counts: Vec<u64>,
}

impl LayerReport {
    /// The report of a layer's record.
    pub fn of(record: &LayerRecord) -> LayerReport {
        let delay_ms = Quantiles::of_micros(&record.delay);
        let direct_ms = Quantiles::of_micros(&record.direct);
        LayerReport {
            due: record.due,
            delivered: record.delivered,
            late: record.late,
            continuity: share(record.delivered, record.due),
            in_time: share(record.delivered.saturating_sub(record.late), record.due),
            bytes: record.bytes,
            stretch: (direct_ms.p50 > 0.0).then(|| delay_ms.p50 / direct_ms.p50),
            delay_ms,
            direct_ms,
            depth: Quantiles::of(&record.depth),
            depth_counts: depth_counts(&record.depth),
            gaps_ms: Quantiles::of(&record.gaps),
            gap_counts: gap_counts(&record.gaps),
        }
    }
}

/// A layer in words.
pub fn name(layer: Layer) -> &'static str {
    match layer {
        Layer::Audio => "sound",
        Layer::P180 => "picture 180p",
        Layer::P360 => "picture 360p",
        Layer::P720 => "picture 720p",
    }
}

fn depth_counts(depth: &Spread) -> Vec<u64> {
    if depth.0.is_empty() {
        return Vec::new();
    }
    let deepest = depth.0.max().min(DEPTH_MAX);
    let below = (0..deepest).map(|links| depth.0.count_between(links, links));
    below.chain([depth.0.count_between(deepest, u64::MAX)]).collect()
}

/// A length belongs to the step that its bucket in the histogram begins in: three digits are kept of it.
fn gap_counts(gaps: &Spread) -> Vec<u64> {
    let mut counts = vec![0; GAP_STEPS_MS.len()];
    for value in gaps.0.iter_recorded() {
        let length = gaps.0.lowest_equivalent(value.value_iterated_to());
        let step = GAP_STEPS_MS.iter().rposition(|from| *from <= length).unwrap_or(0);
        counts[step] += value.count_since_last_iteration();
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_and_every_gap_is_in_one_step() {
        let mut record = LayerRecord::default();
        for links in [1, 1, 2, 3, 25, 90] {
            record.depth.add(links);
        }
        for gap in [301, 499, 500, 999, 1_000, 4_000, 10_000, 3_000_000] {
            record.gaps.add(gap);
        }
        let report = LayerReport::of(&record);
        assert_eq!(report.depth_counts[..4], [0, 2, 1, 1]);
        assert_eq!(report.depth_counts.len(), DEPTH_MAX as usize + 1);
        assert_eq!(report.depth_counts[DEPTH_MAX as usize], 2);
        assert_eq!(report.gap_counts, [2, 2, 1, 1, 0, 2]);
        assert_eq!((report.continuity, report.stretch), (None, None));
    }
}
