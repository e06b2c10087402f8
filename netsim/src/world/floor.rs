//! More sources than places: who speaks says so to whoever plans, and gets the floor. Everybody here sends sound at a constant
//! rate while the stage takes it; turns only decide who says that it speaks.

use std::time::Duration;

use overlay_core::floor::{Floor, Speech};
use overlay_core::id::NodeId;
use overlay_core::io::{Audience, Command, Input};
use overlay_core::time::Time;

use super::happening::Happening;
use super::{World, peer};
use crate::overlay::Overlay;

/// The shipped source says that it speaks once three packets of 20 ms were loud …
const NOTICED_AFTER: Duration = Duration::from_millis(60);
/// … says it again this often …
const SAID_EVERY: Duration = Duration::from_secs(1);
/// … and that it is silent once it was for this long.
const HANGOVER: Duration = Duration::from_millis(400);
/// Bytes of what it says, as sealed and signed by the shipped program: see `docs/vectors/keyagree.json`.
const SAID_LEN: usize = 490;
/// How loud everybody speaks here.
const BELOW_DB: u8 = 30;

impl<O: Overlay> World<O> {
    /// The floor of a scenario with more sources than places.
    pub(super) fn floor_of(scenario: &crate::scenario::Scenario) -> Option<Floor> {
        (scenario.source_count() > u32::from(scenario.media.slots))
            .then(|| Floor::new(scenario.media.gallery))
    }

    /// Somebody begins to speak, for so long.
    pub(super) fn takes_the_floor(&mut self, who: u32, span: Duration) {
        if span < NOTICED_AFTER || self.machines[who as usize].overlay.is_none() {
            return;
        }
        let now = self.now;
        let machine = &mut self.machines[who as usize];
        machine.speaks_until = machine.speaks_until.max(now + span);
        let is_heard = machine.source.as_ref().is_some_and(crate::source::Source::is_heard);
        if !is_heard {
            self.ledger.speaks_unheard(now, who, &self.machines, &self.cast);
        }
        self.queue.push(now + NOTICED_AFTER, Happening::Says(who));
    }

    /// A source says whether it speaks, and when it will say so again.
    pub(super) fn says(&mut self, who: u32) {
        if !self.takes(who, || Happening::Says(who)) {
            return;
        }
        let (now, ends) = (self.now, self.machines[who as usize].speaks_until + HANGOVER);
        let speaks = now < ends;
        if speaks {
            self.queue.push(ends.min(now + SAID_EVERY), Happening::Says(who));
        }
        if self.keys.is_some() {
            return self.tells(who, speaks);
        }
        let mut body = vec![0; SAID_LEN];
        body[0] = u8::from(speaks);
        if who == 0 {
            self.hears(peer(0), &body);
            return self.obey_floor();
        }
        self.input(who, Input::Command(Command::Say { to: Audience::Coordinator, body }));
    }

    /// The same where keys are agreed: sealed, for whoever coordinates.
    fn tells(&mut self, who: u32, speaks: bool) {
        let body = vec![u8::from(speaks)];
        if speaks {
            self.seal(who);
        }
        if who == 0 {
            self.hears(peer(0), &body);
            self.obey_floor();
        } else {
            self.tell_session(who, keyagree::Input::Tell { body });
        }
        self.settle(who);
    }

    /// Whoever plans hears of it.
    pub(super) fn hears(&mut self, from: NodeId, body: &[u8]) {
        let now = self.now;
        if let Some(floor) = &mut self.floor
            && let [speaks, ..] = body
        {
            floor.heard(now, from, Speech { speaks: *speaks == 1, below_db: BELOW_DB });
            self.queue.push(now, Happening::Floor);
        }
    }

    /// Gives the floor, if it is another's now.
    pub(super) fn obey_floor(&mut self) {
        let now = self.now;
        let Some(floor) = &mut self.floor else { return };
        let (claims, gallery) = (floor.turn(now), floor.gallery());
        if let Some(due) = floor.deadline()
            && self.floor_due.is_none_or(|planned: Time| planned <= now || due < planned)
        {
            self.floor_due = Some(due);
            self.queue.push(due, Happening::Floor);
        }
        if let Some(claims) = claims
            && self.takes(0, || Happening::Floor)
        {
            // Trees get other roots, as they do when somebody comes.
            self.checks.disturbed(now);
            self.input(0, Input::Command(Command::Floor { gallery, claims }));
        }
    }
}
