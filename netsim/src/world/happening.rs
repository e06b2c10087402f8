//! What is planned in a world.

use overlay_core::unit::Unit;

use crate::interface::Lane;
use crate::machine::Machine;
use crate::payload::Parcel;

/// What is on its way between machines.
#[derive(Debug)]
pub(super) enum Carried {
    Control(Vec<u8>),
    Unit(Unit<Parcel>),
}

impl Carried {
    pub(super) fn lane(&self) -> Lane {
        match self {
            Carried::Control(_) => Lane::Control,
            Carried::Unit(unit) => Machine::<()>::lane(unit.header.tree.layer),
        }
    }
}

/// What is planned.
#[derive(Debug)]
pub(super) enum Happening {
    /// Something comes to a machine's way in over a link; `received` once it has all been taken in.
    Arrives {
        to: u32,
        from: u32,
        serial: u64,
        len: u32,
        received: bool,
        carried: Carried,
    },
    /// A hostile machine sends what it held back.
    Released {
        from: u32,
        to: u32,
        unit: Box<Unit<Parcel>>,
    },
    Timer(u32),
    Publish(u32),
    /// Somebody begins to speak.
    Speaks(u32),
    /// A source says whether it speaks, where there are more of them than places.
    Says(u32),
    /// Somebody else may have the floor.
    Floor,
    Start(u32),
    Leave(u32),
    /// The end of a lease is near.
    Drain(u32),
    Stop(u32),
    Fault(u32),
    /// The handshake of a link is over at one end.
    LinkUp {
        at: u32,
        to: u32,
        serial: u64,
    },
    /// One end of a link learns that it is gone.
    LinkLost {
        at: u32,
        to: u32,
        serial: u64,
    },
    /// A dial came to nothing.
    DialFailed {
        at: u32,
        to: u32,
        life: u32,
    },
    /// A session is due, or a source's first keys are.
    Keys(u32),
    /// A receiver looks at what no key opens.
    Keyless(u32),
    /// Whoever has no link tries its contacts again.
    DialAgain(u32),
    /// Whatever needs a look now and then.
    Look,
    /// A second is over.
    Second,
}
