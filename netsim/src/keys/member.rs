//! A participant's side of key agreement while its process runs.

use std::fmt;

use keyagree::session::Session;
use overlay_core::time::Time;

use super::opener::Opener;
use super::sealer::Sealer;
use super::time;

/// The shipped session, and what it hands keys to.
pub struct Member {
    /// The session.
    pub session: Session,
    /// What seals its source's frames.
    pub sealer: Sealer,
    /// What opens others' frames.
    pub opener: Opener,
    /// It has been told to be a source.
    pub sends: bool,
    /// The earliest call that is planned.
    pub timer: Option<Time>,
    /// A look at frames without a key is planned.
    pub upkeep: bool,
}

impl Member {
    /// With a session that has just begun.
    pub fn new(session: Session) -> Member {
        Member {
            session,
            sealer: Sealer::default(),
            opener: Opener::default(),
            sends: false,
            timer: None,
            upkeep: false,
        }
    }

    /// When the session wants to be called.
    pub fn ticks_at(&self) -> Option<Time> {
        self.session.deadline().map(|(at, _)| time(at))
    }

    /// When anything here is due.
    pub fn deadline(&self) -> Option<Time> {
        [self.ticks_at(), self.sealer.due()].into_iter().flatten().min()
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("sealer", &self.sealer)
            .field("opener", &self.opener)
            .finish_non_exhaustive()
    }
}
