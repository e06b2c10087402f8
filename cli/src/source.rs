//! What this node sends, whoever captures and encodes it.

use keyagree::UnixTime;
use keyagree::stream::SealingKeys;
use media_pipeline::Layer;

use crate::fail::Outcome;
use crate::send::Sending;
use crate::window::outgoing::PageSource;

/// A source: it is armed with keys, and goes when they count.
pub enum Source {
    /// A clip or a test card, captured and encoded by this program.
    Studio(Box<Sending>),
    /// Camera, microphone or screen, captured and encoded by the page.
    Page(PageSource),
}

impl Source {
    /// What it may send.
    pub fn ladder(&self) -> &[Layer] {
        match self {
            Source::Studio(sending) => sending.ladder(),
            Source::Page(page) => page.ladder(),
        }
    }

    /// Seals with these keys from their activation on.
    pub fn arm(&mut self, keys: SealingKeys) {
        match self {
            Source::Studio(sending) => sending.arm(keys),
            Source::Page(page) => page.arm(keys),
        }
    }

    /// When to call [`Source::go`].
    pub fn due(&self) -> Option<UnixTime> {
        match self {
            Source::Studio(sending) => sending.due(),
            Source::Page(page) => page.due(),
        }
    }

    /// Starts to send with the keys that have become active.
    pub fn go(&mut self) -> Outcome {
        match self {
            Source::Studio(sending) => sending.go()?,
            Source::Page(page) => page.go(),
        }
        Ok(())
    }

    /// Takes in sound though nothing may leave yet, so that whoever speaks is noticed.
    pub fn listen(&mut self) -> Outcome {
        match self {
            Source::Studio(sending) => sending.listen()?,
            Source::Page(page) => page.listen(),
        }
        Ok(())
    }

    /// The stage takes these layers from now on.
    pub fn stage(&mut self, taken: Vec<Layer>) {
        match self {
            Source::Studio(sending) => sending.stage(taken),
            Source::Page(page) => page.stage(&taken),
        }
    }

    /// Makes the next picture of a layer a key frame.
    pub fn request_key(&self, layer: Layer) {
        match self {
            Source::Studio(sending) => sending.request_key(layer),
            Source::Page(page) => page.request_key(layer),
        }
    }

    /// True once there is nothing more to send.
    pub fn has_ended(&self) -> bool {
        match self {
            Source::Studio(sending) => sending.has_ended(),
            Source::Page(_) => false,
        }
    }

    /// True while frames leave.
    pub fn is_on(&self) -> bool {
        match self {
            Source::Studio(sending) => sending.is_on(),
            Source::Page(page) => page.is_on(),
        }
    }

    /// Ends it, and says what went wrong meanwhile.
    pub fn stop(self) -> Result<(), String> {
        match self {
            Source::Studio(sending) => sending.stop(),
            Source::Page(_) => Ok(()),
        }
    }
}
