//! Who takes part in one run: everybody with their own place, interface and hours, and the paths between them.

use std::time::Duration;

use overlay_core::io::{Kind, LayerRate, Lends};
use overlay_core::time::Time;

use crate::geography::Site;
use crate::uplinks::own_kbps;

mod capacity;
mod draw;

/// What stands between a node and the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// Reachable by everybody.
    Open,
    /// The same outside port towards everybody: two of them can punch.
    Cone,
    /// Another outside port towards each peer: reaches only those who are open.
    Symmetric,
}

impl Nat {
    /// True if a direct link between the two can be made.
    pub fn reaches(self, other: Nat) -> bool {
        matches!((self, other), (Nat::Open, _) | (_, Nat::Open) | (Nat::Cone, Nat::Cone))
    }
}

/// Somebody who takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Participant or volunteer.
    pub kind: Kind,
    /// What its interface can send, kbit/s.
    pub uplink_kbps: u32,
    /// What its owner lets it send in all, kbit/s, at most `uplink_kbps`: the limit that the core is told.
    pub limit_kbps: u32,
    /// What of that others' media may cost.
    pub lends: Lends,
    /// What its interface can take in, kbit/s.
    pub downlink_kbps: u32,
    /// Where it is: an index into [`Paths`].
    pub site: u32,
    /// One-way delay between it and its site.
    pub last_mile: Duration,
    /// What stands in front of it.
    pub nat: Nat,
    /// When it starts.
    pub arrives: Time,
    /// When it takes its leave; none if it stays to the end.
    pub leaves: Option<Time>,
    /// What it sends; empty if it is no source.
    pub sends: Vec<LayerRate>,
    /// True if it watches every source.
    pub watch: bool,
    /// True if its credential lets it plan: the first participant, and deputies where keys are agreed.
    pub may_coordinate: bool,
}

impl Person {
    /// What it gives to anybody at all of so much, kbit/s: a model knows no other limit.
    pub fn gives_of(&self, limit_kbps: u32) -> u32 {
        match self.lends {
            Lends::Spare => limit_kbps,
            Lends::UpTo(kbps) => limit_kbps.min(kbps.saturating_add(own_kbps(&self.sends))),
        }
    }
}

/// One-way delays between sites, and how much they vary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    sites: usize,
    /// Row by row, ns.
    one_way_ns: Vec<u64>,
    /// Mean deviation of the one-way delay in thousandths of it.
    pub jitter_permille: u32,
    /// The jitter of a last mile, added to it: mean, ns.
    pub jitter_floor_ns: u64,
    /// What the sites are called and where they are; empty if nobody needs to know.
    pub names: Vec<Site>,
}

impl Paths {
    /// Paths from a square of one-way delays, row by row.
    ///
    /// # Panics
    /// If it is no square.
    pub fn new(sites: usize, one_way_ns: Vec<u64>, jitter_permille: u32, jitter_floor_ns: u64) -> Paths {
        assert_eq!(one_way_ns.len(), sites * sites, "a square");
        Paths { sites, one_way_ns, jitter_permille, jitter_floor_ns, names: Vec::new() }
    }

    /// How many sites there are.
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// The mean one-way delay from one person to another, last miles included, without jitter and queues.
    pub fn one_way(&self, from: &Person, to: &Person) -> Duration {
        let at = from.site as usize * self.sites + to.site as usize;
        Duration::from_nanos(self.one_way_ns[at]) + from.last_mile + to.last_mile
    }
}

/// Everybody: participants first (the first of them plans), then volunteers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cast {
    /// In the order of their index; the index names them everywhere.
    pub people: Vec<Person>,
    /// The ways between them.
    pub paths: Paths,
}

impl Cast {
    /// The site that the mean way from everybody is shortest to: where a single server would stand.
    pub fn closest_site(&self) -> u32 {
        let sites = u32::try_from(self.paths.sites).unwrap_or(u32::MAX);
        let all = |to: u32| -> u64 {
            let to = to as usize;
            self.people
                .iter()
                .map(|one| self.paths.one_way_ns[one.site as usize * self.paths.sites + to])
                .sum()
        };
        (0..sites).min_by_key(|site| all(*site)).unwrap_or(0)
    }
}
