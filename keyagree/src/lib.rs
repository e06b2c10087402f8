//! Key agreement of a meeting without a server: who may take part, which secret they share in which
//! epoch, and what their frames are sealed with.
//!
//! Pure state machines: time and randomness are arguments, nothing is sent from here. Relays run
//! [`gate::Gate`] and hold no secret; participants run [`session::Session`] as well.
//!
//! The only place where `hpke` and `ed25519-dalek` are named. Imports run down this list:
//! session → source, talk → epoch → io → stream, gate, roster → wire → lease, invite, issuer → credential, removed → identity → suite → vault.

pub mod code;
pub mod credential;
mod deposed;
mod epoch;
pub mod gate;
pub mod identity;
pub mod invite;
mod io;
pub mod issuer;
pub mod lease;
mod line;
pub mod removed;
mod roster;
pub mod session;
pub mod signing;
mod source;
pub mod stream;
pub mod suite;
mod talk;
#[cfg(test)]
mod testing;
pub mod time;
pub mod vault;
#[cfg(test)]
mod vectors;
mod wire;

pub use credential::{Admission, AdmittedAs, Grant, Refusal, Role};
pub use gate::{Gate, sign_note, verify_note};
pub use identity::{Identity, InviteId, IssuerKey, LeaseId, MeetingId, PeerKey, verify};
pub use invite::{Invite, InviteError};
pub use issuer::Issuer;
pub use lease::{Bound, ClaimError, Lease, LeaseError, LeaseHolder};
pub use line::{CONTACT_LEN_MAX, CONTACTS_MAX, LINE_MAX};
pub use removed::{Removal, Removed};
pub use session::{Audience, Event, Input, Knocks, Output, Seat, Session, Timer};
pub use stream::{EpochId, OpeningKey, SealingKey, SealingKeys};
pub use suite::Secret;
pub use talk::TALK_MAX;
pub use time::UnixTime;
pub use wire::{MEMBERS_MAX, NAME_MAX, SAY_MAX, VERSION as MESSAGE_VERSION, WireError, well_formed};
