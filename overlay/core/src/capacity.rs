//! What of its owner's limit a node offers to a planner. Nobody knows what a line really carries: it starts at half, grows
//! while it is used and nothing waits, and is halved when what the node sends keeps waiting.

use crate::config;
use crate::time::Time;

/// All of the limit.
const WHOLE: u32 = 1_000;

/// The part of the limit that is offered now.
#[derive(Debug)]
pub(crate) struct Capacity {
    /// In thousandths.
    share: u32,
    /// Since when it has been used as it is, or when it was halved.
    since: Time,
    /// It was halved, and has not grown back to the whole.
    strained: bool,
}

impl Capacity {
    /// Of a node that has carried nothing yet.
    pub(crate) fn new() -> Capacity {
        Capacity { share: config::OFFER_FIRST_PERMILLE, since: Time::ZERO, strained: false }
    }

    /// What is offered of a limit, kbit/s: before anything says otherwise, room for one copy of everything that a source
    /// sends is tried at once.
    pub(crate) fn offers(&self, limit: u32) -> u32 {
        let tried = if self.strained { 0 } else { limit.min(config::OFFER_TRIED_KBPS) };
        part(limit, self.share).max(tried)
    }

    /// Up to where children are taken that ask, kbit/s: as long as nothing shows that its owner has claimed too much, up
    /// to the limit.
    pub(crate) fn takes(&self, limit: u32) -> u32 {
        if self.strained { self.offers(limit) } else { limit }
    }

    /// What the node sends keeps waiting. True if it offers less for it; not again before a plan had the time to move
    /// somebody.
    pub(crate) fn queued(&mut self, now: Time) -> bool {
        if self.strained && now.since(self.since) < config::OFFER_HALVED_FOR {
            return false;
        }
        let before = self.share;
        self.share = (self.share / 2).max(config::OFFER_LEAST_PERMILLE);
        (self.since, self.strained) = (now, true);
        self.share != before
    }

    /// Children cost `lent` of the limit now, kbit/s. True if it offers more for having borne that for long enough.
    pub(crate) fn borne(&mut self, now: Time, lent: u64, limit: u32) -> bool {
        let offers = self.offers(limit);
        if offers >= limit {
            return false;
        }
        if lent * 100 < u64::from(offers) * config::OFFER_USED_PERCENT {
            self.since = now;
        }
        let (every, permille) = match self.strained {
            false => (config::OFFER_GROWS_EVERY, config::OFFER_GROWS_PERMILLE),
            true => (config::OFFER_REGROWS_EVERY, config::OFFER_REGROWS_PERMILLE),
        };
        if now.since(self.since) < every {
            return false;
        }
        self.share = part(self.share, permille).min(WHOLE);
        self.since = now;
        self.strained &= self.share < WHOLE;
        self.offers(limit) > offers
    }
}

fn part(of: u32, permille: u32) -> u32 {
    u32::try_from(u64::from(of) * u64::from(permille) / u64::from(WHOLE)).unwrap_or(u32::MAX)
}
