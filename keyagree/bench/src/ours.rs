//! Canopy's own joins and leaves.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use keyagree::session::Audience;
use keyagree::{Input, PeerKey};

use crate::cpu;
use crate::crowd::{Crowd, Said};
use crate::tree::Tree;

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
    let said: Vec<Said> = said.into_iter().filter(|(_, body)| name(body) != "Beat").collect();
    let (record, changes) = (longest(&said, "Record"), longest(&said, "Changes"));
    let wrap = longest(&said, "Wrap");
    ensure!(said.iter().filter(|(_, body)| name(body) == "Wrap").count() == members - 2, "one wrap for each");
    let messages = said.len();
    let recorded = crowd.now;
    let (follow, in_force_ms) = follow(crowd, &said, rest)?;
    crowd.pass(3_000);
    Ok(Ours {
        leave_cpu_ms: first + rest,
        leave_messages: messages,
        leave_bytes: record + wrap,
        changes_bytes: changes,
        follow_cpu_ms: follow,
        leave_s: (recorded.since(left_at) as f64 + in_force_ms) / 1_000.0,
        join_cpu_ms: 0.0,
        join_bytes: 0,
        join_others_bytes: 0,
        page_bytes: 0,
    })
}

/// Brings a record to everybody: a watcher's processor time for it in milliseconds, and when it is in force at 95 of a
/// hundred, in milliseconds since it was made. It leaves once the coordinator has made it, `made_ms`.
fn follow(crowd: &mut Crowd, said: &[Said], made_ms: f64) -> Result<(f64, f64)> {
    let recorded = crowd.now;
    let wrapped =
        said.iter().filter_map(|(to, _)| if let Audience::One(peer) = to { Some(*peer) } else { None });
    let mut tree = Tree::of(wrapped.collect::<BTreeSet<PeerKey>>().into_iter());
    let (mut last, mut mail) = (BTreeMap::new(), Vec::new());
    for (index, message) in said.iter().enumerate() {
        for (peer, at_ms) in tree.send(message) {
            let at_ms = made_ms + at_ms;
            last.insert(peer, at_ms);
            mail.push((at_ms.ceil() as u64, index, peer));
        }
    }
    mail.sort_unstable();
    let (mut cpu_ms, mut activate_at) = (0.0, BTreeMap::new());
    for (at_ms, index, peer) in mail {
        let (from, admission) = (crowd.coordinator.key, crowd.coordinator.admission.clone());
        let Some(watcher) = crowd.watchers.iter_mut().find(|watcher| watcher.key == peer) else { continue };
        let input = Input::Heard { from, admission, body: said[index].1.clone() };
        let now = recorded.plus_ms(at_ms);
        crowd.now = crowd.now.max(now);
        let (took, entered) = cpu::ms(|| watcher.enters(now, input));
        cpu_ms += took;
        if let Some(at) = entered {
            ensure!(at_ms == last[&peer].ceil() as u64, "a member has followed before all came");
            activate_at.insert(peer, at.max(now).since(recorded) as f64);
        }
    }
    ensure!(activate_at.len() == crowd.watchers.len(), "a member didn't follow");
    // All records of one making count from the same time on, as those who are watched show.
    let counts = activate_at.values().copied().fold(f64::INFINITY, f64::min);
    let mut in_force: Vec<f64> = last.values().map(|at_ms| at_ms.max(counts)).collect();
    in_force.sort_by(f64::total_cmp);
    let p95 = in_force[(in_force.len() * 95).div_ceil(100) - 1];
    Ok((cpu_ms / activate_at.len() as f64, p95))
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
