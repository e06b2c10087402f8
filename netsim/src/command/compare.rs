//! `netsim compare`.

use netsim::compare::{compare as differences, text};
use netsim::report::Report;
use netsim::side_by_side;

use crate::args::Compare;

/// Shows the differences that matter, or figures side by side. Two builds are compared by the reports that each of
/// them wrote.
pub fn compare(compare: &Compare) -> anyhow::Result<bool> {
    let reports = compare.reports.iter().map(|file| Report::read(file)).collect::<Result<Vec<_>, _>>()?;
    match &reports[..] {
        [a, b] if !compare.side_by_side => print!("{}", text(&differences(a, b))),
        all => println!("{}", side_by_side::table(all)),
    }
    Ok(true)
}
