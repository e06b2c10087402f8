//! Ids of simulated nodes: they look random to the overlay, and tell the world whose they are.

use overlay_core::id::NodeId;

/// The id of the node of this index.
pub fn node_id(who: u32) -> NodeId {
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
