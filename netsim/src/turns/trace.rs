//! Turns from a CSV: `meeting,speaker,start_s,dur_s`.

use std::path::Path;
use std::time::Duration;

use overlay_core::time::Time;
use serde::Deserialize;

use super::Turn;
use crate::scenario::ScenarioError;

const KEY: &str = "speech.trace";
const COLUMNS: [&str; 4] = ["meeting", "speaker", "start_s", "dur_s"];
/// A moment of a trace: a day.
const SECONDS_MAX: f64 = 86_400.0;

#[derive(Deserialize)]
struct Row {
    meeting: String,
    speaker: String,
    start_s: f64,
    dur_s: f64,
}

/// Reads one meeting, the first if none is named. Speakers are numbered as they appear.
pub(super) fn read(
    file: &Path,
    meeting: Option<&str>,
    speakers: u32,
    length: Duration,
) -> Result<Vec<Turn>, ScenarioError> {
    let wrong = |line: u64, why: String| ScenarioError::Table { file: file.into(), line, key: KEY, why };
    let text =
        std::fs::read_to_string(file).map_err(|source| wrong(1, format!("cannot be read: {source}")))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| wrong(1, error.to_string()))?.clone();
    if header.iter().ne(COLUMNS) {
        return Err(wrong(1, format!("has other columns; the first row is {}", COLUMNS.join(","))));
    }
    let mut meeting = meeting.map(str::to_owned);
    let mut names: Vec<String> = Vec::new();
    let mut turns = Vec::new();
    for record in reader.records() {
        let record = record
            .map_err(|error| wrong(error.position().map_or(1, csv::Position::line), error.to_string()))?;
        let line = record.position().map_or(1, csv::Position::line);
        let row: Row = record
            .deserialize(Some(&header))
            .map_err(|_| wrong(line, "has a start or a duration that is no number; give seconds".into()))?;
        if meeting.get_or_insert_with(|| row.meeting.clone()) != &row.meeting {
            continue;
        }
        let range = 0.0..=SECONDS_MAX;
        if !range.contains(&row.start_s) || !range.contains(&row.dur_s) {
            return Err(wrong(line, format!("has seconds out of range; give 0 to {SECONDS_MAX}")));
        }
        let known = names.iter().position(|name| *name == row.speaker);
        let speaker = known.unwrap_or(names.len());
        if known.is_none() {
            names.push(row.speaker);
        }
        if speaker >= speakers as usize {
            let why = format!("brings speaker {}, and {speakers} send sound; let more of them", speaker + 1);
            return Err(wrong(line, why));
        }
        let speaker = u32::try_from(speaker).unwrap_or(u32::MAX);
        let (start, span) = (Duration::from_secs_f64(row.start_s), Duration::from_secs_f64(row.dur_s));
        if start < length {
            turns.push(Turn { speaker, start: Time::ZERO + start, span: span.min(length - start) });
        }
    }
    if names.is_empty() {
        let name = meeting.unwrap_or_default();
        return Err(wrong(
            1,
            format!("has no turn of meeting \"{name}\"; give one that it has, or none for the first"),
        ));
    }
    turns.sort_by_key(|turn| (turn.start, turn.speaker));
    Ok(turns)
}
