//! What a receiver can open: a model of `media-pipeline`'s opener, and of the shipped program's frames that wait in front
//! of it for their key.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use overlay_core::time::Time;

/// Frames that wait for their key.
const EARLY_MAX: usize = 512;
/// How long they wait.
const KEPT: Duration = Duration::from_secs(2);
/// The most keys held at once.
const KEYS_MAX: usize = 4_096;

/// A frame that was handed over.
#[derive(Clone, Copy, Debug)]
pub struct Sealed {
    /// When.
    pub at: Time,
    /// Whose.
    pub source: u32,
    /// Names its key.
    pub label: u64,
    /// Sound, or a picture.
    pub sound: bool,
}

/// What came of the frames since the last look.
#[derive(Debug, Default)]
pub struct Tally {
    /// Frames that were opened, at once or within [`KEPT`].
    pub opened: u64,
    /// Frames that no key came for in time.
    pub unopened: u64,
    /// Each time in which a source's sound came that no key opened, until one did: of who had opened anything before.
    pub waits: Vec<Duration>,
    /// When the first of all was opened.
    pub first: Option<Time>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Opener {
    labels: BTreeSet<u64>,
    early: VecDeque<Sealed>,
    /// Whose frames have no key yet, since the last look.
    keyless: BTreeSet<u32>,
    /// Since when what comes of a source's sound can't be opened.
    deaf_since: BTreeMap<u32, Time>,
    opened_first: Option<Time>,
    failed: Option<Sealed>,
    tally: Tally,
}

impl Opener {
    /// Takes a frame in.
    pub fn take(&mut self, frame: Sealed) {
        self.expire(frame.at);
        if self.labels.contains(&frame.label) {
            return self.open(frame.at, &frame);
        }
        if self.early.len() == EARLY_MAX
            && let Some(oldest) = self.early.pop_front()
        {
            self.fail(oldest);
        }
        if frame.sound {
            self.deaf_since.entry(frame.source).or_insert(frame.at);
        }
        self.keyless.insert(frame.source);
        self.early.push_back(frame);
    }

    /// Opens with the key of this label from now on, also what waits for it.
    pub fn insert(&mut self, now: Time, label: u64) {
        if self.labels.len() == KEYS_MAX || !self.labels.insert(label) {
            return;
        }
        self.expire(now);
        for frame in std::mem::take(&mut self.early) {
            if frame.label == label {
                self.open(now, &frame);
            } else {
                self.keyless.insert(frame.source);
                self.early.push_back(frame);
            }
        }
    }

    /// Wipes the key of this label.
    pub fn forget(&mut self, label: u64) {
        self.labels.remove(&label);
    }

    /// Whose frames came since the last look and have no key yet.
    pub fn keyless(&mut self, now: Time) -> BTreeSet<u32> {
        self.expire(now);
        std::mem::take(&mut self.keyless)
    }

    /// True while frames wait for their key.
    pub fn is_waiting(&self) -> bool {
        !self.early.is_empty()
    }

    /// The last frame that no key came for in time.
    pub fn failed(&self) -> Option<&Sealed> {
        self.failed.as_ref()
    }

    /// What came of the frames since the last call.
    pub fn tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// The process ends: what is still deaf has been so until now.
    pub fn end(&mut self, now: Time) {
        self.expire(now);
        for since in std::mem::take(&mut self.deaf_since).into_values() {
            self.waited(since, now);
        }
    }

    fn open(&mut self, now: Time, frame: &Sealed) {
        self.tally.opened += 1;
        if self.opened_first.is_none() {
            (self.opened_first, self.tally.first) = (Some(now), Some(now));
        }
        if frame.sound
            && let Some(since) = self.deaf_since.remove(&frame.source)
        {
            self.waited(since, now);
        }
    }

    fn waited(&mut self, since: Time, until: Time) {
        if self.opened_first.is_some_and(|first| first < since) {
            self.tally.waits.push(until.since(since));
        }
    }

    fn expire(&mut self, now: Time) {
        while let Some(frame) = self.early.pop_front_if(|frame| now.since(frame.at) >= KEPT) {
            self.fail(frame);
        }
    }

    fn fail(&mut self, frame: Sealed) {
        self.tally.unopened += 1;
        self.failed = Some(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(ms: u64, label: u64) -> Sealed {
        Sealed { at: Time(ms * 1_000_000), source: 3, label, sound: true }
    }

    #[test]
    fn a_frame_opens_by_a_key_that_comes_within_two_seconds_and_not_later() {
        let mut opener = Opener::default();
        opener.take(sound(0, 7));
        opener.take(sound(1_500, 7));
        assert_eq!(opener.keyless(Time(1_600_000_000)).into_iter().collect::<Vec<_>>(), [3]);
        opener.insert(Time(2_000_000_000), 7);
        let tally = opener.tally();
        assert_eq!((tally.opened, tally.unopened), (1, 1));
        assert_eq!(tally.first, Some(Time(2_000_000_000)));
        assert_eq!(tally.waits, [], "it had opened nothing before");
        opener.take(sound(3_000, 8));
        opener.insert(Time(3_400_000_000), 8);
        assert_eq!(opener.tally().waits, [Duration::from_millis(400)]);
        opener.forget(8);
        opener.take(sound(4_000, 8));
        opener.end(Time(6_000_000_000));
        let tally = opener.tally();
        assert_eq!((tally.opened, tally.unopened, tally.waits), (0, 1, vec![Duration::from_secs(2)]));
        assert_eq!(opener.failed().map(|frame| frame.label), Some(8));
    }
}
