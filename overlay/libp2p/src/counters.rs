//! What was carried: numbers only, no addresses and no names.

use serde::Serialize;

/// One number for each lane of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByLane {
    /// Control messages.
    pub control: u64,
    /// Sound.
    pub audio: u64,
    /// Pictures.
    pub video: u64,
}

impl ByLane {
    /// All lanes together.
    pub fn total(&self) -> u64 {
        self.control + self.audio + self.video
    }
}

/// What a node has carried since it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Bytes read from peers, framing included.
    pub bytes_in: ByLane,
    /// Bytes written to peers, framing included.
    pub bytes_out: ByLane,
    /// Units read and written.
    pub units_in: u64,
    /// Units written, each child counted.
    pub units_out: u64,
    /// What the interface is reckoned to have sent: `bytes_out` and the overhead of QUIC, UDP, IP and
    /// acknowledgements. Retransmissions are not seen.
    pub wire_out: u64,
    /// The most that `wire_out` grew within one second (in steps of 50 ms), as kbit/s.
    pub peak_kbps: u64,
    /// The limit now, kbit/s; none if there is no limit.
    pub uplink_kbps: Option<u32>,
    /// Units that were too old or too many to be written.
    pub units_dropped: u64,
    /// Whole frames that the owner did not read in time.
    pub frames_dropped: u64,
    /// Links that were admitted and are up.
    pub links: u32,
    /// Children now: peers that are fed in at least one tree.
    pub children: u32,
    /// Connections that were closed since the peer broke the protocol.
    pub blamed: u64,
}
