//! Key figures of several reports, a column for each: the shipped overlay beside models of other systems.

use comfy_table::Table;
use overlay_core::unit::Layer;

use crate::report::Report;
use crate::report::layer::LayerReport;
use crate::report::summary::{millis, percent, rate, span};
use crate::system::System;

/// The figures of each report.
pub fn table(reports: &[Report]) -> Table {
    let mut table = Table::new();
    table.set_header(std::iter::once(String::new()).chain(reports.iter().map(name)));
    for (label, figure) in ROWS {
        table.add_row(std::iter::once((*label).to_owned()).chain(reports.iter().map(figure)));
    }
    table
}

type Row = (&'static str, fn(&Report) -> String);

const ROWS: &[Row] = &[
    ("scenario, people, seed", |report| format!("{} {} {}", report.scenario, report.people, report.seed)),
    ("simulated", |report| span(report.simulated_ms as f64 / 1_000.0)),
    ("frames in time", |report| percent(report.totals.in_time)),
    ("sound in time", |report| percent(layer(report, Layer::Audio).and_then(|layer| layer.in_time))),
    ("sound, p50 and p95", |report| delay(layer(report, Layer::Audio))),
    ("direct paths, p50 and p95", |report| {
        layer(report, Layer::Audio).map_or(NONE.into(), |layer| two(layer.direct_ms.p50, layer.direct_ms.p95))
    }),
    ("largest picture, p50 and p95", |report| delay(largest(report))),
    ("links of the largest picture, p50 and p95", |report| {
        largest(report).map_or(NONE.into(), |layer| format!("{:.0}, {:.0}", layer.depth.p50, layer.depth.p95))
    }),
    ("main picture for each", |report| rate(report.totals.goodput_kbps)),
    ("its bound, min(u_s, (u_s + Σu)/n)", |report| rate(report.totals.bound_kbps)),
    ("interruptions over 0.3 s a person and hour", interruptions),
    ("first sound, p50 and p95", |report| two(report.first_sound_ms.p50, report.first_sound_ms.p95)),
    ("bytes sent for each delivered", |report| {
        let delivered: u64 = report.layers.values().map(|layer| layer.bytes).sum();
        if delivered == 0 {
            NONE.into()
        } else {
            format!("{:.2}", report.totals.sent as f64 / delivered as f64)
        }
    }),
    ("control messages", |report| percent(report.totals.control_share)),
    ("sent by volunteers", |report| percent(report.totals.relayed_share)),
    ("busiest uplink, of its limit", |report| {
        let highest = report.classes.values().map(|class| class.highest_second_percent.max);
        format!("{:.0} %", highest.fold(0.0, f64::max))
    }),
    ("rules that did not hold", |report| {
        let names: Vec<&str> = report.violations.iter().map(|broken| &*broken.invariant).collect();
        names.join(" ")
    }),
];

/// Nothing to tell.
const NONE: &str = "–";

fn name(report: &Report) -> String {
    let shipped = report.system == System::Canopy.to_string();
    if shipped { report.system.clone() } else { format!("{} (a model)", report.system) }
}

fn layer(report: &Report, layer: Layer) -> Option<&LayerReport> {
    report.layers.get(&layer).filter(|layer| layer.delivered > 0)
}

fn largest(report: &Report) -> Option<&LayerReport> {
    let mut pictures = Layer::ALL.into_iter().rev().filter(|layer| !layer.is_audio());
    pictures.find_map(|picture| layer(report, picture))
}

fn delay(layer: Option<&LayerReport>) -> String {
    layer.map_or(NONE.into(), |layer| two(layer.delay_ms.p50, layer.delay_ms.p95))
}

fn two(p50: f64, p95: f64) -> String {
    format!("{}, {}", millis(p50), millis(p95))
}

fn interruptions(report: &Report) -> String {
    let gaps: u64 = report.layers.values().map(|layer| layer.gaps_ms.count).sum();
    let hours = f64::from(report.people) * report.settled_ms as f64 / 3_600_000.0;
    if hours > 0.0 { format!("{:.1}", gaps as f64 / hours) } else { NONE.into() }
}
