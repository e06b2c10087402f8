//! The volunteer's page: what it is told and what it asks for (`docs/page.md`). The page's types
//! (`cli/page/relay-messages.d.ts`) are made from these.

use keyagree::UnixTime;
use overlay_libp2p::Counters;
use serde::{Deserialize, Serialize};

/// To the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum FromRelay {
    /// What is lent; each one replaces the last.
    Lent(Lent),
    /// It is over, and why.
    Over {
        /// One sentence.
        text: String,
    },
}

/// From the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ToRelay {
    /// Lend nothing for now, or again.
    Pause {
        /// Which.
        paused: bool,
    },
    /// Hand over and stop.
    Drain,
}

/// What is lent, and how much of it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Lent {
    /// The lease lines that nobody has claimed.
    pub lines: Vec<String>,
    /// How many there were: one for each meeting.
    pub meetings: u8,
    /// Nothing is lent for now.
    pub paused: bool,
    /// It is about to stop.
    pub draining: bool,
    /// The owner's limit, kbit/s.
    pub limit_kbps: u32,
    /// Received and sent now, kbit/s.
    pub in_kbps: u32,
    /// See above.
    pub out_kbps: u32,
    /// The highest second so far, kbit/s.
    pub peak_kbps: u32,
    /// Sent so far, headers included.
    #[cfg_attr(test, ts(type = "number"))]
    pub sent_bytes: u64,
    /// Nodes that are fed.
    pub children: u32,
    /// Units that were too late to be sent on.
    #[cfg_attr(test, ts(type = "number"))]
    pub dropped: u64,
    /// When the lease ends, milliseconds since 1970.
    #[cfg_attr(test, ts(type = "number"))]
    pub ends_ms: u64,
}

/// Rates between two looks.
#[derive(Debug, Default)]
pub struct Meter(Option<(UnixTime, u64, u64)>);

impl Meter {
    /// Received and sent since the last look, kbit/s.
    pub fn look(&mut self, now: UnixTime, counted: &Counters) -> (u32, u32) {
        let (bytes_in, bytes_out) = (counted.bytes_in.total(), counted.wire_out);
        let (since, before_in, before_out) =
            self.0.replace((now, bytes_in, bytes_out)).unwrap_or((now, bytes_in, bytes_out));
        let kbps = |bytes: u64| u32::try_from(bytes * 8 / now.since(since).max(1)).unwrap_or(u32::MAX);
        (kbps(bytes_in.saturating_sub(before_in)), kbps(bytes_out.saturating_sub(before_out)))
    }
}

impl FromRelay {
    /// As it goes over the socket.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use ts_rs::{Config, TS};

    use super::*;
    use crate::page_types::matches_file;

    #[test]
    fn the_relay_pages_types_are_these() {
        let config = Config::default();
        matches_file(
            "relay-messages.d.ts",
            &[FromRelay::decl(&config), ToRelay::decl(&config), Lent::decl(&config)],
        );
    }

    #[test]
    fn rates_are_what_passed_since_the_last_look() {
        let mut meter = Meter::default();
        let mut counted = Counters { wire_out: 1_000, ..Counters::default() };
        assert_eq!(meter.look(UnixTime(1_000), &counted), (0, 0));
        counted.wire_out += 125_000;
        counted.bytes_in.audio += 12_500;
        assert_eq!(meter.look(UnixTime(2_000), &counted), (100, 1_000));
    }
}
