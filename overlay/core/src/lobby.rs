//! Who waits at the door, as far as the coordinator hears of them. They are no members: nobody plans for them, and
//! no heartbeat misses them.

use std::collections::BTreeMap;

use crate::bucket::Bucket;
use crate::config;
use crate::id::NodeId;
use crate::time::Time;

/// The lobby of a meeting, and what all of it together may say here.
#[derive(Debug)]
pub(crate) struct Lobby {
    waiting: BTreeMap<NodeId, Waits>,
    notes: Bucket,
}

#[derive(Debug)]
struct Waits {
    /// The serial of its presence.
    serial: u64,
    /// When that came.
    heard: Time,
}

impl Lobby {
    /// Nobody waits yet.
    pub(crate) fn new(now: Time) -> Lobby {
        let notes = Bucket::new(now, config::LOBBY_NOTES_PER_S, config::LOBBY_NOTES_BURST);
        Lobby { waiting: BTreeMap::new(), notes }
    }

    /// Takes from what the lobby may say here, whoever of it and by whichever way. False if that is too much.
    pub(crate) fn may_say(&mut self, now: Time, bytes: usize) -> bool {
        self.notes.take(now, bytes as u64)
    }

    /// A presence came. Who comes while too many wait isn't noted: nobody that waits is pushed out.
    pub(crate) fn heard(&mut self, now: Time, id: NodeId, serial: u64) {
        let known = self.waiting.get(&id).map(|waits| waits.serial);
        if known.map_or(self.waiting.len() < config::LOBBY_MAX, |known| serial > known) {
            self.waiting.insert(id, Waits { serial, heard: now });
        }
    }

    /// Somebody waits no longer. True if it did.
    pub(crate) fn remove(&mut self, id: NodeId) -> bool {
        self.waiting.remove(&id).is_some()
    }

    /// Takes out who has not said for long that it waits.
    pub(crate) fn take_gone(&mut self, now: Time) -> Vec<NodeId> {
        let is_gone = |waits: &Waits| now.since(waits.heard) >= config::LOBBY_GONE_AFTER;
        let gone: Vec<NodeId> =
            self.waiting.iter().filter(|(_, waits)| is_gone(waits)).map(|(id, _)| *id).collect();
        for id in &gone {
            self.waiting.remove(id);
        }
        gone
    }

    pub(crate) fn check(&self) {
        assert!(self.waiting.len() <= config::LOBBY_MAX);
    }
}
