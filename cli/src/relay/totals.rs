//! What a relay has carried in all its meetings together.

use std::time::Duration;

use overlay_libp2p::Counters;

/// Rates are of so long at least.
const SECOND: Duration = Duration::from_secs(1);

/// Counters of all nodes of a relay, and the highest second of all of them together.
#[derive(Default)]
pub struct Totals {
    /// Of the last second and a look before it: when, and what all had sent by then.
    sent: Vec<(Duration, u64)>,
    peak_kbps: u64,
}

impl Totals {
    /// The sum; to be asked twice a second. One node knows its highest second better than can be seen from here.
    pub fn look(&mut self, now: Duration, each: &[Counters]) -> Counters {
        if let [only] = each {
            return only.clone();
        }
        let mut sum = Counters::default();
        for counted in each {
            sum.bytes_in.control += counted.bytes_in.control;
            sum.bytes_in.audio += counted.bytes_in.audio;
            sum.bytes_in.video += counted.bytes_in.video;
            sum.wire_out += counted.wire_out;
            sum.units_dropped += counted.units_dropped;
            sum.children += counted.children;
        }
        self.sent.push((now, sum.wire_out));
        if let Some(last) = self.sent.iter().rposition(|(at, _)| *at + SECOND <= now) {
            self.sent.drain(..last);
            let (since, before) = self.sent[0];
            let ms = (now - since).as_millis().max(1) as u64;
            self.peak_kbps = self.peak_kbps.max((sum.wire_out - before) * 8 / ms);
        }
        Counters { peak_kbps: self.peak_kbps, ..sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(wire_out: u64) -> Counters {
        Counters { wire_out, children: 2, ..Counters::default() }
    }

    #[test]
    fn the_highest_second_is_that_of_all_together() {
        let mut totals = Totals::default();
        let mut look = |ms, one, two| {
            let sum = totals.look(Duration::from_millis(ms), &[sent(one), sent(two)]);
            (sum.wire_out, sum.peak_kbps, sum.children)
        };
        assert_eq!(look(0, 0, 0), (0, 0, 4));
        assert_eq!(look(500, 125_000, 0), (125_000, 0, 4));
        assert_eq!(look(1_000, 125_000, 0), (125_000, 1_000, 4));
        // Each has a second of 1 Mbit/s, and not the same one.
        assert_eq!(look(2_100, 125_000, 137_500), (262_500, 1_000, 4));
        assert_eq!(look(4_100, 125_000, 637_500), (762_500, 2_000, 4), "a late look is a longer second");
    }
}
