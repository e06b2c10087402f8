//! One tree while it is planned: who hangs on whom, by number.

use crate::config;
use crate::unit::TreeId;

use super::group::Shape;
use super::roster::{Ix, NONE, Roster};

/// Frames each second that a unit's time on an uplink is counted with.
const UNITS_PER_S: u32 = 30;

/// What each link costs beside its length, 0.1 ms (a guess: key frames take several times as long to send as the mean, and
/// whoever is further down loses more).
pub(super) const LINK: u32 = 200;

/// One tree. All tables are by number of node.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) id: TreeId,
    pub(super) source: Ix,
    pub(super) feed: u32,
    /// What one child costs, kbit/s.
    pub(super) kbps: u32,
    pub(super) shape: Shape,
    /// How many children the source takes by plan; more only if nobody else can.
    pub(super) copies: u32,
    parents: Vec<Ix>,
    takes: Vec<bool>,
    fanout: Vec<u32>,
    /// When a unit arrives there, 0.1 ms after it left the source.
    delays: Vec<u32>,
    depths: Vec<u8>,
    /// Heavy owners on the way from the source, both ends included.
    paths: Vec<u64>,
    pub(super) backups: Vec<[Ix; config::BACKUPS]>,
    /// Who feeds somebody, or is meant to.
    inner: Vec<Ix>,
    chosen: Vec<bool>,
    /// Whose rows are not what they were.
    touched: Vec<Ix>,
}

impl Tree {
    pub(super) fn new(id: TreeId, source: Ix, feed: u32, kbps: u32, shape: Shape) -> Tree {
        let mut tree = Tree {
            id,
            source,
            feed,
            kbps,
            shape,
            copies: 1,
            parents: Vec::new(),
            takes: Vec::new(),
            fanout: Vec::new(),
            delays: Vec::new(),
            depths: Vec::new(),
            paths: Vec::new(),
            backups: Vec::new(),
            inner: Vec::new(),
            chosen: Vec::new(),
            touched: Vec::new(),
        };
        tree.choose(source);
        tree
    }

    /// Makes room for this many nodes.
    pub(super) fn fit(&mut self, nodes: usize) {
        if nodes > self.parents.len() {
            self.parents.resize(nodes, NONE);
            self.takes.resize(nodes, false);
            self.fanout.resize(nodes, 0);
            self.delays.resize(nodes, 0);
            self.depths.resize(nodes, 0);
            self.paths.resize(nodes, 0);
            self.backups.resize(nodes, [NONE; config::BACKUPS]);
            self.chosen.resize(nodes, false);
        }
    }

    /// This node is to feed others here.
    pub(super) fn choose(&mut self, node: Ix) {
        self.fit(node as usize + 1);
        if !std::mem::replace(&mut self.chosen[node as usize], true) {
            self.inner.push(node);
        }
    }

    pub(super) fn parent(&self, node: Ix) -> Option<Ix> {
        self.parents.get(node as usize).copied().filter(|parent| *parent != NONE)
    }

    /// True if it hangs on somebody, or is the source.
    pub(super) fn has(&self, node: Ix) -> bool {
        node == self.source || self.parent(node).is_some()
    }

    pub(super) fn takes(&self, node: Ix) -> bool {
        self.takes.get(node as usize).copied().unwrap_or(false)
    }

    pub(super) fn fanout(&self, node: Ix) -> u32 {
        self.fanout[node as usize]
    }

    pub(super) fn delay(&self, node: Ix) -> u32 {
        self.delays[node as usize]
    }

    pub(super) fn depth(&self, node: Ix) -> u8 {
        self.depths[node as usize]
    }

    pub(super) fn path(&self, node: Ix) -> u64 {
        self.paths[node as usize]
    }

    pub(super) fn inner(&self) -> &[Ix] {
        &self.inner
    }

    /// Everybody with a row, by number.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Ix, Ix)> + '_ {
        (0..).zip(&self.parents).filter(|(_, parent)| **parent != NONE).map(|(node, parent)| (node, *parent))
    }

    pub(super) fn children(&self, of: Ix) -> impl Iterator<Item = Ix> + '_ {
        self.rows().filter(move |(_, parent)| *parent == of).map(|(node, _)| node)
    }

    /// What a node still gives in this tree, kbit/s. A source leaves room for those of its trees that nobody hangs on.
    pub(super) fn room(&self, roster: &Roster, node: Ix) -> u32 {
        let room = roster.room(node, self.source);
        if node != self.source {
            return room;
        }
        let own = if self.is_empty() { self.kbps } else { 0 };
        room.saturating_sub(roster.held(node).saturating_sub(own))
    }

    /// How long one unit is on this node's uplink, 0.1 ms.
    pub(super) fn sending(&self, roster: &Roster, node: Ix) -> u32 {
        let uplink = roster.supply(node).uplink_kbps.max(1);
        self.kbps.saturating_mul(10_000 / UNITS_PER_S) / uplink
    }

    /// When a unit would arrive at `node` as the last child of `parent`, 0.1 ms.
    pub(super) fn arrival(&self, roster: &Roster, parent: Ix, node: Ix) -> u32 {
        let queue = self.sending(roster, parent) * (self.fanout(parent) + 1);
        self.delay(parent) + roster.one_way(parent, node) + queue + roster.crowding(parent, self.kbps) + LINK
    }

    /// Hangs a node on a parent.
    pub(super) fn seat(&mut self, roster: &mut Roster, node: Ix, parent: Ix, takes: bool) {
        self.fit(node.max(parent) as usize + 1);
        self.unseat(roster, node);
        let delay = self.arrival(roster, parent, node);
        let at = node as usize;
        self.delays[at] = delay;
        self.depths[at] = self.depth(parent).saturating_add(1);
        self.paths[at] = self.path(parent) | roster.heavy(node);
        (self.parents[at], self.takes[at]) = (parent, takes);
        self.choose(parent);
        self.fanout[parent as usize] += 1;
        if parent == self.source && self.fanout(parent) == 1 {
            roster.release(parent, self.kbps);
        }
        self.touch(node);
        roster.pairs.join(parent, node);
        roster.spend(parent, self.source, self.kbps);
    }

    /// Takes a node from its parent; what hangs on it stays there.
    pub(super) fn unseat(&mut self, roster: &mut Roster, node: Ix) {
        let Some(parent) = self.parent(node) else { return };
        self.parents[node as usize] = NONE;
        self.takes[node as usize] = false;
        self.fanout[parent as usize] -= 1;
        if parent == self.source && self.fanout(parent) == 0 {
            roster.hold(parent, self.kbps);
        }
        self.touch(node);
        roster.pairs.part(parent, node);
        roster.regain(parent, self.source, self.kbps);
    }

    pub(super) fn set_takes(&mut self, node: Ix, takes: bool) {
        if std::mem::replace(&mut self.takes[node as usize], takes) != takes {
            self.touch(node);
        }
    }

    /// Another source feeds this tree from now on. Whoever hung on the one before hangs on it, and all below stays; it may
    /// then have more children than it can feed.
    pub(super) fn replug(&mut self, roster: &mut Roster, source: Ix, feed: u32) {
        self.unseat(roster, source);
        let before = self.source;
        // What the new one gives here already was lent so far, and is its own from now on.
        let own = self.fanout(source) * self.kbps;
        roster.regain(source, before, own);
        let moved: Vec<(Ix, bool)> = self.children(before).map(|child| (child, self.takes(child))).collect();
        for (child, _) in &moved {
            self.unseat(roster, *child);
        }
        (self.source, self.feed) = (source, feed);
        roster.spend(source, source, own);
        for (child, takes) in moved {
            self.seat(roster, child, source, takes);
        }
        if std::mem::take(&mut self.chosen[before as usize]) {
            self.inner.retain(|other| *other != before);
        }
        self.choose(source);
        (self.delays[source as usize], self.depths[source as usize]) = (0, 0);
        self.refresh(roster);
    }

    /// Takes a node out that is gone; whoever hung on it hangs on nobody.
    pub(super) fn forget(&mut self, roster: &mut Roster, node: Ix) {
        self.unseat(roster, node);
        if self.fanout(node) > 0 {
            for child in self.children(node).collect::<Vec<_>>() {
                self.unseat(roster, child);
            }
        }
        if std::mem::take(&mut self.chosen[node as usize]) {
            self.inner.retain(|other| *other != node);
        }
    }

    pub(super) fn touch(&mut self, node: Ix) {
        self.touched.push(node);
    }

    /// Whose rows have changed since they were taken note of; some of them twice.
    pub(super) fn touched(&self) -> &[Ix] {
        &self.touched
    }

    /// The same, which are then taken note of.
    pub(super) fn take_touched(&mut self) -> Vec<Ix> {
        std::mem::take(&mut self.touched)
    }

    /// How long its tables are.
    pub(super) fn nodes(&self) -> Ix {
        self.parents.len() as Ix
    }

    /// True if nobody hangs on the source.
    pub(super) fn is_empty(&self) -> bool {
        self.fanout(self.source) == 0
    }

    /// True if the way from the source to `below` leads through `node` (or is it).
    pub(super) fn leads_through(&self, node: Ix, below: Ix) -> bool {
        let mut at = below;
        for _ in 0..=config::HOPS_MAX {
            if at == node {
                return true;
            }
            match self.parent(at) {
                Some(parent) => at = parent,
                None => return false,
            }
        }
        true
    }

    /// True if units reach this node.
    pub(super) fn is_fed(&self, node: Ix) -> bool {
        let mut at = node;
        for _ in 0..=config::HOPS_MAX {
            match self.parent(at) {
                Some(parent) => at = parent,
                None => return at == self.source,
            }
        }
        false
    }

    /// Links below this node.
    pub(super) fn height(&self, node: Ix) -> u8 {
        if self.fanout(node) == 0 {
            return 0;
        }
        let mut highest = 0;
        for (below, _) in self.rows() {
            let (mut at, mut links) = (below, 0);
            while links <= config::HOPS_MAX as u8 && at != node {
                let Some(parent) = self.parent(at) else { break };
                (at, links) = (parent, links + 1);
            }
            if at == node {
                highest = highest.max(links);
            }
        }
        highest
    }

    /// How many hang on each node, those who hang on these included.
    pub(super) fn below(&self) -> Vec<u32> {
        let mut below = vec![0; self.parents.len()];
        for (node, _) in self.rows() {
            let mut at = node;
            for _ in 0..=config::HOPS_MAX {
                let Some(parent) = self.parent(at) else { break };
                below[parent as usize] += 1;
                at = parent;
            }
        }
        below
    }

    /// Works out depths, delays and paths from the source down, after somebody with children has moved. Children who
    /// feed others are sent to first.
    pub(super) fn refresh(&mut self, roster: &Roster) {
        // Children stand behind each other, by parent: `below[first[p]..first[p + 1]]`.
        let mut first = vec![0_usize; self.parents.len() + 1];
        for (at, fanout) in self.fanout.iter().enumerate() {
            first[at + 1] = first[at] + *fanout as usize;
        }
        let mut next = first.clone();
        let mut below = vec![NONE; first[self.parents.len()]];
        for (node, parent) in self.rows() {
            below[next[parent as usize]] = node;
            next[parent as usize] += 1;
        }
        let mut queue = std::collections::VecDeque::from([self.source]);
        self.paths[self.source as usize] = 0;
        let here = |node: &Ix| *node == self.source || self.parents[*node as usize] != NONE;
        for node in self.inner.iter().filter(|node| !here(node)) {
            self.chosen[*node as usize] = false;
        }
        let chosen = &self.chosen;
        self.inner.retain(|node| chosen[*node as usize]);
        while let Some(parent) = queue.pop_front() {
            let children = &mut below[first[parent as usize]..first[parent as usize + 1]];
            children.sort_unstable_by_key(|child| (self.fanout[*child as usize] == 0, *child));
            let (sending, crowding) = (self.sending(roster, parent), roster.crowding(parent, 0));
            for (turn, child) in (1..).zip(children.iter().copied()) {
                let at = child as usize;
                self.delays[at] =
                    self.delay(parent) + roster.one_way(parent, child) + sending * turn + crowding + LINK;
                self.depths[at] = self.depth(parent).saturating_add(1);
                self.paths[at] = self.path(parent) | roster.heavy(child);
                queue.push_back(child);
            }
        }
    }
}
