//! `report.html`: one file that opens from disk, in the reader's theme, for readers who are no engineers.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::plot::{Ink, ink_rules, short};
use super::summary::{Figure, figures, millis, percent, rate, seconds, span};
use super::{Broken, Report, charts, layer, trees};
use crate::record::{GAP_MS, LATE_BY_MS};

/// So many moments of the timeline are listed; the others are in `report.json`.
const LISTED_MAX: usize = 300;

/// The page. It loads nothing, and everything that is put into it is escaped.
pub fn html(report: &Report) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.scenario) " · netsim" }
                style { (PreEscaped(include_str!("style.css"))) (PreEscaped(ink_rules())) }
            }
            body {
                main {
                    (head(report))
                    (delays(report))
                    (over_time(report))
                    (interruptions(report))
                    (uplinks(report))
                    (waiting(report))
                    (drawn_trees(report))
                    (run(report))
                }
            }
        }
    };
    page.into_string()
}

/// The first screen: what was run, whether it held, key figures, and what did not hold.
fn head(report: &Report) -> Markup {
    html! {
        header {
            h1 { (report.scenario) }
            p.sub {
                (report.people) " people, " (report.relays) " volunteer relays, "
                (span(report.simulated_ms as f64 / 1_000.0)) " of virtual time, seed " (report.seed) ", "
                @if report.system == "canopy" { "the overlay that ships" } @else { "a model of: " (report.system) }
            }
        }
        (verdict(report))
        @for broken in &report.violations { (violation(broken, report)) }
        dl.figures { @for figure in figures(report) { (tile(&figure)) } }
        (by_layer(report))
    }
}

fn verdict(report: &Report) -> Markup {
    html! {
        @if !report.violations.is_empty() {
            p.verdict.bad {
                (report.violations.len()) " of the rules that must always hold did not hold"
                @if report.violations.iter().all(|broken| broken.expected.is_some()) { ", as the scenario expects" }
                "."
            }
        } @else if !report.complete {
            p.verdict.cut { "The run was ended early; these are the figures up to then." }
        } @else {
            p.verdict { "Every rule that must always hold held, from the first second to the last." }
        }
    }
}

fn violation(broken: &Broken, report: &Report) -> Markup {
    html! {
        section.violation {
            h3 { (broken.invariant) }
            p { (broken.what) }
            @if let Some(why) = &broken.expected { p.note { "The scenario expects it: " (why) "." } }
            p.note {
                "seed " (report.seed) ", at " (seconds(broken.at_ns))
                @if let Some(node) = broken.node { ", node " (node) }
            }
            @if !broken.tail.is_empty() {
                p.note { "The last events of that node:" }
                pre { @for line in &broken.tail { (line) "\n" } }
            }
            p.note { "To see it again:" }
            pre { (report.replay) }
        }
    }
}

fn tile(figure: &Figure) -> Markup {
    html! {
        div {
            dt { (figure.label) }
            dd.bad[figure.bad] { (figure.value) }
            dd.note { (figure.note) }
        }
    }
}

fn by_layer(report: &Report) -> Markup {
    html! {
        div.scroll {
            table {
                tr {
                    th { "" } th { "frames due" } th { "arrived" } th { "in time" } th { "delay: half within" }
                    th { "95 of 100" } th { "99 of 100" } th { "direct path" } th { "interruptions" } th { "longest" }
                }
                @for (layer, of) in &report.layers {
                    tr {
                        td { (layer::name(*layer)) }
                        td { (short(of.due as f64)) }
                        td { (percent(of.continuity)) }
                        td { (percent(of.in_time)) }
                        td { (millis(of.delay_ms.p50)) }
                        td { (millis(of.delay_ms.p95)) }
                        td { (millis(of.delay_ms.p99)) }
                        td { (millis(of.direct_ms.p50)) }
                        td { (of.gaps_ms.count) }
                        td { (millis(of.gaps_ms.max)) }
                    }
                }
            }
        }
        p.note {
            "In time: at most " (LATE_BY_MS) " ms later than on the direct path. Interruption: more than "
            (GAP_MS) " ms without a frame."
        }
    }
}

fn delays(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Delay, beside the direct path" }
            p {
                "How long a frame takes from who sends it to who sees or hears it. The line shows how many of all frames "
                "were there after so many milliseconds: the further left it rises, the better. The dashed line is what the "
                "same frames would have taken straight from sender to receiver, with nobody in between and no queues."
            }
            div.pair {
                @for (layer, of) in report.layers.iter().filter(|(_, of)| of.delivered > 0) {
                    (charts::delay(*layer, of))
                }
            }
        }
    }
}

fn over_time(report: &Report) -> Markup {
    html! {
        section {
            h2 { "The run, second by second" }
            p {
                "Of all frames that somebody should have got in a second, how many arrived. A dip shows that people missed "
                "something; how soon the line is back at the top shows how fast the trees were repaired."
            }
            (charts::continuity(report))
            @if charts::seconds_a_point(report) > 1 {
                p.note {
                    "This run is long: in the plots over time each point is the worst, or the highest, of "
                    (charts::seconds_a_point(report)) " seconds."
                }
            }
            h3 { "Events and faults" }
            p {
                "Faults are what the scenario broke on purpose; answers are what the nodes did about it. They stand on the "
                "same span of time as the plot above."
            }
            (charts::timeline(report))
            (moments(report))
            div.pair { (charts::people(report)) (charts::traffic(report)) }
        }
    }
}

/// Faults by their number in the drawing, answers without.
fn moments(report: &Report) -> Markup {
    let mut faults = 0;
    let rows = report.timeline.iter().map(|moment| {
        faults += usize::from(moment.fault);
        (moment, moment.fault.then_some(faults))
    });
    html! {
        @if report.timeline.is_empty() { p.note { "Nothing happened beside the meeting itself." } }
        @else {
            details {
                summary { "List" span.note { (report.timeline.len()) " moments" } }
                div.scroll.long {
                    table.words {
                        tr { th { "fault" } th { "at" } th { "what" } }
                        @for (moment, number) in rows.take(LISTED_MAX) {
                            tr {
                                td.bad { @if let Some(number) = number { (number) } }
                                td { (seconds(moment.at_ms.saturating_mul(1_000_000))) }
                                td { (moment.what) }
                            }
                        }
                    }
                }
                @if report.timeline.len() > LISTED_MAX {
                    p.note { (report.timeline.len() - LISTED_MAX) " more are in report.json, under " code { "timeline" } "." }
                }
            }
        }
    }
}

fn interruptions(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Interruptions, and steps on the way" }
            div.pair {
                div {
                    p { "Times without a frame of a stream that somebody watches or hears, by their length. Under a second "
                        "one hardly notices; several seconds spoil a conversation." }
                    (charts::gaps(report))
                }
                div {
                    p { "How many links a frame crossed: 1 is straight from its source, each link more is one node that "
                        "passed it on. Fewer is faster, and needs nodes that can feed more others." }
                    (charts::depth(report))
                }
            }
        }
    }
}

fn uplinks(report: &Report) -> Markup {
    html! {
        section {
            h2 { "What nodes send" }
            p {
                "Nobody may send more than they offered. Nodes stand side by side from the least used to the most used; the "
                "coloured line is the highest second of each, and it must stay under the dashed limit (5 % over it are allowed)."
            }
            div.pair {
                @for (class, of) in &report.classes { (charts::uplinks(class.name(), charts::class_ink(*class), of)) }
            }
            (by_class(report))
            div.pair {
                div {
                    h3 { "Picture rate against what is possible" }
                    p {
                        "The left bar is the most that any system could give everybody with these uplinks: the smaller of "
                        i { "s" } " and (" i { "s" } " + " i { "u" } ") / " i { "n" } ", where " i { "s" }
                        " is the source's uplink, " i { "u" } " all others' together, and " i { "n" }
                        " the number of receivers (Mundinger, Weber, Weiss, 2008)."
                    }
                    (charts::goodput(report))
                }
                div {
                    h3 { "Control messages of each node" }
                    p { "What nodes tell each other to keep the trees together, beside sound and pictures: the price of "
                        "doing without a server." }
                    (charts::control(report))
                }
            }
        }
    }
}

fn by_class(report: &Report) -> Markup {
    html! {
        div.scroll {
            table {
                tr {
                    th { "" } th { "nodes" } th { "may send" } th { "sent" } th { "of it control" } th { "dropped units" }
                    th { "most children" } th { "highest second" } th { "over limit" }
                }
                @for (class, of) in &report.classes {
                    tr {
                        td { (class.name()) }
                        td { (of.nodes) }
                        td { (rate(of.limit_kbps as f64)) }
                        td { (short(of.sent as f64)) "B" }
                        td { (percent(super::share(of.control, of.sent))) }
                        td { (short(of.dropped as f64)) }
                        td { (of.children_max) }
                        td { (short(of.highest_second_percent.max)) " %" }
                        td.bad[of.over_limit > 0] { (of.over_limit) }
                    }
                }
            }
        }
    }
}

fn waiting(report: &Report) -> Markup {
    let first = [
        (Ink::Sound, "first sound", &report.first_sound_ms),
        (Ink::Medium, "first picture", &report.first_picture_ms),
    ];
    let repairs = [(Ink::Bad, "repair", &report.repairs_ms)];
    html! {
        section {
            h2 { "Waiting" }
            div.pair {
                div {
                    h3 { "Repair" }
                    p { "When the node that feeds somebody disappears, how long until the next frame comes, from another." }
                    (charts::times("Repair times", "% of repairs", &repairs))
                }
                div {
                    h3 { "First sound, first picture" }
                    p { "From the moment somebody starts to join until they hear and see the meeting." }
                    (charts::times("First sound and picture", "% of people", &first))
                }
            }
        }
    }
}

fn drawn_trees(report: &Report) -> Markup {
    html! {
        section {
            h2 { "The trees at the end" }
            p {
                "Who feeds whom: each tree carries one part of one stream from its source, at the top, to everybody under it. "
                "A click opens another tree; the one with the most nodes is open."
            }
            @if report.trees.is_empty() {
                p.note { "None was drawn: the meeting was too large for a drawing, or nobody was being fed." }
            } @else { (trees::drawings(report)) }
        }
    }
}

fn run(report: &Report) -> Markup {
    html! {
        section {
            h2 { "This run" }
            p { "The same scenario and seed give the same run everywhere, and so the same hash over all that happened." }
            div.scroll {
                table.words {
                    tr { td { "hash" } td { code { (report.hash) } } }
                    tr { td { "again with" } td { code { (report.replay) } } }
                    tr { td { "events" } td { (short(report.events as f64)) ", of them " (short(report.unit_hops as f64)) " units over links" } }
                    @if let Some(machine) = &report.machine {
                        tr { td { "on this machine" } td {
                            (span(machine.wall_s)) ", " (short(machine.events_per_s)) " events a second, "
                            (short(machine.speed)) " virtual seconds in each"
                        } }
                    }
                }
            }
            p.note { "All figures, and more, are in " code { "report.json" } ", which docs/netsim.md describes key by key." }
        }
    }
}
