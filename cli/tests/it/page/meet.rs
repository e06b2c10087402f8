//! Two pages and a node without one, in one meeting.

use super::{Held, id_of};
use crate::browser::{self, BARS, Browser, story};

#[test]
fn two_browsers_and_a_headless_node_meet_through_a_relay() {
    story(async {
        let mut meeting = Held::new();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let browser = Browser::start(&browser::bars(folder.path()), (1280, 800)).await;

        // Ada comes by the browser's stream of frames, Ben by a hidden video.
        let ada = browser.open(&meeting.addresses[0]).await;
        assert_eq!(browser.run("return location.hash").await, "", "the token leaves the address bar");
        browser
            .until(
                "the lobby hears that it may come in",
                "return document.querySelector('.lobby[data-settled] button[type=submit]:not(:disabled)') !== null",
            )
            .await;
        browser.picture("lobby").await;
        browser.join().await;
        let split = meeting.addresses[1].replace("/#", "/?capture=video#");
        let ben = browser.open(&split).await;
        browser.join().await;
        browser.until("Ben sees Ada and Olga", "const { state } = await canopy.stats(); return state.people.filter((one) => one.here && one.camera).length === 2").await;
        assert_eq!(browser.run("return (await canopy.stats()).way").await, "video");

        // Pictures and sound, both ways, at the page and at the node without one.
        for name in ["Ada", "Olga"] {
            let script = format!(
                "const id = {}; const one = (await canopy.stats()).sources[id]; return one?.drawn > 30 && one.sounds > 50 && one.width === 320 && one.height === 180",
                id_of(name)
            );
            browser.until(&format!("Ben sees and hears {name}"), &script).await;
        }
        for name in ["Ada", "Olga"] {
            // Who is who is signed all the way: no tile says so before the lists have come.
            let script = format!(
                "return document.querySelector(`[data-id=\"${{{}}}\"] .badge.verified`)?.checkVisibility() === true",
                id_of(name)
            );
            browser.until(&format!("{name} is verified"), &script).await;
        }
        let ben_id = browser.run("return (await canopy.stats()).state.me").await;
        let ben_id = ben_id.as_str().expect("an id").to_owned();
        browser
            .until(
                "Ben sends pictures and sound",
                "const { sent } = await canopy.stats(); return sent.layers[1] > 30 && sent.sounds > 50",
            )
            .await;

        // Sound arrives: the fake microphone beeps, the test card hums.
        for name in ["Ada", "Olga"] {
            browser
                .until(
                    &format!("Ben hears {name}"),
                    &format!("return {} in (await canopy.stats()).heard", id_of(name)),
                )
                .await;
        }

        // The right colours arrive.
        let script = format!(
        "const canvas = document.querySelector(`[data-id=\"${{{}}}\"] canvas`);
         const copy = document.createElement('canvas'); copy.width = canvas.width; copy.height = canvas.height;
         const context = copy.getContext('2d'); context.drawImage(canvas, 0, 0);
         return [0,1,2,3,4,5,6].map((n) => [...context.getImageData(Math.round((n + 0.5) * copy.width / 7), 60, 1, 1).data].slice(0, 3));",
        id_of("Ada")
    );
        let seen: Vec<[u8; 3]> = serde_json::from_value(browser.run(&script).await).expect("seven colours");
        for (seen, bar) in seen.iter().zip(BARS) {
            assert!(seen.iter().zip(bar).all(|(a, b)| a.abs_diff(b) <= 8), "{seen:?} where {bar:?} was sent");
        }
        browser.picture("gallery").await;

        // What is said arrives once, as text.
        browser.click("Chat").await;
        browser.run("const box = document.querySelector('.write textarea'); box.value = '<b>hello</b> https://example.org'; box.form.requestSubmit();").await;
        browser.client.switch_to_window(ada.clone()).await.expect("the window is there");
        browser.until("Ada reads it", "return (await canopy.stats()).lines.length === 1").await;
        browser.click("Chat").await;
        let shown = browser.run("return { text: document.querySelector('.lines .text').textContent, markup: document.querySelector('.lines .text').childElementCount }").await;
        assert_eq!(shown, serde_json::json!({ "text": "<b>hello</b> https://example.org", "markup": 0 }));
        browser.picture("chat").await;

        // Muting is seen by the others; the hand too.
        browser.click("Mute").await;
        browser.click("Raise your hand").await;
        browser.client.switch_to_window(ben.clone()).await.expect("the window is there");
        browser.until("Ben sees that Ada is muted and has raised a hand", "const ada = (await canopy.stats()).state.people.find((one) => one.name === 'Ada'); return ada.muted && ada.hand !== null").await;
        browser.click("People").await;
        browser.picture("people").await;
        let code = browser.run("return (await canopy.stats()).state.code").await;
        let log = meeting.organiser().read("log");
        assert!(log.contains(code.as_str().expect("a code")), "the same code for everybody");

        // The screen instead of the camera.
        browser.click("Share the screen").await;
        browser.client.switch_to_window(ada.clone()).await.expect("the window is there");
        browser
            .until(
                "Ada sees that Ben shares",
                "return (await canopy.stats()).state.people.find((one) => one.name === 'Ben').sharing",
            )
            .await;
        browser
            .until(
                "the shared screen is large",
                "return document.querySelector('.tile.large.sharing') !== null",
            )
            .await;
        browser.picture("share").await;
        browser.client.switch_to_window(ben.clone()).await.expect("the window is there");
        browser.click("Stop sharing").await;

        // A socket that breaks comes back, and pictures go on.
        let before = browser
            .run(&format!("canopy.drop(); return (await canopy.stats()).sources[{}].drawn", id_of("Olga")))
            .await;
        browser.until("the page reconnects and sees more", &format!("const now = await canopy.stats(); return now.socket === 'open' && now.sources[{}].drawn > {before} + 30", id_of("Olga"))).await;

        // The relay dies: everybody goes on.
        browser.click("Why is it like this?").await;
        browser
            .until(
                "the panel draws the trees",
                "return document.querySelector('.drawing svg .edge') !== null",
            )
            .await;
        browser
            .until(
                "the panel says how each comes through",
                "const rows = [...document.querySelectorAll('.through tbody tr')].map((row) => row.innerText); return ['Ada, sound', 'Ada, 180p', 'Olga, sound', 'Olga, 180p'].every((name) => rows.some((row) => row.includes(name) && row.includes(' ms')))",
            )
            .await;
        browser.picture("network").await;
        meeting.relay.take().expect("it runs").crash();
        let before = browser.run(&format!("return (await canopy.stats()).sources[{}]", id_of("Ada"))).await;
        let script = format!(
            "const one = (await canopy.stats()).sources[{}]; return one.drawn > {} + 60 && one.sounds > {} + 100",
            id_of("Ada"),
            before["drawn"],
            before["sounds"]
        );
        browser.until("pictures and sound go on without the relay", &script).await;
        assert!(meeting.decoded(&ben_id[..8], 1) > 60, "the headless node sees what a page sends");
        assert!(meeting.decoded(&ben_id[..8], 0) > 100, "and hears it");

        // A second tab takes over, and the first one is told.
        let token = browser.run("return sessionStorage.getItem('canopy.token')").await;
        let second = format!(
            "{}#{}",
            meeting.addresses[1].split('#').next().expect("an address"),
            token.as_str().expect("a token")
        );
        browser.open(&second).await;
        browser.until("the new tab has the meeting", "return (await canopy.stats()).socket === 'open'").await;
        browser.client.switch_to_window(ben.clone()).await.expect("the window is there");
        browser.until("the old tab is told", "return document.body.innerText.includes('another tab')").await;

        // Removed, Ada is told why.
        assert_eq!(meeting.organiser().run(&["remove", "tuesday", "1"]).code, Some(0));
        browser.client.switch_to_window(ada).await.expect("the window is there");
        browser
            .until("Ada is told", "return document.body.innerText.includes('the organiser removed')")
            .await;
        assert_eq!(meeting.invites.len(), 4);
        browser.end().await;
    });
}
