//! One relay for several meetings.

use std::time::Duration;

use serde_json::Value;

use crate::program::{Home, Running, alone, now};

const SOON: Duration = Duration::from_secs(20);
/// What the relay sends at most, in both meetings together.
const LIMIT_KBPS: u64 = 1_500;
/// How often it is asked once both are served.
const LOOKS: usize = 10;

/// An organiser who sends, and a guest who shows their address to relays only, so that all comes by way of one.
struct Meeting {
    _running: [Running; 2],
    _organiser: Home,
    guest: Home,
}

impl Meeting {
    fn by(lease: &str) -> Meeting {
        let (organiser, guest) = (Home::new(), Home::new());
        let made = organiser.run(&["new", "tuesday", "--lease", lease, "--address", "127.0.0.1"]);
        assert_eq!(made.code, Some(0), "{}", made.errors);
        let sends = ["join", "-", "--headless", "--test-card", "--size", "180p", "--address", "127.0.0.1"];
        let coordinates = organiser.start(&sends, &made.lines[0], "organiser.log");
        organiser.wait_for("organiser.log", SOON, |line| line.starts_with("1 in the meeting"));
        let journal = guest.path("journal.jsonl");
        let hides = ["join", "-", "--headless", "--listen-only", "--hide-ip", "--journal", &journal];
        let running = [coordinates, guest.start(&hides, &made.lines[1], "guest.log")];
        Meeting { _running: running, _organiser: organiser, guest }
    }

    /// Pictures that the guest has decoded.
    fn pictures(&self) -> usize {
        let journal = self.guest.read("journal.jsonl");
        let entries = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter(|entry| entry["event"] == "decoded" && entry["layer"] != 0).count()
    }
}

/// What the relay's nodes say of themselves.
fn nodes(volunteer: &Home) -> Vec<Value> {
    let said = volunteer.run(&["status", "--json"]).lines.join("\n");
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("it is JSON: {said}"))
}

fn sum(nodes: &[Value], what: &str) -> u64 {
    nodes.iter().map(|node| node[what].as_u64().expect("a number")).sum()
}

fn feeds_somebody(node: &Value) -> bool {
    let trees = node["status"]["trees"].as_array().expect("there are trees");
    trees.iter().any(|tree| tree["children"].as_array().is_some_and(|children| !children.is_empty()))
}

#[test]
fn two_meetings_are_served_by_one_relay_within_its_limit() {
    let _machine = alone();
    let volunteer = Home::new();
    let limit = format!("{LIMIT_KBPS}kbit");
    let args = ["relay", "--meetings", "2", "--uplink", &limit, "--lease", "10min", "--address", "127.0.0.1"];
    let mut relay = volunteer.start(&args, "", "relay.log");
    volunteer.wait_for("relay.log", SOON, |line| line.starts_with("Lending 1500 kbit/s to 2 meetings"));
    let said = volunteer.read("relay.log");
    let leases: Vec<&str> = said.lines().filter(|line| line.starts_with("canopy-lease:")).collect();
    assert_eq!(leases.len(), 2, "{said}");
    let meetings: Vec<Meeting> = leases.into_iter().map(Meeting::by).collect();

    let (until, mut seen, mut looks) = (now() + 3 * SOON, vec![0; 2], 0);
    while looks < LOOKS {
        let nodes = nodes(&volunteer);
        assert_eq!(nodes.len(), 2, "one for each meeting");
        let names = nodes.iter().map(|node| &node["status"]["me"]);
        assert!(names.clone().min_by_key(|name| name.as_str()) != names.max_by_key(|name| name.as_str()));
        assert!(sum(&nodes, "limit_kbps") <= LIMIT_KBPS, "{nodes:#?}");
        assert!(sum(&nodes, "out_kbps") <= LIMIT_KBPS * 105 / 100, "{nodes:#?}");
        let fresh: Vec<usize> = meetings.iter().map(Meeting::pictures).collect();
        if nodes.iter().all(feeds_somebody) && fresh.iter().zip(&seen).all(|(fresh, seen)| fresh > seen) {
            (seen, looks) = (fresh, looks + 1);
        }
        assert!(now() < until, "{looks} looks; {seen:?} pictures; {nodes:#?}");
        std::thread::sleep(Duration::from_millis(300));
    }
    let parts: Vec<u64> =
        nodes(&volunteer).iter().map(|node| node["limit_kbps"].as_u64().expect("a number")).collect();
    println!("{seen:?} pictures, {parts:?} kbit/s of the limit");
    assert!(parts.iter().all(|part| *part >= LIMIT_KBPS / 4), "{parts:?}: half an equal part at least");
    relay.ask_to_stop();
    assert_eq!(relay.ended(SOON), Some(0));
    let folder = volunteer.kept().join("running");
    assert_eq!(std::fs::read_dir(folder).expect("it is there").count(), 0, "and nothing is left");
}
