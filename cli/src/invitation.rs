//! How an invite gets into the program.

use keyagree::invite::Invite;

use crate::clock;
use crate::fail::{Fail, Outcome};
use crate::pasted::Kind;

const INVITE: Kind = Kind { name: "an invite", prefix: "canopy:", asked_by: "canopy join" };

/// Reads and checks the invite that `argument` names; asks for it if there is none.
pub fn read(argument: Option<&str>) -> Outcome<Invite> {
    let invite = any(argument)?;
    invite.check(clock::unix()).map_err(Fail::failed)?;
    Ok(invite)
}

/// The same, whether it still counts or not.
pub fn any(argument: Option<&str>) -> Outcome<Invite> {
    Invite::from_line(&INVITE.read(argument)?).map_err(Fail::failed)
}
