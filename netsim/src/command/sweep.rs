//! `netsim sweep`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use comfy_table::Table;
use netsim::report::Report;
use netsim::report::summary::percent;
use netsim::scenario::Scenario;
use netsim::system::System;

use crate::args::Sweep;

/// One run of a sweep.
#[derive(Clone)]
pub struct Point {
    /// What ran.
    pub system: System,
    people: u32,
    seed: u64,
    /// `KEY=VALUE` of each key that is swept.
    set: Vec<String>,
}

/// What came of one.
pub type Made = (Point, anyhow::Result<Report>);

/// Makes every run, and shows a line for each.
pub fn sweep(sweep: &Sweep) -> anyhow::Result<bool> {
    table(runs(sweep)?)
}

/// Makes every run, as many at a time as there are cores.
pub fn runs(sweep: &Sweep) -> anyhow::Result<Vec<Made>> {
    let points = points(sweep)?;
    let jobs = sweep.jobs.map_or_else(|| std::thread::available_parallelism().map(usize::from), Ok)?;
    let program = std::env::current_exe()?;
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, points.len().max(1)) {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let made = one(&program, sweep, point);
                    done.lock().unwrap_or_else(|dead| dead.into_inner()).push((point.clone(), made));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|dead| dead.into_inner());
    done.sort_by_key(|(point, _)| (point.system.to_string(), point.people, point.set.clone(), point.seed));
    Ok(done)
}

fn points(sweep: &Sweep) -> anyhow::Result<Vec<Point>> {
    let mut sizes = sweep.people.clone();
    if sizes.is_empty() {
        let scenario = Scenario::read(&sweep.scenario)?;
        let scenario = if sweep.short { scenario.shortened() } else { scenario };
        sizes.push(scenario.people.count);
    }
    let mut points = Vec::new();
    for system in &sweep.system {
        for people in &sizes {
            for set in settings(sweep) {
                let point = |seed| Point { system: *system, people: *people, seed, set: set.clone() };
                points.extend(sweep.seeds.clone().map(point));
            }
        }
    }
    if let Some((at, of)) = sweep.part {
        points = points.into_iter().skip(at).step_by(of).collect();
    }
    Ok(points)
}

/// Each value of each key with each of the others.
fn settings(sweep: &Sweep) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for setting in &sweep.set {
        let with = |value: &str| {
            let one = format!("{}={value}", setting.key);
            all.iter()
                .map(move |set: &Vec<String>| [&set[..], std::slice::from_ref(&one)].concat())
                .collect::<Vec<_>>()
        };
        all = setting.value.split(',').flat_map(with).collect();
    }
    all
}

fn folder(out: &Path, point: &Point) -> PathBuf {
    let set: String = point.set.iter().map(|set| format!("-{set}")).collect();
    out.join(format!("{}-{}-people{set}-seed-{}", point.system, point.people, point.seed))
}

fn one(program: &Path, sweep: &Sweep, point: &Point) -> anyhow::Result<Report> {
    let folder = folder(&sweep.out, point);
    let mut command = Command::new(program);
    command.arg("run").arg(&sweep.scenario);
    command.args(["--people", &point.people.to_string(), "--seed", &point.seed.to_string()]);
    command.args(["--system", &point.system.to_string()]).arg("--out").arg(&folder);
    if sweep.short {
        command.arg("--short");
    }
    for set in &point.set {
        command.args(["--set", set]);
    }
    if let Some(length) = sweep.length {
        command.args(["--length", &format!("{}ns", length.as_nanos())]);
    }
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.code().is_none_or(|code| code > 1) {
        anyhow::bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Report::read(&super::run::report_in(&folder)).context("a run left no report")
}

fn table(done: Vec<Made>) -> anyhow::Result<bool> {
    let mut table = Table::new();
    table.set_header([
        "system",
        "people",
        "set",
        "seed",
        "hash",
        "in time",
        "sound p50, p95 ms",
        "main picture kbit/s",
        "longest gap ms",
        "control kbit/s",
        "violations",
    ]);
    let mut held = true;
    for (point, made) in done {
        let report = made.with_context(|| format!("{} people, seed {}", point.people, point.seed))?;
        let sound = report.layers.get(&overlay_core::unit::Layer::Audio);
        let gap = report.layers.values().map(|layer| layer.gaps_ms.max).fold(0.0, f64::max);
        let control: u64 = report.seconds.iter().map(|second| second.control).sum();
        let node_seconds: u64 = report.seconds.iter().map(|second| u64::from(second.nodes)).sum();
        let broken: Vec<&str> = report.violations.iter().map(|broken| &*broken.invariant).collect();
        held &= report.violations.iter().all(|broken| broken.expected.is_some());
        table.add_row([
            point.system.to_string(),
            point.people.to_string(),
            point.set.join(" "),
            point.seed.to_string(),
            report.hash.clone(),
            percent(report.totals.in_time),
            sound.map_or(String::new(), |of| format!("{:.0}, {:.0}", of.delay_ms.p50, of.delay_ms.p95)),
            format!("{:.0}", report.totals.goodput_kbps),
            format!("{gap:.0}"),
            format!("{:.1}", control as f64 / 125.0 / node_seconds.max(1) as f64),
            broken.join(", "),
        ]);
    }
    println!("{table}");
    Ok(held)
}
