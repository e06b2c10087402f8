//! The demo: who takes part and with what, and what is made of what they leave behind.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use canopy_players::journal::{self, Entry};
use canopy_players::measure::{self, Window};
use canopy_players::player::{Player, Program};
use indicatif::{ProgressBar, ProgressStyle};
use keyagree::identity::MeetingId;
use keyagree::invite::Invite;

use super::acts::Times;
use super::memory::Snapshot;
use super::report::{Attack, RelayRow, Removed, Report, Succession};
use crate::args::Demo;
use crate::fail::{Fail, Outcome};
use crate::home;
use crate::overheard;
use crate::relay::Counters;

/// What a participant who sends may send in all: its own media to three others, not to all five, and at 360p a cut in a
/// film to the two whom it feeds by plan.
const SOURCE_UPLINK: [(&str, &str); 3] = [("180p", "1500kbit"), ("360p", "3mbit"), ("720p", "7mbit")];
/// The organiser answers everybody who joins as well; it can't feed all five either.
const ORGANISER_UPLINK: [(&str, &str); 3] = [("180p", "2mbit"), ("360p", "3mbit"), ("720p", "9mbit")];
/// What the other participants have: enough to say that they are there, and to save somebody's sound.
const WATCHER_UPLINK: &str = "500kbit";
/// What each of the two relays lends.
const RELAY_UPLINK: [(&str, &str); 3] = [("180p", "10mbit"), ("360p", "20mbit"), ("720p", "60mbit")];
/// Guests beside the organiser; the first two send.
pub(super) const GUESTS: usize = 5;
/// One more is the user's own, who has a window and may come in; nothing of theirs is measured.
pub(super) const WINDOW: &str = "window";
/// What they may send in all.
const WINDOW_UPLINK: &str = "1mbit";
/// Makes the meeting, sends, and is killed before its end: a deputy takes over.
pub(super) const ORGANISER: &str = "organiser";
/// One more joins when the meeting is under way, and leaves before its end.
pub(super) const LATE: usize = GUESTS + 1;
/// Of the guests, those who send.
const SOURCES: usize = 2;
/// The guest whom the host removes: it only receives.
pub(super) const REMOVED: &str = "guest-5";
/// The member whose memory is searched beside the relay's.
pub(super) const BYSTANDER: &str = "guest-3";
/// The relay that is killed.
pub(super) const KILLED: &str = "relay-1";
/// The relay that colludes, and whose memory is searched.
pub(super) const COLLUDER: &str = "relay-2";
pub(super) const MEETING: &str = "demo";
/// Length of the clip that is generated where none is given.
const CLIP_SECONDS: u32 = 10;
/// A frame that was captured this long after the new epoch's activation must not be opened.
const GRACE_US: u64 = 2_000_000;

/// Runs the demo and says how it went.
pub async fn run(args: Demo) -> Outcome {
    if args.length < Duration::from_secs(15) {
        return Err(Fail::usage("a demo needs at least --length 15s for its three acts"));
    }
    prepare_folder(&args.out)?;
    let bar = ProgressBar::new(args.length.as_millis() as u64);
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {elapsed} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut stage = Stage::set(&args, &bar).await?;
    let times = stage.play(&bar).await?;
    bar.set_message("searching memory and logs for keys");
    let mut report = stage.measure(&times)?;
    bar.finish_and_clear();
    report.judge(!args.no_relays);
    let path = args.out.join("report.json");
    report.write(&path)?;
    report.print();
    println!("Report: {}   Recordings: {}", path.display(), args.out.join("*/recorded").display());
    if report.failures.is_empty() {
        return Ok(());
    }
    Err(Fail::failed(format!("the demo fell short:\n  {}", report.failures.join("\n  "))))
}

/// An empty folder for this run; what an earlier run left there is removed.
fn prepare_folder(out: &Path) -> Outcome {
    let mark = out.join(".canopy-demo");
    if out.exists() {
        if !mark.exists() && std::fs::read_dir(out).is_ok_and(|mut files| files.next().is_some()) {
            return Err(Fail::usage(format!(
                "{} holds files that are not a demo's: give another folder with --out",
                out.display()
            )));
        }
        std::fs::remove_dir_all(out).map_err(Fail::failed)?;
    }
    std::fs::create_dir_all(out.join("reference")).map_err(Fail::failed)?;
    std::fs::write(mark, "").map_err(Fail::failed)
}

/// Everybody who takes part, while they run.
pub(super) struct Stage<'a> {
    pub(super) args: &'a Demo,
    /// This program.
    pub(super) program: Program,
    pub(super) relays: Vec<Player>,
    pub(super) people: Vec<Player>,
    pub(super) window: Option<Player>,
    pub(super) tap: Option<overheard::Listener>,
    /// The invite of somebody who comes later.
    pub(super) late: String,
    clip: String,
    tapped: Option<SocketAddr>,
    meeting: MeetingId,
}

impl<'a> Stage<'a> {
    /// Starts the relays, makes the meeting and lets everybody join.
    async fn set(args: &'a Demo, bar: &ProgressBar) -> Outcome<Stage<'a>> {
        let out = &args.out;
        let clip = match &args.file {
            Some(clip) => clip.clone(),
            None => {
                bar.set_message("generating a clip");
                let clip = out.join("clip.mkv");
                media_pipeline::clip::generate(&clip, CLIP_SECONDS).map_err(Fail::failed)?;
                clip
            }
        };
        let program = Program::at(std::env::current_exe().map_err(Fail::failed)?);
        let mut stage = Stage {
            args,
            program,
            relays: Vec::new(),
            people: Vec::new(),
            window: None,
            tap: None,
            late: String::new(),
            clip: clip.display().to_string(),
            tapped: None,
            meeting: MeetingId([0; 16]),
        };
        bar.set_message("starting two relays");
        let leases = stage.start_relays().await?;
        let mut new =
            words(&["new", MEETING, "--guests", &(GUESTS + 2).to_string(), "--address", "127.0.0.1"]);
        for lease in leases {
            new.extend(["--lease".to_owned(), lease]);
        }
        let invites = stage.program.run(out, ORGANISER, &new).await.map_err(Fail::failed)?;
        let own = invites.first().ok_or_else(|| Fail::failed("'canopy new' printed no invite"))?;
        stage.meeting = Invite::from_line(own).map_err(Fail::failed)?.meeting();
        bar.set_message("everybody joins");
        for (n, invite) in invites.iter().enumerate().take(1 + GUESTS) {
            stage.join(n, invite).await?;
        }
        if let [window, late] = &invites[1 + GUESTS..] {
            stage.window = Some(stage.open_window(window, bar).await?);
            stage.late.clone_from(late);
        }
        if let Some(address) = stage.tapped {
            stage.tap = Some(overheard::Listener::connect(address).await?);
        }
        Ok(stage)
    }

    /// The user's own place in the meeting: its page opens where there is a desktop, else its address is printed.
    async fn open_window(&self, invite: &str, bar: &ProgressBar) -> Outcome<Player> {
        let out = &self.args.out;
        let mut args =
            words(&["join", "-", "--address", "127.0.0.1", "--uplink", WINDOW_UPLINK, "--lend", "auto"]);
        args.extend(words(&["--size", &self.args.size, "--name", "You"]));
        let window =
            Player::start(&self.program, out, WINDOW, &args, Some(invite)).await.map_err(Fail::failed)?;
        let address = window.says("The meeting is at ").await.map_err(Fail::failed)?;
        bar.suspend(|| eprintln!("Come in and see it: {address}"));
        Ok(window)
    }

    async fn start_relays(&mut self) -> Outcome<Vec<String>> {
        if self.args.no_relays {
            return Ok(Vec::new());
        }
        let tap = free_address()?;
        let mut leases = Vec::new();
        for name in [KILLED, COLLUDER] {
            let counters = Player::file(&self.args.out, name, "counters.json");
            let uplink = pick(&RELAY_UPLINK, &self.args.size);
            let mut args = words(&["relay", "--uplink", uplink, "--lease", "1h", "--address", "127.0.0.1"]);
            args.extend(words(&["--counters", &counters]));
            if name == COLLUDER {
                args.extend(words(&["--tap", &tap.to_string()]));
            }
            let (relay, lease) = Player::start_and_hear(&self.program, &self.args.out, name, &args)
                .await
                .map_err(Fail::failed)?;
            self.relays.push(relay);
            let file = Player::file(&self.args.out, name, "lease");
            home::write(Path::new(&file), lease.as_bytes())?;
            leases.push(file);
        }
        self.tapped = Some(tap);
        Ok(leases)
    }

    /// Lets the organiser (0) or a guest join.
    pub(super) async fn join(&mut self, n: usize, invite: &str) -> Outcome {
        let name = if n == 0 { ORGANISER.to_owned() } else { format!("guest-{n}") };
        let args = self.join_args(&name, n);
        let player = Player::start(&self.program, &self.args.out, &name, &args, Some(invite)).await;
        self.people.push(player.map_err(Fail::failed)?);
        Ok(())
    }

    /// What each participant is started with: the organiser sends the clip, two guests send, the rest watch.
    fn join_args(&self, name: &str, n: usize) -> Vec<String> {
        let out = &self.args.out;
        let uplink = match n {
            0 => pick(&ORGANISER_UPLINK, &self.args.size),
            1..=SOURCES => pick(&SOURCE_UPLINK, &self.args.size),
            _ => WATCHER_UPLINK,
        };
        let mut args = words(&["join", "-", "--headless", "--address", "127.0.0.1", "--uplink", uplink]);
        args.extend(words(&["--lend", "auto"]));
        args.extend(words(&["--size", &self.args.size, "--record", &Player::file(out, name, "recorded")]));
        args.extend(words(&["--journal", &Player::file(out, name, "journal.jsonl")]));
        args.extend(words(&["--reference", &out.join("reference").display().to_string()]));
        match n {
            0 | 1 => args.extend(words(&["--file", &self.clip])),
            2 => args.extend(words(&["--test-card"])),
            _ => args.extend(words(&["--listen-only"])),
        }
        if let (true, Some(tap)) = (name == REMOVED, self.tapped) {
            args.extend(words(&["--colluder", &tap.to_string()]));
        }
        args
    }

    /// Reads what everybody left behind.
    fn measure(&self, times: &Times) -> Outcome<Report> {
        let out = &self.args.out;
        let journals: Vec<(String, Vec<Entry>)> = self
            .people
            .iter()
            .map(|player| {
                let path = out.join(&player.name).join("journal.jsonl");
                let entries = journal::read(&path)
                    .map_err(|error| Fail::failed(format!("{} can't be read: {error}", path.display())))?;
                Ok((player.name.clone(), entries))
            })
            .collect::<Outcome<_>>()?;
        let relays = self.relay_rows()?;
        Ok(Report {
            length_s: self.args.length.as_secs_f64(),
            expect_percent: self.args.expect,
            received: received(&journals, times),
            relays_carried_percent: carried_percent(&relays, &journals),
            relays,
            attack: self.attack(times)?,
            removed: removed(&journals, times),
            succession: succession(&journals, times),
            failures: Vec::new(),
        })
    }

    fn relay_rows(&self) -> Outcome<Vec<RelayRow>> {
        self.relays
            .iter()
            .map(|relay| {
                let path = Player::file(&self.args.out, &relay.name, "counters.json");
                let text = std::fs::read(&path).map_err(|error| Fail::failed(format!("{path}: {error}")))?;
                let counters: Counters = serde_json::from_slice(&text).map_err(Fail::failed)?;
                Ok(RelayRow { name: relay.name.clone(), killed: relay.name == KILLED, counters })
            })
            .collect()
    }

    fn attack(&self, times: &Times) -> Outcome<Attack> {
        let Some((relay, member)) = &times.memory else { return Ok(Attack::default()) };
        let frames = overheard::trials(&self.meeting, &times.captured);
        let mut relay_logs = super::memory::Search::default();
        for relay in &self.relays {
            relay_logs.add(&Snapshot::of_log(&relay.log()).map_err(Fail::failed)?.search(&frames, false));
        }
        Ok(Attack {
            relay_memory: relay.search(&frames, false),
            relay_logs,
            member_memory: member.search(&frames, true),
        })
    }
}

/// One row for each receiver and each source other than itself.
fn received(journals: &[(String, Vec<Entry>)], times: &Times) -> Vec<measure::Received> {
    let sources: Vec<_> = journals
        .iter()
        .filter(|(_, journal)| journal.iter().any(|entry| matches!(entry, Entry::Sent { .. })))
        .collect();
    let mut rows = Vec::new();
    for (receiver, journal) in journals {
        for (source, sent) in sources.iter().filter(|(source, _)| source != receiver) {
            let end_us = times.end_of(receiver).min(times.end_of(source));
            if let Some(mut row) = measure::received(journal, sent, Window::ending(end_us)) {
                row.receiver = receiver.clone();
                row.source = source.clone();
                rows.push(row);
            }
        }
    }
    rows
}

/// The relays' share of all that was sent, control included.
fn carried_percent(relays: &[RelayRow], journals: &[(String, Vec<Entry>)]) -> f64 {
    let relayed: u64 = relays.iter().map(|relay| relay.counters.bytes_out).sum();
    let sent: u64 = journals
        .iter()
        .filter_map(|(_, journal)| {
            journal.iter().rev().find_map(|entry| match entry {
                Entry::Uplink { bytes_out, .. } => Some(*bytes_out),
                _ => None,
            })
        })
        .sum();
    if relayed + sent == 0 { 0.0 } else { relayed as f64 * 100.0 / (relayed + sent) as f64 }
}

/// When somebody led again, as the bystander saw it.
fn succession(journals: &[(String, Vec<Entry>)], times: &Times) -> Succession {
    let journal = journals.iter().find(|(name, _)| name == BYSTANDER).map_or(&[][..], |(_, journal)| journal);
    let before = journal.iter().filter_map(|entry| match entry {
        Entry::Epoch { at_us, term, .. } if *at_us <= times.orphaned_us => Some(*term),
        _ => None,
    });
    let before = before.max().unwrap_or(0);
    let led_again_us = journal.iter().find_map(|entry| match entry {
        Entry::Epoch { at_us, term, .. } if *term > before => Some(*at_us),
        _ => None,
    });
    Succession { led_again_after_ms: led_again_us.map(|at| at.saturating_sub(times.orphaned_us) / 1000) }
}

/// What the removed participant's journal says, against the epoch that the others agreed on.
fn removed(journals: &[(String, Vec<Entry>)], times: &Times) -> Removed {
    // The first epoch after the removal, as the bystander saw it.
    let shut_out_us = journals.iter().find(|(name, _)| name == BYSTANDER).and_then(|(_, journal)| {
        journal.iter().find_map(|entry| match entry {
            Entry::Epoch { at_us, activate_at_us, .. } if *at_us > times.removed_us => Some(*activate_at_us),
            _ => None,
        })
    });
    let mut removed = Removed {
        rekeyed_after_ms: shut_out_us.map(|at_us| at_us.saturating_sub(times.removed_us) / 1000),
        ..Removed::default()
    };
    let limit_us = shut_out_us.map_or(u64::MAX, |at_us| at_us + GRACE_US);
    let journal = journals.iter().find(|(name, _)| name == REMOVED).map_or(&[][..], |(_, journal)| journal);
    for entry in journal {
        match entry {
            Entry::Fed { frames, .. } => removed.frames_fed = *frames,
            Entry::Leaked { captured_us, .. } | Entry::Opened { captured_us, .. }
                if *captured_us > limit_us =>
            {
                removed.frames_opened += 1;
            }
            _ => {}
        }
    }
    removed
}

pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn pick<'t>(table: &[(&str, &'t str)], size: &str) -> &'t str {
    table.iter().find(|(name, _)| *name == size).map_or("20mbit", |(_, rate)| rate)
}

/// A loopback address that nobody listens on.
fn free_address() -> Outcome<SocketAddr> {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").map_err(Fail::failed)?;
    socket.local_addr().map_err(Fail::failed)
}
