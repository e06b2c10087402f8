//! Ids of simulated nodes: they look random to the overlay, and tell the world whose they are.

use std::sync::LazyLock;

use overlay_core::id::NodeId;

/// So many ids are made once: all of the largest scenario.
const KEPT: u32 = 32 * 1024;

static IDS: LazyLock<Vec<NodeId>> = LazyLock::new(|| (0..KEPT).map(make).collect());

/// The id of the node of this index.
pub fn node_id(who: u32) -> NodeId {
    // Ids are named with each message and unit; a hash each time would be a tenth of a run.
    IDS.get(who as usize).copied().unwrap_or_else(|| make(who))
}

fn make(who: u32) -> NodeId {
    let mut bytes = *blake3::hash(&who.to_be_bytes()).as_bytes();
    bytes[28..].copy_from_slice(&who.to_be_bytes());
    NodeId(bytes)
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
