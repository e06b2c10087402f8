//! The meeting page in a real browser: counts and content are asserted, never how long something takes.

use std::time::Duration;

use serde_json::Value;

use crate::browser::{self, BARS, Browser};
use crate::program::{Home, Running, alone};

const SOON: Duration = Duration::from_secs(20);

/// A meeting whose organiser has no window, with a relay and two people at their pages.
struct Held {
    homes: [Home; 4],
    invites: Vec<String>,
    relay: Option<Running>,
    _others: Vec<Running>,
    addresses: Vec<String>,
}

fn page_address(home: &Home, log: &str) -> String {
    let line = home.wait_for(log, SOON, |line| line.contains("http://127.0.0.1:"));
    line.split_whitespace()
        .find(|word| word.starts_with("http://"))
        .expect("the line holds an address")
        .to_owned()
}

impl Held {
    fn new() -> Held {
        let homes = [Home::new(), Home::new(), Home::new(), Home::new()];
        let [volunteer, organiser, ada, ben] = &homes;
        let args = ["relay", "--uplink", "20mbit", "--lease", "10min", "--address", "127.0.0.1"];
        let relay = volunteer.start(&args, "", "log");
        let lease = volunteer.wait_for("log", SOON, |line| line.starts_with("canopy-lease:"));
        let args = ["new", "tuesday", "--guests", "3", "--lease", &lease, "--address", "127.0.0.1"];
        let invites = organiser.run(&args).lines;
        let journal = organiser.path("journal.jsonl");
        let args = [
            "join",
            "-",
            "--headless",
            "--test-card",
            "--size",
            "180p",
            "--name",
            "Olga",
            "--journal",
            &journal,
            "--uplink",
            "6mbit",
            "--address",
            "127.0.0.1",
        ];
        let mut others = vec![organiser.start(&args, &invites[0], "log")];
        organiser.wait_for("log", SOON, |line| line.contains("1 in the meeting"));
        let mut addresses = Vec::new();
        for (home, name, invite) in [(ada, "Ada", &invites[1]), (ben, "Ben", &invites[2])] {
            let args = ["join", "-", "--size", "180p", "--no-open", "--name", name, "--address", "127.0.0.1"];
            others.push(home.start(&args, invite, "log"));
            addresses.push(page_address(home, "log"));
        }
        Held { homes, invites, relay: Some(relay), _others: others, addresses }
    }

    fn organiser(&self) -> &Home {
        &self.homes[1]
    }

    /// Frames of each layer that the headless organiser decoded, by source.
    fn decoded(&self, source: &str, layer: u64) -> usize {
        let journal = self.organiser().read("journal.jsonl");
        let entries = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries
            .filter(|entry| {
                entry["event"] == "decoded" && entry["source"] == source && entry["layer"] == layer
            })
            .count()
    }
}

/// The id of whoever is called so.
fn id_of(name: &str) -> String {
    format!("((await canopy.stats()).state.people.find((one) => one.name === '{name}')?.id)")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_browsers_and_a_headless_node_meet_through_a_relay() {
    if browser::without() {
        return;
    }
    let _machine = alone();
    let mut meeting = Held::new();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let browser = Browser::start(&browser::bars(folder.path()), (1280, 800)).await;

    // Ada comes by the browser's stream of frames, Ben by a hidden video.
    let ada = browser.open(&meeting.addresses[0]).await;
    assert_eq!(browser.run("return location.hash").await, "", "the token leaves the address bar");
    browser
        .until(
            "the lobby hears that it may come in",
            "return document.querySelector('button[type=submit]:not(:disabled)') !== null",
        )
        .await;
    browser.picture("lobby").await;
    browser.click("Join the meeting").await;
    let split = meeting.addresses[1].replace("/#", "/?capture=video#");
    let ben = browser.open(&split).await;
    browser.click("Join the meeting").await;
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
    let ben_id = browser.run("return (await canopy.stats()).state.me").await;
    let ben_id = ben_id.as_str().expect("an id").to_owned();
    let sent = browser.run("return (await canopy.stats()).sent").await;
    assert!(sent["layers"]["1"].as_u64() > Some(30) && sent["sounds"].as_u64() > Some(50), "{sent}");

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
        .until("the shared screen is large", "return document.querySelector('.tile.large.sharing') !== null")
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
        .until("the panel draws the trees", "return document.querySelector('.drawing svg .edge') !== null")
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
    browser.until("Ada is told", "return document.body.innerText.includes('removed you')").await;
    assert_eq!(meeting.invites.len(), 4);
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_fits_a_phone_in_the_dark_and_is_worked_by_keys() {
    if browser::without() {
        return;
    }
    let _machine = alone();
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
            "return document.querySelector('button[type=submit]:not(:disabled)') !== null",
        )
        .await;
    let fits = "return document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('button')].every((one) => !one.offsetParent || one.getBoundingClientRect().right <= innerWidth + 1)";
    assert_eq!(browser.run(fits).await, true, "nothing sticks out of the lobby");
    browser.picture("phone-lobby").await;
    browser.click("Join the meeting").await;
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
}

/// `make a11y`: what axe-core finds in each view. It comes from npm, so it is not part of `make test`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs axe-core: make a11y"]
async fn axe_finds_nothing_serious() {
    let axe = std::fs::read_to_string(std::env::var("CANOPY_AXE").expect("CANOPY_AXE names axe.min.js"))
        .expect("it is there");
    let _machine = alone();
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
                "return document.querySelector('button[type=submit]:not(:disabled)') !== null",
            )
            .await;
        assert_eq!(browser.run(look).await, serde_json::json!([]), "the lobby");
        browser.click("Join the meeting").await;
        browser.until("Olga is there", "return document.querySelectorAll('.tile').length === 2").await;
        assert_eq!(browser.run(look).await, serde_json::json!([]), "the gallery");
        for panel in ["Chat", "People", "Why is it like this?", "Help and keys"] {
            browser.click(panel).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert_eq!(browser.run(look).await, serde_json::json!([]), "{panel}");
        }
        browser.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volunteer_sees_what_is_lent_and_hands_over() {
    if browser::without() {
        return;
    }
    let _machine = alone();
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_organisers_page_locks_lets_in_mutes_removes_and_ends() {
    if browser::without() {
        return;
    }
    let _machine = alone();
    let (olga, ben, cho) = (Home::new(), Home::new(), Home::new());
    let invites = olga.run(&["new", "tuesday", "--guests", "2", "--address", "127.0.0.1"]).lines;
    let page = ["join", "-", "--size", "180p", "--no-open", "--address", "127.0.0.1", "--name"];
    let mut organiser = olga.start(&[&page[..], &["Olga"]].concat(), &invites[0], "log");
    let mut bens = ben.start(&[&page[..], &["Ben"]].concat(), &invites[1], "log");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let browser = Browser::start(&browser::bars(folder.path()), (1280, 800)).await;
    let host = browser.open(&page_address(&olga, "log")).await;
    browser.click("Join the meeting").await;
    let guest = browser.open(&page_address(&ben, "log")).await;
    browser.click("Join the meeting").await;
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
    assert!(!cho.read("log").contains("in the meeting. Verification"), "nobody walks through a locked door");
    browser.click("Let in").await;
    browser
        .until("Cho is in", "return (await canopy.stats()).state.people.some((one) => one.name === 'Cho')")
        .await;

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
    assert!(cho.read("log").contains("removed you"), "{}", cho.read("log"));
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
}
