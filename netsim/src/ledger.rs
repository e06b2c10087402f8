//! Writes down what happens, for the report. Nothing here has an influence on the run.

use std::collections::BTreeMap;
use std::time::Duration;

use overlay_core::io::Kind;
use overlay_core::time::Time;
use overlay_core::unit::{Frame, Layer};

use crate::cast::Cast;
use crate::id::index;
use crate::machine::{Heard, Machine};
use crate::overlay::Overlay;
use crate::payload::Parcel;
use crate::received::Published;
use crate::record::{
    DRAWN_MAX, Edge, GAP_MS, LATE_BY_MS, LayerRecord, NodeRecord, Record, Second, Violation,
};
use crate::scenario::Scenario;

/// One layer: what is counted with each frame, so that as little as possible is.
#[derive(Debug, Default)]
struct LayerSums {
    record: LayerRecord,
    /// True once a source has published it.
    published: bool,
    /// Since the last second.
    due: u64,
    delivered: u64,
    /// Frames by the links that they crossed.
    depth: Depth,
}

/// Frames by links, of 255 at most.
#[derive(Debug)]
struct Depth([u64; 256]);

impl Default for Depth {
    fn default() -> Depth {
        Depth([0; 256])
    }
}

/// What is written down, and what is needed to do so.
#[derive(Debug)]
pub struct Ledger {
    record: Record,
    layers: [LayerSums; Layer::ALL.len()],
    /// How many receivers take a layer of a source.
    takers: BTreeMap<(u32, Layer), u32>,
    /// What each source has published.
    published: Published,
    /// Of each machine: bytes, and control bytes, until the last second.
    before: Vec<(u64, u64)>,
    /// The source of the main picture.
    main: Option<u32>,
    main_bytes: u64,
    /// Receivers, each second.
    watcher_seconds: u64,
    /// Who began to speak off the stage, and who has heard what of it.
    floors: BTreeMap<u32, TakenFloor>,
    /// Delays are told of frames that are published from then on, and interruptions that begin then.
    settled: Time,
}

/// Somebody spoke who was not heard.
#[derive(Debug)]
struct TakenFloor {
    since: Time,
    /// Of each receiver: µs until the first word came, and packets of the first words.
    receivers: BTreeMap<u32, (Option<u64>, u64)>,
}

/// What counts as somebody's first words: half a second.
const FIRST_WORDS: Duration = Duration::from_millis(500);
/// Packets of sound in them.
const FIRST_PACKETS: u64 = 25;

impl Ledger {
    /// An empty ledger.
    pub fn new(scenario: &Scenario, cast: &Cast, system: &'static str, seed: u64) -> Ledger {
        let people = scenario.people.count;
        let record = Record {
            scenario: scenario.name(),
            system,
            seed,
            people,
            relays: scenario.relay_count(),
            ..Record::default()
        };
        let kbps = |who: &u32| -> u32 { cast.people[*who as usize].sends.iter().map(|rate| rate.kbps).sum() };
        let sources = (0..people).filter(|who| kbps(who) > 0);
        let main = sources.max_by_key(|who| (kbps(who), std::cmp::Reverse(*who)));
        Ledger {
            record,
            layers: Default::default(),
            takers: BTreeMap::new(),
            published: Published::default(),
            before: vec![(0, 0); cast.people.len()],
            main,
            main_bytes: 0,
            watcher_seconds: 0,
            floors: BTreeMap::new(),
            settled: Time::ZERO + scenario.settle,
        }
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.record.events
    }

    /// Something was given to an overlay.
    pub fn event(&mut self, unit: bool) {
        self.record.events += 1;
        self.record.unit_hops += u64::from(unit);
    }

    /// A source has published a frame.
    pub fn published(&mut self, source: u32, layer: Layer) {
        let takers = u64::from(self.takers.get(&(source, layer)).copied().unwrap_or(0));
        self.published.add(source, layer);
        let sums = &mut self.layers[layer as usize];
        sums.published = true;
        sums.record.due += takers;
        sums.due += takers;
    }

    /// A receiver is to get a source's sound and this picture from now on, or nothing.
    pub fn takes<O>(&mut self, machine: &mut Machine<O>, source: u32, layer: Option<Layer>) {
        let before = match layer {
            Some(layer) => machine.takes.insert(source, layer),
            None => machine.takes.remove(&source),
        };
        self.count(source, before, -1);
        self.count(source, layer, 1);
        machine.received.takes(source, with_sound(layer).as_slice(), &self.published);
        if layer.is_none_or(Layer::is_audio) {
            // Pictures that are not asked for any more don't fail to come.
            machine.heard.retain(|heard| heard.source != source || heard.sound);
        }
    }

    fn count(&mut self, source: u32, layer: Option<Layer>, step: i32) {
        for layer in with_sound(layer) {
            let takers = self.takers.entry((source, layer)).or_default();
            *takers = takers.saturating_add_signed(step);
        }
    }

    /// A receiver is gone.
    pub fn takes_nothing<O>(&mut self, machine: &mut Machine<O>) {
        self.settle(&std::mem::take(&mut machine.heard));
        for (source, layer) in std::mem::take(&mut machine.takes) {
            self.count(source, Some(layer), -1);
            machine.received.takes(source, &[], &self.published);
        }
    }

    /// A receiver was handed a frame that it could open.
    #[expect(clippy::too_many_arguments, reason = "each is another fact of one delivery")]
    pub fn delivered<O>(
        &mut self,
        now: Time,
        who: u32,
        feed: u32,
        frame: &Frame<Parcel>,
        hops: u8,
        machines: &mut [Machine<O>],
        cast: &Cast,
    ) {
        let parcel = &frame.payload;
        let (source, sound) = (parcel.source, frame.layer.is_audio());
        let delay = micros(now.since(parcel.born));
        if sound {
            self.first_words(now, who, frame);
        }
        let settled = parcel.born >= self.settled;
        let sums = &mut self.layers[frame.layer as usize];
        sums.delivered += 1;
        sums.depth.0[usize::from(hops)] += u64::from(settled);
        let layer = &mut sums.record;
        layer.delivered += 1;
        layer.bytes += u64::from(parcel.len);
        if settled {
            layer.delay.add(delay);
        }
        if Some(source) == self.main && !sound {
            self.main_bytes += u64::from(parcel.len);
        }
        let speaks_since = if sound { machines[source as usize].speaks_since } else { Time::ZERO };
        let machine = &mut machines[who as usize];
        machine.fed = now;
        if machine.first[usize::from(!sound)]
            .replace(machine.first[usize::from(!sound)].unwrap_or(now))
            .is_none()
        {
            let took = micros(now.since(machine.since));
            if sound { self.record.first_sound.add(took) } else { self.record.first_picture.add(took) }
        }
        let same = |heard: &Heard| heard.source == source && heard.sound == sound;
        let at = machine.heard.iter().position(same).unwrap_or_else(|| {
            let (from, to) = (&cast.people[source as usize], &cast.people[who as usize]);
            let direct_us = micros(cast.paths.one_way(from, to));
            machine.heard.push(Heard { source, sound, feed, at: now, direct_us, frames: [0; 4] });
            machine.heard.len() - 1
        });
        let heard = &mut machine.heard[at];
        heard.frames[frame.layer as usize] += u32::from(settled);
        let late = delay > heard.direct_us + LATE_BY_MS * 1_000;
        layer.late += u64::from(late);
        machine.received.add(frame.layer, late);
        // While somebody does not speak nothing is missing.
        let gap = now.since(heard.at.max(speaks_since));
        if heard.feed == feed && gap > GAP && heard.at >= self.settled {
            layer.gaps.add(gap.as_millis() as u64);
        }
        (heard.feed, heard.at) = (feed, now);
    }

    /// The direct paths of what a machine was handed, each as often as frames came.
    fn settle(&mut self, heard: &[Heard]) {
        for heard in heard {
            for (sums, frames) in self.layers.iter_mut().zip(heard.frames) {
                sums.record.direct.add_many(heard.direct_us, u64::from(frames));
            }
        }
    }

    /// Somebody begins to speak whose sound the stage does not take yet.
    pub fn speaks_unheard<O>(&mut self, now: Time, who: u32, machines: &[Machine<O>], cast: &Cast) {
        self.end_of_words(who);
        let all = (0..).zip(machines.iter().zip(&cast.people));
        let there = all.filter(|(at, (machine, person))| {
            let settled = now.since(machine.since) >= Duration::from_secs(2);
            *at != who && machine.overlay.is_some() && person.watch && settled
        });
        let receivers = there.map(|(at, _)| (at, (None, 0))).collect();
        self.floors.insert(who, TakenFloor { since: now, receivers });
    }

    fn first_words(&mut self, now: Time, who: u32, frame: &Frame<Parcel>) {
        let Some(floor) = self.floors.get_mut(&frame.payload.source) else { return };
        let born = frame.payload.born;
        if let Some((first, words)) = floor.receivers.get_mut(&who).filter(|_| born >= floor.since) {
            first.get_or_insert(micros(now.since(floor.since)));
            *words += u64::from(born.since(floor.since) < FIRST_WORDS);
        }
    }

    fn end_of_words(&mut self, who: u32) {
        let Some(floor) = self.floors.remove(&who) else { return };
        for (first, words) in floor.receivers.into_values() {
            self.record.first_words.0 += words.min(FIRST_PACKETS);
            self.record.first_words.1 += FIRST_PACKETS;
            match first {
                Some(first) => self.record.floor_taken.add(first),
                None => self.record.never_heard += 1,
            }
        }
    }

    /// A receiver was handed a frame that somebody had changed: it did not open.
    pub fn rejected(&mut self) {
        self.record.rejected += 1;
    }

    /// The coordinator lets somebody feed nobody any more.
    pub fn demoted(&mut self, now: Time, who: u32, is_hostile: bool) {
        self.record.demoted[usize::from(is_hostile)] += 1;
        let kind = if is_hostile { "hostile" } else { "honest" };
        self.record.happened(now, format!("node {who}, {kind}, feeds nobody any more"), false);
    }

    /// A tree carried again after its parent had changed.
    pub fn repaired(&mut self, gap: Duration) {
        self.record.repairs.add(micros(gap));
    }

    /// Something for the timeline.
    pub fn happened(&mut self, now: Time, what: String, fault: bool) {
        self.record.happened(now, what, fault);
    }

    /// A second is over.
    pub fn second<O: Overlay>(&mut self, now: Time, nodes: u32, machines: &mut [Machine<O>], cast: &Cast) {
        let mut second = Second { nodes, ..Second::default() };
        for (layer, sums) in Layer::ALL.into_iter().zip(&mut self.layers).filter(|(_, sums)| sums.published) {
            second.due.insert(layer, std::mem::take(&mut sums.due));
            second.delivered.insert(layer, std::mem::take(&mut sums.delivered));
        }
        for ((machine, person), before) in machines.iter_mut().zip(&cast.people).zip(&mut self.before) {
            second.sent[usize::from(person.kind == Kind::Relay)] += machine.out.sent - before.0;
            second.control += machine.control - before.1;
            *before = (machine.out.sent, machine.control);
            let Some(overlay) = &machine.overlay else { continue };
            machine.received.limited_s += u32::from(overlay.downlink_kbps() > 0);
            let children = overlay.trees().iter().map(|tree| tree.children.len()).sum::<usize>();
            machine.children_max = machine.children_max.max(u32::try_from(children).unwrap_or(u32::MAX));
            let whole = now.since(machine.since) >= Duration::from_secs(1);
            let hungry = now.since(machine.fed) >= Duration::from_secs(1);
            second.starved += u32::from(whole && hungry && !machine.takes.is_empty());
            self.watcher_seconds += u64::from(machine.takes.keys().any(|source| Some(*source) == self.main));
        }
        self.record.seconds.push(second);
    }

    /// The run has ended.
    pub fn finish<O: Overlay>(
        mut self,
        now: Time,
        complete: bool,
        hash: u128,
        machines: &[Machine<O>],
        cast: &Cast,
        violations: Vec<Violation>,
    ) -> Record {
        for machine in machines {
            self.settle(&machine.heard);
        }
        // Of who has only just begun nobody can have heard much.
        self.floors.retain(|_, floor| now.since(floor.since) >= Duration::from_secs(2));
        for who in self.floors.keys().copied().collect::<Vec<_>>() {
            self.end_of_words(who);
        }
        let mut record = std::mem::take(&mut self.record);
        for (layer, sums) in Layer::ALL.into_iter().zip(std::mem::take(&mut self.layers)) {
            if sums.published {
                let mut of = sums.record;
                (0..).zip(sums.depth.0).for_each(|(links, frames)| of.depth.add_many(links, frames));
                record.layers.insert(layer, of);
            }
        }
        record.simulated = now.since(Time::ZERO);
        record.settled = now.since(self.settled);
        record.complete = complete;
        record.hash = hash;
        record.violations = violations;
        let nodes = machines.iter().zip(&cast.people).map(|(machine, person)| {
            let running = machine.overlay.as_ref().map_or(Duration::ZERO, |_| now.since(machine.since));
            NodeRecord {
                kind: Some(person.kind),
                limit_kbps: person.limit_kbps,
                up_s: u32::try_from((machine.up + running).as_secs()).unwrap_or(u32::MAX),
                sent: machine.out.sent,
                control: machine.control,
                lists: machine.lists,
                received: machine.inward.received,
                highest_second: machine.out.highest_second,
                children_max: machine.children_max,
                dropped: machine.dropped,
                downlink_kbps: person.downlink_kbps,
                narrow: cast.is_narrow(person),
                limited_s: machine.received.limited_s,
                frames: machine.received.until_now(&self.published),
            }
        });
        record.nodes = nodes.collect();
        if machines.len() <= DRAWN_MAX {
            record.trees = edges(machines);
        }
        record.bound_kbps = self.bound_kbps(cast);
        record.goodput_kbps = self.main_bytes as f64 / 125.0 / self.watcher_seconds.max(1) as f64;
        record
    }

    /// min(u_s, (u_s + Σu)/n): what any system could give n receivers of one source (Mundinger, Weber and Weiss,
    /// Journal of Scheduling 11, 2008), all uplinks taken for it.
    fn bound_kbps(&self, cast: &Cast) -> f64 {
        let Some(main) = self.main else { return 0.0 };
        let limit = |who: usize| u64::from(cast.people[who].limit_kbps);
        let watchers = cast.people.iter().filter(|person| person.watch).count().saturating_sub(1);
        let all: u64 = (0..cast.people.len()).map(limit).sum();
        let own = limit(main as usize);
        (own as f64).min(all as f64 / watchers.max(1) as f64)
    }
}

/// A layer that is taken, and the sound that is taken with it.
fn with_sound(layer: Option<Layer>) -> Vec<Layer> {
    let both = layer.map(|layer| [Some(Layer::Audio), Some(layer).filter(|layer| !layer.is_audio())]);
    both.into_iter().flatten().flatten().collect()
}

/// See [`GAP_MS`].
const GAP: Duration = Duration::from_millis(GAP_MS);

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn edges<O: Overlay>(machines: &[Machine<O>]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (child, machine) in (0..).zip(machines) {
        for tree in machine.overlay.as_ref().map(Overlay::trees).unwrap_or_default() {
            if let Some(parent) = tree.parent.map(index) {
                let name = format!("slot {} {:?}", tree.tree.slot, tree.tree.layer);
                edges.push(Edge { tree: name, parent, child });
            }
        }
    }
    edges
}
