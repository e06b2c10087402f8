//! `canopy:` links on an XDG desktop.

use std::time::Duration;

use crate::program::Home;

#[test]
fn a_desktop_is_told_once_it_is_asked_for_and_forgets_again() {
    let home = Home::new();
    let env = [("XDG_DATA_HOME", home.path("data")), ("PATH", home.path("none"))];
    let did = home.run_env(&["link"], &env);
    assert_eq!(did.code, Some(0), "{}", did.errors);
    assert!(did.errors.contains("xdg-mime default canopy-link.desktop"), "{}", did.errors);
    let file = "data/applications/canopy-link.desktop";
    let says = home.read(file);
    let exec = format!("Exec=\"{}\" follow -- %u", env!("CARGO_BIN_EXE_canopy"));
    for line in [exec.as_str(), "MimeType=x-scheme-handler/canopy;", "Terminal=false"] {
        assert!(says.lines().any(|one| one == line), "'{line}' is not in: {says}");
    }
    assert_eq!(home.run_env(&["link", "--remove"], &env).code, Some(0));
    assert_eq!(home.read(file), "");
}

#[test]
fn a_link_that_is_followed_is_not_among_the_arguments() {
    let home = Home::new();
    let made = home.run(&["new", "tuesday", "--address", "127.0.0.1"]);
    let link = &made.lines[1];
    let running = home.start(&["follow", "--", link], "", "log");
    home.wait_for("log", Duration::from_secs(20), |line| line.contains("The meeting is at"));
    let shown = std::fs::read(format!("/proc/{}/cmdline", running.id())).expect("it runs");
    let shown = String::from_utf8_lossy(&shown).replace('\0', " ");
    assert!(shown.trim_end().ends_with("join -") && !shown.contains("canopy:"), "{shown}");
}

#[test]
fn a_link_that_is_no_invite_says_so() {
    let home = Home::new();
    home.run(&["follow", "--", "canopy:abc"]).refuses(1, &["copy"]);
    home.run(&["follow", "--", &format!("canopy:{}", "a".repeat(20_000))]).refuses(2, &["too long"]);
}
