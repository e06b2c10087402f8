//! What one node of the mesh knows of one topic: whom it pushes to, which frames it saw, and which it can still give.

use std::collections::{BTreeSet, VecDeque};

use overlay_core::unit::Unit;

use crate::payload::Parcel;
use crate::window::Window;

/// Heartbeats for which frames are kept to be pulled: gossipsub's history_length.
const KEPT_FOR: u64 = 5;
/// Heartbeats whose frames are told of: gossipsub's history_gossip.
const TOLD_FOR: u64 = 3;
/// Frames that are kept at the most.
const KEPT_MAX: usize = 512;
/// Frames that are asked for and have not come, at the most.
const ASKED_MAX: usize = 256;
/// Words of peers that they have a frame, at the most.
const UNWANTED_MAX: usize = 256;

/// One topic: one layer of one source.
#[derive(Debug, Default)]
pub struct Topic {
    /// True if this node takes part in it.
    pub joined: bool,
    /// Whom frames are pushed to.
    pub mesh: BTreeSet<u32>,
    seen: Option<Window>,
    /// With the heartbeat in which each came.
    kept: VecDeque<(u64, Unit<Parcel>)>,
    asked: BTreeSet<(u32, u32)>,
    /// Peer, feed and number of frames that a peer said it has.
    unwanted: VecDeque<(u32, u32, u32)>,
}

impl Topic {
    /// Takes a frame in; false if it was seen before.
    pub fn take(&mut self, beat: u64, unit: &Unit<Parcel>) -> bool {
        let (feed, number) = (unit.header.feed, unit.header.frame.number);
        self.asked.remove(&(feed, number));
        let fresh = match &mut self.seen {
            Some(seen) => seen.take(feed, number),
            none => none.replace(Window::new(feed, number)).is_none(),
        };
        if fresh {
            if self.kept.len() == KEPT_MAX {
                self.kept.pop_front();
            }
            self.kept.push_back((beat, unit.clone()));
        }
        fresh
    }

    /// A peer says that it has a frame.
    pub fn unwanted(&mut self, peer: u32, feed: u32, number: u32) {
        if self.unwanted.len() == UNWANTED_MAX {
            self.unwanted.pop_front();
        }
        self.unwanted.push_back((peer, feed, number));
    }

    /// Whom a fresh frame is pushed to.
    pub fn push_to(&self, from: u32, unit: &Unit<Parcel>) -> Vec<u32> {
        let (feed, number) = (unit.header.feed, unit.header.frame.number);
        let wants = |peer: &u32| *peer != from && !self.unwanted.contains(&(*peer, feed, number));
        self.mesh.iter().copied().filter(wants).collect()
    }

    /// A new heartbeat: frames that are too old go.
    pub fn beat(&mut self, beat: u64) {
        while self.kept.front().is_some_and(|(came, _)| came + KEPT_FOR <= beat) {
            self.kept.pop_front();
        }
        // What was promised and did not come is asked for again.
        self.asked.clear();
    }

    /// The frames to tell of: the newest feed, and numbers in it.
    pub fn to_tell(&self, beat: u64, most: usize) -> Option<(u32, Vec<u32>)> {
        let feed = self.kept.back()?.1.header.feed;
        let recent =
            self.kept.iter().rev().filter(|(came, unit)| came + TOLD_FOR > beat && unit.header.feed == feed);
        Some((feed, recent.map(|(_, unit)| unit.header.frame.number).take(most).collect()))
    }

    /// Of frames that a peer has, those to ask it for.
    pub fn to_ask(&mut self, feed: u32, numbers: Vec<u32>) -> Vec<u32> {
        let Topic { seen, asked, .. } = self;
        let lacking = |number: &u32| {
            let has = seen.as_ref().is_some_and(|seen| seen.has(feed, *number));
            !has && asked.len() < ASKED_MAX && asked.insert((feed, *number))
        };
        numbers.into_iter().filter(lacking).collect()
    }

    /// A frame that is kept.
    pub fn get(&self, feed: u32, number: u32) -> Option<&Unit<Parcel>> {
        let is = |unit: &Unit<Parcel>| unit.header.feed == feed && unit.header.frame.number == number;
        self.kept.iter().map(|(_, unit)| unit).find(|unit| is(unit))
    }
}
