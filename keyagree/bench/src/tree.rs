//! The way of what a coordinator says: a tree of relays that feed eight each, round trips of 50 ms, and uplinks that send
//! one message after the other.

use std::collections::BTreeMap;

use keyagree::PeerKey;
use keyagree::session::Audience;

use crate::crowd::Said;

const HOP_MS: f64 = 25.0;
const FAN_OUT: usize = 8;
const UPLINK_BITS_PER_MS: f64 = 5_000.0;
/// Note and framing around each key message.
const NOTE_BYTES: usize = 160;

/// Everybody below the coordinator, and when each uplink has sent what it was given.
pub(crate) struct Tree {
    /// Places; the coordinator has the first, and what is at `n` is fed by what is at `(n - 1) / 8`.
    at: BTreeMap<PeerKey, usize>,
    free_ms: Vec<f64>,
}

impl Tree {
    /// Members in the order of their places.
    pub(crate) fn of(members: impl Iterator<Item = PeerKey>) -> Tree {
        let at: BTreeMap<PeerKey, usize> = members.zip(1..).collect();
        Tree { free_ms: vec![0.0; at.len() + 1], at }
    }

    /// When this reaches each of those that it is for, in milliseconds since all was said. In the order of saying.
    pub(crate) fn send(&mut self, said: &Said) -> Vec<(PeerKey, f64)> {
        let bits = ((said.1.len() + NOTE_BYTES) * 8) as f64;
        let mut came = vec![None; self.free_ms.len()];
        came[0] = Some(0.0);
        let to: Vec<(PeerKey, usize)> = match said.0 {
            Audience::One(peer) => {
                self.at.get_key_value(&peer).map(|(peer, at)| (*peer, *at)).into_iter().collect()
            }
            _ => self.at.iter().map(|(peer, at)| (*peer, *at)).collect(),
        };
        let mut places: Vec<usize> = to.iter().map(|(_, at)| *at).collect();
        places.sort_unstable();
        for place in places {
            self.bring(place, bits, &mut came);
        }
        to.into_iter().filter_map(|(peer, at)| Some((peer, came[at]?))).collect()
    }

    fn bring(&mut self, place: usize, bits: f64, came: &mut [Option<f64>]) -> f64 {
        if let Some(at) = came[place] {
            return at;
        }
        let parent = (place - 1) / FAN_OUT;
        let there = self.bring(parent, bits, came);
        let sent = self.free_ms[parent].max(there) + bits / UPLINK_BITS_PER_MS;
        self.free_ms[parent] = sent;
        came[place] = Some(sent + HOP_MS);
        sent + HOP_MS
    }
}
