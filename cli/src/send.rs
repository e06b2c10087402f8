//! A source's frames on their way out: encoder threads → seal → overlay. The hub only brings the keys.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use keyagree::UnixTime;
use keyagree::stream::SealingKeys;
use media_pipeline::capture::Capture;
use media_pipeline::seal::Sealer;
use media_pipeline::send::{self, Sender};
use media_pipeline::{EncodedFrame, Layer};
use overlay_core::unit::{self, Frame, FrameInfo};
use overlay_libp2p::Handle;
use parking_lot::Mutex;

use crate::fail::{Fail, Outcome};
use crate::journal::{Entry, Journal};

/// This node's source.
pub struct Sending {
    ladder: Vec<Layer>,
    reference: Option<PathBuf>,
    state: State,
    exit: Arc<Exit>,
}

enum State {
    /// Opened; nothing is encoded before it may leave, so that the first frame is a key frame.
    Ready(Capture),
    /// Has keys, which count from a moment on.
    Armed(Capture, SealingKeys),
    /// Captures, encodes, seals.
    On(Sender),
    /// Between two of these.
    Moving,
}

/// Where frames leave: called from the encoders' threads.
struct Exit {
    sealers: Mutex<BTreeMap<Layer, Sealer>>,
    handle: Handle,
    journal: Arc<Journal>,
}

impl Sending {
    /// A source that is ready to go on stage.
    pub fn new(
        capture: Capture,
        ladder: Vec<Layer>,
        reference: Option<PathBuf>,
        handle: Handle,
        journal: Arc<Journal>,
    ) -> Outcome<Sending> {
        if let Some(folder) = &reference {
            std::fs::create_dir_all(folder)
                .map_err(|error| Fail::failed(format!("{} can't be made: {error}", folder.display())))?;
        }
        let exit = Arc::new(Exit { sealers: Mutex::default(), handle, journal });
        Ok(Sending { ladder, reference, state: State::Ready(capture), exit })
    }

    /// What this source sends.
    pub fn ladder(&self) -> &[Layer] {
        &self.ladder
    }

    /// Seals with these keys from their activation on.
    pub fn arm(&mut self, keys: SealingKeys) {
        self.state = match std::mem::replace(&mut self.state, State::Moving) {
            State::Ready(capture) | State::Armed(capture, _) => State::Armed(capture, keys),
            on => {
                self.exit.schedule(keys);
                on
            }
        };
    }

    /// When to call [`Sending::go`].
    pub fn due(&self) -> Option<UnixTime> {
        match &self.state {
            State::Armed(_, keys) => Some(keys.activate_at),
            _ => None,
        }
    }

    /// Starts to capture and encode with the keys that have become active.
    pub fn go(&mut self) -> Outcome {
        let State::Armed(capture, keys) = std::mem::replace(&mut self.state, State::Moving) else {
            return Ok(());
        };
        self.exit.schedule(keys);
        let config = send::Config { reference: self.reference.clone() };
        let exit = Arc::clone(&self.exit);
        let sink: send::Sink = Arc::new(move |frame| exit.leave(&frame));
        let sender = Sender::start(capture, &self.ladder, config, sink).map_err(Fail::failed)?;
        self.state = State::On(sender);
        Ok(())
    }

    /// Makes the next picture of a layer a key frame.
    pub fn request_key(&self, layer: Layer) {
        if let State::On(sender) = &self.state {
            sender.request_key(layer);
        }
    }

    /// True once the clip has ended.
    pub fn has_ended(&self) -> bool {
        matches!(&self.state, State::On(sender) if sender.is_finished())
    }

    /// Stops capturing and encoding, and says what went wrong meanwhile.
    pub fn stop(self) -> Result<(), String> {
        let State::On(sender) = self.state else { return Ok(()) };
        sender.stop();
        sender.join().map(|_| ())
    }
}

impl Exit {
    fn schedule(&self, keys: SealingKeys) {
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

    fn leave(&self, frame: &EncodedFrame) {
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
