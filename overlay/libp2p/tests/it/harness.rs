//! Nodes with an authority that believes what it is shown.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Class, Command, Kind, LayerRate, Lends, Note, Signature, Topic};
use overlay_core::list::List;
use overlay_core::members::Presence;
use overlay_core::node;
use overlay_core::unit::{Frame, FrameInfo, Layer};
use overlay_libp2p::{Authority, Config, Delivered, Events, Frames, Handle, Happening, Refusal};
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

/// Long enough for a machine under load; nothing waits so long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a peer shows: how it takes part. `stranger` is refused.
pub(crate) fn admitted(shown: &[u8]) -> Option<Admitted> {
    match shown {
        b"host" => {
            Some(Admitted { kind: Kind::Participant, class: Class::Member, may_coordinate: true, owner: 0 })
        }
        b"guest" => {
            Some(Admitted { kind: Kind::Participant, class: Class::Member, may_coordinate: false, owner: 0 })
        }
        b"early" => {
            Some(Admitted { kind: Kind::Participant, class: Class::Lobby, may_coordinate: false, owner: 0 })
        }
        b"relay" => {
            Some(Admitted { kind: Kind::Relay, class: Class::Member, may_coordinate: false, owner: 0 })
        }
        _ => None,
    }
}

struct Trusting {
    shows: Vec<u8>,
    known: BTreeMap<NodeId, Admitted>,
}

fn signature(note: &Note) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&note.origin.0);
    bytes[32..40].copy_from_slice(&note.serial.to_be_bytes());
    Signature(bytes)
}

/// Nobody's in particular: these stories have no forgers.
fn list_signature(list: &List) -> Signature {
    let mut bytes = [0; 64];
    for (at, byte) in list.hashes.iter().enumerate() {
        bytes[at % 64] ^= byte;
    }
    Signature(bytes)
}

impl Authority for Trusting {
    fn hello(&mut self, _: NodeId) -> Vec<u8> {
        self.shows.clone()
    }

    fn admit(&mut self, peer: NodeId, hello: &[u8]) -> Result<Admitted, Refusal> {
        let refusal = || Refusal { text: "not invited: ask the host".into(), final_: true };
        let admitted = admitted(hello).ok_or_else(refusal)?;
        self.known.insert(peer, admitted);
        Ok(admitted)
    }

    fn vet(&mut self, note: &Note, said: &Signature) -> Option<Admitted> {
        if signature(note) != *said {
            return None;
        }
        if note.topic == Topic::Presence
            && let Ok(presence) = Presence::decode(&note.body)
        {
            self.known.insert(note.origin, admitted(&presence.credential)?);
        }
        self.known.get(&note.origin).copied()
    }

    fn sign(&mut self, note: &Note) -> Signature {
        signature(note)
    }

    fn vet_list(&mut self, _: NodeId, list: &List, said: &Signature) -> bool {
        list_signature(list) == *said
    }

    fn sign_list(&mut self, list: &List) -> Signature {
        list_signature(list)
    }
}

/// How a node of a story is set up.
pub(crate) struct Setup {
    pub(crate) shows: &'static str,
    pub(crate) uplink_kbps: Option<u32>,
    pub(crate) transports: &'static [&'static str],
    pub(crate) bootstrap: Vec<String>,
    pub(crate) journal: Option<PathBuf>,
}

impl Setup {
    pub(crate) fn new(shows: &'static str) -> Setup {
        Setup { shows, uplink_kbps: Some(50_000), transports: &["udp"], bootstrap: Vec::new(), journal: None }
    }

    pub(crate) fn uplink(self, kbps: u32) -> Setup {
        Setup { uplink_kbps: Some(kbps), ..self }
    }

    pub(crate) fn knows(self, contacts: &[String]) -> Setup {
        Setup { bootstrap: contacts.to_vec(), ..self }
    }

    pub(crate) fn writes(self, journal: &Path) -> Setup {
        Setup { journal: Some(journal.to_path_buf()), ..self }
    }

    pub(crate) fn config(&self, seed: [u8; 32]) -> Config {
        let listen = self.transports.iter().map(|transport| match *transport {
            "udp" => "/ip4/127.0.0.1/udp/0/quic-v1".to_owned(),
            other => format!("/ip4/127.0.0.1/{other}/0"),
        });
        Config {
            seed,
            node: node::Config {
                me: NodeId([0; 32]),
                kind: admitted(self.shows.as_bytes()).map_or(Kind::Participant, |admitted| admitted.kind),
                admitted: admitted(self.shows.as_bytes()).unwrap_or(Admitted {
                    kind: Kind::Participant,
                    class: Class::Member,
                    may_coordinate: false,
                    owner: 0,
                }),
                credential: self.shows.as_bytes().to_vec(),
                first_serial: 1,
                uplink_kbps: 0,
                lends: Lends::Spare,
                contacts: Vec::new(),
                watch: self.shows != "relay",
                hidden: false,
            },
            listen: listen.collect(),
            bootstrap: self.bootstrap.clone(),
            uplink_kbps: self.uplink_kbps,
            tap: None,
            journal: self.journal.as_ref().map(|path| File::create(path).expect("a file")),
        }
    }

    pub(crate) fn authority(&self) -> impl Authority + use<> {
        Trusting { shows: self.shows.as_bytes().to_vec(), known: BTreeMap::new() }
    }

    /// Starts the node and waits until it can be reached.
    pub(crate) async fn start(self) -> Peer {
        let (config, authority) = (self.config(fresh_seed()), self.authority());
        let (handle, events, frames) = overlay_libp2p::spawn(config, authority).expect("it starts");
        let peer = Peer::watch(handle, events, frames);
        let listening = self.transports.len();
        peer.until("it listens", |peer| peer.contacts().len() >= listening).await;
        peer.handle.command(Command::Contacts(peer.contacts()));
        peer
    }
}

/// A seed that no other node of this test run has.
pub(crate) fn fresh_seed() -> [u8; 32] {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    seed[8..12].copy_from_slice(&std::process::id().to_be_bytes());
    seed
}

/// A running node, what has happened to it, and what it got.
pub(crate) struct Peer {
    pub(crate) handle: Handle,
    happened: Arc<Mutex<Vec<Happening>>>,
    got: Arc<Mutex<Vec<Delivered>>>,
}

impl Peer {
    fn watch(handle: Handle, mut events: Events, mut frames: Frames) -> Peer {
        let (happened, got) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (log, inbox) = (Arc::clone(&happened), Arc::clone(&got));
        tokio::spawn(async move {
            while let Some(happening) = events.recv().await {
                log.lock().push(happening);
            }
        });
        tokio::spawn(async move {
            while let Some(delivered) = frames.recv().await {
                inbox.lock().push(delivered);
            }
        });
        Peer { handle, happened, got }
    }

    pub(crate) fn me(&self) -> NodeId {
        self.handle.me()
    }

    pub(crate) fn happened(&self) -> Vec<Happening> {
        self.happened.lock().clone()
    }

    pub(crate) fn contacts(&self) -> Vec<String> {
        let listening = |happening| match happening {
            Happening::Listening(contact) => Some(contact),
            _ => None,
        };
        self.happened().into_iter().filter_map(listening).collect()
    }

    pub(crate) fn has_linked(&self, other: NodeId) -> bool {
        self.happened().contains(&Happening::Linked(other))
    }

    /// Numbers of the frames of a layer that came from a source.
    pub(crate) fn numbers(&self, source: NodeId, layer: Layer) -> Vec<u32> {
        let got = self.got.lock();
        let of_layer = got.iter().filter(|got| got.source == source && got.frame.layer == layer);
        of_layer.map(|got| got.frame.info.number).collect()
    }

    pub(crate) fn got(&self) -> Vec<Delivered> {
        self.got.lock().clone()
    }

    /// Waits for something to become true; a story that waits in vain says for what.
    pub(crate) async fn until(&self, what: &str, is_true: impl Fn(&Peer) -> bool) {
        let waited = timeout(PATIENCE, async {
            while !is_true(self) {
                sleep(Duration::from_millis(10)).await;
            }
        });
        if waited.await.is_err() {
            panic!("waited in vain until {what}: {:?} {:#?}", self.happened(), self.handle.status());
        }
    }
}

/// A source that publishes sound and pictures until it is dropped.
pub(crate) struct Film {
    task: tokio::task::JoinHandle<()>,
}

/// Pictures of `bytes` 30 times a second, a key frame each second, and sound of 80 bytes 50 times.
pub(crate) fn film(peer: &Peer, kbps: u32, bytes: usize) -> Film {
    let rates = [(Layer::Audio, 32), (Layer::P360, kbps)];
    peer.handle.command(Command::Send(rates.map(|(layer, kbps)| LayerRate { layer, kbps }).to_vec()));
    let handle = peer.handle.clone();
    let task = tokio::spawn(async move {
        let mut pictures = tokio::time::interval(Duration::from_millis(33));
        let mut sounds = tokio::time::interval(Duration::from_millis(20));
        let (mut picture, mut sound) = (0, 0);
        loop {
            tokio::select! {
                _ = pictures.tick() => {
                    handle.publish(frame(Layer::P360, picture, picture % 30 == 0, bytes));
                    picture += 1;
                }
                _ = sounds.tick() => {
                    handle.publish(frame(Layer::Audio, sound, true, 80));
                    sound += 1;
                }
            }
        }
    });
    Film { task }
}

impl Drop for Film {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn frame(layer: Layer, number: u32, key: bool, bytes: usize) -> Frame<Bytes> {
    let mut payload = vec![layer as u8; bytes];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    Frame { layer, info: FrameInfo { number, key, temporal: 0 }, payload: payload.into() }
}

/// The contacts of several nodes.
pub(crate) fn contacts(peers: &[&Peer]) -> Vec<String> {
    peers.iter().flat_map(|peer| peer.contacts()).collect()
}

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
