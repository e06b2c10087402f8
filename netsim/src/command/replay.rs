//! `netsim replay`: tells a new core what a real one was told.

use netsim::replay::{Replayed, replay as told_again};

use crate::args::Replay;

/// True if the same came of it.
pub fn replay(args: &Replay) -> anyhow::Result<bool> {
    let Replayed { me, steps, until, difference, cut } = told_again(&args.file)?;
    let span = humantime::format_duration(until.since(overlay_core::time::Time::ZERO));
    if cut {
        eprintln!("The file ends within a record: its process was killed. What is whole was replayed.");
    }
    let Some(difference) = difference else {
        println!("{me}: {steps} steps over {span}, all as they were recorded");
        return Ok(true);
    };
    let at = humantime::format_duration(difference.at.since(overlay_core::time::Time::ZERO));
    println!("{me}: step {} differs from the recorded run, at {at}", difference.step);
    println!("  told:  {}", difference.input);
    for wants in &difference.wants {
        println!("  wants: {wants}");
    }
    if difference.wants.is_empty() {
        println!("  wants nothing");
    }
    Ok(false)
}
