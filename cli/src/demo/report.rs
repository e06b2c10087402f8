//! What the demo found: the figures, the verdict, and both as a table and as JSON (`docs/demo.md`).

use std::path::Path;

use canopy_players::measure::Received;
use comfy_table::{Cell, CellAlignment, Color, Table, presets::UTF8_FULL_CONDENSED};
use serde::{Deserialize, Serialize};

use super::memory::Search;
use crate::fail::{Fail, Outcome};
use crate::relay::Counters;

/// An epoch that comes later than this after the host's command to remove somebody comes too late.
const REMOVAL_MOST_MS: u64 = 2_000;

/// Everything that the demo found out.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// Seconds that the meeting lasted.
    pub length_s: f64,
    /// The share of what was sent that each receiver had to decode, in percent.
    pub expect_percent: f64,
    /// One row for each receiver and source.
    pub received: Vec<Received>,
    /// One row for each relay.
    pub relays: Vec<RelayRow>,
    /// Bytes that the relays sent of all bytes that anybody sent, in percent.
    pub relays_carried_percent: f64,
    /// What an attacker with memory gets.
    pub attack: Attack,
    /// What the removed participant got.
    pub removed: Removed,
    /// What came of the organiser's death.
    pub succession: Succession,
    /// Why the demo failed; empty if it did not.
    pub failures: Vec<String>,
}

/// What a relay did.
#[derive(Debug, Serialize, Deserialize)]
pub struct RelayRow {
    /// Its name in the demo.
    pub name: String,
    /// True if the demo killed it on the way; its counters end there.
    pub killed: bool,
    /// What it counted.
    #[serde(flatten)]
    pub counters: Counters,
}

/// Every 32-byte window of memory and of logs, tried as the key of captured frames.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Attack {
    /// The surviving relay's memory.
    pub relay_memory: Search,
    /// All relays' logs.
    pub relay_logs: Search,
    /// A member's memory: the proof that the search finds keys where there are any.
    pub member_memory: Search,
}

/// What came of removing a participant.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Removed {
    /// From the removal until the epoch that shuts it out was in force.
    pub rekeyed_after_ms: Option<u64>,
    /// Sealed frames that a colluding relay passed on to it afterwards.
    pub frames_fed: u64,
    /// Frames captured later than 2 s after that epoch's activation that it opened.
    pub frames_opened: u64,
}

/// What came of the organiser's death.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Succession {
    /// From its death until the bystander had an epoch of a deputy's.
    pub led_again_after_ms: Option<u64>,
}

impl Report {
    /// Fills in why the demo failed.
    pub fn judge(&mut self, relays_wanted: bool) {
        let mut failures = Vec::new();
        for row in &self.received {
            let expected = self.expect_percent;
            // Sound is doubled: it may lack a quarter of what pictures may.
            let sound = 100.0 - (100.0 - expected) / 4.0;
            for (what, stream, least) in [("pictures", row.video, expected), ("sound", row.audio, sound)] {
                if stream.percent() < least {
                    failures.push(format!(
                        "{} decoded {:.1} % of {}'s {what}, less than {least} %",
                        row.receiver,
                        stream.percent(),
                        row.source,
                    ));
                }
            }
        }
        if self.relays_carried_percent < 50.0 {
            failures.push(format!(
                "the relays carried {:.0} % of the bytes, less than half",
                self.relays_carried_percent
            ));
        }
        for relay in &self.relays {
            let counters = &relay.counters;
            if f64::from(counters.peak_kbps) > f64::from(counters.limit_kbps) * 1.05 {
                failures.push(format!(
                    "{} sent {} kbit/s in one second, over its limit of {}",
                    relay.name, counters.peak_kbps, counters.limit_kbps
                ));
            }
        }
        if self.succession.led_again_after_ms.is_none() {
            failures.push("nobody took over when the organiser was killed".into());
        }
        if relays_wanted {
            self.judge_secrecy(&mut failures);
        }
        self.failures = failures;
    }

    /// The attacks must fail, and must have had a chance.
    fn judge_secrecy(&self, failures: &mut Vec<String>) {
        let attack = &self.attack;
        if attack.relay_memory.keys_found + attack.relay_logs.keys_found > 0 {
            failures.push("a relay's memory or log held a key that opens frames".into());
        }
        if attack.relay_memory.windows == 0 || attack.relay_memory.frames == 0 {
            failures.push("the relay's memory was not searched".into());
        }
        if attack.member_memory.keys_found == 0 {
            failures.push("the search found no key in a member's memory either: it proves nothing".into());
        }
        if self.removed.frames_opened > 0 {
            failures.push(format!("the removed participant opened {} frames", self.removed.frames_opened));
        }
        if self.removed.frames_fed == 0 {
            failures.push("the removed participant was fed no frames: its failure proves nothing".into());
        }
        match self.removed.rekeyed_after_ms {
            None => failures.push("no epoch shut the removed participant out".into()),
            Some(ms) if ms > REMOVAL_MOST_MS => {
                failures.push(format!(
                    "the epoch after the removal came after {ms} ms, more than {REMOVAL_MOST_MS}"
                ));
            }
            Some(_) => {}
        }
    }

    /// Writes it as JSON.
    pub fn write(&self, path: &Path) -> Outcome {
        let text = serde_json::to_string_pretty(self).map_err(Fail::failed)?;
        std::fs::write(path, text).map_err(|error| Fail::failed(format!("{}: {error}", path.display())))
    }

    /// Prints it for people.
    pub fn print(&self) {
        println!("\nWhat each receiver got of each source\n{}", self.receivers());
        println!(
            "\nWhat the relays carried: {:.0} % of all bytes\n{}",
            self.relays_carried_percent,
            self.carriers()
        );
        println!("\n{}", self.secrecy());
        if let Some(ms) = self.succession.led_again_after_ms {
            println!("\nThe organiser was killed: a deputy led after {ms} ms, and the others went on.");
        }
    }

    fn receivers(&self) -> Table {
        let mut table = table(&[
            "receiver",
            "source",
            "sent",
            "thinned",
            "received",
            "opened",
            "decoded",
            "%",
            "frozen ms",
            "first ms",
            "p50 ms",
            "p95 ms",
            "PSNR dB",
            "min",
            "sound %",
            "lost",
        ]);
        for row in &self.received {
            let db = |value: Option<f64>| value.map_or("-".into(), |db| format!("{db:.1}"));
            table.add_row([
                Cell::new(&row.receiver),
                Cell::new(&row.source),
                number(row.video.sent),
                number(row.video.thinned),
                number(row.video.received),
                number(row.video.opened),
                number(row.video.decoded),
                percent(row.video.percent(), self.expect_percent),
                number(row.frozen_ms),
                number(row.first_picture_ms.map_or("-".into(), |ms| ms.to_string())),
                number(format!("{:.0}", row.latency_p50_ms)),
                number(format!("{:.0}", row.latency_p95_ms)),
                number(db(row.psnr_mean_db)),
                number(db(row.psnr_min_db)),
                percent(row.audio.percent(), self.expect_percent),
                number(row.audio.sent - row.audio.thinned - row.audio.decoded),
            ]);
        }
        table
    }

    fn carriers(&self) -> Table {
        let mut table = table(&[
            "relay",
            "in MB",
            "out MB",
            "children",
            "limit kbit/s",
            "highest second kbit/s",
            "killed",
        ]);
        for relay in &self.relays {
            let counters = &relay.counters;
            table.add_row([
                Cell::new(&relay.name),
                number(format!("{:.1}", counters.bytes_in as f64 / 1e6)),
                number(format!("{:.1}", counters.bytes_out as f64 / 1e6)),
                number(counters.children),
                number(counters.limit_kbps),
                number(counters.peak_kbps),
                Cell::new(if relay.killed { "yes" } else { "" }),
            ]);
        }
        table
    }

    fn secrecy(&self) -> Table {
        let mut table = table(&["what was tried", "how often", "frames opened"]);
        for (what, search) in [
            ("each 32-byte window of a relay's memory, as a key", &self.attack.relay_memory),
            ("each window of the relays' logs, and what they decode to", &self.attack.relay_logs),
            ("the same on a member's memory (must find one)", &self.attack.member_memory),
        ] {
            table.add_row([Cell::new(what), number(search.windows), number(search.keys_found)]);
        }
        table.add_row([
            Cell::new(format!(
                "the removed participant's keys, on frames that a relay went on passing to it (new epoch after {} ms)",
                self.removed.rekeyed_after_ms.map_or("-".into(), |ms| ms.to_string())
            )),
            number(self.removed.frames_fed),
            number(self.removed.frames_opened),
        ]);
        table
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    table
}

fn number(value: impl ToString) -> Cell {
    Cell::new(value.to_string()).set_alignment(CellAlignment::Right)
}

fn percent(value: f64, wanted: f64) -> Cell {
    let cell = number(format!("{value:.1}"));
    if value < wanted { cell.fg(Color::Red) } else { cell }
}
