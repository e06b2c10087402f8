//! Everybody in a plan, by number: what each can give, and how far they are from each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::config;
use crate::coordinate::{Coordinate, DIMENSIONS};
use crate::id::NodeId;
use crate::io::Kind;
use crate::time::Time;

use super::budget::{capped_kbps, graft_kbps};
use super::looks::Looks;
use super::pairs::Pairs;
use super::table::{Margins, Supply};

/// A node's place in the planner's tables.
pub(super) type Ix = u32;
/// No node.
pub(super) const NONE: Ix = u32::MAX;
/// Owners that the paths of a tree are searched for: the largest, whose end would be felt by many.
const HEAVY_OWNERS: usize = 64;
/// Near nodes make a region; so many at most.
const REGIONS_MAX: usize = 192;
/// Edge of the first try at a region, 0.1 ms of round trip.
const REGION_EDGE: i32 = 40;
/// Pictures come each so many 0.1 ms, of all sources.
const PICTURE_EVERY: u64 = 10_000 / config::PICTURES_PER_S;
/// An uplink is never taken to be fuller than this, thousandths.
const FULL: u64 = 970;

/// What a node gives in all trees together, and in the trees of other sources, kbit/s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cap {
    all: u32,
    lent: u32,
}

/// Everybody, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Roster {
    index: BTreeMap<NodeId, Ix>,
    ids: Vec<NodeId>,
    supplies: Vec<Supply>,
    present: Vec<bool>,
    vacant: Vec<Ix>,
    /// The most that each gives in all trees, and in those of others, kbit/s.
    caps: Vec<Cap>,
    /// What each gives now.
    used: Vec<Cap>,
    /// What each could send of its own, kbit/s.
    own: Vec<u32>,
    /// See [`Roster::held`].
    held: Vec<u32>,
    /// Who shares edges with whom.
    pub(super) pairs: Pairs,
    /// Bit of the owner if it is a heavy one.
    heavy: Vec<u64>,
    regions: Vec<u16>,
    centres: Vec<Coordinate>,
    edge: i32,
    margins: Margins,
    now: Time,
}

impl Roster {
    /// What is given out of uplinks, and when. True if anybody gives more or less for it.
    pub(super) fn set(&mut self, margins: Margins, now: Time) -> bool {
        (self.margins, self.now) = (margins, now);
        let caps: Vec<Cap> = self.supplies.iter().map(|supply| self.cap_of(supply)).collect();
        let changed = caps != self.caps;
        self.caps = caps;
        changed
    }

    fn cap_of(&self, supply: &Supply) -> Cap {
        let most = |kbps: u32| u32::try_from(capped_kbps(kbps, self.margins)).unwrap_or(u32::MAX);
        let left = left_kbps(supply);
        Cap { all: most(left), lent: most(supply.offers_kbps.min(left)) }
    }

    /// Takes somebody in, or notes what has changed about them. True if anything did.
    pub(super) fn put(&mut self, id: NodeId, supply: Supply) -> (Ix, bool) {
        let cap = self.cap_of(&supply);
        if let Some(at) = self.index.get(&id).copied() {
            let place = at as usize;
            let changed = self.supplies[place] != supply;
            let moved = self.supplies[place].coordinate != supply.coordinate;
            (self.supplies[place], self.caps[place]) = (supply, cap);
            if moved {
                self.regions[place] = self.region_near(&supply.coordinate);
            }
            return (at, changed);
        }
        let region = self.region_near(&supply.coordinate);
        let at = self.vacant.pop().unwrap_or_else(|| {
            self.ids.push(id);
            self.supplies.push(supply);
            self.present.push(false);
            self.caps.push(Cap::default());
            self.used.push(Cap::default());
            self.own.push(0);
            self.held.push(0);
            self.heavy.push(0);
            self.regions.push(0);
            Ix::try_from(self.ids.len() - 1).unwrap_or(NONE)
        });
        let place = at as usize;
        self.pairs.fit(self.ids.len());
        (self.ids[place], self.supplies[place], self.present[place]) = (id, supply, true);
        (self.caps[place], self.used[place], self.own[place]) = (cap, Cap::default(), 0);
        (self.heavy[place], self.regions[place]) = (0, region);
        self.index.insert(id, at);
        (at, true)
    }

    /// Takes somebody out; its number is used again.
    pub(super) fn remove(&mut self, id: NodeId) -> Option<Ix> {
        let at = self.index.remove(&id)?;
        self.present[at as usize] = false;
        self.supplies[at as usize] = Supply::default();
        self.caps[at as usize] = Cap::default();
        self.used[at as usize] = Cap::default();
        self.heavy[at as usize] = 0;
        self.vacant.push(at);
        Some(at)
    }

    /// How long tables by number are.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn find(&self, id: NodeId) -> Option<Ix> {
        self.index.get(&id).copied()
    }

    pub(super) fn id(&self, at: Ix) -> NodeId {
        self.ids[at as usize]
    }

    pub(super) fn supply(&self, at: Ix) -> &Supply {
        &self.supplies[at as usize]
    }

    /// Everybody present, by number.
    pub(super) fn everybody(&self) -> impl Iterator<Item = Ix> + '_ {
        (0..).zip(&self.present).filter(|(_, present)| **present).map(|(at, _)| at)
    }

    /// Everybody present, by id.
    pub(super) fn by_id(&self) -> impl Iterator<Item = (NodeId, Ix)> + '_ {
        self.index.iter().map(|(id, at)| (*id, *at))
    }

    pub(super) fn people(&self) -> usize {
        self.index.len()
    }

    pub(super) fn is_relay(&self, at: Ix) -> bool {
        self.supplies[at as usize].kind == Kind::Relay
    }

    pub(super) fn is_hidden(&self, at: Ix) -> bool {
        self.supplies[at as usize].hidden && !self.is_relay(at)
    }

    /// True if `parent` may feed `node` in a tree of `source`, as far as their addresses go: who hides has edges with
    /// relays only, and feeds nobody beside its own source.
    pub(super) fn may_feed(&self, source: Ix, parent: Ix, node: Ix) -> bool {
        (!self.is_hidden(parent) || parent == source && self.is_relay(node))
            && (!self.is_hidden(node) || self.is_relay(parent))
    }

    pub(super) fn watches(&self, at: Ix) -> bool {
        self.supplies[at as usize].watch
    }

    pub(super) fn looks(&self, at: Ix) -> Looks {
        self.supplies[at as usize].looks
    }

    /// The most that it gives in all trees, kbit/s.
    pub(super) fn cap(&self, at: Ix) -> u32 {
        self.caps[at as usize].all
    }

    /// The most that it gives in the trees of others, kbit/s.
    pub(super) fn lends(&self, at: Ix) -> u32 {
        self.caps[at as usize].lent
    }

    /// What it gives in all trees, and in those of other sources, kbit/s.
    pub(super) fn given(&self, at: Ix) -> (u32, u32) {
        let used = self.used[at as usize];
        (used.all, used.lent)
    }

    /// What it still gives in the trees of a source, kbit/s: what is its own needs nobody's leave.
    pub(super) fn room(&self, at: Ix, source: Ix) -> u32 {
        let (cap, used) = (self.caps[at as usize], self.used[at as usize]);
        let all = cap.all.saturating_sub(used.all);
        if at == source { all } else { all.min(cap.lent.saturating_sub(used.lent)) }
    }

    /// What a source keeps of its uplink for those of its trees that nobody hangs on, kbit/s: nobody else can feed them first.
    pub(super) fn held(&self, source: Ix) -> u32 {
        self.held[source as usize]
    }

    /// So much more of it.
    pub(super) fn hold(&mut self, source: Ix, kbps: u32) {
        let held = &mut self.held[source as usize];
        *held = held.saturating_add(kbps);
    }

    /// So much less of it.
    pub(super) fn release(&mut self, source: Ix, kbps: u32) {
        let held = &mut self.held[source as usize];
        *held = held.saturating_sub(kbps);
    }

    /// Nobody keeps anything.
    pub(super) fn release_all(&mut self) {
        self.held.fill(0);
    }

    /// What it could give to grafts in the trees of a source, kbit/s.
    pub(super) fn graft_room(&self, at: Ix, source: Ix) -> u32 {
        let (supply, used) = (&self.supplies[at as usize], self.used[at as usize]);
        let most = |kbps: u32| u32::try_from(graft_kbps(kbps)).unwrap_or(u32::MAX);
        let all = most(left_kbps(supply)).saturating_sub(used.all);
        let lent = most(supply.lends_kbps.min(left_kbps(supply))).saturating_sub(used.lent);
        if at == source { all } else { all.min(lent) }
    }

    /// True if it gives more than it may in the trees of others.
    pub(super) fn lends_too_much(&self, at: Ix) -> bool {
        self.used[at as usize].lent > self.caps[at as usize].lent
    }

    /// True if it gives more than it may in all trees together.
    pub(super) fn is_over(&self, at: Ix) -> bool {
        self.used[at as usize].all > self.caps[at as usize].all
    }

    /// True if its uplink holds so much more for a moment: whoever comes in another's place is fed beside it until that has moved.
    pub(super) fn bears(&self, at: Ix, kbps: u32) -> bool {
        self.used[at as usize].all.saturating_add(kbps) <= self.supplies[at as usize].uplink_kbps
    }

    /// How long what a node sends waits behind what it sends of other trees, 0.1 ms, if it gave `more` kbit/s: the mean wait of
    /// M/D/1 (Pollaczek and Khinchine), served being everybody's pictures of one moment.
    pub(super) fn crowding(&self, at: Ix, more: u32) -> u32 {
        let uplink = u64::from(left_kbps(&self.supplies[at as usize]).max(1));
        let given = u64::from(self.used[at as usize].all) + u64::from(more);
        let load = (given * 1000 / uplink).min(FULL);
        let wait = PICTURE_EVERY * load * load / (2_000 * (1_000 - load));
        u32::try_from(wait).unwrap_or(u32::MAX)
    }

    /// That part of `of` which a node's uplink would be given out, if it gave `more` kbit/s.
    pub(super) fn share(&self, at: Ix, more: u32, of: u32) -> u32 {
        let uplink = u64::from(left_kbps(&self.supplies[at as usize]).max(1));
        let given = u64::from(self.used[at as usize].all) + u64::from(more);
        u32::try_from(u64::from(of) * given.min(uplink) / uplink).unwrap_or(of)
    }

    pub(super) fn spend(&mut self, at: Ix, source: Ix, kbps: u32) {
        let used = &mut self.used[at as usize];
        used.all = used.all.saturating_add(kbps);
        used.lent = used.lent.saturating_add(if at == source { 0 } else { kbps });
    }

    pub(super) fn regain(&mut self, at: Ix, source: Ix, kbps: u32) {
        let used = &mut self.used[at as usize];
        used.all = used.all.saturating_sub(kbps);
        used.lent = used.lent.saturating_sub(if at == source { 0 } else { kbps });
    }

    /// Nobody is a source.
    pub(super) fn forget_own(&mut self) {
        self.own.fill(0);
    }

    /// What a source could send of its own, were all who watch to hang on it, kbit/s.
    pub(super) fn set_own(&mut self, at: Ix, kbps: u32) {
        self.own[at as usize] = kbps;
    }

    /// What all give in all trees now, and what all could, kbit/s.
    pub(super) fn totals(&self) -> (u64, u64) {
        let used = self.used.iter().map(|used| u64::from(used.all)).sum();
        let open = self.everybody().filter(|at| !self.is_hidden(*at));
        let gives = |at: Ix| self.lends(at).saturating_add(self.own[at as usize]).min(self.cap(at));
        (used, open.map(|at| u64::from(gives(at))).sum())
    }

    /// True if both stand and fall together.
    pub(super) fn same_owner(&self, one: Ix, other: Ix) -> bool {
        let owner = self.supplies[one as usize].owner;
        one == other || owner != 0 && owner == self.supplies[other as usize].owner
    }

    pub(super) fn heavy(&self, at: Ix) -> u64 {
        self.heavy[at as usize]
    }

    /// How long a signal takes, 0.1 ms.
    pub(super) fn one_way(&self, from: Ix, to: Ix) -> u32 {
        self.supplies[from as usize].coordinate.one_way(&self.supplies[to as usize].coordinate)
    }

    pub(super) fn region(&self, at: Ix) -> usize {
        usize::from(self.regions[at as usize])
    }

    pub(super) fn regions(&self) -> usize {
        self.centres.len().max(1)
    }

    /// How long a signal takes to the middle of a region, 0.1 ms.
    pub(super) fn one_way_to_region(&self, from: Ix, region: usize) -> u32 {
        let here = &self.supplies[from as usize].coordinate;
        self.centres.get(region).map_or(0, |centre| here.one_way(centre))
    }

    /// What each owner lends, kbit/s, the largest first; marks the heavy ones.
    pub(super) fn weigh_owners(&mut self) -> Vec<u64> {
        let mut owners: BTreeMap<(u64, Ix), u64> = BTreeMap::new();
        let key = |supply: &Supply, at: Ix| if supply.owner == 0 { (0, at) } else { (supply.owner, 0) };
        for at in self.everybody() {
            if self.lends(at) > 0 && !self.is_hidden(at) {
                *owners.entry(key(self.supply(at), at)).or_default() += u64::from(self.lends(at));
            }
        }
        let mut ranked: Vec<((u64, Ix), u64)> = owners.into_iter().collect();
        ranked.sort_by_key(|(owner, kbps)| (Reverse(*kbps), *owner));
        let heavy: BTreeMap<(u64, Ix), u64> =
            ranked.iter().take(HEAVY_OWNERS).zip(0..).map(|((owner, _), bit)| (*owner, 1 << bit)).collect();
        for at in 0..self.len() {
            let owner = key(&self.supplies[at], Ix::try_from(at).unwrap_or(NONE));
            self.heavy[at] = heavy.get(&owner).copied().unwrap_or(0);
        }
        ranked.into_iter().map(|(_, kbps)| kbps).collect()
    }

    /// Divides the delay space anew: the finest grid that has at most [`REGIONS_MAX`] cells with anybody in them.
    pub(super) fn divide(&mut self) {
        self.edge = REGION_EDGE;
        loop {
            let mut cells: BTreeMap<[i16; DIMENSIONS], (u16, [i64; DIMENSIONS], i64)> = BTreeMap::new();
            for at in self.everybody() {
                let point = self.supply(at).coordinate.point();
                let next = u16::try_from(cells.len()).unwrap_or(u16::MAX);
                let cell = cells.entry(cell(point, self.edge)).or_insert((next, [0; DIMENSIONS], 0));
                cell.2 += 1;
                for (sum, along) in cell.1.iter_mut().zip(point) {
                    *sum += i64::from(along);
                }
            }
            if cells.len() > REGIONS_MAX {
                self.edge = self.edge * 3 / 2;
                continue;
            }
            self.centres = vec![Coordinate::default(); cells.len()];
            for (number, sums, count) in cells.values() {
                let middle = sums.map(|sum| i16::try_from(sum / count).unwrap_or(0));
                self.centres[usize::from(*number)] = Coordinate::new(middle, 0);
            }
            for at in 0..self.len() {
                if self.present[at] {
                    let key = cell(self.supplies[at].coordinate.point(), self.edge);
                    self.regions[at] = cells.get(&key).map_or(0, |cell| cell.0);
                }
            }
            return;
        }
    }

    fn region_near(&self, coordinate: &Coordinate) -> u16 {
        let near =
            (0..).zip(&self.centres).min_by_key(|(number, centre)| (centre.one_way(coordinate), *number));
        near.map_or(0, |(number, _)| number)
    }
}

/// What of an uplink is there for children.
fn left_kbps(supply: &Supply) -> u32 {
    supply.uplink_kbps.saturating_sub(supply.kept_kbps)
}

fn cell(point: [i16; DIMENSIONS], edge: i32) -> [i16; DIMENSIONS] {
    point.map(|along| i16::try_from(i32::from(along).div_euclid(edge)).unwrap_or(0))
}
