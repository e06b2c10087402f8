//! Delays of real processes beside those that `netsim` has by the same scenario and seed: the same people and volunteers,
//! lines and ways, and the same frames that count.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use canopy_players::measure::{self, Window};
use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use netsim::record::Record;
use netsim::scenario::Scenario;
use netsim::system::{self, System};
use overlay_core::unit::Layer;

use crate::place;
use crate::scene::{Left, Scene};

/// How far the median of the simulated delays may be from that of the real ones, percent.
pub const OFF_PERCENT: f64 = 10.0;
/// Everybody's place is asked for so long before the end.
const ASKED_BEFORE_END: Duration = Duration::from_secs(3);

/// What was measured of one layer.
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    frames: u64,
    p50_ms: f64,
    p95_ms: f64,
}

/// One meeting, real and simulated.
pub struct Pair {
    seed: u64,
    layers: BTreeMap<Layer, [Spread; 2]>,
    /// What the direct paths take at the median, by layer, ms.
    direct_ms: BTreeMap<Layer, f64>,
    /// Links from source to receiver, mean.
    depth: [f64; 2],
    /// Of all frames that were due, percent.
    delivered: [f64; 2],
    /// How late the link handed packets over: the half, 99 of 100, µs.
    late_us: (u64, u64),
    dropped: u64,
}

/// Holds the scenario with real processes, and runs it in `netsim`.
///
/// # Errors
/// Why it could not be held.
pub async fn pair(program: &Path, out: &Path, scenario: &Scenario, seed: u64) -> Result<Pair> {
    ensure!(scenario.faults.is_empty(), "faults: nothing goes wrong in a calibration; leave them out");
    let mut scene = Scene::set(program, out, scenario, seed, None).await?;
    scene.play(scenario.length.saturating_sub(ASKED_BEFORE_END)).await?;
    let depths = place::depths(&scene.places().await);
    scene.play(scenario.length).await?;
    let left = scene.end().await?;
    let record = system::run(System::Canopy, scenario.clone(), seed, |_| true)?;
    ensure!(record.complete, "netsim ended early: {:?}", record.violations.first());
    let window = Window::between(left.began_us + scenario.settle.as_micros() as u64, left.ended_us);
    let real = delays(&left, window);
    let simulated = |layer: Layer| record.layers.get(&layer).map_or(Spread::default(), simulated);
    let direct = |layer: &Layer| {
        record.layers.get(layer).map_or(0.0, |of| of.direct.0.value_at_quantile(0.5) as f64 / 1e3)
    };
    Ok(Pair {
        seed,
        direct_ms: real.keys().map(|layer| (*layer, direct(layer))).collect(),
        layers: real.into_iter().map(|(layer, values)| (layer, [spread(values), simulated(layer)])).collect(),
        depth: [mean(depths.iter().map(|links| *links as f64)), depth(&record)],
        delivered: [delivered(&left, window), continuity(&record)],
        late_us: left.held.late_us,
        dropped: left.held.dropped,
    })
}

impl Pair {
    /// The layers whose median is further off than [`OFF_PERCENT`], in words.
    pub fn off(&self) -> Vec<String> {
        let off = self.layers.iter().map(|(layer, [real, simulated])| (layer, off_percent(real, simulated)));
        off.filter(|(_, off)| off.abs() > OFF_PERCENT || off.is_nan())
            .map(|(layer, off)| {
                format!("seed {}: netsim's median of {layer:?} is {off:+.1} % off", self.seed)
            })
            .collect()
    }
}

/// All of them as a table.
///
/// # Errors
/// None in practice: a text takes whatever is written.
pub fn table(pairs: &[Pair]) -> Result<String> {
    let header = [
        "seed",
        "layer",
        "frames",
        "direct p50",
        "real p50",
        "netsim p50",
        "off %",
        "real p95",
        "netsim p95",
        "off %",
    ];
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    for pair in pairs {
        for (layer, [real, simulated]) in &pair.layers {
            let p95_off = (simulated.p95_ms / real.p95_ms - 1.0) * 100.0;
            let numbers = [
                format!("{}", real.frames),
                format!("{:.1}", pair.direct_ms[layer]),
                format!("{:.1}", real.p50_ms),
                format!("{:.1}", simulated.p50_ms),
                format!("{:+.1}", off_percent(real, simulated)),
                format!("{:.1}", real.p95_ms),
                format!("{:.1}", simulated.p95_ms),
                format!("{p95_off:+.1}"),
            ];
            let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            table.add_row(
                [Cell::new(pair.seed), Cell::new(format!("{layer:?}"))].into_iter().chain(numbers.map(right)),
            );
        }
    }
    let mut text = format!("{table}\n");
    for pair in pairs {
        writeln!(
            text,
            "seed {}: links from source to receiver, mean: real {:.2}, netsim {:.2}; of what was due came: real {:.1} %, netsim {:.1} %; link: {} µs late (99 %: {}), {} dropped",
            pair.seed,
            pair.depth[0],
            pair.depth[1],
            pair.delivered[0],
            pair.delivered[1],
            pair.late_us.0,
            pair.late_us.1,
            pair.dropped
        )?;
    }
    Ok(text)
}

fn off_percent(real: &Spread, simulated: &Spread) -> f64 {
    (simulated.p50_ms / real.p50_ms - 1.0) * 100.0
}

/// From publishing to opened, of all receivers and sources, µs.
fn delays(left: &Left, window: Window) -> BTreeMap<Layer, Vec<u64>> {
    let mut all: BTreeMap<Layer, Vec<u64>> = BTreeMap::new();
    for (receiver, source) in pairs(left) {
        for (layer, delays) in measure::delays_us(&left.journals[receiver], &left.journals[source], window) {
            if let Some(layer) = Layer::from_byte(layer) {
                all.entry(layer).or_default().extend(delays);
            }
        }
    }
    all
}

/// Of what was due to each receiver of each source, percent.
fn delivered(left: &Left, window: Window) -> f64 {
    let (mut due, mut came) = (0, 0);
    for (receiver, source) in pairs(left) {
        if let Some(row) = measure::received(&left.journals[receiver], &left.journals[source], window) {
            for stream in [row.video, row.audio] {
                due += stream.sent - stream.thinned;
                came += stream.decoded;
            }
        }
    }
    if due == 0 { 0.0 } else { came as f64 * 100.0 / due as f64 }
}

/// Who receives whom.
fn pairs(left: &Left) -> impl Iterator<Item = (usize, usize)> {
    let sources = (0..left.journals.len()).filter(|who| !left.cast.people[*who].sends.is_empty());
    sources.flat_map(|source| {
        (0..left.journals.len()).filter(move |who| *who != source).map(move |who| (who, source))
    })
}

fn spread(mut values: Vec<u64>) -> Spread {
    values.sort_unstable();
    let at = |of: usize| values.get(values.len() * of / 100).map_or(0.0, |value| *value as f64 / 1e3);
    Spread { frames: values.len() as u64, p50_ms: at(50), p95_ms: at(95) }
}

fn simulated(of: &netsim::record::LayerRecord) -> Spread {
    let at = |quantile| of.delay.0.value_at_quantile(quantile) as f64 / 1e3;
    Spread { frames: of.delay.0.len(), p50_ms: at(0.5), p95_ms: at(0.95) }
}

fn depth(record: &Record) -> f64 {
    let (mut links, mut frames) = (0.0, 0.0);
    for of in record.layers.values() {
        links += of.depth.0.mean() * of.depth.0.len() as f64;
        frames += of.depth.0.len() as f64;
    }
    if frames == 0.0 { 0.0 } else { links / frames }
}

fn continuity(record: &Record) -> f64 {
    let (due, came) =
        record.layers.values().fold((0, 0), |(due, came), of| (due + of.due, came + of.delivered));
    if due == 0 { 0.0 } else { came as f64 * 100.0 / due as f64 }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    if count == 0.0 { 0.0 } else { sum / count }
}

/// The scenario of `make calibrate`.
///
/// # Errors
/// What is wrong with it.
pub fn scenario() -> Result<Scenario> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/twenty.toml");
    Ok(Scenario::read(file)?)
}
