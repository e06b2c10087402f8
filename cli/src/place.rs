//! Where a node listens, and where it says that it can be reached.

use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};

use keyagree::identity::PeerKey;
use overlay_core::id::NodeId;

use crate::args::Place;
use crate::fail::{Fail, Outcome};

/// Addresses that a node names: more than any machine needs, less than a presence has room for.
const ADDRESSES_MAX: usize = 4;
/// How often a free port is looked for that is free for both UDP and TCP.
const TRIES: usize = 32;

impl Place {
    /// The place of the `nth` node of a process, counted from 0: the port that many further.
    pub fn nth(&self, nth: u16) -> Outcome<Place> {
        let beyond = || {
            Fail::usage(format!("--port {} is too high for so many meetings: choose a lower one", self.port))
        };
        let port = if self.port == 0 { 0 } else { self.port.checked_add(nth).ok_or_else(beyond)? };
        Ok(Place { port, ..self.clone() })
    }
}

/// A port on addresses.
#[derive(Clone, Debug)]
pub struct Spot {
    addresses: Vec<IpAddr>,
    /// UDP and TCP.
    pub port: u16,
}

impl Spot {
    /// What the user asked for; a port that is free now, and all addresses, where they didn't.
    pub fn choose(place: &Place) -> Outcome<Spot> {
        let addresses = if place.address.is_empty() { own_addresses() } else { place.address.clone() };
        if addresses.len() > ADDRESSES_MAX {
            return Err(Fail::usage(format!("at most {ADDRESSES_MAX} addresses: leave some --address out")));
        }
        let port = if place.port == 0 { free_port(&addresses)? } else { place.port };
        if !is_free(&addresses, port) {
            return Err(Fail::failed(format!(
                "port {port} is taken, or {} is no address of this machine: choose others with --port and --address",
                addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
            )));
        }
        Ok(Spot { addresses, port })
    }

    /// Nowhere: a node that is not to be reached, and reaches others itself.
    pub fn nowhere() -> Spot {
        Spot { addresses: Vec::new(), port: 0 }
    }

    /// What to listen on.
    pub fn listen(&self) -> Vec<String> {
        self.addresses.iter().flat_map(|ip| [udp(*ip, self.port), tcp(*ip, self.port)]).collect()
    }

    /// Where `peer` is reached if it listens here.
    pub fn contacts(&self, peer: PeerKey) -> Vec<String> {
        self.addresses.iter().flat_map(|ip| overlay_libp2p::contact(NodeId(peer.0), *ip, self.port)).collect()
    }
}

fn udp(ip: IpAddr, port: u16) -> String {
    format!("/{}/{ip}/udp/{port}/quic-v1", family(ip))
}

fn tcp(ip: IpAddr, port: u16) -> String {
    format!("/{}/{ip}/tcp/{port}", family(ip))
}

fn family(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { "ip4" } else { "ip6" }
}

/// This machine's addresses that others may reach; the loopback address if it has no other.
fn own_addresses() -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .collect();
    addresses.sort();
    addresses.truncate(ADDRESSES_MAX);
    if addresses.is_empty() {
        addresses.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    addresses
}

fn free_port(addresses: &[IpAddr]) -> Outcome<u16> {
    for _ in 0..TRIES {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(Fail::failed)?;
        let port = socket.local_addr().map_err(Fail::failed)?.port();
        drop(socket);
        if is_free(addresses, port) {
            return Ok(port);
        }
    }
    Err(Fail::failed("no free port was found: choose one with --port"))
}

fn is_free(addresses: &[IpAddr], port: u16) -> bool {
    addresses.iter().all(|ip| UdpSocket::bind((*ip, port)).is_ok() && TcpListener::bind((*ip, port)).is_ok())
}
