//! Puts the frames of one layer of one source in order, and keeps back what would be damaged.
//!
//! A VP8 decoder fed with a frame whose reference is missing shows a damaged picture and reports
//! nothing. So a frame is released only after the one it depends on; what can't be released waits
//! until a repair brings the reference or the source sends a key frame. Frames in order are
//! released at once; a gap is waited for as long as the link's jitter suggests.
//!
//! Time is the caller's: microseconds of any one clock that doesn't go back.

use std::collections::{BTreeMap, BTreeSet};

use crate::frame::EncodedFrame;

/// The shortest wait for a missing frame.
pub const DELAY_MIN_US: u64 = 80_000;
/// The longest wait for a missing frame that others can do without.
pub const DELAY_MAX_US: u64 = 200_000;
/// The most frames held: 4 s of pictures at 30 a second, 2.5 s of sound.
pub const HELD_MAX: usize = 128;
/// The most codec bytes held: more than 10 s at 1.5 Mbit/s.
pub const HELD_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Key frames are asked for no more often than this.
pub const KEY_EVERY_US: u64 = 1_000_000;

/// How far back a released frame can be depended on: more than the longest temporal pattern.
const REFERENCES_MAX: usize = 16;

/// What became of the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pushed, without duplicates.
    pub received: u64,
    /// Released, in order, each with all it depends on.
    pub released: u64,
    /// Came after their place was given up, or twice.
    pub late: u64,
    /// Received, but never released, because a reference never came or for want of room.
    pub withheld: u64,
    /// Numbers between released frames that never came in time.
    pub missing: u64,
}

/// The buffer of one layer of one source.
#[derive(Default)]
pub struct Jitter {
    held: BTreeMap<u32, EncodedFrame>,
    bytes: usize,
    /// Number and capture time of the last released frame. Nothing up to it is released again.
    last: Option<(u32, u64)>,
    references: BTreeSet<u32>,
    /// When the first frame beyond a gap was seen.
    gap_since: Option<u64>,
    /// The last gap closed without its frames: a relay thins on purpose, so don't wait again.
    thinned: bool,
    /// Nothing that is held can be released before a key frame.
    wants_key: bool,
    key_asked: Option<u64>,
    transit: Option<i64>,
    spread_us: u64,
    counts: Counts,
}

impl Jitter {
    /// An empty buffer: it waits for a key frame.
    pub fn new() -> Jitter {
        Jitter::default()
    }

    /// Takes a frame that arrived at `now`.
    pub fn push(&mut self, now: u64, frame: EncodedFrame) {
        self.measure(now, frame.captured_us);
        if self.is_restart(&frame) {
            self.restart();
        }
        if self.is_past(frame.number) || self.held.contains_key(&frame.number) {
            self.counts.late += 1;
            self.thinned &= !self.is_past(frame.number);
            return;
        }
        self.counts.received += 1;
        self.bytes += frame.data.len();
        self.held.insert(frame.number, frame);
        while self.held.len() > HELD_MAX || self.bytes > HELD_BYTES_MAX {
            self.drop_head();
            self.wants_key = true;
        }
    }

    /// The next frame that is whole, in order and decodable. Call until `None`.
    pub fn pop(&mut self, now: u64) -> Option<EncodedFrame> {
        loop {
            let head = self.held.values().next()?;
            let (number, decodable) = (head.number, self.is_decodable(head));
            if self.is_next(number) || self.last.is_none() {
                match decodable {
                    true => {
                        self.thinned = false;
                        return self.release(number);
                    }
                    false => self.give_up_head(),
                }
                continue;
            }
            if decodable && self.thinned {
                return self.release(number);
            }
            let since = *self.gap_since.get_or_insert(now);
            let waited = now.saturating_sub(since) >= self.delay_us();
            let resume = self.held.values().find(|frame| self.is_decodable(frame)).map(|frame| frame.number);
            return match resume {
                Some(number) if waited || self.wants_key => {
                    self.thinned = true;
                    self.release(number)
                }
                Some(_) => None,
                None => {
                    self.wants_key |= waited;
                    None
                }
            };
        }
    }

    /// True once when the source must be asked for a key frame; at most every [`KEY_EVERY_US`].
    pub fn needs_key(&mut self, now: u64) -> bool {
        let asked = self.key_asked.is_some_and(|asked| now.saturating_sub(asked) < KEY_EVERY_US);
        if !self.wants_key || asked {
            return false;
        }
        self.key_asked = Some(now);
        true
    }

    /// When [`Jitter::pop`] or [`Jitter::needs_key`] may say something else without a push.
    pub fn deadline(&self) -> Option<u64> {
        if self.wants_key {
            return Some(self.key_asked.map_or(0, |asked| asked + KEY_EVERY_US));
        }
        self.gap_since.filter(|_| !self.held.is_empty()).map(|since| since + self.delay_us())
    }

    /// How long a gap is waited for now: four times the measured jitter (RFC 3550, 6.4.1), within
    /// [`DELAY_MIN_US`] and [`DELAY_MAX_US`].
    pub fn delay_us(&self) -> u64 {
        (4 * self.spread_us).clamp(DELAY_MIN_US, DELAY_MAX_US)
    }

    /// What became of the frames so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn is_past(&self, number: u32) -> bool {
        self.last.is_some_and(|(last, _)| number <= last)
    }

    fn is_next(&self, number: u32) -> bool {
        self.last.is_some_and(|(last, _)| number == last.saturating_add(1))
    }

    fn is_decodable(&self, frame: &EncodedFrame) -> bool {
        frame.key || self.references.contains(&frame.depends_on)
    }

    /// A source that came back counts from 0 again; its clock goes on.
    fn is_restart(&self, frame: &EncodedFrame) -> bool {
        frame.key && self.last.is_some_and(|(number, at)| frame.number < number && frame.captured_us > at)
    }

    fn restart(&mut self) {
        self.counts.withheld += self.held.len() as u64;
        let fresh = Jitter { counts: self.counts, key_asked: self.key_asked, ..Jitter::default() };
        *self = fresh;
    }

    fn release(&mut self, number: u32) -> Option<EncodedFrame> {
        let mut passed_over = 0;
        while self.held.keys().next().is_some_and(|&held| held < number) {
            self.drop_head();
            passed_over += 1;
        }
        let frame = self.held.remove(&number)?;
        self.bytes -= frame.data.len();
        if let Some((last, _)) = self.last {
            self.counts.missing += u64::from(number - last - 1).saturating_sub(passed_over);
        }
        if frame.key {
            self.references.clear();
        }
        // Whatever is released has an unbroken chain behind it.
        self.wants_key = false;
        self.references.insert(number);
        if self.references.len() > REFERENCES_MAX {
            self.references.pop_first();
        }
        self.last = Some((number, frame.captured_us));
        self.gap_since = None;
        self.counts.released += 1;
        Some(frame)
    }

    /// The head is in order and lacks its reference for good. Whatever else depends on it will be
    /// given up in turn; if the base layer does, only a key frame helps.
    fn give_up_head(&mut self) {
        let Some(head) = self.held.values().next() else { return };
        let (number, at, base) = (head.number, head.captured_us, head.temporal == 0);
        self.wants_key |= base || self.last.is_none();
        if let Some((last, seen)) = &mut self.last {
            (*last, *seen) = (number, at);
        }
        self.drop_head();
    }

    fn drop_head(&mut self) {
        if let Some((_, frame)) = self.held.pop_first() {
            self.bytes -= frame.data.len();
            self.counts.withheld += 1;
        }
    }

    /// RFC 3550, 6.4.1: J = J + (|D| - J) / 16, D the change of the transit time.
    fn measure(&mut self, now: u64, captured_us: u64) {
        let transit = now.wrapping_sub(captured_us) as i64;
        if let Some(before) = self.transit.replace(transit) {
            let change = transit.abs_diff(before).min(DELAY_MAX_US * 4);
            self.spread_us = (self.spread_us * 15 + change) / 16;
        }
    }
}
