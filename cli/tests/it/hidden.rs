//! Somebody who hides their address: a real meeting of four machines (network namespaces on one bridge), all of whose
//! packets are captured on the bridge.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::{AddressFamily, RecvFlags, SocketType};
use rustix::thread::LinkNameSpaceType;

use crate::program::{Home, Running, alone};
use crate::unlinkable::memory;

const SOON: Duration = Duration::from_secs(20);
/// How long the meeting goes on when everybody is in it.
const HELD_FOR: Duration = Duration::from_secs(8);

/// The machines by their last byte.
const ORGANISER: u8 = 1;
const RELAY: u8 = 2;
const GUEST: u8 = 3;
const HIDDEN: u8 = 4;

fn address(machine: u8) -> String {
    format!("10.77.83.{machine}")
}

/// Four machines and what joins them; gone with this value.
struct Network {
    prefix: String,
}

impl Network {
    /// Or why there can't be one: it needs root and iproute2.
    fn build() -> Result<Network, String> {
        let network = Network { prefix: format!("canopy{}-", std::process::id()) };
        let bridge = network.name(0);
        ip(&["netns", "add", &bridge])?;
        ip(&["-n", &bridge, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", &bridge, "link", "set", "br0", "up"])?;
        for machine in ORGANISER..=HIDDEN {
            let (name, port) = (network.name(machine), format!("port{machine}"));
            ip(&["netns", "add", &name])?;
            ip(&[
                "-n", &bridge, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &name,
            ])?;
            ip(&["-n", &bridge, "link", "set", &port, "master", "br0", "up"])?;
            ip(&["-n", &name, "addr", "add", &format!("{}/24", address(machine)), "dev", "eth0"])?;
            ip(&["-n", &name, "link", "set", "eth0", "up"])?;
            ip(&["-n", &name, "link", "set", "lo", "up"])?;
        }
        Ok(network)
    }

    fn name(&self, machine: u8) -> String {
        format!("{}{machine}", self.prefix)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for machine in 0..=HIDDEN {
            let _ = ip(&["netns", "del", &self.name(machine)]);
        }
    }
}

fn ip(args: &[&str]) -> Result<(), String> {
    let did = Command::new("ip").args(args).output().map_err(|error| format!("ip: {error}"))?;
    let why = || format!("ip {}: {}", args.join(" "), String::from_utf8_lossy(&did.stderr).trim());
    if did.status.success() { Ok(()) } else { Err(why()) }
}

/// How many IPv4 packets went from whom to whom.
type Pairs = BTreeMap<([u8; 4], [u8; 4]), u64>;

/// Counts what crosses the bridge until it is asked to stop.
struct Capture {
    stop: Arc<AtomicBool>,
    counts: JoinHandle<Pairs>,
}

impl Capture {
    fn start(network: &Network) -> Capture {
        let stop = Arc::new(AtomicBool::new(false));
        let (stops, bridge) = (Arc::clone(&stop), format!("/run/netns/{}", network.name(0)));
        Capture { stop, counts: std::thread::spawn(move || capture(&bridge, &stops)) }
    }

    fn stop(self) -> Pairs {
        self.stop.store(true, Ordering::Release);
        self.counts.join().expect("it counts")
    }
}

/// Every packet in a namespace, which this thread moves into.
fn capture(namespace: &str, stop: &AtomicBool) -> Pairs {
    let namespace = File::open(namespace).expect("there is such a namespace");
    rustix::thread::move_into_link_name_space(
        std::os::fd::AsFd::as_fd(&namespace),
        Some(LinkNameSpaceType::Network),
    )
    .expect("root may go there");
    let everything = Some(rustix::net::eth::ALL);
    let socket =
        rustix::net::socket(AddressFamily::PACKET, SocketType::RAW, everything).expect("root may listen");
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 8 << 20).expect("a number");
    let patience = Some(Duration::from_millis(200));
    rustix::net::sockopt::set_socket_timeout(&socket, rustix::net::sockopt::Timeout::Recv, patience)
        .expect("a time");
    let (mut pairs, mut frame) = (Pairs::new(), [0; 64]);
    while !stop.load(Ordering::Acquire) {
        let Ok((got, _)) = rustix::net::recv(&socket, &mut frame[..], RecvFlags::TRUNC) else { continue };
        // Ethernet: two addresses, then the type; IPv4: source at 12, destination at 16.
        if got >= 34 && frame[12..14] == [8, 0] {
            let at = |from: usize| <[u8; 4]>::try_from(&frame[from..from + 4]).expect("four bytes");
            *pairs.entry((at(26), at(30))).or_default() += 1;
        }
    }
    pairs
}

/// The short name that a node gives itself in its journal.
fn name_in(home: &Home, journal: &str) -> String {
    let line = home.wait_for(journal, SOON, |line| line.contains("\"started\""));
    let entry: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    entry["node"].as_str().expect("a name").to_owned()
}

fn hears(home: &Home, journal: &str, source: &str) {
    let of = format!("\"source\":\"{source}\"");
    home.wait_for(journal, SOON, |line| line.contains("\"opened\"") && line.contains(&of));
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn an_address_that_is_hidden_reaches_relays_and_nobody_else() {
    let _machine = alone();
    let network = match Network::build() {
        Ok(network) => network,
        Err(why) => {
            println!("skipped: this needs root, and iproute2 with namespaces and bridges: {why}");
            return;
        }
    };
    let (ada, volunteer, ben, eve) = (Home::new(), Home::new(), Home::new(), Home::new());
    let at = |machine: u8| (network.name(machine), address(machine));
    let capture = Capture::start(&network);

    let (namespace, here) = at(RELAY);
    let lends = ["relay", "--uplink", "20mbit", "--lease", "10min", "--address", &here];
    let _relay = volunteer.start_in(&namespace, &lends, "", "relay.log");
    let lease = volunteer.wait_for("relay.log", SOON, |line| line.starts_with("canopy-lease:"));
    let (namespace, here) = at(ORGANISER);
    let made = ["new", "tuesday", "--guests", "1", "--address", &here];
    let mut making = ada.start_in(&namespace, &made, "", "new.log");
    assert_eq!(making.ended(SOON), Some(0), "{}", ada.read("new.log"));
    let invites: Vec<String> =
        ada.read("new.log").lines().filter(|line| line.starts_with("canopy:")).map(str::to_owned).collect();
    // An invite from before there was a relay is of no use to who hides, and nothing is sent to find that out.
    let early = eve.run_with(&["join", "-", "--headless", "--listen-only", "--hide-ip"], &invites[1]);
    early.refuses(2, &["names no relay", "canopy lend", "canopy invite", "--hide-ip"]);
    assert_eq!(ada.run(&["lend", "tuesday", &lease]).code, Some(0));
    let later = ada.run(&["invite", "tuesday", "--guests", "2"]).lines;

    let in_the_meeting = |machine: u8, home: &Home, what: &[&str], invite: &str| -> Running {
        let (namespace, _) = at(machine);
        let (journal, run) = (home.path("journal.jsonl"), home.path("core.run"));
        let mut args = vec!["-vv", "join", "-", "--headless", "--journal", &journal, "--core-journal", &run];
        args.extend(what);
        home.start_in(&namespace, &args, invite, "join.log")
    };
    let sends = ["--test-card", "--size", "180p"];
    let (there, mine) = (address(ORGANISER), address(GUEST));
    let organiser =
        in_the_meeting(ORGANISER, &ada, &[&sends[..], &["--address", &there]].concat(), &invites[0]);
    let guest = in_the_meeting(GUEST, &ben, &["--listen-only", "--address", &mine], &later[0]);
    let hides = in_the_meeting(HIDDEN, &eve, &[&sends[..], &["--hide-ip"]].concat(), &later[1]);

    // It hears, and is heard.
    let hidden = name_in(&eve, "journal.jsonl");
    hears(&eve, "journal.jsonl", &name_in(&ada, "journal.jsonl"));
    hears(&ben, "journal.jsonl", &hidden);
    hears(&ada, "journal.jsonl", &hidden);
    std::thread::sleep(HELD_FOR);
    let text = address(HIDDEN);
    let mut searched = 0;
    for process in [&organiser, &guest] {
        let regions = memory(process.id());
        searched += regions.iter().map(Vec::len).sum::<usize>();
        assert!(
            regions.iter().all(|region| !contains(region, text.as_bytes())),
            "in the memory of a participant"
        );
        let whole = regions.iter().any(|region| contains(region, address(RELAY).as_bytes()));
        assert!(whole, "the relay's address is there: the search finds what there is");
    }
    drop((hides, guest, organiser));
    let pairs = capture.stop();

    let me = [10, 77, 83, HIDDEN];
    let others: BTreeMap<[u8; 4], u64> = pairs
        .iter()
        .filter_map(|((from, to), count)| match (*from == me, *to == me) {
            (true, _) => Some((*to, *count)),
            (_, true) => Some((*from, *count)),
            _ => None,
        })
        .fold(BTreeMap::new(), |mut all, (who, count)| {
            *all.entry(who).or_default() += count;
            all
        });
    println!("{} packets of all; with the one who hides: {others:?}", pairs.values().sum::<u64>());
    assert_eq!(others.keys().collect::<Vec<_>>(), [&[10, 77, 83, RELAY]], "packets with relays only");
    assert!(others.values().sum::<u64>() > 1_000, "a whole meeting's packets");

    // What others were told, control messages in the clear, and what they wrote.
    for home in [&ada, &ben] {
        for file in ["core.run", "join.log", "journal.jsonl"] {
            let bytes = std::fs::read(home.path(file)).expect("it was written");
            assert!(!contains(&bytes, text.as_bytes()) && !contains(&bytes, &me), "its address is in {file}");
            searched += bytes.len();
        }
        let run = std::fs::read(home.path("core.run")).expect("it was written");
        assert!(contains(&run, address(RELAY).as_bytes()), "contacts of relays are in what was told");
    }
    println!("{searched} bytes of memory, journals and logs searched");
}

#[test]
fn an_organiser_can_t_hide() {
    let home = Home::new();
    let made = home.run(&["new", "tuesday", "--guests", "0", "--address", "127.0.0.1"]);
    let args = ["join", "-", "--headless", "--listen-only", "--hide-ip"];
    home.run_with(&args, &made.lines[0]).refuses(2, &["--hide-ip", "guests"]);
}
