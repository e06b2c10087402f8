//! On which terms a relay lends: until when, at which hours, and how much in all. Before any of them ends it offers
//! nothing for a while, so that whoever is fed from here hangs elsewhere by then.

use std::time::Duration;

use overlay_core::config::{DRAIN_FOR, drain_for};
use tokio::time::Instant;

use super::quota::Quota;
use crate::args;
use crate::clock;
use crate::fail::Outcome;
use crate::quantity::Hours;

/// How often what was sent is kept: a crash forgets no more.
const KEPT_EVERY: Duration = Duration::from_secs(5);

/// What a relay's owner has said.
pub struct Terms {
    drains: Instant,
    hours: Option<Hours>,
    quota: Option<Quota>,
    uplink_kbps: u32,
    kept: Instant,
    /// By when it stops, since its quota is nearly used.
    spent: Option<Instant>,
}

/// What the terms say now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Lends,
    /// Not at this hour.
    Rests,
    /// It is about to end.
    Drains,
    /// The quota is used.
    Spent,
}

impl Terms {
    /// Fails if they are nothing to begin with.
    pub fn of(args: &args::Relay) -> Outcome<Terms> {
        let now = Instant::now();
        Ok(Terms {
            drains: now + args.lease - drain_for(args.lease),
            hours: args.hours,
            quota: args.quota.map(Quota::open).transpose()?,
            uplink_kbps: args.uplink,
            kept: now,
            spent: None,
        })
    }

    /// What they say of a relay that has sent so many bytes and feeds so many; to be asked twice a second.
    pub fn look(&mut self, sent: u64, children: u32) -> Outcome<Standing> {
        let now = Instant::now();
        if let Some(quota) = &mut self.quota {
            if now.duration_since(self.kept) >= KEPT_EVERY {
                quota.keep(sent)?;
                self.kept = now;
            }
            let left = quota.left(sent);
            if left < reserve(self.uplink_kbps, quota.most()) {
                self.spent.get_or_insert(now + DRAIN_FOR);
            }
            // A presence has to get out before it can be seen whom that has moved.
            let moved = |by: Instant| children == 0 && by - now < DRAIN_FOR * 9 / 10;
            if left == 0 || self.spent.is_some_and(|by| now >= by || moved(by)) {
                return Ok(Standing::Spent);
            }
        }
        let rests = self.hours.is_some_and(|hours| !hours.lends_at(clock::second_of_day()));
        Ok(match (now >= self.drains || self.spent.is_some(), rests) {
            (true, _) => Standing::Drains,
            (false, true) => Standing::Rests,
            (false, false) => Standing::Lends,
        })
    }

    /// Keeps what was sent in all.
    pub fn close(&mut self, sent: u64) -> Outcome {
        self.quota.as_mut().map_or(Ok(()), |quota| quota.keep(sent))
    }
}

/// What is left of a quota for those who go elsewhere: all that can be sent meanwhile, but a tenth of it at most.
fn reserve(uplink_kbps: u32, most: u64) -> u64 {
    (u64::from(uplink_kbps) * 125 * DRAIN_FOR.as_secs()).min(most / 10)
}

impl Standing {
    /// What its owner is told when this begins.
    pub fn said(self) -> &'static str {
        match self {
            Standing::Lends => "Lending.",
            Standing::Rests => "Outside of its hours this relay stays in the meeting and feeds nobody.",
            Standing::Drains => "The end is near: whoever is fed from here goes elsewhere.",
            Standing::Spent => "The quota is used up for this month. Thank you.",
        }
    }
}
