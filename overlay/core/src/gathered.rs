//! Frames that travel as several units: what came of each, until it can be joined.

use std::collections::BTreeMap;

use crate::config;
use crate::unit::{Cut, FrameInfo, Payload, Unit, UnitHash};

/// What came of the frames of one group, the newest [`config::GATHERED_MAX`] of them.
#[derive(Debug)]
pub(crate) struct Gathered<P>(BTreeMap<u32, Partial<P>>);

impl<P> Default for Gathered<P> {
    fn default() -> Gathered<P> {
        Gathered(BTreeMap::new())
    }
}

#[derive(Debug)]
struct Partial<P> {
    info: FrameInfo,
    k: u8,
    /// In the order of their places.
    units: Vec<(u8, UnitHash, P)>,
    /// How often it was handed over.
    handed: u8,
}

impl<P: Payload> Gathered<P> {
    /// Takes a unit. True if the frame can be joined now and could not before, or could be joined into another: of a place
    /// that two different units claim either may be the source's, and a frame is handed over twice at the most.
    pub(crate) fn add(&mut self, unit: &Unit<P>, hash: UnitHash) -> bool {
        let header = unit.header;
        let (number, place) = (header.frame.number, header.tree.index);
        let partial = self.0.entry(number).or_insert_with(|| Partial {
            info: header.frame,
            k: header.k,
            units: Vec::new(),
            handed: 0,
        });
        if partial.k != header.k {
            return false;
        }
        let entry = (place, hash, unit.payload.clone());
        let replaced = match partial.units.binary_search_by_key(&place, |(place, ..)| *place) {
            Ok(at) if partial.units[at].1 == hash => return false,
            Ok(at) => {
                partial.units[at] = entry;
                at < usize::from(partial.k)
            }
            Err(at) => {
                partial.units.insert(at, entry);
                false
            }
        };
        let (again, joins) = (partial.handed > 0, partial.units.len() >= usize::from(partial.k));
        if self.0.len() > config::GATHERED_MAX {
            self.0.pop_first();
        }
        joins && (!again || replaced)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// True if this frame was handed over.
    pub(crate) fn was_handed(&self, number: u32) -> bool {
        self.0.get(&number).is_some_and(|partial| partial.handed > 0)
    }

    /// The frame, by the first k of its units.
    pub(crate) fn hand(&mut self, unit: &Unit<P>) -> Option<Cut<P>> {
        let layer = unit.header.tree.layer;
        let partial = self.0.get_mut(&unit.header.frame.number).filter(|partial| partial.handed < 2)?;
        partial.handed += 1;
        Some(partial.cut(layer))
    }

    /// The frames behind this one that can be joined and were not handed over, in their order; those before it are let go.
    pub(crate) fn hand_behind(&mut self, unit: &Unit<P>) -> Vec<Cut<P>> {
        let layer = unit.header.tree.layer;
        self.0.retain(|number, _| *number >= unit.header.frame.number);
        let ready = self
            .0
            .values_mut()
            .filter(|partial| partial.handed == 0 && partial.units.len() >= usize::from(partial.k));
        ready
            .map(|partial| {
                partial.handed += 1;
                partial.cut(layer)
            })
            .collect()
    }
}

impl<P: Payload> Partial<P> {
    fn cut(&self, layer: crate::unit::Layer) -> Cut<P> {
        let first = self.units.iter().take(usize::from(self.k));
        let units = first.map(|(place, _, payload)| (*place, payload.clone())).collect();
        Cut { layer, info: self.info, k: self.k, units }
    }
}
