//! `netsim shrink`.

use std::path::PathBuf;

use anyhow::bail;
use netsim::scenario::Scenario;
use netsim::shrink::{Failure, shrink as reduce};

use crate::args::Shrink;

/// Reduces a scenario that fails, writes what is left, and prints the command that runs it.
pub fn shrink(shrink: &Shrink) -> anyhow::Result<bool> {
    let scenario = super::scenario(&shrink.subject)?;
    let Some(failure) = Failure::of(&scenario, shrink.seed)? else {
        bail!("nothing fails with seed {}: there is nothing to shrink", shrink.seed);
    };
    eprintln!("{} fails at {:.3} s: {}", failure.invariant, failure.at.as_secs_f64(), failure.what);
    let shrunk = reduce(scenario, shrink.seed, failure, |step, scenario: &Scenario| {
        let (people, faults) = (scenario.people.count, scenario.faults.len());
        let length = humantime::format_duration(scenario.length);
        eprintln!("  {step}: {people} people, {} relays, {faults} faults, {length}", scenario.relay_count());
    })?;
    let out = shrink.out.clone().unwrap_or_else(|| beside(&shrink.subject.scenario, shrink.seed));
    std::fs::write(&out, shrunk.to_toml())?;
    let name = out.to_string_lossy();
    let name = shlex::try_quote(&name).unwrap_or_default();
    println!("netsim run {name} --seed {}", shrink.seed);
    eprintln!("Once it is mended, keep it: mv {name} netsim/regressions/");
    Ok(true)
}

fn beside(scenario: &std::path::Path, seed: u64) -> PathBuf {
    let stem = scenario.file_stem().unwrap_or_default().to_string_lossy();
    scenario.with_file_name(format!("{stem}-shrunk-seed-{seed}.toml"))
}
