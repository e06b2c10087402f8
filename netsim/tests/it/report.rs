//! What a report tells of a record, as JSON and as a page.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use netsim::report::{Report, page};
use serde_json::Value;

use crate::fabricate;

const QUANTILES: [&str; 6] = ["count", "curve", "max", "p50", "p95", "p99"];

/// The paths of all keys: lists of objects as `[]`, layers and classes by their kind, quantiles once.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if map.keys().eq(QUANTILES) {
                found.insert(format!("{path} = quantiles"));
                found.extend(QUANTILES.map(|key| format!("quantiles.{key}")));
                return;
            }
            for (key, value) in map {
                let key = match key.as_str() {
                    "Audio" | "P180" | "P360" | "P720" => "<layer>",
                    "participants" | "relays" if path == "classes" => "<class>",
                    "narrow" | "wide" if path == "widths" => "<width>",
                    key => key,
                };
                keys(value, format!("{path}.{key}").trim_start_matches('.'), found);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            list.iter().for_each(|value| keys(value, &format!("{path}[]"), found));
        }
        _ => drop(found.insert(path.to_owned())),
    }
}

fn all_keys() -> BTreeSet<String> {
    let report = Report::of(&fabricate::violated()).with_wall(Duration::from_secs(20));
    let value: Value = serde_json::from_str(&report.json()).expect("JSON");
    let mut found = BTreeSet::new();
    keys(&value, "", &mut found);
    found
}

#[test]
fn the_json_has_these_keys() {
    let keys: Vec<String> = all_keys().into_iter().collect();
    insta::assert_snapshot!(keys.join("\n"));
}

#[test]
fn the_note_describes_every_key_and_no_other() {
    let note =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/netsim.md")).expect("the note");
    let section = note.split("\n## Report\n").nth(1).expect("a section Report");
    let section = section.split("\n## ").next().unwrap_or(section);
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let described: BTreeSet<String> = rows
        .map(|(key, rest)| {
            let quantiles = rest.trim_start().starts_with("quantiles");
            if quantiles { format!("{key} = quantiles") } else { key.to_owned() }
        })
        .collect();
    assert_eq!(described, all_keys());
}

#[test]
fn the_same_record_gives_the_same_file_and_reads_back() {
    let report = Report::of(&fabricate::record(200, 12));
    assert_eq!(report.json(), Report::of(&fabricate::record(200, 12)).json());
    assert_eq!(report.hash, "00c0ffee0123456789abcdef00112233");
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("new/out");
    let page = report.write(&out).expect("written");
    assert!(fs::read_to_string(page).expect("the page").starts_with("<!DOCTYPE html>"));
    assert_eq!(Report::read(&out.join("report.json")).expect("read"), report);
}

#[test]
fn the_figures_are_those_of_the_record() {
    let record = fabricate::record(200, 12);
    let report = Report::of(&record);
    let due: u64 = record.layers.values().map(|layer| layer.due).sum();
    assert_eq!(report.totals.due, due);
    assert_eq!(report.totals.starved_s, 3 * (200 / 9));
    assert_eq!(report.simulated_ms, 120_000);
    for layer in report.layers.values() {
        assert_eq!(layer.depth_counts.iter().sum::<u64>(), 5_000);
        assert_eq!(layer.gap_counts.iter().sum::<u64>(), 30);
        assert!(layer.delay_ms.p50 > layer.direct_ms.p50 && layer.stretch > Some(1.0));
        assert!(layer.delay_ms.curve.is_sorted());
    }
    let nodes: u32 = report.classes.values().map(|class| class.nodes).sum();
    assert_eq!((nodes, report.nodes.len()), (212, 212));
    assert_eq!(report.machine, None);
}

#[test]
fn the_page_has_every_section_in_both_themes_and_loads_nothing() {
    let html = page::html(&Report::of(&fabricate::record(200, 12)));
    for section in [
        "Delay, beside the direct path",
        "The run, second by second",
        "Events and faults",
        "Interruptions, and steps on the way",
        "What nodes send",
        "Picture rate against what is possible",
        "Control messages of each node",
        "Repair",
        "First sound, first picture",
        "The trees at the end",
        "This run",
    ] {
        assert!(html.contains(&format!(">{section}</h")), "{section}");
    }
    // Four layers' delays, continuity, timeline, nodes, traffic, gaps, depth, two classes, goodput, control,
    // repairs, first frames and three trees.
    assert_eq!(html.matches("<svg").count(), 19);
    assert!(!html.contains("could not be drawn") && !html.contains("NaN"));
    assert!(html.contains("prefers-color-scheme: dark") && html.contains("prefers-color-scheme:dark"));
    for outside in ["http:", "https:", "src=", "url(", "@import", "<link", "<script", "href="] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert_eq!(html.matches("<details class=\"tree\" name=\"tree\" open").count(), 1);
}

#[test]
fn every_colour_of_a_drawing_has_a_rule_for_both_themes() {
    let html = page::html(&Report::of(&fabricate::violated()));
    for paint in ["stroke", "fill"] {
        for colour in html.split(&format!(" {paint}=\"#")).skip(1).map(|rest| &rest[..6]) {
            assert!(html.contains(&format!("svg [{paint}=\"#{colour}\"]")), "{paint} {colour}");
        }
    }
}

#[test]
fn a_violation_is_told_first_with_all_that_is_needed_to_see_it_again() {
    let html = page::html(&Report::of(&fabricate::violated()));
    let told = html.find("<section class=\"violation\"").expect("a violation");
    assert!(told < html.find("<dl class=\"figures\"").expect("figures"));
    for part in ["61.250 s", "node 25", "seed 7", "&lt;Attach&gt;", "netsim run s3-200-people.toml --seed 7"]
    {
        assert!(html[told..].contains(part), "{part}");
    }
    assert!(!html.contains("Every rule that must always hold held"));
    assert!(html.contains("by the busiest node; 1 over it"));
}

#[test]
fn hostile_names_stay_words() {
    let mut record = fabricate::violated();
    let hostile = "</title><script>alert('1')</script>; rm -rf \"$HOME\"";
    record.scenario = hostile.into();
    record.violations[0].what = hostile.into();
    record.violations[0].tail.push(hostile.into());
    record.timeline[0].what = hostile.into();
    record.trees.iter_mut().for_each(|edge| edge.tree = hostile.into());
    let report = Report::of(&record);
    let html = page::html(&report);
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
    assert_eq!(html.matches("</title>").count(), 1);
    let words = shlex::split(&report.replay).expect("a command");
    assert_eq!(words, ["netsim", "run", hostile, "--seed", "7"]);
}

#[test]
fn a_run_in_which_nothing_happened_has_a_page_too() {
    let report = Report::of(&fabricate::empty());
    let html = page::html(&report);
    assert!(html.contains("The run was ended early") && !html.contains("NaN"));
    assert_eq!(serde_json::from_str::<Report>(&report.json()).expect("reads back"), report);
}
