//! What happens in the demo, act by act, and when.

use std::time::Duration;

use canopy_players::player::Player;
use indicatif::ProgressBar;
use tokio::time::{Instant, sleep, sleep_until};

use super::memory::Snapshot;
use super::script::{BYSTANDER, COLLUDER, GUESTS, KILLED, LATE, MEETING, ORGANISER, REMOVED, Stage, words};
use crate::clock;
use crate::fail::{Fail, Outcome};
use crate::overheard;

/// What part of the meeting has passed when something happens, in sixtieths.
///
/// Who comes late stays for long before the relay dies and after it: of a part of a second, one lost picture is a tenth.
/// Its leaving is keyed before the removal begins: gathered for half a second, and the next epoch would wait for its own.
const COMES: u32 = 4;
const DIES: u32 = 24;
const LEAVES: u32 = 36;
const REMOVES: u32 = 40;
const ORPHANS: u32 = 48;
const WHOLE: u32 = 60;

/// When what happened (microseconds since 1970), and what was seen while it did.
pub(super) struct Times {
    ended_us: u64,
    left_us: u64,
    pub(super) removed_us: u64,
    /// When the organiser's process was killed.
    pub(super) orphaned_us: u64,
    pub(super) memory: Option<(Snapshot, Snapshot)>,
    pub(super) captured: Vec<Vec<u8>>,
}

impl Times {
    /// When somebody's part in the meeting was over.
    pub(super) fn end_of(&self, name: &str) -> u64 {
        match name {
            ORGANISER => self.orphaned_us,
            REMOVED => self.removed_us,
            _ if name == late() => self.left_us,
            _ => self.ended_us,
        }
    }
}

fn late() -> String {
    format!("guest-{LATE}")
}

impl Stage<'_> {
    /// The meeting itself: one more guest comes, a relay dies, that guest leaves, another is removed, and the organiser dies.
    pub(super) async fn play(&mut self, bar: &ProgressBar) -> Outcome<Times> {
        let started = Instant::now();
        let at = |part: u32| started + self.args.length * part / WHOLE;
        let (comes, dies, leaves) = (at(COMES), at(DIES), at(LEAVES));
        let (removes, orphans, ends) = (at(REMOVES), at(ORPHANS), at(WHOLE));
        bar.set_message("meeting");
        self.wait_until(comes, started, bar).await?;
        bar.set_message("one more guest joins");
        let invite = self.late.clone();
        self.join(LATE, &invite).await?;
        self.wait_until(dies, started, bar).await?;
        if let Some(relay) = self.relays.iter_mut().find(|relay| relay.name == KILLED) {
            bar.set_message(format!("{KILLED} was killed (-9)"));
            relay.crash().await;
        }
        self.wait_until(leaves, started, bar).await?;
        bar.set_message(format!("{} left", late()));
        let left_us = clock::wall_us();
        self.people.iter().filter(|player| player.name == late()).for_each(Player::ask_to_stop);
        self.wait_until(removes, started, bar).await?;
        bar.set_message(format!("the host removed {REMOVED}"));
        let removed_us = clock::wall_us();
        let remove = words(&["remove", MEETING, &GUESTS.to_string()]);
        self.program.run(&self.args.out, ORGANISER, &remove).await.map_err(Fail::failed)?;
        self.wait_until(orphans, started, bar).await?;
        bar.set_message("the organiser was killed (-9): a deputy takes over");
        let orphaned_us = clock::wall_us();
        if let Some(organiser) = self.people.iter_mut().find(|player| player.name == ORGANISER) {
            organiser.crash().await;
        }
        self.wait_until(ends, started, bar).await?;
        let ended_us = clock::wall_us();
        bar.set_message("reading memory");
        let captured = self.tap.as_ref().map(overheard::Listener::latest).unwrap_or_default();
        let memory = self.read_memory()?;
        for player in self.people.iter().chain(&self.relays).chain(&self.window) {
            player.ask_to_stop();
        }
        for player in self.people.iter_mut().chain(&mut self.relays).chain(&mut self.window) {
            player.stopped().await;
        }
        Ok(Times { ended_us, left_us, removed_us, orphaned_us, memory, captured })
    }

    /// Shows progress, and looks whether everybody is still there.
    async fn wait_until(&mut self, until: Instant, started: Instant, bar: &ProgressBar) -> Outcome {
        while Instant::now() < until {
            sleep_until(until.min(Instant::now() + Duration::from_millis(250))).await;
            bar.set_position(started.elapsed().as_millis() as u64);
            // Without a colluding relay, a removed guest has nothing to stay for.
            let no_relays = self.args.no_relays;
            let orphaned = Instant::now() >= started + self.args.length * ORPHANS / WHOLE;
            let may_end = |name: &str| {
                let was_to_end = name == KILLED || name == late() || orphaned && name == ORGANISER;
                was_to_end || no_relays && name == REMOVED
            };
            let gone = self.people.iter_mut().chain(&mut self.relays).find_map(|player| {
                (!may_end(&player.name) && player.has_ended()).then(|| (player.name.clone(), player.log()))
            });
            if let Some((name, log)) = gone {
                sleep(Duration::from_millis(100)).await;
                return Err(Fail::failed(format!(
                    "{name} ended before the meeting did; its log is {}",
                    log.display()
                )));
            }
        }
        Ok(())
    }

    fn read_memory(&self) -> Outcome<Option<(Snapshot, Snapshot)>> {
        let pid = |players: &[Player], name| {
            players.iter().find(|player| player.name == name).and_then(Player::pid)
        };
        let (Some(relay), Some(member)) = (pid(&self.relays, COLLUDER), pid(&self.people, BYSTANDER)) else {
            return Ok(None);
        };
        let take =
            |pid| Snapshot::take(pid).map_err(|error| Fail::failed(format!("memory can't be read: {error}")));
        Ok(Some((take(relay)?, take(member)?)))
    }
}
