//! A source that this program captures and encodes itself. The hub only brings the keys.

use std::path::PathBuf;
use std::sync::Arc;

use keyagree::UnixTime;
use keyagree::stream::SealingKeys;
use media_pipeline::Layer;
use media_pipeline::capture::Capture;
use media_pipeline::send::{self, Sender};

use crate::exit::Exit;
use crate::fail::{Fail, Outcome};

/// This node's source.
pub struct Sending {
    ladder: Vec<Layer>,
    reference: Option<PathBuf>,
    state: State,
    /// Keys that don't count yet, while there are no others.
    armed: Option<SealingKeys>,
    /// What the stage takes.
    taken: Vec<Layer>,
    exit: Arc<Exit>,
}

enum State {
    /// Opened; nothing is encoded before it may leave or is listened to, so that the first frame is a key frame.
    Ready(Box<Capture>),
    /// Captures, encodes, seals.
    On(Sender),
    /// Between the two.
    Moving,
}

impl Sending {
    /// A source that is ready to go on stage.
    pub fn new(
        capture: Capture,
        ladder: Vec<Layer>,
        reference: Option<PathBuf>,
        exit: Exit,
    ) -> Outcome<Sending> {
        if let Some(folder) = &reference {
            std::fs::create_dir_all(folder)
                .map_err(|error| Fail::failed(format!("{} can't be made: {error}", folder.display())))?;
        }
        let (state, exit) = (State::Ready(Box::new(capture)), Arc::new(exit));
        Ok(Sending { ladder, reference, state, armed: None, taken: Vec::new(), exit })
    }

    /// What this source sends.
    pub fn ladder(&self) -> &[Layer] {
        &self.ladder
    }

    /// Seals with these keys from their activation on.
    pub fn arm(&mut self, keys: SealingKeys) {
        match self.exit.has_keys() {
            true => self.exit.schedule(keys),
            false => self.armed = Some(keys),
        }
    }

    /// When to call [`Sending::go`].
    pub fn due(&self) -> Option<UnixTime> {
        self.armed.as_ref().map(|keys| keys.activate_at)
    }

    /// Sends with the keys that have become active.
    pub fn go(&mut self) -> Outcome {
        let Some(keys) = self.armed.take() else { return Ok(()) };
        self.exit.schedule(keys);
        // What was encoded before there were keys is gone, the first key frame too.
        self.taken.iter().for_each(|layer| self.request_key(*layer));
        self.listen()
    }

    /// Starts to capture and encode, whether anything may leave or not.
    pub fn listen(&mut self) -> Outcome {
        let capture = match std::mem::replace(&mut self.state, State::Moving) {
            State::Ready(capture) => capture,
            other => {
                self.state = other;
                return Ok(());
            }
        };
        let (exit, ear) = (Arc::clone(&self.exit), Arc::clone(&self.exit.ear));
        let hears: send::Hears = Arc::new(move |below_db| ear.hear(below_db));
        let config = send::Config { reference: self.reference.clone(), hears: Some(hears) };
        let sink: send::Sink = Arc::new(move |frame| exit.leave(frame));
        let sender = Sender::start(*capture, &self.ladder, config, sink).map_err(Fail::failed)?;
        sender.only(&self.taken);
        self.state = State::On(sender);
        Ok(())
    }

    /// The stage takes these layers.
    pub fn stage(&mut self, taken: Vec<Layer>) {
        let fresh = self.exit.stage(&taken);
        if let State::On(sender) = &self.state {
            sender.only(&taken);
            fresh.into_iter().for_each(|layer| sender.request_key(layer));
        }
        self.taken = taken;
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

    /// True once frames may leave.
    pub fn is_on(&self) -> bool {
        matches!(self.state, State::On(_)) && self.exit.has_keys() && !self.taken.is_empty()
    }

    /// Stops capturing and encoding, and says what went wrong meanwhile.
    pub fn stop(self) -> Result<(), String> {
        let State::On(sender) = self.state else { return Ok(()) };
        sender.stop();
        sender.join().map(|_| ())
    }
}
