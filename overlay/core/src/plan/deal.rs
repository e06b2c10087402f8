//! Which tree gets whose uplink, before any is built.

use std::cmp::Reverse;

use super::roster::{Ix, NONE, Roster};

/// A tree that is to be built, and what it needs.
#[derive(Debug)]
pub(super) struct Need {
    /// Which group, counted over all channels: a person feeds in one tree of a group.
    pub(super) group: usize,
    /// What a child costs, kbit/s.
    pub(super) kbps: u32,
    /// Children in all.
    pub(super) children: u32,
}

/// Who feeds how many in a tree.
pub(super) type Hands = Vec<(Ix, u32)>;

/// A tree with this much more than it needs, percent, gets no more of people's uplink: weak interiors make it slow.
const PLENTY_PERCENT: u64 = 130;
/// Those who take turns give this part of their uplink at a time.
const TURNS: u32 = 50;
/// Into how many trees one person's uplink is split, for what remains of it.
const SPLITS_MAX: usize = 6;

/// Deals out everybody's uplink, the largest first, to the tree that has the least of what it needs there (weights 3
/// overall and 4 in the region, as measured). A person's uplink goes into one tree of a group, so that its end costs
/// nobody two. Relays, and in a small meeting everybody, take turns and are spread over many trees. `takes` says who
/// is in which tree.
pub(super) fn deal(
    roster: &Roster,
    needs: &[&Need],
    kept: &[u32],
    small: bool,
    takes: impl Fn(usize, Ix) -> bool,
) -> Vec<Hands> {
    let mut table = Table::new(roster, needs, &takes);
    let mut relays: Vec<(Reverse<u32>, Ix)> = Vec::new();
    let mut people: Vec<(Reverse<u32>, Ix)> = Vec::new();
    for at in roster.everybody() {
        let kept = kept.get(at as usize).copied().unwrap_or(0);
        let all = roster.room(at, at).saturating_sub(kept);
        let room = all.min(roster.room(at, NONE));
        let room = if roster.is_hidden(at) { 0 } else { room };
        let of_kind = if roster.is_relay(at) { &mut relays } else { &mut people };
        of_kind.push((Reverse(room), at));
    }
    relays.sort();
    people.sort();
    table.in_turn(&relays, |_, _| true);
    if small {
        table.in_turn(&people, takes);
    } else {
        table.whole(&people, takes);
    }
    table.hands
}

/// Who has dealt what so far.
struct Table<'a> {
    roster: &'a Roster,
    needs: &'a [&'a Need],
    least: u32,
    /// By tree and region.
    wanted: Vec<u32>,
    dealt: Vec<u32>,
    supply: Vec<u64>,
    hands: Vec<Hands>,
}

impl<'a> Table<'a> {
    fn new(roster: &'a Roster, needs: &'a [&'a Need], takes: &impl Fn(usize, Ix) -> bool) -> Table<'a> {
        let regions = roster.regions();
        let mut wanted = vec![0_u32; needs.len() * regions];
        for at in roster.everybody() {
            for tree in 0..needs.len() {
                wanted[tree * regions + roster.region(at)] += u32::from(takes(tree, at));
            }
        }
        let dealt = vec![0; wanted.len()];
        let least = needs.iter().map(|need| need.kbps).min().unwrap_or(u32::MAX);
        let (supply, hands) = (vec![0; needs.len()], vec![Vec::new(); needs.len()]);
        Table { roster, needs, least, wanted, dealt, supply, hands }
    }

    /// The tree that lacks most, of those that are open and were given to least often.
    fn neediest(
        &self,
        region: usize,
        left: u32,
        given: &[u32],
        open: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let regions = self.roster.regions();
        let score = |tree: usize| {
            let overall = self.supply[tree] * 1_000 / u64::from(self.needs[tree].children.max(1));
            let here = match self.wanted[tree * regions + region] {
                0 => overall,
                wanted => u64::from(self.dealt[tree * regions + region]) * 1_000 / u64::from(wanted),
            };
            3 * overall + 4 * here.min(4_000)
        };
        let lacks = |tree: &usize| {
            let need = self.needs[*tree];
            let plenty = self.supply[*tree] * 100 >= u64::from(need.children) * PLENTY_PERCENT;
            need.kbps <= left && !plenty && open(*tree)
        };
        (0..self.needs.len()).filter(lacks).min_by_key(|tree| (given.get(*tree), score(*tree), *tree))
    }

    /// Gives a node's uplink to a tree, up to this much. Gives what was used, kbit/s.
    fn give(&mut self, tree: usize, at: Ix, region: usize, most: u32) -> u32 {
        let need = self.needs[tree];
        let useful = u64::from(need.children) * PLENTY_PERCENT / 100 + 1 - self.supply[tree];
        let slots = (most / need.kbps).min(u32::try_from(useful).unwrap_or(u32::MAX)).max(1);
        self.supply[tree] += u64::from(slots);
        self.dealt[tree * self.roster.regions() + region] += slots;
        match self.hands[tree].iter_mut().rev().find(|(other, _)| *other == at) {
            Some((_, had)) => *had += slots,
            None => self.hands[tree].push((at, slots)),
        }
        slots * need.kbps
    }

    /// Each gives a little at a time.
    fn in_turn(&mut self, nodes: &[(Reverse<u32>, Ix)], may: impl Fn(usize, Ix) -> bool) {
        let mut left: Vec<u32> = nodes.iter().map(|(Reverse(room), _)| *room).collect();
        let mut given = vec![vec![0; self.needs.len()]; nodes.len()];
        let mut active = true;
        while std::mem::take(&mut active) {
            for (place, (Reverse(room), at)) in nodes.iter().enumerate() {
                if left[place] < self.least {
                    continue;
                }
                let region = self.roster.region(*at);
                if let Some(tree) = self.neediest(region, left[place], &given[place], |tree| may(tree, *at)) {
                    given[place][tree] += 1;
                    let chunk = room / TURNS;
                    left[place] -= self.give(tree, *at, region, chunk.min(left[place]));
                    active = true;
                }
            }
        }
    }

    /// Each gives all to one tree, and what remains to trees of other groups.
    fn whole(&mut self, nodes: &[(Reverse<u32>, Ix)], takes: impl Fn(usize, Ix) -> bool) {
        for (Reverse(room), at) in nodes {
            let (mut left, mut groups) = (*room, Vec::new());
            let region = self.roster.region(*at);
            for _ in 0..SPLITS_MAX {
                let open = |tree: usize| !groups.contains(&self.needs[tree].group) && takes(tree, *at);
                if left < self.least {
                    break;
                }
                let Some(tree) = self.neediest(region, left, &[], open) else { break };
                left -= self.give(tree, *at, region, left);
                groups.push(self.needs[tree].group);
            }
        }
    }
}

/// True if every tree got what it needs.
pub(super) fn suffices(needs: &[&Need], hands: &[Hands]) -> bool {
    let enough = |(need, hands): (&&Need, &Hands)| {
        hands.iter().map(|(_, slots)| u64::from(*slots)).sum::<u64>() >= u64::from(need.children)
    };
    needs.iter().zip(hands).all(enough)
}
