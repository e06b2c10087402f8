//! Cuts sound into packets of 20 ms on one timeline without gaps.

use std::collections::VecDeque;

use crate::ffmpeg::opus::{RATE, SAMPLES};

/// The most samples held: 4 s.
const HELD_MAX: usize = 4 * RATE as usize;
/// A timestamp may be off by this much before samples are added or left out.
const SLACK_US: i64 = 40_000;
/// The longest silence that is filled in at once: a longer one moves the timeline.
const SILENCE_MAX_US: i64 = 2_000_000;

/// Samples that wait to be sent, counted from the first one.
#[derive(Default)]
pub(crate) struct Chunks {
    held: VecDeque<i16>,
    /// Time of the first sample held; unknown before the first push.
    start_us: Option<i64>,
    /// Samples given out since `start_us`, so that rounding doesn't add up.
    given: i64,
}

impl Chunks {
    /// Adds samples that belong at `at_us`: a gap becomes silence, an overlap is left out.
    pub(crate) fn push(&mut self, at_us: i64, samples: &[i16]) {
        let end_us = if self.start_us.is_none() { at_us } else { self.end_us() };
        self.start_us.get_or_insert(at_us);
        let gap_us = at_us - end_us;
        let mut skip = 0;
        if gap_us > SILENCE_MAX_US && self.held.is_empty() {
            (self.start_us, self.given) = (Some(at_us), 0);
        } else if gap_us > SLACK_US {
            let silence = samples_in(gap_us.min(SILENCE_MAX_US));
            self.held.resize(self.held.len() + silence, 0);
        } else if gap_us < -SLACK_US {
            skip = samples_in(-gap_us).min(samples.len());
        }
        self.held.extend(&samples[skip..]);
        // An input this lopsided loses its newest sound; the timeline stays whole.
        self.held.truncate(HELD_MAX);
    }

    /// True if no more should be read before something is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.held.len() >= HELD_MAX / 2
    }

    /// When the next packet is due, if a whole one is here.
    pub(crate) fn next_us(&self) -> Option<i64> {
        let start_us = self.start_us.filter(|_| self.held.len() >= SAMPLES)?;
        Some(start_us + us_of(self.given))
    }

    /// The next packet.
    pub(crate) fn pop(&mut self) -> Option<Vec<i16>> {
        if self.held.len() < SAMPLES {
            return None;
        }
        self.given += SAMPLES as i64;
        Some(self.held.drain(..SAMPLES).collect())
    }

    /// Where the next sample belongs.
    pub(crate) fn end_us(&self) -> i64 {
        self.start_us.unwrap_or(0) + us_of(self.given + self.held.len() as i64)
    }
}

fn us_of(samples: i64) -> i64 {
    samples * 1_000_000 / i64::from(RATE)
}

fn samples_in(us: i64) -> usize {
    usize::try_from(us * i64::from(RATE) / 1_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_follow_each_other_every_20_ms_whatever_the_input_claims() {
        let mut chunks = Chunks::default();
        chunks.push(5_000, &[1; 1024]);
        chunks.push(5_000 + 21_000, &[2; 1024]); // 0.3 ms early: rounding
        chunks.push(5_000 + 142_667, &[3; 960]); // 100 ms are missing
        chunks.push(5_000 + 42_667, &[9; 960]); // and this one is long gone
        let mut times = Vec::new();
        let mut all = Vec::new();
        while let Some(at) = chunks.next_us() {
            times.push(at);
            all.extend(chunks.pop().unwrap());
        }
        assert_eq!(times, [5_000, 25_000, 45_000, 65_000, 85_000, 105_000, 125_000, 145_000]);
        let of = |value| all.iter().filter(|&&sample| sample == value).count();
        assert_eq!((of(1), of(2), of(9)), (1024, 1024, 0));
        assert_eq!(of(0), samples_in(100_000));
    }

    #[test]
    fn a_lopsided_input_stays_bounded() {
        let mut chunks = Chunks::default();
        for second in 0..60 {
            chunks.push(second * 1_000_000, &[1; RATE as usize]);
        }
        assert!(chunks.is_full());
        assert_eq!(chunks.held.len(), HELD_MAX);
    }
}
