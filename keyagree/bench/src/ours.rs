//! Canopy's own joins and leaves.

use anyhow::{Context, Result, ensure};
use keyagree::Input;
use keyagree::session::Audience;

use crate::cpu;
use crate::crowd::{Crowd, Said};

/// What one meeting has shown. Bytes are of key messages, without the overlay's notes around them.
pub(crate) struct Ours {
    pub(crate) leave_cpu_ms: f64,
    pub(crate) leave_messages: usize,
    /// Record and wrap.
    pub(crate) leave_bytes: usize,
    /// What the roster lost, for those who show it.
    pub(crate) changes_bytes: usize,
    pub(crate) follow_cpu_ms: f64,
    /// From the leave accepted to the epoch in force at a member, p95, simulated.
    pub(crate) leave_s: f64,
    pub(crate) join_cpu_ms: f64,
    pub(crate) join_bytes: usize,
    /// Record and changes, to who is there already.
    pub(crate) join_others_bytes: usize,
    pub(crate) page_bytes: usize,
}

/// The network of the simulated leave: round trips of 50 ms, relays that feed eight each, a coordinator that
/// sends 5 Mbit/s of wraps, and so many bytes of note and framing around each.
const HOP_MS: f64 = 25.0;
const FAN_OUT: f64 = 8.0;
const UPLINK_BITS_PER_MS: f64 = 5_000.0;
const NOTE_BYTES: f64 = 160.0;

/// Measures a meeting of so many members.
pub(crate) fn measure(members: usize) -> Result<Ours> {
    let mut crowd = Crowd::form(members)?;
    let leave = leave(&mut crowd, members)?;
    let join = join(&mut crowd)?;
    Ok(Ours {
        join_cpu_ms: join.0,
        join_bytes: join.1,
        join_others_bytes: join.2,
        page_bytes: page(&mut crowd)?,
        ..leave
    })
}

fn leave(crowd: &mut Crowd, members: usize) -> Result<Ours> {
    let gone = crowd
        .others
        .pop()
        .or_else(|| crowd.watchers.pop().map(|watcher| watcher.key))
        .context("nobody to leave")?;
    let left_at = crowd.now;
    let (first, said) = cpu::ms(|| crowd.coordinator.put(crowd.now, Input::Departed(gone)));
    crowd.spread(said);
    let epoch = crowd.coordinator.session.epoch();
    let (mut rest, mut said) = (0.0, Vec::new());
    // Signs of life come between; the record is the call that counts.
    while crowd.coordinator.session.epoch() == epoch {
        let (at, _) = crowd.coordinator.session.deadline().context("nothing is due")?;
        crowd.now = crowd.now.max(at);
        (rest, said) = cpu::ms(|| crowd.coordinator.put(crowd.now, Input::Tick));
    }
    let recorded_ms = crowd.now.since(left_at) as f64;
    let said: Vec<Said> = said.into_iter().filter(|(_, body)| name(body) != "Beat").collect();
    let (record, changes) = (longest(&said, "Record"), longest(&said, "Changes"));
    let wrap = longest(&said, "Wrap");
    ensure!(said.iter().filter(|(_, body)| name(body) == "Wrap").count() == members - 2, "one wrap for each");
    let messages = said.len();
    let followers = crowd.watchers.len().max(1) as f64;
    let (follow, ()) = cpu::ms(|| crowd.spread(said));
    crowd.pass(3_000);
    for watcher in &crowd.watchers {
        ensure!(watcher.session.epoch() == crowd.coordinator.session.epoch(), "a member didn't follow");
    }
    let hops = (members as f64).ln() / FAN_OUT.ln();
    let sending = 0.95 * members as f64 * (wrap as f64 + NOTE_BYTES) * 8.0 / UPLINK_BITS_PER_MS;
    let arrives = recorded_ms + rest + sending + hops.ceil() * HOP_MS;
    Ok(Ours {
        leave_cpu_ms: first + rest,
        leave_messages: messages,
        leave_bytes: record + wrap,
        changes_bytes: changes,
        follow_cpu_ms: follow / followers,
        leave_s: arrives.max(recorded_ms + 1_000.0) / 1_000.0,
        join_cpu_ms: 0.0,
        join_bytes: 0,
        join_others_bytes: 0,
        page_bytes: 0,
    })
}

fn join(crowd: &mut Crowd) -> Result<(f64, usize, usize)> {
    let (mut newcomer, body) = crowd.newcomer();
    let (from, admission) = (newcomer.key, newcomer.admission.clone());
    let (first, said) = cpu::ms(|| crowd.coordinator.put(crowd.now, Input::Heard { from, admission, body }));
    crowd.spread(said);
    let epoch = crowd.coordinator.session.epoch();
    let (mut rest, mut said) = (0.0, Vec::new());
    while crowd.coordinator.session.epoch() == epoch {
        let (at, _) = crowd.coordinator.session.deadline().context("nothing is due")?;
        crowd.now = crowd.now.max(at);
        (rest, said) = cpu::ms(|| crowd.coordinator.put(crowd.now, Input::Tick));
    }
    said.retain(|(_, body)| name(body) != "Beat");
    let to = |found: &dyn Fn(&Audience) -> bool| {
        said.iter().filter(|(to, _)| found(to)).map(|(_, body)| body.len()).sum()
    };
    let bytes: usize = to(&|to| to.is_everybody() || *to == Audience::One(newcomer.key));
    let others: usize = to(&|to| to.is_everybody());
    for (_, body) in said.iter().filter(|(to, _)| *to == Audience::One(from)) {
        let (from, admission) = (crowd.coordinator.key, crowd.coordinator.admission.clone());
        newcomer.put(crowd.now, Input::Heard { from, admission, body: body.clone() });
    }
    ensure!(newcomer.session.epoch() == crowd.coordinator.session.epoch(), "the newcomer isn't in");
    crowd.spread(said);
    crowd.watchers.push(newcomer);
    Ok((first + rest, bytes, others))
}

fn page(crowd: &mut Crowd) -> Result<usize> {
    let watcher = crowd.watchers.first_mut().context("nobody to show a page to")?;
    let (from, admission) = (watcher.key, watcher.admission.clone());
    let asked = watcher.put(crowd.now, Input::ShowPage(0));
    let (_, body) = asked.into_iter().next().context("it doesn't ask")?;
    crowd.pass(500);
    let said = crowd.coordinator.put(crowd.now, Input::Heard { from, admission, body });
    Ok(longest(&said, "Page"))
}

fn longest(said: &[Said], wanted: &str) -> usize {
    said.iter().filter(|(_, body)| name(body) == wanted).map(|(_, body)| body.len()).max().unwrap_or(0)
}

/// A message's name: it stands behind the version, in a map of one pair.
fn name(body: &[u8]) -> &str {
    let len = usize::from(body.get(2).copied().unwrap_or(0) & 0x1f);
    body.get(3..3 + len).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or("")
}
