//! All measurements of a plan, interleaved, and what they say.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use comfy_table::Table;
use serde::Serialize;

use crate::args::{Plan, Stack};
use crate::measure::{self, Load, Run};

/// Sound and small pictures; and pictures of 2 Mbit/s.
const LOADS: [Load; 2] = [Load { fps: 500, bytes: 1200 }, Load { fps: 60, bytes: 4000 }];
/// What Canopy may cost of what the others cost (DESIGN 9).
const GOALS: [(Stack, f64); 2] = [(Stack::Quinn, 1.25), (Stack::Gossipsub, 0.75)];

/// All that was measured; the keys are what `docs/` and the notes quote.
#[derive(Debug, Serialize)]
struct Report {
    /// What all three have in common.
    runtime: &'static str,
    sinks: usize,
    seconds: u64,
    loads: Vec<LoadReport>,
}

#[derive(Debug, Serialize)]
struct LoadReport {
    load: Load,
    runs: BTreeMap<String, Vec<Run>>,
    /// Medians of the runs, microseconds.
    median_us: BTreeMap<String, f64>,
    /// Medians of Canopy's cost by the other's cost, of runs that followed each other.
    ratio: BTreeMap<String, f64>,
}

/// Measures, prints the table and writes the report.
pub(crate) fn relay(plan: &Plan) -> Result<()> {
    let mut loads = Vec::new();
    for load in LOADS {
        loads.push(measure_load(plan, load)?);
    }
    let runtime = "tokio current_thread in every process; TLS of libp2p, quinn 0.11, loopback";
    let report = Report { runtime, sinks: plan.sinks, seconds: plan.seconds, loads };
    println!("{}", table(&report));
    println!("{runtime}. Gossipsub without IDONTWANT, which would cost it more.");
    if let Some(folder) = plan.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&plan.out, serde_json::to_vec_pretty(&report)?)
        .with_context(|| format!("{} can't be written", plan.out.display()))?;
    println!("{}", plan.out.display());
    Ok(())
}

fn measure_load(plan: &Plan, load: Load) -> Result<LoadReport> {
    let mut runs: BTreeMap<String, Vec<Run>> = BTreeMap::new();
    for pair in 0..plan.pairs {
        // Each goes first as often as the others: what came before warms or loads the machine.
        let mut order = plan.stacks.clone();
        order.rotate_left(pair % plan.stacks.len());
        for stack in order {
            let run = measure::run(plan, stack, load)?;
            eprintln!(
                "{} x {} B, {}/{}: {stack:10} {:6.1} us for each copy, {:.4} delivered",
                load.fps,
                load.bytes,
                pair + 1,
                plan.pairs,
                run.cpu_us_per_copy,
                run.delivered
            );
            runs.entry(stack.to_string()).or_default().push(run);
        }
    }
    let median_us = runs.iter().map(|(stack, runs)| (stack.clone(), median(runs.iter().map(cost)))).collect();
    let mut ratio = BTreeMap::new();
    if let Some(ours) = runs.get("canopy") {
        for (other, _) in GOALS {
            let Some(theirs) = runs.get(&other.to_string()) else { continue };
            let pairs = ours.iter().zip(theirs).map(|(ours, theirs)| cost(ours) / cost(theirs));
            ratio.insert(other.to_string(), median(pairs));
        }
    }
    Ok(LoadReport { load, runs, median_us, ratio })
}

fn cost(run: &Run) -> f64 {
    run.cpu_us_per_copy
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

fn table(report: &Report) -> Table {
    let mut table = Table::new();
    table.set_header([
        "load",
        "stack",
        "CPU us/copy",
        "lowest",
        "highest",
        "delivered",
        "canopy / it",
        "goal",
    ]);
    for load in &report.loads {
        for (stack, runs) in &load.runs {
            let costs = || runs.iter().map(cost);
            let goal = GOALS.iter().find(|(other, _)| other.to_string() == *stack).map(|(_, goal)| *goal);
            table.add_row([
                format!("{} x {} B x {}", load.load.fps, load.load.bytes, report.sinks),
                stack.clone(),
                format!("{:.1}", load.median_us[stack]),
                format!("{:.1}", costs().fold(f64::INFINITY, f64::min)),
                format!("{:.1}", costs().fold(0.0, f64::max)),
                format!("{:.4}", median(runs.iter().map(|run| run.delivered))),
                load.ratio.get(stack).map_or(String::new(), |ratio| format!("{ratio:.2}")),
                goal.map_or(String::new(), |goal| format!("{goal:.2}")),
            ]);
        }
    }
    table
}
