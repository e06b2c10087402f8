//! What a plan gives people, as one number: by it a plan that has grown is told from one that is made afresh.

use super::channel::{Channel, Group};
use super::roster::{Ix, Roster};

/// Somebody's sound is worth more than all of the pictures that it could have instead.
const SOUND: u64 = 16;
/// Where it is much to move everybody, as much more must be served for it, percent of what is granted.
const MUCH_MORE_PERCENT: u64 = 5;

/// What everybody gets, what everybody is granted, and what it costs those who lend nothing but their own uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Served {
    given: u64,
    granted: u64,
    /// How many lose a layer, all that would save them included, when one other node ends.
    exposed: u64,
    /// What people give out of others' streams, kbit/s.
    burden: u64,
}

impl Served {
    pub(super) fn of(roster: &Roster, channels: &[Channel]) -> Served {
        let mut served = Served { given: 0, granted: 0, exposed: 0, burden: 0 };
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
            served.exposed += channel.groups.iter().map(|group| exposed(roster, group)).sum::<u64>();
            for tree in channel.groups.iter().flat_map(|group| &group.trees) {
                let people =
                    roster.everybody().filter(|node| *node != tree.source && !roster.is_relay(*node));
                let children: u64 = people.map(|node| u64::from(tree.fanout(node))).sum();
                served.burden += children * u64::from(tree.kbps);
            }
        }
        served
    }

    /// True if there is nothing that another plan could do better; where few can `move_at_once`, nothing much.
    pub(super) fn is_best(self, move_at_once: bool) -> bool {
        let lacks = self.granted.saturating_sub(self.given);
        let safe = self.exposed == 0 && self.burden == 0;
        if move_at_once { lacks == 0 && safe } else { lacks * 100 < self.granted * MUCH_MORE_PERCENT }
    }

    /// True if this plan is worth moving everybody for: more is served, or as much with half of those who are exposed, or
    /// with no more of them at half the burden. Where they can't all `move_at_once` only much more that is served counts.
    pub(super) fn beats(self, other: Served, move_at_once: bool) -> bool {
        let halves = |this: u64, that: u64| 2 * this <= that && that > 0;
        if !move_at_once {
            let more = self.given.saturating_sub(other.given);
            return more > 0 && more * 100 >= self.granted * MUCH_MORE_PERCENT;
        }
        if self.given != other.given {
            return self.given > other.given;
        }
        halves(self.exposed, other.exposed)
            || self.exposed <= other.exposed && halves(self.burden, other.burden)
    }
}

/// How many take a layer in all trees through one node, or in its only tree through one without which no relay is in it,
/// where there are two that could be.
fn exposed(roster: &Roster, group: &Group) -> u64 {
    let mut shared = u64::MAX;
    if let [tree] = group.trees.as_slice() {
        let relays =
            || roster.everybody().filter(|node| roster.is_relay(*node) && roster.lends(*node) >= tree.kbps);
        if relays().count() < 2 {
            return 0;
        }
        shared = relays().filter(|relay| tree.has(*relay)).fold(shared, |all, relay| all & tree.path(relay));
    }
    let through = |node: &Ix| {
        let parents =
            group.trees.iter().filter_map(|tree| tree.parent(*node).map(|parent| tree.path(parent)));
        parents.fold(shared, |all, way| all & way) != 0
    };
    roster.everybody().filter(|node| group.is_taken_by(*node)).filter(through).count() as u64
}
