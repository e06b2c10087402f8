//! Draws everybody of a scenario from a seed.

use std::time::Duration;

use overlay_core::io::{Kind, LayerRate, Lends};
use overlay_core::time::Time;
use overlay_core::unit::Layer;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Cast, Nat, Paths, Person};
use crate::geography::{Sites, last_mile};
use crate::rng::{self, Subsystem};
use crate::scenario::{Arrive, NatShares, People, Relays, Scenario, ScenarioError};
use crate::uplinks::Uplinks;

/// How much arrivals of a burst and stays spread: the deviation of their logarithm (a guess; no public trace of
/// people joining and leaving video meetings is known).
const SIGMA: f64 = 1.0;
/// e to the 0.8416: the 80th percentile of a log-normal with that deviation, over its median.
const P80_OVER_MEDIAN: f64 = 2.320;
/// A burst ends there: who would come after the meeting's end is drawn again, so often.
const TRIES: usize = 32;

/// One stream for each question, so that an answer to one doesn't move the others.
struct Streams {
    places: ChaCha8Rng,
    uplinks: ChaCha8Rng,
    nats: ChaCha8Rng,
    arrivals: ChaCha8Rng,
    stays: ChaCha8Rng,
}

impl Cast {
    /// Everybody: participants, of whom the first are the sources and the last come in crowds; then volunteers.
    /// The error is the author's of a table that the scenario names.
    pub fn draw(scenario: &Scenario, seed: u64) -> Result<Cast, ScenarioError> {
        let stream = |of| rng::stream(seed, of);
        let mut streams = Streams {
            places: stream(Subsystem::Places),
            uplinks: stream(Subsystem::Uplinks),
            nats: stream(Subsystem::Nats),
            arrivals: stream(Subsystem::Arrivals),
            stays: stream(Subsystem::Stays),
        };
        let sites = Sites::of(scenario)?;
        sites.know_those_of(scenario)?;
        let uplinks = Uplinks::of(scenario)?;
        let crowds = crowd_arrivals(scenario);
        let seated = scenario.people.count as usize - crowds.len();
        let mut people: Vec<Person> = (0..scenario.people.count as usize)
            .map(|at| {
                let crowd = at.checked_sub(seated).map(|place| crowds[place]);
                participant(scenario, at, crowd, (&sites, &uplinks), &mut streams)
            })
            .collect();
        for kind in &scenario.relays {
            for place in 0..kind.count {
                people.push(volunteer(scenario, kind, place, &sites, &mut streams));
            }
        }
        let floor_ns = u64::try_from(scenario.network.jitter_floor.as_nanos()).unwrap_or(u64::MAX);
        let count = sites.sites.len();
        let mut paths = Paths::new(count, sites.one_way_ns, scenario.network.jitter_permille, floor_ns);
        paths.names = sites.sites;
        Ok(Cast { people, paths })
    }
}

fn participant(
    scenario: &Scenario,
    at: usize,
    crowd: Option<Time>,
    (sites, uplinks): (&Sites, &Uplinks),
    streams: &mut Streams,
) -> Person {
    let people = &scenario.people;
    let (sends, uplink_min_kbps) = sends(scenario, at);
    let mut interface = uplinks.draw(&mut streams.uplinks, &sends);
    interface.up_kbps = interface.up_kbps.max(uplink_min_kbps);
    let relays = rng::percent(&mut streams.uplinks, people.relaying_percent);
    let lends = if relays { Lends::Spare } else { Lends::UpTo(0) };
    let drawn = arrival(people, scenario.length, &mut streams.arrivals);
    let arrives = crowd.unwrap_or(if at == 0 { Time::ZERO } else { drawn });
    let leaves = leave(people, arrives, scenario.length, &mut streams.stays);
    let nat = nat(&people.nat, &mut streams.nats);
    Person {
        kind: Kind::Participant,
        uplink_kbps: interface.up_kbps,
        limit_kbps: percent_of(interface.up_kbps, people.lend_percent),
        lends,
        downlink_kbps: interface.down_kbps,
        site: sites.draw(&mut streams.places),
        last_mile: last_mile(&mut streams.places, &scenario.geography),
        // Everybody comes to the first by its contacts.
        nat: if at == 0 { Nat::Open } else { nat },
        arrives,
        leaves: leaves.filter(|_| at > 0 && sends.is_empty()),
        sends,
        watch: true,
        may_coordinate: at <= scenario.keys.deputies_agreed() as usize,
    }
}

fn volunteer(scenario: &Scenario, kind: &Relays, place: u32, sites: &Sites, streams: &mut Streams) -> Person {
    let arrives = Time::ZERO + kind.at + spread(kind.within, place, kind.count);
    Person {
        kind: Kind::Relay,
        uplink_kbps: kind.uplink_kbps,
        limit_kbps: percent_of(kind.uplink_kbps, kind.lend_percent),
        lends: Lends::Spare,
        downlink_kbps: kind.downlink_kbps.unwrap_or(kind.uplink_kbps),
        site: sites.draw(&mut streams.places),
        last_mile: last_mile(&mut streams.places, &scenario.geography),
        nat: Nat::Open,
        arrives,
        leaves: kind.lease.map(|lease| arrives + lease).filter(|end| *end < Time::ZERO + scenario.length),
        sends: Vec::new(),
        watch: false,
        may_coordinate: false,
    }
}

/// What the participant of this index sends, and the uplink that it has at least.
fn sends(scenario: &Scenario, at: usize) -> (Vec<LayerRate>, u32) {
    let mut first = 0;
    for kind in &scenario.sources {
        first += kind.count as usize;
        if at < first {
            let layers = kind.layers.iter().map(|name| scenario.media.rate(Layer::from(*name)));
            return (layers.collect(), kind.uplink_min_kbps);
        }
    }
    (Vec::new(), 0)
}

/// When those who come in crowds start, crowd by crowd.
fn crowd_arrivals(scenario: &Scenario) -> Vec<Time> {
    let one = |crowd: &crate::scenario::Crowd| {
        let (at, within, people) = (crowd.at, crowd.within, crowd.people);
        (0..people).map(move |place| Time::ZERO + at + spread(within, place, people))
    };
    scenario.crowds.iter().flat_map(one).collect()
}

/// The place of one of so many in a span.
fn spread(span: Duration, place: u32, of: u32) -> Duration {
    span * place / of.max(1)
}

fn arrival(people: &People, length: Duration, rng: &mut ChaCha8Rng) -> Time {
    if people.arrive == Arrive::AtOnce {
        return Time::ZERO;
    }
    let median_ns = people.within.as_nanos() as f64 / P80_OVER_MEDIAN;
    let mut draw = || rng::log_normal(rng, median_ns, SIGMA) as u64;
    let end = Time::ZERO + length;
    let drawn = (0..TRIES).map(|_| Time(draw())).find(|at| *at < end);
    drawn.unwrap_or(Time::ZERO + people.within)
}

fn leave(people: &People, arrives: Time, length: Duration, rng: &mut ChaCha8Rng) -> Option<Time> {
    let leaves = rng::percent(rng, people.leave_percent);
    let stay_ns = rng::log_normal(rng, people.stay.as_nanos() as f64, SIGMA) as u64;
    let end = arrives + Duration::from_nanos(stay_ns);
    (leaves && end < Time::ZERO + length).then_some(end)
}

fn nat(shares: &NatShares, rng: &mut ChaCha8Rng) -> Nat {
    let drawn = rng.random_range(0..100);
    if drawn < shares.open_percent {
        Nat::Open
    } else if drawn < shares.open_percent + shares.cone_percent {
        Nat::Cone
    } else {
        Nat::Symmetric
    }
}

fn percent_of(kbps: u32, percent: u32) -> u32 {
    u32::try_from(u64::from(kbps) * u64::from(percent) / 100).unwrap_or(u32::MAX).max(1)
}
