//! Processor time of this process: `mls-rs` works on several threads.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds that `work` takes, and what it gives.
pub(crate) fn ms<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let before = now_ms();
    let result = work();
    (now_ms() - before, result)
}

fn now_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
