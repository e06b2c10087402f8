//! Sources whose frames can't be opened for now: watched for a moment, then named.

use std::collections::BTreeMap;

use crate::identity::PeerKey;
use crate::time::UnixTime;

/// A source is missed when it has not announced itself so long after activation, or after a frame that
/// nothing opens.
const MISSING_AFTER_MS: u64 = 1_000;
/// And again so long after, while frames come.
const AGAIN_MS: u64 = 5_000;
/// Sources that are watched at a time.
const WATCHED_MAX: usize = 64;

/// See the module.
#[derive(Default)]
pub(crate) struct Missing {
    watched: BTreeMap<PeerKey, Watch>,
}

struct Watch {
    at: UnixTime,
    /// Frames come from it, so it is there whatever the roster says.
    sends: bool,
    /// The secret of it that was known when they came: they are sealed with another.
    had: Option<u64>,
    said: bool,
}

impl Missing {
    pub(crate) fn deadline(&self) -> Option<UnixTime> {
        self.watched.values().map(|watch| watch.at).min()
    }

    /// An epoch begins for which sources draw fresh secrets. These were sources, and have to announce themselves for it.
    /// Who was missed before could only be asked for an older one: they are asked anew if they are missed in this.
    pub(crate) fn expect(&mut self, activate_at: UnixTime, sources: impl Iterator<Item = PeerKey>) {
        let at = activate_at.plus_ms(MISSING_AFTER_MS);
        for watch in self.watched.values_mut() {
            *watch = Watch { at, sends: false, had: None, said: false };
        }
        sources.for_each(|source| self.watch(source, at, false, None));
    }

    /// A frame of it came that nothing opens, while this (its serial) was the newest secret of it that was known.
    pub(crate) fn unopened(&mut self, now: UnixTime, source: PeerKey, had: Option<u64>) {
        self.watch(source, now.plus_ms(MISSING_AFTER_MS), true, had);
    }

    fn watch(&mut self, source: PeerKey, at: UnixTime, sends: bool, had: Option<u64>) {
        if let Some(watch) = self.watched.get_mut(&source) {
            if sends {
                (watch.sends, watch.had) = (true, had);
            }
        } else if self.watched.len() < WATCHED_MAX {
            self.watched.insert(source, Watch { at, sends, had, said: false });
        }
    }

    /// Who should be asked now, unless another secret of it than this is known by now. `listed`: whether somebody is a member,
    /// as far as that is known.
    pub(crate) fn due(
        &mut self,
        now: UnixTime,
        listed: impl Fn(&PeerKey) -> bool,
    ) -> Vec<(PeerKey, Option<u64>)> {
        let mut due = Vec::new();
        self.watched.retain(|source, watch| {
            if now < watch.at {
                return true;
            }
            if watch.said || !(watch.sends || listed(source)) {
                return false;
            }
            due.push((*source, watch.had));
            // Remembered for a while, so that a stream of frames is one report in five seconds.
            (watch.at, watch.said) = (now.plus_ms(AGAIN_MS), true);
            true
        });
        due
    }

    pub(crate) fn check(&self) {
        assert!(self.watched.len() <= WATCHED_MAX);
    }
}
