//! A small window, in the dark, without a mouse.

use super::{Held, id_of};
use crate::browser::{self, Browser, story};

#[test]
fn the_page_fits_a_phone_in_the_dark_and_is_worked_by_keys() {
    story(async {
        let meeting = Held::new();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let browser = Browser::start_with(
            &browser::bars(folder.path()),
            (360, 720),
            &["--blink-settings=preferredColorScheme=0"],
        )
        .await;
        browser.client.set_window_size(360, 720).await.expect("a window of that size");
        browser.client.goto(&meeting.addresses[0]).await.expect("the page loads");
        browser
            .until(
                "the lobby is ready",
                "return document.querySelector('.lobby[data-settled] button[type=submit]:not(:disabled)') !== null",
            )
            .await;
        let fits = "return document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('button')].every((one) => !one.offsetParent || one.getBoundingClientRect().right <= innerWidth + 1)";
        assert_eq!(browser.run(fits).await, true, "nothing sticks out of the lobby");
        browser.picture("phone-lobby").await;
        browser.join().await;
        browser
            .until(
                "Olga is drawn",
                &format!("return (await canopy.stats()).sources[{}]?.drawn > 10", id_of("Olga")),
            )
            .await;
        assert_eq!(browser.run(fits).await, true, "nothing sticks out of the meeting");
        browser.picture("phone").await;

        // Each key does what its button does.
        let is = |label: &str| {
            format!(
                "return [...document.querySelectorAll('button')].some((one) => one.getAttribute('aria-label') === '{label}')"
            )
        };
        for (key, then) in [
            ("m", "Unmute"),
            ("v", "Turn the camera on"),
            ("h", "Lower your hand"),
            ("g", "Show everybody alike"),
        ] {
            browser.press(key).await;
            browser.until(&format!("'{key}' leads to '{then}'"), &is(then)).await;
        }
        for (key, heading) in [("c", "Chat"), ("p", "People"), ("n", "Why is it like this?")] {
            // What is written in the chat is no command.
            browser.run("document.activeElement?.blur()").await;
            browser.press(key).await;
            browser
                .until(
                    heading,
                    &format!("return document.querySelector('.side h2')?.textContent === '{heading}'"),
                )
                .await;
            browser
                .picture(&format!("phone-{}", heading.split(' ').next().unwrap_or_default().to_lowercase()))
                .await;
        }
        browser.press("\u{e00c}").await;
        browser.until("the panel closes", "return document.querySelector('.side').hidden").await;
        browser.press("?").await;
        browser.until("the help opens", "return document.querySelector('dialog[open]') !== null").await;
        browser.picture("phone-help").await;
        browser.end().await;
    });
}
