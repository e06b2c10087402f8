//! Meetings of real processes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::program::{Home, Running, alone, now, shared};

const SOON: Duration = Duration::from_secs(20);

/// A meeting on loopback whose organiser runs and coordinates.
struct Held {
    home: Home,
    invites: Vec<String>,
    organiser: Option<Running>,
}

impl Held {
    fn open_again(&mut self) {
        let args = ["join", "-", "--headless", "--test-card", "--size", "180p", "--address", "127.0.0.1"];
        self.organiser = Some(self.home.start(&args, &self.invites[0], "organiser.log"));
    }

    fn with_guests(guests: usize) -> Held {
        let home = Home::new();
        let made = home.run(&["new", "tuesday", "--guests", &guests.to_string(), "--address", "127.0.0.1"]);
        assert_eq!(made.code, Some(0), "{}", made.errors);
        let mut held = Held { home, invites: made.lines, organiser: None };
        held.open();
        held
    }

    /// A volunteer lends a relay.
    fn borrow_from(&self, volunteer: &Home) -> Running {
        let args = ["relay", "--uplink", "20mbit", "--lease", "10min", "--address", "127.0.0.1"];
        let relay = volunteer.start(&args, "", "relay.log");
        let lease = volunteer.wait_for("relay.log", SOON, |line| line.starts_with("canopy-lease:"));
        assert_eq!(self.home.run(&["lend", "tuesday", &lease]).code, Some(0));
        relay
    }

    fn open(&mut self) {
        self.open_again();
        self.home.wait_for("organiser.log", SOON, |line| line.contains("1 in the meeting"));
    }
}

/// A guest on a machine of their own.
fn guest(home: &Home, invite: &str, extra: &[&str]) -> Running {
    let mut args = vec!["join", "-", "--headless", "--address", "127.0.0.1"];
    args.extend(extra);
    home.start(&args, invite, "guest.log")
}

fn is_in(home: &Home, log: &str) {
    home.wait_for(log, SOON, |line| line.contains("in the meeting. Verification code"));
}

fn code(home: &Home, log: &str, members: usize) -> String {
    let line = home.wait_for(log, SOON, |line| line.starts_with(&format!("{members} in the meeting")));
    line.split_once("everybody: ").expect("the line holds a code").1.to_owned()
}

/// Waits until the last code that each of these was shown is the same, and of so many members.
fn agree(nodes: &[(&Home, &str)], members: usize) {
    let until = now() + SOON;
    let last = |(home, log): &(&Home, &str)| {
        let lines = home.read(log);
        lines.lines().rfind(|line| line.contains("in the meeting. Verification code")).map(str::to_owned)
    };
    let begins = format!("{members} in the meeting");
    loop {
        let shown: Vec<Option<String>> = nodes.iter().map(last).collect();
        let same = shown.iter().all(|line| *line == shown[0]);
        if same && shown[0].as_ref().is_some_and(|line| line.starts_with(&begins)) {
            return;
        }
        assert!(now() < until, "no {members} agree: {shown:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn two_people_see_the_same_code_and_record_each_other() {
    let _machine = shared();
    let meeting = Held::with_guests(1);
    let home = Home::new();
    let recorded = home.path("recorded");
    let mut running = guest(&home, &meeting.invites[1], &["--listen-only", "--record", &recorded]);
    assert_eq!(code(&home, "guest.log", 2), code(&meeting.home, "organiser.log", 2));
    assert_eq!(running.ended(Duration::from_secs(6)), None, "{}", home.read("guest.log"));
    drop(running);
    let files: Vec<_> = std::fs::read_dir(&recorded).expect("there is a folder").flatten().collect();
    assert_eq!(files.len(), 1, "one file for the one source");
    assert!(files[0].metadata().expect("it is a file").len() > 20_000, "some seconds were recorded");
}

#[test]
fn a_used_up_invite_lets_nobody_else_in_but_its_own_guest_back() {
    let _machine = shared();
    let meeting = Held::with_guests(1);
    let (ben, mallory) = (Home::new(), Home::new());
    let first = guest(&ben, &meeting.invites[1], &["--listen-only"]);
    is_in(&ben, "guest.log");
    let other = mallory.run_with(
        &["join", "-", "--listen-only", "--headless", "--address", "127.0.0.1", "--timeout", "8s"],
        &meeting.invites[1],
    );
    assert_eq!(other.code, Some(1), "nobody lets it in");
    for words in ["at the door", "already in use", "ask the organiser"] {
        assert!(other.errors.contains(words), "{}", other.errors);
    }
    first.crash();
    let _again = guest(&ben, &meeting.invites[1], &["--listen-only"]);
    is_in(&ben, "guest.log");
}

#[test]
fn whoever_comes_by_a_link_is_let_in_by_the_host() {
    let _machine = shared();
    let meeting = Held::with_guests(1);
    let link = meeting.home.run(&["invite", "tuesday", "--link", "5"]).lines.remove(0);
    let cho = Home::new();
    let (journal, run) = (cho.path("journal.jsonl"), cho.path("core.run"));
    let probes = ["--listen-only", "--journal", &journal, "--core-journal", &run];
    let _cho = guest(&cho, &link, &probes);
    cho.wait_for("guest.log", SOON, |line| line.contains("at the door"));
    std::thread::sleep(Duration::from_secs(3));
    // What its core was told all this while, which holds every control message and unit.
    let told = std::fs::metadata(&run).expect("it is written").len();
    println!("{told} bytes told to a core in the lobby");
    assert!(told < 100_000, "{told} bytes: no units, and few notes");
    let knock = meeting.home.wait_for("organiser.log", SOON, |line| line.contains("waits at the door"));
    let who = knock.split_whitespace().next().expect("it begins with who");
    assert_eq!(meeting.home.run(&["admit", "tuesday", who]).code, Some(0));
    is_in(&cho, "guest.log");
    cho.wait_for("journal.jsonl", SOON, |line| line.contains("\"opened\""));
}

#[test]
fn a_guest_who_is_early_waits_says_so_and_gets_in_when_the_organiser_comes() {
    let _machine = shared();
    let mut meeting = Held::with_guests(1);
    meeting.organiser.take().expect("it runs").crash();
    let home = Home::new();
    let _guest = guest(&home, &meeting.invites[1], &["--listen-only"]);
    home.wait_for("guest.log", SOON, |line| line.starts_with("Waiting:") && line.contains("reached"));
    meeting.open();
    is_in(&home, "guest.log");
}

#[test]
fn an_organiser_that_crashed_takes_up_again_and_guests_stay() {
    let _machine = shared();
    let mut meeting = Held::with_guests(2);
    let (ben, cho) = (Home::new(), Home::new());
    let _ben = guest(&ben, &meeting.invites[1], &["--listen-only"]);
    is_in(&ben, "guest.log");
    meeting.organiser.take().expect("it runs").crash();
    meeting.open();
    let _cho = guest(&cho, &meeting.invites[2], &["--listen-only"]);
    assert_eq!(code(&cho, "guest.log", 3), code(&ben, "guest.log", 3));
}

#[test]
fn a_deputy_takes_over_when_the_organisers_process_dies_and_lets_people_in() {
    let _machine = shared();
    let (volunteer, mut meeting) = (Home::new(), Held::with_guests(1));
    let _relay = meeting.borrow_from(&volunteer);
    let later = meeting.home.run(&["invite", "tuesday", "--guests", "2"]).lines;
    let (ben, cho, dee) = (Home::new(), Home::new(), Home::new());
    let _ben = guest(&ben, &meeting.invites[1], &["--listen-only"]);
    is_in(&ben, "guest.log");
    let _cho = guest(&cho, &later[1], &["--listen-only"]);
    assert_eq!(code(&cho, "guest.log", 3), code(&ben, "guest.log", 3));

    meeting.organiser.take().expect("it runs").crash();
    ben.wait_for("guest.log", SOON, |line| line.contains("this node runs it for now"));
    agree(&[(&ben, "guest.log"), (&cho, "guest.log")], 2);
    // Who comes now finds the relay, and by way of it the deputy.
    let _dee = guest(&dee, &later[0], &["--listen-only"]);
    agree(&[(&ben, "guest.log"), (&cho, "guest.log"), (&dee, "guest.log")], 3);

    // The organiser comes back, and leads again.
    meeting.open_again();
    let organiser = (&meeting.home, "organiser.log");
    agree(&[organiser, (&ben, "guest.log"), (&cho, "guest.log"), (&dee, "guest.log")], 4);
}

#[test]
fn nobody_else_loses_sound_when_people_come_leave_are_removed_and_the_organiser_dies() {
    let _machine = alone();
    let (volunteer, mut meeting) = (Home::new(), Held::with_guests(1));
    let _relay = meeting.borrow_from(&volunteer);
    let later = meeting.home.run(&["invite", "tuesday", "--guests", "3"]).lines;
    let (ben, cho, dee, eve) = (Home::new(), Home::new(), Home::new(), Home::new());
    let _ben = guest(&ben, &meeting.invites[1], &["--test-card", "--size", "180p"]);
    let journal = cho.path("journal.jsonl");
    let mut listener = guest(&cho, &later[0], &["--listen-only", "--journal", &journal]);
    cho.wait_for("journal.jsonl", SOON, |line| line.contains("\"opened\""));

    let _eve = guest(&eve, &later[2], &["--listen-only"]);
    is_in(&eve, "guest.log");
    let mut leaver = guest(&dee, &later[1], &["--listen-only"]);
    let organiser = (&meeting.home, "organiser.log");
    let [b, c, d, e] = [&ben, &cho, &dee, &eve].map(|home| (home, "guest.log"));
    agree(&[organiser, b, c, d, e], 5);
    leaver.ask_to_stop();
    assert_eq!(leaver.ended(SOON), Some(0), "{}", dee.read("guest.log"));
    agree(&[organiser, b, c, e], 4);
    assert_eq!(meeting.home.run(&["remove", "tuesday", "4"]).code, Some(0));
    agree(&[organiser, b, c], 3);
    meeting.organiser.take().expect("it runs").crash();
    agree(&[b, c], 2);
    std::thread::sleep(Duration::from_secs(3));
    listener.ask_to_stop();
    assert_eq!(listener.ended(SOON), Some(0), "{}", cho.read("guest.log"));

    // Frames of sound are numbered from one to the next: none is missing from the first that was opened to the last.
    let entries = cho.read("journal.jsonl");
    let opened = entries.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let sound: Vec<(String, u64)> = opened
        .filter(|entry| entry["event"] == "opened" && entry["layer"] == 0)
        .filter_map(|entry| Some((entry["source"].as_str()?.to_owned(), entry["number"].as_u64()?)))
        .collect();
    let (of_ben, last) = sound.last().expect("there was sound");
    let numbers: BTreeSet<u64> =
        sound.iter().filter(|(source, _)| source == of_ben).map(|(_, number)| *number).collect();
    let first = *numbers.first().expect("there was sound");
    let missing: Vec<u64> = (first..=*last).filter(|number| !numbers.contains(number)).collect();
    println!("{} frames of sound, {} missing", numbers.len(), missing.len());
    assert!(missing.is_empty(), "of {first} to {last} are missing: {missing:?}\n{}", told(&entries, of_ben));
}

/// What a listener's journal says beside of each tenth of a second: what came of a source's sound, what was opened of it and
/// what could not be, epochs.
fn told(entries: &str, source: &str) -> String {
    let mut tenths: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for entry in entries.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()) {
        let of_sound = || entry["source"] == source && entry["layer"] == 0;
        let says = match entry["event"].as_str() {
            Some("received") if of_sound() => "came".to_owned(),
            Some("opened") if of_sound() => "opened".to_owned(),
            Some("unopened") => format!("unopened: {}", entry["why"]),
            Some("epoch") => entry.to_string(),
            _ => continue,
        };
        tenths.entry(entry["at_us"].as_u64().unwrap_or(0) / 100_000).or_default().push(says);
    }
    let line = |(at, says): (&u64, &Vec<String>)| {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        says.iter().for_each(|says| *counts.entry(says).or_default() += 1);
        let counts: Vec<String> = counts.iter().map(|(says, count)| format!("{says} ({count})")).collect();
        format!("{}.{} s: {}", at / 10, at % 10, counts.join(", "))
    };
    tenths.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_removed_guest_is_told_and_does_not_come_back() {
    let _machine = shared();
    let meeting = Held::with_guests(1);
    let home = Home::new();
    let mut running = guest(&home, &meeting.invites[1], &["--listen-only"]);
    is_in(&home, "guest.log");
    assert_eq!(meeting.home.run(&["remove", "tuesday", "1"]).code, Some(0));
    assert_eq!(running.ended(SOON), Some(1), "{}", home.read("guest.log"));
    assert!(home.read("guest.log").contains("removed"), "{}", home.read("guest.log"));
    let again = home.run_with(
        &["join", "-", "--listen-only", "--headless", "--address", "127.0.0.1"],
        &meeting.invites[1],
    );
    again.refuses(1, &["removed"]);
}

#[test]
fn whose_invite_ends_is_cut_off_then_by_relays_too_and_the_others_stay() {
    let _machine = shared();
    let (volunteer, meeting) = (Home::new(), Held::with_guests(1));
    let args = ["-v", "relay", "--uplink", "20mbit", "--lease", "10min", "--address", "127.0.0.1"];
    let _relay = volunteer.start(&args, "", "relay.log");
    let lease = volunteer.wait_for("relay.log", SOON, |line| line.starts_with("canopy-lease:"));
    assert_eq!(meeting.home.run(&["lend", "tuesday", &lease]).code, Some(0));
    let (ben, cho) = (Home::new(), Home::new());
    let _ben = guest(&ben, &meeting.invites[1], &["--listen-only"]);
    is_in(&ben, "guest.log");
    let made = now();
    let short = meeting.home.run(&["invite", "tuesday", "--expires", "15s"]).lines.remove(0);
    let mut late = guest(&cho, &short, &["--listen-only"]);
    is_in(&cho, "guest.log");
    agree(&[(&meeting.home, "organiser.log"), (&ben, "guest.log"), (&cho, "guest.log")], 3);
    assert!(now() - made < Duration::from_secs(14), "this machine is too slow for this test");
    volunteer.wait_for("relay.log", SOON, |line| line.contains("a credential is over"));
    assert!(now() - made >= Duration::from_secs(15));
    agree(&[(&meeting.home, "organiser.log"), (&ben, "guest.log")], 2);
    assert_eq!(late.ended(SOON), Some(1), "{}", cho.read("guest.log"));
    assert!(cho.read("guest.log").contains("expired"), "{}", cho.read("guest.log"));
}

#[test]
fn no_core_dump_is_left_by_whoever_holds_keys() {
    let _machine = shared();
    let (volunteer, meeting) = (Home::new(), Held::with_guests(0));
    let relay = meeting.borrow_from(&volunteer);
    for process in [meeting.organiser.as_ref().expect("it runs"), &relay] {
        let limits = procfs::process::Process::new(process.id() as i32).and_then(|process| process.limits());
        let core = limits.expect("it runs").max_core_file_size;
        let none = |limit| matches!(limit, procfs::process::LimitValue::Value(0));
        assert!(none(core.soft_limit) && none(core.hard_limit), "no core is to be dumped");
    }
}

#[test]
fn one_of_those_who_came_by_a_link_is_removed_and_the_other_stays() {
    let _machine = shared();
    let meeting = Held::with_guests(1);
    let link = meeting.home.run(&["invite", "tuesday", "--link", "5"]).lines.remove(0);
    let (cho, dee) = (Home::new(), Home::new());
    let mut keys = Vec::new();
    let mut running = Vec::new();
    for home in [&cho, &dee] {
        running.push(guest(home, &link, &["--listen-only"]));
        let knock = meeting.home.wait_for("organiser.log", SOON, |line| {
            line.contains("waits at the door") && !keys.iter().any(|key: &String| line.starts_with(key))
        });
        let key = knock.split_whitespace().next().expect("it begins with who").to_owned();
        assert_eq!(meeting.home.run(&["admit", "tuesday", &key]).code, Some(0));
        is_in(home, "guest.log");
        keys.push(key);
    }
    dee.wait_for("guest.log", SOON, |line| line.starts_with("3 in the meeting"));
    assert_eq!(meeting.home.run(&["remove", "tuesday", &keys[0]]).code, Some(0));
    assert_eq!(running[0].ended(SOON), Some(1), "{}", cho.read("guest.log"));
    assert!(cho.read("guest.log").contains("removed"), "{}", cho.read("guest.log"));
    dee.wait_for("guest.log", SOON, |line| line.starts_with("2 in the meeting"));

    // Without its key Cho is somebody new to the link, and the host is told what that may mean.
    let again = Home::new();
    let _again = guest(&again, &link, &["--listen-only"]);
    meeting.home.wait_for("organiser.log", SOON, |line| line.contains("one who came by it was removed"));
}

/// KiB of a process' memory that are never in the swap.
fn locked_kib(process: &Running) -> u64 {
    let status = procfs::process::Process::new(process.id() as i32).and_then(|process| process.status());
    status.expect("it runs").vmlck.expect("it has memory")
}

#[test]
fn a_members_keys_stay_out_of_the_swap_or_its_user_is_told() {
    let _machine = shared();
    let meeting = Held::with_guests(1);
    let told = |home: &Home, log| home.read(log).contains("may reach the swap");
    let organiser = locked_kib(meeting.organiser.as_ref().expect("it runs"));
    assert!(organiser >= 16 || told(&meeting.home, "organiser.log"), "{organiser} KiB");
    let home = Home::new();
    let args = ["join", "-", "--headless", "--listen-only", "--address", "127.0.0.1"];
    let limited = home.start_without_locks(&args, &meeting.invites[1], "guest.log");
    is_in(&home, "guest.log");
    assert_eq!(locked_kib(&limited), 0);
    assert!(told(&home, "guest.log"), "{}", home.read("guest.log"));
}

#[test]
fn a_quota_is_kept_over_restarts_and_ends_a_relay() {
    let _machine = shared();
    let (volunteer, mut meeting) = (Home::new(), Held::with_guests(1));
    let file = volunteer.kept().join("relayed.json");
    let kept = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(&file).expect("it is there")).expect("it is JSON")
    };
    let args =
        ["relay", "--uplink", "20mbit", "--lease", "10min", "--address", "127.0.0.1", "--quota", "1GB"];
    let mut relay = volunteer.start(&args, "", "relay.log");
    let lease = volunteer.wait_for("relay.log", SOON, |line| line.starts_with("canopy-lease:"));
    assert_eq!(meeting.home.run(&["lend", "tuesday", &lease]).code, Some(0));
    let until = now() + SOON;
    while volunteer.run(&["status"]).lines.iter().all(|line| !line.contains("follows plan")) {
        assert!(now() < until, "{}", volunteer.read("relay.log"));
        std::thread::sleep(Duration::from_millis(100));
    }
    relay.ask_to_stop();
    assert_eq!(relay.ended(SOON), Some(0));
    let mut sent = kept();
    assert!(sent["bytes"].as_u64().is_some_and(|bytes| bytes > 500), "{sent}");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("there").permissions());
    assert_eq!(mode & 0o777, 0o600);
    meeting.organiser.take();

    sent["bytes"] = 999_999_000.into();
    std::fs::write(&file, sent.to_string()).expect("it can be written");
    let mut relay = volunteer.start(&args, "", "again.log");
    volunteer.wait_for("again.log", SOON, |line| line.contains("goes elsewhere"));
    volunteer.wait_for("again.log", SOON, |line| line.contains("quota is used up"));
    assert_eq!(relay.ended(SOON), Some(0));

    sent["bytes"] = 1_000_000_000.into();
    std::fs::write(&file, sent.to_string()).expect("it can be written");
    volunteer.run(&args).refuses(2, &["quota is used up", "--quota"]);
    std::fs::write(&file, "{}").expect("it can be written");
    volunteer.run(&args).refuses(1, &["relayed.json", "remove it"]);
}

#[test]
fn a_relay_lends_nothing_outside_of_its_hours() {
    let _machine = shared();
    let homes = [Home::new(), Home::new()];
    let mut rest = 0;
    for (home, hours) in homes.iter().zip(["00:00-12:00", "12:00-00:00"]) {
        let args =
            ["relay", "--uplink", "20mbit", "--lease", "10min", "--address", "127.0.0.1", "--hours", hours];
        let _relay = home.start(&args, "", "relay.log");
        home.wait_for("relay.log", SOON, |line| line.starts_with("Lending 20000"));
        let rests = home.read("relay.log").contains("Outside of its hours");
        assert_eq!(home.lends(), if rests { 0 } else { 20_000 }, "{}", home.read("relay.log"));
        rest += usize::from(rests);
    }
    assert!(rest > 0, "it can't be both");
}

#[test]
fn a_participant_relays_for_others_only_after_a_yes() {
    let _machine = shared();
    let meeting = Held::with_guests(4);
    let says = ["nothing for others", "--lend auto"];
    for (n, answered, typed, kbps) in [
        (1, None, None, 0),
        (2, None, Some("auto"), 3_000),
        (3, Some("auto"), Some("800kbit"), 800),
        (4, Some("1000kbit"), None, 1_000),
    ] {
        let home = Home::new();
        if let Some(answer) = answered {
            std::fs::create_dir_all(home.kept()).expect("a folder");
            std::fs::write(home.kept().join("lend"), answer).expect("a file");
        }
        let extra: Vec<&str> =
            ["--listen-only"].into_iter().chain(typed.iter().flat_map(|typed| ["--lend", typed])).collect();
        let _guest = guest(&home, &meeting.invites[n], &extra);
        is_in(&home, "guest.log");
        assert_eq!(home.lends(), kbps, "{answered:?} {typed:?}");
        let told = says.iter().all(|words| home.read("guest.log").contains(words));
        assert_eq!(told, kbps == 0, "{}", home.read("guest.log"));
        let kept = std::fs::read_to_string(home.kept().join("lend")).ok();
        assert_eq!(kept.as_deref(), answered, "what is typed is for one meeting");
    }
}

#[test]
fn a_relay_serves_the_meeting_that_claimed_it_and_no_other() {
    let _machine = shared();
    let (volunteer, other) = (Home::new(), Home::new());
    let _relay = volunteer.start(
        &["relay", "--uplink", "20mbit", "--lease", "10min", "--address", "127.0.0.1"],
        "",
        "relay.log",
    );
    let lease = volunteer.wait_for("relay.log", SOON, |line| line.starts_with("canopy-lease:"));
    let meeting = Held::with_guests(1);
    assert_eq!(meeting.home.run(&["lend", "tuesday", &lease]).code, Some(0));
    // An invite that is made now names the relay, and it alone will do.
    let invite = meeting.home.run(&["invite", "tuesday"]).lines.remove(0);
    let guest_home = Home::new();
    let _guest = guest(&guest_home, &invite, &["--listen-only"]);
    is_in(&guest_home, "guest.log");

    let made = other.run(&["new", "thursday", "--lease", &lease, "--address", "127.0.0.1"]);
    let args = ["-v", "join", "-", "--headless", "--listen-only", "--address", "127.0.0.1"];
    let _late = other.start(&args, &made.lines[0], "organiser.log");
    other.wait_for("organiser.log", SOON, |line| line.contains("already claimed"));
}

#[test]
fn a_short_demo_holds_and_without_relays_it_falls_short() {
    let _machine = alone();
    let home = Home::new();
    let args = ["demo", "--size", "360p", "--expect", "90"];
    let held = home.run(&[&args[..], &["--length", "30s", "--out", &home.path("with")]].concat());
    assert_eq!(held.code, Some(0), "{}\n{}", held.lines.join("\n"), held.errors);
    let report = std::fs::read(home.path("with/report.json")).expect("there is a report");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("it is JSON");
    assert_eq!(report["received"].as_array().expect("rows").len(), 18, "3 sources; 2 or 3 of them for 7");
    assert!(report["attack"]["relay_memory"]["windows"].as_u64().expect("a count") > 1_000_000);

    let without = ["--length", "20s", "--no-relays", "--out", &home.path("without")];
    let without = home.run(&[&args[..], &without].concat());
    assert_eq!(without.code, Some(1), "{}", without.lines.join("\n"));
    assert!(without.errors.contains("fell short"), "{}", without.errors);
}

#[test]
fn a_node_tells_its_user_its_place_and_nobody_else() {
    let _machine = shared();
    let (volunteer, meeting) = (Home::new(), Held::with_guests(1));
    let _relay = meeting.borrow_from(&volunteer);
    let home = Home::new();
    home.run(&["status"]).refuses(1, &["no node", "canopy join"]);
    let mut running = guest(&home, &meeting.invites[1], &["--listen-only"]);
    is_in(&home, "guest.log");
    let until = now() + SOON;
    let said = loop {
        let said = home.run(&["status"]).lines.join("\n");
        if said.contains("sound of") && said.contains("fed by") && !said.contains("looking") {
            break said;
        }
        assert!(now() < until, "{said}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(said.starts_with("participant "), "{said}");
    let nodes: serde_json::Value =
        serde_json::from_str(&home.run(&["status", "--json"]).lines.join("\n")).unwrap();
    let node = &nodes[0];
    assert_eq!(node["pid"], running.id());
    let organiser = &node["status"]["coordinator"];
    assert!(organiser.is_string() && node["status"]["trees"][0]["source"] == *organiser, "{nodes}");
    let lent: serde_json::Value =
        serde_json::from_str(&volunteer.run(&["status", "--json"]).lines.join("\n")).unwrap();
    assert_eq!((&lent[0]["status"]["kind"], &lent[0]["limit_kbps"]), (&"Relay".into(), &20_000.into()));

    let folder = home.kept().join("running");
    let mode =
        std::fs::metadata(&folder).map(|found| std::os::unix::fs::PermissionsExt::mode(&found.permissions()));
    assert_eq!(mode.expect("it is there") & 0o777, 0o700);
    running.ask_to_stop();
    assert_eq!(running.ended(SOON), Some(0));
    assert_eq!(std::fs::read_dir(folder).expect("it is there").count(), 0, "and nothing is left");
}
