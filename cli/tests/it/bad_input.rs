//! Bad input gets one line that says what is wrong and what to do, at once.

use crate::program::Home;

/// A meeting with its invites: the organiser's, then the guests'.
fn meeting(home: &Home, guests: &str) -> Vec<String> {
    let made = home.run(&["new", "tuesday", "--guests", guests, "--address", "127.0.0.1"]);
    assert_eq!(made.code, Some(0), "{}", made.errors);
    made.lines
}

#[test]
fn new_prints_one_line_for_each_invite() {
    let home = Home::new();
    let lines = meeting(&home, "3");
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line.starts_with("canopy:") && !line.contains(char::is_whitespace)));
    let more = home.run(&["invite", "tuesday", "--guests", "2"]);
    assert_eq!((more.code, more.lines.len()), (Some(0), 2));
}

#[test]
fn meeting_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    meeting(&home, "1");
    let file = home.kept().join("meetings/tuesday.meeting");
    let mode = std::fs::metadata(&file).expect("the meeting is kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_meeting_that_is_forgotten_leaves_nothing_behind() {
    let home = Home::new();
    let lines = meeting(&home, "1");
    let secret = std::fs::read(home.kept().join("meetings/tuesday.meeting")).expect("the meeting is kept");
    assert_eq!(home.run(&["forget", "tuesday"]).code, Some(0));
    let left = std::fs::read_dir(home.kept().join("meetings")).expect("the folder stays").flatten().count();
    assert_eq!((left, secret.is_empty()), (0, false));
    home.run(&["forget", "tuesday"]).refuses(2, &["no such meeting"]);
    home.run(&["forget", &lines[1]]).refuses(2, &["nothing is kept"]);
}

#[test]
fn a_second_meeting_of_the_same_name_is_refused_and_the_first_is_kept() {
    let home = Home::new();
    meeting(&home, "1");
    home.run(&["new", "tuesday"]).refuses(2, &["already", "another name"]);
    assert_eq!(home.run(&["invite", "tuesday"]).code, Some(0));
}

#[test]
fn names_that_are_no_names_are_refused() {
    for name in ["../etc", "", "a b"] {
        Home::new().run(&["new", name]).refuses(2, &["letters"]);
    }
}

#[cfg(feature = "ffmpeg")]
mod join {
    use super::*;

    fn join(home: &Home, invite: &str) -> crate::program::Did {
        home.run_with(&["join", "-", "--listen-only", "--headless", "--timeout", "20s"], invite)
    }

    #[test]
    fn something_else_than_an_invite_is_named_as_such() {
        let home = Home::new();
        join(&home, "hello").refuses(1, &["not an invite", "canopy:"]);
        join(&home, "").refuses(1, &["not an invite"]);
        home.run(&["join", "--listen-only", "nowhere.txt"]).refuses(2, &["nowhere.txt", "neither"]);
        home.run(&["join", "--listen-only"]).refuses(2, &["an invite is needed", "'-'"]);
    }

    #[test]
    fn a_mistyped_or_truncated_invite_says_so() {
        let home = Home::new();
        let invite = &meeting(&home, "1")[1];
        let middle = invite.len() / 2;
        // Lines are read in either case.
        let swapped = if invite[middle..=middle].eq_ignore_ascii_case("a") { "b" } else { "a" };
        let mistyped = format!("{}{swapped}{}", &invite[..middle], &invite[middle + 1..]);
        join(&home, &mistyped).refuses(1, &["wrong letter", "copy it again"]);
        join(&home, &invite[..middle]).refuses(1, &["copy"]);
    }

    #[test]
    fn an_expired_invite_says_when_and_whom_to_ask() {
        let home = Home::new();
        let made = home.run(&["new", "short", "--expires", "1s", "--address", "127.0.0.1"]);
        std::thread::sleep(std::time::Duration::from_millis(1200));
        join(&home, &made.lines[1]).refuses(1, &["expired", "ask the organiser"]);
    }

    #[test]
    fn an_organisers_invite_works_only_where_the_meeting_was_made() {
        let (home, elsewhere) = (Home::new(), Home::new());
        let invite = &meeting(&home, "1")[0];
        join(&elsewhere, invite).refuses(1, &["only on the machine"]);
    }

    #[test]
    fn nothing_to_send_asks_for_something() {
        let home = Home::new();
        let invite = &meeting(&home, "1")[1];
        home.run_with(&["join", "-", "--headless"], invite).refuses(2, &["--test-card", "--listen-only"]);
    }

    #[test]
    fn a_clip_and_a_window_are_not_for_one_command() {
        let home = Home::new();
        let invite = &meeting(&home, "1")[1];
        home.run_with(&["join", "-", "--test-card"], invite).refuses(2, &["--headless"]);
    }

    #[test]
    fn a_clip_that_can_not_be_sent_is_named_before_anybody_is_bothered() {
        let home = Home::new();
        let invite = &meeting(&home, "1")[1];
        for (clip, words) in [
            (home.path("missing.mp4"), vec!["missing.mp4"]),
            (home.file("text.mp4", "this is no clip"), vec!["text.mp4"]),
        ] {
            home.run_with(&["join", "-", "--headless", "--file", &clip], invite).refuses(1, &words);
        }
    }

    #[test]
    fn a_taken_port_is_named() {
        let home = Home::new();
        let invite = &meeting(&home, "1")[1];
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let port = taken.local_addr().expect("it has an address").port().to_string();
        let args = ["join", "-", "--listen-only", "--headless", "--address", "127.0.0.1", "--port", &port];
        home.run_with(&args, invite).refuses(1, &[&port, "--port"]);
    }

    #[test]
    fn an_invite_as_argument_works_with_a_warning() {
        let home = Home::new();
        let invite = &meeting(&home, "1")[1];
        let did = home.run(&["join", invite, "--listen-only", "--headless", "--timeout", "1s"]);
        assert!(did.errors.contains("others on this machine can see"), "{}", did.errors);
        did.refuses(1, &["gave up after 1s", "--timeout"]);
    }
}

#[test]
fn what_is_lent_is_a_word_or_a_rate_and_is_asked_for_only_at_a_terminal() {
    let home = Home::new();
    let invite = home.run(&["new", "tuesday", "--address", "127.0.0.1"]).lines.remove(1);
    let join = ["join", "-", "--headless", "--listen-only"];
    for lend in ["maybe", "", "10", "1bit"] {
        let did = home.run_with(&[&join[..], &["--lend", lend]].concat(), &invite);
        assert_eq!(did.code, Some(2), "{lend}: {}", did.errors);
        assert!(did.errors.contains("1mbit"), "{}", did.errors);
    }
    home.run_with(&[&join[..], &["--lend", "ask"]].concat(), &invite).refuses(2, &["terminal", "auto"]);
}

#[test]
fn a_relay_that_is_told_nonsense_says_what_to_write() {
    let home = Home::new();
    for uplink in ["fast", "20", "-1mbit", "0mbit"] {
        let did = home.run(&["relay", &format!("--uplink={uplink}"), "--lease", "1h"]);
        assert_eq!(did.code, Some(2), "{uplink}: {}", did.errors);
        assert!(did.errors.contains("20mbit"), "{}", did.errors);
    }
    let relay = ["relay", "--uplink", "20mbit", "--lease", "1h"];
    for (option, value, remedy) in [
        ("--hours", "noon", "18:00-23:00"),
        ("--hours", "9:00-9:00", "all day"),
        ("--quota", "much", "50GB"),
        ("--meetings", "0", "1..=8"),
        ("--meetings", "9", "1..=8"),
        ("--meetings", "all", "'--meetings <N>'"),
    ] {
        let did = home.run(&[&relay[..], &[option, value]].concat());
        assert_eq!(did.code, Some(2), "{value}: {}", did.errors);
        assert!(did.errors.contains(option) && did.errors.contains(remedy), "{}", did.errors);
    }
    let did = home.run(&["relay", "--uplink", "20mbit", "--lease", "soon"]);
    assert_eq!(did.code, Some(2));
    assert!(did.errors.contains("2h"), "{}", did.errors);
}

#[test]
fn a_relay_that_cannot_serve_so_many_meetings_says_so_before_it_prints_a_line() {
    let home = Home::new();
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let second = taken.local_addr().expect("it has an address").port();
    let (first, second) = ((second - 1).to_string(), second.to_string());
    let (counters, journal) = (home.path("counters.json"), home.path("core.run"));
    for (options, code, words) in [
        (["--uplink", "500kbit"], 2, ["512kbit", "--meetings"]),
        (["--port", "65535"], 2, ["65535", "lower"]),
        (["--port", &first], 1, [second.as_str(), "--port"]),
        (["--counters", &counters], 2, ["one meeting", "--meetings"]),
        (["--core-journal", &journal], 2, ["one meeting", "--meetings"]),
        (["--tap", "127.0.0.1:0"], 2, ["one meeting", "--meetings"]),
    ] {
        let uplink = if options[0] == "--uplink" { options[1] } else { "20mbit" };
        let rest = if options[0] == "--uplink" { &[][..] } else { &options[..] };
        let relay =
            ["relay", "--meetings", "2", "--lease", "1h", "--address", "127.0.0.1", "--uplink", uplink];
        let did = home.run(&[&relay[..], rest].concat());
        did.refuses(code, &words);
        assert!(did.lines.is_empty(), "{:?}", did.lines);
    }
}

#[test]
fn a_lease_that_has_ended_or_is_none_is_refused_and_no_meeting_is_made() {
    let home = Home::new();
    let _relay = home.start(
        &["relay", "--uplink", "20mbit", "--lease", "1s", "--address", "127.0.0.1"],
        "",
        "relay.log",
    );
    let limit = std::time::Duration::from_secs(10);
    let lease = home.wait_for("relay.log", limit, |line| line.starts_with("canopy-lease:"));
    home.wait_for("relay.log", limit, |line| line.contains("has ended"));
    home.run(&["new", "late", "--lease", &lease]).refuses(1, &["ended", "ask the volunteer"]);
    let did = home.run(&["new", "late", "--lease", "canopy-lease:zzz"]);
    assert!(did.errors.contains("others on this machine can see a lease"), "{}", did.errors);
    did.refuses(2, &["copy"]);
    home.run(&["new", "late", "--lease", "nowhere"]).refuses(2, &["neither a lease", "canopy-lease:"]);
    assert_eq!(home.run(&["new", "late"]).code, Some(0), "a refused command leaves nothing behind");
    home.run(&["lend", "late"]).refuses(2, &["a lease is needed", "'-'"]);
    home.run_with(&["lend", "late", "-"], &lease).refuses(1, &["ended"]);
}

#[test]
fn removing_somebody_who_is_not_there_says_who_is() {
    let home = Home::new();
    meeting(&home, "2");
    home.run(&["remove", "tuesday", "3"]).refuses(2, &["guests 1 to 2"]);
    home.run(&["remove", "monday", "1"]).refuses(2, &["no such meeting"]);
    assert_eq!(home.run(&["remove", "tuesday", "2"]).code, Some(0));
    home.run(&["remove", "tuesday", "2"]).refuses(2, &["already"]);
    home.run(&["remove", "tuesday", "Ben"]).refuses(2, &["no guest Ben", "1 to 2"]);
    home.run(&["remove", "tuesday", "1a2b3c4d"]).refuses(2, &["nobody has come", "1a2b3c4d"]);
}

#[test]
fn pinning_somebody_who_is_not_there_says_what_to_do_and_keeps_nothing() {
    let home = Home::new();
    meeting(&home, "2");
    let kept = || std::fs::read(home.kept().join("meetings/tuesday.meeting")).expect("the meeting is kept");
    let before = kept();
    home.run(&["pin", "monday", "1"]).refuses(2, &["no such meeting"]);
    home.run(&["pin", "tuesday", "3"]).refuses(2, &["guests 1 to 2"]);
    home.run(&["pin", "tuesday", "0"]).refuses(2, &["guests 1 to 2"]);
    home.run(&["pin", "tuesday", "Ben", "--off"]).refuses(2, &["no guest Ben"]);
    home.run(&["pin", "tuesday", "1a2b3c4d"]).refuses(2, &["nobody has come", "1a2b3c4d"]);
    home.run(&["pin", "tuesday", "1"]).refuses(2, &["has not come yet", "once they are there"]);
    assert_eq!(home.run(&["pin", "tuesday"]).code, Some(2));
    assert!(kept() == before, "nothing was half done");
}
