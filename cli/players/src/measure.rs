//! Journals in, figures out.

use std::collections::{BTreeMap, BTreeSet};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::journal::Entry;

/// A picture that stays for longer than this counts as frozen.
const FREEZE_US: u64 = 200_000;
/// Frames captured this close to the end may still be under way.
const TAIL_US: u64 = 1_000_000;
const AUDIO: u8 = 0;

/// What one receiver got of one source, over the whole meeting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Received {
    /// Who received, by the demo's names.
    pub receiver: String,
    /// Whose frames.
    pub source: String,
    /// The pictures.
    pub video: Stream,
    /// The sound.
    pub audio: Stream,
    /// Milliseconds in which the picture stood still, beyond 200 ms at a time.
    pub frozen_ms: u64,
    /// From the start of the receiver's process to the first decoded picture.
    pub first_picture_ms: Option<u64>,
    /// From capture to decoded, pictures.
    pub latency_p50_ms: f64,
    /// The same, 95th percentile.
    pub latency_p95_ms: f64,
    /// PSNR of every tenth picture's luma against the source's scaler output, in dB: mean and least.
    pub psnr_mean_db: Option<f64>,
    /// The least of them.
    pub psnr_min_db: Option<f64>,
    /// How many pictures were compared.
    pub psnr_pictures: u64,
}

/// Counts of one medium.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Stream {
    /// Frames that the source sent in the layer that this receiver had at that time, from the
    /// receiver's first decoded frame on.
    pub sent: u64,
    /// Sealed frames that arrived, of any layer.
    pub received: u64,
    /// Of those, opened.
    pub opened: u64,
    /// Of those that count as sent, decoded.
    pub decoded: u64,
    /// Of those that count as sent, left out on purpose by a relay under pressure: frames of the upper
    /// temporal layer, which no other frame needs, between two that arrived.
    pub thinned: u64,
}

impl Stream {
    /// Decoded of what was sent and not thinned, in percent; nothing sent is no success.
    pub fn percent(&self) -> f64 {
        let sent = self.sent - self.thinned;
        if sent == 0 { 0.0 } else { self.decoded as f64 * 100.0 / sent as f64 }
    }
}

/// When frames count: from the first that was decoded, or a moment, until a second before the end (or a removal).
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Captured before this: does not count, though what was captured from then on counts if it was never decoded. 0 for
    /// whatever was captured from the first decoded frame on.
    pub from_us: u64,
    /// Captured before this: all of it counts.
    pub until_us: u64,
}

impl Window {
    /// Everything that was captured early enough before `end_us` to have arrived.
    pub fn ending(end_us: u64) -> Window {
        Window { from_us: 0, until_us: end_us.saturating_sub(TAIL_US) }
    }

    /// The same, from a moment on.
    pub fn between(from_us: u64, end_us: u64) -> Window {
        Window { from_us, ..Window::ending(end_us) }
    }

    fn has(self, at_us: u64) -> bool {
        (self.from_us..self.until_us).contains(&at_us)
    }
}

/// Who the journal's node is, and when its process started.
pub fn started(journal: &[Entry]) -> Option<(&str, u64)> {
    journal.iter().find_map(|entry| match entry {
        Entry::Started { at_us, node } => Some((node.as_str(), *at_us)),
        _ => None,
    })
}

/// What a receiver got of a source.
pub fn received(receiver: &[Entry], source: &[Entry], window: Window) -> Option<Received> {
    let (_, started_us) = started(receiver)?;
    let (source_id, _) = started(source)?;
    let got = Got::collect(receiver, source_id);
    let sent = sent_by_layer(source, window);
    let latency = got.latency();
    let psnr = &got.psnr;
    Some(Received {
        receiver: String::new(),
        source: String::new(),
        video: got.stream(&got.shown, &sent, window, false),
        audio: got.stream(&got.heard, &sent, window, true),
        frozen_ms: frozen_us(&got.shown, window) / 1000,
        first_picture_ms: got.shown.first().map(|shown| (shown.at_us - started_us) / 1000),
        latency_p50_ms: latency.value_at_quantile(0.5) as f64 / 1000.0,
        latency_p95_ms: latency.value_at_quantile(0.95) as f64 / 1000.0,
        psnr_mean_db: (!psnr.is_empty()).then(|| psnr.iter().sum::<f64>() / psnr.len() as f64),
        psnr_min_db: psnr.iter().copied().reduce(f64::min),
        psnr_pictures: psnr.len() as u64,
    })
}

/// From a source's giving a frame to the overlay until a receiver had opened it, µs, by layer: for frames that were given
/// within the window. What coding costs is not in it.
pub fn delays_us(receiver: &[Entry], source: &[Entry], window: Window) -> BTreeMap<u8, Vec<u64>> {
    let Some((source_id, _)) = started(source) else { return BTreeMap::new() };
    let given = source.iter().filter_map(|entry| match entry {
        Entry::Sent { at_us, layer, number, captured_us, .. } if window.has(*at_us) => {
            Some(((*layer, *number, *captured_us), *at_us))
        }
        _ => None,
    });
    let given: BTreeMap<(u8, u32, u64), u64> = given.collect();
    let mut delays: BTreeMap<u8, Vec<u64>> = BTreeMap::new();
    for entry in receiver {
        if let Entry::Opened { at_us, source, layer, number, captured_us } = entry
            && source == source_id
            && let Some(given_us) = given.get(&(*layer, *number, *captured_us))
        {
            delays.entry(*layer).or_default().push(at_us.saturating_sub(*given_us));
        }
    }
    delays
}

/// A decoded frame.
#[derive(Clone, Copy, Debug)]
struct Shown {
    at_us: u64,
    layer: u8,
    captured_us: u64,
}

/// A receiver's journal, as far as it is about one source.
#[derive(Default)]
struct Got {
    shown: Vec<Shown>,
    heard: Vec<Shown>,
    psnr: Vec<f64>,
    received: [u64; 2],
    opened: [u64; 2],
    arrived: BTreeSet<(u8, u32)>,
}

impl Got {
    fn collect(journal: &[Entry], source_id: &str) -> Got {
        let mut got = Got::default();
        for entry in journal {
            match entry {
                Entry::Received { source, layer, .. } if source == source_id => {
                    got.received[usize::from(*layer == AUDIO)] += 1;
                }
                Entry::Opened { source, layer, number, .. } if source == source_id => {
                    got.arrived.insert((*layer, *number));
                    got.opened[usize::from(*layer == AUDIO)] += 1;
                }
                Entry::Compared { source, db, .. } if source == source_id => got.psnr.push(*db),
                Entry::Decoded { at_us, source, layer, captured_us, .. } if source == source_id => {
                    let shown = Shown { at_us: *at_us, layer: *layer, captured_us: *captured_us };
                    if *layer == AUDIO { got.heard.push(shown) } else { got.shown.push(shown) }
                }
                _ => {}
            }
        }
        got
    }

    /// Counts what the source sent while this receiver had that layer, and what was decoded of it.
    fn stream(&self, decoded: &[Shown], sent: &Sent, window: Window, audio: bool) -> Stream {
        let mut expected = BTreeMap::new();
        let decoded: Vec<Shown> =
            decoded.iter().filter(|shown| shown.captured_us >= window.from_us).copied().collect();
        // Each stretch in one layer reaches from its first decoded frame to that of the next layer.
        let mut at = 0;
        while let Some(first) = decoded.get(at) {
            let length = decoded[at..].iter().take_while(|shown| shown.layer == first.layer).count();
            let until = decoded.get(at + length).map_or(window.until_us, |next| next.captured_us);
            let from = if at == 0 && window.from_us > 0 { window.from_us } else { first.captured_us };
            if let Some(captures) = sent.get(&first.layer) {
                let stretch = captures.range(from..until.min(window.until_us).max(from));
                expected.extend(stretch.map(|(captured_us, frame)| (*captured_us, (first.layer, *frame))));
            }
            at += length;
        }
        let decoded: BTreeSet<u64> = decoded.iter().map(|shown| shown.captured_us).collect();
        let index = usize::from(audio);
        Stream {
            sent: expected.len() as u64,
            received: self.received[index],
            opened: self.opened[index],
            decoded: expected.keys().filter(|captured_us| decoded.contains(captured_us)).count() as u64,
            thinned: expected.values().filter(|(layer, frame)| self.was_thinned(*layer, *frame)).count()
                as u64,
        }
    }

    fn was_thinned(&self, layer: u8, frame: SentFrame) -> bool {
        let arrived = |number: u32| self.arrived.contains(&(layer, number));
        frame.temporal > 0
            && !arrived(frame.number)
            && arrived(frame.number.saturating_sub(1))
            && arrived(frame.number.saturating_add(1))
    }

    fn latency(&self) -> Histogram<u64> {
        // Bounded at a minute; three digits are more than the clock is worth.
        let mut histogram = Histogram::new_with_bounds(1, 60_000_000, 3).expect("these bounds are valid");
        for shown in &self.shown {
            histogram.saturating_record(shown.at_us.saturating_sub(shown.captured_us));
        }
        histogram
    }
}

/// What a source says of a frame that it sent.
#[derive(Clone, Copy)]
struct SentFrame {
    number: u32,
    temporal: u8,
}

/// The frames that a source sent, by layer and time of capture.
type Sent = BTreeMap<u8, BTreeMap<u64, SentFrame>>;

fn sent_by_layer(source: &[Entry], window: Window) -> Sent {
    let mut sent = Sent::new();
    for entry in source {
        if let Entry::Sent { layer, captured_us, number, temporal, .. } = entry
            && *captured_us < window.until_us
        {
            let frame = SentFrame { number: *number, temporal: *temporal };
            sent.entry(*layer).or_default().insert(*captured_us, frame);
        }
    }
    sent
}

/// How long pictures stood still beyond [`FREEZE_US`], also if none came any more.
fn frozen_us(shown: &[Shown], window: Window) -> u64 {
    let times = shown.iter().map(|shown| shown.at_us).filter(|at_us| window.has(*at_us));
    let mut times: Vec<u64> = times.collect();
    if window.from_us > 0 {
        times.insert(0, window.from_us);
    }
    if times.is_empty() {
        return 0;
    }
    times.push(window.until_us);
    times.windows(2).map(|pair| (pair[1] - pair[0]).saturating_sub(FREEZE_US)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME_US: u64 = 40_000;
    const WHOLE: Window = Window { from_us: 0, until_us: 100 * FRAME_US };

    fn source(frames: u64) -> Vec<Entry> {
        let mut journal = vec![Entry::Started { at_us: 0, node: "s".into() }];
        for n in 0..frames {
            for layer in [0, 1, 2] {
                let captured_us = n * FRAME_US;
                let temporal = (n % 2) as u8;
                journal.push(Entry::Sent {
                    at_us: captured_us,
                    layer,
                    number: n as u32,
                    captured_us,
                    temporal,
                });
            }
        }
        journal
    }

    fn decoded(n: u64, layer: u8) -> Entry {
        let captured_us = n * FRAME_US;
        Entry::Decoded {
            at_us: captured_us + 50_000,
            source: "s".into(),
            layer,
            number: n as u32,
            captured_us,
        }
    }

    fn receiver(frames: impl Iterator<Item = (u64, u8)>) -> Vec<Entry> {
        let mut journal = vec![Entry::Started { at_us: 0, node: "r".into() }];
        for (n, layer) in frames {
            let (number, captured_us) = (n as u32, n * FRAME_US);
            journal.push(Entry::Opened {
                at_us: captured_us,
                source: "s".into(),
                layer,
                number,
                captured_us,
            });
            journal.push(decoded(n, layer));
        }
        journal
    }

    #[test]
    fn a_receiver_that_decodes_all_has_all_and_its_latency() {
        let all = received(&receiver((10..100).map(|n| (n, 2))), &source(100), WHOLE)
            .expect("both journals name their nodes");
        assert_eq!((all.video.sent, all.video.decoded), (90, 90));
        assert_eq!(all.frozen_ms, 0);
        assert_eq!(all.latency_p50_ms.round(), 50.0);
        assert_eq!(all.first_picture_ms, Some(450));
    }

    #[test]
    fn what_is_missing_shows_as_missing_and_as_frozen() {
        let frames = (0..100).filter(|n| !(20..40).contains(n)).map(|n| (n, 2));
        let some = received(&receiver(frames), &source(100), WHOLE).expect("named");
        assert_eq!((some.video.sent, some.video.decoded), (100, 80));
        assert_eq!(some.frozen_ms, 21 * 40 - 200);
    }

    #[test]
    fn a_receiver_that_stops_decoding_does_not_look_complete() {
        let some = received(&receiver((0..50).map(|n| (n, 2))), &source(100), WHOLE).expect("named");
        assert_eq!((some.video.sent, some.video.decoded), (100, 50));
        assert!(some.frozen_ms > 1_000);
    }

    #[test]
    fn a_change_of_layer_counts_each_layer_in_its_time() {
        let frames = (0..100).map(|n| (n, if n < 30 { 1 } else { 2 }));
        let both = received(&receiver(frames), &source(100), WHOLE).expect("named");
        assert_eq!((both.video.sent, both.video.decoded), (100, 100));
    }

    #[test]
    fn what_a_relay_thinned_is_counted_apart_from_what_went_missing() {
        let frames = (0..100).filter(|n| !(20..40).contains(n) || n % 2 == 0).map(|n| (n, 2));
        let some = received(&receiver(frames), &source(100), WHOLE).expect("named");
        assert_eq!((some.video.sent, some.video.decoded, some.video.thinned), (100, 90, 10));
        assert_eq!(some.video.percent(), 100.0);
        let frames = (0..100).filter(|n| !(20..40).contains(n)).map(|n| (n, 2));
        let gap = received(&receiver(frames), &source(100), WHOLE).expect("named");
        assert_eq!((gap.video.thinned, gap.video.percent()), (0, 80.0));
    }

    #[test]
    fn from_a_moment_on_all_counts_that_is_missing_from_then_on() {
        let frames = (0..100).filter(|n| !(50..70).contains(n)).map(|n| (n, 2));
        let late = Window { from_us: 50 * FRAME_US, ..WHOLE };
        let some = received(&receiver(frames), &source(100), late).expect("named");
        assert_eq!((some.video.sent, some.video.decoded), (50, 30));
        // A picture comes 50 ms after its capture: the last of before is shown 10 ms after that moment.
        assert_eq!(some.frozen_ms, 21 * 40 - 200);
        let gone = received(&receiver((0..50).map(|n| (n, 2))), &source(100), late).expect("named");
        assert_eq!((gone.video.percent(), gone.frozen_ms), (0.0, 50 * 40 - 10 - 200));
    }

    #[test]
    fn delays_are_of_frames_that_were_given_within_the_window() {
        let late = Window { from_us: 40 * FRAME_US, until_us: 60 * FRAME_US };
        let mut sent = source(100);
        for entry in &mut sent {
            if let Entry::Sent { at_us, .. } = entry {
                *at_us += 1_000;
            }
        }
        let got: Vec<Entry> = receiver((0..100).filter(|n| n % 2 == 0).map(|n| (n, 2)))
            .into_iter()
            .map(|mut entry| {
                if let Entry::Opened { at_us, .. } = &mut entry {
                    *at_us += 31_000;
                }
                entry
            })
            .collect();
        let delays = delays_us(&got, &sent, late);
        assert_eq!(delays.into_iter().collect::<Vec<_>>(), [(2, vec![30_000; 10])]);
    }

    #[test]
    fn nothing_decoded_is_no_success() {
        let none = received(&receiver(std::iter::empty()), &source(100), WHOLE).expect("named");
        assert_eq!(none.video.percent(), 0.0);
        assert_eq!(none.first_picture_ms, None);
    }
}
