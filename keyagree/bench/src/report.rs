//! The tables.

use anyhow::Result;
use comfy_table::{Table, presets};

use crate::lists::{self, LOADS};
use crate::{forged, mls, ours, sealing};

fn table(header: Vec<String>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    table
}

/// Joins and leaves at each size.
pub(crate) fn epochs(members: &[u16], alone: bool) -> Result<()> {
    let ours = members.iter().map(|size| ours::measure(usize::from(*size))).collect::<Result<Vec<_>>>()?;
    let others = if alone {
        Vec::new()
    } else {
        members.iter().map(|size| mls::measure(usize::from(*size))).collect::<Result<Vec<_>>>()?
    };
    let mut shown =
        table(std::iter::once("members".to_owned()).chain(members.iter().map(u16::to_string)).collect());
    let mut row = |what: &str, cells: Vec<String>| {
        shown.add_row(std::iter::once(what.to_owned()).chain(cells));
    };
    row(
        "leave: s until the epoch is in force, p95, simulated",
        ours.iter().map(|run| format!("{:.2}", run.leave_s)).collect(),
    );
    row("leave: messages", ours.iter().map(|run| run.leave_messages.to_string()).collect());
    row(
        "leave: bytes to each member, record and wrap",
        ours.iter().map(|run| run.leave_bytes.to_string()).collect(),
    );
    row(
        "leave: bytes to each member, changes of the roster",
        ours.iter().map(|run| run.changes_bytes.to_string()).collect(),
    );
    row("leave: coordinator CPU ms", ours.iter().map(|run| format!("{:.2}", run.leave_cpu_ms)).collect());
    row("leave: member CPU ms", ours.iter().map(|run| format!("{:.2}", run.follow_cpu_ms)).collect());
    row("join: coordinator CPU ms", ours.iter().map(|run| format!("{:.2}", run.join_cpu_ms)).collect());
    row("join: bytes to the joiner", ours.iter().map(|run| run.join_bytes.to_string()).collect());
    row(
        "join: bytes to each other member",
        ours.iter().map(|run| run.join_others_bytes.to_string()).collect(),
    );
    row("a page of the roster, bytes", ours.iter().map(|run| run.page_bytes.to_string()).collect());
    if !others.is_empty() {
        row(
            "mls-rs leave: bytes to each member",
            others.iter().map(|run| run.leave_bytes.to_string()).collect(),
        );
        row(
            "mls-rs leave: committer CPU ms",
            others.iter().map(|run| format!("{:.2}", run.leave_cpu_ms)).collect(),
        );
        row(
            "mls-rs leave: member CPU ms",
            others.iter().map(|run| format!("{:.2}", run.follow_cpu_ms)).collect(),
        );
        row(
            "mls-rs join: committer CPU ms",
            others.iter().map(|run| format!("{:.2}", run.join_cpu_ms)).collect(),
        );
        row(
            "mls-rs join: bytes to the joiner",
            others.iter().map(|run| run.join_bytes.to_string()).collect(),
        );
        row(
            "mls-rs join: joiner CPU ms",
            others.iter().map(|run| format!("{:.2}", run.joiner_cpu_ms)).collect(),
        );
    }
    println!("{shown}");
    Ok(())
}

/// Forged frames, and what sealing costs.
pub(crate) fn frames(tries: u32) -> Result<()> {
    let run = forged::measure(tries)?;
    let mut shown = table(["frames", "tried", "accepted"].map(str::to_owned).to_vec());
    for (kind, tried, accepted) in run.kinds {
        shown.add_row([kind.to_owned(), tried.to_string(), accepted.to_string()]);
    }
    shown.add_row(["true".to_owned(), run.sealed.to_string(), run.opened.to_string()]);
    println!("\n{shown}");
    let (whole, bare) = sealing::measure()?;
    println!(
        "\nsealed and opened, 1,200 bytes: {whole:.2} µs; the cipher alone: {bare:.2} µs; ratio {:.3}",
        whole / bare
    );
    let accepted: u32 = run.kinds.iter().map(|(.., accepted)| accepted).sum();
    anyhow::ensure!(accepted == 0, "{accepted} forged frames were accepted");
    anyhow::ensure!(run.opened == run.sealed, "true frames were refused");
    Ok(())
}

/// What signed lists cost.
pub(crate) fn lists() {
    let header = ["signed lists", "kbit/s", "% of what the trees carry", "source CPU %", "receiver CPU %"];
    let mut shown = table(header.map(str::to_owned).to_vec());
    for load in &LOADS {
        let cost = lists::measure(load);
        let cells = [cost.kbps, cost.percent, cost.sign_cpu_percent, cost.verify_cpu_percent];
        shown.add_row(std::iter::once(load.what.to_owned()).chain(cells.map(|cell| format!("{cell:.2}"))));
    }
    println!("\none list in {} ms\n{shown}", lists::every_ms());
}
