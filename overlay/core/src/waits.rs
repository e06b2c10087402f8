//! Whether a node's own line is what its units wait for. An edge counts so, and says [`crate::io::Input::Queued`].
//!
//! A key frame is a queue for a moment, and one slow neighbour is a queue of its own: neither says much. What the line can't
//! carry makes everything wait, all the time. So the *least* wait in a span counts (as in CoDel, RFC 8289), in the lane in
//! which that is longest, since sound goes before pictures.

use std::time::Duration;

use crate::config;
use crate::time::Time;

/// The waits of one span.
#[derive(Debug, Default)]
pub struct Waits {
    since: Time,
    /// Of pictures and of sound: the least, and of how many.
    lanes: [(Duration, u32); 2],
}

impl Waits {
    /// A unit goes out after so long. True, at most once each [`config::QUEUE_SPAN`], if the core is to be told.
    pub fn sent(&mut self, now: Time, sound: bool, waited: Duration) -> bool {
        let (least, count) = &mut self.lanes[usize::from(sound)];
        *least = if *count == 0 { waited } else { waited.min(*least) };
        *count += 1;
        if now.since(self.since) < config::QUEUE_SPAN {
            return false;
        }
        let lanes = std::mem::take(&mut self.lanes);
        self.since = now;
        lanes.iter().any(|(least, count)| *count >= config::QUEUE_UNITS_MIN && *least > config::QUEUE_LONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Sends a picture each 10 ms for two seconds, after waits that `waited` gives; how often the core is told.
    fn told(waited: impl Fn(u64) -> u64) -> usize {
        let mut waits = Waits::default();
        (0..200).filter(|n| waits.sent(Time::ZERO + ms(n * 10), false, ms(waited(*n)))).count()
    }

    #[test]
    fn only_what_makes_everything_wait_is_told() {
        assert_eq!(told(|_| 80), 3);
        assert_eq!(told(|_| 40), 0);
        assert_eq!(told(|n| if n % 50 < 40 { 300 } else { 10 }), 0, "key frames");
        assert_eq!(told(|n| if n % 5 == 0 { 0 } else { 400 }), 0, "one of five neighbours is prompt");
    }

    #[test]
    fn pictures_that_wait_are_told_though_sound_does_not() {
        let mut waits = Waits::default();
        let told = (0..100).filter(|n| {
            let now = Time::ZERO + ms(n * 10);
            let sound = waits.sent(now, true, ms(1));
            waits.sent(now, false, ms(200)) || sound
        });
        assert_eq!(told.count(), 1);
    }

    #[test]
    fn few_units_after_a_silence_say_nothing() {
        let mut waits = Waits::default();
        assert!((1..20).all(|n| !waits.sent(Time::ZERO + ms(n * 400), true, ms(100))));
    }
}
