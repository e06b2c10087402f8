//! Frames on their way in: overlay → open → one receiver for each source. The hub only brings the keys.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use canopy_players::journal::{Entry, Journal};
use keyagree::identity::PeerKey;
use keyagree::stream::OpeningKey;
use media_pipeline::open::{OpenError, Opener};
use media_pipeline::receive::{Config, Event, Receiver};
use media_pipeline::{EncodedFrame, Layer};
use overlay_core::id::NodeId;
use overlay_core::io::Command;
use overlay_core::unit;
use overlay_libp2p::{Delivered, Frames, Handle};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::args::Join;
use crate::window::incoming::Incoming;
use crate::{clock, overheard};

/// Sources that are received at once: more than the stage has slots.
const SOURCES_MAX: usize = 64;
/// Frames that wait for their key, which may be announced a moment after the frame came.
const EARLY_MAX: usize = 512;
/// How long they wait.
const EARLY_US: u64 = 2_000_000;

/// Everything that this node receives.
pub struct Receiving {
    entry: Arc<Entrance>,
    colluder: Option<SocketAddr>,
    task: JoinHandle<()>,
}

/// Where frames come in: called from the receiving task.
struct Entrance {
    inside: Mutex<Inside>,
    record: Option<PathBuf>,
    reference: Option<PathBuf>,
    handle: Handle,
    journal: Arc<Journal>,
    closed: AtomicBool,
    /// Where frames are shown.
    window: Option<Arc<Incoming>>,
}

#[derive(Default)]
struct Inside {
    opener: Opener,
    early: VecDeque<(u64, Delivered)>,
    /// Whose frames no key opens.
    keyless: BTreeSet<PeerKey>,
    receivers: BTreeMap<PeerKey, Receiver>,
}

impl Receiving {
    /// Starts to take frames from the overlay.
    /// With a window nothing is decoded here, unless it is recorded as well.
    pub fn start(
        args: &Join,
        mut frames: Frames,
        handle: Handle,
        journal: Arc<Journal>,
        window: Option<Arc<Incoming>>,
    ) -> Receiving {
        let entry = Arc::new(Entrance {
            inside: Mutex::default(),
            record: args.record.clone(),
            reference: args.probes.reference.clone(),
            handle,
            journal,
            closed: AtomicBool::new(false),
            window,
        });
        let entrance = Arc::clone(&entry);
        let task = tokio::spawn(async move {
            while let Some(delivered) = frames.recv().await {
                entrance.take(delivered);
            }
        });
        Receiving { entry, colluder: args.probes.colluder, task }
    }

    /// Opens with this key from now on, also what waited for it.
    pub fn insert(&self, key: OpeningKey) {
        let early = {
            let mut inside = self.entry.inside.lock();
            inside.opener.insert(key);
            std::mem::take(&mut inside.early)
        };
        for (since_us, delivered) in early {
            self.entry.open(delivered, since_us);
        }
    }

    /// Whose frames came since the last call and have no key yet.
    pub fn keyless(&self) -> BTreeSet<PeerKey> {
        std::mem::take(&mut self.entry.inside.lock().keyless)
    }

    /// Wipes a key.
    pub fn forget(&self, label: u64) {
        self.entry.inside.lock().opener.forget(label);
    }

    /// Tries every key that this node has on what a colluding relay passes on.
    pub fn collude(&self) {
        let Some(address) = self.colluder else { return };
        let entry = Arc::clone(&self.entry);
        tokio::spawn(async move { entry.be_fed(address).await });
    }

    /// Takes in what has arrived and ends the recordings.
    pub async fn finish(&mut self) {
        self.entry.closed.store(true, Ordering::Relaxed);
        self.task.abort();
        let receivers = std::mem::take(&mut self.entry.inside.lock().receivers);
        let ended = tokio::task::spawn_blocking(move || {
            for (source, receiver) in receivers {
                let counts = receiver.finish(media_pipeline::clock::wall_us());
                tracing::info!(%source, ?counts, "received");
            }
        });
        let _ = ended.await;
    }
}

impl Entrance {
    fn take(&self, delivered: Delivered) {
        self.journal.write(|at_us| Entry::Received {
            at_us,
            source: PeerKey(delivered.source.0).short(),
            layer: delivered.frame.layer as u8,
        });
        self.open(delivered, clock::wall_us());
    }

    fn open(&self, delivered: Delivered, since_us: u64) {
        let now_us = clock::wall_us();
        let mut inside = self.inside.lock();
        match inside.opener.open(&delivered.frame.payload) {
            Ok((source, frame)) if source.0 == delivered.source.0 => self.receive(&mut inside, source, frame),
            Ok((source, _)) => {
                self.unopened(&format!("sealed by {source}, but in the slot of {}", delivered.source));
            }
            Err(OpenError::UnknownLabel { .. }) if now_us.saturating_sub(since_us) < EARLY_US => {
                if inside.early.len() >= EARLY_MAX
                    && let Some((_, oldest)) = inside.early.pop_front()
                {
                    self.unopened(&format!("no key came for a frame of {}", oldest.source));
                }
                if inside.keyless.len() < SOURCES_MAX {
                    inside.keyless.insert(PeerKey(delivered.source.0));
                }
                inside.early.push_back((since_us, delivered));
            }
            Err(error) => self.unopened(&error.to_string()),
        }
    }

    fn unopened(&self, why: &str) {
        tracing::debug!(why, "a frame was not opened");
        self.journal.write(|at_us| Entry::Unopened { at_us, why: why.to_owned() });
    }

    fn receive(&self, inside: &mut Inside, source: PeerKey, frame: EncodedFrame) {
        self.journal.write(|at_us| Entry::Opened {
            at_us,
            source: source.short(),
            layer: frame.layer.byte(),
            number: frame.number,
            captured_us: frame.captured_us,
        });
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        if let Some(window) = &self.window {
            if self.record.is_none() {
                return window.push(media_pipeline::clock::wall_us(), source, frame);
            }
            window.push(media_pipeline::clock::wall_us(), source, frame.clone());
        }
        if !inside.receivers.contains_key(&source) {
            if inside.receivers.len() >= SOURCES_MAX {
                return;
            }
            match self.receiver(source) {
                Ok(receiver) => inside.receivers.insert(source, receiver),
                Err(error) => return tracing::error!(%error, %source, "a source can't be received"),
            };
        }
        if let Some(receiver) = inside.receivers.get(&source)
            && !receiver.push(frame, media_pipeline::clock::wall_us())
        {
            tracing::debug!(%source, "this machine is too slow: a frame was dropped");
        }
    }

    fn receiver(&self, source: PeerKey) -> Result<Receiver, media_pipeline::decode::DecodeError> {
        let name = source.short();
        let config = Config {
            record: self.record.as_ref().map(|folder| folder.join(&name).with_extension("mkv")),
            reference: self.reference.as_ref().map(|folder| folder.join(&name)),
        };
        let (handle, journal) = (self.handle.clone(), Arc::clone(&self.journal));
        let events = move |event| tell(event, source, &name, &handle, &journal);
        Receiver::start(config, Box::new(events))
    }

    /// What a removed participant does who colludes with a relay.
    async fn be_fed(&self, address: SocketAddr) {
        let mut frames = 0;
        loop {
            let Ok(mut stream) = TcpStream::connect(address).await else {
                sleep(Duration::from_millis(200)).await;
                continue;
            };
            while let Ok(sealed) = overheard::next(&mut stream).await {
                frames += 1;
                self.journal.write(|at_us| Entry::Fed { at_us, frames });
                self.try_keys(&Bytes::from(sealed));
            }
        }
    }

    fn try_keys(&self, sealed: &Bytes) {
        if let Ok((source, frame)) = self.inside.lock().opener.open(sealed) {
            self.journal.write(|at_us| Entry::Leaked {
                at_us,
                source: source.short(),
                captured_us: frame.captured_us,
            });
        }
    }
}

/// What a receiver's thread says.
fn tell(event: Event, source: PeerKey, name: &str, handle: &Handle, journal: &Journal) {
    match event {
        Event::NeedsKey(layer) => {
            if let Some(layer) = overlay_layer(layer) {
                handle.command(Command::RequestKey { source: NodeId(source.0), layer });
            }
        }
        Event::Decoded { layer, number, captured_us, at_us } => journal.write(|_| Entry::Decoded {
            at_us,
            source: name.to_owned(),
            layer: layer.byte(),
            number,
            captured_us,
        }),
        Event::Psnr { layer, number, db } => {
            journal.write(|at_us| Entry::Compared {
                at_us,
                source: name.to_owned(),
                layer: layer.byte(),
                number,
                db,
            });
        }
        Event::RecordingFailed(why) => eprintln!("Recording {name} has stopped: {why}"),
    }
}

fn overlay_layer(layer: Layer) -> Option<unit::Layer> {
    unit::Layer::from_byte(layer.byte())
}
