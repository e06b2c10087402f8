//! Canopy as it is: `overlay-libp2p` with admission, pacer, lanes and core. The source coordinates
//! and can feed one child, so the plan puts the relay below it and all sinks below the relay.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use keyagree::signing::{sign_list, verify_list};
use keyagree::{Identity, PeerKey, Secret};
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Class, Command, Event, Kind, LayerRate, Lends, Note, Signature, Topic};
use overlay_core::list::List;
use overlay_core::members::Presence;
use overlay_core::node;
use overlay_core::unit::{Frame, FrameInfo, Layer};
use overlay_libp2p::{Authority, Config, Events, Frames, Handle, Happening, Refusal};
use tokio::sync::mpsc;

use crate::args::Role;
use crate::role::{Count, forever, frame, say, ticks};

const LAYER: Layer = Layer::P720;
/// Of 16 sinks at any load, with its pacer at work.
const RELAY_KBPS: u32 = 1_000_000;
/// Enough for control, not for a child.
const SINK_KBPS: u32 = 400;

/// Believes who it is told it deals with. Lists of units are signed and checked as they are by the program: a relay does so
/// all the time.
struct Trusting {
    identity: Identity,
    shows: Vec<u8>,
    known: BTreeMap<NodeId, Admitted>,
}

fn admitted(shown: &[u8]) -> Option<Admitted> {
    let (kind, may_coordinate) = match shown {
        b"source" => (Kind::Participant, true),
        b"sink" => (Kind::Participant, false),
        b"relay" => (Kind::Relay, false),
        _ => return None,
    };
    Some(Admitted { kind, class: Class::Member, may_coordinate, owner: 0 })
}

impl Authority for Trusting {
    fn hello(&mut self, _: NodeId) -> Vec<u8> {
        self.shows.clone()
    }

    fn admit(&mut self, peer: NodeId, hello: &[u8]) -> Result<Admitted, Refusal> {
        let admitted = admitted(hello).ok_or(Refusal { text: "unknown".into(), final_: true })?;
        self.known.insert(peer, admitted);
        Ok(admitted)
    }

    fn vet(&mut self, note: &Note, _: &Signature) -> Option<Admitted> {
        if note.topic == Topic::Presence
            && let Ok(presence) = Presence::decode(&note.body)
        {
            self.known.insert(note.origin, admitted(&presence.credential)?);
        }
        self.known.get(&note.origin).copied()
    }

    fn sign(&mut self, _: &Note) -> Signature {
        Signature([1; 64])
    }

    fn vet_list(&mut self, source: NodeId, list: &List, signature: &Signature) -> bool {
        list.encode().is_ok_and(|bytes| verify_list(&PeerKey(source.0), &bytes, &signature.0).is_ok())
    }

    fn sign_list(&mut self, list: &List) -> Signature {
        Signature(sign_list(&self.identity, &list.encode().unwrap_or_default()))
    }
}

fn start(shows: &str, number: u16, uplink_kbps: u32, bootstrap: &str) -> Result<(Handle, Events, Frames)> {
    let mut seed = [0; 32];
    seed[..2].copy_from_slice(&number.to_be_bytes());
    seed[2..6].copy_from_slice(&std::process::id().to_be_bytes());
    let admitted = admitted(shows.as_bytes()).context("a role")?;
    let config = Config {
        seed,
        node: node::Config {
            me: NodeId([0; 32]),
            kind: admitted.kind,
            admitted,
            credential: shows.as_bytes().to_vec(),
            first_serial: 1,
            uplink_kbps,
            lends: Lends::Spare,
            contacts: Vec::new(),
            watch: shows == "sink",
            hidden: false,
        },
        listen: vec!["/ip4/127.0.0.1/udp/0/quic-v1".into()],
        bootstrap: if bootstrap.is_empty() { Vec::new() } else { vec![bootstrap.to_owned()] },
        uplink_kbps: Some(uplink_kbps),
        tap: None,
        journal: None,
    };
    let identity = Identity::from_seed(&Secret::take(&mut seed.clone()));
    let trusting = Trusting { identity, shows: shows.as_bytes().to_vec(), known: BTreeMap::new() };
    Ok(overlay_libp2p::spawn(config, trusting)?)
}

/// Waits for an address, says it to the meeting, and gives it.
async fn listening(handle: &Handle, events: &mut Events) -> Result<String> {
    loop {
        if let Happening::Listening(contact) = events.recv().await.context("stopped")? {
            handle.command(Command::Contacts(vec![contact.clone()]));
            return Ok(contact);
        }
    }
}

pub(crate) async fn relay() -> Result<()> {
    let (handle, mut events, _frames) = start("relay", 0, RELAY_KBPS, "")?;
    say(&format!("READY {}", listening(&handle, &mut events).await?));
    while events.recv().await.is_some() {}
    Ok(())
}

pub(crate) async fn source(role: &Role, count: Count) -> Result<()> {
    let kbps = role.fps * role.bytes as u32 * 8 / 1000;
    let (handle, mut events, _frames) = start("source", 1, kbps * 2, &role.relay)?;
    listening(&handle, &mut events).await?;
    handle.command(Command::Coordinate { term: 1 });
    handle.command(Command::Send(vec![LayerRate { layer: LAYER, kbps }]));
    loop {
        if let Happening::Core(Event::OnStage { .. }) = events.recv().await.context("stopped")? {
            break;
        }
    }
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    say("READY");
    let mut ticks = ticks(role);
    loop {
        ticks.tick().await;
        let number = count.load(Ordering::Relaxed);
        let info =
            FrameInfo { number: number as u32, key: number.is_multiple_of(u64::from(role.fps)), temporal: 0 };
        handle.publish(Frame { layer: LAYER, info, payload: frame(role, number).into() });
        count.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) async fn sinks(role: &Role, count: Count) -> Result<()> {
    let (up, mut is_up) = mpsc::channel(64);
    for number in 0..role.sinks {
        let (handle, mut events, mut frames) = start("sink", 2 + number as u16, SINK_KBPS, &role.relay)?;
        listening(&handle, &mut events).await?;
        let (count, up) = (Count::clone(&count), up.clone());
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        tokio::spawn(async move {
            let _alive = handle;
            frames.recv().await;
            let _ = up.send(()).await;
            while frames.recv().await.is_some() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for _ in 0..role.sinks {
        is_up.recv().await.context("a sink failed")?;
    }
    say("READY");
    forever().await
}
