//! What the overlay is measured by: which figure of which meeting, and what it must be.

use comfy_table::Table;
use overlay_core::unit::Layer;

use crate::report::Report;
use crate::report::layer::GAP_STEPS_MS;
use crate::report::width::Width;

/// One figure of one meeting.
struct Figure {
    /// The scenario's name.
    meeting: &'static str,
    what: &'static str,
    /// What it must be, and what it is to be in time.
    goal: &'static str,
    of: fn(&Report) -> Option<f64>,
}

/// The meetings of `netsim/scenarios/figures`, which say what happens in them.
const FIGURES: &[Figure] = &[
    Figure {
        meeting: "one-relay-dies",
        what: "one relay of ten dies: longest time without sound, ms",
        goal: "0 (0)",
        of: |report| longest(report, &[Layer::Audio]),
    },
    Figure {
        meeting: "one-relay-dies",
        what: "the same, pictures (k1 m0): p95 of times over 300 ms without one, ms",
        goal: "300 (200)",
        of: |report| pictures(report, |gaps| gaps.p95),
    },
    Figure {
        meeting: "few-owners",
        what: "one relay of three dies: longest time without sound, ms",
        goal: "300 (200)",
        of: |report| longest(report, &[Layer::Audio]),
    },
    Figure {
        meeting: "few-owners",
        what: "the same, pictures: p95 of times over 300 ms without one, ms",
        goal: "300 (200)",
        of: |report| pictures(report, |gaps| gaps.p95),
    },
    Figure {
        meeting: "churn",
        what: "1 % crash each minute: times over 300 ms without sound, a person and hour",
        goal: "0.05 (0)",
        of: |report| an_hour(report, &[Layer::Audio]),
    },
    Figure {
        meeting: "churn",
        what: "the same, without a picture",
        goal: "0.05 (0)",
        of: |report| an_hour(report, &PICTURES),
    },
    Figure {
        meeting: "a-tenth-crashes",
        what: "10 % crash at once: times over 300 ms without sound, of 100 people",
        goal: "2 (0.2)",
        of: |report| of_hundred(report, &[Layer::Audio]),
    },
    Figure {
        meeting: "a-tenth-crashes",
        what: "the same, without a picture",
        goal: "2 (0.2)",
        of: |report| of_hundred(report, &PICTURES),
    },
    Figure {
        meeting: "hostile",
        what: "20 % hostile relays: sound that came, %",
        goal: "98 (99.5)",
        of: |report| continuity(report, Layer::Audio),
    },
    Figure {
        meeting: "hostile",
        what: "the same: all frames that came, %",
        goal: "98 (99.5)",
        of: |report| report.totals.continuity.map(|share| share * 100.0),
    },
    Figure {
        meeting: "hostile",
        what: "the same: honest nodes that were demoted",
        goal: "0 (0)",
        of: |report| Some(report.totals.demoted_honest as f64),
    },
    Figure {
        meeting: "hostile",
        what: "the same: hostile nodes that were demoted",
        goal: "- (-)",
        of: |report| Some(report.totals.demoted_hostile as f64),
    },
    Figure {
        meeting: "crowd",
        what: "500 join in one second: first sound p95, ms",
        goal: "1500 (800)",
        of: |report| (report.first_sound_ms.count > 0).then_some(report.first_sound_ms.p95),
    },
    Figure {
        meeting: "quiet",
        what: "200 people, nothing happens: sound p95 of its direct paths'",
        goal: "- (-)",
        of: |report| delay(report, Layer::Audio),
    },
    Figure {
        meeting: "quiet",
        what: "the same: main picture p95 of its direct paths'",
        goal: "1.5 (1.3)",
        of: |report| delay(report, Layer::P720),
    },
    Figure {
        meeting: "quiet",
        what: "the same: control without lists, a node, kbit/s",
        goal: "20 (8)",
        of: |report| control(report, report.totals.control - report.totals.lists),
    },
    Figure {
        meeting: "quiet",
        what: "the same: lists, a node, kbit/s",
        goal: "- (-)",
        of: |report| control(report, report.totals.lists),
    },
    Figure {
        meeting: "slow-downlinks",
        what: "a fifth take in 1 Mbit/s or less: their sound in time, whole meeting, %",
        goal: "- (-)",
        of: |report| in_time(report, Width::Narrow, true),
    },
    Figure {
        meeting: "slow-downlinks",
        what: "the same: pictures of the others, %",
        goal: "- (-)",
        of: |report| in_time(report, Width::Wide, false),
    },
];

const PICTURES: [Layer; 3] = [Layer::P180, Layer::P360, Layer::P720];

/// What a rule in all meetings is called: no interface over its limit by 5 % in any second.
const OVER: &str = "all meetings: interfaces over their limit by 5 % in any second";

/// The figures of all reports, a column for each system: the median over its seeds, and the least and the most.
pub fn table(systems: &[String], reports: &[Report]) -> Table {
    let mut table = Table::new();
    let named = systems
        .iter()
        .map(|system| if system == "canopy" { system.clone() } else { format!("{system} (a model)") });
    table.set_header(["figure", "must (aim)"].map(String::from).into_iter().chain(named));
    let row = |what: &str, goal: &str, values: &dyn Fn(&str) -> Vec<f64>| {
        let cells = systems.iter().map(|system| spread(values(system)));
        [what.to_owned(), goal.to_owned()].into_iter().chain(cells).collect::<Vec<String>>()
    };
    for Figure { meeting, what, goal, of } in FIGURES {
        let values = |system: &str| {
            let mine = reports.iter().filter(|report| report.scenario == *meeting && report.system == system);
            mine.filter_map(of).collect()
        };
        table.add_row(row(what, goal, &values));
    }
    let over = |system: &str| {
        let mine = reports.iter().filter(|report| report.system == system);
        mine.map(|report| report.classes.values().map(|class| f64::from(class.over_limit)).sum()).collect()
    };
    table.add_row(row(OVER, "0 (0)", &over));
    table
}

/// Median, and from where to where.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return "-".into() };
    let middle = values[values.len() / 2];
    if least == most {
        short(middle)
    } else {
        format!("{} ({} to {})", short(middle), short(*least), short(*most))
    }
}

fn short(value: f64) -> String {
    if value.abs() >= 100.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn longest(report: &Report, layers: &[Layer]) -> Option<f64> {
    let all = layers.iter().filter_map(|layer| report.layers.get(layer));
    all.filter(|layer| layer.delivered > 0).map(|layer| layer.gaps_ms.max).reduce(f64::max)
}

fn pictures(report: &Report, of: fn(&crate::report::quantiles::Quantiles) -> f64) -> Option<f64> {
    let all = PICTURES.iter().filter_map(|layer| report.layers.get(layer));
    all.filter(|layer| layer.delivered > 0).map(|layer| of(&layer.gaps_ms)).reduce(f64::max)
}

fn gaps(report: &Report, layers: &[Layer]) -> Option<f64> {
    let all = layers.iter().filter_map(|layer| report.layers.get(layer)).filter(|layer| layer.delivered > 0);
    all.map(|layer| {
        debug_assert_eq!(layer.gap_counts.len(), GAP_STEPS_MS.len());
        layer.gap_counts.iter().sum::<u64>() as f64
    })
    .reduce(|one, other| one + other)
}

fn an_hour(report: &Report, layers: &[Layer]) -> Option<f64> {
    let hours = f64::from(report.people) * report.settled_ms as f64 / 3_600_000.0;
    gaps(report, layers).filter(|_| hours > 0.0).map(|gaps| gaps / hours)
}

fn of_hundred(report: &Report, layers: &[Layer]) -> Option<f64> {
    gaps(report, layers).filter(|_| report.people > 0).map(|gaps| gaps * 100.0 / f64::from(report.people))
}

fn continuity(report: &Report, layer: Layer) -> Option<f64> {
    report.layers.get(&layer).and_then(|layer| layer.continuity).map(|share| share * 100.0)
}

fn in_time(report: &Report, width: Width, sound: bool) -> Option<f64> {
    let frames = report.widths.get(&width)?.frames(sound);
    let in_time = frames.delivered.saturating_sub(frames.late);
    (frames.due > 0).then(|| in_time as f64 * 100.0 / frames.due as f64)
}

fn delay(report: &Report, layer: Layer) -> Option<f64> {
    let layer = report.layers.get(&layer).filter(|layer| layer.delivered > 0)?;
    (layer.direct_ms.p95 > 0.0).then(|| layer.delay_ms.p95 / layer.direct_ms.p95)
}

fn control(report: &Report, bytes: u64) -> Option<f64> {
    let node_seconds: u64 = report.seconds.iter().map(|second| u64::from(second.nodes)).sum();
    (node_seconds > 0).then(|| bytes as f64 / 125.0 / node_seconds as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_seeds_are_a_median_between_the_least_and_the_most() {
        assert_eq!(spread(vec![3.0, 1.0, 250.4]), "3.00 (1.00 to 250)");
        assert_eq!(spread(vec![0.0, 0.0]), "0");
        assert_eq!(spread(Vec::new()), "-");
    }

    #[test]
    fn every_figure_is_of_a_meeting_that_there_is() {
        for figure in FIGURES {
            let file = format!("{}/scenarios/figures/{}.toml", env!("CARGO_MANIFEST_DIR"), figure.meeting);
            let scenario = crate::scenario::Scenario::read(std::path::Path::new(&file));
            assert!(scenario.is_ok(), "{file}: {:?}", scenario.err());
        }
    }
}
