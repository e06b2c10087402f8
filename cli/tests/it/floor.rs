//! More people who send than places.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Home, Running, alone, now};

const SOON: Duration = Duration::from_secs(30);
/// Three voices, a place for a shared screen, one thumbnail: with six who send two are off the stage.
const SOURCES: usize = 6;
/// When the last of them speaks, seconds from its start.
const SPEAKS: Range<u32> = 20..30;

/// What a node wrote into its journal of this kind, of sound.
fn sounds(home: &Home, event: &str) -> Vec<Value> {
    let entries = home.read("journal.jsonl");
    let entries = entries.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries.filter(|entry| entry["event"] == event && entry["layer"] == 0).collect()
}

fn numbers(entries: &[Value], source: &str) -> BTreeSet<u64> {
    let of = entries.iter().filter(|entry| entry["source"] == source);
    of.filter_map(|entry| entry["number"].as_u64()).collect()
}

/// What the node called itself when it started.
fn name(home: &Home) -> String {
    let line = home.wait_for("journal.jsonl", SOON, |line| line.contains("\"started\""));
    let entry: Value = serde_json::from_str(&line).expect("a line of JSON");
    entry["node"].as_str().expect("a node has a name").to_owned()
}

fn join(home: &Home, invite: &str, extra: &[&str]) -> Running {
    let journal = home.path("journal.jsonl");
    let mut args = vec!["join", "-", "--headless", "--address", "127.0.0.1", "--journal", &journal];
    args.extend(extra);
    let running = home.start(&args, invite, "log");
    home.wait_for("log", SOON, |line| line.contains("in the meeting. Verification code"));
    running
}

/// A meeting whose organiser only listens, and more who send than there are places: the last of them, who says something
/// at these seconds, has none.
struct Crowd {
    organiser: Home,
    homes: Vec<Home>,
    _running: Vec<Running>,
}

impl Crowd {
    fn whose_last_speaks(at_s: Range<u32>) -> Crowd {
        let organiser = Home::new();
        let guests = SOURCES.to_string();
        let made = organiser.run(&["new", "tuesday", "--guests", &guests, "--address", "127.0.0.1"]);
        assert_eq!(made.code, Some(0), "{}", made.errors);
        let mut running = vec![join(&organiser, &made.lines[0], &["--listen-only", "--gallery", "1"])];
        let (quiet, speaking) = (organiser.path("quiet.mkv"), organiser.path("speaking.mkv"));
        media_pipeline::clip::generate_speaking(Path::new(&quiet), 2, 0..0).expect("a clip");
        media_pipeline::clip::generate_speaking(Path::new(&speaking), at_s.end.max(2), at_s).expect("a clip");
        let homes: Vec<Home> = (0..SOURCES).map(|_| Home::new()).collect();
        for (at, home) in homes.iter().enumerate() {
            let clip = if at + 1 == SOURCES { &speaking } else { &quiet };
            running.push(join(home, &made.lines[at + 1], &["--file", clip, "--size", "180p", "--send-only"]));
            if at + 1 < SOURCES {
                home.wait_for("journal.jsonl", SOON, |line| line.contains("\"sent\""));
            }
        }
        Crowd { organiser, homes, _running: running }
    }

    fn last(&self) -> &Home {
        &self.homes[SOURCES - 1]
    }
}

#[test]
fn who_has_no_place_and_begins_to_speak_is_heard_from_the_first_word_on() {
    let _machine = alone();
    let crowd = Crowd::whose_last_speaks(SPEAKS);
    let (organiser, homes, last) = (&crowd.organiser, &crowd.homes, crowd.last());
    let who = name(last);
    // Its first sound leaves when it speaks, and not before: it came last, and there is no place for it.
    last.wait_for("journal.jsonl", SOON + SOON, |line| {
        line.contains("\"sent\"") && line.contains("\"layer\":0,")
    });
    let until = now() + SOON;
    let first: BTreeSet<u64> = (0..100).collect();
    while !numbers(&sounds(organiser, "decoded"), &who).is_superset(&first) {
        let sent = sounds(last, "sent").len();
        let (opened, decoded) =
            (numbers(&sounds(organiser, "opened"), &who), numbers(&sounds(organiser, "decoded"), &who));
        assert!(
            now() < until,
            "of {sent} packets {} were opened, {} decoded; not decoded of the first: {:?}",
            opened.len(),
            decoded.len(),
            first.difference(&decoded).collect::<Vec<_>>()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    let sent = sounds(last, "sent");
    let age_ms = |entry: &Value| {
        let at = |key: &str| entry[key].as_u64().expect("a time");
        (at("at_us") - at("captured_us")) / 1_000
    };
    println!("the first packet left {} ms after it was said", age_ms(&sent[0]));
    assert!(age_ms(&sent[0]) >= 300, "what was said while it had no place leaves as well");
    let heard = |home: &Home| numbers(&sounds(organiser, "opened"), &name(home)).len();
    let silenced = homes[..SOURCES - 1].iter().map(heard).filter(|packets| *packets == 0).count();
    assert!(silenced <= 2, "three were heard before");
}

#[test]
fn who_is_pinned_by_a_command_has_a_place() {
    let _machine = alone();
    let crowd = Crowd::whose_last_speaks(0..0);
    let (organiser, last) = (&crowd.organiser, crowd.last());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(sounds(last, "sent").len(), 0, "it came last and says nothing");
    let pinned = organiser.run(&["pin", "tuesday", &SOURCES.to_string()]);
    assert_eq!(pinned.code, Some(0), "{}", pinned.errors);
    let who = format!("\"source\":\"{}\"", name(last));
    organiser.wait_for("journal.jsonl", SOON, |line| line.contains("\"opened\"") && line.contains(&who));
}
