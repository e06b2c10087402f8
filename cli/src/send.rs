//! A source that this program captures and encodes itself. The hub only brings the keys.

use std::path::PathBuf;
use std::sync::Arc;

use canopy_players::journal::Journal;
use keyagree::UnixTime;
use keyagree::stream::SealingKeys;
use media_pipeline::Layer;
use media_pipeline::capture::Capture;
use media_pipeline::send::{self, Sender};
use overlay_libp2p::Handle;

use crate::exit::Exit;
use crate::fail::{Fail, Outcome};

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
        let exit = Arc::new(Exit::new(handle, journal));
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

    /// True once frames leave.
    pub fn is_on(&self) -> bool {
        matches!(self.state, State::On(_))
    }

    /// Stops capturing and encoding, and says what went wrong meanwhile.
    pub fn stop(self) -> Result<(), String> {
        let State::On(sender) = self.state else { return Ok(()) };
        sender.stop();
        sender.join().map(|_| ())
    }
}
