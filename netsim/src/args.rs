//! What can be typed.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand};
use netsim::scenario::Setting;
use netsim::system::System;

/// A deterministic world that drives the shipped overlay
#[derive(Parser)]
#[command(version)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Subcommand)]
pub enum Verb {
    /// Hold a meeting as a scenario says, and write what came of it
    Run(Run),
    /// Run a scenario with many seeds and sizes, each in a process of its own
    Sweep(Sweep),
    /// Run the meetings that the overlay's figures are stated on, beside what others would do, and show each figure
    Figures(Figures),
    /// Show what differs between two reports
    Compare(Compare),
    /// Reduce a scenario that fails: its faults, then its people, then its length
    Shrink(Shrink),
    /// Tell a new core what a real node's was told, and see whether it does the same
    Replay(Replay),
    /// Show which scenarios there are
    List(List),
}

/// What is run.
#[derive(Group, Clone)]
pub struct Subject {
    /// The scenario's file
    pub scenario: PathBuf,
    /// People, instead of as many as the scenario says
    #[arg(long, value_name = "N")]
    pub people: Option<u32>,
    /// Virtual time, instead of the scenario's
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub length: Option<Duration>,
    /// The shortened form that tests run
    #[arg(long)]
    pub short: bool,
    /// Another value for a key of the scenario (repeated for several keys)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Setting>,
}

#[derive(Group)]
pub struct Run {
    #[command(flatten)]
    pub subject: Subject,
    /// Decides everything that is drawn: same seed, same hash
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What runs on the machines: the shipped overlay, or a model of something else
    #[arg(long, value_enum, default_value_t = System::Canopy)]
    pub system: System,
    /// Where report.json and report.html go
    #[arg(long, value_name = "DIR", default_value = "target/netsim")]
    pub out: PathBuf,
    /// Print report.json instead of a table
    #[arg(long)]
    pub json: bool,
}

#[derive(Group)]
pub struct Sweep {
    /// The scenario's file
    pub scenario: PathBuf,
    /// Seeds, both ends included
    #[arg(long, value_name = "FROM..TO", default_value = "1..10", value_parser = seeds)]
    pub seeds: RangeInclusive<u64>,
    /// Sizes, separated by commas
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub people: Vec<u32>,
    /// The shortened form that tests run
    #[arg(long)]
    pub short: bool,
    /// What runs on the machines; several, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [System::Canopy])]
    pub system: Vec<System>,
    /// Values for a key of the scenario, separated by commas: each in turn (repeated: each with each)
    #[arg(long, value_name = "KEY=VALUE,…")]
    pub set: Vec<Setting>,
    /// Virtual time, instead of the scenario's
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub length: Option<Duration>,
    /// Processes at a time; all cores if it is not said
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Only every N-th run, beginning with the K-th (from 0): one part of a batch
    #[arg(long, value_name = "K/N", value_parser = part)]
    pub part: Option<(usize, usize)>,
    /// Each run's reports go into a folder of its own in here
    #[arg(long, value_name = "DIR", default_value = "target/netsim/sweep")]
    pub out: PathBuf,
}

#[derive(Group)]
pub struct Figures {
    /// Where the meetings are
    #[arg(default_value = "netsim/scenarios/figures")]
    pub folder: PathBuf,
    /// Seeds, both ends included
    #[arg(long, value_name = "FROM..TO", default_value = "1..3", value_parser = seeds)]
    pub seeds: RangeInclusive<u64>,
    /// What runs on the machines; several, separated by commas
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_values_t = [System::Canopy, System::Star, System::RandomTrees, System::GossipMesh]
    )]
    pub system: Vec<System>,
    /// Processes at a time; all cores if it is not said
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Each run's reports go into a folder of its own in here
    #[arg(long, value_name = "DIR", default_value = "target/netsim/figures")]
    pub out: PathBuf,
}

#[derive(Group)]
pub struct Compare {
    /// Two reports, whose differences are shown; of more, key figures side by side
    #[arg(value_name = "REPORT.JSON", num_args = 2.., required = true)]
    pub reports: Vec<PathBuf>,
    /// Key figures of two reports side by side as well
    #[arg(long)]
    pub side_by_side: bool,
}

#[derive(Group)]
pub struct Shrink {
    #[command(flatten)]
    pub subject: Subject,
    /// The seed that fails
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where the reduced scenario goes: beside the original, so that tables that it names are found
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Group)]
pub struct Replay {
    /// What --core-journal of canopy join or canopy relay has written
    pub file: PathBuf,
}

#[derive(Group)]
pub struct List {
    /// Where they are
    #[arg(default_value = "netsim/scenarios")]
    pub folder: PathBuf,
}

fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let wrong = || format!("{text:?} is no range of seeds: write it as 1..50");
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let (from, to) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
    if from <= to { Ok(from..=to) } else { Err(wrong()) }
}

fn part(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("{text:?} is no part: write the third of four as 2/4");
    let (at, of) = text.split_once('/').ok_or_else(wrong)?;
    let (at, of): (usize, usize) = (at.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
    if at < of { Ok((at, of)) } else { Err(wrong()) }
}
