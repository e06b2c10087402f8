//! What a node tells everybody who connects, before any of them has shown a credential.

use futures::StreamExt;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm, SwarmBuilder, identify, noise, tcp, yamux};
use tokio::time::timeout;

use crate::harness::{PATIENCE, Setup};

/// What identify says of a node to somebody who dials this contact.
async fn said_to(contact: &str) -> identify::Info {
    let mut swarm: Swarm<identify::Behaviour> = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("a transport")
        .with_quic()
        .with_behaviour(|key| identify::Behaviour::new(identify::Config::new("/canopy".into(), key.public())))
        .expect("a behaviour")
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(PATIENCE))
        .build();
    let address: Multiaddr = contact.parse().expect("an address");
    swarm.dial(address).expect("it can be dialled");
    let received = async {
        loop {
            let event = swarm.select_next_some().await;
            if let SwarmEvent::Behaviour(identify::Event::Received { info, .. }) = event {
                return info;
            }
        }
    };
    timeout(PATIENCE, received).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_learns_neither_addresses_nor_which_program_it_is() {
    let node = Setup::new("host").start().await;
    let contacts = node.contacts();
    assert!(!contacts.is_empty());
    for contact in contacts {
        let info = said_to(&contact).await;
        assert_eq!((info.agent_version.as_str(), info.protocol_version.as_str()), ("canopy", "/canopy"));
        assert!(info.listen_addrs.is_empty(), "{:?}", info.listen_addrs);
        assert!(info.signed_peer_record.is_none());
        let known = |name: &str| name.starts_with("/canopy/") || name.starts_with("/ipfs/");
        assert!(info.protocols.iter().all(|name| known(name.as_ref())), "{:?}", info.protocols);
    }
}
