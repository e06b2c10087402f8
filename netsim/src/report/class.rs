//! What nodes sent: one by one, and by class.

use std::collections::BTreeMap;

use overlay_core::io::Kind;
use serde::{Deserialize, Serialize};

use super::quantiles::Quantiles;
use crate::record::{NodeRecord, Record};

/// How much more than its limit an interface may send in any second, percent.
pub const OVER_PERCENT: u64 = 5;

/// Nodes of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Those who hold keys.
    Participants,
    /// Volunteers, who only relay.
    Relays,
}

impl Class {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Class::Participants => "participants",
            Class::Relays => "relays",
        }
    }
}

/// What one node did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Which kind it is.
    pub class: Class,
    /// What it may send, kbit/s.
    pub limit_kbps: u32,
    /// How long it was up, s.
    pub up_s: u32,
    /// Bytes sent, headers and retransmissions included.
    pub sent: u64,
    /// Of them, control messages.
    pub control: u64,
    /// Bytes received.
    pub received: u64,
    /// The most it sent in any second, bytes.
    pub highest_second: u64,
    /// The most children in all trees together.
    pub children_max: u32,
    /// Units dropped before they were sent.
    pub dropped: u64,
    /// What it can take in, kbit/s.
    pub downlink_kbps: u32,
    /// Seconds in which it told that its way in is full.
    pub limited_s: u32,
}

/// All nodes of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassReport {
    /// How many.
    pub nodes: u32,
    /// Sum of what they may send, kbit/s.
    pub limit_kbps: u64,
    /// Bytes sent by all of them.
    pub sent: u64,
    /// Of them, control messages.
    pub control: u64,
    /// Bytes received by all of them.
    pub received: u64,
    /// Units dropped by all of them.
    pub dropped: u64,
    /// The most children of one of them.
    pub children_max: u32,
    /// Nodes that sent more than their limit and [`OVER_PERCENT`] in some second.
    pub over_limit: u32,
    /// What each sent while it was up, in percent of its limit.
    pub used_percent: Quantiles,
    /// What each sent in its highest second, in percent of its limit.
    pub highest_second_percent: Quantiles,
    /// Control that each sent while it was up, kbit/s.
    pub control_kbps: Quantiles,
}

impl Node {
    fn of(index: usize, people: u32, node: &NodeRecord) -> Node {
        // Participants come first in a cast; who never started has no kind.
        let class = match node.kind {
            Some(Kind::Participant) => Class::Participants,
            Some(Kind::Relay) => Class::Relays,
            None if index < people as usize => Class::Participants,
            None => Class::Relays,
        };
        Node {
            class,
            limit_kbps: node.limit_kbps,
            up_s: node.up_s,
            sent: node.sent,
            control: node.control,
            received: node.received,
            highest_second: node.highest_second,
            children_max: node.children_max,
            dropped: node.dropped,
            downlink_kbps: node.downlink_kbps,
            limited_s: node.limited_s,
        }
    }

    /// True if it broke its limit.
    pub fn over_limit(&self) -> bool {
        // Bits on one side, bits and percent on the other.
        self.highest_second * 8 * 100 > u64::from(self.limit_kbps) * 1_000 * (100 + OVER_PERCENT)
    }

    fn percent(&self, bytes_per_s: f64) -> Option<f64> {
        (self.limit_kbps > 0).then(|| bytes_per_s * 8.0 / (f64::from(self.limit_kbps) * 10.0))
    }

    fn per_s(&self, bytes: u64) -> Option<f64> {
        (self.up_s > 0).then(|| bytes as f64 / f64::from(self.up_s))
    }
}

/// Every node of a record.
pub fn nodes(record: &Record) -> Vec<Node> {
    record.nodes.iter().enumerate().map(|(index, node)| Node::of(index, record.people, node)).collect()
}

/// Sums and spreads of each class that there is.
pub fn classes(nodes: &[Node]) -> BTreeMap<Class, ClassReport> {
    let mut members: BTreeMap<Class, Vec<&Node>> = BTreeMap::new();
    for node in nodes {
        members.entry(node.class).or_default().push(node);
    }
    members.into_iter().map(|(class, members)| (class, ClassReport::of(&members))).collect()
}

impl ClassReport {
    fn of(nodes: &[&Node]) -> ClassReport {
        let sum = |of: fn(&Node) -> u64| nodes.iter().map(|node| of(node)).sum();
        let spread = |of: &dyn Fn(&Node) -> Option<f64>| {
            Quantiles::of_values(nodes.iter().filter_map(|node| of(node)).collect())
        };
        ClassReport {
            nodes: u32::try_from(nodes.len()).unwrap_or(u32::MAX),
            limit_kbps: sum(|node| node.limit_kbps.into()),
            sent: sum(|node| node.sent),
            control: sum(|node| node.control),
            received: sum(|node| node.received),
            dropped: sum(|node| node.dropped),
            children_max: nodes.iter().map(|node| node.children_max).max().unwrap_or(0),
            over_limit: nodes.iter().map(|node| u32::from(node.over_limit())).sum(),
            used_percent: spread(&|node| node.per_s(node.sent).and_then(|rate| node.percent(rate))),
            highest_second_percent: spread(&|node| node.percent(node.highest_second as f64)),
            control_kbps: spread(&|node| node.per_s(node.control).map(|rate| rate * 8.0 / 1_000.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(limit_kbps: u32, highest_second: u64) -> Node {
        let class = Class::Relays;
        let (sent, control) = (1_000_000, 5_000);
        Node {
            class,
            limit_kbps,
            up_s: 10,
            sent,
            control,
            received: 7,
            highest_second,
            children_max: 3,
            dropped: 1,
            downlink_kbps: 4 * limit_kbps,
            limited_s: 0,
        }
    }

    #[test]
    fn a_limit_is_broken_past_five_percent() {
        // 1,000 kbit/s are 125,000 bytes in a second; 5 % more are 131,250.
        assert!(!node(1_000, 131_250).over_limit());
        assert!(node(1_000, 131_251).over_limit());
        let report = &classes(&[node(1_000, 131_251), node(2_000, 125_000)])[&Class::Relays];
        assert_eq!((report.nodes, report.limit_kbps, report.over_limit, report.dropped), (2, 3_000, 1, 2));
        // 100,000 bytes a second are 800 kbit/s: 80 % of the one, 40 % of the other.
        assert_eq!((report.used_percent.p50, report.used_percent.max), (40.0, 80.0));
        assert_eq!((report.highest_second_percent.p50, report.control_kbps.max), (50.0, 4.0));
    }
}
