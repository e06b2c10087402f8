//! Addresses as people and presences write them, and the two names of one key.

use std::net::IpAddr;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, identity};
use overlay_core::id::NodeId;

/// What a PeerId of an Ed25519 key starts with: the identity multihash of a protobuf with key type
/// 1 and 32 bytes of data (libp2p peer-id specification, "Keys").
const ED25519_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// Where a node can be reached, QUIC first and TCP as the fallback, each with its identity.
pub fn contact(peer: NodeId, ip: IpAddr, port: u16) -> Vec<String> {
    let Some(peer) = peer_id(peer) else { return Vec::new() };
    let quic = Multiaddr::from(ip).with(Protocol::Udp(port)).with(Protocol::QuicV1);
    let tcp = Multiaddr::from(ip).with(Protocol::Tcp(port));
    [quic, tcp].into_iter().map(|address| address.with(Protocol::P2p(peer)).to_string()).collect()
}

/// Whose contact this is; `None` if it is no contact, or names nobody.
pub fn node_id_of(contact: &str) -> Option<NodeId> {
    parse_contact(contact).ok().map(|(peer, _)| peer)
}

/// Why a text is not a contact: whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// Not a multiaddress.
    #[error("not an address of the form /ip4/ADDRESS/udp/PORT/quic-v1/p2p/PEER")]
    NotAnAddress,
    /// It ends in no `/p2p/PEER`, or in one whose key isn't Ed25519.
    #[error("names no peer with an Ed25519 key; it must end in /p2p/PEER")]
    NoPeer,
    /// A multiaddress that this program cannot dial (DNS names, circuits, websockets).
    #[error("only /ip4 and /ip6 with /udp/PORT/quic-v1 or /tcp/PORT can be dialled")]
    NotDialable,
}

/// The peer and the address of a contact.
pub(crate) fn parse_contact(contact: &str) -> Result<(NodeId, Multiaddr), ContactError> {
    let mut address: Multiaddr = contact.parse().map_err(|_| ContactError::NotAnAddress)?;
    let Some(Protocol::P2p(peer)) = address.pop() else { return Err(ContactError::NoPeer) };
    let peer = node_id(&peer).ok_or(ContactError::NoPeer)?;
    if dialable(&address) { Ok((peer, address)) } else { Err(ContactError::NotDialable) }
}

/// A contact as notes carry it, beside the id of its node: without the identity, which is half of it.
pub(crate) fn without_identity(contact: &str) -> Option<String> {
    parse_contact(contact).ok().map(|(_, address)| address.to_string())
}

/// The address that a note names for a node, with its identity or without; `None` if it can't be dialled, or is another's.
pub(crate) fn address_of(node: NodeId, contact: &str) -> Option<Multiaddr> {
    let mut address: Multiaddr = contact.parse().ok()?;
    if let Some(Protocol::P2p(peer)) = address.iter().last() {
        address.pop().filter(|_| node_id(&peer) == Some(node))?;
    }
    dialable(&address).then_some(address)
}

/// True for the two forms that this program listens on and dials. Whatever else a presence names is
/// not dialled: its origin must not choose what protocols we speak to third parties.
fn dialable(address: &Multiaddr) -> bool {
    let parts: Vec<Protocol<'_>> = address.iter().take(4).collect();
    matches!(
        parts.as_slice(),
        [Protocol::Ip4(_) | Protocol::Ip6(_), Protocol::Udp(1..), Protocol::QuicV1]
            | [Protocol::Ip4(_) | Protocol::Ip6(_), Protocol::Tcp(1..)]
    )
}

/// The node of a peer; `None` if its key isn't Ed25519.
pub(crate) fn node_id(peer: &PeerId) -> Option<NodeId> {
    let bytes = peer.to_bytes();
    let key = bytes.strip_prefix(&ED25519_PREFIX)?;
    key.try_into().ok().map(NodeId)
}

/// The peer of a node; `None` if its id is no point of the curve.
pub(crate) fn peer_id(node: NodeId) -> Option<PeerId> {
    let key = identity::ed25519::PublicKey::try_from_bytes(&node.0).ok()?;
    Some(identity::PublicKey::from(key).to_peer_id())
}

/// What an address listens on, for messages: `UDP port 4000`.
pub(crate) fn port_of(address: &Multiaddr) -> String {
    address
        .iter()
        .find_map(|part| match part {
            Protocol::Udp(port) => Some(format!("UDP port {port}")),
            Protocol::Tcp(port) => Some(format!("TCP port {port}")),
            _ => None,
        })
        .unwrap_or_else(|| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody() -> NodeId {
        node_id(&identity::Keypair::generate_ed25519().public().to_peer_id()).expect("Ed25519")
    }

    #[test]
    fn a_contact_names_its_node() {
        let node = somebody();
        for text in contact(node, IpAddr::from([127, 0, 0, 1]), 4000) {
            assert_eq!(node_id_of(&text), Some(node), "{text}");
        }
    }

    #[test]
    fn notes_carry_contacts_without_the_identity_that_stands_beside_them() {
        let (node, other) = (somebody(), somebody());
        for text in contact(node, IpAddr::from([127, 0, 0, 1]), 4000) {
            let short = without_identity(&text).expect("a contact");
            assert!(text.starts_with(&short) && short.len() * 2 < text.len(), "{short}");
            assert_eq!(address_of(node, &short), address_of(node, &text));
            assert!(address_of(node, &short).is_some());
            assert_eq!(address_of(other, &text), None, "it names somebody else");
        }
        assert_eq!(address_of(node, "/ip4/127.0.0.1/tcp/80/ws"), None);
    }

    #[test]
    fn what_cannot_be_dialled_is_no_contact() {
        let peer = peer_id(somebody()).expect("a point");
        let bad = [
            ("/ip4/127.0.0.1/udp/4000/quic-v1".to_owned(), ContactError::NoPeer),
            (format!("/dns4/example.org/tcp/80/p2p/{peer}"), ContactError::NotDialable),
            (format!("/ip4/127.0.0.1/tcp/80/ws/p2p/{peer}"), ContactError::NotDialable),
            (format!("/ip4/127.0.0.1/tcp/0/p2p/{peer}"), ContactError::NotDialable),
            ("127.0.0.1:4000".to_owned(), ContactError::NotAnAddress),
        ];
        for (text, error) in bad {
            assert_eq!(parse_contact(&text).err(), Some(error), "{text}");
        }
    }
}
