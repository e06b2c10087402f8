//! What a child costs, and what a node can give.

use crate::config;
use crate::io::LayerRate;

/// What one child in the tree of this layer costs its parent, kbit/s on the wire:
/// `rate × 1.05 + packets/s × 80 B × 8`. The 5 % are retransmits, acknowledgements and control;
/// a layer of pictures sends 30 frames/s of `rate / 30`, each in packets of 1,200 B; sound sends 50/s.
pub fn wire_kbps(rate: LayerRate) -> u32 {
    let kbps = u64::from(rate.kbps);
    let packets = if rate.layer.is_audio() {
        config::SOUNDS_PER_S
    } else {
        let frame_bytes = kbps * 125 / config::PICTURES_PER_S;
        config::PICTURES_PER_S * frame_bytes.div_ceil(config::PACKET_PAYLOAD).max(1)
    };
    let wire = kbps * 105 / 100 + (packets * config::PACKET_OVERHEAD * 8).div_ceil(1000);
    u32::try_from(wire).unwrap_or(u32::MAX)
}

/// What the planner may give out of an uplink, kbit/s: 85 % of it, less the reserve for grafts.
pub fn planned_kbps(uplink_kbps: u32) -> u64 {
    u64::from(uplink_kbps) * config::SUPPLY_PERCENT * (100 - config::RESERVE_PERCENT) / 10_000
}

/// Up to where a node takes children that no plan foresaw, kbit/s.
pub fn graft_kbps(uplink_kbps: u32) -> u64 {
    u64::from(uplink_kbps) * config::GRAFT_PERCENT / 100
}
