//! What a child costs, and what a node can give.

use crate::config;
use crate::io::LayerRate;
use crate::unit::UnitHash;

use super::table::Margins;

/// What one child in one of the k data trees (or a parity tree) of this layer costs its parent, kbit/s on the wire:
/// `rate / k × 1.05 + packets/s × 80 B × 8`, and its lists of units. The 5 % are retransmits, acknowledgements and control;
/// a layer of pictures sends 30 frames/s of `rate / 30`, each in packets of 1,200 B; sound sends 50/s.
pub fn unit_kbps(rate: LayerRate, k: u8) -> u32 {
    let kbps = u64::from(rate.kbps).div_ceil(u64::from(k.max(1)));
    let packets = if rate.layer.is_audio() {
        config::SOUNDS_PER_S
    } else {
        let unit_bytes = kbps * 125 / config::PICTURES_PER_S;
        config::PICTURES_PER_S * unit_bytes.div_ceil(config::PACKET_PAYLOAD).max(1)
    };
    let units = if rate.layer.is_audio() { config::SOUNDS_PER_S } else { config::PICTURES_PER_S };
    let lists =
        units * UnitHash::LEN as u64 + config::LIST_OVERHEAD * 1000 / config::LIST_EVERY.as_millis() as u64;
    let wire = kbps * 105 / 100 + ((packets * config::PACKET_OVERHEAD + lists) * 8).div_ceil(1000);
    u32::try_from(wire).unwrap_or(u32::MAX)
}

/// What one child costs where the layer travels in one tree, kbit/s on the wire.
pub fn wire_kbps(rate: LayerRate) -> u32 {
    unit_kbps(rate, 1)
}

/// What it costs a source to send each of its layers once, its sound twice, kbit/s on the wire.
pub fn own_kbps(sends: &[LayerRate]) -> u32 {
    let cost = |rate: &LayerRate| wire_kbps(*rate).saturating_mul(if rate.layer.is_audio() { 2 } else { 1 });
    sends.iter().map(cost).fold(0, u32::saturating_add)
}

/// The most that the planner gives out of one uplink, kbit/s.
pub fn planned_kbps(uplink_kbps: u32) -> u64 {
    capped_kbps(uplink_kbps, Margins::default())
}

/// The most that is given out of one uplink under these margins, kbit/s.
pub(super) fn capped_kbps(uplink_kbps: u32, margins: Margins) -> u64 {
    u64::from(uplink_kbps) * margins.cap / 100
}

/// What is given out in all, of this much that could be, kbit/s: the rest is the reserve for grafts. It is kept over all
/// uplinks and not in each, since a child is not divisible: an uplink that holds 8.9 children feeds 8 or 9.
pub(super) fn admitted_kbps(capped_kbps: u64, margins: Margins) -> u64 {
    capped_kbps * (100 - margins.reserve.min(100)) / 100
}

/// Up to where a node takes children that no plan foresaw, kbit/s.
pub fn graft_kbps(uplink_kbps: u32) -> u64 {
    u64::from(uplink_kbps) * config::GRAFT_PERCENT / 100
}
