//! What an uplink can't carry is dropped before it is written, and the limit holds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use overlay_core::io::{Command, LayerRate};
use overlay_core::unit::{Layer, UnitHeader};
use overlay_core::wire::{HEADER_LEN, Message};
use overlay_libp2p::config::PROTOCOL;
use overlay_libp2p::contact;
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use crate::harness::{LOOPBACK, PATIENCE, Peer, Setup, contacts, film, frame};
use crate::raw::{Raw, framed, next_frame};

/// Forwards datagrams to `server` for one client, and counts what the server sends: UDP and IP
/// headers included.
async fn wire(server: SocketAddr) -> (u16, Arc<AtomicU64>) {
    let front = UdpSocket::bind((LOOPBACK, 0)).await.expect("a socket");
    let back = UdpSocket::bind((LOOPBACK, 0)).await.expect("a socket");
    back.connect(server).await.expect("an address");
    let port = front.local_addr().expect("bound").port();
    let counted = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&counted);
    tokio::spawn(async move {
        let (mut up, mut down) = ([0; 65_536], [0; 65_536]);
        let mut client = None;
        loop {
            tokio::select! {
                Ok((len, from)) = front.recv_from(&mut up) => {
                    client = Some(from);
                    let _ = back.send(&up[..len]).await;
                }
                Ok(len) = back.recv(&mut down) => {
                    count.fetch_add(len as u64 + 28, Ordering::Relaxed);
                    if let Some(client) = client {
                        let _ = front.send_to(&down[..len], client).await;
                    }
                }
            }
        }
    });
    (port, counted)
}

fn port_of(peer: &Peer) -> u16 {
    peer.contacts()[0].split('/').nth(4).and_then(|port| port.parse().ok()).expect("a port")
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_uplink_carries_is_dropped_and_not_late() {
    const LIMIT: u32 = 1_000;
    let source = Setup::new("host").uplink(LIMIT).start().await;
    source.handle.command(Command::Contacts(Vec::new()));
    let (port, counted) = wire((LOOPBACK, port_of(&source)).into()).await;
    let through = contact(source.me(), LOOPBACK, port).remove(0);
    let guest = Setup::new("guest").uplink(100).knows(&[through]).start().await;
    source.handle.command(Command::Coordinate { term: 1 });
    // It says 400 kbit/s, and sends 2000.
    let film = film(&source, 400, 8_300);
    guest.until("pictures", |guest| guest.numbers(source.me(), Layer::P360).len() > 5).await;
    let (before, started) = (counted.load(Ordering::Relaxed), source.handle.counters().wire_out);
    sleep(Duration::from_secs(6)).await;
    let on_wire = (counted.load(Ordering::Relaxed) - before) * 8 / 6_000;
    let reckoned = (source.handle.counters().wire_out - started) * 8 / 6_000;
    drop(film);

    let counters = source.handle.counters();
    assert!(counters.peak_kbps <= u64::from(LIMIT) * 105 / 100, "in its worst second: {counters:?}");
    assert!(
        on_wire <= u64::from(LIMIT) * 105 / 100,
        "{on_wire} kbit/s were on the wire, {reckoned} reckoned"
    );
    // Half of the time it waits for a key frame, since it had to drop pictures.
    assert!(on_wire >= u64::from(LIMIT) * 3 / 10, "{on_wire} kbit/s: the uplink is used");
    assert!(on_wire <= reckoned * 110 / 100, "{on_wire} kbit/s were on the wire, {reckoned} reckoned");
    assert!(counters.units_dropped > 0);

    let numbers = guest.numbers(source.me(), Layer::P360);
    let got = guest.got();
    let mut last = None;
    for got in got.iter().filter(|got| got.frame.layer == Layer::P360) {
        let info = got.frame.info;
        let follows = last.is_none_or(|last| info.number == last + 1);
        assert!(follows || info.key, "picture {} came without the one it needs: {numbers:?}", info.number);
        last = Some(info.number);
    }
    let sounds = guest.numbers(source.me(), Layer::Audio);
    let gaps = sounds.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
    assert_eq!(gaps, 0, "sound goes before pictures: {sounds:?}");
}

/// A source of pictures with so much uplink, and a guest that it feeds.
async fn source_and_guest(kbps: u32) -> (Peer, Peer) {
    let source = Setup::new("host").uplink(kbps).start().await;
    let guest = Setup::new("guest").uplink(100).knows(&contacts(&[&source])).start().await;
    source.handle.command(Command::Coordinate { term: 1 });
    source.handle.command(Command::Send(vec![LayerRate { layer: Layer::P360, kbps: 100 }]));
    guest.until("on stage", |_| source.handle.status().on_stage.is_some()).await;
    source.until("a child", |source| source.handle.counters().children == 1).await;
    (source, guest)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_when_its_turn_comes_is_never_sent() {
    // 300 kbit/s: a picture of 60 kB takes 1.7 s, so those behind it are stale when it is done.
    let (source, guest) = source_and_guest(300).await;
    source.handle.publish(frame(Layer::P360, 0, true, 60_000));
    for number in 1..20 {
        source.handle.publish(frame(Layer::P360, number, false, 400));
        sleep(Duration::from_millis(30)).await;
    }
    guest.until("the long one", |guest| guest.numbers(source.me(), Layer::P360).contains(&0)).await;
    source.handle.publish(frame(Layer::P360, 20, true, 400));
    guest.until("a fresh one", |guest| guest.numbers(source.me(), Layer::P360).contains(&20)).await;
    let numbers = guest.numbers(source.me(), Layer::P360);
    assert!(numbers.len() < 21, "{numbers:?}");
    assert!(!numbers.contains(&1), "frame 1 was 1.6 s old: {numbers:?}");
}

/// The next picture's number on a lane.
async fn next_number(lane: &mut libp2p::Stream) -> u32 {
    let unit = timeout(PATIENCE, next_frame(lane)).await.expect("in time");
    let header = unit.first_chunk::<HEADER_LEN>().expect("a header");
    UnitHeader::decode(header).expect("a header").frame.number
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_anew_after_drops_is_fed_at_once_without_a_key_frame() {
    // 800 kbit/s: a picture of 60 kB for two takes 1.2 s, so those behind it are stale when it is done.
    let (source, _guest) = source_and_guest(800).await;
    let place = source.handle.status().trees.into_iter().find(|tree| tree.tree.layer == Layer::P360);
    let place = place.expect("its own tree");
    let attach = |from| {
        let (tree, feed) = (place.tree, place.feed);
        let message = Message::Attach { tree, feed, from: Some(from), planned: false, feeds: false };
        framed(&[&[2][..], &message.encode().expect("it fits")].concat())
    };
    let mut raw = Raw::dial(&source.contacts()[0]).await;
    raw.say_hello(PROTOCOL, b"guest").await;
    raw.frame().await;
    raw.write_control(&attach(0)).await;
    source.until("another child", |source| source.handle.counters().children == 2).await;
    source.handle.publish(frame(Layer::P360, 0, true, 60_000));
    for number in 1..20 {
        source.handle.publish(frame(Layer::P360, number, false, 400));
        sleep(Duration::from_millis(30)).await;
    }
    let mut lane = raw.pictures().await;
    assert_eq!(next_number(&mut lane).await, 0);
    sleep(Duration::from_millis(300)).await;

    raw.write_control(&attach(20)).await;
    sleep(Duration::from_millis(300)).await;
    source.handle.publish(frame(Layer::P360, 20, false, 400));
    let mut got = vec![next_number(&mut lane).await];
    while got.last().is_some_and(|last| *last < 20) {
        got.push(next_number(&mut lane).await);
    }
    assert!(got.len() < 20, "some were dropped: {got:?}");
}
