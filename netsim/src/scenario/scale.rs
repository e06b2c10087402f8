//! The same scenario with fewer or more people, or of another length.

use std::time::Duration;

use super::{Arrive, LENGTH, PEOPLE, RELAYS, Scenario};

impl Scenario {
    /// The same with so many participants (brought into [`PEOPLE`]). Volunteers, crowds, and faults that count
    /// their victims scale in proportion, each to 1 at least; the last sources go if there are too few people.
    pub fn with_people(mut self, n: u32) -> Scenario {
        let before = self.people.count;
        let n = n.clamp(*PEOPLE.start(), *PEOPLE.end());
        let scaled = |count: u32| scale(count, n, before);
        self.people.count = n;
        let mut seats = n;
        self.sources.retain_mut(|kind| {
            kind.count = kind.count.min(seats);
            seats -= kind.count;
            kind.count > 0
        });
        self.speech.speakers = self.speech.speakers.min(self.voices());
        let mut seats = n - self.source_count().max(1);
        self.crowds.retain_mut(|crowd| {
            crowd.people = scaled(crowd.people).min(seats);
            seats -= crowd.people;
            crowd.people > 0
        });
        let mut seats = *RELAYS.end();
        for kind in &mut self.relays {
            kind.count = if kind.count == 0 { 0 } else { scaled(kind.count).min(seats) };
            seats -= kind.count;
        }
        for fault in &mut self.faults {
            fault.count = fault.count.map(|count| scaled(count).min(PEOPLE.end() + RELAYS.end()));
        }
        if let Some(short) = &mut self.short {
            short.people = short.people.min(n);
        }
        self
    }

    /// The same over another length (brought into [`LENGTH`]). If a fault or an arrival lies beyond the new end,
    /// all moments are scaled, so that their order stays; spans (how long a fault lasts, a lease) stay as they
    /// are unless they would then pass the end.
    pub fn with_length(mut self, length: Duration) -> Scenario {
        let before = self.length;
        let length = length.clamp(*LENGTH.start(), *LENGTH.end());
        self.length = length;
        let settle = self.settle;
        self.settle = settle.min(length);
        if let Some(short) = &mut self.short {
            short.length = short.length.min(length);
        }
        if length >= before || last_moment(&self, before) <= length {
            return self;
        }
        let scaled = |moment: Duration| stretch(moment, length, before);
        self.settle = scaled(settle);
        if self.people.arrive == Arrive::Burst {
            self.people.within = scaled(self.people.within);
        }
        for crowd in &mut self.crowds {
            crowd.at = scaled(crowd.at);
            crowd.within = fitted(crowd.within, crowd.at, length, before);
        }
        for kind in &mut self.relays {
            kind.at = scaled(kind.at);
            kind.within = fitted(kind.within, kind.at, length, before);
            let starts = kind.at + kind.within;
            kind.lease = kind.lease.map(|lease| fitted(lease, starts, length, before).max(SPAN_MIN));
        }
        for fault in &mut self.faults {
            fault.at = fault.at.map(scaled);
            fault.from = fault.from.map(scaled);
            fault.until = fault.until.map(scaled);
            let starts = fault.at.or(fault.from).unwrap_or_default();
            fault.lasts = fault.lasts.map(|lasts| fitted(lasts, starts, length, before).max(SPAN_MIN));
        }
        self
    }

    /// The form that tests run: as `[short]` says, or as it is if it says nothing.
    pub fn shortened(self) -> Scenario {
        match self.short.clone() {
            Some(short) => self.with_people(short.people).with_length(short.length),
            None => self,
        }
    }
}

/// The last moment at which something is due. What lasts beyond the end anyway counts with its beginning.
fn last_moment(scenario: &Scenario, end: Duration) -> Duration {
    let ends = |starts: Duration, span: Duration| if starts + span > end { starts } else { starts + span };
    let burst = (scenario.people.arrive == Arrive::Burst).then_some(scenario.people.within);
    let crowds = scenario.crowds.iter().map(|crowd| crowd.at + crowd.within);
    let relays =
        scenario.relays.iter().map(|kind| ends(kind.at + kind.within, kind.lease.unwrap_or_default()));
    let faults = scenario.faults.iter().map(|fault| {
        let starts = fault.at.or(fault.from).unwrap_or_default();
        ends(starts, fault.lasts.unwrap_or_default()).max(fault.until.unwrap_or_default())
    });
    burst.into_iter().chain(crowds).chain(relays).chain(faults).max().unwrap_or_default()
}

/// The shortest span of a fault or a lease, as [`Scenario::check`] wants it.
const SPAN_MIN: Duration = Duration::from_millis(1);

fn scale(count: u32, to: u32, from: u32) -> u32 {
    let exact = u64::from(count) * u64::from(to);
    let rounded = (exact + u64::from(from) / 2) / u64::from(from.max(1));
    u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
}

fn stretch(span: Duration, to: Duration, from: Duration) -> Duration {
    let nanos = span.as_nanos() * to.as_nanos() / from.as_nanos().max(1);
    // Below four hours: 2⁶⁴ ns are 584 years.
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A span that stays if it ends before the end, and is scaled, or cut off there, if not.
fn fitted(span: Duration, starts: Duration, length: Duration, before: Duration) -> Duration {
    if starts + span <= length {
        return span;
    }
    stretch(span, length, before).min(length.saturating_sub(starts))
}
