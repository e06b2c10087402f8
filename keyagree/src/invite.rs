//! What a guest is given: one line that lets one person in.

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::credential::{self, InviteCert, Role, Signed};
use crate::identity::{Identity, InviteId, IssuerKey, MeetingId, PeerKey};
use crate::line::{self, Damage};
use crate::suite::Secret;
use crate::time::UnixTime;

const PREFIX: &str = "canopy";

/// An invite: who holds it may take part in one meeting, under one peer key.
pub struct Invite {
    meeting: MeetingId,
    issuer: IssuerKey,
    /// Seed of the Ed25519 key that certifies the guest's own key.
    secret: Secret,
    cert: Signed<InviteCert>,
    contacts: Vec<String>,
    relays: Vec<String>,
}

/// Why a line is no usable invite: always a matter for whoever pasted it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// Something else altogether.
    #[error(
        "this is not an invite: paste the whole line that the organiser sent, which begins with `canopy:`"
    )]
    NotAnInvite,
    /// A volunteer's line.
    #[error(
        "this is a lease line, not an invite: the organiser gives it to `canopy new --lease` or `canopy lend`; ask the organiser for a line that begins with `canopy:`"
    )]
    IsLease,
    /// The end is missing.
    #[error("the invite is cut off: copy the whole line again, to its last letter")]
    Truncated,
    /// A letter is wrong.
    #[error("the invite has a wrong letter in it: copy it again instead of typing it")]
    Mistyped,
    /// Written by an older program.
    #[error(
        "the invite was made by an older version of canopy: ask for a new one that a program of this version made"
    )]
    OlderVersion,
    /// Written by a newer program.
    #[error("the invite was made by a newer version of canopy: update this program")]
    NewerVersion,
    /// The certificate in it was not signed by the issuer that it names.
    #[error("the invite was not signed by the meeting that it names: ask the organiser for a new one")]
    Foreign,
    /// Over.
    #[error("the invite expired at {0}: ask the organiser for a new one")]
    Expired(UnixTime),
    /// Not yet; or this machine's clock is wrong.
    #[error("the invite counts from {0} on: check this machine's clock")]
    TooEarly(UnixTime),
    /// More addresses than an invite has room for: a fault of ours.
    #[error(
        "an invite has room for {} contacts of {} bytes: give fewer",
        line::CONTACTS_MAX,
        line::CONTACT_LEN_MAX
    )]
    TooManyContacts,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    meeting: MeetingId,
    issuer: IssuerKey,
    #[serde(with = "serde_bytes")]
    secret: [u8; 32],
    cert: Signed<InviteCert>,
    contacts: Vec<String>,
    relays: Vec<String>,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl Invite {
    /// Used by the issuer alone, see [`crate::issuer::Issuer::issue_invite`].
    pub(crate) fn new(
        rng: &mut (impl CryptoRng + ?Sized),
        meeting: MeetingId,
        issuer: IssuerKey,
        contacts: Vec<String>,
        sign: impl FnOnce(InviteId, PeerKey) -> Signed<InviteCert>,
    ) -> Invite {
        let id = InviteId::generate(rng);
        let secret = Secret::generate(rng);
        let cert = sign(id, Identity::from_seed(&secret).public());
        Invite { meeting, issuer, secret, cert, contacts, relays: Vec::new() }
    }

    /// The meeting.
    pub fn meeting(&self) -> MeetingId {
        self.meeting
    }

    /// Who signed it.
    pub fn issuer(&self) -> IssuerKey {
        self.issuer
    }

    /// Its name.
    pub fn id(&self) -> InviteId {
        self.cert.value.id
    }

    /// What its holder may do.
    pub fn role(&self) -> Role {
        self.cert.value.role
    }

    /// How many peers may come by it: more than one is a group link.
    pub fn uses(&self) -> u16 {
        self.cert.value.uses
    }

    /// When it ends.
    pub fn expires(&self) -> UnixTime {
        self.cert.value.expires
    }

    /// Where the organiser is found: multiaddrs with `/p2p/`.
    pub fn contacts(&self) -> &[String] {
        &self.contacts
    }

    /// Where relays are found: all that somebody needs who shows its address to relays only.
    pub fn relays(&self) -> &[String] {
        &self.relays
    }

    /// The same invite with these relays (like contacts they are no part of what is signed).
    pub fn with_relays(mut self, relays: Vec<String>) -> Result<Invite, InviteError> {
        if !fit(&self.contacts, &relays) {
            return Err(InviteError::TooManyContacts);
        }
        self.relays = relays;
        Ok(self)
    }

    /// The same invite with other contacts (they are no part of what is signed).
    pub fn with_contacts(mut self, contacts: Vec<String>) -> Result<Invite, InviteError> {
        if !fit(&contacts, &self.relays) {
            return Err(InviteError::TooManyContacts);
        }
        self.contacts = contacts;
        Ok(self)
    }

    /// Whether it counts now.
    pub fn check(&self, now: UnixTime) -> Result<(), InviteError> {
        let cert = &self.cert.value;
        if now >= cert.expires {
            return Err(InviteError::Expired(cert.expires));
        }
        if now.plus_ms(crate::time::SKEW_MS) < cert.issued {
            return Err(InviteError::TooEarly(cert.issued));
        }
        Ok(())
    }

    /// What `identity` shows to everybody: its key, certified by this invite, until the invite ends.
    pub fn credential(&self, identity: &Identity, now: UnixTime) -> Vec<u8> {
        let invite = Identity::from_seed(&self.secret);
        credential::participant(&self.cert, &invite, identity.public(), now)
    }

    /// The line to paste. It is a secret.
    pub fn to_line(&self) -> Zeroizing<String> {
        let body = Body {
            meeting: self.meeting,
            issuer: self.issuer,
            secret: *self.secret.expose(),
            cert: self.cert.clone(),
            contacts: self.contacts.clone(),
            relays: self.relays.clone(),
        };
        // The contacts were bounded when they came in, so the body fits.
        let bytes = Zeroizing::new(canopy_codec::encode(&body, line::BODY_MAX * 2).unwrap_or_default());
        line::write(PREFIX, &bytes)
    }

    /// Reads a line; white space in it doesn't matter. Whether it still counts says [`Invite::check`].
    pub fn from_line(text: &str) -> Result<Invite, InviteError> {
        if line::begins(crate::lease::PREFIX, text) {
            return Err(InviteError::IsLease);
        }
        let bytes = line::read(PREFIX, text).map_err(|damage| match damage {
            Damage::Other => InviteError::NotAnInvite,
            Damage::Truncated => InviteError::Truncated,
            Damage::Mistyped => InviteError::Mistyped,
            Damage::Newer => InviteError::NewerVersion,
            Damage::Older => InviteError::OlderVersion,
        })?;
        let mut body: Body =
            canopy_codec::decode_strict(&bytes, line::BODY_MAX * 2).map_err(|_| InviteError::Mistyped)?;
        if !fit(&body.contacts, &body.relays) {
            return Err(InviteError::TooManyContacts);
        }
        let invite = Invite {
            meeting: body.meeting,
            issuer: body.issuer,
            secret: Secret::take(&mut body.secret),
            cert: body.cert.clone(),
            contacts: std::mem::take(&mut body.contacts),
            relays: std::mem::take(&mut body.relays),
        };
        invite.is_of_its_issuer().then_some(invite).ok_or(InviteError::Foreign)
    }

    fn is_of_its_issuer(&self) -> bool {
        let cert = &self.cert.value;
        self.cert.signed_by(&PeerKey(self.issuer.0))
            && cert.meeting == self.meeting
            && cert.key == Identity::from_seed(&self.secret).public()
    }
}

/// True if a line has room for all of them.
fn fit(contacts: &[String], relays: &[String]) -> bool {
    contacts.len() + relays.len() <= line::CONTACTS_MAX
        && line::contacts_fit(contacts)
        && line::contacts_fit(relays)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::issuer::Issuer;

    #[test]
    fn an_invite_that_another_issuer_signed_is_foreign() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (issuer, other) = (Issuer::generate(&mut rng), Issuer::generate(&mut rng));
        let mut issue =
            || issuer.issue_invite(&mut rng, Role::Guest, Vec::new(), UnixTime(0), UnixTime(1)).unwrap();
        let (claimed, moved, swapped) = (issue(), issue(), issue());
        let line = Invite { issuer: other.public(), ..claimed }.to_line();
        assert_eq!(Invite::from_line(&line).err(), Some(InviteError::Foreign));
        let line = Invite { meeting: other.meeting(), ..moved }.to_line();
        assert_eq!(Invite::from_line(&line).err(), Some(InviteError::Foreign));
        let line = Invite { secret: other.seed(), ..swapped }.to_line();
        assert_eq!(Invite::from_line(&line).err(), Some(InviteError::Foreign));
    }
}
