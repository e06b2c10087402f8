//! `netsim run`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use netsim::report::{Report, summary};
use netsim::scenario::Scenario;
use netsim::system;
use netsim::world::Progress;

use crate::args::{Run, Subject};

/// Runs, writes the report, and says what came of it. Ctrl-C ends the run with what it has.
#[expect(
    clippy::disallowed_methods,
    reason = "what a run cost is told beside it, and nothing in it depends on that"
)]
pub fn run(run: &Run) -> anyhow::Result<bool> {
    let scenario = super::scenario(&run.subject)?;
    let stopped = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stopped);
    ctrlc::set_handler(move || told.store(true, Ordering::Relaxed))?;
    let bar = bar(&scenario);
    let begun = Instant::now();
    let record = system::run(run.system, scenario, run.seed, |progress| {
        show(&bar, progress, begun.elapsed());
        !stopped.load(Ordering::Relaxed)
    })?;
    bar.finish_and_clear();
    let mut report = Report::of(&record).with_wall(begun.elapsed());
    report.replay = again(&run.subject, run);
    let page = report.write(&run.out)?;
    if run.json {
        print!("{}", report.json());
    } else {
        print!("{}", summary::text(&report));
        if let Some(cost) = report.machine {
            let (events, hops) = (cost.events_per_s / 1e6, cost.unit_hops_per_s / 1e6);
            println!(
                "{:.1} s on the wall, {:.2} times real time; {events:.2} M events/s, of them {hops:.2} M unit hops/s",
                cost.wall_s, cost.speed
            );
        }
        println!("{}: {}", if report.complete { "Report" } else { "Ended early; report" }, page.display());
    }
    Ok(report.violations.iter().all(|broken| broken.expected.is_some()))
}

/// The command that makes the same run again.
fn again(subject: &Subject, run: &Run) -> String {
    let file = subject.scenario.to_string_lossy();
    let mut words = vec!["netsim".into(), "run".into(), file.into_owned()];
    if subject.short {
        words.push("--short".into());
    }
    if let Some(people) = subject.people {
        words.extend(["--people".into(), people.to_string()]);
    }
    if let Some(length) = subject.length {
        words.extend(["--length".into(), humantime::format_duration(length).to_string().replace(' ', "")]);
    }
    for setting in &subject.set {
        words.extend(["--set".into(), setting.to_string()]);
    }
    words.extend(["--seed".into(), run.seed.to_string()]);
    if run.system != system::System::Canopy {
        words.extend(["--system".into(), run.system.to_string()]);
    }
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

fn bar(scenario: &Scenario) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(scenario.length.as_millis()).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, progress: Progress, wall: Duration) {
    let (now, wall) = (progress.now.0 as f64 / 1e9, wall.as_secs_f64().max(1e-3));
    bar.set_position(progress.now.0 / 1_000_000);
    let rate = progress.events as f64 / wall / 1e6;
    bar.set_message(format!(
        "{now:.1} s, {:.2} times real time, {} nodes up, {rate:.2} M events/s",
        now / wall,
        progress.nodes
    ));
}

/// Where a run of a sweep writes its report.
pub fn report_in(folder: &Path) -> std::path::PathBuf {
    folder.join("report.json")
}
