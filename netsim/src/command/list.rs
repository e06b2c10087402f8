//! `netsim list`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use comfy_table::Table;
use netsim::scenario::Scenario;

use crate::args::List;

/// The files of a folder that are scenarios, by name.
pub fn scenarios(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let told = || format!("can't read the folder {}", folder.display());
    let entries = std::fs::read_dir(folder).with_context(told)?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    Ok(files)
}

/// Shows the scenarios of a folder.
pub fn list(list: &List) -> anyhow::Result<bool> {
    let mut table = Table::new();
    table.set_header(["file", "people", "relays", "length", "what it shows", "does not hold yet"]);
    for file in scenarios(&list.folder)? {
        let scenario = Scenario::read(&file)?;
        let expected: Vec<&str> = scenario.expected.iter().map(|expected| &*expected.invariant).collect();
        table.add_row([
            file.display().to_string(),
            scenario.people.count.to_string(),
            scenario.relay_count().to_string(),
            humantime::format_duration(scenario.length).to_string(),
            format!("{}. {}", scenario.title, scenario.about),
            expected.join(", "),
        ]);
    }
    println!("{table}");
    Ok(true)
}
