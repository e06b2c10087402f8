//! What interfaces carry: tables of percentiles, built in or from a file.
//!
//! Up and down are drawn at the same percentile: who has a fast line has it both ways. Between two percentiles
//! values lie on a straight line; a percentile that stands twice is a step.

use std::path::Path;

use overlay_core::io::LayerRate;
use rand::{Rng, RngExt};
use serde::Deserialize;

use crate::scenario::{Mix, Scenario, ScenarioError};

/// What an interface carries each way, kbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Out.
    pub up_kbps: u32,
    /// In.
    pub down_kbps: u32,
}

/// A percentile (0 to 100), and the interface there.
type Row = (f64, Interface);

/// A mix of interfaces.
#[derive(Clone, Debug, PartialEq)]
pub enum Uplinks {
    /// By percentile.
    Table(Vec<Row>),
    /// Just enough for what each sends itself.
    Own,
}

/// Four classes: 30 % 1 to 3, 40 % 5 to 10, 25 % 20 to 40, 5 % from 100 Mbit/s up (to 300, a guess): the mix that
/// results about overlays are stated for here. Down is [`HOME_DOWN`] times up.
const HOME: [(u32, u32); 8] = [
    (0, 1_000),
    (30, 3_000),
    (30, 5_000),
    (70, 10_000),
    (70, 20_000),
    (95, 40_000),
    (95, 100_000),
    (100, 300_000),
];
/// How many times faster than up the lines of `home` are down; M-Lab's world blend has 2.8 at the median and
/// 3.4 at the lower quartile.
const HOME_DOWN: u32 = 4;

/// Percentile, up and down in kbit/s: the percentiles of 238 countries in M-Lab's NDT, October 2025 (CC0), blended
/// with the number of tests in each as weight (77 million up). Below the 5th percentile tests are mostly broken:
/// that value stands for them, and the 99th for those above.
const MLAB: [(u32, u32, u32); 12] = [
    (0, 84, 1_190),
    (5, 84, 1_190),
    (10, 331, 3_190),
    (20, 2_405, 9_730),
    (30, 6_278, 19_920),
    (40, 11_703, 33_490),
    (50, 19_914, 55_090),
    (60, 29_916, 82_290),
    (75, 65_730, 173_440),
    (90, 194_779, 388_790),
    (95, 329_248, 538_390),
    (100, 758_944, 869_830),
];

/// What control messages and probing take, kbit/s (a guess that leaves room for a note to everybody).
pub const CONTROL_KBPS: u32 = 300;
/// Of what a source sends, percent that it needs of its limit: the planner uses 85 % of a limit and keeps 10 % of
/// that free (`overlay_core::config`), and headers are 7 % more.
pub const OWN_PERCENT: u32 = 150;

/// What somebody needs to send only what is their own.
pub fn own_kbps(sends: &[LayerRate]) -> u32 {
    let sum: u32 = sends.iter().map(|layer| layer.kbps).sum();
    sum * OWN_PERCENT / 100 + CONTROL_KBPS
}

/// One row of a file.
#[derive(Deserialize)]
struct Line {
    percentile: f64,
    up_mbps: f64,
    down_mbps: f64,
}

const KEY: &str = "people.uplinks_csv";
/// The fastest interface of a table, Mbit/s.
const MBPS_MAX: f64 = 100_000.0;

impl Uplinks {
    /// What the scenario says of its participants.
    pub fn of(scenario: &Scenario) -> Result<Uplinks, ScenarioError> {
        if let Some(table) = &scenario.people.uplinks_csv {
            return read(&scenario.beside(table));
        }
        let row = |percentile: u32, up_kbps: u32, down_kbps: u32| {
            (f64::from(percentile), Interface { up_kbps, down_kbps })
        };
        Ok(match scenario.people.uplinks {
            Mix::Home => Uplinks::Table(HOME.iter().map(|(at, up)| row(*at, *up, up * HOME_DOWN)).collect()),
            Mix::Mlab => Uplinks::Table(MLAB.iter().map(|(at, up, down)| row(*at, *up, *down)).collect()),
            Mix::RelayOnly => Uplinks::Own,
        })
    }

    /// An interface for somebody who sends this.
    pub fn draw(&self, rng: &mut impl Rng, sends: &[LayerRate]) -> Interface {
        let at = f64::from(rng.random_range(0..100_000_u32)) / 1_000.0;
        match self {
            Uplinks::Table(rows) => between(rows, at),
            Uplinks::Own => Interface { up_kbps: own_kbps(sends), down_kbps: RELAY_ONLY_DOWN_KBPS },
        }
    }
}

/// What people in `relay-only` can take in: every source of a full stage, with room.
const RELAY_ONLY_DOWN_KBPS: u32 = 50_000;

/// The first row at or below 0 and the last one at or above 100 bound the table.
fn between(rows: &[Row], at: f64) -> Interface {
    for pair in rows.windows(2) {
        let ((p0, low), (p1, high)) = (pair[0], pair[1]);
        if at < p1 && p1 > p0 {
            let share = ((at - p0) / (p1 - p0)).max(0.0);
            let mix =
                |low: u32, high: u32| (f64::from(low) + (f64::from(high) - f64::from(low)) * share) as u32;
            return Interface {
                up_kbps: mix(low.up_kbps, high.up_kbps),
                down_kbps: mix(low.down_kbps, high.down_kbps),
            };
        }
    }
    rows[rows.len() - 1].1
}

fn read(file: &Path) -> Result<Uplinks, ScenarioError> {
    let wrong = |line: u64, why: String| ScenarioError::Table { file: file.into(), line, key: KEY, why };
    let text =
        std::fs::read_to_string(file).map_err(|source| wrong(1, format!("cannot be read: {source}")))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| wrong(1, error.to_string()))?.clone();
    if header.iter().ne(["percentile", "up_mbps", "down_mbps"]) {
        return Err(wrong(1, "has other columns; the first row is percentile,up_mbps,down_mbps".into()));
    }
    let mut rows: Vec<Row> = Vec::new();
    for record in reader.records() {
        let record = record
            .map_err(|error| wrong(error.position().map_or(1, csv::Position::line), error.to_string()))?;
        let line = record.position().map_or(1, csv::Position::line);
        let row: Line = record.deserialize(Some(&header)).map_err(|_| {
            wrong(line, "has something that is no number; give percentile, Mbit/s up, Mbit/s down".into())
        })?;
        let earlier = rows.last().map_or(0.0, |(at, _)| *at);
        if !(earlier..=100.0).contains(&row.percentile) {
            let why = format!(
                "percentile {} ; give 0 to 100, none below the one before ({earlier})",
                row.percentile
            );
            return Err(wrong(line, why));
        }
        let kbps = |mbps: f64| (MBPS_MIN..=MBPS_MAX).contains(&mbps).then_some((mbps * 1_000.0) as u32);
        let (Some(up_kbps), Some(down_kbps)) = (kbps(row.up_mbps), kbps(row.down_mbps)) else {
            return Err(wrong(
                line,
                format!("has a rate out of range; give {MBPS_MIN} to {MBPS_MAX} Mbit/s"),
            ));
        };
        rows.push((row.percentile, Interface { up_kbps, down_kbps }));
    }
    if rows.len() < 2 {
        return Err(wrong(1, "has fewer than two percentiles; give 0 and 100 at least".into()));
    }
    Ok(Uplinks::Table(rows))
}

/// The slowest interface of a table, Mbit/s.
const MBPS_MIN: f64 = 0.016;
