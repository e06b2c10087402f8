//! Which packets are lost: Gilbert's two states (Bell System Technical Journal 39, 1960). In the good one nothing
//! is lost, in the bad one everything.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Of a million.
const MILLION: u64 = 1_000_000;

/// The state of one node's line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gilbert {
    /// Chances of a million, for each packet: to turn bad, and to turn good again.
    to_bad: u32,
    to_good: u32,
    bad: bool,
}

impl Gilbert {
    /// Loses this many of a million packets in the long run, in bursts of this mean length.
    pub fn new(per_million: u32, burst: u32) -> Gilbert {
        let lost = u64::from(per_million).min(MILLION - 1);
        let to_good = MILLION / u64::from(burst.max(1));
        // In balance, as many bursts begin as end: kept × to_bad = lost × to_good.
        let to_bad = lost * to_good / (MILLION - lost);
        let chance = |of: u64| u32::try_from(of.min(MILLION)).unwrap_or(u32::MAX);
        Gilbert { to_bad: chance(to_bad), to_good: chance(to_good), bad: false }
    }

    /// How many of so many packets are lost.
    pub fn lose(&mut self, packets: u64, rng: &mut ChaCha8Rng) -> u64 {
        if self.to_bad == 0 && !self.bad {
            return 0;
        }
        let mut lost = 0;
        for _ in 0..packets {
            let turns = if self.bad { self.to_good } else { self.to_bad };
            self.bad ^= u64::from(turns) > rng.random_range(0..MILLION);
            lost += u64::from(self.bad);
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Subsystem, stream};

    #[test]
    fn the_share_and_the_bursts_are_those_asked_for() {
        for (per_million, burst) in [(20_000, 1), (20_000, 5), (200_000, 3)] {
            let (mut line, mut rng) = (Gilbert::new(per_million, burst), stream(3, Subsystem::Loss));
            let lost: Vec<bool> = (0..1_000_000).map(|_| line.lose(1, &mut rng) == 1).collect();
            let share = lost.iter().filter(|lost| **lost).count();
            let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
            assert!(share.abs_diff(per_million as usize) < per_million as usize / 20, "{share}");
            // A burst of mean length 1 may still touch the next.
            let mean = share as f64 / bursts as f64;
            let expected =
                f64::from(burst) * if burst == 1 { 1.0 + f64::from(per_million) / 1e6 } else { 1.0 };
            assert!((mean / expected - 1.0).abs() < 0.06, "{mean} of {burst}");
        }
    }
}
