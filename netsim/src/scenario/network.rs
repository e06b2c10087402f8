//! Distances and how the network behaves, as a scenario writes them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where people are, and how long it takes between places, see [`crate::geography`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Geography {
    /// Round-trip times from a file: a square in ms, site names in the first row, -1 for missing; its path
    /// counts from the scenario's folder. The built-in cities if it is not said.
    pub matrix: Option<String>,
    /// How many people are at a site for each of the matrix's columns, relative to each other; even if empty.
    pub weights: Vec<u32>,
    /// Every pair of people is this far from each other, one way, last miles included.
    #[serde(with = "humantime_serde")]
    pub flat: Option<Duration>,
    /// How much longer than the great circle cables are, percent of it; only for the built-in cities.
    pub inflation_percent: u32,
    /// Last miles are this many percent of what is drawn; 0 for none.
    pub last_mile_percent: u32,
}

impl Default for Geography {
    fn default() -> Geography {
        Geography {
            matrix: None,
            weights: Vec::new(),
            flat: None,
            inflation_percent: 190,
            last_mile_percent: 100,
        }
    }
}

/// How packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Reliable, in order: loss is delay for what follows on the same stream.
    #[default]
    Streams,
    /// Units that are lost stay lost; control messages are reliable all the same.
    Datagrams,
}

/// How the network behaves for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// How units travel.
    pub mode: Mode,
    /// Packets lost, of a million in the long run.
    pub loss_per_million: u32,
    /// Mean length of a burst of losses, packets.
    pub loss_burst: u32,
    /// Mean deviation of a one-way delay, thousandths of it.
    pub jitter_permille: u32,
    /// What is added to that for the last mile.
    #[serde(with = "humantime_serde")]
    pub jitter_floor: Duration,
    /// What an interface holds back before it drops, outwards.
    #[serde(with = "humantime_serde")]
    pub uplink_buffer: Duration,
    /// What is held back on the way in.
    #[serde(with = "humantime_serde")]
    pub downlink_buffer: Duration,
}

impl Default for Network {
    fn default() -> Network {
        Network {
            mode: Mode::Streams,
            loss_per_million: 0,
            loss_burst: 1,
            jitter_permille: 10,
            jitter_floor: Duration::from_micros(500),
            uplink_buffer: Duration::from_millis(250),
            downlink_buffer: Duration::from_millis(250),
        }
    }
}
