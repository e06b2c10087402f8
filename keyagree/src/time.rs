//! Time as this crate sees it: the wall clock, always passed in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC. Certificates, leases and records carry it, so it is the wall
/// clock and not a monotonic one; [`SKEW_MS`] is how far two honest clocks may differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnixTime(pub u64);

/// How far apart two honest clocks may be (RFC 5280 leaves it to the user; two minutes is a guess
/// that covers machines which never heard of NTP).
pub const SKEW_MS: u64 = 120_000;

impl UnixTime {
    /// This moment and `ms` more.
    pub fn plus_ms(self, ms: u64) -> UnixTime {
        UnixTime(self.0.saturating_add(ms))
    }

    /// Milliseconds since `earlier`; zero if it is not earlier.
    pub fn since(self, earlier: UnixTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        write!(f, "{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest / 60 % 60)
    }
}

/// Days since 1970-01-01 as a date (Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_as_people_write_it() {
        assert_eq!(UnixTime(0).to_string(), "1970-01-01 00:00 UTC");
        assert_eq!(UnixTime(951_782_399_999).to_string(), "2000-02-28 23:59 UTC");
        assert_eq!(UnixTime(1_795_460_400_000).to_string(), "2026-11-23 19:00 UTC");
    }
}
