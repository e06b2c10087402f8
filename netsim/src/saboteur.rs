//! Breaks an overlay from outside: sits between it and its machine. Tests show with it that the invariants can fail.

use overlay_core::io::{Input, Output};
use overlay_core::time::Time;

use crate::payload::Parcel;

/// Sees everything that goes into the overlays and comes out of them. What it gives goes on; nothing is swallowed.
pub trait Saboteur {
    /// A value that is for the overlay of this machine.
    fn input(&mut self, _now: Time, _who: u32, input: Input<Parcel>) -> Option<Input<Parcel>> {
        Some(input)
    }

    /// A value that the overlay of this machine gives.
    fn output(&mut self, _now: Time, _who: u32, output: Output<Parcel>) -> Option<Output<Parcel>> {
        Some(output)
    }
}
