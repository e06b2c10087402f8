//! `canopy relay`: capacity for the meetings that claim it first, and for nobody else: one for each lease line.

mod berth;
mod desk;
mod division;
mod quota;
mod shares;
mod terms;
mod totals;
mod volunteer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use overlay_libp2p::Counters as Counted;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::args;
use crate::fail::{Fail, Outcome};
use crate::{clock, stop};
use berth::Berth;
use desk::Desk;
use division::{Division, Part};
use terms::{Standing, Terms};
use totals::Totals;

/// How often the counters are written and expired credentials are looked for.
const UPKEEP: Duration = Duration::from_millis(500);

/// What a relay counted, as the demo reads it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Its pseudonym in the meeting.
    pub node: String,
    /// Its limit, kbit/s.
    pub limit_kbps: u32,
    /// The highest rate of any second, headers included, kbit/s.
    pub peak_kbps: u32,
    /// Bytes received on the lanes.
    pub bytes_in: u64,
    /// Bytes sent, headers included.
    pub bytes_out: u64,
    /// Tree edges below it: the most that there were at once.
    pub children: u32,
    /// Units that were dropped since they were late.
    pub dropped: u64,
}

/// Runs until the lease ends or somebody stops it.
pub fn run(args: args::Relay) -> Outcome {
    check(&args)?;
    // One thread forwards with fewer wake-ups than several (docs/overlay/bench).
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fail::failed)?;
    runtime.block_on(lend(args))
}

/// Whether several meetings can be served like that.
fn check(args: &args::Relay) -> Outcome {
    if args.meetings == 1 {
        return Ok(());
    }
    if args.counters.is_some() || args.core_journal.is_some() || args.tap.is_some() {
        return Err(Fail::usage(
            "--counters, --core-journal and --tap are for one meeting: leave --meetings out",
        ));
    }
    let least = u32::from(args.meetings) * shares::LEAST_KBPS;
    if args.uplink < least {
        return Err(Fail::usage(format!(
            "--uplink {}kbit is too little for {} meetings: give {least}kbit at least, or serve fewer with --meetings",
            args.uplink, args.meetings
        )));
    }
    args.place.nth(u16::from(args.meetings) - 1).map(drop)
}

async fn lend(args: args::Relay) -> Outcome {
    let mut terms = Terms::of(&args)?;
    let standing = terms.look(0, 0)?;
    if standing != Standing::Lends {
        eprintln!("{}", standing.said());
    }
    let ends = clock::unix().plus_ms(args.lease.as_millis() as u64);
    let mut division = Division::new(args.uplink, usize::from(args.meetings));
    let lends = standing == Standing::Lends;
    let parts = division.parts(Duration::ZERO).into_iter().map(|part| lent(part, lends));
    let kbps = args.uplink / u32::from(args.meetings);
    let (mut serving, mut berths) = (JoinSet::new(), Vec::new());
    for (nth, part) in (0..).zip(parts) {
        let lease = berth::Promise { kbps, ends };
        berths.push(Berth::open(&args, nth, lease, part, &mut serving).await?);
    }
    berths.iter().filter_map(Berth::line).for_each(|line| println!("{line}"));
    match args.meetings {
        1 => eprintln!(
            "Lending {} kbit/s until {ends}. Send the line above to one organiser in an encrypted chat.",
            args.uplink
        ),
        meetings => eprintln!(
            "Lending {} kbit/s to {meetings} meetings until {ends}. Send each of the lines above to another organiser, in an \
             encrypted chat.",
            args.uplink
        ),
    }
    let started = Instant::now();
    let until = started + args.lease;
    let desk = Desk::open(&args, unclaimed(&berths), ends).await?;
    let totals = Totals::default();
    let mut relay =
        Relay { berths, division, totals, desk, terms, standing, args, started, most_children: 0 };
    let (ended, outcome) = tokio::select! {
        outcome = relay.work() => (false, outcome),
        // A node ends only with its relay.
        _ = serving.join_next() => (false, Ok(())),
        () = sleep_until(until) => (true, Ok(())),
        () = stop::asked() => (false, Ok(())),
    };
    let kept = relay.close(ended).await;
    outcome.and(kept)
}

/// The same part, or nothing of it for others.
fn lent(part: Part, lends: bool) -> Part {
    Part { lends_kbps: if lends { part.lends_kbps } else { 0 }, ..part }
}

/// The lines that nobody has claimed.
fn unclaimed(berths: &[Berth]) -> Vec<String> {
    berths.iter().filter_map(Berth::line).map(str::to_owned).collect()
}

/// The relay while it runs.
struct Relay {
    berths: Vec<Berth>,
    division: Division,
    totals: Totals,
    desk: Option<Desk>,
    terms: Terms,
    standing: Standing,
    args: args::Relay,
    started: Instant,
    most_children: u32,
}

impl Relay {
    async fn work(&mut self) -> Outcome {
        let mut upkeep = interval(UPKEEP);
        // The page shows rates of the time between two.
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = Desk::asked(&mut self.desk) => {
                    if let Some(desk) = &mut self.desk {
                        desk.carry_out(request);
                    }
                    self.lend();
                }
                _ = upkeep.tick() => {
                    self.berths.iter().for_each(Berth::end_what_is_over);
                    let counted = self.counted();
                    self.write_counters(&counted);
                    let standing = self.terms.look(counted.wire_out, counted.children)?;
                    if standing == Standing::Spent {
                        self.standing = standing;
                        return Ok(());
                    }
                    if std::mem::replace(&mut self.standing, standing) != standing {
                        eprintln!("{}", standing.said());
                    }
                    self.divide();
                    self.lend();
                    let lines = unclaimed(&self.berths);
                    if self.desk.as_mut().is_some_and(|desk| desk.count(&counted, lines)) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Of all meetings together.
    fn counted(&mut self) -> Counted {
        let each: Vec<Counted> = self.berths.iter().map(Berth::counters).collect();
        self.totals.look(self.started.elapsed(), &each)
    }

    /// Divides the limit anew if it is time.
    fn divide(&mut self) {
        let (now, moment) = (self.started.elapsed(), Instant::now());
        let held: Vec<bool> = self.berths.iter_mut().map(|berth| berth.is_held(moment)).collect();
        if self.division.is_due(now, &held) {
            let used = self.berths.iter().zip(&held).map(|(berth, held)| held.then(|| berth.used_kbps()));
            self.division.divide(now, &used.collect::<Vec<_>>());
        }
    }

    /// Tells each meeting what it has, and when the relay lends again, or no longer.
    fn lend(&mut self) {
        let all = self.standing == Standing::Lends && self.desk.as_ref().is_none_or(Desk::lends);
        let parts = self.division.parts(self.started.elapsed());
        self.berths.iter_mut().zip(parts).for_each(|(berth, part)| berth.have(lent(part, all)));
    }

    /// Leaves the counters where the demo finds them, also after a crash.
    fn write_counters(&mut self, counted: &Counted) {
        self.most_children = self.most_children.max(counted.children);
        let (Some(path), [berth]) = (&self.args.counters, self.berths.as_slice()) else { return };
        let counters = Counters {
            node: berth.me.short(),
            limit_kbps: self.args.uplink,
            peak_kbps: counted.peak_kbps as u32,
            bytes_in: counted.bytes_in.total(),
            bytes_out: counted.wire_out,
            children: self.most_children,
            dropped: counted.units_dropped,
        };
        if let Err(error) = replace(path, &counters) {
            tracing::warn!(%error, "counters can't be written");
        }
    }

    /// Says goodbye, to its owner too.
    async fn close(&mut self, ended: bool) -> Outcome {
        let over = match self.standing {
            _ if ended => "The lease has ended. Thank you.",
            Standing::Spent => Standing::Spent.said(),
            _ => "This relay has stopped. Thank you.",
        };
        if ended || self.standing == Standing::Spent {
            eprintln!("{over}");
        }
        if let Some(desk) = &self.desk {
            desk.over(over);
        }
        let counted = self.counted();
        self.write_counters(&counted);
        join_all(self.berths.iter().map(Berth::close)).await;
        let sent = self.counted().wire_out;
        self.terms.close(sent)
    }
}

fn replace(path: &PathBuf, counters: &Counters) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&file, counters)?;
    file.persist(path)?;
    Ok(())
}
