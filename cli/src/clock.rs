//! The program's one clock. Everything below takes time as an argument.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use keyagree::UnixTime;

static START: OnceLock<(Instant, Duration)> = OnceLock::new();

/// Remembers when the process started; the first call wins. Called first thing in `main`.
#[expect(clippy::disallowed_methods, reason = "this is the edge that reads the clock for everybody")]
pub fn start() -> &'static (Instant, Duration) {
    START.get_or_init(|| (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()))
}

/// Wall-clock time since 1970. It follows the monotonic clock from the process' start on, so that a
/// clock that is set meanwhile can't stop a meeting.
pub fn wall() -> Duration {
    let (monotonic, wall) = start();
    *wall + monotonic.elapsed()
}

/// [`wall`] in microseconds: what frames and journals carry.
#[cfg(feature = "ffmpeg")]
pub fn wall_us() -> u64 {
    wall().as_micros() as u64
}

/// [`wall`] as `keyagree` wants it.
pub fn unix() -> UnixTime {
    UnixTime(wall().as_millis() as u64)
}

/// The same on the clock on the wall of whoever sits here.
fn local() -> Zoned {
    let ms = i64::try_from(wall().as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX).to_zoned(TimeZone::system())
}

/// The calendar month here, such as `2026-11`.
pub fn month() -> String {
    local().strftime("%Y-%m").to_string()
}

/// Seconds from midnight here.
pub fn second_of_day() -> u32 {
    let of = |number: i8| u32::from(number.unsigned_abs());
    let now = local();
    of(now.hour()) * 3_600 + of(now.minute()) * 60 + of(now.second())
}
