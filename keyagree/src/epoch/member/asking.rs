//! A member's request for the epoch: said again until it is answered, then anew.

use crate::epoch::Effects;
use crate::epoch::pairs::{Ask, Asker};
use crate::io::{Audience, Event, Seat, SessionRng};
use crate::time::UnixTime;
use crate::wire::Wants;

/// An unanswered request is said again, byte for byte, after this.
const ASK_AGAIN_MS: u64 = 2_500;
/// And is replaced by a fresh one after so many repeats.
const REPEATS_MAX: u32 = 3;

struct Open {
    ask: Ask,
    repeats: u32,
    again_at: UnixTime,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Asking {
    asker: Asker,
    open: Option<Open>,
}

impl Asking {
    /// Asks with a fresh key and nonce; what was asked before is forgotten.
    pub(crate) fn ask(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        term: u32,
        effects: &mut Effects,
    ) {
        let ask = self.asker.ask(now, seat, rng, term, Wants::Epoch);
        effects.says.push((Audience::Coordinator, ask.bytes.clone()));
        self.open = Some(Open { ask, repeats: 0, again_at: now.plus_ms(ASK_AGAIN_MS) });
    }

    pub(crate) fn tick(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        term: u32,
        waits: bool,
        effects: &mut Effects,
    ) {
        let Some(open) = self.open.as_mut().filter(|open| now >= open.again_at) else { return };
        if open.repeats < REPEATS_MAX {
            open.repeats += 1;
            open.again_at = now.plus_ms(ASK_AGAIN_MS);
            effects.says.push((Audience::Coordinator, open.ask.bytes.clone()));
        } else {
            self.ask(now, seat, rng, term, effects);
        }
        if waits {
            effects.events.push(Event::Waiting);
        }
    }

    pub(crate) fn deadline(&self) -> Option<UnixTime> {
        self.open.as_ref().map(|open| open.again_at)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The request of this hash, if it is the one under way.
    pub(crate) fn open(&self, request: &[u8; 32]) -> Option<&Ask> {
        self.open.as_ref().map(|open| &open.ask).filter(|ask| ask.hash == *request)
    }

    pub(crate) fn done(&mut self) {
        self.open = None;
    }

    pub(crate) fn asker(&mut self) -> &mut Asker {
        &mut self.asker
    }
}
