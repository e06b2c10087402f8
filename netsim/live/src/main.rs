//! `netsim-live`: scenarios held by real processes. `docs/netsim.md` says what for.

#[cfg(target_os = "linux")]
mod linux {
    use std::ops::RangeInclusive;
    use std::path::PathBuf;

    use anyhow::{Result, bail, ensure};
    use clap::{Parser, Subcommand, ValueEnum};
    use netsim::scenario::Scenario;
    use netsim_live::meeting::Broken;
    use netsim_live::{calibrate, ground, meeting};

    /// Holds scenarios of netsim with real processes of canopy in network namespaces. Needs root.
    #[derive(Debug, Parser)]
    #[command(name = "netsim-live", version, max_term_width = 100)]
    struct Args {
        /// The program.
        #[arg(long, global = true, value_name = "FILE", default_value = "target/release/canopy")]
        program: PathBuf,
        /// Where everybody's logs and journals go; what is there is removed.
        #[arg(long, global = true, value_name = "DIR", default_value = "target/live")]
        out: PathBuf,
        /// Another scenario than the built-in one.
        #[arg(long, global = true, value_name = "FILE")]
        scenario: Option<PathBuf>,
        #[command(subcommand)]
        command: Command,
    }

    #[derive(Debug, Subcommand)]
    enum Command {
        /// A meeting of 12 processes, one of them reached by TCP only, whose strongest relay is killed.
        Meeting {
            /// Break something, to see that it is noticed.
            #[arg(long, value_enum)]
            broken: Option<Break>,
        },
        /// Delays of 20 processes beside those of netsim.
        Calibrate {
            /// The seeds to draw casts with: A..B, both included.
            #[arg(long, default_value = "1..3", value_parser = seeds)]
            seeds: RangeInclusive<u64>,
        },
    }

    #[derive(Clone, Copy, Debug, ValueEnum)]
    enum Break {
        /// Who has TCP only loses that as well.
        Tcp,
        /// The interface that carries the most is taken to have a tenth of its limit.
        Limit,
    }

    fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
        let range = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..=to.parse().ok()?));
        range.ok_or_else(|| "give two numbers, for example 1..3".into())
    }

    pub fn run() -> Result<()> {
        let args = Args::parse();
        if let Some(why) = ground::impossible() {
            bail!("{why}");
        }
        let read = |built_in: fn() -> Result<Scenario>| match &args.scenario {
            Some(file) => Ok(Scenario::read(file)?),
            None => built_in(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        match args.command {
            Command::Meeting { broken } => {
                let broken = broken.map_or(Broken::Nothing, |broken| match broken {
                    Break::Tcp => Broken::Tcp,
                    Break::Limit => Broken::Limit,
                });
                let scenario = read(meeting::scenario)?;
                let held = meeting::hold(&args.program, &args.out, &scenario, broken);
                let held = runtime.block_on(held)?;
                print!("{}", held.told);
                ensure!(held.failures.is_empty(), "it fell short:\n  {}", held.failures.join("\n  "));
            }
            Command::Calibrate { seeds } => {
                let scenario = read(calibrate::scenario)?;
                let mut pairs = Vec::new();
                for seed in seeds {
                    let out = args.out.join(format!("seed-{seed}"));
                    pairs.push(runtime.block_on(calibrate::pair(&args.program, &out, &scenario, seed))?);
                }
                print!("{}", calibrate::table(&pairs)?);
                let off: Vec<String> = pairs.iter().flat_map(calibrate::Pair::off).collect();
                ensure!(
                    off.is_empty(),
                    "the simulator is off by more than {} %:\n  {}",
                    calibrate::OFF_PERCENT,
                    off.join("\n  ")
                );
            }
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match linux::run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("netsim-live: {why:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("netsim-live needs Linux: it holds meetings in network namespaces");
    std::process::exit(1);
}
