//! Whether this node's source speaks: whoever takes its sound tells, and the hub listens.

use media_pipeline::level::{SILENCE, Speech, Voice};
use parking_lot::Mutex;
use tokio::sync::watch;

/// See the module.
pub struct Ear {
    voice: Mutex<Voice>,
    speech: watch::Sender<Speech>,
}

impl Ear {
    /// Nobody speaks yet. The receiver wakes when somebody begins or ends.
    pub fn new() -> (Ear, watch::Receiver<Speech>) {
        let (speech, listens) = watch::channel(Speech { speaks: false, below_db: SILENCE });
        (Ear { voice: Mutex::default(), speech }, listens)
    }

    /// The level of the next 20 ms.
    pub fn hear(&self, below_db: u8) {
        let now = self.voice.lock().hear(below_db);
        self.speech.send_if_modified(|before| std::mem::replace(before, now).speaks != now.speaks);
    }
}
