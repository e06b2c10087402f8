//! A real meeting of separate processes on this machine, and what came of it.

mod acts;
mod memory;
mod report;
mod script;

use crate::args::Demo;
use crate::fail::{Fail, Outcome};

/// `canopy demo`
pub fn run(args: Demo) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Fail::failed)?;
    runtime.block_on(script::run(args))
}
