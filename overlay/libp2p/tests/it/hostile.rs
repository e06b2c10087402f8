//! Peers that send what they should not: dropped, named, and no memory lost to them.

use overlay_core::io::Event;
use overlay_libp2p::Happening;
use overlay_libp2p::config::PROTOCOL;

use crate::harness::{Peer, Setup, contacts};
use crate::raw::{Raw, framed};

fn blamed(node: &Peer, raw: overlay_core::id::NodeId) -> Vec<&'static str> {
    let of_raw = |happening| match happening {
        Happening::Core(Event::Blame { peer, what }) if peer == raw => Some(what),
        _ => None,
    };
    node.happened().into_iter().filter_map(of_raw).collect()
}

async fn is_dropped_for(node: &Peer, raw: Raw, what: &str) {
    let peer = raw.me();
    node.until("named", |node| blamed(node, peer).iter().any(|said| said.contains(what))).await;
    raw.until_closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_before_hello() {
    let node = Setup::new("host").start().await;
    let mut raw = Raw::dial(&node.contacts()[0]).await;
    raw.write("/canopy/control", &framed(&[7; 100])).await;
    is_dropped_for(&node, raw, "no control frame").await;

    let mut raw = Raw::dial(&node.contacts()[0]).await;
    raw.write("/canopy/control", &framed(&[2, 0x80])).await;
    is_dropped_for(&node, raw, "before it was admitted").await;

    let mut raw = Raw::dial(&node.contacts()[0]).await;
    raw.write("/canopy/video", &framed(&[1; 100])).await;
    is_dropped_for(&node, raw, "before it was admitted").await;
    assert_eq!(node.handle.counters().blamed, 3);
    assert_eq!(node.handle.counters().links, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_sixteen_megabytes() {
    let node = Setup::new("host").start().await;
    let mut raw = Raw::dial(&node.contacts()[0]).await;
    raw.write("/canopy/control", &[0xff, 0xff, 0xff, 0]).await;
    is_dropped_for(&node, raw, "longer than its lane").await;
}

/// Kind and version: how every hello begins.
fn hello_head() -> [u8; 3] {
    let [high, low] = PROTOCOL.to_be_bytes();
    [0, high, low]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_peer_that_sends_foreign_bytes() {
    let node = Setup::new("host").start().await;
    for (lane, bytes, what) in [
        ("/canopy/video", framed(&[0xaa; 500]), "no unit"),
        ("/canopy/audio", framed(&[1, 0, 2, 0, 0x80, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9]), "no unit"),
        ("/canopy/audio", vec![1, 0, 0], "longer than its lane"),
        ("/canopy/control", framed(&[2, 0xff, 0xff]), "twice"),
    ] {
        let mut raw = Raw::dial(&node.contacts()[0]).await;
        raw.say_hello(PROTOCOL, b"guest").await;
        assert_eq!(raw.frame().await[..3], hello_head(), "the node's own hello");
        raw.write(lane, &bytes).await;
        is_dropped_for(&node, raw, what).await;
    }
    let mut raw = Raw::dial(&node.contacts()[0]).await;
    raw.say_hello(PROTOCOL, b"guest").await;
    raw.frame().await;
    raw.say_hello(PROTOCOL, b"guest").await;
    is_dropped_for(&node, raw, "twice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_message_of_the_core() {
    let node = Setup::new("host").start().await;
    let mut raw = Raw::dial(&node.contacts()[0]).await;
    let mut bytes = framed(&[&hello_head()[..], b"guest"].concat());
    bytes.extend(framed(&[2, 0xff, 0xff, 0xff]));
    raw.write("/canopy/control", &bytes).await;
    let peer = raw.me();
    node.until("named", |node| !blamed(node, peer).is_empty()).await;
    raw.until_closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_takes_no_memory_and_the_others_go_on() {
    let node = Setup::new("host").start().await;
    let guest = Setup::new("guest").knows(&contacts(&[&node])).start().await;
    guest.until("linked", |guest| guest.has_linked(node.me())).await;
    // Well-formed units that nobody asked for: the core cuts who goes on with them.
    let mut raw = Raw::dial(&node.contacts()[0]).await;
    raw.say_hello(PROTOCOL, b"guest").await;
    raw.frame().await;
    let mut unit = vec![1, 0, 2, 0, 0x80, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    unit.resize(60_000, 0);
    let before = resident_kb();
    raw.write("/canopy/video", &framed(&unit)).await;
    for number in 0..4_000_u32 {
        unit[12..16].copy_from_slice(&number.to_be_bytes());
        if !raw.write_on(&framed(&unit)).await {
            break;
        }
    }
    is_dropped_for(&node, raw, "").await;
    let grown = resident_kb().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} kB");
    node.until("the flooder's link is gone", |node| node.handle.counters().links == 1).await;
    assert!(!guest.happened().contains(&Happening::Unlinked(node.me())));
}

/// This process's memory in kB; other tests of this binary share it.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS: 0 kB");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}
