//! A source: frames at the rate of each layer while it is on the stage.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use overlay_core::id::NodeId;
use overlay_core::io::LayerRate;
use overlay_core::time::Time;
use overlay_core::unit::{Frame, FrameInfo, Layer};

use crate::payload::Parcel;

/// A key frame is this much larger than another.
const KEY_FACTOR: u32 = 3;

/// What a source has to publish next.
#[derive(Debug, Default)]
pub struct Source {
    /// Its layers.
    pub rates: Vec<LayerRate>,
    /// Frames of each layer that were published in all.
    pub published: BTreeMap<Layer, u64>,
    numbers: BTreeMap<Layer, u32>,
    keys: BTreeSet<Layer>,
    due: BTreeMap<Layer, Time>,
}

fn gap(layer: Layer) -> Duration {
    if layer.is_audio() { Duration::from_millis(20) } else { Duration::from_nanos(33_333_333) }
}

impl Source {
    /// A source that is not on the stage yet.
    pub fn new(rates: Vec<LayerRate>) -> Source {
        Source { rates, ..Source::default() }
    }

    /// It is plugged in: frames count from 0, each layer from a key frame.
    pub fn start(&mut self, now: Time) {
        self.numbers.clear();
        self.keys = Layer::ALL.into();
        self.due = self.rates.iter().map(|rate| (rate.layer, now)).collect();
    }

    /// It is unplugged.
    pub fn stop(&mut self) {
        self.due.clear();
    }

    /// The next frame of this layer is a key frame.
    pub fn want_key(&mut self, layer: Layer) {
        self.keys.insert(layer);
    }

    /// When the next frame is due.
    pub fn due(&self) -> Option<Time> {
        self.due.values().min().copied()
    }

    /// The frames that are due.
    pub fn frames(&mut self, now: Time, me: NodeId) -> Vec<Frame<Parcel>> {
        let mut frames = Vec::new();
        for rate in &self.rates {
            let Some(due) = self.due.get_mut(&rate.layer).filter(|due| **due <= now) else { continue };
            *due = *due + gap(rate.layer);
            let number = self.numbers.entry(rate.layer).or_default();
            let key = rate.layer.is_audio() || self.keys.remove(&rate.layer);
            let temporal = u8::from(!key && *number % 2 == 1);
            let per_s = if rate.layer.is_audio() { 50 } else { 30 };
            let mean = rate.kbps * 125 / per_s;
            let len = if key && !rate.layer.is_audio() { mean * KEY_FACTOR } else { mean };
            let info = FrameInfo { number: *number, key, temporal };
            *number += 1;
            *self.published.entry(rate.layer).or_default() += 1;
            let payload = Parcel { len, taint: me.0[0], born: now.0 };
            frames.push(Frame { layer: rate.layer, info, payload });
        }
        frames
    }
}
