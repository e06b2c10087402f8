//! Faults as a scenario writes them; [`crate::fault::timeline`] makes single ones of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Dies; starts anew after `lasts`.
    Crash,
    /// Stands still for `lasts`.
    Freeze,
    /// The interface sends at `percent` of its rate.
    SlowUplink,
    /// Cut off from all others.
    Partition,
    /// Loses `per_million` packets in bursts of `burst`.
    Lossy,
    /// Forwards `percent` of the units.
    Drop,
    /// Holds each unit back by `delay`.
    Delay,
    /// Changes units.
    Tamper,
    /// Sends units twice.
    Replay,
    /// Swaps units.
    Reorder,
    /// Claims `percent` of its limit.
    Lie,
    /// The organiser removes them for good.
    Remove,
}

/// With whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Volunteers.
    #[default]
    Relays,
    /// Participants, without the coordinator.
    People,
    /// Participants who send, without the coordinator.
    Sources,
    /// Participants who only watch.
    Watchers,
    /// All but the coordinator.
    Everybody,
    /// The first participant.
    Coordinator,
    /// The coordinator and every second of all others, drawn: only for a partition.
    CoordinatorSplit,
}

/// One row of `[[faults]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// What goes wrong.
    pub what: What,
    /// With whom.
    #[serde(default)]
    pub who: Target,
    /// When, for all of them at once.
    #[serde(default, with = "humantime_serde")]
    pub at: Option<Duration>,
    /// Instead of `at`: so many of a thousand of them each minute, at random.
    #[serde(default)]
    pub permille_a_minute: Option<u32>,
    /// Random faults begin then.
    #[serde(default, with = "humantime_serde")]
    pub from: Option<Duration>,
    /// Random faults end then.
    #[serde(default, with = "humantime_serde")]
    pub until: Option<Duration>,
    /// So many of them, drawn.
    #[serde(default)]
    pub count: Option<u32>,
    /// So many of a hundred of them, drawn.
    #[serde(default)]
    pub share_percent: Option<u32>,
    /// Only those at this site, or near it.
    #[serde(default)]
    pub near: Option<String>,
    /// How near; 0 means at that very site.
    #[serde(default)]
    pub within_km: Option<u32>,
    /// Only those at so many of a hundred sites, drawn among sites where somebody is.
    #[serde(default)]
    pub sites_percent: Option<u32>,
    /// After so long it is over: restart, heal, full rate, honest again. To the end if it is not said.
    #[serde(default, with = "humantime_serde")]
    pub lasts: Option<Duration>,
    /// See [`What`].
    #[serde(default)]
    pub percent: Option<u32>,
    /// See [`What`].
    #[serde(default, with = "humantime_serde")]
    pub delay: Option<Duration>,
    /// See [`What`].
    #[serde(default)]
    pub per_million: Option<u32>,
    /// See [`What`].
    #[serde(default)]
    pub burst: Option<u32>,
}
