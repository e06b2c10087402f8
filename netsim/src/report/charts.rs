//! Which plots a page has: each takes its figures from a report.

use maud::{Markup, html};
use overlay_core::unit::Layer;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::Report;
use super::class::ClassReport;
use super::layer::{self, GAP_STEPS_MS, LayerReport};
use super::plot::{
    Axes, Group, Ink, Line, SMALL, WIDE, bars, chart, legend, lines, short, svg, words, write_at,
};
use super::quantiles::Quantiles;
use crate::record::Second;

/// A line over time has at most so many points.
const POINTS_MAX: usize = 600;

/// What a layer is drawn with.
fn ink(layer: Layer) -> Ink {
    match layer {
        Layer::Audio => Ink::Sound,
        Layer::P180 => Ink::Small,
        Layer::P360 => Ink::Medium,
        Layer::P720 => Ink::Large,
    }
}

/// The legend of a plot of all layers.
fn layer_legend(report: &Report) -> Markup {
    let names: Vec<(Ink, &str)> =
        report.layers.keys().map(|layer| (ink(*layer), layer::name(*layer))).collect();
    legend(&names)
}

/// Where an axis of a cumulative curve ends: past nearly everything, not at the one largest value.
fn reach(spread: &Quantiles) -> f64 {
    spread.p99.max(spread.p95 * 1.2) * 1.05
}

/// One layer's delays against those of direct paths.
pub fn delay(layer: Layer, of: &LayerReport) -> Markup {
    let name = layer::name(layer);
    let axes = Axes {
        x: "delay, ms",
        y: "% of frames",
        x_max: reach(&of.delay_ms).max(reach(&of.direct_ms)),
        y_max: 100.0,
    };
    let shown = |spread: &Quantiles| {
        let end = axes.x_max;
        spread.cumulative().into_iter().filter(|(value, _)| *value <= end).collect()
    };
    let drawn = [
        Line { ink: Ink::Direct, points: shown(&of.direct_ms) },
        Line { ink: ink(layer), points: shown(&of.delay_ms) },
    ];
    html! {
        figure {
            h3 { (name) }
            (legend(&[(ink(layer), "through the trees"), (Ink::Direct, "direct path")]))
            (lines(SMALL, &format!("Delay of {name}"), &axes, &drawn))
        }
    }
}

/// How many links frames crossed.
pub fn depth(report: &Report) -> Markup {
    let deepest = report.layers.values().map(|layer| layer.depth_counts.len()).max().unwrap_or(0);
    let share = |layer: &LayerReport, links: usize| {
        let count = layer.depth_counts.get(links).copied().unwrap_or(0);
        super::share(count, layer.depth_counts.iter().sum()).unwrap_or(0.0) * 100.0
    };
    let first = usize::from(report.layers.values().all(|layer| layer.depth_counts.first() == Some(&0)));
    let groups: Vec<Group> = (first..deepest)
        .map(|links| Group {
            name: links.to_string(),
            bars: report.layers.iter().map(|(layer, of)| (ink(*layer), share(of, links))).collect(),
        })
        .collect();
    let axes = Axes { x: "links from the source", y: "% of frames", x_max: 0.0, y_max: top(&groups) };
    html! { figure { (layer_legend(report)) (bars(SMALL, "Depth", &axes, &groups)) } }
}

/// How long interruptions were.
pub fn gaps(report: &Report) -> Markup {
    let step = |at: usize| {
        let second = |ms: u64| short(ms as f64 / 1_000.0);
        match GAP_STEPS_MS.get(at + 1) {
            Some(next) => format!("{}–{}", second(GAP_STEPS_MS[at]), second(*next)),
            None => format!("{}+", second(GAP_STEPS_MS[at])),
        }
    };
    let groups: Vec<Group> = (0..GAP_STEPS_MS.len())
        .map(|at| Group {
            name: step(at),
            bars: report
                .layers
                .iter()
                .map(|(layer, of)| (ink(*layer), of.gap_counts.get(at).copied().unwrap_or(0) as f64))
                .collect(),
        })
        .collect();
    let axes = Axes { x: "length, s", y: "interruptions", x_max: 0.0, y_max: top(&groups) };
    html! { figure { (layer_legend(report)) (bars(SMALL, "Lengths of interruptions", &axes, &groups)) } }
}

/// What arrived of what was due, second by second.
pub fn continuity(report: &Report) -> Markup {
    let axes = Axes { x: "virtual time, s", y: "% delivered", x_max: span_s(report), y_max: 105.0 };
    let delivered = |layer: &Layer, second: &Second| {
        let due = second.due.get(layer).copied().filter(|due| *due > 0)?;
        let delivered = second.delivered.get(layer).copied().unwrap_or(0);
        // What was due in one second may arrive in the next, so one can pass 100 %.
        Some((delivered as f64 / due as f64 * 100.0).min(105.0))
    };
    let drawn: Vec<Line> = report
        .layers
        .keys()
        .map(|layer| Line {
            ink: ink(*layer),
            points: by_second(report, f64::min, |second| delivered(layer, second)),
        })
        .collect();
    html! { figure.wide { (layer_legend(report)) (lines((WIDE, 280), "Continuity over time", &axes, &drawn)) } }
}

/// How many were there, and how many of them were fed by nobody.
pub fn people(report: &Report) -> Markup {
    let of = |value: fn(&Second) -> u32| by_second(report, f64::max, |second| Some(f64::from(value(second))));
    let highest = report.seconds.iter().map(|second| second.nodes.max(second.starved)).max().unwrap_or(0);
    let axes =
        Axes { x: "virtual time, s", y: "nodes", x_max: span_s(report), y_max: f64::from(highest) * 1.05 };
    let drawn = [
        Line { ink: Ink::Participant, points: of(|second| second.nodes) },
        Line { ink: Ink::Bad, points: of(|second| second.starved) },
    ];
    html! {
        figure {
            (legend(&[(Ink::Participant, "nodes that are up"), (Ink::Bad, "people who got nothing for a whole second")]))
            (lines(SMALL, "Nodes over time", &axes, &drawn))
        }
    }
}

/// Who sent how much, second by second.
pub fn traffic(report: &Report) -> Markup {
    let mbit = |bytes: u64| bytes as f64 * 8.0 / 1e6;
    let highest = report.seconds.iter().map(|second| second.sent[0].max(second.sent[1])).max().unwrap_or(0);
    let axes = Axes { x: "virtual time, s", y: "Mbit/s", x_max: span_s(report), y_max: mbit(highest) * 1.05 };
    let drawn = [
        Line {
            ink: Ink::Participant,
            points: by_second(report, f64::max, |second| Some(mbit(second.sent[0]))),
        },
        Line { ink: Ink::Relay, points: by_second(report, f64::max, |second| Some(mbit(second.sent[1]))) },
        Line { ink: Ink::Words, points: by_second(report, f64::max, |second| Some(mbit(second.control))) },
    ];
    let names = [
        (Ink::Participant, "sent by participants"),
        (Ink::Relay, "sent by relays"),
        (Ink::Words, "of it control"),
    ];
    html! { figure { (legend(&names)) (lines(SMALL, "Traffic over time", &axes, &drawn)) } }
}

/// What the nodes of a class sent, against their limits.
pub fn uplinks(name: &str, ink: Ink, of: &ClassReport) -> Markup {
    let y_max = of.highest_second_percent.max.max(100.0) * 1.1;
    let axes = Axes { x: "% of nodes, least used first", y: "% of its limit", x_max: 100.0, y_max };
    let drawn = [
        Line { ink: Ink::Limit, points: vec![(0.0, 100.0), (100.0, 100.0)] },
        Line { ink: Ink::Words, points: of.used_percent.sorted() },
        Line { ink, points: of.highest_second_percent.sorted() },
    ];
    html! {
        figure {
            h3 { (name) }
            (legend(&[(ink, "highest second"), (Ink::Words, "on average"), (Ink::Limit, "limit")]))
            (lines(SMALL, &format!("Uplink use of {name}"), &axes, &drawn))
        }
    }
}

/// What each node says beside the media.
pub fn control(report: &Report) -> Markup {
    let spreads: Vec<(Ink, &str, &Quantiles)> = report
        .classes
        .iter()
        .map(|(class, of)| (class_ink(*class), class.name(), &of.control_kbps))
        .collect();
    let highest = spreads.iter().map(|(_, _, spread)| spread.max).fold(0.0, f64::max);
    let axes =
        Axes { x: "% of nodes, least first", y: "control, kbit/s", x_max: 100.0, y_max: highest * 1.05 };
    let drawn: Vec<Line> =
        spreads.iter().map(|(ink, _, spread)| Line { ink: *ink, points: spread.sorted() }).collect();
    let names: Vec<(Ink, &str)> = spreads.iter().map(|(ink, name, _)| (*ink, *name)).collect();
    html! { figure { (legend(&names)) (lines(SMALL, "Control of each node", &axes, &drawn)) } }
}

/// What a class is drawn with.
pub fn class_ink(class: super::Class) -> Ink {
    match class {
        super::Class::Participants => Ink::Participant,
        super::Class::Relays => Ink::Relay,
    }
}

/// What receivers had of the main picture, beside what they could have at most.
pub fn goodput(report: &Report) -> Markup {
    let group = |name: &str, ink, value| Group { name: name.into(), bars: vec![(ink, value)] };
    let groups = [
        group("possible at most", Ink::Direct, report.totals.bound_kbps),
        group("reached", Ink::Medium, report.totals.goodput_kbps),
    ];
    let axes = Axes { x: "", y: "kbit/s each", x_max: 0.0, y_max: top(&groups) };
    html! { figure { (bars(SMALL, "Picture rate against the bound", &axes, &groups)) } }
}

/// A cumulative curve of times.
pub fn times(label: &str, what: &str, spreads: &[(Ink, &str, &Quantiles)]) -> Markup {
    let x_max = spreads.iter().map(|(_, _, spread)| reach(spread)).fold(0.0, f64::max);
    let axes = Axes { x: "ms", y: what, x_max, y_max: 100.0 };
    let drawn: Vec<Line> = spreads
        .iter()
        .map(|(ink, _, spread)| Line {
            ink: *ink,
            points: spread.cumulative().into_iter().filter(|(value, _)| *value <= x_max).collect(),
        })
        .collect();
    let names: Vec<(Ink, &str)> = spreads.iter().map(|(ink, name, _)| (*ink, *name)).collect();
    html! { figure { (legend(&names)) (lines(SMALL, label, &axes, &drawn)) } }
}

/// Faults and answers along the run, under the same axis as [`continuity`]. Faults have the numbers that the table
/// under it gives them.
pub fn timeline(report: &Report) -> Markup {
    let drawing = svg((WIDE, 150), "Events and faults", |area| {
        let span = span_s(report);
        let mut chart = chart(area, span, 2.6)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(Ink::Grid.color())
            .label_style(words())
            .y_labels(0)
            .x_labels(7)
            .x_label_formatter(&|value| short(*value))
            .draw()?;
        for (fault, name, lane, ink) in [(true, "faults", 2.0, Ink::Bad), (false, "answers", 1.0, Ink::Sound)]
        {
            let (left, y) = chart.backend_coord(&(0.0, lane));
            write_at(area, name, (left - 8, y), HPos::Right, VPos::Center)?;
            let mut free_from = 0;
            for (number, moment) in report.timeline.iter().filter(|moment| moment.fault == fault).enumerate()
            {
                let (x, _) = chart.backend_coord(&((moment.at_ms as f64 / 1_000.0).min(span), lane));
                area.draw(&PathElement::new(vec![(x, y - 9), (x, y + 9)], ink.color().stroke_width(2)))?;
                if fault && x >= free_from {
                    write_at(area, &(number + 1).to_string(), (x, y - 13), HPos::Center, VPos::Bottom)?;
                    free_from = x + 12 + 9 * (number + 1).to_string().len() as i32;
                }
            }
        }
        Ok(())
    });
    html! { figure.wide { (drawing) } }
}

/// How many seconds share a point of a plot over time: a long run has more of them than a page has pixels.
pub fn seconds_a_point(report: &Report) -> usize {
    report.seconds.len().div_ceil(POINTS_MAX).max(1)
}

/// A value over time; `worst` chooses among the seconds of one point.
fn by_second(
    report: &Report,
    worst: fn(f64, f64) -> f64,
    value: impl Fn(&Second) -> Option<f64>,
) -> Vec<(f64, f64)> {
    let step = seconds_a_point(report);
    let point = |(at, seconds): (usize, &[Second])| {
        let value = seconds.iter().filter_map(&value).reduce(worst)?;
        Some(((at * step) as f64 + step as f64 / 2.0, value))
    };
    report.seconds.chunks(step).enumerate().filter_map(point).collect()
}

fn span_s(report: &Report) -> f64 {
    report.simulated_ms as f64 / 1_000.0
}

fn top(groups: &[Group]) -> f64 {
    groups.iter().flat_map(|group| &group.bars).map(|(_, value)| *value).fold(0.0, f64::max) * 1.08
}
