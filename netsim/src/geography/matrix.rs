//! A square of round-trip times from a CSV: site names in the first row, milliseconds, -1 for missing.

use std::path::Path;

use super::{Site, Sites};
use crate::scenario::ScenarioError;

const KEY: &str = "geography.matrix";
/// Columns of a matrix.
const SITES_MAX: usize = 2_000;
/// A round trip once around the Earth by satellite, ms; more is a mistake in the unit.
const RTT_MAX_MS: f64 = 10_000.0;
/// What a site is from itself when the diagonal is missing or 0: a way across town, one way, ns.
const SELF_NS: u64 = 1_000_000;

/// Reads and completes a matrix. Weights are of its columns, even if there are none.
pub(super) fn read(file: &Path, weights: &[u32]) -> Result<Sites, ScenarioError> {
    let wrong = |line: u64, why: String| ScenarioError::Table { file: file.into(), line, key: KEY, why };
    let text =
        std::fs::read_to_string(file).map_err(|source| wrong(1, format!("cannot be read: {source}")))?;
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| wrong(1, error.to_string()))?;
    let names: Vec<String> = header.iter().map(str::to_owned).collect();
    if names.is_empty() || names.len() > SITES_MAX {
        return Err(wrong(1, format!("has {} columns; give 1 to {SITES_MAX}", names.len())));
    }
    let mut rows: Vec<Vec<Option<u64>>> = Vec::new();
    let mut last_line = 1;
    for record in reader.records() {
        let record = record.map_err(|error| {
            wrong(error.position().map_or(last_line, csv::Position::line), error.to_string())
        })?;
        last_line = record.position().map_or(last_line + 1, csv::Position::line);
        if record.len() != names.len() {
            let why = format!("has {} values; the first row has {} names", record.len(), names.len());
            return Err(wrong(last_line, why));
        }
        let row = record.iter().zip(&names).map(|(field, name)| one_way_ns(field, name));
        rows.push(row.collect::<Result<_, _>>().map_err(|why| wrong(last_line, why))?);
    }
    if rows.len() != names.len() {
        let why = format!("has {} rows of values for {} names; give a square", rows.len(), names.len());
        return Err(wrong(last_line, why));
    }
    if !weights.is_empty() && weights.len() != names.len() {
        let why = format!(
            "geography.weights has {} values for {} columns; give as many",
            weights.len(),
            names.len()
        );
        return Err(wrong(1, why));
    }
    let one_way_ns = completed(&rows).map_err(|(from, to)| {
        let why = format!(
            "{} to {} is missing, and so is every way over a third site; give that round trip",
            names[from], names[to]
        );
        wrong(from as u64 + 2, why)
    })?;
    let weights = if weights.is_empty() { vec![1; names.len()] } else { weights.to_vec() };
    let sites = names.into_iter().map(|name| Site { name, place: None }).collect();
    Ok(Sites { sites, weights, one_way_ns })
}

/// Half of a round trip; none if it is missing.
fn one_way_ns(field: &str, name: &str) -> Result<Option<u64>, String> {
    let ms: f64 =
        field.parse().map_err(|_| format!("{name}: \"{field}\" is no number; give ms, or -1 for missing"))?;
    if ms == -1.0 {
        return Ok(None);
    }
    if !(0.0..=RTT_MAX_MS).contains(&ms) {
        return Err(format!("{name}: {field} ms; give 0 to {RTT_MAX_MS}, or -1 for missing"));
    }
    Ok(Some((ms * 500_000.0) as u64))
}

/// Missing values are those of the best way over a third site; the pair that has none is the error.
fn completed(rows: &[Vec<Option<u64>>]) -> Result<Vec<u64>, (usize, usize)> {
    let count = rows.len();
    let mut whole = Vec::with_capacity(count * count);
    for from in 0..count {
        for to in 0..count {
            let known =
                if from == to { Some(rows[from][to].unwrap_or(0).max(SELF_NS)) } else { rows[from][to] };
            let value = match known {
                Some(value) => value,
                None => {
                    let over = |third: usize| Some(rows[from][third]? + rows[third][to]?);
                    (0..count)
                        .filter(|third| *third != from && *third != to)
                        .filter_map(over)
                        .min()
                        .ok_or((from, to))?
                }
            };
            whole.push(value);
        }
    }
    Ok(whole)
}
