//! A meeting in which the strongest relay is killed and one participant is reached by TCP only, and what has to hold in it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use canopy_players::measure::{self, Received, Window};
use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use netsim::scenario::{FaultSpec, Scenario, Target, What};
use overlay_core::io::Kind;

use crate::link::Carried;
use crate::place::Place;
use crate::scene::{Left, Scene};

/// The seed that a meeting is drawn with.
const SEED: u64 = 1;
/// Of what was sent to it, a receiver has to have decoded so much: pictures and sound, percent, before the relay dies...
const BEFORE_PERCENT: (f64, f64) = (97.0, 99.0);
/// ... and from then on, the repair included.
const AFTER_PERCENT: (f64, f64) = (95.0, 98.0);
/// No interface sends more than this in any second, percent of its limit.
const OVER_PERCENT: u64 = 105;
/// Whoever takes part by TCP sends at least so many bytes by it.
const TCP_BYTES_MIN: u64 = 200_000;

/// What can be broken, to see that it is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Broken {
    /// Nothing.
    #[default]
    Nothing,
    /// The one with TCP only has no TCP either, from the moment that delays are told of.
    Tcp,
    /// The interface that carries the most is taken to have a tenth of its limit.
    Limit,
}

/// What came of it.
pub struct Held {
    /// Tables and sums, for people.
    pub told: String,
    /// What did not hold; empty if everything did.
    pub failures: Vec<String>,
}

/// Everything that the judgement needs.
struct Facts {
    left: Left,
    only_tcp: usize,
    /// Everybody's place before the relay was killed.
    places: Vec<Option<Place>>,
    killed: usize,
    killed_us: u64,
    settled_us: u64,
    broken: Broken,
}

/// Holds it. The scenario says when the strongest relay is killed, by its one fault: the crash of one of the relays.
/// The last participant is the one with TCP only.
///
/// # Errors
/// Why it could not be held, which is no judgement about what is held.
pub async fn hold(program: &Path, out: &Path, scenario: &Scenario, broken: Broken) -> Result<Held> {
    let kills_at = match &scenario.faults[..] {
        [FaultSpec { what: What::Crash, who: Target::Relays, at: Some(at), count: Some(1), .. }] => *at,
        _ => anyhow::bail!(
            "faults: give one, the crash of 1 of the relays at a moment; it is the strongest that is killed"
        ),
    };
    ensure!(
        scenario.settle < kills_at && kills_at < scenario.length,
        "settle, faults.at, length: give them in this order"
    );
    let only_tcp = scenario.people.count as usize - 1;
    let mut scene = Scene::set(program, out, scenario, SEED, Some(only_tcp)).await?;
    scene.play(scenario.settle).await?;
    if broken == Broken::Tcp {
        scene.cut_off(only_tcp)?;
    }
    scene.play(kills_at).await?;
    let places = scene.places().await;
    let relays = scene.people()..scene.cast.people.len();
    let strength =
        |who: &usize| places[*who].as_ref().map_or((0, 0), |place| (place.passes_on(), place.out_kbps));
    let killed = relays.max_by_key(strength).context("relays: the scenario has none")?;
    let killed_us = crate::clock::wall_us();
    scene.crash(killed).await;
    scene.play(scenario.length).await?;
    let left = scene.end().await?;
    let settled_us = left.began_us + scenario.settle.as_micros() as u64;
    let facts = Facts { left, only_tcp, places, killed, killed_us, settled_us, broken };
    let mut held = Held { told: String::new(), failures: Vec::new() };
    facts.judge(&mut held)?;
    Ok(held)
}

impl Facts {
    fn judge(&self, held: &mut Held) -> Result<()> {
        self.judge_media(held)?;
        self.judge_interfaces(held)?;
        self.judge_overlay(held)
    }

    /// Everybody is shown everybody who sends.
    fn judge_media(&self, held: &mut Held) -> Result<()> {
        let left = &self.left;
        let spans = [
            ("before", Window::between(self.settled_us, self.killed_us), BEFORE_PERCENT),
            ("after", Window::between(self.killed_us, left.ended_us), AFTER_PERCENT),
        ];
        let mut table =
            table(&["receiver", "source", "", "pictures %", "sound %", "frozen ms", "p50 ms", "p95 ms"]);
        let sources: Vec<usize> =
            (0..left.journals.len()).filter(|who| !left.cast.people[*who].sends.is_empty()).collect();
        for (receiver, journal) in left.journals.iter().enumerate() {
            for source in sources.iter().copied().filter(|source| *source != receiver) {
                for (when, window, (pictures, sound)) in spans {
                    let names = (&left.names[receiver], &left.names[source]);
                    let Some(row) = measure::received(journal, &left.journals[source], window) else {
                        held.failures.push(format!("{} or {} never started", names.0, names.1));
                        continue;
                    };
                    if row.video.percent() < pictures || row.audio.percent() < sound {
                        held.failures.push(format!(
                            "{when} the relay died {} had {:.1} % of {}'s pictures and {:.1} % of the sound; {pictures} and {sound} are asked",
                            names.0, row.video.percent(), names.1, row.audio.percent(),
                        ));
                    }
                    table.add_row(cells(names, when, &row));
                }
            }
        }
        writeln!(held.told, "{table}")?;
        Ok(())
    }

    /// Nobody sends more than its owner lends, and who has no UDP takes part all the same.
    fn judge_interfaces(&self, held: &mut Held) -> Result<()> {
        let left = &self.left;
        let most = (0..left.sent.len()).max_by_key(|who| left.sent[*who].bytes());
        let mut table = table(&[
            "machine",
            "limit kbit/s",
            "highest second kbit/s",
            "%",
            "sent kB",
            "UDP kB",
            "TCP kB",
            "feeds",
        ]);
        for (who, person) in left.cast.people.iter().enumerate() {
            let ((highest, at_ms), limit) = (left.sent[who].highest(), u64::from(person.limit_kbps));
            let limit = if self.broken == Broken::Limit && most == Some(who) { limit / 10 } else { limit };
            if highest * 100 > limit * OVER_PERCENT {
                held.failures.push(format!(
                    "{} sent {highest} kbit/s in the second from {:.1} s on; its limit is {limit}",
                    left.names[who],
                    at_ms as f64 / 1e3
                ));
            }
            let Carried { udp, tcp } = left.carried[who];
            let feeds = self.places[who].as_ref().map_or(0, Place::passes_on);
            let name = if who == self.killed {
                format!("{} (killed)", left.names[who])
            } else {
                left.names[who].clone()
            };
            let numbers = [
                limit,
                highest,
                highest * 100 / limit.max(1),
                left.sent[who].bytes() / 1000,
                udp / 1000,
                tcp / 1000,
                feeds as u64,
            ];
            table.add_row(
                std::iter::once(Cell::new(name))
                    .chain(numbers.map(|number| Cell::new(number).set_alignment(CellAlignment::Right))),
            );
        }
        writeln!(held.told, "{table}")?;
        let Carried { udp, tcp } = left.carried[self.only_tcp];
        if udp > 0 || tcp < TCP_BYTES_MIN {
            held.failures.push(format!(
                "{} is to take part by TCP only; it sent {udp} bytes by UDP, {tcp} by TCP",
                left.names[self.only_tcp]
            ));
        }
        let late = left.held.late_us;
        writeln!(
            held.told,
            "link: {} packets, {} dropped, handed over {} µs late (99 %: {})",
            left.held.packets, left.held.dropped, late.0, late.1
        )?;
        Ok(())
    }

    /// It is the overlay that carries: somebody feeds others with what is not theirs, and so did who was killed.
    fn judge_overlay(&self, held: &mut Held) -> Result<()> {
        let silent: Vec<&str> = self
            .places
            .iter()
            .zip(&self.left.names)
            .filter(|(place, _)| place.is_none())
            .map(|(_, name)| name.as_str())
            .collect();
        if !silent.is_empty() {
            held.failures.push(format!("'canopy status' shows nothing of {}", silent.join(", ")));
        }
        let feeds = |who: usize| self.places[who].as_ref().map_or(0, Place::passes_on);
        let others = (0..self.places.len()).filter(|who| feeds(*who) > 0);
        let (people, relays): (Vec<usize>, Vec<usize>) =
            others.partition(|who| self.left.cast.people[*who].kind == Kind::Participant);
        if people.len() + relays.len() == 0 {
            held.failures.push("nobody but the sources feeds anybody".into());
        }
        if feeds(self.killed) == 0 {
            held.failures.push("the relay that was killed fed nobody: its death proves nothing".into());
        }
        writeln!(
            held.told,
            "{} relays and {} participants feed others with what they don't send themselves; {} fed {} when it was killed",
            relays.len(),
            people.len(),
            self.left.names[self.killed],
            feeds(self.killed)
        )?;
        Ok(())
    }
}

fn cells(names: (&String, &String), when: &str, row: &Received) -> Vec<Cell> {
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    vec![
        Cell::new(names.0),
        Cell::new(names.1),
        Cell::new(when),
        right(format!("{:.1}", row.video.percent())),
        right(format!("{:.1}", row.audio.percent())),
        right(row.frozen_ms.to_string()),
        right(format!("{:.0}", row.latency_p50_ms)),
        right(format!("{:.0}", row.latency_p95_ms)),
    ]
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    table
}

/// The scenario of `make live`.
///
/// # Errors
/// What is wrong with it.
pub fn scenario() -> Result<Scenario> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/twelve.toml");
    Ok(Scenario::read(file)?)
}
