//! `netsim figures`.

use anyhow::Context;
use netsim::figures::table;

use super::{list, sweep};
use crate::args::{Figures, Sweep};

/// Makes every run of every meeting, and shows the figures.
pub fn figures(figures: &Figures) -> anyhow::Result<bool> {
    let mut reports = Vec::new();
    for scenario in list::scenarios(&figures.folder)? {
        let name = scenario.file_stem().unwrap_or_default().to_os_string();
        let sweep = Sweep {
            seeds: figures.seeds.clone(),
            people: Vec::new(),
            short: false,
            system: figures.system.clone(),
            set: Vec::new(),
            length: None,
            jobs: figures.jobs,
            part: None,
            out: figures.out.join(&name),
            scenario,
        };
        for (point, made) in sweep::runs(&sweep)? {
            let what = || format!("{} with {}", name.to_string_lossy(), point.system);
            reports.push(made.with_context(what)?);
        }
    }
    let systems: Vec<String> = figures.system.iter().map(ToString::to_string).collect();
    println!("{}", table(&systems, &reports));
    let broken = reports.iter().flat_map(|report| &report.violations);
    Ok(broken.filter(|broken| broken.expected.is_none()).count() == 0)
}
