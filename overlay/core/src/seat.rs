//! A node's seat: its own rows of the plan, as its coordinator tells it: all of them, or what is not as it told them last.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config;
use crate::id::NodeId;
use crate::members::contacts_fit;
use crate::plan::Row;
use crate::stage::Reachable;
use crate::unit::TreeId;

/// No backup.
const NONE: u16 = u16::MAX;

/// Where a node sits, and where those can be reached who feed it or could.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seat {
    /// The coordinator's term.
    pub term: u32,
    /// The number of the plan that the rows are of.
    pub number: u32,
    /// The number of the seat of the same term that `rows` change; 0: they are all there are.
    pub base: u32,
    /// The serial of the newest presence of the node that the coordinator knew.
    pub heard: u64,
    /// The node's place in each tree that it is in.
    pub rows: BTreeMap<TreeId, Row>,
    /// Trees that it is in no longer, of those that it was in by `base`.
    pub gone: BTreeSet<TreeId>,
    /// Parents and backups, as far as their contacts are known, and who is awaited.
    pub peers: BTreeMap<NodeId, Vec<String>>,
    /// Whom a node that hides is to dial beside those, since they can't dial it: the relays that it feeds. When a seat is
    /// read they are among `peers`.
    pub awaited: BTreeSet<NodeId>,
}

/// The same as the body of a note: nodes are named by their place in `peers`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    term: u32,
    number: u32,
    heard: u64,
    peers: Vec<Reachable>,
    rows: Vec<PackedRow>,
    #[serde(default, skip_serializing_if = "is_whole")]
    base: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<TreeId>,
}

fn is_whole(base: &u32) -> bool {
    *base == 0
}

/// Tree, parent, backups, takes.
type PackedRow = (TreeId, u16, [u16; config::BACKUPS], bool);

/// Why a note is no seat: its origin's fault, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeatError {
    /// Not a seat, or not in its one encoding.
    #[error("not a seat: {0}")]
    Codec(#[from] canopy_codec::Error),
    /// It names what is not there, or more than is allowed.
    #[error("a seat that contradicts itself")]
    Contradiction,
}

impl Seat {
    /// Reads the body of a note. Every error is the origin's fault.
    pub fn decode(body: &[u8]) -> Result<Seat, SeatError> {
        let packed: Packed = canopy_codec::decode_strict(body, config::NOTE_BODY_MAX)?;
        let bounded = packed.rows.len() <= config::TREES_MAX
            && packed.peers.windows(2).all(|pair| pair[0].id < pair[1].id)
            && packed.peers.iter().all(|peer| contacts_fit(&peer.contacts))
            && packed.rows.windows(2).all(|pair| pair[0].0 < pair[1].0)
            && packed.gone.len() <= config::TREES_MAX
            && packed.gone.windows(2).all(|pair| pair[0] < pair[1])
            && (packed.base > 0 || packed.gone.is_empty())
            && packed
                .rows
                .iter()
                .all(|(tree, ..)| tree.slot < config::SLOTS && tree.index < config::GROUP_MAX);
        if !bounded {
            return Err(SeatError::Contradiction);
        }
        packed.unpack().ok_or(SeatError::Contradiction)
    }

    /// Writes the body of a note. Where not everything fits, backups are left out.
    pub fn encode(&self) -> Result<Vec<u8>, canopy_codec::Error> {
        let whole = canopy_codec::encode(&self.pack(config::BACKUPS), config::NOTE_BODY_MAX);
        whole.or_else(|_| canopy_codec::encode(&self.pack(0), config::NOTE_BODY_MAX))
    }

    /// Term and number: a seat of a newer plan replaces an older one.
    pub fn of(&self) -> (u32, u32) {
        (self.term, self.number)
    }

    /// What is not as it was by another whole seat of the same term: less to tell whoever holds that one.
    pub(crate) fn since(&self, last: &Seat) -> Seat {
        let rows = self.rows.iter().filter(|(tree, row)| last.rows.get(tree) != Some(row));
        let peers = self.peers.iter().filter(|(id, contacts)| last.peers.get(id) != Some(contacts));
        Seat {
            term: self.term,
            number: self.number,
            base: last.number,
            heard: self.heard,
            rows: rows.map(|(tree, row)| (*tree, row.clone())).collect(),
            gone: last.rows.keys().filter(|tree| !self.rows.contains_key(tree)).copied().collect(),
            peers: peers.map(|(id, contacts)| (*id, contacts.clone())).collect(),
            awaited: self.awaited.clone(),
        }
    }

    /// The whole seat that this makes of the one that is held; none if it changes another, or makes too much of it.
    pub fn onto(mut self, held: &Seat) -> Option<Seat> {
        if self.base == 0 {
            return Some(self);
        }
        if (self.term, self.base) != held.of() {
            return None;
        }
        let mut rows = held.rows.clone();
        rows.retain(|tree, _| !self.gone.contains(tree));
        rows.append(&mut self.rows);
        if rows.len() > config::TREES_MAX {
            return None;
        }
        let named: BTreeSet<NodeId> =
            rows.values().flat_map(|row| row.backups.iter().copied().chain([row.parent])).collect();
        // Who comes without contacts is where it was.
        let said = |id: &NodeId| self.peers.get(id).filter(|contacts| !contacts.is_empty());
        let contacts = |id: &NodeId| said(id).or_else(|| held.peers.get(id)).cloned().unwrap_or_default();
        let peers = named.iter().map(|id| (*id, contacts(id))).collect();
        Some(Seat { base: 0, rows, gone: BTreeSet::new(), peers, ..self })
    }

    fn pack(&self, backups: usize) -> Packed {
        let mut places: BTreeMap<NodeId, u16> = self.awaited.iter().map(|id| (*id, 0)).collect();
        for row in self.rows.values() {
            let named = std::iter::once(row.parent).chain(row.backups.iter().copied().take(backups));
            places.extend(named.map(|id| (id, 0)));
        }
        for (place, (_, index)) in (0..).zip(places.iter_mut()) {
            *index = place;
        }
        let place = |id: &NodeId| places.get(id).copied().unwrap_or(NONE);
        let rows = self.rows.iter().map(|(tree, row)| {
            let backup = |at: usize| row.backups.get(at).filter(|_| at < backups).map_or(NONE, place);
            (*tree, place(&row.parent), std::array::from_fn(backup), row.takes)
        });
        let contacts = |id: &NodeId| self.peers.get(id).cloned().unwrap_or_default();
        Packed {
            term: self.term,
            number: self.number,
            heard: self.heard,
            rows: rows.collect(),
            peers: places.keys().map(|id| Reachable { id: *id, contacts: contacts(id) }).collect(),
            base: self.base,
            gone: self.gone.iter().copied().collect(),
        }
    }
}

impl Packed {
    fn unpack(self) -> Option<Seat> {
        let node = |place: u16| self.peers.get(usize::from(place)).map(|peer| peer.id);
        let mut rows = BTreeMap::new();
        for (tree, parent, backups, takes) in &self.rows {
            let backups = backups.iter().filter(|place| **place != NONE).map(|place| node(*place));
            let row = Row { parent: node(*parent)?, backups: backups.collect::<Option<_>>()?, takes: *takes };
            rows.insert(*tree, row);
        }
        let peers = self.peers.into_iter().map(|peer| (peer.id, peer.contacts)).collect();
        Some(Seat {
            term: self.term,
            number: self.number,
            base: self.base,
            heard: self.heard,
            rows,
            gone: self.gone.into_iter().collect(),
            peers,
            awaited: BTreeSet::new(),
        })
    }
}

/// Leaves out backups so that rows name no more than so many nodes beside the parents: those of sound stay first, and the
/// first of each row before the second.
pub(crate) fn name_fewer(rows: &mut BTreeMap<TreeId, Row>, most: usize) {
    let mut named: BTreeSet<NodeId> = rows.values().map(|row| row.parent).collect();
    let most = named.len() + most;
    let mut order: Vec<TreeId> = rows.keys().copied().collect();
    order.sort_by_key(|tree| (tree.layer, tree.slot, tree.index));
    let mut kept: BTreeMap<TreeId, Vec<NodeId>> = BTreeMap::new();
    for at in 0..config::BACKUPS {
        for tree in &order {
            if let Some(backup) = rows[tree].backups.get(at).copied()
                && (named.len() < most || named.contains(&backup))
            {
                named.insert(backup);
                kept.entry(*tree).or_default().push(backup);
            }
        }
    }
    for (tree, row) in rows {
        row.backups = kept.remove(tree).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Layer;

    fn id(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    #[test]
    fn sound_keeps_its_backups_and_who_is_named_anyway_costs_nothing() {
        let tree = |slot, layer| TreeId { slot, layer, index: 0 };
        let row = |parent, backups: [u8; 2]| Row {
            parent: id(parent),
            backups: backups.map(id).to_vec(),
            takes: true,
        };
        let mut rows = BTreeMap::from([
            (tree(0, Layer::P180), row(1, [3, 4])),
            (tree(1, Layer::Audio), row(2, [5, 1])),
            (tree(2, Layer::Audio), row(2, [6, 7])),
        ]);
        name_fewer(&mut rows, 2);
        let kept = |slot, layer| rows[&tree(slot, layer)].backups.clone();
        assert_eq!(kept(1, Layer::Audio), [id(5), id(1)]);
        assert_eq!(kept(2, Layer::Audio), [id(6)]);
        assert_eq!(kept(0, Layer::P180), []);
    }

    fn row(parent: u8, backup: u8) -> Row {
        Row { parent: id(parent), backups: vec![id(backup)], takes: true }
    }

    /// A seat with these rows, where everybody can be reached by the number that names it.
    fn seat(number: u32, rows: &[(u8, Row)]) -> Seat {
        let tree = |slot| TreeId { slot, layer: Layer::Audio, index: 0 };
        let rows: BTreeMap<TreeId, Row> = rows.iter().map(|(slot, row)| (tree(*slot), row.clone())).collect();
        let named = rows.values().flat_map(|row| row.backups.iter().copied().chain([row.parent]));
        let peers = named.map(|id| (id, vec![id.0[0].to_string()])).collect();
        Seat { term: 1, number, heard: u64::from(number), rows, peers, ..Seat::default() }
    }

    #[test]
    fn what_has_changed_makes_the_new_seat_of_the_old_one_and_of_no_other() {
        let before = seat(7, &[(0, row(1, 2)), (1, row(1, 3)), (2, row(4, 5)), (3, row(6, 1))]);
        let after = seat(9, &[(0, row(1, 2)), (1, row(8, 3)), (3, row(6, 1)), (4, row(1, 9))]);
        let news = after.since(&before);
        assert_eq!((news.rows.len(), news.gone.len()), (2, 1));
        assert_eq!(news.peers.keys().copied().collect::<Vec<_>>(), [id(8), id(9)]);
        let told = Seat::decode(&news.encode().expect("fits")).expect("our own");
        assert_eq!(told.clone().onto(&before).as_ref(), Some(&after));
        assert_eq!(told.clone().onto(&after), None, "it holds another");
        assert_eq!(told.onto(&Seat { term: 2, ..before }), None, "of another term");
        assert!(news.encode().expect("fits").len() < after.encode().expect("fits").len());
        let same = Seat { heard: 12, ..after.clone() };
        let answer = Seat::decode(&same.since(&after).encode().expect("fits")).expect("our own");
        assert_eq!(answer.onto(&after), Some(same), "an answer that changes nothing");
    }

    #[test]
    fn a_whole_seat_that_names_what_is_gone_contradicts_itself() {
        let tree = TreeId { slot: 0, layer: Layer::Audio, index: 0 };
        let mut told = seat(7, &[(1, row(1, 2))]);
        told.gone.insert(tree);
        assert_eq!(Seat::decode(&told.encode().expect("fits")), Err(SeatError::Contradiction));
        told.base = 6;
        assert!(Seat::decode(&told.encode().expect("fits")).is_ok());
    }
}
