//! A token bucket: so much each second, and so much at once.

use crate::time::Time;

/// Fills up with time, and is emptied by what is taken.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Below nothing after [`Bucket::overdraw`].
    left: i64,
    per_s: u64,
    burst: u64,
    filled: Time,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(now: Time, per_s: u64, burst: u64) -> Bucket {
        Bucket { left: signed(burst), per_s, burst, filled: now }
    }

    /// Takes so many out, or none and says false.
    pub(crate) fn take(&mut self, now: Time, amount: u64) -> bool {
        self.fill(now);
        let enough = self.left >= signed(amount);
        if enough {
            self.left -= signed(amount);
        }
        enough
    }

    /// The same while anything is in it, for what can be more than it ever holds: what is missing is missing the next time.
    pub(crate) fn overdraw(&mut self, now: Time, amount: u64) -> bool {
        self.fill(now);
        let enough = self.left > 0;
        if enough {
            self.left = self.left.saturating_sub(signed(amount));
        }
        enough
    }

    fn fill(&mut self, now: Time) {
        let millis = u64::try_from(now.since(self.filled).as_millis()).unwrap_or(u64::MAX);
        let earned = self.per_s.saturating_mul(millis) / 1000;
        if earned > 0 {
            self.filled = now;
            self.left = self.left.saturating_add(signed(earned)).min(signed(self.burst));
        }
    }
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
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

    #[test]
    fn what_is_more_than_it_ever_holds_is_paid_later() {
        let mut bucket = Bucket::new(Time(0), 1_000, 300);
        let at = |millis: u64| Time(millis * 1_000_000);
        assert!(bucket.overdraw(at(0), 1_300) && !bucket.overdraw(at(0), 1));
        assert!(!bucket.overdraw(at(999), 1) && !bucket.take(at(1_000), 1));
        assert!(bucket.overdraw(at(1_001), 1));
    }
}
