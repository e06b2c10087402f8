//! Of the units of one tree: who brought which, and what the source's lists say.

use std::collections::VecDeque;

use super::{List, numbers};
use crate::config;
use crate::id::NodeId;
use crate::time::Time;
use crate::unit::UnitHash;

/// What is known of a unit that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The first of its number: to be passed on and played, before its list comes.
    Fresh,
    /// Another one of its number; also to be passed on, since either may be the source's.
    Second,
    /// The very same came before.
    Known,
    /// The source signed another one, or there were two already.
    False,
}

/// A unit that the source didn't put into the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FalseUnit {
    /// Its number.
    pub number: u32,
    /// Its hash.
    pub hash: UnitHash,
    /// Who brought it.
    pub edge: NodeId,
    /// The edge neither took it back nor brought it so long ago that it may have forgotten: it altered it.
    pub is_a_lie: bool,
    /// The source's has come as well.
    pub have_true: bool,
}

/// What a list has decided.
#[derive(Debug, Default)]
pub struct Decided {
    /// What turned out not to be the source's.
    pub false_units: Vec<FalseUnit>,
    /// Which of the list's units this node may have passed on wrongly; bits as in [`List::which`].
    pub unsure: u64,
}

/// The last [`config::LISTED_FOR`] of a tree.
#[derive(Debug)]
pub struct Listed {
    /// By their numbers.
    units: VecDeque<Entry>,
    /// How many of those have come, and how many of them no list has named yet.
    come: usize,
    unlisted: usize,
    /// Units below this may have been forgotten before their time, since there were too many.
    crowded_below: u32,
    /// Since when units come without a list.
    lacking: Option<Time>,
    /// How long that is borne.
    patience: std::time::Duration,
    /// When a list last decided something, and when one last showed a false unit.
    listed: Option<Time>,
    lied: Option<Time>,
    /// The newest time that it was told.
    now: Time,
}

#[derive(Debug)]
struct Entry {
    number: u32,
    since: Time,
    first: Option<Variant>,
    /// Apart, since hardly any unit has one, and many entries are looked at.
    second: Option<Box<Variant>>,
    signed: Option<UnitHash>,
}

impl Entry {
    fn is_unlisted(&self) -> bool {
        self.first.is_some() && self.signed.is_none()
    }
}

#[derive(Clone, Copy, Debug)]
struct Variant {
    hash: UnitHash,
    edge: NodeId,
    at: Time,
    taken_back: bool,
}

impl Default for Listed {
    fn default() -> Listed {
        Listed {
            units: VecDeque::new(),
            come: 0,
            unlisted: 0,
            crowded_below: 0,
            lacking: None,
            patience: config::LISTS_MISSED_AFTER,
            listed: None,
            lied: None,
            now: Time::ZERO,
        }
    }
}

impl Listed {
    /// A unit came by an edge; `fresh` if none of its number is here.
    pub fn unit(
        &mut self,
        now: Time,
        (number, hash): (u32, UnitHash),
        edge: NodeId,
        fresh: bool,
    ) -> Standing {
        self.forget_old(now);
        let variant = Variant { hash, edge, at: now, taken_back: false };
        let at = match self.find(number) {
            Ok(at) => at,
            Err(at) if fresh => self.open(at, number),
            Err(_) => return Standing::Known,
        };
        let Some(entry) = self.units.get_mut(at) else { return Standing::Known };
        if entry.signed.is_some_and(|signed| signed != hash) {
            return Standing::False;
        }
        match (&entry.first, &entry.second) {
            (None, _) if fresh => {
                entry.first = Some(variant);
                self.come += 1;
                if entry.signed.is_none() {
                    self.unlisted += 1;
                    self.lacking.get_or_insert(now);
                }
                Standing::Fresh
            }
            (None, _) => Standing::Known,
            (Some(first), _) if first.hash == hash => Standing::Known,
            (Some(_), Some(second)) if second.hash == hash => Standing::Known,
            (Some(_), Some(_)) => Standing::False,
            (Some(_), None) => {
                entry.second = Some(Box::new(variant));
                Standing::Second
            }
        }
    }

    /// A list of the source came. The first word of a source counts: a second list for the same units makes nobody a liar.
    pub fn list(&mut self, now: Time, list: &List) -> Decided {
        self.forget_old(now);
        let mut decided = Decided::default();
        for (number, hash) in list.units() {
            let bit = 1 << (number - list.first);
            let at = match self.find(number) {
                Ok(at) => at,
                Err(at) => {
                    if number < self.crowded_below {
                        decided.unsure |= bit;
                    }
                    self.open(at, number)
                }
            };
            let Some(entry) = self.units.get_mut(at).filter(|entry| entry.signed.is_none()) else { continue };
            entry.signed = Some(hash);
            let variants = [entry.first.take(), entry.second.take().map(|second| *second)];
            let has_come = variants[0].is_some();
            let is_true = |variant: &Variant| variant.hash == hash;
            entry.first = variants.into_iter().flatten().find(is_true);
            self.unlisted -= usize::from(has_come);
            self.come -= usize::from(has_come && entry.first.is_none());
            for lie in variants.into_iter().flatten().filter(|variant| !is_true(variant)) {
                decided.unsure |= bit;
                decided.false_units.push(FalseUnit {
                    number,
                    hash: lie.hash,
                    edge: lie.edge,
                    is_a_lie: !lie.taken_back && now.since(lie.at) < config::BLAMED_FOR,
                    have_true: entry.first.is_some(),
                });
            }
        }
        self.lacking = None;
        self.patience = config::LISTS_MISSED_AFTER;
        self.listed = Some(now);
        if !decided.false_units.is_empty() {
            self.lied = Some(now);
        }
        decided
    }

    /// True if a list would say nothing new.
    pub fn is_decided(&self, list: &List) -> bool {
        let before = self.units.front().map(|entry| entry.number);
        list.units().all(|(number, _)| match self.find(number) {
            Ok(at) => self.units.get(at).is_some_and(|entry| entry.signed.is_some()),
            Err(_) => before.is_some_and(|before| number < before),
        })
    }

    /// An edge says that these of its units may not be the source's.
    pub fn take_back(&mut self, edge: NodeId, first: u32, which: u64) {
        for number in numbers(first, which) {
            let Ok(at) = self.find(number) else { continue };
            let Some(entry) = self.units.get_mut(at) else { continue };
            for variant in [entry.first.as_mut(), entry.second.as_deref_mut()].into_iter().flatten() {
                variant.taken_back |= variant.edge == edge;
            }
        }
    }

    /// Time passes: what came long ago counts no longer.
    pub fn tidy(&mut self, now: Time) {
        self.forget_old(now);
    }

    /// True while lists cover what came lately, false while they don't, nothing while nothing comes.
    pub fn verified(&self) -> Option<bool> {
        let late = |entry: &Entry| {
            let came = entry.first.map(|first| first.at);
            came.is_some_and(|at| self.now.since(at) >= config::LIST_LATE_AFTER)
        };
        let lately = |at: Option<Time>| at.is_some_and(|at| self.now.since(at) < config::LISTED_FOR);
        // The newest, as a rule: only so many are looked at.
        let unlisted = || self.units.iter().rev().filter(|entry| entry.is_unlisted()).take(self.unlisted);
        (self.come > 0).then(|| lately(self.listed) && !lately(self.lied) && !unlisted().any(late))
    }

    /// True once if units have come without any list for long: the next time after twice as long. A parent that is so many
    /// links from the source may be looking for another one itself.
    pub fn misses_lists(&mut self, now: Time, links: usize) -> bool {
        let patience = self.patience + config::LISTS_MISSED_FOR_LINK * links as u32;
        let missed = self.lacking.is_some_and(|since| now.since(since) >= patience);
        if missed {
            self.lacking = None;
            self.patience = (self.patience * 2).min(config::LISTS_MISSED_MAX);
        }
        missed
    }

    fn find(&self, number: u32) -> Result<usize, usize> {
        // The newest is asked about most.
        let before = self.units.iter().rposition(|entry| entry.number <= number);
        match before {
            Some(at) if self.units[at].number == number => Ok(at),
            Some(at) => Err(at + 1),
            None => Err(0),
        }
    }

    /// Makes an entry before the one at `at`, and says where it is.
    fn open(&mut self, at: usize, number: u32) -> usize {
        let mut at = at;
        if self.units.len() >= config::LISTED_MAX
            && let Some(oldest) = self.forget_first()
        {
            self.crowded_below = self.crowded_below.max(oldest.number.saturating_add(1));
            at = at.saturating_sub(1);
        }
        let entry = Entry { number, since: self.now, first: None, second: None, signed: None };
        self.units.insert(at, entry);
        at
    }

    fn forget_old(&mut self, now: Time) {
        self.now = now;
        while self.units.front().is_some_and(|entry| now.since(entry.since) >= config::LISTED_FOR) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) -> Option<Entry> {
        let entry = self.units.pop_front()?;
        self.come -= usize::from(entry.first.is_some());
        self.unlisted -= usize::from(entry.is_unlisted());
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::unit::{Layer, TreeId};

    const NOW: Time = Time(1_000_000_000_000);
    const TREE: TreeId = TreeId { slot: 0, layer: Layer::P180, index: 0 };

    fn hash(byte: u8) -> UnitHash {
        UnitHash([byte; UnitHash::LEN])
    }

    fn edge(byte: u8) -> NodeId {
        NodeId([byte; 32])
    }

    fn list(units: &[(u32, u8)]) -> List {
        let units: Vec<(u32, UnitHash)> = units.iter().map(|(number, byte)| (*number, hash(*byte))).collect();
        List::of(TREE, 1, &units).expect("units")
    }

    fn lies(decided: &Decided) -> Vec<(u32, NodeId, bool)> {
        let lies = decided.false_units.iter();
        lies.map(|unit| (unit.number, unit.edge, unit.is_a_lie)).collect()
    }

    #[test]
    fn a_forged_unit_costs_the_edge_that_brought_it_and_not_the_source() {
        let mut listed = Listed::default();
        assert_eq!(listed.unit(NOW, (10, hash(66)), edge(2), true), Standing::Fresh);
        assert_eq!(listed.unit(NOW, (10, hash(1)), edge(3), false), Standing::Second);
        assert_eq!(listed.unit(NOW, (10, hash(1)), edge(2), false), Standing::Known);
        assert_eq!(listed.unit(NOW, (10, hash(5)), edge(4), false), Standing::False, "two are enough");
        assert_eq!(listed.unit(NOW, (12, hash(66)), edge(2), true), Standing::Fresh);
        assert_eq!(listed.verified(), Some(false), "no list yet");
        let truth = list(&[(10, 1), (12, 2), (13, 3)]);
        let decided = listed.list(NOW, &truth);
        assert_eq!(lies(&decided), [(10, edge(2), true), (12, edge(2), true)]);
        assert_eq!(decided.unsure, 0b101);
        assert!(decided.false_units[0].have_true && !decided.false_units[1].have_true);
        assert_eq!(listed.verified(), Some(false), "somebody lied a moment ago");
        assert_eq!(listed.unit(NOW, (12, hash(66)), edge(2), true), Standing::False);
        assert_eq!(listed.unit(NOW, (12, hash(2)), edge(3), true), Standing::Fresh);
        assert_eq!(listed.unit(NOW, (13, hash(3)), edge(3), true), Standing::Fresh);
        // A second list for the same units: the source's first word counts.
        assert!(listed.is_decided(&truth));
        assert!(listed.list(NOW, &list(&[(10, 66), (13, 66)])).false_units.is_empty());
    }

    #[test]
    fn who_takes_it_back_or_may_have_forgotten_is_no_liar() {
        let mut listed = Listed::default();
        listed.unit(NOW, (10, hash(66)), edge(2), true);
        listed.unit(NOW, (11, hash(66)), edge(2), true);
        listed.unit(NOW, (12, hash(66)), edge(2), true);
        listed.take_back(edge(2), 10, 0b1);
        listed.take_back(edge(3), 11, 0b1);
        let first = listed.list(NOW, &list(&[(10, 1), (11, 1)]));
        assert_eq!(lies(&first), [(10, edge(2), false), (11, edge(2), true)]);
        let late = listed.list(NOW + config::BLAMED_FOR, &list(&[(12, 1)]));
        assert_eq!(lies(&late), [(12, edge(2), false)]);
    }

    #[test]
    fn lists_verify_what_comes_and_their_want_is_noticed() {
        let mut listed = Listed::default();
        assert_eq!(listed.verified(), None);
        let ms = Duration::from_millis;
        for n in 0..100 {
            let now = NOW + ms(40) * n;
            listed.unit(now, (n, hash(1)), edge(2), true);
            if n % 10 == 9 {
                let ten: Vec<(u32, u8)> = (n - 9..=n).map(|number| (number, 1)).collect();
                listed.list(now, &list(&ten));
            }
            assert_eq!(listed.verified(), Some(n >= 9));
            assert!(!listed.misses_lists(now, 3));
        }
        let mut silent = Listed::default();
        silent.unit(NOW, (1, hash(1)), edge(2), true);
        silent.list(NOW, &list(&[(1, 1)]));
        silent.tidy(NOW + config::LISTED_FOR / 2);
        assert_eq!(silent.verified(), Some(true));
        silent.tidy(NOW + config::LISTED_FOR);
        assert_eq!(silent.verified(), None, "nothing comes any more");
        let mut missed = Vec::new();
        for n in 100..400 {
            let now = NOW + ms(40) * n;
            listed.unit(now, (n, hash(1)), edge(2), true);
            missed.extend(listed.misses_lists(now, 0).then_some(n));
        }
        assert_eq!(listed.verified(), Some(false));
        let after = (config::LISTS_MISSED_AFTER.as_millis() / 40) as u32;
        assert_eq!(missed, [100 + after, 101 + 3 * after], "the second time after twice as long");
    }

    #[test]
    fn what_is_held_is_bounded_and_who_was_crowded_out_is_told_of() {
        let mut listed = Listed::default();
        for number in 0..2 * config::LISTED_MAX as u32 {
            listed.unit(NOW, (number, hash(1)), edge(2), true);
        }
        assert_eq!(listed.units.len(), config::LISTED_MAX);
        assert_eq!(listed.list(NOW, &list(&[(5, 2), (7, 1)])).unsure, 0b101, "it may have passed on another");
        listed.unit(NOW + config::LISTED_FOR, (9_999, hash(1)), edge(2), true);
        assert_eq!(listed.units.len(), 1);
    }
}
