//! The clocks of this tool.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static START: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds since it was first asked.
#[expect(clippy::disallowed_methods, reason = "this tool measures real processes in real time")]
pub fn now_ns() -> u64 {
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Microseconds since 1970, as journals have them.
#[expect(clippy::disallowed_methods, reason = "this tool measures real processes in real time")]
pub fn wall_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
}
