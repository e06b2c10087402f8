//! What the tests inside of this crate begin with.

use std::sync::Arc;

use crate::credential::{Admission, AdmittedAs, Role};
use crate::identity::{Identity, InviteId, IssuerKey, MeetingId};
use crate::io::Seat;
use crate::suite::Secret;
use crate::time::UnixTime;

/// Somebody in a meeting of its own, whose key and invite follow from a byte.
pub(crate) fn seat(byte: u8) -> Seat {
    Seat {
        identity: Arc::new(Identity::from_seed(&Secret::take(&mut [byte; 32]))),
        meeting: MeetingId([1; 16]),
        issuer: IssuerKey([2; 32]),
        invite: InviteId([byte; 8]),
        role: Role::Guest,
        credential: Vec::new(),
    }
}

/// What a gate says of somebody who came by this invite.
pub(crate) fn admission(invite: InviteId, role: Role) -> Admission {
    Admission {
        role: AdmittedAs::Participant(role),
        invite: Some(invite),
        uses: 1,
        lobby: false,
        pass_ends: None,
        passed_by: None,
        expires: UnixTime(u64::MAX),
    }
}
