//! The crate's one clock. Everything that can takes time as an argument instead.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall clock, µs since the Unix epoch: the scale of `captured_us`, and the one on which
/// latency is measured between processes of one machine.
#[allow(clippy::disallowed_methods)] // The edge's clock, read here and nowhere else.
pub fn wall_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Sleeps until the wall clock shows `due_us`, for at most `at_most`. True once it is due.
pub fn sleep_until(due_us: u64, at_most: Duration) -> bool {
    let left = Duration::from_micros(due_us.saturating_sub(wall_us()));
    std::thread::sleep(left.min(at_most));
    left <= at_most
}
