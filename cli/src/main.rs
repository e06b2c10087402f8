//! `canopy`: hold a meeting, take part in one, or lend capacity to one.

mod args;
mod authority;
mod clock;
mod core_journal;
#[cfg(feature = "ffmpeg")]
mod demo;
#[cfg(feature = "ffmpeg")]
mod ear;
mod entropy;
#[cfg(feature = "ffmpeg")]
mod exit;
mod fail;
mod folder;
mod home;
#[cfg(feature = "ffmpeg")]
mod invitation;
#[cfg(feature = "ffmpeg")]
mod join;
#[cfg(feature = "ffmpeg")]
mod ladder;
#[cfg(feature = "ffmpeg")]
mod lending;
mod lent;
#[cfg(all(feature = "ffmpeg", unix, not(target_os = "macos")))]
mod link;
#[cfg(feature = "ffmpeg")]
mod meeting;
#[cfg(feature = "ffmpeg")]
mod member;
#[cfg(feature = "ffmpeg")]
mod node;
#[cfg(feature = "ffmpeg")]
mod organise;
#[cfg(feature = "ffmpeg")]
mod overheard;
mod page;
#[cfg(test)]
mod page_types;
#[cfg(feature = "ffmpeg")]
mod pasted;
mod place;
mod quantity;
#[cfg(feature = "ffmpeg")]
mod receive;
mod relay;
#[cfg(feature = "ffmpeg")]
mod room;
#[cfg(feature = "ffmpeg")]
mod seat;
#[cfg(feature = "ffmpeg")]
mod send;
#[cfg(feature = "ffmpeg")]
mod source;
#[cfg(unix)]
mod status;
mod stop;
#[cfg(feature = "ffmpeg")]
mod talk;
mod tap;
#[cfg(feature = "ffmpeg")]
mod waiting;
#[cfg(feature = "ffmpeg")]
mod window;

use std::io::IsTerminal;
use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;
use fail::Outcome;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    clock::start();
    let args = Args::parse();
    no_core_dumps();
    out_of_swap();
    log(args.verbose);
    match run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fail) => fail.report(),
    }
}

#[cfg(feature = "ffmpeg")]
fn run(command: Command) -> Outcome {
    match command {
        Command::New(new) => organise::new(new),
        Command::Invite(more) => organise::invite(more),
        Command::Lend(lend) => organise::lend(lend),
        Command::Remove(remove) => organise::remove(remove),
        Command::Admit(who) => organise::decide(who, true),
        Command::Deny(who) => organise::decide(who, false),
        Command::Lock(lock) => organise::lock(lock),
        Command::Pin(pin) => organise::pin(pin),
        Command::Forget(forget) => organise::forget(forget),
        Command::Relay(relay) => relay::run(relay),
        Command::Join(join) => join::run(join),
        #[cfg(all(unix, not(target_os = "macos")))]
        Command::Link(link) => link::run(link),
        #[cfg(all(unix, not(target_os = "macos")))]
        Command::Follow(link) => link::follow(link),
        #[cfg(not(all(unix, not(target_os = "macos"))))]
        Command::Link(_) | Command::Follow(_) => Err(fail::Fail::usage(
            "links are opened only on XDG desktops: paste the invite into 'canopy join'",
        )),
        #[cfg(unix)]
        Command::Status(status) => status::run(&status),
        Command::Demo(demo) => demo::run(demo),
    }
}

#[cfg(not(feature = "ffmpeg"))]
fn run(command: Command) -> Outcome {
    match command {
        Command::Relay(relay) => relay::run(relay),
        #[cfg(unix)]
        Command::Status(status) => status::run(&status),
        _ => Err(fail::Fail::usage(
            "this program was built without FFmpeg and can only relay: build it with its default features for the rest",
        )),
    }
}

/// What a crash leaves behind must hold no keys.
#[cfg(unix)]
fn no_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        eprintln!("canopy: warning: core dumps can't be switched off ({error})");
    }
}

#[cfg(not(unix))]
fn no_core_dumps() {}

/// Keys lie in locked memory, if this user may lock any.
fn out_of_swap() {
    if let Err(error) = keyagree::vault::lock() {
        eprintln!("canopy: warning: keys may reach the swap: {}{error}", lock_limit());
    }
}

#[cfg(unix)]
fn lock_limit() -> String {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Memlock).current;
    limit
        .map_or_else(String::new, |bytes| format!("'ulimit -l' says {} (KiB), 1024 would do; ", bytes / 1024))
}

#[cfg(not(unix))]
fn lock_limit() -> String {
    String::new()
}

/// Logs go to standard error: warnings, with `-v` what this program does, with `-vv` what its network does.
/// `RUST_LOG` says it in detail.
fn log(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "warn,canopy=info,overlay_libp2p=info,media_pipeline=info",
        _ => "info,canopy=debug,overlay_libp2p=debug,media_pipeline=debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}
