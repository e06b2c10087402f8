//! Scenarios of `netsim` held by real processes of `canopy`, each on a machine of its own: a network namespace whose only
//! device is shaped by the kernel, joined to the others by a link that holds packets for as long as `netsim`'s would.
//!
//! | module | what |
//! |---|---|
//! | [`calibrate`] | delays of real processes beside those of `netsim`, by the same scenario and seed |
//! | [`meeting`] | a meeting whose strongest relay is killed and one of whom is reached by TCP only; what has to hold in it |
//! | [`scene`] | the meeting: who is started when, and what they leave |
//! | [`place`] | where a node says that it has its place |
//! | [`meter`] | what each interface sends |
//! | [`ground`] | namespaces, devices, shaping, firewalls |
//! | [`link`] | what lies between the machines |
//! | [`address`], [`clock`] | names and times |
//!
//! Each imports only from those below it.

#![cfg(target_os = "linux")]

pub mod address;
pub mod calibrate;
pub mod clock;
pub mod ground;
pub mod link;
pub mod meeting;
pub mod meter;
pub mod place;
pub mod scene;
