//! What machines are called on their network.

use std::net::Ipv4Addr;

/// Machines of one network.
pub const MACHINES_MAX: usize = 250;
const NETWORK: [u8; 3] = [10, 77, 84];

/// The address of a machine, by its index.
pub fn of(machine: usize) -> Ipv4Addr {
    let [a, b, c] = NETWORK;
    Ipv4Addr::new(a, b, c, u8::try_from(machine + 1).unwrap_or(u8::MAX))
}

/// Which machine has this address, if any can.
pub fn machine(address: Ipv4Addr) -> Option<usize> {
    let [a, b, c, host] = address.octets();
    let machine = usize::from(host).checked_sub(1)?;
    ([a, b, c] == NETWORK && machine < MACHINES_MAX).then_some(machine)
}
