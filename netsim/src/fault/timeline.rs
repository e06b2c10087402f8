//! Makes single faults, each at its moment, of the rows that a scenario has.

use std::collections::BTreeSet;
use std::time::Duration;

use overlay_core::io::Kind;
use overlay_core::time::Time;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Fault, Malice, Timeline};
use crate::cast::{Cast, Person};
use crate::geography::distance_km;
use crate::rng::{self, Subsystem};
use crate::scenario::{FaultSpec, Scenario, Target, What};

/// What goes wrong in a scenario, in the order of time; at one moment in the order of the rows. Each row draws
/// from a stream of its own. Nobody is hit before they start or after they leave.
pub fn timeline(scenario: &Scenario, cast: &Cast, seed: u64) -> Timeline {
    let end = Time::ZERO + scenario.length;
    let mut timeline = Timeline::new();
    for (row, spec) in (1_u64..).zip(&scenario.faults) {
        let mut rng = rng::stream(seed, Subsystem::Faults);
        rng.set_stream(Subsystem::Faults as u64 | row << ROW_SHIFT);
        match (spec.at, spec.permille_a_minute) {
            (Some(at), _) => at_once(&mut timeline, spec, cast, Time::ZERO + at, &mut rng),
            (None, Some(rate)) => at_random(&mut timeline, spec, cast, rate, end, &mut rng),
            (None, None) => {}
        }
    }
    timeline.retain(|(at, _)| *at <= end);
    timeline.sort_by_key(|(at, _)| *at);
    timeline
}

/// Streams of rows lie beyond those of subsystems.
const ROW_SHIFT: u32 = 8;

fn at_once(timeline: &mut Timeline, spec: &FaultSpec, cast: &Cast, at: Time, rng: &mut ChaCha8Rng) {
    let present = |person: &Person| is_there(person, at);
    let victims = victims(spec, cast, present, rng);
    let over = spec.lasts.map(|lasts| at + lasts);
    if spec.what == What::Partition {
        if !victims.is_empty() {
            timeline.push((at, Fault::Partition(victims)));
            timeline.extend(over.map(|over| (over, Fault::Heal)));
        }
        return;
    }
    for who in victims {
        timeline.push((at, begin(spec, who, cast)));
        timeline.extend(over.and_then(|over| Some((over, finish(spec, who, cast)?))));
    }
}

fn at_random(
    timeline: &mut Timeline,
    spec: &FaultSpec,
    cast: &Cast,
    permille_a_minute: u32,
    end: Time,
    rng: &mut ChaCha8Rng,
) {
    let from = Time::ZERO + spec.from.unwrap_or_default();
    let until = spec.until.map_or(end, |until| Time::ZERO + until);
    let mean_ns = 60e9 * 1_000.0 / f64::from(permille_a_minute);
    let wait = |rng: &mut ChaCha8Rng| Duration::from_nanos(rng::exponential(rng, mean_ns) as u64);
    for who in victims(spec, cast, |_| true, rng) {
        let person = &cast.people[who as usize];
        let mut at = from.max(person.arrives) + wait(rng);
        while at < until && is_there(person, at) {
            timeline.push((at, begin(spec, who, cast)));
            // What never ends happens once.
            let Some(lasts) = spec.lasts else { break };
            timeline.extend(finish(spec, who, cast).map(|over| (at + lasts, over)));
            at = at + lasts + wait(rng);
        }
    }
}

fn is_there(person: &Person, at: Time) -> bool {
    person.arrives <= at && person.leaves.is_none_or(|leaves| at < leaves)
}

/// Whom a row hits, in the order of their indices.
fn victims(
    spec: &FaultSpec,
    cast: &Cast,
    present: impl Fn(&Person) -> bool,
    rng: &mut ChaCha8Rng,
) -> Vec<u32> {
    let sites = region(spec, cast, rng);
    let meant = |at: usize, person: &Person| {
        at != COORDINATOR
            && present(person)
            && sites.as_ref().is_none_or(|sites| sites.contains(&person.site))
    };
    let everybody = (0_u32..).zip(cast.people.iter().enumerate());
    let mut hit: Vec<u32> = match spec.who {
        Target::Coordinator => return vec![COORDINATOR as u32],
        who => everybody
            .filter(|(_, (at, person))| meant(*at, person) && matches(who, person))
            .map(|(index, _)| index)
            .collect(),
    };
    let share_percent = if spec.who == Target::CoordinatorSplit { Some(50) } else { spec.share_percent };
    let wanted = match (spec.count, share_percent) {
        (Some(count), _) => count as usize,
        (None, Some(share)) => (hit.len() * share as usize).div_ceil(100),
        (None, None) => hit.len(),
    };
    choose(&mut hit, wanted, rng);
    if spec.who == Target::CoordinatorSplit {
        hit.insert(0, COORDINATOR as u32);
    }
    hit
}

/// The index of who plans.
const COORDINATOR: usize = 0;

fn matches(who: Target, person: &Person) -> bool {
    let participant = person.kind == Kind::Participant;
    match who {
        Target::Relays => person.kind == Kind::Relay,
        Target::People => participant,
        Target::Sources => participant && !person.sends.is_empty(),
        Target::Watchers => participant && person.sends.is_empty(),
        Target::Everybody | Target::CoordinatorSplit => true,
        Target::Coordinator => false,
    }
}

/// The sites that a row is about; none if it is about all.
fn region(spec: &FaultSpec, cast: &Cast, rng: &mut ChaCha8Rng) -> Option<BTreeSet<u32>> {
    let names = &cast.paths.names;
    if let Some(near) = &spec.near {
        let centre = names.iter().find(|site| site.name == *near);
        let within_km = f64::from(spec.within_km.unwrap_or(0));
        let is_near = |at: usize| match (centre.and_then(|site| site.place), names[at].place) {
            (Some(from), Some(to)) => distance_km(from, to) <= within_km,
            _ => names[at].name == *near,
        };
        return Some(
            (0_u32..).zip(0..names.len()).filter(|(_, at)| is_near(*at)).map(|(site, _)| site).collect(),
        );
    }
    let share = spec.sites_percent?;
    let lived_in: BTreeSet<u32> = cast.people.iter().map(|person| person.site).collect();
    let mut sites: Vec<u32> = lived_in.into_iter().collect();
    let wanted = (sites.len() * share as usize).div_ceil(100);
    choose(&mut sites, wanted, rng);
    Some(sites.into_iter().collect())
}

/// Keeps so many, drawn, in their order.
fn choose(from: &mut Vec<u32>, wanted: usize, rng: &mut ChaCha8Rng) {
    let wanted = wanted.min(from.len());
    for at in 0..wanted {
        let other = rng.random_range(at as u64..from.len() as u64) as usize;
        from.swap(at, other);
    }
    from.truncate(wanted);
    from.sort_unstable();
}

/// The fault itself. Values that a kind needs are there: the scenario was checked.
fn begin(spec: &FaultSpec, who: u32, cast: &Cast) -> Fault {
    let percent = spec.percent.unwrap_or(100);
    let malice = |how| Fault::Malice { who, how: Some(how) };
    match spec.what {
        What::Crash => Fault::Crash(who),
        What::Freeze => Fault::Freeze { who, span: spec.lasts.unwrap_or_default() },
        What::SlowUplink => Fault::Uplink { who, percent },
        What::Partition => Fault::Partition(vec![who]),
        What::Lossy => Fault::Loss {
            who,
            per_million: spec.per_million.unwrap_or_default(),
            burst: spec.burst.unwrap_or(1),
        },
        What::Drop => malice(Malice::Drop { forwarded: percent * 10 }),
        What::Delay => malice(Malice::Delay(spec.delay.unwrap_or_default())),
        What::Tamper => malice(Malice::Tamper),
        What::Replay => malice(Malice::Replay),
        What::Reorder => malice(Malice::Reorder),
        What::Lie => Fault::Lie { who, claims_kbps: claim(cast, who, percent) },
        What::Remove => Fault::Remove(who),
    }
}

/// What ends a fault; a freeze ends by itself.
fn finish(spec: &FaultSpec, who: u32, cast: &Cast) -> Option<Fault> {
    Some(match spec.what {
        What::Crash => Fault::Restart(who),
        What::Freeze | What::Remove => return None,
        What::SlowUplink => Fault::Uplink { who, percent: 100 },
        What::Partition => Fault::Heal,
        What::Lossy => Fault::Loss { who, per_million: 0, burst: 1 },
        What::Drop | What::Delay | What::Tamper | What::Replay | What::Reorder => {
            Fault::Malice { who, how: None }
        }
        What::Lie => Fault::Lie { who, claims_kbps: claim(cast, who, 100) },
    })
}

fn claim(cast: &Cast, who: u32, percent: u32) -> u32 {
    let kbps = u64::from(cast.people[who as usize].limit_kbps) * u64::from(percent) / 100;
    u32::try_from(kbps).unwrap_or(u32::MAX)
}
