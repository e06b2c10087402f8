//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;

/// Measures what a relay costs.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare the relay's processor time for each delivered copy.
    Relay(Plan),
    /// One process of a measurement; started by `relay`.
    #[command(hide = true)]
    Role(Role),
}

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// Repetitions of each stack, interleaved.
    #[arg(long, default_value_t = 10)]
    pub(crate) pairs: usize,
    /// Seconds that are measured, after one second of warm-up.
    #[arg(long, default_value_t = 3)]
    pub(crate) seconds: u64,
    /// Who receives.
    #[arg(long, default_value_t = 16)]
    pub(crate) sinks: usize,
    /// Only these stacks.
    #[arg(long, value_delimiter = ',', default_values_t = [Stack::Canopy, Stack::Quinn, Stack::Gossipsub])]
    pub(crate) stacks: Vec<Stack>,
    /// Where the report goes.
    #[arg(long, default_value = "target/bench/relay.json")]
    pub(crate) out: PathBuf,
}

/// Who forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stack {
    /// overlay-libp2p with its handler, admission, pacer and core.
    Canopy,
    /// A quinn uni stream from the source, one to each sink, written one after the other.
    Quinn,
    /// libp2p's gossipsub: anonymous, unsigned, not validated.
    Gossipsub,
}

impl std::fmt::Display for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Stack::Canopy => "canopy",
            Stack::Quinn => "quinn",
            Stack::Gossipsub => "gossipsub",
        })
    }
}

/// One process.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Role {
    pub(crate) stack: Stack,
    pub(crate) part: Part,
    /// Where the relay is, as it has said itself.
    #[arg(long, default_value = "")]
    pub(crate) relay: String,
    /// Frames each second.
    #[arg(long, default_value_t = 0)]
    pub(crate) fps: u32,
    /// Bytes of a frame.
    #[arg(long, default_value_t = 0)]
    pub(crate) bytes: usize,
    #[arg(long, default_value_t = 0)]
    pub(crate) sinks: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Source,
    Relay,
    Sinks,
}
