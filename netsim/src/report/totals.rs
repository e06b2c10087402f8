//! The run as a whole.

use serde::{Deserialize, Serialize};

use super::share;
use crate::record::Record;

/// Sums over all layers and nodes, and what follows from them. A share is none if there is nothing to share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Frames that were to be delivered.
    pub due: u64,
    /// Frames that were delivered.
    pub delivered: u64,
    /// Of them, those that were late.
    pub late: u64,
    /// Delivered of due.
    pub continuity: Option<f64>,
    /// Delivered and not late, of due.
    pub in_time: Option<f64>,
    /// Seconds that people spent unfed, all people together.
    pub starved_s: u64,
    /// The most people who were unfed in one second.
    pub starved_max: u32,
    /// The same in the last second.
    pub starved_at_end: u32,
    /// Bytes that all nodes sent.
    pub sent: u64,
    /// Of them, control messages.
    pub control: u64,
    /// Of them, lists of units.
    pub lists: u64,
    /// Control of sent.
    pub control_share: Option<f64>,
    /// What relays sent of everything that interfaces sent, by second.
    pub relayed_share: Option<f64>,
    /// Honest nodes that were taken to feed badly, and were demoted.
    pub demoted_honest: u64,
    /// Hostile ones.
    pub demoted_hostile: u64,
    /// What the main picture could have at most, kbit/s for each receiver.
    pub bound_kbps: f64,
    /// What it had, kbit/s for each receiver.
    pub goodput_kbps: f64,
    /// Goodput of the bound.
    pub goodput_share: Option<f64>,
}

impl Totals {
    /// The sums of a record.
    pub fn of(record: &Record) -> Totals {
        let (mut due, mut delivered, mut late) = (0, 0, 0);
        for layer in record.layers.values() {
            due += layer.due;
            delivered += layer.delivered;
            late += layer.late;
        }
        let sent = record.nodes.iter().map(|node| node.sent).sum();
        let control = record.nodes.iter().map(|node| node.control).sum();
        let by_relays: u64 = record.seconds.iter().map(|second| second.sent[1]).sum();
        let by_people: u64 = record.seconds.iter().map(|second| second.sent[0]).sum();
        let bound_kbps = finite(record.bound_kbps);
        let goodput_kbps = finite(record.goodput_kbps);
        Totals {
            due,
            delivered,
            late,
            continuity: share(delivered, due),
            in_time: share(delivered.saturating_sub(late), due),
            starved_s: record.seconds.iter().map(|second| u64::from(second.starved)).sum(),
            starved_max: record.seconds.iter().map(|second| second.starved).max().unwrap_or(0),
            starved_at_end: record.seconds.last().map_or(0, |second| second.starved),
            sent,
            control,
            lists: record.nodes.iter().map(|node| node.lists).sum(),
            control_share: share(control, sent),
            relayed_share: share(by_relays, by_relays + by_people),
            demoted_honest: record.demoted[0],
            demoted_hostile: record.demoted[1],
            bound_kbps,
            goodput_kbps,
            goodput_share: (bound_kbps > 0.0).then(|| goodput_kbps / bound_kbps),
        }
    }
}

/// JSON has no word for what is no number.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}
