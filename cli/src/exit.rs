//! Where a source's frames leave: seal → overlay. Called from whichever threads make the frames.

use std::collections::BTreeMap;
use std::sync::Arc;

use canopy_players::journal::{Entry, Journal};
use keyagree::stream::SealingKeys;
use media_pipeline::seal::Sealer;
use media_pipeline::{EncodedFrame, Layer};
use overlay_core::unit::{self, Frame, FrameInfo};
use overlay_libp2p::Handle;
use parking_lot::Mutex;

/// See the module.
pub struct Exit {
    sealers: Mutex<BTreeMap<Layer, Sealer>>,
    handle: Handle,
    journal: Arc<Journal>,
}

impl Exit {
    /// Without keys: nothing leaves.
    pub fn new(handle: Handle, journal: Arc<Journal>) -> Exit {
        Exit { sealers: Mutex::default(), handle, journal }
    }

    /// Seals with these keys: at once where there were none, else from their activation on.
    pub fn schedule(&self, keys: SealingKeys) {
        let mut sealers = self.sealers.lock();
        for key in keys.keys {
            let Some(layer) = Layer::from_byte(key.layer) else { continue };
            match sealers.get_mut(&layer) {
                Some(sealer) => sealer.schedule(key),
                None => {
                    sealers.insert(layer, Sealer::new(key));
                }
            }
        }
    }

    /// Seals a frame and gives it to the overlay.
    pub fn leave(&self, frame: &EncodedFrame) {
        let Some(layer) = unit::Layer::from_byte(frame.layer.byte()) else { return };
        let sealed = match self.sealers.lock().get_mut(&frame.layer).map(|sealer| sealer.seal(frame)) {
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
