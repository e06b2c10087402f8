//! What key agreement costs at size: joins and leaves beside `mls-rs` in the same run, forged frames,
//! sealing beside the bare cipher, and what signed lists of units take of a stream.
//!
//! Times are processor time of this process; figures on a busy machine differ by some tens per cent.

mod cpu;
mod crowd;
mod forged;
mod lists;
mod meeting;
mod mls;
mod ours;
mod report;
mod sealing;
mod search;
mod tree;

use clap::Parser;

/// What key agreement costs, and a search for what breaks it.
#[derive(Debug, Parser)]
enum Args {
    /// Print the tables of `docs/keys.md`.
    Costs(Costs),
    /// Search through what a network and crashes can do to a meeting of three.
    Search {
        /// How long to go on at random, in seconds.
        #[arg(long, default_value_t = 15)]
        seconds: u64,
    },
}

#[derive(Debug, clap::Args)]
struct Costs {
    /// Sizes of the meetings.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000,10000")]
    members: Vec<u16>,
    /// Forged frames to try.
    #[arg(long, default_value_t = 1_000_000)]
    forged: u32,
    /// Leave `mls-rs` out.
    #[arg(long)]
    alone: bool,
}

fn main() -> anyhow::Result<()> {
    let args = match Args::parse() {
        Args::Costs(costs) => costs,
        Args::Search { seconds } => return search::run(seconds),
    };
    report::epochs(&args.members, args.alone)?;
    report::frames(args.forged)?;
    report::lists();
    Ok(())
}
