//! The link holds packets for as long as the arithmetic says, and the kernel's counters see them.

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::time::Duration;

use netsim_live::ground::{self, Ground};
use netsim_live::link::{Line, Link};
use netsim_live::meter::Meter;
use netsim_live::{address, clock};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Bytes of a datagram; IP and UDP add 28.
const LEN: usize = 972;
const DATAGRAMS: u32 = 20;

/// A socket on a machine: whoever makes it stands there for a moment.
fn socket(ground: &Ground, machine: usize) -> UdpSocket {
    let path = ground.files().nth(machine).expect("it is there");
    std::thread::spawn(move || {
        let namespace = File::open(path).expect("there is such a namespace");
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("root may go there");
        let socket = UdpSocket::bind((address::of(machine), 7_000)).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a time");
        socket
    })
    .join()
    .expect("it was made")
}

#[test]
fn a_packet_takes_the_line_out_the_way_and_the_line_in_and_a_firewall_stops_it() {
    if let Some(why) = ground::impossible() {
        println!("skipped: {why}");
        return;
    }
    // 1,000 bytes at 800 kbit/s take 10 ms, at 8 Mbit/s 1 ms.
    let lines = vec![Line { up_kbps: 800, down_kbps: 8_000 }; 2];
    let way = Duration::from_millis(40);
    let (ground, devices) = Ground::lay(&lines).expect("it was possible a moment ago");
    let link = Link::join(devices, lines, vec![Duration::ZERO, way, way, Duration::ZERO]).expect("a thread");
    let meter = Meter::start(ground.files().collect()).expect("a thread");
    let (one, other) = (socket(&ground, 0), socket(&ground, 1));
    let mut buffer = [0; LEN];
    let mut least_us = u64::MAX;
    for _ in 0..DATAGRAMS {
        let sent_ns = clock::now_ns();
        one.send_to(&[0; LEN], (address::of(1), 7_000)).expect("there is a route");
        assert_eq!(other.recv(&mut buffer).expect("it comes"), LEN);
        least_us = least_us.min((clock::now_ns() - sent_ns) / 1_000);
    }
    // On a loaded machine each may come late, none may come early, and the luckiest is near.
    println!("the fastest of {DATAGRAMS} took {least_us} µs, by hand 51,000");
    assert!((51_000..56_000).contains(&least_us), "{least_us} µs");

    // Two that leave together: the second waits for the line.
    let sent_ns = clock::now_ns();
    for _ in 0..2 {
        one.send_to(&[0; LEN], (address::of(1), 7_000)).expect("there is a route");
    }
    for _ in 0..2 {
        other.recv(&mut buffer).expect("it comes");
    }
    let both_us = (clock::now_ns() - sent_ns) / 1_000;
    assert!(both_us >= 61_000, "{both_us} µs");

    ground.only_tcp(1).expect("nftables");
    other.set_read_timeout(Some(Duration::from_millis(300))).expect("a time");
    one.send_to(&[0; LEN], (address::of(1), 7_000)).expect("there is a route");
    assert!(other.recv(&mut buffer).is_err(), "the firewall lets no UDP through");

    std::thread::sleep(Duration::from_millis(300));
    let sent = meter.stop();
    let counted = u64::from(DATAGRAMS + 3) * (LEN as u64 + 28);
    assert!((counted..counted + 2_000).contains(&sent[0].bytes()), "{} and not {counted}", sent[0].bytes());
    assert_eq!((link.carried(0).udp, link.carried(0).tcp, link.carried(1).udp), (counted, 0, 0));
    let held = link.cut();
    assert_eq!((held.packets, held.dropped), (u64::from(DATAGRAMS + 3), 0));
}
