//! What a plan gives people, as one number: by it a plan that has grown is told from one that is made afresh.

use super::channel::Channel;
use super::roster::Roster;

/// Somebody's sound is worth more than all of the pictures that it could have instead.
const SOUND: u64 = 16;

/// What everybody gets, what everybody is granted, and what it costs those who lend nothing but their own uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Served {
    given: u64,
    granted: u64,
    /// What people give out of others' streams, kbit/s.
    burden: u64,
}

impl Served {
    pub(super) fn of(roster: &Roster, channels: &[Channel]) -> Served {
        let mut served = Served { given: 0, granted: 0, burden: 0 };
        for channel in channels {
            let sound = channel.groups.first().filter(|_| channel.first_picture() > 0);
            let watchers = roster.everybody().filter(|node| roster.watches(*node) && *node != channel.source);
            for node in watchers {
                if let Some(sound) = sound {
                    served.granted += SOUND;
                    served.given += if sound.is_taken_by(node) { SOUND } else { 0 };
                }
                served.granted += u64::from(channel.levels[node as usize]);
                served.given += u64::from(channel.level_now(node));
            }
            for tree in channel.groups.iter().flat_map(|group| &group.trees) {
                let people =
                    roster.everybody().filter(|node| *node != tree.source && !roster.is_relay(*node));
                let children: u64 = people.map(|node| u64::from(tree.fanout(node))).sum();
                served.burden += children * u64::from(tree.kbps);
            }
        }
        served
    }

    /// True if there is nothing that another plan could do better.
    pub(super) fn is_best(self) -> bool {
        self.given >= self.granted && self.burden == 0
    }

    /// True if this plan is worth moving everybody for: more is served, or as much at half the burden.
    pub(super) fn beats(self, other: Served) -> bool {
        self.given > other.given
            || self.given == other.given && 2 * self.burden <= other.burden && other.burden > 0
    }
}
