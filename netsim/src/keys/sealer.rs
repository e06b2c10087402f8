//! Which key a source's frames are sealed with: a model of `media-pipeline`'s sealers and of the shipped program's source,
//! which goes with its first keys.

use std::collections::VecDeque;

use keyagree::SealingKeys;
use overlay_core::time::Time;
use overlay_core::unit::Layer;

use super::time;

/// How many later keys wait for their time, as in `media-pipeline`.
const SCHEDULED_MAX: usize = 4;

/// The labels of one set of keys, by layer.
#[derive(Clone, Copy, Debug)]
struct Set {
    from: Time,
    labels: [Option<u64>; Layer::ALL.len()],
}

/// What seals one source's frames. Of a frame it says the label of its key.
#[derive(Debug, Default)]
pub struct Sealer {
    /// The first keys, until they count. Nothing is sealed before.
    armed: Option<Set>,
    current: Option<Set>,
    scheduled: VecDeque<Set>,
    since: Option<Time>,
}

impl Sealer {
    /// Seals with these keys from their activation on.
    pub fn arm(&mut self, keys: &SealingKeys) {
        let label = |layer: Layer| keys.keys.iter().find(|key| key.layer == layer as u8).map(|key| key.label);
        let set = Set { from: time(keys.activate_at), labels: Layer::ALL.map(label) };
        if self.current.is_none() {
            self.armed = Some(set);
            return;
        }
        if self.scheduled.len() == SCHEDULED_MAX {
            self.scheduled.pop_front();
        }
        self.scheduled.push_back(set);
    }

    /// When to call [`Sealer::go`].
    pub fn due(&self) -> Option<Time> {
        self.armed.map(|set| set.from)
    }

    /// The first keys count.
    pub fn go(&mut self, now: Time) {
        self.current = self.armed.take();
        self.since = Some(now);
    }

    /// Since when it seals.
    pub fn since(&self) -> Option<Time> {
        self.since
    }

    /// The label of the key of a frame of this layer that was captured then; frames come in order.
    pub fn seal(&mut self, layer: Layer, captured: Time) -> Option<u64> {
        while let Some(set) = self.scheduled.pop_front_if(|set| captured >= set.from) {
            self.current = Some(set);
        }
        self.current.and_then(|set| set.labels[layer as usize])
    }
}
