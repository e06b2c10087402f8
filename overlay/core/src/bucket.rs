//! A token bucket: so much each second, and so much at once.

use crate::time::Time;

/// Fills up with time, and is emptied by what is taken.
#[derive(Debug)]
pub(crate) struct Bucket {
    left: u64,
    per_s: u64,
    burst: u64,
    filled: Time,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(now: Time, per_s: u64, burst: u64) -> Bucket {
        Bucket { left: burst, per_s, burst, filled: now }
    }

    /// Takes so many out, or none and says false.
    pub(crate) fn take(&mut self, now: Time, amount: u64) -> bool {
        let millis = u64::try_from(now.since(self.filled).as_millis()).unwrap_or(u64::MAX);
        let earned = self.per_s.saturating_mul(millis) / 1000;
        if earned > 0 {
            self.filled = now;
            self.left = self.left.saturating_add(earned).min(self.burst);
        }
        let enough = self.left >= amount;
        if enough {
            self.left -= amount;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_gives_its_burst_at_once_and_its_rate_from_then_on() {
        let mut now = Time(5);
        let mut bucket = Bucket::new(now, 1_000, 300);
        assert!(bucket.take(now, 200) && bucket.take(now, 100) && !bucket.take(now, 1));
        let mut taken = 0;
        for _ in 0..10_000 {
            now = now + Duration::from_micros(300);
            taken += u64::from(bucket.take(now, 1));
        }
        assert!((2_000..=3_000).contains(&taken), "{taken} in 3 s");
        assert!(!bucket.take(now + Duration::from_secs(60), 301), "never more than its burst");
    }
}
