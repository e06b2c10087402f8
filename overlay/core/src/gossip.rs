//! Notes for everybody: what is kept, what was seen. Who believes them is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::config;
use crate::id::NodeId;
use crate::io::{Note, Signature, Topic};
use crate::time::Time;
use crate::wire::{Message, NoteId};

/// A note that is kept to be passed on, as the message that carries it.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    at: Time,
}

/// What is known of one origin's notes of one topic.
#[derive(Debug, Default)]
struct Shelf {
    kept: BTreeMap<u64, Kept>,
    bytes: usize,
    seen: BTreeSet<u64>,
    /// Serials up to here count as seen.
    floor: u64,
}

impl Shelf {
    fn has_seen(&self, serial: u64) -> bool {
        serial <= self.floor || self.seen.contains(&serial)
    }

    fn put(&mut self, serial: u64, note: Kept, kept_max: usize) {
        self.seen.insert(serial);
        while self.seen.len() > config::SEEN_MAX {
            self.floor = self.seen.pop_first().unwrap_or(self.floor);
        }
        self.bytes += note.bytes.len();
        self.kept.insert(serial, note);
        while self.kept.len() > kept_max || self.bytes > config::KEYS_BYTES_MAX {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) -> usize {
        let freed = self.kept.pop_first().map_or(0, |(_, kept)| kept.bytes.len());
        self.bytes -= freed;
        freed
    }
}

/// All notes of all origins.
#[derive(Debug, Default)]
pub(crate) struct Gossip {
    shelves: BTreeMap<(NodeId, Topic), Shelf>,
    /// Links that those notes have crossed which the edge is asked about; 0 for those for everybody.
    vetting: BTreeMap<NoteId, u8>,
}

impl Gossip {
    /// True if the edge is to be asked about a note for everybody, since it is new; it then counts as being asked.
    pub(crate) fn asks_about(&mut self, id: NoteId) -> bool {
        !self.has_seen(id) && self.asks_about_carried(id, 0)
    }

    /// The same for a note that is carried, and has crossed so many links.
    pub(crate) fn asks_about_carried(&mut self, id: NoteId, hops: u8) -> bool {
        let asks = self.vetting.len() < config::VETTING_MAX && !self.vetting.contains_key(&id);
        if asks {
            self.vetting.insert(id, hops);
        }
        asks
    }

    /// The edge has answered. Gives how many links the note has crossed.
    pub(crate) fn answered(&mut self, id: NoteId) -> u8 {
        self.vetting.remove(&id).unwrap_or(config::CARRY_HOPS_MAX)
    }

    pub(crate) fn has_seen(&self, id: NoteId) -> bool {
        self.shelves.get(&(id.origin, id.topic)).is_some_and(|shelf| shelf.has_seen(id.serial))
    }

    /// Keeps a note for everybody that is believed. Gives the message to pass on, or nothing if it was seen before.
    /// Of presences, stages and what stands only the latest matters, so an older one is as good as seen.
    pub(crate) fn put(&mut self, now: Time, note: &Note, signature: Signature) -> Option<Vec<u8>> {
        let id = NoteId::of(note);
        let known = self.shelves.contains_key(&(id.origin, id.topic));
        if self.has_seen(id) || !known && self.shelves.len() >= config::SHUT_MAX {
            return None;
        }
        let bytes = Message::Note { note: note.clone(), signature }.encode().ok()?;
        let kept = Kept { bytes: bytes.clone(), at: now };
        let shelf = self.shelves.entry((id.origin, id.topic)).or_default();
        match id.topic {
            Topic::Keys => shelf.put(id.serial, kept, config::KEYS_NOTES_MAX),
            Topic::Presence | Topic::Stage | Topic::Seat | Topic::Standing(_) => {
                shelf.put(id.serial, kept, 1);
                shelf.floor = shelf.floor.max(id.serial);
                shelf.seen.clear();
            }
        }
        Some(bytes)
    }

    /// The notes that came at a moment that `came` names: presences first, keys last.
    pub(crate) fn that_came(&self, came: impl Fn(Time) -> bool) -> Vec<NoteId> {
        let shelves = self.shelves.iter().flat_map(|((origin, topic), shelf)| {
            let kept = shelf.kept.iter().filter(|(_, kept)| came(kept.at));
            kept.map(|(serial, _)| NoteId { origin: *origin, topic: *topic, serial: *serial })
        });
        let mut all: Vec<NoteId> = shelves.collect();
        all.sort_by_key(|id| (id.topic, id.origin, id.serial));
        all
    }

    /// An origin has departed: its presence is told no more. What was seen stays seen.
    pub(crate) fn depart(&mut self, origin: NodeId) {
        if let Some(shelf) = self.shelves.get_mut(&(origin, Topic::Presence)) {
            shelf.kept.clear();
            shelf.bytes = 0;
        }
    }

    /// The newest presence of an origin that is kept.
    pub(crate) fn newest(&self, origin: NodeId) -> Option<NoteId> {
        let serial = *self.shelves.get(&(origin, Topic::Presence))?.kept.keys().next_back()?;
        Some(NoteId { origin, topic: Topic::Presence, serial })
    }

    /// An origin is shut out: nothing of it is kept.
    pub(crate) fn forget(&mut self, origin: NodeId) {
        self.shelves.retain(|(whose, _), _| *whose != origin);
    }

    /// Drops what is too old, and the oldest beyond the bound in all.
    pub(crate) fn tidy(&mut self, now: Time) {
        let mut total = 0;
        for ((_, topic), shelf) in &mut self.shelves {
            let old = |kept: &Kept| now.since(kept.at) > config::KEYS_KEPT_FOR;
            while topic.is_of_keys() && shelf.kept.values().next().is_some_and(old) {
                shelf.drop_first();
            }
            total += shelf.bytes;
        }
        let mut shelves = self.shelves.iter_mut().filter(|((_, topic), _)| topic.is_of_keys());
        while total > config::KEYS_TOTAL_MAX
            && let Some((_, shelf)) = shelves.next()
        {
            while total > config::KEYS_TOTAL_MAX && !shelf.kept.is_empty() {
                total -= shelf.drop_first();
            }
        }
    }

    /// The ids of everything that is kept of these origins: presences first, keys last, so that who asks
    /// for all of it knows each origin before its other notes come.
    pub(crate) fn ids(&self, present: impl Fn(NodeId) -> bool) -> Vec<NoteId> {
        let of_topic = |of: fn(&Topic) -> bool| {
            let shelves = self.shelves.iter().filter(move |((_, about), _)| of(about));
            shelves.flat_map(|((origin, topic), shelf)| {
                shelf.kept.keys().map(|serial| NoteId { origin: *origin, topic: *topic, serial: *serial })
            })
        };
        let first =
            of_topic(|topic| *topic == Topic::Presence).chain(of_topic(|topic| *topic == Topic::Stage));
        let all = first.chain(of_topic(Topic::is_of_keys));
        all.filter(|id| present(id.origin)).collect()
    }

    /// The message that carries a note, or a newer one that has taken its place, and when that came.
    pub(crate) fn get(&self, id: NoteId) -> Option<(&[u8], Time)> {
        let kept = &self.shelves.get(&(id.origin, id.topic))?.kept;
        let newer = || kept.range(id.serial..).next_back().filter(|_| id.topic != Topic::Keys);
        let kept = kept.get(&id.serial).or_else(|| newer().map(|(_, kept)| kept))?;
        Some((&kept.bytes, kept.at))
    }

    /// Bytes of all notes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.shelves.values().map(|shelf| shelf.bytes).sum()
    }

    pub(crate) fn check(&self) {
        for shelf in self.shelves.values() {
            assert_eq!(shelf.bytes, shelf.kept.values().map(|kept| kept.bytes.len()).sum::<usize>());
            assert!(shelf.kept.len() <= config::KEYS_NOTES_MAX);
            assert!(shelf.seen.len() <= config::SEEN_MAX);
        }
    }
}
