//! Whether this computer passes on what others send: asked once, and a switch from then on.

use std::time::Duration;

use super::{SOON, page_address};
use crate::browser::{self, Browser, story};
use crate::program::{Home, now};

/// What the control says of itself.
const NOW: &str = "document.getElementById('lending-now')?.textContent";

/// Waits until this user's node lends so much.
async fn lends(home: &Home, kbps: u64) {
    let until = now() + SOON;
    while home.lends() != kbps {
        assert!(now() < until, "it lends {} kbit/s, not {kbps}", home.lends());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[test]
fn the_page_asks_once_whether_it_may_relay_and_can_change_that_at_any_time() {
    story(async {
        let (olga, ben) = (Home::new(), Home::new());
        let invites = olga.run(&["new", "tuesday", "--guests", "1", "--address", "127.0.0.1"]).lines;
        let args = ["join", "-", "--headless", "--listen-only", "--address", "127.0.0.1"];
        let _organiser = olga.start(&args, &invites[0], "log");
        let page = ["join", "-", "--listen-only", "--no-open", "--address", "127.0.0.1"];
        let mut bens = ben.start(&page, &invites[1], "log");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let browser = Browser::start(&browser::bars(folder.path()), (1280, 800)).await;
        let may = |may: &str| format!("return (await canopy.stats()).state.lending.may === '{may}'");
        let kept = || std::fs::read_to_string(ben.kept().join("lend")).ok();

        // Who was not asked lends nothing; the lobby asks, and remembers.
        browser.open(&page_address(&ben, "log")).await;
        let ready = "return document.querySelector('.lobby button[type=submit]:not(:disabled)') !== null";
        browser.until("the lobby may come in", ready).await;
        assert_eq!((ben.lends(), kept()), (0, None));
        browser.picture("lending-asks").await;
        browser.click("Yes, pass it on").await;
        browser.until("it lends", &may("spare")).await;
        lends(&ben, 3_000).await;
        assert_eq!(kept().as_deref(), Some("auto"));

        // The switch stays, in the meeting too, and what it says counts at once.
        browser.click("Join the meeting").await;
        browser.click("Why is it like this?").await;
        browser.until("the panel says so", &format!("return {NOW}.startsWith('On,')")).await;
        browser.picture("lending-on").await;
        browser.click("Help carry the meeting").await;
        browser.until("it lends nothing", &may("nothing")).await;
        browser.until("the panel says so", &format!("return {NOW}.startsWith('Off')")).await;
        let state = "return document.querySelector('[role=switch]').getAttribute('aria-checked')";
        assert_eq!(browser.run(state).await, "false");
        lends(&ben, 0).await;
        assert_eq!(kept().as_deref(), Some("no"));
        bens.ask_to_stop();
        assert_eq!(bens.ended(SOON), Some(0), "{}", ben.read("log"));

        // What was answered counts the next time. What is typed is for one meeting, and so is the switch then.
        let _bens = ben.start(&[&page[..], &["--lend", "800kbit"]].concat(), &invites[1], "again");
        browser.open(&page_address(&ben, "again")).await;
        browser.until("it may come in", ready).await;
        assert_eq!(ben.lends(), 800);
        browser.until("it says how much", &format!("return {NOW}.includes('800 kbit/s')")).await;
        for (then, kbps) in [("nothing", 0), ("upTo", 800)] {
            browser.click("Help carry the meeting").await;
            let now = "const { may } = (await canopy.stats()).state.lending; return may === 'nothing' ? may : Object.keys(may)[0]";
            browser.until(then, &format!("return (await (async () => {{ {now} }})()) === '{then}'")).await;
            lends(&ben, kbps).await;
            assert_eq!(kept().as_deref(), Some("no"));
        }
        browser.end().await;
    });
}
