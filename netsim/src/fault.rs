//! What can go wrong, and when.

use std::time::Duration;

use overlay_core::time::Time;

mod timeline;

pub use timeline::timeline;

/// What a hostile relay does to units that it should forward. Control messages go on as they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malice {
    /// Forwards this many of a thousand units, and loses the others.
    Drop {
        /// Of a thousand.
        forwarded: u32,
    },
    /// Holds each unit back.
    Delay(Duration),
    /// Changes what is in them.
    Tamper,
    /// Sends each a second time, a second later.
    Replay,
    /// Swaps neighbours in the order.
    Reorder,
}

/// One thing that goes wrong. Indices are places in [`crate::cast::Cast`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A node dies; nobody is told.
    Crash(u32),
    /// A dead node starts anew, without memory.
    Restart(u32),
    /// A node stands still and then goes on, with all it had.
    Freeze {
        /// Who.
        who: u32,
        /// How long.
        span: Duration,
    },
    /// An interface sends at this percentage of its rate from now on; nobody is told.
    Uplink {
        /// Who.
        who: u32,
        /// Of what the scenario gave it.
        percent: u32,
    },
    /// Nothing passes between these and all others.
    Partition(Vec<u32>),
    /// Ends every partition.
    Heal,
    /// Packets from and to a node are lost: in bursts, as Gilbert's two-state model (1960).
    Loss {
        /// Who.
        who: u32,
        /// Of a million packets in the long run; 0 ends it.
        per_million: u32,
        /// Mean length of a burst, packets.
        burst: u32,
    },
    /// A relay turns hostile (or honest again).
    Malice {
        /// Who.
        who: u32,
        /// How.
        how: Option<Malice>,
    },
    /// A node claims another limit than the one its interface keeps.
    Lie {
        /// Who.
        who: u32,
        /// kbit/s.
        claims_kbps: u32,
    },
    /// The organiser removes somebody for good.
    Remove(u32),
}

impl Fault {
    /// In words, for the timeline of a report.
    pub fn describe(&self) -> String {
        match self {
            Fault::Crash(who) => format!("node {who} dies"),
            Fault::Restart(who) => format!("node {who} starts anew"),
            Fault::Freeze { who, span } => format!("node {who} stands still for {} ms", span.as_millis()),
            Fault::Uplink { who, percent } => format!("uplink of node {who} at {percent} %"),
            Fault::Partition(group) => format!("{} nodes are cut off from the others", group.len()),
            Fault::Heal => "the partition heals".into(),
            Fault::Loss { who, per_million, .. } => {
                format!("node {who} loses {} % of its packets", f64::from(*per_million) / 10_000.0)
            }
            Fault::Malice { who, how: Some(how) } => format!("node {who} turns hostile: {how:?}"),
            Fault::Malice { who, how: None } => format!("node {who} is honest again"),
            Fault::Remove(who) => format!("the organiser removes node {who}"),
            Fault::Lie { who, claims_kbps } => format!("node {who} claims {claims_kbps} kbit/s"),
        }
    }
}

/// What goes wrong, in the order of time.
pub type Timeline = Vec<(Time, Fault)>;
