//! `netsim run`: a meeting in virtual time.

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use netsim::demo_scenario::{Fault, NODES_MAX, Scenario};
use netsim::world::World;

/// A deterministic world that drives the shipped overlay.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Hold a meeting, break a relay at half time, and tell what came of it.
    Run {
        /// Participants; the first plans.
        #[arg(long, default_value_t = 6)]
        people: u8,
        /// How many of them send.
        #[arg(long, default_value_t = 3)]
        sources: u8,
        /// Volunteers.
        #[arg(long, default_value_t = 2)]
        relays: u8,
        /// Simulated seconds.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Decides every delay: same seed, same hash.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// kbit/s that each participant who sends has for it.
        #[arg(long, default_value_t = 2_500)]
        source_kbps: u32,
        /// kbit/s that the other participants could send.
        #[arg(long, default_value_t = 500)]
        watcher_kbps: u32,
        /// kbit/s that each relay can send.
        #[arg(long, default_value_t = 20_000)]
        relay_kbps: u32,
        /// What happens to the first relay at half time.
        #[arg(long, value_enum, default_value_t = FaultArg::Kill)]
        fault: FaultArg,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum FaultArg {
    None,
    Kill,
    Swallow,
}

fn main() -> ExitCode {
    let Verb::Run { people, sources, relays, seconds, seed, source_kbps, watcher_kbps, relay_kbps, fault } =
        Args::parse().verb;
    let fault = match fault {
        FaultArg::None => Fault::None,
        FaultArg::Kill => Fault::Kill,
        FaultArg::Swallow => Fault::Swallow,
    };
    let scenario =
        Scenario { people, sources, relays, source_kbps, watcher_kbps, relay_kbps, seconds, fault, seed };
    if sources > people || people == 0 || scenario.nodes() > NODES_MAX || seconds == 0 {
        eprintln!(
            "netsim: needs 1 person or more, no more sources than people, {NODES_MAX} nodes at most, 1 s or more"
        );
        return ExitCode::from(2);
    }
    println!("seed {seed}: {people} people of whom {sources} send, {relays} relays, {seconds} s");
    print!("{}", World::new(scenario).run().text());
    ExitCode::SUCCESS
}
