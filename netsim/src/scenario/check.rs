//! Ranges of every value, and what has to go together.

mod fault;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use overlay_core::config::SLOTS;

use super::error::Wrong;
use super::{Arrive, Geography, Media, Mix, Models, Network, People, Relays, Scenario, Speech};

/// Participants.
pub const PEOPLE: RangeInclusive<u32> = 1..=20_000;
/// Volunteers in all.
pub const RELAYS: RangeInclusive<u32> = 0..=5_000;
/// Who sends, or would like to.
const SOURCES: RangeInclusive<u32> = 1..=1_000;
/// What is simulated.
pub const LENGTH: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(4 * 3_600);
/// kbit/s of an interface: a modem to 100 Gbit/s.
const INTERFACE_KBPS: RangeInclusive<u32> = 16..=100_000_000;
/// kbit/s of a layer.
const LAYER_KBPS: RangeInclusive<u32> = 6..=20_000;
const PERCENT: RangeInclusive<u32> = 0..=100;
const SHARE_PERCENT: RangeInclusive<u32> = 1..=100;
/// What may be lost in the long run: half of all packets.
const LOSS_PER_MILLION: RangeInclusive<u32> = 0..=500_000;
const BURST: RangeInclusive<u32> = 1..=1_000;
const JITTER_PERMILLE: RangeInclusive<u32> = 0..=1_000;
const JITTER_FLOOR: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(1);
const BUFFER: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(10);
const FLAT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(5);
const INFLATION_PERCENT: RangeInclusive<u32> = 100..=1_000;
const LAST_MILE_PERCENT: RangeInclusive<u32> = 0..=1_000;
/// Who may take over.
const DEPUTIES: RangeInclusive<u32> = 0..=16;
/// Rows of each list.
const ROWS_MAX: usize = 1_000;

type Checked = Result<(), Wrong>;

impl Scenario {
    /// Every value is in its range, and what is said goes together.
    pub(crate) fn check(&self) -> Checked {
        span("length", self.length, &LENGTH)?;
        moment("settle", self.settle, self.length)?;
        self.people.check(self.length)?;
        self.check_lists()?;
        self.geography.check()?;
        self.network.check()?;
        self.media.check()?;
        self.models.check()?;
        number("keys.deputies", self.keys.deputies, &DEPUTIES)?;
        self.check_sources()?;
        self.speech.check(self.voices())?;
        for (at, fault) in self.faults.iter().enumerate() {
            fault.check(&format!("faults[{at}]"), self)?;
        }
        if let Some(short) = &self.short {
            number("short.people", short.people, &(1..=self.people.count))?;
            span("short.length", short.length, &(*LENGTH.start()..=self.length))?;
        }
        Ok(())
    }

    fn check_lists(&self) -> Checked {
        let rows = [
            ("crowds", self.crowds.len()),
            ("relays", self.relays.len()),
            ("sources", self.sources.len()),
            ("faults", self.faults.len()),
            ("expected", self.expected.len()),
        ];
        if let Some((name, len)) = rows.into_iter().find(|(_, len)| *len > ROWS_MAX) {
            return Err(Wrong::new(name, format!("has {len} rows; {ROWS_MAX} are the most")));
        }
        for (at, crowd) in self.crowds.iter().enumerate() {
            moment(&format!("crowds[{at}].at"), crowd.at, self.length)?;
            moment(&format!("crowds[{at}].within"), crowd.within, self.length)?;
            moment(&format!("crowds[{at}].at"), crowd.at + crowd.within, self.length)?;
            number(&format!("crowds[{at}].people"), crowd.people, &PEOPLE)?;
        }
        for (at, kind) in self.relays.iter().enumerate() {
            kind.check(&format!("relays[{at}]"), self.length)?;
        }
        number("relays", self.relay_count(), &RELAYS)
    }

    fn check_sources(&self) -> Checked {
        for (at, kind) in self.sources.iter().enumerate() {
            let key = |name| format!("sources[{at}].{name}");
            number(&key("count"), kind.count, &SOURCES)?;
            if kind.uplink_min_kbps > 0 {
                number(&key("uplink_min_kbps"), kind.uplink_min_kbps, &INTERFACE_KBPS)?;
            }
            if kind.layers.is_empty() || !kind.layers.is_sorted_by(|a, b| a < b) {
                let why = "give each layer once, in the order audio, p180, p360, p720, for example [\"audio\", \"p180\"]";
                return Err(Wrong::new(key("layers"), why));
            }
        }
        let sources = self.source_count();
        number("sources", sources, &(0..=*SOURCES.end()))?;
        // The first participant plans, and does not come in a crowd.
        let seated = sources.max(1).saturating_add(self.crowd_count());
        if seated > self.people.count {
            let why = format!(
                "is {}; {} sources and {} people in crowds need {seated} or more",
                self.people.count,
                sources,
                self.crowd_count()
            );
            return Err(Wrong::new("people.count", why));
        }
        Ok(())
    }
}

impl People {
    fn check(&self, length: Duration) -> Checked {
        number("people.count", self.count, &PEOPLE)?;
        if self.arrive == Arrive::Burst {
            moment("people.within", self.within, length)?;
        }
        if self.leave_percent > 0 && self.stay.is_zero() {
            return Err(Wrong::new(
                "people.stay",
                "is nothing; give the median of a stay, for example \"20m\"",
            ));
        }
        number("people.leave_percent", self.leave_percent, &PERCENT)?;
        number("people.lend_percent", self.lend_percent, &SHARE_PERCENT)?;
        number("people.relaying_percent", self.relaying_percent, &PERCENT)?;
        if self.uplinks_csv.is_some() && self.uplinks != Mix::default() {
            return Err(Wrong::new("people.uplinks_csv", "stands beside people.uplinks; give one of them"));
        }
        let nat = &self.nat;
        let sum = nat.open_percent.saturating_add(nat.cone_percent).saturating_add(nat.symmetric_percent);
        if sum != 100 {
            let why =
                format!("open_percent, cone_percent and symmetric_percent are {sum} together; make it 100");
            return Err(Wrong::new("people.nat", why));
        }
        Ok(())
    }
}

impl Relays {
    fn check(&self, key: &str, length: Duration) -> Checked {
        let of = |name: &str| format!("{key}.{name}");
        number(&of("count"), self.count, &RELAYS)?;
        number(&of("uplink_kbps"), self.uplink_kbps, &INTERFACE_KBPS)?;
        if let Some(kbps) = self.downlink_kbps {
            number(&of("downlink_kbps"), kbps, &INTERFACE_KBPS)?;
        }
        number(&of("lend_percent"), self.lend_percent, &SHARE_PERCENT)?;
        moment(&of("at"), self.at, length)?;
        moment(&of("within"), self.within, length)?;
        moment(&of("at"), self.at + self.within, length)?;
        match self.lease {
            Some(lease) => span(&of("lease"), lease, &(Duration::from_millis(1)..=*LENGTH.end())),
            None => Ok(()),
        }
    }
}

impl Geography {
    fn check(&self) -> Checked {
        number("geography.inflation_percent", self.inflation_percent, &INFLATION_PERCENT)?;
        number("geography.last_mile_percent", self.last_mile_percent, &LAST_MILE_PERCENT)?;
        if let Some(flat) = self.flat {
            span("geography.flat", flat, &FLAT)?;
            if self.matrix.is_some() {
                return Err(Wrong::new("geography.flat", "stands beside geography.matrix; give one of them"));
            }
        }
        if self.weights.is_empty() {
            return Ok(());
        }
        if self.matrix.is_none() {
            return Err(Wrong::new(
                "geography.weights",
                "are of a matrix's columns; give geography.matrix or leave them out",
            ));
        }
        if self.weights.iter().all(|weight| *weight == 0) {
            return Err(Wrong::new("geography.weights", "are all 0; give at least one site a weight"));
        }
        Ok(())
    }
}

impl Network {
    fn check(&self) -> Checked {
        number("network.loss_per_million", self.loss_per_million, &LOSS_PER_MILLION)?;
        number("network.loss_burst", self.loss_burst, &BURST)?;
        number("network.jitter_permille", self.jitter_permille, &JITTER_PERMILLE)?;
        span("network.jitter_floor", self.jitter_floor, &JITTER_FLOOR)?;
        span("network.uplink_buffer", self.uplink_buffer, &BUFFER)?;
        span("network.downlink_buffer", self.downlink_buffer, &BUFFER)
    }
}

impl Media {
    fn check(&self) -> Checked {
        number("media.audio_kbps", self.audio_kbps, &LAYER_KBPS)?;
        number("media.p180_kbps", self.p180_kbps, &LAYER_KBPS)?;
        number("media.p360_kbps", self.p360_kbps, &LAYER_KBPS)?;
        number("media.p720_kbps", self.p720_kbps, &LAYER_KBPS)?;
        number("media.slots", self.slots, &(1..=SLOTS))?;
        number("media.gallery", self.gallery, &(0..=self.slots))
    }
}

impl Models {
    fn check(&self) -> Checked {
        number("models.star_kbps", self.star_kbps, &INTERFACE_KBPS)?;
        number("models.tree_children", self.tree_children, &(1..=100))?;
        number("models.mesh_degree", self.mesh_degree, &(1..=50))?;
        number("models.mesh_lazy", self.mesh_lazy, &(0..=50))
    }
}

impl Speech {
    fn check(&self, voices: u32) -> Checked {
        if self.speakers > voices {
            let why = format!("is {}, and {voices} sources send audio; give that or fewer", self.speakers);
            return Err(Wrong::new("speech.speakers", why));
        }
        if self.meeting.is_some() && self.trace.is_none() {
            return Err(Wrong::new("speech.meeting", "is one of a trace; give speech.trace or leave it out"));
        }
        Ok(())
    }
}

fn number<T: PartialOrd + Display + Copy>(key: &str, value: T, range: &RangeInclusive<T>) -> Checked {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Wrong::new(key, format!("is {value}; give {} to {}", range.start(), range.end())))
}

fn option(key: &str, value: Option<u32>, range: &RangeInclusive<u32>) -> Checked {
    value.map_or(Ok(()), |value| number(key, value, range))
}

fn span(key: &str, value: Duration, range: &RangeInclusive<Duration>) -> Checked {
    if range.contains(&value) {
        return Ok(());
    }
    let words = humantime::format_duration;
    let why = format!("is {}; give {} to {}", words(value), words(*range.start()), words(*range.end()));
    Err(Wrong::new(key, why))
}

fn moment(key: &str, value: Duration, length: Duration) -> Checked {
    if value <= length {
        return Ok(());
    }
    let words = humantime::format_duration;
    let why = format!("is {}; the end comes at {}, so give that or less", words(value), words(length));
    Err(Wrong::new(key, why))
}
