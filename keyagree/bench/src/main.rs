//! What key agreement costs at size: joins and leaves beside `mls-rs` in the same run, forged frames,
//! sealing beside the bare cipher, and what signed lists of units take of a stream.
//!
//! Times are processor time of this process; figures on a busy machine differ by some tens per cent.

mod cpu;
mod crowd;
mod forged;
mod lists;
mod mls;
mod ours;
mod report;
mod sealing;

use clap::Parser;

/// Prints the tables of `docs/keys.md`.
#[derive(Debug, Parser)]
struct Args {
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
    let args = Args::parse();
    report::epochs(&args.members, args.alone)?;
    report::frames(args.forged)?;
    report::lists();
    Ok(())
}
