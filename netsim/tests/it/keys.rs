//! Key agreement beside the simulated overlay.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use netsim::payload::Parcel;
use netsim::record::{KeysRecord, Record};
use netsim::report::{Report, page, summary};
use netsim::saboteur::Saboteur;
use netsim::scenario::{Expected, Scenario};
use netsim::system::{System, run};
use netsim::world::World;
use overlay_core::io::{Command, Input};
use overlay_core::node::Node;
use overlay_core::time::Time;

/// Two sources, of whom the first organises and the second is a deputy, six who watch, a relay. All are 20 ms from each other.
fn meeting(length: &str, faults: &str) -> Scenario {
    let text = format!(
        r#"
title = "Keys"
length = "{length}"
[keys]
agreed = true
[people]
count = 8
uplinks = "relay-only"
[geography]
flat = "20ms"
[[crowds]]
at = "3s"
people = 3
within = "1s"
[[relays]]
count = 1
uplink_kbps = 20000
[[sources]]
count = 2
layers = ["audio", "p180"]
uplink_min_kbps = 3000
{faults}
"#
    );
    Scenario::parse(&text, Path::new("keys.toml")).expect("a meeting")
}

fn simulate(scenario: Scenario, seed: u64) -> Record {
    run(System::Canopy, scenario, seed, |_| true).expect("a scenario of ours")
}

fn keys(record: &Record) -> &KeysRecord {
    record.keys.as_ref().expect("keys are agreed")
}

fn broken(record: &Record) -> Vec<&'static str> {
    record.violations.iter().map(|violation| violation.invariant).collect()
}

/// These don't hold while a source is gone, keys or not, see `keys-meeting.toml`.
fn bears(mut scenario: Scenario, invariants: &[&str]) -> Scenario {
    let expected = |name: &&str| Expected { invariant: (*name).into(), why: "a source has died".into() };
    scenario.expected.extend(invariants.iter().map(expected));
    scenario
}

#[test]
fn everybody_opens_everything_once_they_were_let_in() {
    let record = simulate(meeting("25s", ""), 1);
    assert_eq!(record.violations, []);
    let keys = keys(&record);
    assert_eq!(keys.first_opened.0.len(), 8);
    assert!(keys.first_opened.0.max() < 4_000_000, "the last opened after {} µs", keys.first_opened.0.max());
    assert_eq!(keys.waits.0.len(), 0, "whoever holds keys holds the next before they count");
    // What comes before somebody is let in can't be opened, and nothing after.
    let before = simulate(meeting("10s", ""), 1).keys.expect("keys are agreed");
    assert!(keys.unopened > 0 && keys.opened > 2 * before.opened, "{} {}", keys.opened, keys.unopened);
    assert_eq!(keys.unopened, before.unopened);
}

#[test]
fn the_same_seed_gives_the_same_hash_with_keys_and_keys_change_it() {
    let hash = |seed| simulate(meeting("8s", ""), seed).hash;
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
    let mut without = meeting("8s", "");
    without.keys.agreed = false;
    let record = simulate(without, 1);
    assert!(record.keys.is_none());
    assert_ne!(record.hash, hash(1));
}

#[test]
fn who_leaves_or_is_removed_is_shut_out_within_two_seconds() {
    let faults = "[[faults]]\nwhat = \"remove\"\nwho = \"watchers\"\ncount = 2\nat = \"10s\"\n";
    let record = simulate(meeting("30s", faults), 1);
    assert_eq!(record.violations, []);
    let keys = keys(&record);
    assert_eq!((keys.leaves, keys.rekeys.0.len()), (2, 2));
    assert!(keys.rekeys.0.max() < 2_000_000, "it took {} µs", keys.rekeys.0.max());
    let ended = record.timeline.iter().filter(|happened| happened.what.contains("not let in"));
    assert_eq!(ended.count(), 2, "{:?}", record.timeline);
}

#[test]
fn a_deputy_takes_over_when_the_organiser_dies_and_gives_way_when_it_is_back() {
    let dies = "[[faults]]\nwhat = \"crash\"\nwho = \"coordinator\"\nat = \"10s\"\n";
    let leads = |record: &Record| {
        let runs = record.timeline.iter().filter(|happened| happened.what.contains("runs the epochs"));
        runs.map(|happened| happened.at_ms).collect::<Vec<_>>()
    };
    let record = simulate(bears(meeting("40s", dies), &["acyclic", "mutual"]), 1);
    let taken = leads(&record);
    assert!(record.complete && taken.len() == 1 && (12_000..14_000).contains(&taken[0]), "{taken:?}");
    assert!(!broken(&record).contains(&"openable"), "{:?}", record.violations);

    let returns = format!("{dies}lasts = \"8s\"\n");
    let record = simulate(bears(meeting("45s", &returns), &["acyclic", "mutual"]), 1);
    assert!(record.complete && leads(&record).len() == 1, "{:?}", record.violations);
    let others = ["openable", "epochs", "liveness", "twice"];
    assert!(!broken(&record).iter().any(|name| others.contains(name)), "{:?}", record.violations);
}

/// It knew none of the feeds of its earlier life, and published into the same one again, of which its receivers had seen
/// the numbers.
#[test]
fn an_organiser_who_comes_back_before_a_deputy_leads_is_heard() {
    let faults = "[[faults]]\nwhat = \"crash\"\nwho = \"coordinator\"\nat = \"15s\"\nlasts = \"2s\"\n";
    for (agreed, seed) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
        let mut scenario = bears(meeting("40s", faults), &["acyclic", "mutual"]);
        scenario.keys.agreed = agreed;
        let record = simulate(scenario, seed);
        let others = ["liveness", "twice", "openable"];
        assert!(record.complete, "{:?}", record.violations);
        assert!(!broken(&record).iter().any(|name| others.contains(name)), "{:?}", record.violations);
    }
}

/// A deputy that took over had no way yet to most of those whom it told its epoch, and they asked for it only after seconds.
#[test]
fn no_sound_waits_for_a_deputys_keys() {
    let faults = r#"
[people.nat]
symmetric_percent = 100
[[faults]]
what = "remove"
who = "watchers"
count = 1
at = "10s"
[[faults]]
what = "crash"
who = "coordinator"
at = "11500ms"
"#;
    for seed in [2, 3, 5] {
        let mut scenario = bears(meeting("22s", faults), &["acyclic", "mutual"]);
        (scenario.people.count, scenario.geography.flat) = (10, Some(Duration::from_millis(5)));
        scenario.crowds.clear();
        let record = simulate(scenario, seed);
        assert_eq!(broken(&record), Vec::<&str>::new(), "{:?}", record.violations);
        let waits = &keys(&record).waits.0;
        assert_eq!(waits.len(), 0, "seed {seed}: up to {} µs", waits.max());
    }
}

/// From a moment on no source says its keys, neither to all nor to who asks.
struct Mute(Time);

impl Saboteur for Mute {
    fn input(&mut self, now: Time, _: u32, input: Input<Parcel>) -> Option<Input<Parcel>> {
        let announces = |body: &[u8]| body.windows(12).any(|word| word == b"Announcement");
        match &input {
            Input::Command(Command::SayStanding { body, .. } | Command::Say { body, .. })
                if now >= self.0 && announces(body) =>
            {
                None
            }
            _ => Some(input),
        }
    }
}

#[test]
fn keys_that_nobody_says_are_missed() {
    // The removal makes an epoch that the sources have to say new keys for.
    let faults = "[[faults]]\nwhat = \"remove\"\nwho = \"watchers\"\ncount = 1\nat = \"10s\"\n";
    let world = World::<Node<Parcel>>::new(meeting("40s", faults), 1).expect("a scenario");
    let record = world.sabotaged(Mute(Time(9_000_000_000))).run(|_| true);
    assert_eq!(broken(&record), ["openable"]);
    let found = &record.violations[0];
    assert!(found.what.contains("has no key for what node") && found.at_ns >= 25_000_000_000, "{found:?}");
}

/// The organiser answers nobody.
struct Deaf;

impl Saboteur for Deaf {
    fn input(&mut self, _: Time, who: u32, input: Input<Parcel>) -> Option<Input<Parcel>> {
        let welcomes = |body: &[u8]| body.windows(7).any(|word| word == b"Welcome");
        match &input {
            Input::Command(Command::Say { body, .. }) if who == 0 && welcomes(body) => None,
            _ => Some(input),
        }
    }
}

#[test]
fn who_is_never_let_in_is_missed() {
    let world = World::<Node<Parcel>>::new(bears(meeting("30s", ""), &["liveness", "mutual"]), 1)
        .expect("a scenario");
    let record = world.sabotaged(Deaf).run(|_| true);
    let found: BTreeSet<&str> = broken(&record).into_iter().collect();
    assert!(found.contains("openable"), "{found:?}");
    assert!(record.violations.iter().any(|found| found.what.contains("was not let in")));
}

#[test]
fn a_report_tells_of_keys_where_there_are_any() {
    let record = simulate(meeting("10s", ""), 1);
    let report = Report::of(&record);
    let told = report.keys.as_ref().expect("keys are agreed");
    assert_eq!(told.first_opened_ms.count, 8);
    assert!(told.unopened_share > Some(0.0) && told.unopened_share < Some(0.2), "{:?}", told.unopened_share);
    assert!(summary::text(&report).contains("First frame opened after joining"));
    assert!(page::html(&report).contains("Frames that opened"));
    let again = serde_json::from_str::<Report>(&report.json()).expect("reads");
    assert_eq!(again, report);
}

#[test]
fn what_does_not_go_with_keys_is_refused() {
    let text = meeting("30s", "").to_toml();
    let parse = |text: &str| Scenario::parse(text, "keys.toml").expect_err("refused").to_string();
    assert!(
        parse(&text.replace("deputies = 2", "deputies = 17")).contains("keys.deputies: is 17; give 0 to 16")
    );
    assert!(parse(&text.replace("deputies = 2", "vice = 2")).contains("keys.vice"));
    let fault = |text: &str, rest: &str| {
        parse(&format!("{text}\n[[faults]]\nwhat = \"remove\"\nat = \"1s\"\n{rest}\n"))
    };
    let without = text.replace("agreed = true", "agreed = false");
    assert!(
        fault(&without, "who = \"people\"").contains("faults[0].what: is remove, and no keys are agreed")
    );
    assert!(fault(&text, "who = \"relays\"").contains("faults[0].who"));
    assert!(fault(&text, "who = \"people\"\nlasts = \"1s\"").contains("faults[0].lasts"));
}
