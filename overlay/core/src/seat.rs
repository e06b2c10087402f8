//! A node's seat: its own rows of the plan, as its coordinator tells it.

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
    /// The serial of the newest presence of the node that the coordinator knew.
    pub heard: u64,
    /// The node's place in each tree that it is in.
    pub rows: BTreeMap<TreeId, Row>,
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
            heard: self.heard,
            rows,
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
}
