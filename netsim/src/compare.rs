//! What differs between two reports, as far as it matters.

use std::fmt;

use comfy_table::Table;

use crate::report::Report;
use crate::report::quantiles::Quantiles;

/// Which way a value should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    Up,
    Down,
    /// It says what kind of run it was, not how good it was.
    None,
}

/// How much a value has to move before it matters: more than both.
#[derive(Clone, Copy, Debug)]
struct Threshold {
    /// Of the first report's value.
    relative: f64,
    /// In the value's own unit.
    absolute: f64,
}

/// Milliseconds that people wait or lag: 5 %, and what a run of another seed moves them by.
const DELAY: Threshold = Threshold { relative: 0.05, absolute: 2.0 };
/// Milliseconds of rare things, whose extremes move more.
const RARE: Threshold = Threshold { relative: 0.15, absolute: 50.0 };
/// Shares of a whole: a tenth of a percent.
const SHARE: Threshold = Threshold { relative: 0.0, absolute: 0.001 };
/// Shares of traffic or capacity: a percent.
const COARSE: Threshold = Threshold { relative: 0.0, absolute: 0.01 };
/// Counts of rare things.
const COUNT: Threshold = Threshold { relative: 0.1, absolute: 2.0 };
/// Any change at all.
const ANY: Threshold = Threshold { relative: 0.0, absolute: 0.0 };

/// Whether a difference is for the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The second report is better.
    Better,
    /// The second report is worse.
    Worse,
    /// It's another run, or neither way is better.
    Other,
}

/// A value that differs enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The key in `report.json`.
    pub key: String,
    /// The first report's value, and the second's.
    pub a: String,
    /// See `a`.
    pub b: String,
    /// How far it moved, of the first value; none if that is zero, or no number.
    pub by: Option<f64>,
    /// For the better or the worse.
    pub verdict: Verdict,
}

/// The differences that matter: first of what was run, then of what came of it.
pub fn compare(a: &Report, b: &Report) -> Vec<Difference> {
    let mut differences = setting(a, b);
    let (first, second) = (measures(a), measures(b));
    for (key, value, aim, threshold) in &first {
        let other = second.iter().find(|(name, ..)| name == key).and_then(|(_, value, ..)| *value);
        differences.extend(difference(key, *value, other, *aim, *threshold));
    }
    for (key, value, aim, threshold) in second {
        if !first.iter().any(|(name, ..)| *name == key) {
            differences.extend(difference(&key, None, value, aim, threshold));
        }
    }
    differences
}

/// A table to read; one line if nothing differs enough.
pub fn text(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "no difference that matters\n".into();
    }
    let mut table = Table::new();
    table.set_header(["key", "first", "second", "change", ""]);
    for one in differences {
        let by = one.by.map_or(String::new(), |by| format!("{:+.1} %", by * 100.0));
        table.add_row([one.key.clone(), one.a.clone(), one.b.clone(), by, one.verdict.to_string()]);
    }
    format!("{table}\n")
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Better => "better",
            Verdict::Worse => "WORSE",
            Verdict::Other => "",
        })
    }
}

fn setting(a: &Report, b: &Report) -> Vec<Difference> {
    let of = |report: &Report| {
        [
            ("scenario", report.scenario.clone()),
            ("system", report.system.clone()),
            ("seed", report.seed.to_string()),
            ("people", report.people.to_string()),
            ("relays", report.relays.to_string()),
            ("simulated_ms", report.simulated_ms.to_string()),
        ]
    };
    let pairs = of(a).into_iter().zip(of(b)).filter(|((_, a), (_, b))| a != b);
    pairs
        .map(|((key, a), (_, b))| Difference { key: key.into(), a, b, by: None, verdict: Verdict::Other })
        .collect()
}

type Measure = (String, Option<f64>, Aim, Threshold);

/// Everything that is compared.
fn measures(report: &Report) -> Vec<Measure> {
    let totals = &report.totals;
    let mut all = vec![
        measure("complete", Some(f64::from(u8::from(report.complete))), Aim::Up, ANY),
        measure("violations", Some(report.violations.len() as f64), Aim::Down, ANY),
        measure("totals.continuity", totals.continuity, Aim::Up, SHARE),
        measure("totals.in_time", totals.in_time, Aim::Up, SHARE),
        measure("totals.starved_s", Some(totals.starved_s as f64), Aim::Down, COUNT),
        measure("totals.starved_at_end", Some(f64::from(totals.starved_at_end)), Aim::Down, ANY),
        measure("totals.goodput_share", totals.goodput_share, Aim::Up, COARSE),
        measure("totals.control_share", totals.control_share, Aim::Down, SHARE),
        measure("totals.relayed_share", totals.relayed_share, Aim::None, COARSE),
    ];
    for (layer, of) in &report.layers {
        let key = |name: &str| format!("layers.{layer:?}.{name}");
        all.push((key("continuity"), of.continuity, Aim::Up, SHARE));
        all.push((key("in_time"), of.in_time, Aim::Up, SHARE));
        all.push((key("stretch"), of.stretch, Aim::Down, Threshold { relative: 0.05, absolute: 0.02 }));
        all.push((key("depth.max"), some(&of.depth, of.depth.max), Aim::Down, ANY));
        all.push((key("gaps_ms.count"), Some(of.gaps_ms.count as f64), Aim::Down, COUNT));
        spread(&mut all, &key("delay_ms"), &of.delay_ms, DELAY);
        spread(&mut all, &key("gaps_ms"), &of.gaps_ms, RARE);
    }
    spread(&mut all, "repairs_ms", &report.repairs_ms, RARE);
    spread(&mut all, "first_sound_ms", &report.first_sound_ms, RARE);
    spread(&mut all, "first_picture_ms", &report.first_picture_ms, RARE);
    if let Some(keys) = &report.keys {
        all.push(measure("keys.unopened_share", keys.unopened_share, Aim::Down, SHARE));
        spread(&mut all, "keys.first_opened_ms", &keys.first_opened_ms, RARE);
        spread(&mut all, "keys.waits_ms", &keys.waits_ms, RARE);
        spread(&mut all, "keys.rekeys_ms", &keys.rekeys_ms, RARE);
    }
    for (class, of) in &report.classes {
        let key = |name: &str| format!("classes.{}.{name}", class.name());
        let highest = &of.highest_second_percent;
        let points = Threshold { relative: 0.0, absolute: 2.0 };
        all.push((key("over_limit"), Some(f64::from(of.over_limit)), Aim::Down, ANY));
        all.push((key("highest_second_percent.max"), some(highest, highest.max), Aim::Down, points));
        all.push((key("used_percent.p50"), some(&of.used_percent, of.used_percent.p50), Aim::None, points));
        all.push((key("dropped"), Some(of.dropped as f64), Aim::Down, COUNT));
        let control = Threshold { relative: 0.05, absolute: 0.1 };
        all.push((key("control_kbps.p95"), some(&of.control_kbps, of.control_kbps.p95), Aim::Down, control));
    }
    let speed = report.machine.map(|machine| machine.events_per_s);
    all.push(measure("machine.events_per_s", speed, Aim::Up, Threshold { relative: 0.1, absolute: 0.0 }));
    all
}

fn measure(key: &str, value: Option<f64>, aim: Aim, threshold: Threshold) -> Measure {
    (key.to_owned(), value, aim, threshold)
}

/// The middle and the far end of a spread; the largest value alone is luck.
fn spread(all: &mut Vec<Measure>, key: &str, of: &Quantiles, threshold: Threshold) {
    for (name, value) in [("p50", of.p50), ("p95", of.p95), ("p99", of.p99)] {
        all.push((format!("{key}.{name}"), some(of, value), Aim::Down, threshold));
    }
}

/// A value of a spread that has any.
fn some(of: &Quantiles, value: f64) -> Option<f64> {
    (of.count > 0).then_some(value)
}

fn difference(
    key: &str,
    a: Option<f64>,
    b: Option<f64>,
    aim: Aim,
    threshold: Threshold,
) -> Option<Difference> {
    let moved = match (a, b) {
        (Some(a), Some(b)) => b - a,
        // What only one of them has is told, but neither is better for it.
        (Some(_), None) | (None, Some(_)) => 0.0,
        (None, None) => return None,
    };
    if let (Some(a), Some(_)) = (a, b)
        && (moved.abs() <= threshold.absolute || moved.abs() <= threshold.relative * a.abs())
    {
        return None;
    }
    let verdict = match aim {
        Aim::None => Verdict::Other,
        _ if moved == 0.0 => Verdict::Other,
        Aim::Up if moved > 0.0 => Verdict::Better,
        Aim::Down if moved < 0.0 => Verdict::Better,
        Aim::Up | Aim::Down => Verdict::Worse,
    };
    let by = a.zip(b).filter(|(a, _)| *a != 0.0).map(|(a, _)| moved / a.abs());
    Some(Difference { key: key.to_owned(), a: number(a), b: number(b), by, verdict })
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "–".into(),
        Some(value) if value.abs() < 10.0 && value.fract() != 0.0 => format!("{value:.4}"),
        Some(value) => format!("{}", (value * 10.0).round() / 10.0),
    }
}
