//! The documentation has every key of a scenario, and no other.

use std::collections::BTreeSet;

use netsim::scenario::Scenario;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/netsim.md");

/// Keys in the first column of the tables, and the names in their headings.
fn documented() -> BTreeSet<String> {
    let text = std::fs::read_to_string(DOCS).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("Scenarios")).expect("the section");
    let mut keys = BTreeSet::new();
    let mut in_keys = false;
    for line in section.lines() {
        in_keys = line.starts_with("| key |") || (in_keys && line.starts_with('|'));
        let name = line.strip_prefix("| `").and_then(|rest| rest.split('`').next());
        keys.extend(name.filter(|_| in_keys).map(str::to_owned));
    }
    keys
}

/// The names that a table takes: those that its parser tells when it meets another one.
fn taken(text: &str) -> BTreeSet<String> {
    let error = Scenario::parse(text, "x").unwrap_err().to_string();
    let names = error.split_once("`, expected").expect(&error).1;
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_is_documented_and_nothing_else() {
    let tables =
        ["people", "people.nat", "geography", "network", "media", "models", "speech", "short", "keys"];
    let lists = ["crowds", "relays", "sources", "faults", "expected"];
    let mut keys = taken("nonsense = 1\n");
    for table in tables {
        let inner = taken(&format!("title = \"t\"\nlength = \"1s\"\n[{table}]\nnonsense = 1\n"));
        keys.extend(inner.into_iter().map(|name| format!("{table}.{name}")));
        keys.remove(table);
    }
    for list in lists {
        let inner = taken(&format!("title = \"t\"\nlength = \"1s\"\n[[{list}]]\nnonsense = 1\n"));
        assert!(keys.remove(list), "{list} is no list of a scenario");
        keys.extend(inner.into_iter().map(|name| format!("{list}.{name}")));
    }
    // A table within a table has a row of its own.
    keys.insert("people.nat".into());
    let documented = documented();
    let undocumented: Vec<_> = keys.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&keys).collect();
    assert!(
        undocumented.is_empty() && unknown.is_empty(),
        "not in the docs: {undocumented:?}; only there: {unknown:?}"
    );
}
