//! The key figures, in words: the first screen of the page, and what a terminal shows.

use comfy_table::Table;

use super::Report;
use super::keys::KeysReport;
use super::plot::short;
use super::share;
use super::width::Width;

/// One figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What it is.
    pub label: &'static str,
    /// How much, with its unit.
    pub value: String,
    /// What to hold it against.
    pub note: String,
    /// True if something is wrong with it.
    pub bad: bool,
}

/// The figures that tell most of a run.
pub fn figures(report: &Report) -> Vec<Figure> {
    let totals = &report.totals;
    let mut figures = vec![
        figure(
            "Frames that arrived",
            percent(totals.continuity),
            format!("{} arrived in time", percent(totals.in_time)),
        ),
        delay(report),
        starved(report),
        interruptions(report),
        after(report.repairs_ms.count, "Repair of a lost feed", &report.repairs_ms, "no feed was lost"),
        after(
            report.first_sound_ms.count,
            "First sound after joining",
            &report.first_sound_ms,
            "nobody waited for sound",
        ),
        limits(report),
        figure(
            "Picture rate reached",
            percent(totals.goodput_share),
            format!("{} of at most {}", rate(totals.goodput_kbps), rate(totals.bound_kbps)),
        ),
        figure(
            "Control messages",
            percent(totals.control_share),
            format!("of all {}B that were sent", short(totals.sent as f64)),
        ),
        figure(
            "Sent by relays",
            percent(totals.relayed_share),
            "of all bytes; the people sent the others".into(),
        ),
    ];
    if let Some(keys) = &report.keys {
        figures.extend(opened(keys));
    }
    figures.extend(narrow(report));
    if report.floor_taken_ms.count > 0 {
        figures.push(floor(report));
    }
    figures
}

/// What could be opened of what came, and how soon.
fn opened(keys: &KeysReport) -> [Figure; 3] {
    let (first, waits, rekeys) = (&keys.first_opened_ms, &keys.waits_ms, &keys.rekeys_ms);
    let note = match waits.count {
        0 => "no sound waited for a key of somebody who had others".to_owned(),
        count => {
            format!("sound waited {} times for its key, {} at most", short(count as f64), millis(waits.max))
        }
    };
    let share = keys.unopened_share.map(|share| 1.0 - share);
    [
        figure("Frames that opened", percent(share), note),
        after(first.count, "First frame opened after joining", first, "nobody opened anything"),
        after(rekeys.count, "Who has left is shut out after", rekeys, "nobody left"),
    ]
}

/// What came of those whose way in doesn't hold everything, if there are any.
fn narrow(report: &Report) -> Option<Figure> {
    let in_time = |width, sound| {
        let frames = report.widths.get(&width)?.frames(sound);
        share(frames.delivered.saturating_sub(frames.late), frames.due)
    };
    let both = |width| format!("{}, {}", percent(in_time(width, true)), percent(in_time(width, false)));
    let narrow = report.widths.get(&Width::Narrow)?;
    let limited = report.widths.get(&Width::Wide).map_or(0, |wide| wide.limited);
    let note = format!(
        "sound and pictures in time, of {}; the others {}; {} and {limited} of the others told a limit",
        narrow.people,
        both(Width::Wide),
        narrow.limited
    );
    Some(figure("With a narrow way in", both(Width::Narrow), note))
}

/// How soon somebody is heard who had no place.
fn floor(report: &Report) -> Figure {
    let spread = &report.floor_taken_ms;
    let note = format!(
        "half of {}; 95 of 100 within {}; {} of the first half seconds; {} heard nothing",
        short(spread.count as f64),
        millis(spread.p95),
        percent(report.first_words),
        report.never_heard
    );
    figure("A new speaker is heard after", millis(spread.p50), note)
}

/// What a terminal shows: figures, and violations if there are any.
pub fn text(report: &Report) -> String {
    let mut table = Table::new();
    for figure in figures(report) {
        table.add_row([figure.label.to_owned(), figure.value, figure.note]);
    }
    let mut text = format!("{table}\n");
    for broken in &report.violations {
        let node = broken.node.map_or(String::new(), |node| format!(", node {node}"));
        let word = if broken.expected.is_some() { "EXPECTED" } else { "VIOLATED" };
        let at = seconds(broken.at_ns);
        text += &format!("{word} at {at}{node}: {}: {}\n", broken.invariant, broken.what);
        if let Some(why) = &broken.expected {
            text += &format!("  since {why}\n");
            continue;
        }
        for line in &broken.tail {
            text += &format!("  {line}\n");
        }
    }
    text + &format!("hash {}; again with: {}\n", report.hash, report.replay)
}

fn figure(label: &'static str, value: String, note: String) -> Figure {
    Figure { label, value, note, bad: false }
}

/// The delay of the layer with the most frames: sound, wherever there is any.
fn delay(report: &Report) -> Figure {
    let most = report.layers.values().max_by_key(|layer| layer.delivered).filter(|layer| layer.delivered > 0);
    let Some(layer) = most else { return figure("Delay", "–".into(), "nothing arrived".into()) };
    let note = format!(
        "half the frames; 95 of 100 within {}; direct path {}",
        millis(layer.delay_ms.p95),
        millis(layer.direct_ms.p50)
    );
    figure("Delay", millis(layer.delay_ms.p50), note)
}

fn starved(report: &Report) -> Figure {
    let totals = &report.totals;
    let note = format!("at most {} at once, {} at the end", totals.starved_max, totals.starved_at_end);
    let value = span(totals.starved_s as f64);
    Figure { bad: totals.starved_at_end > 0, ..figure("Time people got nothing", value, note) }
}

fn interruptions(report: &Report) -> Figure {
    let count: u64 = report.layers.values().map(|layer| layer.gaps_ms.count).sum();
    let longest = report.layers.values().map(|layer| layer.gaps_ms.max).fold(0.0, f64::max);
    let note = if count > 0 { format!("the longest {}", millis(longest)) } else { "none over 0.3 s".into() };
    figure("Interruptions", short(count as f64), note)
}

fn after(count: u64, label: &'static str, spread: &super::Quantiles, none: &str) -> Figure {
    if count == 0 {
        return figure(label, "–".into(), none.into());
    }
    let note = format!("half of {}; 95 of 100 within {}", short(count as f64), millis(spread.p95));
    figure(label, millis(spread.p50), note)
}

fn limits(report: &Report) -> Figure {
    let over: u32 = report.classes.values().map(|class| class.over_limit).sum();
    let highest = report.classes.values().map(|class| class.highest_second_percent.max).fold(0.0, f64::max);
    let note = match over {
        0 => "of its limit, by the busiest node; nobody was over".to_owned(),
        over => format!("of its limit, by the busiest node; {over} over it"),
    };
    Figure { bad: over > 0, ..figure("Uplink in the highest second", format!("{highest:.0} %"), note) }
}

/// A share as a percentage, with more digits near the ends.
pub fn percent(share: Option<f64>) -> String {
    match share.map(|share| share * 100.0) {
        None => "–".into(),
        Some(percent) if percent > 99.0 && percent < 100.0 => {
            // What is not all is never shown as all.
            format!("{:.2} %", (percent * 100.0).floor() / 100.0)
        }
        Some(percent) => format!("{} %", short(percent)),
    }
}

/// Milliseconds, as seconds if they are many.
pub fn millis(value: f64) -> String {
    if value >= 10_000.0 { format!("{} s", short(value / 1_000.0)) } else { format!("{value:.0} ms") }
}

/// Seconds, as minutes or hours if they are many.
pub fn span(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 7_200.0 => format!("{} h", short(seconds / 3_600.0)),
        _ if seconds > 180.0 => format!("{} min", short(seconds / 60.0)),
        _ => format!("{} s", short(seconds)),
    }
}

/// kbit/s, as Mbit/s if they are many.
pub fn rate(kbps: f64) -> String {
    if kbps >= 10_000.0 {
        format!("{} Mbit/s", short(kbps / 1_000.0))
    } else {
        format!("{} kbit/s", short(kbps))
    }
}

/// Virtual time, s.
pub fn seconds(ns: u64) -> String {
    format!("{}.{:03} s", ns / 1_000_000_000, ns / 1_000_000 % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_is_not_all_is_not_shown_as_all() {
        assert_eq!(percent(Some(0.999_999)), "99.99 %");
        assert_eq!(percent(Some(1.0)), "100 %");
        assert_eq!(percent(Some(0.5)), "50 %");
        assert_eq!(percent(None), "–");
    }

    #[test]
    fn spans_have_the_unit_that_people_would_use() {
        assert_eq!([0.25, 120.0, 600.0, 14_400.0].map(span), ["0.25 s", "120 s", "10 min", "4 h"]);
    }
}
