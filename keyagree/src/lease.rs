//! What a volunteer lends: a line that the first organiser to claim it binds to a meeting.

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::credential::{self, Grant};
use crate::identity::{IssuerKey, LeaseId, MeetingId, PeerKey};
use crate::line::{self, Damage};
use crate::suite::Secret;
use crate::time::UnixTime;

pub(crate) const PREFIX: &str = "canopy-lease";

/// Longest claim in bytes.
pub const CLAIM_MAX: usize = 512;

/// Capacity that a relay offers. Who holds the line may claim it, so it is a secret until then.
pub struct Lease {
    id: LeaseId,
    relay: PeerKey,
    kbps: u32,
    ends: UnixTime,
    secret: Secret,
    contacts: Vec<String>,
}

/// Why a line is no usable lease: always a matter for whoever pasted it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// Something else altogether.
    #[error(
        "this is not a lease: paste the whole line that `canopy relay` printed, which begins with `canopy-lease:`"
    )]
    NotALease,
    /// A guest's line.
    #[error("this is an invite, not a lease: give it to `canopy join`; a lease begins with `canopy-lease:`")]
    IsInvite,
    /// The end is missing.
    #[error("the lease is cut off: copy the whole line again, to its last letter")]
    Truncated,
    /// A letter is wrong.
    #[error("the lease has a wrong letter in it: copy it again instead of typing it")]
    Mistyped,
    /// Written by an older program.
    #[error(
        "the lease was made by an older version of canopy: ask for a new one that a program of this version made"
    )]
    OlderVersion,
    /// Written by a newer program.
    #[error("the lease was made by a newer version of canopy: update this program")]
    NewerVersion,
    /// Over.
    #[error("the lease ended at {0}: ask the volunteer for a new one")]
    Ended(UnixTime),
    /// More addresses than a lease has room for: a fault of ours.
    #[error(
        "a lease has room for {} contacts of {} bytes: give fewer",
        line::CONTACTS_MAX,
        line::CONTACT_LEN_MAX
    )]
    TooManyContacts,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    id: LeaseId,
    relay: PeerKey,
    kbps: u32,
    ends: UnixTime,
    #[serde(with = "serde_bytes")]
    secret: [u8; 32],
    contacts: Vec<String>,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl Lease {
    /// Its name.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// The relay that offers it.
    pub fn relay(&self) -> PeerKey {
        self.relay
    }

    /// Its uplink in kbit/s.
    pub fn kbps(&self) -> u32 {
        self.kbps
    }

    /// When it ends.
    pub fn ends(&self) -> UnixTime {
        self.ends
    }

    /// Where the relay is found: multiaddrs with `/p2p/`.
    pub fn contacts(&self) -> &[String] {
        &self.contacts
    }

    /// Whether it can still be claimed.
    pub fn check(&self, now: UnixTime) -> Result<(), LeaseError> {
        if now >= self.ends { Err(LeaseError::Ended(self.ends)) } else { Ok(()) }
    }

    /// What the organiser sends to the relay: the grant, and the proof that it was given this line.
    /// `organiser` is the key under which it meets the relay.
    pub fn claim(&self, meeting: MeetingId, issuer: IssuerKey, grant: &Grant, organiser: PeerKey) -> Vec<u8> {
        let grant = grant.clone();
        let proof = prove(&self.secret, &meeting, &issuer, &grant, &organiser);
        let claim = Claim { meeting, issuer, grant, proof };
        canopy_codec::encode(&claim, CLAIM_MAX).unwrap_or_default()
    }

    /// The line to paste.
    pub fn to_line(&self) -> Zeroizing<String> {
        let body = Body {
            id: self.id,
            relay: self.relay,
            kbps: self.kbps,
            ends: self.ends,
            secret: *self.secret.expose(),
            contacts: self.contacts.clone(),
        };
        let bytes = Zeroizing::new(canopy_codec::encode(&body, line::BODY_MAX * 2).unwrap_or_default());
        line::write(PREFIX, &bytes)
    }

    /// Reads a line; white space in it doesn't matter. Whether it has ended says [`Lease::check`].
    pub fn from_line(text: &str) -> Result<Lease, LeaseError> {
        if line::begins("canopy", text) {
            return Err(LeaseError::IsInvite);
        }
        let bytes = line::read(PREFIX, text).map_err(|damage| match damage {
            Damage::Other => LeaseError::NotALease,
            Damage::Truncated => LeaseError::Truncated,
            Damage::Mistyped => LeaseError::Mistyped,
            Damage::Newer => LeaseError::NewerVersion,
            Damage::Older => LeaseError::OlderVersion,
        })?;
        let mut body: Body =
            canopy_codec::decode_strict(&bytes, line::BODY_MAX * 2).map_err(|_| LeaseError::Mistyped)?;
        if !line::contacts_fit(&body.contacts) {
            return Err(LeaseError::TooManyContacts);
        }
        Ok(Lease {
            id: body.id,
            relay: body.relay,
            kbps: body.kbps,
            ends: body.ends,
            secret: Secret::take(&mut body.secret),
            contacts: std::mem::take(&mut body.contacts),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    meeting: MeetingId,
    issuer: IssuerKey,
    grant: Grant,
    #[serde(with = "serde_bytes")]
    proof: [u8; 32],
}

/// Keyed BLAKE3 under a key that is used for claims alone.
fn prove(
    secret: &Secret,
    meeting: &MeetingId,
    issuer: &IssuerKey,
    grant: &Grant,
    organiser: &PeerKey,
) -> [u8; 32] {
    let key = crate::suite::derive("canopy/1/claim", &[secret.expose()]);
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    hasher.update(&meeting.0).update(&issuer.0).update(&organiser.0).update(&grant.credential());
    let proof = *hasher.finalize().as_bytes();
    hasher.zeroize();
    proof
}

/// What a claim bound the relay to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The meeting that it carries.
    pub meeting: MeetingId,
    /// Whose word counts in it.
    pub issuer: IssuerKey,
    /// What the relay shows to others.
    pub grant: Grant,
}

/// Why a claim is refused. The text is meant for the organiser who made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Somebody was faster.
    #[error(
        "the lease was already claimed by the meeting of issuer {0}: ask the volunteer for a lease of your own"
    )]
    AlreadyClaimedBy(String),
    /// Over.
    #[error("the lease ended at {0}: ask the volunteer for a new one")]
    Ended(UnixTime),
    /// The proof was made with another line, or for another organiser.
    #[error("the claim was not made with this lease's line: copy the line again")]
    WrongSecret,
    /// The grant is not for this relay and lease, or its issuer didn't sign it.
    #[error("the claim's grant is not signed for this relay and lease: make it again with `canopy lend`")]
    WrongGrant,
    /// Not a claim.
    #[error("what was sent is no claim: both sides need the same version of canopy")]
    Malformed,
}

/// The relay's side of a lease: holds the secret, and to whom it is bound.
pub struct LeaseHolder {
    id: LeaseId,
    relay: PeerKey,
    kbps: u32,
    ends: UnixTime,
    secret: Secret,
    bound: Option<Bound>,
}

impl LeaseHolder {
    /// A new lease of this relay.
    pub fn generate(
        rng: &mut (impl CryptoRng + ?Sized),
        relay: PeerKey,
        kbps: u32,
        ends: UnixTime,
    ) -> LeaseHolder {
        let (id, secret) = (LeaseId::generate(rng), Secret::generate(rng));
        LeaseHolder { id, relay, kbps, ends, secret, bound: None }
    }

    /// What to give to an organiser. Fails only if there are too many contacts.
    pub fn lease(&self, contacts: Vec<String>) -> Result<Lease, LeaseError> {
        if !line::contacts_fit(&contacts) {
            return Err(LeaseError::TooManyContacts);
        }
        let secret = Secret::take(&mut self.secret.expose().to_owned());
        Ok(Lease { id: self.id, relay: self.relay, kbps: self.kbps, ends: self.ends, secret, contacts })
    }

    /// To whom it is bound, if anybody.
    pub fn bound(&self) -> Option<&Bound> {
        self.bound.as_ref()
    }

    /// When it ends.
    pub fn ends(&self) -> UnixTime {
        self.ends
    }

    /// Hears a claim from the peer at the other end of the link. The first issuer binds the relay
    /// until the lease ends; the same one may come again, for the same meeting.
    pub fn claim(&mut self, now: UnixTime, peer: PeerKey, bytes: &[u8]) -> Result<Bound, ClaimError> {
        if now >= self.ends {
            return Err(ClaimError::Ended(self.ends));
        }
        let claim: Claim =
            canopy_codec::decode_strict(bytes, CLAIM_MAX).map_err(|_| ClaimError::Malformed)?;
        let proof = prove(&self.secret, &claim.meeting, &claim.issuer, &claim.grant, &peer);
        if !Secret::take(&mut proof.to_owned()).same(&Secret::take(&mut claim.proof.to_owned())) {
            return Err(ClaimError::WrongSecret);
        }
        let admission =
            credential::check(now, &claim.meeting, &claim.issuer, &self.relay, &claim.grant.credential());
        if admission.is_err() || claim.grant.lease() != self.id {
            return Err(ClaimError::WrongGrant);
        }
        if let Some(bound) = &self.bound
            && (bound.issuer != claim.issuer || bound.meeting != claim.meeting)
        {
            return Err(ClaimError::AlreadyClaimedBy(bound.issuer.short()));
        }
        let bound = Bound { meeting: claim.meeting, issuer: claim.issuer, grant: claim.grant };
        self.bound = Some(bound.clone());
        Ok(bound)
    }
}
