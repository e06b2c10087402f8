//! The uplink, shared by all lanes of all links: what the interface may send, and what it has sent.
//!
//! A token bucket over estimated wire bytes. Lanes differ in how far they may overdraw it: control
//! most, sound less, pictures not at all. So control goes first, then sound, without one queue for all.
//! What a connection costs is charged when it is there. Retransmissions and what libp2p sends on its own account later
//! (pings, keep-alives) are not seen: the bucket fills at 96 % of the limit to leave room for them.

use std::time::Duration;

use overlay_core::time::Time;
use overlay_core::waits::Waits;
use parking_lot::Mutex;

#[cfg(test)]
use crate::counters::ByLane;
use crate::counters::Counters;
use crate::lane::Lane;

/// Bytes of stream data in one packet, at QUIC's smallest packet size of 1200.
const PACKET_DATA: usize = 1160;
/// What IP (20), UDP (8), the QUIC short header (1 + 8 + 2), the stream frame (up to 9) and the AEAD
/// tag (16) add to a packet, in bytes, and a share of acknowledgements that ride along.
const PACKET_OVERHEAD: usize = 66;
/// What answering one packet costs: one acknowledgement (about 70 bytes on the wire) for every two.
const ACK_COST: usize = 38;
/// What each end of a connection sends for it besides its lanes. Over QUIC, as captured: three or four packets that are
/// padded to 1,228 bytes, four or five probes of the path's MTU of 1,350 to 1,460, and what libp2p negotiates and
/// identifies by.
const CONNECTION_COST: usize = 12_000;
/// How much may be owed for connections: many at a time silence a node for no longer.
const UNPAID_MAX: Duration = Duration::from_millis(750);
/// The share of the limit at which the bucket fills, in percent.
const FILL_PERCENT: u64 = 96;
/// How much of the limit the bucket holds.
const DEPTH: Duration = Duration::from_millis(20);
/// How much further each lane may go down than the next.
const STEP: Duration = Duration::from_millis(8);
/// How far acknowledgements may push the bucket below zero.
const DEBT_MAX: Duration = Duration::from_millis(60);
/// Nobody waits less than this: below it waking up costs more than it brings.
const WAIT_MIN: Duration = Duration::from_millis(2);
/// The one-second rate is measured in steps of this length.
const BIN: Duration = Duration::from_millis(50);
/// Steps in one second.
const BINS: usize = 20;

/// What `bytes` of stream data cost on the wire.
pub(crate) fn wire_bytes(bytes: usize) -> usize {
    bytes + bytes.div_ceil(PACKET_DATA) * PACKET_OVERHEAD
}

/// The bucket, and the counters that every write and read passes anyway.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    inner: Mutex<Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    /// Bytes each second; none: no limit.
    rate: Option<u64>,
    limit_kbps: Option<u32>,
    tokens: i64,
    /// Bytes that are owed for connections. They are paid first.
    unpaid: i64,
    /// When the next connection may be dialled that can wait.
    connects_from: Time,
    filled_at: Time,
    bins: [u64; BINS],
    bin: u64,
    in_bins: u64,
    peak: u64,
    waits: Waits,
    /// The core is to be told that what goes out waits.
    queued: bool,
    counters: Counters,
}

impl Pacer {
    /// A pacer with a limit in kbit/s, or none.
    pub(crate) fn new(limit_kbps: Option<u32>) -> Pacer {
        let pacer = Pacer::default();
        pacer.set_limit(limit_kbps);
        pacer
    }

    /// Sets the owner's limit in kbit/s.
    pub(crate) fn set_limit(&self, limit_kbps: Option<u32>) {
        let mut bucket = self.inner.lock();
        bucket.limit_kbps = limit_kbps;
        bucket.rate = limit_kbps.map(|kbps| (u64::from(kbps) * 125 * FILL_PERCENT / 100).max(1));
        bucket.tokens = bucket.tokens.min(0);
    }

    /// How many of `want` bytes the lane may write now; the rest has to wait. With a limit, others
    /// want some too: then it is at most `turn`. What is then not written goes back with [`Pacer::wrote`].
    pub(crate) fn grant(&self, now: Time, lane: Lane, want: usize, turn: usize) -> usize {
        let mut bucket = self.inner.lock();
        let Some(rate) = bucket.rate else { return want };
        let want = want.min(turn);
        bucket.fill(now, rate);
        let room = bucket.tokens - bucket.unpaid + overdraft(rate, lane);
        let granted = if room >= wire_bytes(want) as i64 {
            want
        } else {
            let packet = (PACKET_DATA + PACKET_OVERHEAD) as i64;
            (room.max(0) / packet) as usize * PACKET_DATA
        };
        let granted = granted.min(want);
        bucket.tokens -= wire_bytes(granted) as i64;
        granted
    }

    /// Counts what was written of what was granted, and the frames that this finished, of which the first has waited
    /// since then.
    pub(crate) fn wrote(
        &self,
        now: Time,
        lane: Lane,
        granted: usize,
        written: usize,
        done: u64,
        since: Time,
    ) {
        let mut bucket = self.inner.lock();
        if done > 0 && lane != Lane::Control {
            bucket.queued |= bucket.waits.sent(now, lane == Lane::Audio, now.since(since));
        }
        if bucket.rate.is_some() {
            bucket.tokens += wire_bytes(granted) as i64 - wire_bytes(written) as i64;
        }
        *lane.of_mut(&mut bucket.counters.bytes_out) += written as u64;
        bucket.counters.units_out += if lane == Lane::Control { 0 } else { done };
        bucket.meter(now, wire_bytes(written) as u64);
    }

    /// Counts what was read, and charges the acknowledgements.
    pub(crate) fn read(&self, now: Time, lane: Lane, bytes: usize, units: u64) {
        let mut bucket = self.inner.lock();
        let acks = bytes.div_ceil(PACKET_DATA) * ACK_COST;
        if let Some(rate) = bucket.rate {
            bucket.fill(now, rate);
            bucket.tokens = (bucket.tokens - acks as i64).max(-share(rate, DEBT_MAX));
        }
        *lane.of_mut(&mut bucket.counters.bytes_in) += bytes as u64;
        bucket.counters.units_in += units;
        bucket.meter(now, acks as u64);
    }

    /// When another connection may be dialled that can wait: they leave lanes at least half of the uplink.
    pub(crate) fn connects_from(&self) -> Time {
        self.inner.lock().connects_from
    }

    /// Charges a connection that is dialled, or has been made by somebody else.
    pub(crate) fn connects(&self, now: Time) {
        let mut bucket = self.inner.lock();
        if let Some(rate) = bucket.rate {
            bucket.fill(now, rate);
            bucket.unpaid = (bucket.unpaid + CONNECTION_COST as i64).min(share(rate, UNPAID_MAX));
            let pause = Duration::from_nanos(2 * CONNECTION_COST as u64 * 1_000_000_000 / rate);
            bucket.connects_from = (bucket.connects_from.max(now) + pause).min(now + 2 * UNPAID_MAX);
        }
        bucket.meter(now, CONNECTION_COST as u64);
    }

    /// When a lane that was granted nothing should ask again.
    pub(crate) fn ready_at(&self, now: Time) -> Time {
        let mut bucket = self.inner.lock();
        let Some(rate) = bucket.rate else { return now };
        bucket.fill(now, rate);
        let missing = (PACKET_DATA + PACKET_OVERHEAD) as i64 - bucket.tokens + bucket.unpaid;
        let wait = Duration::from_nanos(missing.max(0) as u64 * 1_000_000_000 / rate);
        now + wait.max(WAIT_MIN)
    }

    /// True once each time that what goes out was found to wait.
    pub(crate) fn take_queued(&self) -> bool {
        std::mem::take(&mut self.inner.lock().queued)
    }

    /// Changes the counters that only a few things change.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.inner.lock().counters);
    }

    /// What was carried so far.
    pub(crate) fn counters(&self) -> Counters {
        let bucket = self.inner.lock();
        Counters {
            peak_kbps: bucket.peak * 8 / 1000,
            uplink_kbps: bucket.limit_kbps,
            ..bucket.counters.clone()
        }
    }

    /// What was carried on each lane, without the rest.
    #[cfg(test)]
    pub(crate) fn written(&self) -> ByLane {
        self.inner.lock().counters.bytes_out
    }
}

impl Bucket {
    fn fill(&mut self, now: Time, rate: u64) {
        let span = now.since(self.filled_at);
        self.filled_at = self.filled_at.max(now);
        let gain = i64::try_from(u128::from(rate) * span.as_nanos() / 1_000_000_000).unwrap_or(i64::MAX);
        if gain == 0 {
            // Less than one byte: the span must not be lost, or a slow uplink would never fill.
            self.filled_at = self.filled_at - span;
            return;
        }
        let depth = share(rate, DEPTH).max(wire_bytes(PACKET_DATA) as i64);
        let paid = gain.min(self.unpaid);
        self.unpaid -= paid;
        self.tokens = self.tokens.saturating_add(gain - paid).min(depth);
    }

    fn meter(&mut self, now: Time, wire: u64) {
        let bin = now.0 / BIN.as_nanos() as u64;
        let passed = bin.saturating_sub(self.bin).min(BINS as u64);
        for step in 1..=passed {
            let slot = ((bin - passed + step) % BINS as u64) as usize;
            self.in_bins -= std::mem::take(&mut self.bins[slot]);
        }
        self.bin = self.bin.max(bin);
        self.bins[(self.bin % BINS as u64) as usize] += wire;
        self.in_bins += wire;
        self.peak = self.peak.max(self.in_bins);
        self.counters.wire_out += wire;
    }
}

/// Bytes that a span of the rate brings.
fn share(rate: u64, span: Duration) -> i64 {
    (u128::from(rate) * span.as_nanos() / 1_000_000_000) as i64
}

/// How far below zero a lane may take the bucket; at least a packet for each step.
fn overdraft(rate: u64, lane: Lane) -> i64 {
    let step = share(rate, STEP).max(wire_bytes(PACKET_DATA) as i64);
    match lane {
        Lane::Control => 2 * step,
        Lane::Audio => step,
        Lane::Video => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time(ms * 1_000_000)
    }

    /// Offers far more than the limit on all lanes each 2 ms; gives bytes out for each second.
    fn flood(kbps: u32, seconds: u64) -> (Pacer, u64) {
        let pacer = Pacer::new(Some(kbps));
        for ms in (0..seconds * 1000).step_by(2) {
            for lane in [Lane::Control, Lane::Audio, Lane::Video] {
                let granted = pacer.grant(at(ms), lane, 5_000, 5_000);
                pacer.wrote(at(ms), lane, granted, granted, 1, at(ms));
            }
        }
        let out = pacer.counters().wire_out;
        (pacer, out)
    }

    #[test]
    fn no_second_has_more_than_the_limit_and_a_twentieth() {
        for kbps in [400, 1_500, 20_000] {
            let (pacer, out) = flood(kbps, 10);
            let limit = u64::from(kbps);
            assert!(
                pacer.counters().peak_kbps <= limit * 105 / 100,
                "{kbps}: {}",
                pacer.counters().peak_kbps
            );
            assert!(out * 8 / 10_000 >= limit * 90 / 100, "the limit is used: {}", out * 8 / 10_000);
        }
    }

    #[test]
    fn control_goes_before_sound_and_sound_before_pictures() {
        let (pacer, _) = flood(1_500, 5);
        let out = pacer.written();
        assert!(out.control > 10 * (out.audio + out.video), "{out:?}");

        let pacer = Pacer::new(Some(1_500));
        for ms in (0..5_000).step_by(2) {
            for lane in [Lane::Video, Lane::Audio] {
                let granted = pacer.grant(at(ms), lane, 5_000, 5_000);
                pacer.wrote(at(ms), lane, granted, granted, 1, at(ms));
            }
        }
        let out = pacer.written();
        assert!(out.audio > 10 * out.video, "{out:?}");
    }

    #[test]
    fn connections_are_paid_for_by_what_is_sent_after_them() {
        let kbps = 800;
        let pacer = Pacer::new(Some(kbps));
        let mut made = 0;
        for ms in (0..3_000).step_by(2) {
            // Four at once, seven as soon as they may, 132 kB, and all that control can get beside them.
            if ms == 0 || made < 11 && pacer.connects_from() <= at(ms) {
                let more = if ms == 0 { 4 } else { 1 };
                (0..more).for_each(|_| pacer.connects(at(ms)));
                made += more;
            }
            let granted = pacer.grant(at(ms), Lane::Control, 5_000, 5_000);
            pacer.wrote(at(ms), Lane::Control, granted, granted, 1, at(ms));
            // What comes in is acknowledged meanwhile.
            if ms % 20 == 0 {
                pacer.read(at(ms), Lane::Control, 50, 0);
            }
        }
        let counted = pacer.counters();
        assert!(counted.peak_kbps <= u64::from(kbps) * 105 / 100, "{}", counted.peak_kbps);
        assert!(counted.wire_out >= 270_000, "the limit is used: {}", counted.wire_out);
        assert_eq!(made, 11);
        let control = pacer.written().control;
        assert!(control >= 120_000, "control goes on beside them: {control}");
    }

    #[test]
    fn many_connections_at_a_time_silence_a_node_for_three_quarters_of_a_second_at_most() {
        let pacer = Pacer::new(Some(100));
        (0..100).for_each(|_| pacer.connects(at(1_000)));
        assert_eq!(pacer.grant(at(1_000), Lane::Control, 100, 100), 0);
        assert_eq!(pacer.grant(at(1_800), Lane::Control, 100, 100), 100);
    }

    #[test]
    fn without_a_limit_all_is_granted_and_counted() {
        let pacer = Pacer::new(None);
        assert_eq!(pacer.grant(at(0), Lane::Video, 1 << 30, 1), 1 << 30);
        pacer.wrote(at(0), Lane::Video, 1 << 30, 1_000, 1, at(0));
        assert_eq!(pacer.counters().bytes_out.video, 1_000);
        assert_eq!(pacer.counters().wire_out, wire_bytes(1_000) as u64);
    }

    #[test]
    fn what_waits_too_long_on_the_way_out_is_told_and_control_is_not_looked_at() {
        for (lane, waited, told) in [
            (Lane::Video, 80, true),
            (Lane::Audio, 80, true),
            (Lane::Video, 20, false),
            (Lane::Control, 80, false),
        ] {
            let pacer = Pacer::new(Some(1_000));
            (100..1_200).step_by(10).for_each(|ms| pacer.wrote(at(ms), lane, 100, 100, 1, at(ms - waited)));
            assert_eq!(
                (pacer.take_queued(), pacer.take_queued()),
                (told, false),
                "{lane:?} after {waited} ms"
            );
        }
    }

    #[test]
    fn what_is_not_written_is_given_back() {
        let pacer = Pacer::new(Some(1_000));
        pacer.grant(at(0), Lane::Video, 1, 1);
        let first = pacer.grant(at(1_000), Lane::Video, 1_000, 8_192);
        assert_eq!(first, 1_000);
        pacer.wrote(at(1_000), Lane::Video, first, 0, 0, at(0));
        assert_eq!(pacer.grant(at(1_000), Lane::Video, 1_000, 8_192), 1_000);
    }
}
