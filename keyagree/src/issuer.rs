//! The organiser's key for one meeting: it signs invites and grants, and nothing else.

use rand::CryptoRng;

use crate::credential::{Grant, GrantCert, InviteCert, Role, Signed};
use crate::identity::{Identity, IssuerKey, LeaseId, MeetingId, PeerKey};
use crate::invite::{Invite, InviteError};
use crate::line;
use crate::suite::Secret;
use crate::time::UnixTime;

/// The signing key of one meeting. It stays with the organiser.
pub struct Issuer {
    meeting: MeetingId,
    key: Identity,
}

impl Issuer {
    /// A new meeting with a new key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Issuer {
        Issuer { meeting: MeetingId::generate(rng), key: Identity::generate(rng) }
    }

    /// The key that was kept (mode 0600), see [`Issuer::seed`].
    pub fn from_seed(meeting: MeetingId, seed: &Secret) -> Issuer {
        Issuer { meeting, key: Identity::from_seed(seed) }
    }

    /// What to keep.
    pub fn seed(&self) -> Secret {
        self.key.seed()
    }

    /// The meeting.
    pub fn meeting(&self) -> MeetingId {
        self.meeting
    }

    /// The public key.
    pub fn public(&self) -> IssuerKey {
        IssuerKey(self.key.public().0)
    }

    /// An invite with a secret of its own. Fails only if there are too many contacts.
    pub fn issue_invite(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
        role: Role,
        contacts: Vec<String>,
        issued: UnixTime,
        expires: UnixTime,
    ) -> Result<Invite, InviteError> {
        self.issue_link(rng, role, 1, contacts, issued, expires)
    }

    /// A link that so many people may come by, each of whom waits at the door until a host lets them
    /// in. With one use it is an invite.
    pub fn issue_link(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
        role: Role,
        uses: u16,
        contacts: Vec<String>,
        issued: UnixTime,
        expires: UnixTime,
    ) -> Result<Invite, InviteError> {
        if !line::contacts_fit(&contacts) {
            return Err(InviteError::TooManyContacts);
        }
        let sign = |id, key| {
            let cert =
                InviteCert { meeting: self.meeting, id, key, role, uses: uses.max(1), issued, expires };
            Signed::new(cert, &self.key)
        };
        Ok(Invite::new(rng, self.meeting, self.public(), contacts, sign))
    }

    /// The right to carry this meeting, for one relay. It holds no secret.
    pub fn grant(&self, relay: PeerKey, lease: LeaseId, kbps: u32, expires: UnixTime) -> Grant {
        let cert = GrantCert { meeting: self.meeting, relay, lease, kbps, expires };
        Grant(Signed::new(cert, &self.key))
    }
}
