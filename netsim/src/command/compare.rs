//! `netsim compare`.

use netsim::compare::{compare_files, text};

use crate::args::Compare;

/// Shows the differences that matter. Two builds are compared by the reports that each of them wrote.
pub fn compare(compare: &Compare) -> anyhow::Result<bool> {
    print!("{}", text(&compare_files(&compare.a, &compare.b)?));
    Ok(true)
}
