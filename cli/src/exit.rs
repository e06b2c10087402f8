//! Where a source's frames leave: what the stage takes of them → seal → overlay. Called from whichever threads make the frames.
//!
//! Of sound that the stage doesn't take the last half second is kept, not sealed. It leaves at once when the stage does, so
//! that the words by which somebody took the floor are heard.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use canopy_players::journal::{Entry, Journal};
use keyagree::stream::SealingKeys;
use media_pipeline::seal::Sealer;
use media_pipeline::{EncodedFrame, Layer};
use overlay_core::unit::{self, Frame, FrameInfo};
use overlay_libp2p::Handle;
use parking_lot::Mutex;

use crate::ear::Ear;

/// Packets of sound that are kept while they don't leave: half a second.
const KEPT: usize = 25;

/// See the module.
pub struct Exit {
    door: Mutex<Door>,
    /// Who listens whether anybody speaks.
    pub ear: Arc<Ear>,
    handle: Handle,
    journal: Arc<Journal>,
}

/// What may leave, and what waits to. One lock: frames leave in order.
#[derive(Default)]
struct Door {
    sealers: BTreeMap<Layer, Sealer>,
    /// What the stage takes.
    taken: BTreeSet<Layer>,
    /// Pictures that may leave from their next key frame on.
    keyless: BTreeSet<Layer>,
    kept: VecDeque<EncodedFrame>,
    /// Packets of sound that never left: those that do are numbered without gaps.
    left_out: u32,
}

impl Door {
    fn is_open(&self, layer: Layer) -> bool {
        self.taken.contains(&layer) && self.sealers.contains_key(&layer)
    }

    fn keep(&mut self, frame: EncodedFrame) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
            self.left_out += 1;
        }
        self.kept.push_back(frame);
    }

    /// What leaves now that this frame has come, in order.
    fn pass(&mut self, mut frame: EncodedFrame) -> Option<EncodedFrame> {
        if frame.layer.is_audio() {
            frame.number = frame.number.saturating_sub(self.left_out);
            frame.depends_on = frame.number;
        } else if frame.key {
            self.keyless.remove(&frame.layer);
        }
        (!self.keyless.contains(&frame.layer)).then_some(frame)
    }
}

impl Exit {
    /// Without keys, and off the stage: nothing leaves.
    pub fn new(ear: Arc<Ear>, handle: Handle, journal: Arc<Journal>) -> Exit {
        Exit { door: Mutex::default(), ear, handle, journal }
    }

    /// True once it can seal.
    pub fn has_keys(&self) -> bool {
        !self.door.lock().sealers.is_empty()
    }

    /// Seals with these keys: at once where there were none, else from their activation on.
    pub fn schedule(&self, keys: SealingKeys) {
        let mut door = self.door.lock();
        for key in keys.keys {
            let Some(layer) = Layer::from_byte(key.layer) else { continue };
            match door.sealers.get_mut(&layer) {
                Some(sealer) => sealer.schedule(key),
                None => {
                    door.sealers.insert(layer, Sealer::new(key));
                }
            }
        }
        self.catch_up(&mut door);
    }

    /// The stage takes these layers from now on. Gives those pictures that it did not take before: their next has to be a key
    /// frame.
    pub fn stage(&self, taken: &[Layer]) -> Vec<Layer> {
        let mut door = self.door.lock();
        let before = std::mem::replace(&mut door.taken, taken.iter().copied().collect());
        let fresh = taken.iter().filter(|layer| !layer.is_audio() && !before.contains(layer));
        let fresh: Vec<Layer> = fresh.copied().collect();
        door.keyless.extend(&fresh);
        self.catch_up(&mut door);
        fresh
    }

    /// Sound that waited leaves.
    fn catch_up(&self, door: &mut Door) {
        if door.is_open(Layer::Audio) {
            for frame in std::mem::take(&mut door.kept) {
                self.publish(door, frame);
            }
        }
    }

    /// A frame that may leave. Sound that may not yet is kept for a while.
    pub fn leave(&self, frame: EncodedFrame) {
        let mut door = self.door.lock();
        if door.is_open(frame.layer) {
            self.publish(&mut door, frame);
        } else if frame.layer.is_audio() {
            door.keep(frame);
        }
    }

    /// Seals a frame and gives it to the overlay.
    fn publish(&self, door: &mut Door, frame: EncodedFrame) {
        let Some(layer) = unit::Layer::from_byte(frame.layer.byte()) else { return };
        let Some(frame) = door.pass(frame) else { return };
        let sealed = match door.sealers.get_mut(&frame.layer).map(|sealer| sealer.seal(&frame)) {
            Some(Ok(sealed)) => sealed,
            Some(Err(error)) => return tracing::warn!(%error, ?layer, "a frame was not sealed"),
            None => return,
        };
        self.journal.write(|at_us| Entry::Sent {
            at_us,
            layer: frame.layer.byte(),
            number: frame.number,
            captured_us: frame.captured_us,
            temporal: frame.temporal,
        });
        let info = FrameInfo { number: frame.number, key: frame.key, temporal: frame.temporal };
        self.handle.publish(Frame { layer, info, payload: sealed });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(number: u32) -> EncodedFrame {
        EncodedFrame {
            layer: Layer::Audio,
            number,
            key: true,
            temporal: 0,
            depends_on: number,
            captured_us: u64::from(number) * 20_000,
            width: 0,
            height: 0,
            colour: 2,
            data: vec![1],
        }
    }

    #[test]
    fn the_last_half_second_is_kept_and_what_leaves_is_numbered_without_gaps() {
        let mut door = Door::default();
        (0..100).for_each(|number| door.keep(sound(number)));
        assert_eq!(door.kept.len() * 20, 500);
        let kept = std::mem::take(&mut door.kept);
        let left: Vec<EncodedFrame> = kept.into_iter().filter_map(|frame| door.pass(frame)).collect();
        let numbers: Vec<u32> = left.iter().map(|frame| frame.number).collect();
        assert_eq!(numbers, (0..25).collect::<Vec<_>>());
        assert!(left.iter().all(|frame| frame.depends_on == frame.number));
        assert_eq!(left[0].captured_us, 75 * 20_000, "with the time at which it was said");
        assert_eq!(door.pass(sound(100)).map(|frame| frame.number), Some(25));
        (101..111).for_each(|number| door.keep(sound(number)));
        assert_eq!(door.left_out, 75, "what is kept may still leave");
    }

    #[test]
    fn pictures_that_the_stage_takes_anew_wait_for_a_key_frame() {
        let mut door = Door { keyless: [Layer::P180].into(), ..Door::default() };
        let picture = |number, key| EncodedFrame { layer: Layer::P180, key, ..sound(number) };
        let passes: Vec<bool> = [(4, false), (5, true), (6, false)]
            .into_iter()
            .map(|(number, key)| door.pass(picture(number, key)).is_some())
            .collect();
        assert_eq!(passes, [false, true, true]);
    }
}
