//! What lies between the machines: a thread that takes each packet from the device of one, holds it for as long as the
//! lines of both and the way between them take, and hands it to the device of the other.
//!
//! A packet of so many bytes takes their time at the line's rate, out and in, one packet behind the other; the way takes
//! what the scenario says. So it is in `netsim`'s world, whose lines these are. Packets of one pair keep their order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tun_rs::SyncDevice;

use crate::address;
use crate::clock;

/// Packets under way; more are dropped. Ten machines that send 10 Mbit/s over 250 ms have 2,600.
const UNDER_WAY_MAX: usize = 100_000;
/// What a line holds back on the way in before it drops (the way out is the kernel's, see [`crate::ground`]).
const BUFFER: Duration = Duration::from_millis(250);
/// Packets that are taken from one device before others get their turn.
const TURN: usize = 64;
/// How long nothing may happen before the thread looks whether it should stop.
const IDLE: Duration = Duration::from_millis(50);
/// The largest packet of a device.
pub const MTU: u16 = 1_500;
const SECOND_NS: u64 = 1_000_000_000;

/// What a machine's line carries each way, kbit/s.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Out.
    pub up_kbps: u32,
    /// In.
    pub down_kbps: u32,
}

/// Bytes that a machine sent, by what carries them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carried {
    /// QUIC, and names that are asked for.
    pub udp: u64,
    /// The fallback.
    pub tcp: u64,
}

/// The thread, while it runs.
pub struct Link {
    stop: Arc<AtomicBool>,
    carried: Arc<Vec<[AtomicU64; 2]>>,
    thread: Option<JoinHandle<Held>>,
}

/// How well packets were held, when it is over.
#[derive(Debug, Default)]
pub struct Held {
    /// Packets that were handed over.
    pub packets: u64,
    /// Dropped since a line was full or a device took nothing.
    pub dropped: u64,
    /// How much later than due each was handed over, µs: the half, 99 of 100.
    pub late_us: (u64, u64),
}

impl Link {
    /// Joins these devices; `ways` are the one-way delays between them, row by row.
    ///
    /// # Errors
    /// That a device can't be read without waiting, or that there can be no thread.
    pub fn join(devices: Vec<SyncDevice>, lines: Vec<Line>, ways: Vec<Duration>) -> io::Result<Link> {
        for device in &devices {
            device.set_nonblocking(true)?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let carried: Arc<Vec<[AtomicU64; 2]>> =
            Arc::new(devices.iter().map(|_| Default::default()).collect());
        let count = devices.len();
        let mut wire = Wire {
            devices,
            lines,
            ways,
            out_idle: vec![0; count],
            in_idle: vec![0; count],
            under_way: BinaryHeap::new(),
            serial: 0,
            carried: Arc::clone(&carried),
            held: Held::default(),
            late_us: Vec::new(),
        };
        let stops = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("link".into()).spawn(move || {
            while !stops.load(Ordering::Acquire) {
                wire.turn();
            }
            wire.over()
        })?;
        Ok(Link { stop, carried, thread: Some(thread) })
    }

    /// What a machine sent so far.
    pub fn carried(&self, machine: usize) -> Carried {
        let [udp, tcp] = &self.carried[machine];
        Carried { udp: udp.load(Ordering::Relaxed), tcp: tcp.load(Ordering::Relaxed) }
    }

    /// Ends it.
    pub fn cut(mut self) -> Held {
        self.stop.store(true, Ordering::Release);
        let ended = self.thread.take().map(JoinHandle::join);
        ended.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A packet under way; the earliest is the first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    due_ns: u64,
    /// Keeps the order of those that are due at the same time.
    serial: u64,
    to: usize,
    /// True once it is through the line of who gets it.
    is_in: bool,
    bytes: Vec<u8>,
}

struct Wire {
    devices: Vec<SyncDevice>,
    lines: Vec<Line>,
    ways: Vec<Duration>,
    /// When each line is idle again, ns.
    out_idle: Vec<u64>,
    in_idle: Vec<u64>,
    under_way: BinaryHeap<Reverse<Packet>>,
    serial: u64,
    carried: Arc<Vec<[AtomicU64; 2]>>,
    held: Held,
    /// Of every packet; a run is bounded in time, and so is this.
    late_us: Vec<u32>,
}

impl Wire {
    /// Waits for what comes first, packets or the moment that one is due, and sees to it.
    fn turn(&mut self) {
        let next = self.under_way.peek().map(|Reverse(packet)| packet.due_ns);
        let wait = next.map_or(IDLE.as_nanos() as u64, |due| due.saturating_sub(clock::now_ns()));
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: wait.min(IDLE.as_nanos() as u64).min(SECOND_NS - 1).cast_signed(),
        };
        let ready: Vec<usize> = {
            let fds =
                self.devices.iter().map(|device| PollFd::from_borrowed_fd(device.as_fd(), PollFlags::IN));
            let mut watched: Vec<PollFd<'_>> = fds.collect();
            match poll(&mut watched, Some(&wait)) {
                Ok(_) => {
                    let readable =
                        |(at, fd): (usize, &PollFd<'_>)| fd.revents().contains(PollFlags::IN).then_some(at);
                    watched.iter().enumerate().filter_map(readable).collect()
                }
                Err(_) => Vec::new(),
            }
        };
        for from in ready {
            self.take_from(from);
        }
        while self.under_way.peek().is_some_and(|Reverse(packet)| packet.due_ns <= clock::now_ns()) {
            if let Some(Reverse(packet)) = self.under_way.pop() {
                self.arrived(packet);
            }
        }
    }

    fn take_from(&mut self, from: usize) {
        let mut buffer = [0; MTU as usize];
        for _ in 0..TURN {
            let Ok(len) = self.devices[from].recv(&mut buffer) else { return };
            let packet = &buffer[..len];
            let Some((to, protocol)) = whither(packet).filter(|(to, _)| *to < self.devices.len()) else {
                continue;
            };
            self.carried[from][usize::from(protocol == TCP)].fetch_add(len as u64, Ordering::Relaxed);
            let left = clock::now_ns().max(self.out_idle[from]) + span_ns(len, self.lines[from].up_kbps);
            self.out_idle[from] = left;
            let due_ns = left + self.ways[from * self.devices.len() + to].as_nanos() as u64;
            self.push(Packet { due_ns, serial: 0, to, is_in: false, bytes: packet.to_vec() });
        }
    }

    fn push(&mut self, packet: Packet) {
        if self.under_way.len() >= UNDER_WAY_MAX {
            self.held.dropped += 1;
            return;
        }
        self.serial += 1;
        self.under_way.push(Reverse(Packet { serial: self.serial, ..packet }));
    }

    /// A packet has come to the line of who gets it, or through it.
    fn arrived(&mut self, packet: Packet) {
        let to = packet.to;
        if packet.is_in {
            let late = clock::now_ns().saturating_sub(packet.due_ns) / 1_000;
            self.late_us.push(u32::try_from(late).unwrap_or(u32::MAX));
            self.held.packets += 1;
            if self.devices[to].send(&packet.bytes).is_err() {
                self.held.dropped += 1;
            }
            return;
        }
        let start = packet.due_ns.max(self.in_idle[to]);
        if start - packet.due_ns > BUFFER.as_nanos() as u64 {
            self.held.dropped += 1;
            return;
        }
        self.in_idle[to] = start + span_ns(packet.bytes.len(), self.lines[to].down_kbps);
        self.push(Packet { due_ns: self.in_idle[to], is_in: true, ..packet });
    }

    fn over(mut self) -> Held {
        self.late_us.sort_unstable();
        let at =
            |of: usize| self.late_us.get(self.late_us.len() * of / 100).map_or(0, |late| u64::from(*late));
        Held { late_us: (at(50), at(99)), ..self.held }
    }
}

/// How long so many bytes take at a rate, ns.
fn span_ns(bytes: usize, kbps: u32) -> u64 {
    bytes as u64 * 8_000_000 / u64::from(kbps.max(1))
}

const TCP: u8 = 6;

/// Which machine an IPv4 packet goes to, and its protocol.
fn whither(packet: &[u8]) -> Option<(usize, u8)> {
    let header = packet.get(..20).filter(|header| header[0] >> 4 == 4)?;
    let to = [header[16], header[17], header[18], header[19]];
    Some((address::machine(to.into())?, header[9]))
}
