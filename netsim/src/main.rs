//! `netsim`: meetings in virtual time.

mod args;
mod command;

use std::process::ExitCode;

use args::{Args, Verb};
use clap::Parser;

/// A wrong command line, or a file that can't be read.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let done = match Args::parse().verb {
        Verb::Run(run) => command::run::run(&run),
        Verb::Sweep(sweep) => command::sweep::sweep(&sweep),
        Verb::Figures(figures) => command::figures::figures(&figures),
        Verb::Compare(compare) => command::compare::compare(&compare),
        Verb::Shrink(shrink) => command::shrink::shrink(&shrink),
        Verb::Replay(replay) => command::replay::replay(&replay),
        Verb::List(list) => command::list::list(&list),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("netsim: {error:#}");
            ExitCode::from(USAGE)
        }
    }
}
