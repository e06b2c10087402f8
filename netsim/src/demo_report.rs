//! What came of a run.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::Table;
use overlay_core::id::NodeId;
use overlay_core::time::Time;
use overlay_core::unit::Layer;

/// Frames that take longer are late.
pub const LATE_MS: u64 = 400;

/// Gaps count from here on: before, people arrive and plans follow each other.
pub const SETTLED_AFTER_MS: u64 = 3_000;

/// What one receiver got of one source: sound, or pictures of whichever layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Frames that were handed over.
    pub delivered: u64,
    /// Of them, those that took longer than [`LATE_MS`].
    pub late: u64,
    /// Numbers that never came between the first and the last of a layer's feed. Thinned frames count.
    pub lost: u64,
    /// The longest time without a frame, from the first one on, ms; see [`SETTLED_AFTER_MS`].
    pub gap_ms: u64,
    /// Frames of each layer.
    pub layers: BTreeMap<Layer, u64>,
    first: Option<Time>,
    last: Option<Time>,
    next: BTreeMap<(u32, Layer), u32>,
}

impl Stream {
    /// A frame came.
    pub fn add(&mut self, now: Time, born: u64, feed: u32, layer: Layer, number: u32) {
        self.delivered += 1;
        *self.layers.entry(layer).or_default() += 1;
        self.late += u64::from(now.0.saturating_sub(born) > LATE_MS * 1_000_000);
        self.close(now);
        self.first.get_or_insert(now);
        self.last = Some(now);
        match self.next.get_mut(&(feed, layer)) {
            Some(next) if number >= *next => {
                self.lost += u64::from(number - *next);
                *next = number + 1;
            }
            // One that was counted as lost came after all.
            Some(_) => self.lost = self.lost.saturating_sub(1),
            None => drop(self.next.insert((feed, layer), number + 1)),
        }
    }

    /// Counts the time since the last frame as a gap.
    pub fn close(&mut self, now: Time) {
        let settled = now.0 >= SETTLED_AFTER_MS * 1_000_000;
        if let Some(last) = self.last.filter(|_| settled) {
            let gap = u64::try_from(now.since(last).as_millis()).unwrap_or(u64::MAX);
            self.gap_ms = self.gap_ms.max(gap);
        }
    }

    /// When the first frame came.
    pub fn first(&self) -> Option<Time> {
        self.first
    }
}

/// A receiver, a source, and whether it is sound.
pub type StreamId = (NodeId, NodeId, bool);

/// Everything that is told of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was received.
    pub streams: BTreeMap<StreamId, Stream>,
    /// Bytes that each node's interface sent.
    pub sent: BTreeMap<NodeId, u64>,
    /// Of all bytes, those that relays sent, in percent.
    pub relayed_percent: u64,
    /// Units that were dropped before they were sent.
    pub dropped: u64,
    /// 128 bits over everything that happened, in hex: same seed, same hash.
    pub hash: String,
    /// Events that were handled.
    pub events: u64,
}

impl Report {
    /// A table to read.
    pub fn text(&self) -> String {
        let mut table = Table::new();
        table.set_header([
            "receiver",
            "source",
            "what",
            "delivered",
            "late",
            "lost",
            "longest gap ms",
            "layers",
        ]);
        for ((receiver, source, sound), stream) in &self.streams {
            let layers: Vec<String> =
                stream.layers.iter().map(|(layer, count)| format!("{layer:?} {count}")).collect();
            table.add_row([
                receiver.short(),
                source.short(),
                if *sound { "sound".into() } else { "picture".into() },
                stream.delivered.to_string(),
                stream.late.to_string(),
                stream.lost.to_string(),
                stream.gap_ms.to_string(),
                layers.join(", "),
            ]);
        }
        let mut text = format!("{table}\n");
        for (node, bytes) in &self.sent {
            let _ = writeln!(text, "{} sent {bytes} bytes", node.short());
        }
        let _ = writeln!(
            text,
            "relays sent {} % of all bytes; {} units dropped",
            self.relayed_percent, self.dropped
        );
        let _ = writeln!(text, "{} events, hash {}", self.events, self.hash);
        text
    }
}
