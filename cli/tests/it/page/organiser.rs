//! What only the organiser can do.

use serde_json::Value;

use super::{SOON, page_address};
use crate::browser::{self, Browser, story};
use crate::program::Home;

#[test]
fn the_organisers_page_locks_lets_in_mutes_removes_and_ends() {
    story(async {
        let (olga, ben, cho) = (Home::new(), Home::new(), Home::new());
        let invites = olga.run(&["new", "tuesday", "--guests", "2", "--address", "127.0.0.1"]).lines;
        let page = ["join", "-", "--size", "180p", "--no-open", "--address", "127.0.0.1", "--name"];
        let mut organiser = olga.start(&[&page[..], &["Olga"]].concat(), &invites[0], "log");
        let mut bens = ben.start(&[&page[..], &["Ben"]].concat(), &invites[1], "log");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let browser = Browser::start(&browser::bars(folder.path()), (1280, 800)).await;
        let host = browser.open(&page_address(&olga, "log")).await;
        browser.join().await;
        let guest = browser.open(&page_address(&ben, "log")).await;
        browser.join().await;
        browser
            .until(
                "Ben is in, with his microphone on",
                "return (await canopy.stats()).state.people.some((one) => one.name === 'Olga' && one.here)",
            )
            .await;
        browser.click("People").await;
        assert_eq!(
            browser.run("return document.querySelector('.host').offsetParent").await,
            Value::Null,
            "a guest can't"
        );

        // Whoever comes to a locked meeting waits until they are let in.
        browser.client.switch_to_window(host.clone()).await.expect("the window is there");
        browser.click("People").await;
        browser.click("Lock the meeting").await;
        browser.until("it is locked", "return (await canopy.stats()).state.locked").await;
        let args = ["join", "-", "--headless", "--listen-only", "--name", "Cho", "--address", "127.0.0.1"];
        let mut chos = cho.start(&args, &invites[2], "log");
        browser.until("Cho knocks", "return (await canopy.stats()).state.knocking.length === 1").await;
        browser.picture("knocking").await;
        assert!(
            !cho.read("log").contains("in the meeting. Verification"),
            "nobody walks through a locked door"
        );
        browser.click("Let in").await;
        browser
            .until(
                "Cho is in",
                "return (await canopy.stats()).state.people.some((one) => one.name === 'Cho')",
            )
            .await;

        // Cho only listens, so that only the coordinator knows Cho's credential: it passes on what Cho says.
        let cho_is_in = "return (await canopy.stats()).state.people.some((one) => one.name === 'Cho')";
        browser.client.switch_to_window(guest.clone()).await.expect("the window is there");
        browser.until("Ben hears what Cho is called", cho_is_in).await;

        // A command pins as the page does, and who hosts can take it back there.
        let cho_is = |pinned: bool| {
            format!(
                "return (await canopy.stats()).state.people.find((one) => one.name === 'Cho').pinned === {pinned}"
            )
        };
        assert_eq!(olga.run(&["pin", "tuesday", "2"]).code, Some(0));
        browser.until("Ben sees that Cho is pinned", &cho_is(true)).await;
        browser.client.switch_to_window(host).await.expect("the window is there");
        browser.click("Unpin Cho").await;
        browser.until("Cho is pinned no longer", &cho_is(false)).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(browser.run(&cho_is(false)).await, Value::Bool(true), "the last word counts");

        // Mute everybody, then remove one, then end.
        browser.click("Mute everybody").await;
        browser
            .until(
                "Ben is muted",
                "return (await canopy.stats()).state.people.find((one) => one.name === 'Ben').muted",
            )
            .await;
        browser.click("Remove Cho").await;
        browser.click("Remove").await;
        assert_eq!(chos.ended(SOON), Some(1), "{}", cho.read("log"));
        assert!(cho.read("log").contains("the organiser removed"), "{}", cho.read("log"));
        browser.click("End for everybody").await;
        browser.click("End it").await;
        browser
            .until(
                "the organiser says goodbye",
                "return document.body.innerText.includes('You have ended the meeting')",
            )
            .await;
        browser.client.switch_to_window(guest).await.expect("the window is there");
        browser
            .until(
                "Ben is told",
                "return document.body.innerText.includes('The organiser has ended the meeting')",
            )
            .await;
        assert_eq!((organiser.ended(SOON), bens.ended(SOON)), (Some(0), Some(0)));
        browser.end().await;
    });
}
