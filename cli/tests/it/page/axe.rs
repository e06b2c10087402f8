//! What axe-core finds in each view: `make a11y`. It comes from npm, so it is no part of `make test`.

use std::time::Duration;

use super::Held;
use crate::browser::{self, Browser, story};

#[test]
#[ignore = "needs axe-core: make a11y"]
fn axe_finds_nothing_serious() {
    story(async {
        let axe = std::fs::read_to_string(std::env::var("CANOPY_AXE").expect("CANOPY_AXE names axe.min.js"))
            .expect("it is there");
        let meeting = Held::new();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for scheme in ["0", "1"] {
            let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
            let browser = Browser::start_with(&browser::bars(folder.path()), (1280, 800), &[&scheme]).await;
            browser.client.goto(&meeting.addresses[0]).await.expect("the page loads");
            browser.client.execute(&axe, Vec::new()).await.expect("axe loads");
            let look = "const { violations } = await axe.run(); return violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => [one.id, one.nodes.map((node) => node.html)])";
            browser
                .until(
                    "the lobby is ready",
                    "return document.querySelector('.lobby[data-settled] button[type=submit]:not(:disabled)') !== null",
                )
                .await;
            assert_eq!(browser.run(look).await, serde_json::json!([]), "the lobby");
            browser.join().await;
            browser.until("Olga is there", "return document.querySelectorAll('.tile').length === 2").await;
            assert_eq!(browser.run(look).await, serde_json::json!([]), "the gallery");
            for panel in ["Chat", "People", "Why is it like this?", "Help and keys"] {
                browser.click(panel).await;
                tokio::time::sleep(Duration::from_secs(2)).await;
                assert_eq!(browser.run(look).await, serde_json::json!([]), "{panel}");
            }
            browser.end().await;
        }
    });
}
