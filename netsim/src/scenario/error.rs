//! What is wrong with a scenario, and where: key, file and line.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A scenario, or a table that it names, cannot be used. The author of the file is at fault; the message says
/// what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{}: cannot be read ({source}); give the path of a scenario file (`netsim list` shows them)", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A key is unknown, missing, or has a value that cannot be.
    #[error("{}:{line}: {key}: {why}", file.display())]
    Key {
        /// The scenario file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// With its tables: `faults[1].at`.
        key: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A value that was typed instead of the file's cannot be set: whoever typed it is at fault.
    #[error("{}: {key} cannot be set: {why}", file.display())]
    Set {
        /// The scenario file.
        file: PathBuf,
        /// The key as it was typed.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// A table that the scenario names (delays, percentiles, turns) cannot be used.
    #[error("{}:{line}: {why} ({key} names this file)", file.display())]
    Table {
        /// The table.
        file: PathBuf,
        /// Counted from 1.
        line: u64,
        /// The key that names it.
        key: &'static str,
        /// What is wrong, and what would be right.
        why: String,
    },
}

/// A value that cannot be, before it is known on which line it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// With its tables: `faults[1].at`.
    pub(crate) key: String,
    /// What is wrong, and what would be right.
    pub(crate) why: String,
}

impl Wrong {
    /// Of this key.
    pub(crate) fn new(key: impl Into<String>, why: impl Into<String>) -> Wrong {
        Wrong { key: key.into(), why: why.into() }
    }
}

/// The line on which a key stands; the line of the innermost table that is there if the key itself isn't.
pub(crate) fn line_of_key(text: &str, key: &str) -> usize {
    let Ok(root) = DeTable::parse(text) else { return 1 };
    let mut offset = 0;
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    for step in key.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
        let next = match value.map(Spanned::get_ref) {
            None => entry(root.get_ref(), step),
            Some(DeValue::Table(table)) => entry(table, step),
            Some(DeValue::Array(items)) => {
                step.parse::<usize>().ok().and_then(|at| items.get(at)).map(|it| (it.span().start, it))
            }
            Some(_) => None,
        };
        let Some((start, found)) = next else { break };
        // `[[faults]]` opens each of its tables; the array itself has no place of its own.
        offset = start;
        value = Some(found);
    }
    line_at(text, offset)
}

fn entry<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<(usize, &'t Spanned<DeValue<'i>>)> {
    table.iter().find(|(key, _)| key.get_ref().as_ref() == name).map(|(key, value)| (key.span().start, value))
}

/// The key that an error of the parser is about: the innermost at this place in the text, or the one that it misses in
/// the table that stands here.
pub(crate) fn key_at(text: &str, span: Range<usize>, message: &str) -> String {
    let Ok(root) = DeTable::parse(text) else { return "syntax".into() };
    let key = within(root.get_ref(), span.start);
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    match (missing, key) {
        (Some(missing), Some(table)) if root.span() != span => format!("{table}.{missing}"),
        (Some(missing), _) => missing.to_owned(),
        (None, Some(key)) => key,
        (None, None) => "the file".into(),
    }
}

fn within(table: &DeTable<'_>, offset: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref();
        let inner = match value.get_ref() {
            DeValue::Table(inner) => within(inner, offset),
            DeValue::Array(items) => items.iter().enumerate().find_map(|(at, item)| {
                let deeper = match item.get_ref() {
                    DeValue::Table(inner) => within(inner, offset).map(|rest| format!("[{at}].{rest}")),
                    _ => None,
                };
                deeper.or_else(|| item.span().contains(&offset).then(|| format!("[{at}]")))
            }),
            _ => None,
        };
        match inner {
            Some(rest) if rest.starts_with('[') => Some(format!("{name}{rest}")),
            Some(rest) => Some(format!("{name}.{rest}")),
            None if key.span().contains(&offset) || value.span().contains(&offset) => Some(name.to_string()),
            None => None,
        }
    })
}

/// Counted from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
