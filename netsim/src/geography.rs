//! Where people are, and how long it takes between places: built-in cities, a matrix of round-trip times from a
//! file, or one distance for all.

mod cities;
mod matrix;

use std::time::Duration;

use rand::{Rng, RngExt};

use crate::scenario::{Geography, Scenario, ScenarioError};

/// A place on the globe, in hundredths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// North is positive.
    pub lat_centi: i32,
    /// East is positive.
    pub lon_centi: i32,
}

/// Where people can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The city's name, or the column's.
    pub name: String,
    /// Where it is; a matrix doesn't say.
    pub place: Option<Place>,
}

/// The sites of a scenario with how many people are at each, and the delays between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sites {
    /// In the order of the delays.
    pub sites: Vec<Site>,
    /// How likely each is, relative to the others.
    pub weights: Vec<u32>,
    /// One way, row by row, ns.
    pub one_way_ns: Vec<u64>,
}

/// Kilometres that light goes in a fibre in a millisecond: two thirds of 299,792 km/s.
const FIBRE_KM_PER_MS: f64 = 199.86;
/// What routers and detours near both ends add to every path, one way (a guess; see `docs/netsim.md` for the fit).
const FIXED_NS: u64 = 2_000_000;
/// The mean radius of the Earth (IUGG).
const EARTH_KM: f64 = 6_371.0;

/// Round trip of a last mile, µs, by percentile: minimum RTTs of tests in the United States to the nearest M-Lab
/// server (NDT, October 2025, CC0). An upper estimate, since the way to that server is in it; the US has
/// servers in most regions.
const LAST_MILE_RTT_US: [(u32, u32); 8] =
    [(0, 200), (5, 800), (10, 2_700), (25, 7_400), (50, 15_000), (75, 27_800), (90, 45_700), (100, 71_500)];

impl Sites {
    /// What the scenario says.
    pub fn of(scenario: &Scenario) -> Result<Sites, ScenarioError> {
        let geography = &scenario.geography;
        match (&geography.matrix, geography.flat) {
            (Some(table), _) => matrix::read(&scenario.beside(table), &geography.weights),
            (None, Some(one_way)) => Ok(Sites::flat(one_way)),
            (None, None) => Ok(Sites::cities(geography)),
        }
    }

    /// Every site that a fault is near is one of these. For the built-in cities the scenario's check knows.
    pub fn know_those_of(&self, scenario: &Scenario) -> Result<(), ScenarioError> {
        let Some(table) = &scenario.geography.matrix else { return Ok(()) };
        for (at, fault) in scenario.faults.iter().enumerate() {
            if let Some(near) = &fault.near
                && self.sites.iter().all(|site| site.name != *near)
            {
                let why =
                    format!("has no column \"{near}\", which faults[{at}].near wants; give one that it has");
                let file = scenario.beside(table);
                return Err(ScenarioError::Table { file, line: 1, key: "geography.matrix", why });
            }
        }
        Ok(())
    }

    /// One site; everybody is this far from everybody.
    fn flat(one_way: Duration) -> Sites {
        let one_way_ns = u64::try_from(one_way.as_nanos()).unwrap_or(u64::MAX);
        let everywhere = Site { name: "everywhere".into(), place: None };
        Sites { sites: vec![everywhere], weights: vec![1], one_way_ns: vec![one_way_ns] }
    }

    /// The built-in cities.
    fn cities(geography: &Geography) -> Sites {
        let cities = cities::CITIES;
        let delay = |from: Place, to: Place| {
            let cable_km = distance_km(from, to) * f64::from(geography.inflation_percent) / 100.0;
            (cable_km / FIBRE_KM_PER_MS * 1e6) as u64 + FIXED_NS
        };
        Sites {
            sites: cities
                .iter()
                .map(|city| Site { name: city.name.into(), place: Some(city.place) })
                .collect(),
            weights: cities::weights(),
            one_way_ns: cities
                .iter()
                .flat_map(|from| cities.iter().map(move |to| delay(from.place, to.place)))
                .collect(),
        }
    }

    /// A site for somebody.
    pub fn draw(&self, rng: &mut impl Rng) -> u32 {
        let sum: u64 = self.weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut left = rng.random_range(0..sum.max(1));
        for (at, weight) in (0_u32..).zip(&self.weights) {
            match left.checked_sub(u64::from(*weight)) {
                Some(rest) => left = rest,
                None => return at,
            }
        }
        0
    }
}

/// One way of a last mile.
pub fn last_mile(rng: &mut impl Rng, geography: &Geography) -> Duration {
    let percentile = rng.random_range(0..100_000_u32);
    let rtt_us = between(&LAST_MILE_RTT_US, percentile);
    if geography.flat.is_some() {
        return Duration::ZERO;
    }
    Duration::from_nanos(rtt_us * 1_000 / 2 * u64::from(geography.last_mile_percent) / 100)
}

/// The value at a percentile (in thousandths of one) of a table of percentiles, on straight lines between them.
fn between(table: &[(u32, u32)], percentile_milli: u32) -> u64 {
    for pair in table.windows(2) {
        let ((p0, v0), (p1, v1)) = (pair[0], pair[1]);
        if percentile_milli < p1 * 1_000 {
            let into = i64::from(percentile_milli) - i64::from(p0) * 1_000;
            let rise = (i64::from(v1) - i64::from(v0)) * into / (i64::from(p1 - p0) * 1_000);
            return u64::try_from(i64::from(v0) + rise).unwrap_or(0);
        }
    }
    table.last().map_or(0, |(_, value)| u64::from(*value))
}

/// Along the great circle (haversine; `libm` computes the same on every machine).
pub fn distance_km(from: Place, to: Place) -> f64 {
    let radians = |centi: i32| f64::from(centi) / 100.0 * std::f64::consts::PI / 180.0;
    let (lat_from, lat_to) = (radians(from.lat_centi), radians(to.lat_centi));
    let half_lat = libm::sin((lat_to - lat_from) / 2.0);
    let half_lon = libm::sin((radians(to.lon_centi) - radians(from.lon_centi)) / 2.0);
    let chord = half_lat * half_lat + libm::cos(lat_from) * libm::cos(lat_to) * half_lon * half_lon;
    2.0 * EARTH_KM * libm::asin(chord.sqrt().min(1.0))
}

/// The names of the built-in cities.
pub fn city_names() -> impl Iterator<Item = &'static str> {
    cities::CITIES.iter().map(|city| city.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Subsystem, stream};

    fn at(sites: &Sites, name: &str) -> usize {
        sites.sites.iter().position(|site| site.name == name).unwrap()
    }

    #[test]
    fn cities_are_as_far_from_each_other_as_they_are() {
        let sites = Sites::cities(&Geography::default());
        let place = |name| sites.sites[at(&sites, name)].place.unwrap();
        // Great circle distances between city centres, public knowledge.
        for (from, to, km) in
            [("London", "New York", 5_570.0), ("Sydney", "Tokyo", 7_820.0), ("Auckland", "Madrid", 19_600.0)]
        {
            let is = distance_km(place(from), place(to));
            assert!((is - km).abs() < km * 0.01, "{from} to {to}: {is}");
        }
        let rtt_ms =
            sites.one_way_ns[at(&sites, "London") * sites.sites.len() + at(&sites, "New York")] / 500_000;
        // 5,570 km × 1.9 / 199.86 km/ms × 2 + 4 ms.
        assert_eq!(rtt_ms, 109);
    }

    #[test]
    fn people_are_where_people_are_online() {
        let sites = Sites::cities(&Geography::default());
        let mut rng = stream(1, Subsystem::Places);
        let mut counts = vec![0; sites.sites.len()];
        for _ in 0..100_000 {
            counts[sites.draw(&mut rng) as usize] += 1;
        }
        let sum: u64 = sites.weights.iter().map(|weight| u64::from(*weight)).sum();
        for (count, weight) in counts.iter().zip(&sites.weights) {
            let wanted = u64::from(*weight) * 100_000 / sum;
            assert!(
                wanted > 0 && u64::abs_diff(*count, wanted) < 50 + wanted / 5,
                "{count} and not {wanted}"
            );
        }
    }

    #[test]
    fn last_miles_have_their_percentiles() {
        let mut rng = stream(1, Subsystem::Places);
        let mut miles: Vec<Duration> =
            (0..100_000).map(|_| last_mile(&mut rng, &Geography::default())).collect();
        miles.sort_unstable();
        assert!(miles[50_000].abs_diff(Duration::from_micros(7_500)) < Duration::from_micros(200));
        assert!(miles[90_000].abs_diff(Duration::from_micros(22_850)) < Duration::from_micros(500));
    }
}
