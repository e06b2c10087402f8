//! What has failed once: scenarios that `netsim shrink` reduced, each with the seed that its file is named by.

use std::path::{Path, PathBuf};

use netsim::scenario::Scenario;
use netsim::shrink::Failure;

fn seed(file: &Path) -> Option<u64> {
    file.file_stem()?.to_str()?.rsplit_once("-seed-")?.1.parse().ok()
}

#[test]
fn what_was_mended_stays_so() {
    let entries = std::fs::read_dir("regressions").expect("the corpus");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let name = file.display();
        let seed = seed(&file).unwrap_or_else(|| panic!("{name} is not named …-seed-N.toml"));
        let scenario = Scenario::read(&file).expect("a scenario");
        let failure = Failure::of(&scenario, seed).expect("a scenario");
        assert_eq!(failure, None, "{name}");
    }
}
