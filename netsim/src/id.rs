//! Ids of simulated nodes: they look random to the overlay, and tell the world whose they are.

use overlay_core::id::NodeId;

/// The id of the node of this index.
pub fn node_id(who: u32) -> NodeId {
    let mut bytes = [0; 32];
    let mut state = u64::from(who);
    for word in bytes.chunks_exact_mut(8) {
        word.copy_from_slice(&split_mix(&mut state).to_be_bytes());
    }
    bytes[28..].copy_from_slice(&who.to_be_bytes());
    NodeId(bytes)
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): ids are made for each message, so a hash would be too slow.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The index of a node.
pub fn index(id: NodeId) -> u32 {
    u32::from_be_bytes([id.0[28], id.0[29], id.0[30], id.0[31]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_node() {
        for who in [0, 1, 255, 10_000, u32::MAX] {
            assert_eq!(index(node_id(who)), who);
        }
    }
}
