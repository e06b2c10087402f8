//! The page as this node's source: it captures and encodes, what it sends over the socket is sealed here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyagree::UnixTime;
use keyagree::stream::SealingKeys;
use media_pipeline::Layer;
use media_pipeline::ingest::{Ingest, Refused};
use parking_lot::Mutex;

use super::api::ToPage;
use super::frame::{self, PageClock};
use crate::clock;
use crate::exit::Exit;
use crate::page::{Media, Outlet};

/// The socket's end: frames come in on its task.
pub struct Inlet {
    /// The page's clock.
    pub clock: Arc<PageClock>,
    inner: Mutex<Inner>,
    on: AtomicBool,
}

#[derive(Default)]
struct Inner {
    ingest: Ingest,
    exit: Option<Arc<Exit>>,
}

impl Inlet {
    /// Nothing leaves before there is an exit.
    pub fn new() -> Inlet {
        Inlet { clock: Arc::default(), inner: Mutex::default(), on: AtomicBool::new(false) }
    }
}

impl Media for Inlet {
    fn opened(&self) {
        self.inner.lock().ingest.restart();
    }

    fn frame(&self, bytes: &[u8]) {
        if !self.on.load(Ordering::Relaxed) {
            return;
        }
        let Some((chunk, below_db)) = frame::read(bytes, &self.clock, clock::wall_us()) else {
            return tracing::warn!(length = bytes.len(), "the page sent something that is no frame");
        };
        // Taken and sealed under one lock: the numbers leave in order.
        let mut inner = self.inner.lock();
        let Some(exit) = inner.exit.clone() else { return };
        if chunk.layer.is_audio() {
            exit.ear.hear(below_db);
        }
        match inner.ingest.take(chunk) {
            Ok(frame) => exit.leave(frame),
            Err(Refused::NoKey) => {}
            Err(error) => tracing::warn!(%error, "the page sent a bad frame"),
        }
    }
}

/// The hub's end.
pub struct PageSource {
    ladder: Vec<Layer>,
    armed: Option<SealingKeys>,
    /// Frames are taken from the page.
    on: bool,
    /// The stage takes something.
    taken: bool,
    inlet: Arc<Inlet>,
    exit: Arc<Exit>,
    outlet: Arc<Outlet>,
}

impl PageSource {
    /// A source of these layers that has no keys yet.
    pub fn new(ladder: Vec<Layer>, inlet: Arc<Inlet>, exit: Exit, outlet: Arc<Outlet>) -> PageSource {
        let exit = Arc::new(exit);
        inlet.inner.lock().exit = Some(Arc::clone(&exit));
        PageSource { ladder, armed: None, on: false, taken: false, inlet, exit, outlet }
    }

    /// What this source may send.
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

    /// When to call [`PageSource::go`].
    pub fn due(&self) -> Option<UnixTime> {
        self.armed.as_ref().map(|keys| keys.activate_at)
    }

    /// Sends with the keys that have become active.
    pub fn go(&mut self) {
        let Some(keys) = self.armed.take() else { return };
        self.exit.schedule(keys);
        self.listen();
    }

    /// Takes frames from now on, each layer from its next key frame.
    pub fn listen(&mut self) {
        if !std::mem::replace(&mut self.on, true) {
            self.inlet.inner.lock().ingest.restart();
            self.inlet.on.store(true, Ordering::Relaxed);
        }
        self.ladder.iter().for_each(|layer| self.request_key(*layer));
    }

    /// The stage takes these layers from now on.
    pub fn stage(&mut self, taken: &[Layer]) {
        self.taken = !taken.is_empty();
        self.exit.stage(taken).into_iter().for_each(|layer| self.request_key(layer));
    }

    /// Makes the page's next picture of a layer a key frame.
    pub fn request_key(&self, layer: Layer) {
        if !layer.is_audio() {
            self.outlet.say(ToPage::Key { layer: layer.byte() }.to_text());
        }
    }

    /// True while frames leave.
    pub fn is_on(&self) -> bool {
        self.on && self.taken && self.exit.has_keys()
    }
}

impl Drop for PageSource {
    fn drop(&mut self) {
        self.inlet.on.store(false, Ordering::Relaxed);
        self.inlet.inner.lock().exit = None;
    }
}
