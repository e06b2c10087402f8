//! An uplink: it sends one thing after the other, at its rate. Control goes first, then sound, then
//! pictures, as the real edge's lanes do; what waits too long is dropped before it is sent.

use std::time::Duration;

use overlay_core::time::Time;

/// What QUIC, UDP and IP add to each packet, in bytes, and what a packet carries beside.
const PACKET_OVERHEAD: u64 = 60;
const PACKET_PAYLOAD: u64 = 1_200;
/// Pictures that would wait longer are dropped; sound sooner, since late sound is of no use.
const VIDEO_STALE_AFTER: Duration = Duration::from_millis(500);
const AUDIO_STALE_AFTER: Duration = Duration::from_millis(200);

/// Which lane something travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Never dropped.
    Control,
    /// Goes before pictures.
    Audio,
    /// Goes last.
    Video,
}

/// What a node's interface still has to send, as the moment at which each lane is idle again: a lane is
/// behind everything of the lanes above it.
#[derive(Clone, Debug)]
pub struct Uplink {
    kbps: u64,
    idle: [Time; 3],
    /// Bytes that were sent, headers included.
    pub bytes: u64,
}

impl Uplink {
    /// An uplink of this rate.
    pub fn new(kbps: u32) -> Uplink {
        Uplink { kbps: u64::from(kbps.max(1)), idle: [Time::ZERO; 3], bytes: 0 }
    }

    /// Sends `len` bytes; gives when the last of them has left, or nothing if they were dropped.
    pub fn send(&mut self, now: Time, lane: Lane, len: usize) -> Option<Time> {
        let place = lane as usize;
        let start = self.idle[place].max(now);
        let stale = match lane {
            Lane::Control => None,
            Lane::Audio => Some(AUDIO_STALE_AFTER),
            Lane::Video => Some(VIDEO_STALE_AFTER),
        };
        if stale.is_some_and(|stale| start.since(now) > stale) {
            return None;
        }
        let len = len as u64;
        let wire = len + len.div_ceil(PACKET_PAYLOAD).max(1) * PACKET_OVERHEAD;
        let span = Duration::from_nanos(wire * 8 * 1_000_000 / self.kbps);
        // Lower lanes are pushed back by what goes before them.
        for idle in &mut self.idle[place..] {
            *idle = (*idle).max(now) + span;
        }
        self.bytes += wire;
        Some(start + span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_leave_one_after_the_other_at_the_rate() {
        let mut uplink = Uplink::new(1_000);
        // 1,190 + 60 bytes at 1 Mbit/s are 10 ms.
        let first = uplink.send(Time::ZERO, Lane::Video, 1_190).expect("idle");
        let second = uplink.send(Time::ZERO, Lane::Video, 1_190).expect("near idle");
        assert_eq!((first, second), (Time(10_000_000), Time(20_000_000)));
        let control = uplink.send(Time::ZERO, Lane::Control, 1_190).expect("goes first");
        assert_eq!(control, Time(10_000_000));
        let third = uplink.send(Time::ZERO, Lane::Video, 1_190).expect("behind all");
        assert_eq!(third, Time(40_000_000));
    }

    #[test]
    fn pictures_that_would_wait_too_long_are_dropped_and_control_is_not() {
        let mut uplink = Uplink::new(100);
        while uplink.send(Time::ZERO, Lane::Video, 1_190).is_some() {}
        assert!(uplink.send(Time::ZERO, Lane::Control, 1_190).is_some());
    }
}
