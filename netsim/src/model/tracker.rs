//! Who hangs where, in a model's trees: known to one node, which everybody asks.

use std::rc::Rc;

use overlay_core::unit::TreeId;
use rand::RngExt;

use super::brief::Brief;
use crate::rng::{self, ChaCha8Rng, Subsystem};

/// Of its limit a node is given children for so much, percent.
const SPENT_PERCENT: u64 = 85;
/// So many members are drawn before everybody is gone through.
const DRAWS: usize = 32;
/// No parent.
const NONE: u32 = u32::MAX;

/// One tree, by the index of its nodes.
#[derive(Debug)]
struct Row {
    parents: Vec<u32>,
    children: Vec<u32>,
    /// Who can feed: the source, and whoever was given a parent.
    members: Vec<u32>,
    is_member: Vec<bool>,
}

impl Row {
    fn admit(&mut self, who: u32) {
        if !std::mem::replace(&mut self.is_member[who as usize], true) {
            self.members.push(who);
        }
    }

    fn dismiss(&mut self, who: u32) {
        if std::mem::take(&mut self.is_member[who as usize]) {
            self.members.retain(|member| *member != who);
        }
    }
}

/// The books of a tracker.
#[derive(Debug)]
pub struct Tracker {
    brief: Rc<Brief>,
    rows: Vec<Row>,
    /// kbit/s that each node's children cost.
    spent: Vec<u64>,
    rng: ChaCha8Rng,
}

impl Tracker {
    /// A tracker that knows of nobody yet.
    pub fn new(brief: &Rc<Brief>) -> Tracker {
        let people = brief.people.len();
        let row = || Row {
            parents: vec![NONE; people],
            children: vec![0; people],
            members: Vec::new(),
            is_member: vec![false; people],
        };
        Tracker {
            brief: Rc::clone(brief),
            rows: (0..brief.places()).map(|_| row()).collect(),
            spent: vec![0; people],
            rng: rng::stream(brief.seed, Subsystem::Baseline),
        }
    }

    /// A node has started: it is in no tree but those that it sends into.
    pub fn here(&mut self, who: u32) {
        self.gone(who);
        for place in 0..self.rows.len() {
            let tree = self.brief.tree(place);
            if self.brief.kbps(tree).is_some() && self.brief.source(tree) == who {
                self.rows[place].admit(who);
            }
        }
    }

    /// A node is in no tree any more. Whom it fed will ask.
    pub fn gone(&mut self, who: u32) {
        for place in 0..self.rows.len() {
            self.unhang(place, who);
            self.rows[place].dismiss(who);
        }
    }

    /// True if somebody is in this tree who could feed `child`, room or not.
    pub fn is_open(&self, tree: TreeId, child: u32) -> bool {
        let row = self.brief.place(tree).map(|place| &self.rows[place]);
        let needs = self.brief.server.filter(|server| *server != child);
        row.is_some_and(|row| match needs {
            Some(server) => row.is_member[server as usize],
            None => !row.members.is_empty(),
        })
    }

    /// Who feeds `child` in this tree from now on; none if nobody can.
    pub fn hang(&mut self, tree: TreeId, child: u32, lost: Option<u32>) -> Option<u32> {
        let (place, kbps) = (self.brief.place(tree)?, u64::from(self.brief.kbps(tree)?));
        self.unhang(place, child);
        let parent = match self.brief.server {
            Some(server) if server == child => Some(self.brief.source(tree)),
            Some(server) => Some(server).filter(|server| self.has_room(*server, kbps)),
            None => self.draw(place, child, kbps, lost),
        };
        let parent = parent.filter(|parent| self.rows[place].is_member[*parent as usize])?;
        let row = &mut self.rows[place];
        row.parents[child as usize] = parent;
        row.children[parent as usize] += 1;
        row.admit(child);
        self.spent[parent as usize] += kbps;
        Some(parent)
    }

    fn unhang(&mut self, place: usize, child: u32) {
        let kbps = u64::from(self.brief.kbps(self.brief.tree(place)).unwrap_or(0));
        let row = &mut self.rows[place];
        let parent = std::mem::replace(&mut row.parents[child as usize], NONE);
        if parent != NONE {
            row.children[parent as usize] -= 1;
            self.spent[parent as usize] -= kbps;
        }
    }

    fn has_room(&self, who: u32, kbps: u64) -> bool {
        let person = &self.brief.people[who as usize];
        let own: u64 = person.sends.iter().map(|rate| u64::from(rate.kbps)).sum();
        // A source's own children are what its uplink is for, down to one.
        let limit = u64::from(person.gives_of(person.limit_kbps)) * SPENT_PERCENT / 100;
        self.spent[who as usize] + kbps <= limit.max(own)
    }

    /// A random member that can take one more, and does not hang below the child.
    fn draw(&mut self, place: usize, child: u32, kbps: u64, lost: Option<u32>) -> Option<u32> {
        let count = self.rows[place].members.len();
        if count == 0 {
            return None;
        }
        for _ in 0..DRAWS {
            let at = self.rng.random_range(0..count as u64) as usize;
            if let Some(found) = self.fits(place, at, child, kbps, lost) {
                return Some(found);
            }
        }
        let from = self.rng.random_range(0..count as u64) as usize;
        (0..count).find_map(|step| self.fits(place, (from + step) % count, child, kbps, lost))
    }

    fn fits(&self, place: usize, at: usize, child: u32, kbps: u64, lost: Option<u32>) -> Option<u32> {
        let row = &self.rows[place];
        let parent = row.members[at];
        let fits = parent != child
            && Some(parent) != lost
            && row.children[parent as usize] < self.brief.models.tree_children
            && self.has_room(parent, kbps)
            && !self.hangs_below(row, parent, child);
        fits.then_some(parent)
    }

    /// True if `who` is fed by `above`, or its way up leads nowhere: a dead node's children are no parents.
    fn hangs_below(&self, row: &Row, who: u32, above: u32) -> bool {
        let mut at = who;
        for _ in 0..row.members.len() {
            match row.parents[at as usize] {
                NONE => return !self.brief.sources.iter().any(|(source, _)| *source == at),
                parent if parent == above => return true,
                parent => at = parent,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cast::Cast;
    use crate::scenario::Scenario;
    use overlay_core::unit::Layer;

    fn brief() -> Rc<Brief> {
        let text = "title = \"t\"\nlength = \"5s\"\n[people]\ncount = 40\nuplinks = \"home\"\n[[sources]]\ncount = 1\n\
                    layers = [\"audio\", \"p180\"]\n";
        let scenario = Scenario::parse(text, "t.toml").expect("a scenario");
        let cast = Cast::draw(&scenario, 3).expect("nothing is read");
        Brief::of(&scenario, &cast, 3, None)
    }

    #[test]
    fn nobody_hangs_below_itself_or_on_somebody_who_is_full() {
        let brief = brief();
        let mut tracker = Tracker::new(&brief);
        let tree = TreeId { slot: 0, layer: Layer::P180, index: 0 };
        (0..40).for_each(|who| tracker.here(who));
        for child in 1..40 {
            tracker.hang(tree, child, None);
        }
        // Everybody is hung anew, some of them on what was below them.
        for child in 1..40 {
            tracker.hang(tree, child, None);
            let row = &tracker.rows[brief.place(tree).expect("there is one")];
            let (mut at, mut steps) = (child, 0);
            while row.parents[at as usize] != NONE {
                (at, steps) = (row.parents[at as usize], steps + 1);
                assert!(steps <= 40, "a cycle above {child}");
            }
        }
        for (person, spent) in brief.people.iter().zip(&tracker.spent) {
            let own: u64 = person.sends.iter().map(|rate| u64::from(rate.kbps)).sum();
            assert!(*spent <= u64::from(person.limit_kbps).max(own));
        }
    }

    #[test]
    fn whoever_was_fed_by_somebody_who_is_gone_feeds_nobody_until_it_hangs_again() {
        let brief = brief();
        let mut tracker = Tracker::new(&brief);
        let tree = TreeId { slot: 0, layer: Layer::Audio, index: 0 };
        (0..3).for_each(|who| tracker.here(who));
        assert_eq!(tracker.hang(tree, 1, None), Some(0));
        let place = brief.place(tree).expect("there is one");
        tracker.rows[place].parents[2] = 1;
        tracker.rows[place].children[1] += 1;
        tracker.spent[1] += u64::from(brief.kbps(tree).expect("sent"));
        tracker.rows[place].admit(2);
        tracker.gone(1);
        assert!((0..20).all(|_| tracker.hang(tree, 3, None) != Some(2)));
    }
}
