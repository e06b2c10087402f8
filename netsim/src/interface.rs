//! What stands between a node and its links: what it sends waits in lanes and leaves at a rate; what comes in
//! waits in one queue.
//!
//! As in the shipped edge, control goes first, then sound, then pictures, all together at no more than the owner's
//! limit, and what would wait too long is dropped before it is sent. Behind that stands the line itself, which may
//! be slower, and holds back only so much.

use std::time::Duration;

use overlay_core::time::Time;

/// What QUIC, UDP and IP add to each packet, and what a packet carries beside, bytes.
const PACKET_OVERHEAD: u64 = 60;
/// See [`PACKET_OVERHEAD`].
const PACKET_PAYLOAD: u64 = 1_200;
/// Pictures that would wait longer are dropped; sound sooner, since late sound is of no use. As `overlay-libp2p`.
const VIDEO_STALE_AFTER: Duration = Duration::from_millis(500);
/// See [`VIDEO_STALE_AFTER`].
const AUDIO_STALE_AFTER: Duration = Duration::from_millis(200);

/// ns.
const SECOND: u64 = 1_000_000_000;

/// Which lane something travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Never dropped.
    Control,
    /// Goes before pictures.
    Audio,
    /// Goes last.
    Video,
}

/// Packets that carry so many bytes.
pub fn packets(len: u64) -> u64 {
    len.div_ceil(PACKET_PAYLOAD).max(1)
}

/// Bytes on the wire for so many in a unit or a message.
pub fn on_wire(len: u64) -> u64 {
    len + packets(len) * PACKET_OVERHEAD
}

fn span(bytes: u64, kbps: u64) -> Duration {
    Duration::from_nanos(bytes * 8_000_000 / kbps.max(1))
}

/// The way out. It holds no queue, only when each lane is idle again: a lane is behind everything of those above.
#[derive(Clone, Debug)]
pub struct Outward {
    limit_kbps: u64,
    line_kbps: u64,
    buffer: Duration,
    idle: [Time; 3],
    line_idle: Time,
    /// When everything that was taken has left, whatever its lane: what each second is charged by.
    drained: Time,
    second: u64,
    in_second: u64,
    /// Bytes sent, headers and retransmissions included.
    pub sent: u64,
    /// The most in any second, bytes.
    pub highest_second: u64,
}

impl Outward {
    /// An interface with a line of this rate, whose owner allows no more than the limit. The line holds back
    /// `buffer` before what follows waits in the lanes.
    pub fn new(line_kbps: u32, limit_kbps: u32, buffer: Duration) -> Outward {
        Outward {
            limit_kbps: u64::from(limit_kbps.max(1)),
            line_kbps: u64::from(line_kbps.max(1)),
            buffer,
            idle: [Time::ZERO; 3],
            line_idle: Time::ZERO,
            drained: Time::ZERO,
            second: 0,
            in_second: 0,
            sent: 0,
            highest_second: 0,
        }
    }

    /// The line has another rate from now on.
    pub fn set_line(&mut self, kbps: u32) {
        self.line_kbps = u64::from(kbps.max(1));
    }

    /// Sends `len` bytes; gives when the last of them has left, or nothing if they were dropped.
    pub fn send(&mut self, now: Time, lane: Lane, len: u64) -> Option<Time> {
        let place = lane as usize;
        let held = Time(self.line_idle.0.saturating_sub(nanos(self.buffer)));
        let start = self.idle[place].max(now).max(held);
        let stale = match lane {
            Lane::Control => None,
            Lane::Audio => Some(AUDIO_STALE_AFTER),
            Lane::Video => Some(VIDEO_STALE_AFTER),
        };
        if stale.is_some_and(|stale| start.since(now) > stale) {
            return None;
        }
        let wire = on_wire(len);
        let takes = span(wire, self.limit_kbps);
        // Lower lanes are pushed back by what goes before them.
        for idle in &mut self.idle[place..] {
            *idle = (*idle).max(now).max(held) + takes;
        }
        self.charge(now, wire);
        let paced = start + takes;
        if self.line_kbps >= self.limit_kbps {
            return Some(paced);
        }
        self.line_idle = self.line_idle.max(start) + span(wire, self.line_kbps);
        Some(self.line_idle.max(paced))
    }

    /// How long something of this length is on its way out where nothing stands before it.
    pub fn span(&self, len: u64) -> Duration {
        span(on_wire(len), self.line_kbps.min(self.limit_kbps))
    }

    /// Packets that were lost are sent once more.
    pub fn resend(&mut self, now: Time, packets: u64) {
        self.charge(now, packets * (PACKET_PAYLOAD + PACKET_OVERHEAD));
    }

    fn charge(&mut self, now: Time, wire: u64) {
        self.sent += wire;
        let start = self.drained.max(now);
        self.drained = start + span(wire, self.limit_kbps);
        let whole = (self.drained.0 - start.0).max(1);
        let (mut at, mut left) = (start.0, wire);
        loop {
            // What leaves over the end of a second counts in both, for the part of it that leaves there.
            let second = at / SECOND;
            let ends = ((second + 1) * SECOND).min(self.drained.0);
            let part = if ends == self.drained.0 { left } else { wire * (ends - at) / whole };
            self.count(second, part);
            left = left.saturating_sub(part);
            at = ends;
            if at >= self.drained.0 {
                return;
            }
        }
    }

    fn count(&mut self, second: u64, bytes: u64) {
        if second != self.second {
            (self.second, self.in_second) = (second, 0);
        }
        self.in_second += bytes;
        self.highest_second = self.highest_second.max(self.in_second);
    }

    /// What its owner allows in a second, bytes.
    pub fn allowed(&self) -> u64 {
        self.limit_kbps * 125
    }
}

/// The way in: one thing after the other.
#[derive(Clone, Debug)]
pub struct Inward {
    kbps: u64,
    buffer: Duration,
    idle: Time,
    /// Bytes received.
    pub received: u64,
}

/// What becomes of something that has come to the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// All of it is there.
    In,
    /// It waits for what came before.
    At(Time),
    /// There is no room for it.
    Full,
}

impl Inward {
    /// An interface that takes in at this rate and holds back so much.
    pub fn new(kbps: u32, buffer: Duration) -> Inward {
        Inward { kbps: u64::from(kbps.max(1)), buffer, idle: Time::ZERO, received: 0 }
    }

    /// How long something of this length takes to come in.
    pub fn span(&self, len: u64) -> Duration {
        span(on_wire(len), self.kbps)
    }

    /// The last byte would be in at `now` if nothing else came in.
    pub fn enter(&mut self, now: Time, lane: Lane, len: u64) -> Entry {
        let start = Time(now.0.saturating_sub(nanos(self.span(len))));
        if self.idle <= start {
            self.idle = now;
            self.received += on_wire(len);
            return Entry::In;
        }
        if lane != Lane::Control && self.idle.since(start) > self.buffer {
            return Entry::Full;
        }
        self.idle = self.idle + self.span(len);
        self.received += on_wire(len);
        Entry::At(self.idle)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_BUFFER: Duration = Duration::ZERO;

    #[test]
    fn things_leave_one_after_the_other_at_the_rate() {
        let mut out = Outward::new(1_000, 1_000, NO_BUFFER);
        // 1,190 + 60 bytes at 1 Mbit/s are 10 ms.
        let first = out.send(Time::ZERO, Lane::Video, 1_190).expect("idle");
        let second = out.send(Time::ZERO, Lane::Video, 1_190).expect("near idle");
        assert_eq!((first, second), (Time(10_000_000), Time(20_000_000)));
        let control = out.send(Time::ZERO, Lane::Control, 1_190).expect("goes first");
        assert_eq!(control, Time(10_000_000));
        let third = out.send(Time::ZERO, Lane::Video, 1_190).expect("behind all");
        assert_eq!(third, Time(40_000_000));
    }

    #[test]
    fn what_leaves_over_the_end_of_a_second_counts_in_both() {
        let mut out = Outward::new(1_000, 1_000, NO_BUFFER);
        // 12,500 bytes on the wire leave in 100 ms, half of them in the next second.
        out.charge(Time(950_000_000), 12_500);
        assert_eq!((out.sent, out.highest_second, out.in_second), (12_500, 6_250, 6_250));
    }

    #[test]
    fn pictures_that_would_wait_too_long_are_dropped_and_control_is_not() {
        let mut out = Outward::new(100, 100, NO_BUFFER);
        while out.send(Time::ZERO, Lane::Video, 1_190).is_some() {}
        assert!(out.send(Time::ZERO, Lane::Control, 1_190).is_some());
    }

    #[test]
    fn a_line_that_is_slower_than_its_owner_thinks_holds_back_its_buffer_and_no_more() {
        let buffer = Duration::from_millis(250);
        let mut out = Outward::new(100, 1_000, buffer);
        let mut last = Time::ZERO;
        while let Some(left) = out.send(Time::ZERO, Lane::Video, 1_190) {
            last = left;
        }
        // 500 ms in the lanes, 250 ms in the line, and the one that is being sent, 100 ms.
        let waited = last.since(Time::ZERO);
        assert!(
            waited >= VIDEO_STALE_AFTER + buffer && waited <= VIDEO_STALE_AFTER + buffer * 2,
            "{waited:?}"
        );
    }

    #[test]
    fn what_comes_in_together_waits_for_each_other_up_to_the_buffer() {
        let mut inward = Inward::new(1_000, Duration::from_millis(25));
        let at = Time(1_000_000_000);
        assert_eq!(inward.enter(at, Lane::Video, 1_190), Entry::In);
        assert_eq!(inward.enter(at, Lane::Video, 1_190), Entry::At(Time(1_010_000_000)));
        assert_eq!(inward.enter(at, Lane::Video, 1_190), Entry::At(Time(1_020_000_000)));
        assert_eq!(inward.enter(at, Lane::Video, 1_190), Entry::Full);
        assert_eq!(inward.enter(at, Lane::Control, 1_190), Entry::At(Time(1_030_000_000)));
    }
}
