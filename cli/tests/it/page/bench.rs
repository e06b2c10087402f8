//! `make bench-page`: what the page costs with 1, 4, 9 and 16 others. Figures, no assertion about time.

use std::time::Duration;

use procfs::process::all_processes;
use serde_json::{Value, json};

use crate::browser::{self, Browser, story};
use crate::program::{Home, now};

const SOON: Duration = Duration::from_secs(60);
/// How long each is measured.
const LENGTH: Duration = Duration::from_secs(10);

/// Processor time in seconds of all processes whose command line holds one of these words.
fn cpu_s(word: &str) -> f64 {
    let ticks: u64 = all_processes()
        .expect("/proc is there")
        .flatten()
        .filter(|process| process.cmdline().is_ok_and(|line| line.iter().any(|part| part.contains(word))))
        .filter_map(|process| process.stat().ok())
        .map(|stat| stat.utime + stat.stime)
        .sum();
    ticks as f64 / procfs::ticks_per_second() as f64
}

#[test]
#[ignore = "a measurement: make bench-page"]
fn bench_page() {
    story(async {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let film = browser::bars(folder.path());
        for tiles in [1_usize, 4, 9, 16] {
            let home = Home::new();
            let invites =
                home.run(&["new", "bench", "--guests", &tiles.to_string(), "--address", "127.0.0.1"]).lines;
            // The stage has 16 places: with 16 others there is none for the viewer's own camera.
            let camera = tiles < 16;
            let mut page = vec![
                "join",
                "-",
                "--size",
                "180p",
                "--no-open",
                "--name",
                "bench-viewer",
                "--uplink",
                "20mbit",
            ];
            page.extend(["--address", "127.0.0.1"]);
            page.extend((!camera).then_some("--listen-only"));
            let _viewer = home.start(&page, &invites[0], "log");
            let line = home.wait_for("log", SOON, |line| line.contains("http://127.0.0.1:"));
            let address = line
                .split_whitespace()
                .find(|word| word.starts_with("http://"))
                .expect("an address")
                .to_owned();
            let others: Vec<_> = (0..tiles).map(|_| Home::new()).collect();
            let args = [
                "join",
                "-",
                "--headless",
                "--test-card",
                "--size",
                "180p",
                "--send-only",
                "--address",
                "127.0.0.1",
            ];
            let _running: Vec<_> = others
                .iter()
                .zip(&invites[1..])
                .map(|(home, invite)| home.start(&args, invite, "log"))
                .collect();
            let browser = Browser::start(&film, (1280, 800)).await;
            browser.client.goto(&address).await.expect("the page loads");
            browser.click("Join the meeting").await;
            let all = format!(
                "return Object.values((await canopy.stats()).sources).filter((one) => one.drawn > 30).length === {tiles}"
            );
            browser.until("everybody is drawn", &all).await;
            let look = "const { sources } = await canopy.stats(); return Object.values(sources)";
            let (before, began) = (browser.run(look).await, now());
            let cpu = (cpu_s(&browser.profile()), cpu_s("bench-viewer"));
            tokio::time::sleep(LENGTH).await;
            let (after, took) = (browser.run(look).await, began.elapsed().as_secs_f64());
            let cores = |after: f64, before: f64| ((after - before) / took * 100.0).round() / 100.0;
            let drawn = |of: &Value| -> f64 {
                of.as_array().into_iter().flatten().filter_map(|one| one["drawn"].as_f64()).sum()
            };
            let mut p50: Vec<f64> =
                after.as_array().into_iter().flatten().filter_map(|one| one["p50Ms"].as_f64()).collect();
            p50.sort_by(f64::total_cmp);
            let figures = json!({
                "tiles": tiles,
                "own_camera": camera,
                "fps": ((drawn(&after) - drawn(&before)) / tiles as f64 / took * 10.0).round() / 10.0,
                "captured_to_drawn_p50_ms": p50.get(p50.len() / 2),
                "browser_cores": cores(cpu_s(&browser.profile()), cpu.0),
                "node_cores": cores(cpu_s("bench-viewer"), cpu.1),
                "load": std::fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next(),
            });
            println!("{figures}");
            browser.picture(&format!("tiles-{tiles}")).await;
            browser.end().await;
        }
    });
}
