//! What a relay costs: its processor time for each delivered copy, beside others that do the same work.
//!
//! `overlay-bench relay` starts a source, a relay and 16 sinks as processes of their own (this
//! program again, with a role), for three stacks in turn: Canopy's own, a plain quinn forwarder,
//! and unsigned gossipsub. All run on a single-threaded tokio runtime.

mod args;
mod measure;
mod report;
mod role;
mod stack;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    match args::Args::parse().command {
        args::Command::Relay(plan) => report::relay(&plan),
        args::Command::Role(role) => role::run(&role),
    }
}
