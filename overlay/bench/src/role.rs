//! One process of a measurement. It says `READY …` when it is, then answers each line on its
//! standard input with how many frames it has sent or received; it ends when its input does.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::args::{Part, Role, Stack};
use crate::stack::{canopy, gossip, plain};

/// Frames sent or received by this process.
pub(crate) type Count = Arc<AtomicU64>;

/// Runs one role until the standard input ends.
pub(crate) fn run(role: &Role) -> Result<()> {
    let count = Count::default();
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() {
                break;
            }
            say(&counted.load(Ordering::Relaxed).to_string());
        }
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match (role.stack, role.part) {
            (Stack::Canopy, Part::Source) => canopy::source(role, count).await,
            (Stack::Canopy, Part::Relay) => canopy::relay().await,
            (Stack::Canopy, Part::Sinks) => canopy::sinks(role, count).await,
            (Stack::Quinn, Part::Source) => plain::source(role, count).await,
            (Stack::Quinn, Part::Relay) => plain::relay().await,
            (Stack::Quinn, Part::Sinks) => plain::sinks(role, count).await,
            (Stack::Gossipsub, Part::Source) => gossip::source(role, count).await,
            (Stack::Gossipsub, Part::Relay) => gossip::relay().await,
            (Stack::Gossipsub, Part::Sinks) => gossip::sinks(role, count).await,
        }
    })
}

/// Tells the measuring process.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The source's clock.
pub(crate) fn ticks(role: &Role) -> Interval {
    let mut ticks = interval(Duration::from_secs(1) / role.fps);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks
}

/// What the source sends: its number, then bytes that nobody looks at.
pub(crate) fn frame(role: &Role, number: u64) -> Vec<u8> {
    let mut frame = vec![0x5a; role.bytes];
    frame[..8].copy_from_slice(&number.to_be_bytes());
    frame
}

/// Stays until the process is ended.
pub(crate) async fn forever() -> Result<()> {
    std::future::pending().await
}
