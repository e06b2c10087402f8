//! The relay's page.

use serde_json::Value;

use super::{SOON, page_address};
use crate::browser::{self, Browser, story};
use crate::program::Home;

#[test]
fn a_volunteer_sees_what_is_lent_and_hands_over() {
    story(async {
        let (volunteer, organiser) = (Home::new(), Home::new());
        let args =
            ["relay", "--uplink", "20mbit", "--lease", "2h", "--address", "127.0.0.1", "--page", "--no-open"];
        let mut relay = volunteer.start(&args, "", "log");
        let lease = volunteer.wait_for("log", SOON, |line| line.starts_with("canopy-lease:"));
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let browser = Browser::start(&browser::bars(folder.path()), (820, 760)).await;
        browser.client.goto(&page_address(&volunteer, "log")).await.expect("the page loads");
        let text = |words: &str| format!("return document.body.innerText.includes({})", Value::from(words));
        browser.until("the lease line is shown", &text(&lease)).await;
        let made = organiser.run(&["new", "tuesday", "--lease", &lease, "--address", "127.0.0.1"]);
        let join = ["join", "-", "--headless", "--listen-only", "--address", "127.0.0.1"];
        let _organiser = organiser.start(&join, &made.lines[0], "log");
        browser.until("a meeting has claimed it", &text("A meeting uses this relay.")).await;
        assert_eq!(browser.run(&text(&lease)).await, false, "a line that is used up is of no use");
        browser.picture("relay").await;
        browser.click("Pause").await;
        browser.until("it is paused", &text("Paused")).await;
        browser.click("Finish").await;
        assert_eq!(relay.ended(SOON), Some(0), "{}", volunteer.read("log"));
        browser.until("it says goodbye", &text("Thank you")).await;
        browser.end().await;
    });
}

#[test]
fn a_volunteer_for_two_meetings_sees_the_lines_that_nobody_has_claimed() {
    story(async {
        let (volunteer, organiser) = (Home::new(), Home::new());
        let relay = ["relay", "--uplink", "20mbit", "--lease", "2h", "--address", "127.0.0.1"];
        let args = [&relay[..], &["--meetings", "2", "--page", "--no-open"]].concat();
        let _relay = volunteer.start(&args, "", "log");
        let address = page_address(&volunteer, "log");
        let said = volunteer.read("log");
        let leases: Vec<&str> = said.lines().filter(|line| line.starts_with("canopy-lease:")).collect();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let browser = Browser::start(&browser::bars(folder.path()), (820, 760)).await;
        browser.client.goto(&address).await.expect("the page loads");
        let text = |words: &str| format!("return document.body.innerText.includes({})", Value::from(words));
        for lease in &leases {
            browser.until("each lease line is shown", &text(lease)).await;
        }
        browser.until("nobody is there", &text("No meeting has claimed this relay yet.")).await;
        let made = organiser.run(&["new", "tuesday", "--lease", leases[0], "--address", "127.0.0.1"]);
        let join = ["join", "-", "--headless", "--listen-only", "--address", "127.0.0.1"];
        let _organiser = organiser.start(&join, &made.lines[0], "log");
        browser.until("one has claimed it", &text("Claimed by 1 of 2 meetings.")).await;
        assert_eq!(browser.run(&text(leases[0])).await, false, "a line that is used up is of no use");
        assert_eq!(browser.run(&text(leases[1])).await, true, "the other one is for somebody else");
        browser.picture("relay-of-two").await;
        browser.end().await;
    });
}
