//! How links are made, refused and lost.

use std::net::UdpSocket;
use std::time::Duration;

use overlay_core::config::LOBBY_LINKS_MAX;
use overlay_core::io::{Command, LayerRate};
use overlay_core::unit::Layer;
use overlay_libp2p::config::PROTOCOL;
use overlay_libp2p::{Happening, contact, node_id_of};
use tokio::time::{Instant, sleep};

use crate::harness::{LOOPBACK, Peer, Setup, contacts, film, frame, fresh_seed};
use crate::raw::Raw;

/// So long libp2p lets a stream stay nameless before it drops it.
const NAMELESS_FOR: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_link_and_see_each_other() {
    let host = Setup::new("host").start().await;
    host.handle.command(Command::Coordinate { term: 1 });
    let guest = Setup::new("guest").knows(&contacts(&[&host])).start().await;
    guest.until("linked", |guest| guest.has_linked(host.me())).await;
    host.until("linked", |host| host.has_linked(guest.me())).await;
    host.until("present", |host| host.handle.status().members.iter().any(|member| member.id == guest.me()))
        .await;
    assert_eq!(node_id_of(&guest.contacts()[0]), Some(guest.me()));

    guest.handle.shutdown().await;
    host.until("gone", |host| host.happened().contains(&Happening::Unlinked(guest.me()))).await;
    let said_so = |happening: &Happening| {
        matches!(happening, Happening::Core(overlay_core::io::Event::Departed { said_so: true, .. }))
    };
    host.until("its leave was heard", |host| host.happened().iter().any(said_so)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_invited_is_told_why_and_named() {
    let host = Setup::new("host").start().await;
    let stranger = Setup::new("stranger").knows(&contacts(&[&host])).start().await;
    let told = Happening::Refused {
        peer: host.me(),
        text: "not invited: ask the host".into(),
        final_: true,
        theirs: true,
    };
    stranger.until("told why", |stranger| stranger.happened().contains(&told)).await;
    let named = |happening: &Happening| matches!(happening, Happening::Refused { peer, theirs: false, .. } if *peer == stranger.me());
    host.until("named", |host| host.happened().iter().any(named)).await;
    assert_eq!((host.handle.counters().links, stranger.handle.counters().links), (0, 0));
    assert!(!host.has_linked(stranger.me()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_is_named_as_such() {
    let host = Setup::new("host").start().await;
    let mut newer = Raw::dial(&host.contacts()[0]).await;
    let next = PROTOCOL + 1;
    newer.say_hello(next, b"guest of the future").await;
    let text = format!("speaks protocol {next}, this is {PROTOCOL}: update this program");
    let refused = Happening::Refused { peer: newer.me(), text, final_: true, theirs: false };
    host.until("named", |host| host.happened().contains(&refused)).await;
    let told = newer.refusal().await;
    assert_eq!(told, format!("speaks protocol {PROTOCOL}, this is {next}: it must be updated"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_not_waited_for() {
    let host = Setup::new("host").start().await;
    let silent = Raw::dial(&host.contacts()[0]).await;
    silent.until_closed().await;
    assert_eq!(host.handle.counters().links, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_dial_at_once_and_one_link_stays() {
    let first = Setup::new("host").start().await;
    let second = Setup::new("guest").start().await;
    first.handle.dial(&second.contacts()[0]).expect("a contact");
    second.handle.dial(&first.contacts()[0]).expect("a contact");
    let film = film(&first, 100, 400);
    first.handle.command(Command::Coordinate { term: 1 });
    second
        .until("frames", |second| second.numbers(first.me(), overlay_core::unit::Layer::P360).len() > 60)
        .await;
    assert_eq!((first.handle.counters().links, second.handle.counters().links), (1, 1));
    drop(film);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_with_nothing_but_tcp_works() {
    let host = Setup { transports: &["tcp"], ..Setup::new("host") }.start().await;
    let guest =
        Setup { transports: &["tcp"], ..Setup::new("guest") }.knows(&contacts(&[&host])).start().await;
    host.handle.command(Command::Coordinate { term: 1 });
    let film = film(&host, 500, 2_000);
    guest.until("frames", |guest| guest.numbers(host.me(), overlay_core::unit::Layer::P360).len() > 30).await;
    drop(film);
    assert!(host.contacts().iter().all(|contact| contact.contains("/tcp/")));
}

/// One layer only for longer than a stream may stay nameless; then the other.
async fn after_a_while_of(busy: Layer, quiet: Layer) {
    let host = Setup::new("host").start().await;
    let guest = Setup::new("guest").knows(&contacts(&[&host])).start().await;
    host.handle.command(Command::Coordinate { term: 1 });
    let layers = [(Layer::Audio, 32), (Layer::P360, 500)];
    host.handle.command(Command::Send(layers.map(|(layer, kbps)| LayerRate { layer, kbps }).to_vec()));
    guest.until("a link", |guest| guest.has_linked(host.me())).await;
    let started = Instant::now();
    let mut number = 0;
    while started.elapsed() < NAMELESS_FOR + Duration::from_secs(1) {
        host.handle.publish(frame(busy, number, true, 500));
        number += 1;
        sleep(Duration::from_millis(33)).await;
    }
    assert!(guest.numbers(host.me(), busy).len() > 30, "one layer has come");
    for number in 0..20 {
        host.handle.publish(frame(quiet, number, true, 80));
        sleep(Duration::from_millis(20)).await;
    }
    guest.until("the other layer", |guest| guest.numbers(host.me(), quiet).len() > 15).await;
    let lost = |peer: &Peer| peer.happened().iter().any(|what| matches!(what, Happening::Unlinked(_)));
    assert!(!lost(&host) && !lost(&guest), "the link has held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_was_quiet_for_long_still_carries() {
    tokio::join!(after_a_while_of(Layer::P360, Layer::Audio), after_a_while_of(Layer::Audio, Layer::P360));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_late_is_dialled_again() {
    let (setup, seed) = (Setup::new("host"), fresh_seed());
    let port =
        UdpSocket::bind((LOOPBACK, 0)).and_then(|socket| socket.local_addr()).expect("a free port").port();
    let late = overlay_libp2p::handle::node_id_of_seed(seed);
    let quic = contact(late, LOOPBACK, port).remove(0);
    let guest = Setup::new("guest").knows(std::slice::from_ref(&quic)).start().await;
    let tried = |happening: &Happening| matches!(happening, Happening::Unreachable { contact, .. } if *contact == quic);
    guest.until("tried in vain", |guest| guest.happened().iter().any(tried)).await;

    let mut config = setup.config(seed);
    config.listen = vec![format!("/ip4/127.0.0.1/udp/{port}/quic-v1")];
    let (host, _events, _frames) = overlay_libp2p::spawn(config, setup.authority()).expect("it starts");
    guest.until("linked", |guest| guest.has_linked(host.me())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_at_once() {
    for (transport, suffix, name) in [("udp", "/quic-v1", "UDP"), ("tcp", "", "TCP")] {
        let first =
            Setup { transports: if transport == "udp" { &["udp"] } else { &["tcp"] }, ..Setup::new("host") };
        let first = first.start().await;
        let port: u16 =
            first.contacts()[0].split('/').nth(4).and_then(|port| port.parse().ok()).expect("a port");
        let setup = Setup::new("guest");
        let mut config = setup.config(fresh_seed());
        config.listen = vec![format!("/ip4/127.0.0.1/{transport}/{port}{suffix}")];
        let error = overlay_libp2p::spawn(config, setup.authority()).err().expect("the port is taken");
        assert!(error.to_string().starts_with(&format!("{name} port {port} is taken")), "{error}");
        assert!(error.to_string().contains("choose another port"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn few_wait_at_a_door_and_members_come_in_past_them() {
    let host = Setup::new("host").start().await;
    host.handle.command(Command::Coordinate { term: 1 });
    let film = film(&host, 500, 2_000);
    let mut waiting = Vec::new();
    for _ in 0..LOBBY_LINKS_MAX {
        let mut early = Raw::dial(&host.contacts()[0]).await;
        early.say_hello(PROTOCOL, b"early").await;
        assert_eq!(early.frame().await[0], 0, "a hello: it may wait");
        waiting.push(early);
    }
    let mut another = Raw::dial(&host.contacts()[0]).await;
    another.say_hello(PROTOCOL, b"early").await;
    let told = another.frame().await;
    assert_eq!(told[..2], [1, 0], "refused, and may try again");
    assert!(String::from_utf8_lossy(&told[2..]).contains("wait at this door"));
    let guest = Setup::new("guest").knows(&contacts(&[&host])).start().await;
    guest.until("frames", |guest| guest.numbers(host.me(), Layer::P360).len() > 30).await;
    let present = host.handle.status().members.len();
    assert_eq!(present, 1, "who waits is no member");
    drop(film);
}
