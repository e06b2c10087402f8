//! Participants and volunteers as a scenario writes them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How people start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrive {
    /// Everybody is there when the meeting begins.
    #[default]
    AtOnce,
    /// Log-normal after the coordinator: 80 of 100 within [`People::within`].
    Burst,
}

/// The built-in mixes of interfaces, see [`crate::uplinks`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// People at home in places with good networks.
    #[default]
    Home,
    /// The world as M-Lab measures it.
    Mlab,
    /// Participants have just enough for what they send themselves; volunteers carry everything.
    RelayOnly,
}

/// Participants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// How many, crowds included. The first plans.
    pub count: u32,
    /// How they start.
    #[serde(default)]
    pub arrive: Arrive,
    /// Of a burst, 80 of 100 have started by then.
    #[serde(default = "five_minutes", with = "humantime_serde")]
    pub within: Duration,
    /// Of a hundred, so many leave before the end. Sources and the first stay.
    #[serde(default)]
    pub leave_percent: u32,
    /// Median of how long those stay (log-normal).
    #[serde(default = "twenty_minutes", with = "humantime_serde")]
    pub stay: Duration,
    /// What their interfaces carry.
    #[serde(default)]
    pub uplinks: Mix,
    /// The same from a file, `percentile,up_mbps,down_mbps`; its path counts from the scenario's folder.
    #[serde(default)]
    pub uplinks_csv: Option<String>,
    /// What the owner lets the overlay send, of a hundred parts of the uplink.
    #[serde(default = "eighty")]
    pub lend_percent: u32,
    /// Of a hundred, so many relay for others; the rest send only what is their own.
    #[serde(default = "hundred")]
    pub relaying_percent: u32,
    /// What stands between them and the network.
    #[serde(default)]
    pub nat: NatShares,
}

/// How many of a hundred people have which kind of NAT; together 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatShares {
    /// Reachable by everybody.
    #[serde(default)]
    pub open_percent: u32,
    /// Can punch with others of its kind.
    #[serde(default)]
    pub cone_percent: u32,
    /// Reaches only those who are open.
    #[serde(default)]
    pub symmetric_percent: u32,
}

impl Default for NatShares {
    fn default() -> NatShares {
        NatShares { open_percent: 100, cone_percent: 0, symmetric_percent: 0 }
    }
}

/// People who come together; they are the last of the participants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crowd {
    /// When the first of them starts.
    #[serde(with = "humantime_serde")]
    pub at: Duration,
    /// How many.
    pub people: u32,
    /// They start evenly spread over this span.
    #[serde(with = "humantime_serde")]
    pub within: Duration,
}

/// Volunteers of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relays {
    /// How many.
    pub count: u32,
    /// What each can send, kbit/s.
    #[serde(default = "hundred_megabit")]
    pub uplink_kbps: u32,
    /// What each can take in, kbit/s; as much as it can send if it is not said.
    #[serde(default)]
    pub downlink_kbps: Option<u32>,
    /// What the owner lets it send, of a hundred parts of the uplink.
    #[serde(default = "eighty")]
    pub lend_percent: u32,
    /// When the first of them starts.
    #[serde(default, with = "humantime_serde")]
    pub at: Duration,
    /// They start evenly spread over this span.
    #[serde(default, with = "humantime_serde")]
    pub within: Duration,
    /// Each takes its leave after so long; none stays to the end.
    #[serde(default, with = "humantime_serde")]
    pub lease: Option<Duration>,
}

fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

fn twenty_minutes() -> Duration {
    Duration::from_secs(1_200)
}

fn eighty() -> u32 {
    80
}

fn hundred() -> u32 {
    100
}

fn hundred_megabit() -> u32 {
    100_000
}
