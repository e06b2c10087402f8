//! What two reports differ in.

use std::fs;

use netsim::compare::{Verdict, compare, text};
use netsim::record::Record;
use netsim::report::Report;
use overlay_core::unit::Layer;

use crate::fabricate;

fn changed(change: impl FnOnce(&mut Record)) -> (Report, Report) {
    let mut record = fabricate::record(50, 5);
    let before = Report::of(&record);
    change(&mut record);
    (before, Report::of(&record))
}

#[test]
fn a_report_does_not_differ_from_itself() {
    let (a, b) = changed(|_| ());
    assert_eq!(compare(&a, &b), []);
    assert_eq!(text(&[]), "no difference that matters\n");
}

#[test]
fn fewer_frames_are_worse_one_way_and_better_the_other() {
    let (a, b) = changed(|record| {
        let audio = record.layers.get_mut(&Layer::Audio).expect("sound");
        audio.delivered -= audio.due / 100;
    });
    let keys = |a, b| compare(a, b).into_iter().map(|one| (one.key, one.verdict)).collect::<Vec<_>>();
    for (differences, verdict) in [(keys(&a, &b), Verdict::Worse), (keys(&b, &a), Verdict::Better)] {
        let expected =
            ["totals.continuity", "totals.in_time", "layers.Audio.continuity", "layers.Audio.in_time"];
        assert_eq!(differences, expected.map(|key| (key.to_owned(), verdict)));
    }
}

#[test]
fn what_moves_less_than_its_threshold_is_not_told() {
    let (a, b) = changed(|record| {
        let audio = record.layers.get_mut(&Layer::Audio).expect("sound");
        audio.delivered -= audio.due / 2_000;
        record.goodput_kbps += 10.0;
    });
    assert_eq!(compare(&a, &b), []);
}

#[test]
fn another_run_and_a_new_violation_are_told() {
    let (a, mut b) = changed(|_| ());
    b.seed = 8;
    b.violations = Report::of(&fabricate::violated()).violations;
    b.layers.remove(&Layer::P720);
    let differences = compare(&a, &b);
    assert_eq!((differences[0].key.as_str(), differences[0].verdict), ("seed", Verdict::Other));
    assert_eq!((differences[1].key.as_str(), differences[1].verdict), ("violations", Verdict::Worse));
    assert!(differences[2..].iter().all(|one| one.key.starts_with("layers.P720.") && one.b == "–"));
    let table = text(&differences);
    assert!(table.contains("WORSE") && table.contains("layers.P720.delay_ms.p95"), "{table}");
}

#[test]
fn what_can_not_be_read_is_named_with_what_is_wrong() {
    let directory = tempfile::tempdir().expect("a directory");
    let good = directory.path().join("good.json");
    let (report, _) = changed(|_| ());
    fs::write(&good, report.json()).expect("written");
    let says = |name: &str, content: Option<String>, expected: &[&str]| {
        let bad = directory.path().join(name);
        if let Some(content) = content {
            fs::write(&bad, content).expect("written");
        }
        let error = Report::read(&bad).expect_err(name).to_string();
        for part in [name].iter().chain(expected) {
            assert!(error.contains(part), "{error}");
        }
    };
    says("missing.json", None, &["can't be read", "--out"]);
    says("words.json", Some("hello".into()), &["is no report", "line 1 column 1"]);
    says("other.json", Some("{\"format\": 99}".into()), &["format 99", "format 1"]);
    says("more.json", Some(report.json().replacen("\"seed\"", "\"sead\"", 1)), &["sead"]);
    let read = || Report::read(&good).expect("it was just written");
    assert_eq!(compare(&read(), &read()), []);
}
