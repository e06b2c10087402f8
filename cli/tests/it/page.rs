//! The meeting page in a real browser: counts and content are asserted, never how long something takes.

mod axe;
#[cfg(target_os = "linux")]
mod bench;
mod everybody;
mod layers;
mod lending;
mod meet;
mod organiser;
mod phone;
mod volunteer;

use std::time::Duration;

use serde_json::Value;

use crate::program::{Home, Running};

const SOON: Duration = Duration::from_secs(20);

/// A meeting whose organiser has no window, with a relay and two people at their pages.
struct Held {
    homes: [Home; 4],
    invites: Vec<String>,
    relay: Option<Running>,
    _others: Vec<Running>,
    addresses: Vec<String>,
}

fn page_address(home: &Home, log: &str) -> String {
    let line = home.wait_for(log, SOON, |line| line.contains("http://127.0.0.1:"));
    line.split_whitespace()
        .find(|word| word.starts_with("http://"))
        .expect("the line holds an address")
        .to_owned()
}

impl Held {
    fn new() -> Held {
        Held::sending("180p")
    }

    /// The same, where the organiser sends pictures of this size and below.
    fn sending(size: &str) -> Held {
        let homes = [Home::new(), Home::new(), Home::new(), Home::new()];
        let [volunteer, organiser, ada, ben] = &homes;
        let args = ["relay", "--uplink", "20mbit", "--lease", "10min", "--address", "127.0.0.1"];
        let relay = volunteer.start(&args, "", "log");
        let lease = volunteer.wait_for("log", SOON, |line| line.starts_with("canopy-lease:"));
        let args = ["new", "tuesday", "--guests", "3", "--lease", &lease, "--address", "127.0.0.1"];
        let invites = organiser.run(&args).lines;
        let journal = organiser.path("journal.jsonl");
        let args = [
            "join",
            "-",
            "--headless",
            "--test-card",
            "--size",
            size,
            "--name",
            "Olga",
            "--journal",
            &journal,
            "--uplink",
            "6mbit",
            "--address",
            "127.0.0.1",
        ];
        let mut others = vec![organiser.start(&args, &invites[0], "log")];
        organiser.wait_for("log", SOON, |line| line.contains("1 in the meeting"));
        let mut addresses = Vec::new();
        for (home, name, invite) in [(ada, "Ada", &invites[1]), (ben, "Ben", &invites[2])] {
            let args = ["join", "-", "--size", "180p", "--no-open", "--name", name, "--address", "127.0.0.1"];
            others.push(home.start(&args, invite, "log"));
            addresses.push(page_address(home, "log"));
        }
        Held { homes, invites, relay: Some(relay), _others: others, addresses }
    }

    fn organiser(&self) -> &Home {
        &self.homes[1]
    }

    /// Frames of each layer that the headless organiser decoded, by source.
    fn decoded(&self, source: &str, layer: u64) -> usize {
        let journal = self.organiser().read("journal.jsonl");
        let entries = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries
            .filter(|entry| {
                entry["event"] == "decoded" && entry["source"] == source && entry["layer"] == layer
            })
            .count()
    }
}

/// The id of whoever is called so.
fn id_of(name: &str) -> String {
    format!("((await canopy.stats()).state.people.find((one) => one.name === '{name}')?.id)")
}
