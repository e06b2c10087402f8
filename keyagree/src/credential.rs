//! What a peer shows at each link, and what travels with its presence: who may take part, checkable
//! offline by anybody who knows the issuer. It names random ids, rights and an expiry: no people.

#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::identity::{Context, Identity, InviteId, IssuerKey, LeaseId, MeetingId, PeerKey, verify};
use crate::time::{SKEW_MS, UnixTime};

/// The version that this program writes and reads: the first byte of a credential.
pub const VERSION: u8 = 2;
/// How long a pass counts, whatever it says.
pub const PASS_MS: u64 = 10 * 60_000;
/// Longest credential in bytes.
pub const CREDENTIAL_MAX: usize = 1024;

/// What the holder of an invite may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Coordinates, invites, removes.
    Organiser,
    /// May coordinate when the organiser is gone.
    Deputy,
    /// Takes part.
    Guest,
    /// Takes part, and lets people in who wait at the door.
    CoHost,
}

impl Role {
    /// True for who may make epochs and plans.
    pub fn may_coordinate(self) -> bool {
        matches!(self, Role::Organiser | Role::Deputy)
    }

    /// True for who may let in.
    pub fn may_host(self) -> bool {
        self != Role::Guest
    }
}

/// A signed type: names the context that its signatures are made in.
pub(crate) trait Statement: Serialize + DeserializeOwned {
    const CONTEXT: Context;
    /// Longest encoding in bytes.
    const MAX: usize;
}

/// A statement and its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Serialize + DeserializeOwned")]
pub(crate) struct Signed<T> {
    pub(crate) value: T,
    #[serde(with = "serde_bytes")]
    signature: [u8; 64],
}

impl<T: Statement> Signed<T> {
    pub(crate) fn new(value: T, signer: &Identity) -> Signed<T> {
        let signature = signer.sign(T::CONTEXT, &Signed::bytes(&value));
        Signed { value, signature }
    }

    /// Strict CBOR makes the encoding of a decoded value the very bytes that were signed.
    pub(crate) fn signed_by(&self, signer: &PeerKey) -> bool {
        let bytes = Signed::bytes(&self.value);
        !bytes.is_empty() && verify(signer, T::CONTEXT, &bytes, &self.signature).is_ok()
    }

    pub(crate) fn bytes(value: &T) -> Vec<u8> {
        canopy_codec::encode(value, T::MAX).unwrap_or_default()
    }
}

/// The issuer's word that an invite is of this meeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteCert {
    pub(crate) meeting: MeetingId,
    pub(crate) id: InviteId,
    /// Public half of the invite's secret.
    pub(crate) key: PeerKey,
    pub(crate) role: Role,
    /// How many peers may come by it: more than one is a group link, whose holders wait at the door.
    pub(crate) uses: u16,
    pub(crate) issued: UnixTime,
    pub(crate) expires: UnixTime,
}

impl Statement for InviteCert {
    const CONTEXT: Context = Context::INVITE_CERT;
    const MAX: usize = 256;
}

/// The invite's word that a peer key is its holder's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeerCert {
    pub(crate) meeting: MeetingId,
    pub(crate) peer: PeerKey,
    pub(crate) not_before: UnixTime,
    pub(crate) expires: UnixTime,
}

impl Statement for PeerCert {
    const CONTEXT: Context = Context::PEER_CERT;
    const MAX: usize = 256;
}

/// A coordinator's word that a peer was let in, for a short while. It counts only beside an invite that the issuer
/// signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pass {
    pub(crate) meeting: MeetingId,
    pub(crate) peer: PeerKey,
    pub(crate) invite: InviteId,
    pub(crate) made_at: UnixTime,
    pub(crate) expires: UnixTime,
}

impl Statement for Pass {
    const CONTEXT: Context = Context::PASS;
    const MAX: usize = 256;
}

/// The issuer's word that a relay may carry the meeting. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantCert {
    pub(crate) meeting: MeetingId,
    pub(crate) relay: PeerKey,
    pub(crate) lease: LeaseId,
    pub(crate) kbps: u32,
    pub(crate) expires: UnixTime,
}

impl Statement for GrantCert {
    const CONTEXT: Context = Context::GRANT;
    const MAX: usize = 256;
}

/// A relay's right to carry a meeting, signed by the issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant(pub(crate) Signed<GrantCert>);

impl Grant {
    /// The relay that it is for.
    pub fn relay(&self) -> PeerKey {
        self.0.value.relay
    }

    /// The lease that it answers.
    pub fn lease(&self) -> LeaseId {
        self.0.value.lease
    }

    /// kbit/s that the relay may be asked for.
    pub fn kbps(&self) -> u32 {
        self.0.value.kbps
    }

    /// When it ends.
    pub fn expires(&self) -> UnixTime {
        self.0.value.expires
    }

    /// What the relay shows to everybody.
    pub fn credential(&self) -> Vec<u8> {
        pack(&Credential::Relay(self.0.clone()))
    }
}

#[derive(Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "lives for one call")]
enum Credential {
    Participant(Signed<InviteCert>, Signed<PeerCert>),
    Relay(Signed<GrantCert>),
    /// Of who was let in: own invite and key, the pass, and who signed that.
    Passed(Signed<InviteCert>, Signed<PeerCert>, Signed<Pass>, Signed<InviteCert>, Signed<PeerCert>),
}

fn pack(credential: &Credential) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend(canopy_codec::encode(credential, CREDENTIAL_MAX - 1).unwrap_or_default());
    bytes
}

/// A participant's credential.
pub(crate) fn participant(
    cert: &Signed<InviteCert>,
    invite: &Identity,
    peer: PeerKey,
    now: UnixTime,
) -> Vec<u8> {
    let own = PeerCert { meeting: cert.value.meeting, peer, not_before: now, expires: cert.value.expires };
    pack(&Credential::Participant(cert.clone(), Signed::new(own, invite)))
}

/// How an admitted peer takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmittedAs {
    /// Holds keys.
    Participant(Role),
    /// Only carries.
    Relay {
        /// kbit/s that it may be asked for.
        kbps: u32,
    },
}

/// What a participant's own credential says, for whoever puts a pass to it; `None` if it is none.
pub(crate) fn parts(credential: &[u8]) -> Option<(Signed<InviteCert>, Signed<PeerCert>)> {
    let (&VERSION, body) = credential.split_first()? else { return None };
    match canopy_codec::decode_strict(body, CREDENTIAL_MAX - 1).ok()? {
        Credential::Participant(cert, own) | Credential::Passed(cert, own, ..) => Some((cert, own)),
        Credential::Relay(_) => None,
    }
}

/// The credential of somebody who has been given a pass.
pub(crate) fn passed(
    own: (Signed<InviteCert>, Signed<PeerCert>),
    pass: Signed<Pass>,
    by: (Signed<InviteCert>, Signed<PeerCert>),
) -> Vec<u8> {
    pack(&Credential::Passed(own.0, own.1, pass, by.0, by.1))
}

/// What a credential that was checked says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// How the peer takes part.
    pub role: AdmittedAs,
    /// Its invite; relays have none.
    pub invite: Option<InviteId>,
    /// How many peers may come by the invite.
    pub uses: u16,
    /// Has not been let in yet: control only.
    pub lobby: bool,
    /// When its pass ends, which its coordinator renews, or the time without one; whoever may coordinate needs none.
    pub pass_ends: Option<UnixTime>,
    /// Who signed the pass, and by which invite that one came.
    pub passed_by: Option<(PeerKey, InviteId)>,
    /// When it ends.
    pub expires: UnixTime,
}

impl Admission {
    /// True for participants who may make epochs and plans.
    pub fn may_coordinate(&self) -> bool {
        matches!(self.role, AdmittedAs::Participant(role) if role.may_coordinate())
    }

    /// The role of a participant; a relay has none.
    pub fn participant(&self) -> Option<Role> {
        match self.role {
            AdmittedAs::Participant(role) => Some(role),
            AdmittedAs::Relay { .. } => None,
        }
    }

    /// True for participants who may let in.
    pub fn may_host(&self) -> bool {
        matches!(self.role, AdmittedAs::Participant(role) if role.may_host())
    }

    /// The same without its pass.
    pub(crate) fn unpassed(self) -> Admission {
        Admission { lobby: self.uses > 1, pass_ends: None, passed_by: None, ..self }
    }

    /// True for a participant who came by an invite for one person and can't coordinate.
    pub(crate) fn is_guest_of_one(&self) -> bool {
        self.uses == 1 && self.is_participant() && !self.may_coordinate()
    }

    /// True for who may hold keys.
    pub fn is_participant(&self) -> bool {
        matches!(self.role, AdmittedAs::Participant(_))
    }
}

/// Why a peer is not let in. The text is meant for the peer: it says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Over.
    #[error("the credential has expired: ask the organiser for a new invite, or start the relay anew")]
    Expired,
    /// Not yet.
    #[error("the credential does not count yet: check the clocks of both machines")]
    TooEarly,
    /// Another meeting's.
    #[error("the credential is for another meeting: use the invite of this one")]
    WrongMeeting,
    /// Nobody that this meeting knows signed it.
    #[error("the credential was not signed by this meeting's organiser: ask the organiser for an invite")]
    NotSignedByIssuer,
    /// Shown by another peer than it names.
    #[error("the credential belongs to another peer: join with an invite of your own")]
    NotYours,
    /// Shut out.
    #[error("the organiser removed this invite from the meeting: ask the organiser")]
    Removed,
    /// Not a credential.
    #[error("what was shown is no credential: both sides need canopy")]
    Malformed,
    /// From an older program.
    #[error("the credential was made by an older version of canopy: update, and make the meeting anew")]
    OlderVersion,
    /// From a newer program.
    #[error("the credential was made by a newer version of canopy: the other side must update")]
    NewerVersion,
}

/// Checks a credential that `peer` shows: issuer, meeting, times, and that it is `peer`'s own.
pub(crate) fn check(
    now: UnixTime,
    meeting: &MeetingId,
    issuer: &IssuerKey,
    peer: &PeerKey,
    bytes: &[u8],
) -> Result<Admission, Refusal> {
    let (&version, body) = bytes.split_first().ok_or(Refusal::Malformed)?;
    if version > VERSION {
        return Err(Refusal::NewerVersion);
    }
    if version < VERSION {
        return Err(if version == 0 { Refusal::Malformed } else { Refusal::OlderVersion });
    }
    let issuer = PeerKey(issuer.0);
    match canopy_codec::decode_strict(body, CREDENTIAL_MAX - 1).map_err(|_| Refusal::Malformed)? {
        Credential::Participant(cert, own) => check_participant(now, meeting, &issuer, peer, &cert, &own),
        Credential::Relay(grant) => check_relay(now, meeting, &issuer, peer, &grant),
        Credential::Passed(cert, own, pass, by_cert, by) => {
            let admission = check_participant(now, meeting, &issuer, peer, &cert, &own)?;
            let signer = check_participant(now, meeting, &issuer, &by.value.peer, &by_cert, &by)?;
            check_pass(now, meeting, admission, &signer, &pass, peer, &by.value.peer)
        }
    }
}

fn check_participant(
    now: UnixTime,
    meeting: &MeetingId,
    issuer: &PeerKey,
    peer: &PeerKey,
    cert: &Signed<InviteCert>,
    own: &Signed<PeerCert>,
) -> Result<Admission, Refusal> {
    let (invite, holder) = (&cert.value, &own.value);
    if invite.meeting != *meeting || holder.meeting != *meeting {
        return Err(Refusal::WrongMeeting);
    }
    if holder.peer != *peer {
        return Err(Refusal::NotYours);
    }
    if !cert.signed_by(issuer) || !own.signed_by(&invite.key) {
        return Err(Refusal::NotSignedByIssuer);
    }
    let expires = invite.expires.min(holder.expires);
    if now >= expires {
        return Err(Refusal::Expired);
    }
    if now.plus_ms(SKEW_MS) < invite.issued.max(holder.not_before) {
        return Err(Refusal::TooEarly);
    }
    Ok(Admission {
        role: AdmittedAs::Participant(invite.role),
        invite: Some(invite.id),
        uses: invite.uses,
        lobby: invite.uses > 1,
        pass_ends: None,
        passed_by: None,
        expires,
    })
}

fn check_pass(
    now: UnixTime,
    meeting: &MeetingId,
    admission: Admission,
    signer: &Admission,
    pass: &Signed<Pass>,
    peer: &PeerKey,
    by: &PeerKey,
) -> Result<Admission, Refusal> {
    let said = &pass.value;
    if said.meeting != *meeting {
        return Err(Refusal::WrongMeeting);
    }
    if said.peer != *peer || admission.invite != Some(said.invite) {
        return Err(Refusal::NotYours);
    }
    if !signer.may_coordinate() || !pass.signed_by(by) {
        return Err(Refusal::NotSignedByIssuer);
    }
    if now.plus_ms(SKEW_MS) < said.made_at {
        return Err(Refusal::TooEarly);
    }
    // A pass that has ended is as good as none.
    let ends = said.expires.min(said.made_at.plus_ms(PASS_MS));
    let passed_by = signer.invite.map(|invite| (*by, invite));
    Ok(Admission { lobby: now >= ends, pass_ends: Some(ends), passed_by, ..admission })
}

fn check_relay(
    now: UnixTime,
    meeting: &MeetingId,
    issuer: &PeerKey,
    peer: &PeerKey,
    grant: &Signed<GrantCert>,
) -> Result<Admission, Refusal> {
    let cert = &grant.value;
    if cert.meeting != *meeting {
        return Err(Refusal::WrongMeeting);
    }
    if cert.relay != *peer {
        return Err(Refusal::NotYours);
    }
    if !grant.signed_by(issuer) {
        return Err(Refusal::NotSignedByIssuer);
    }
    if now >= cert.expires {
        return Err(Refusal::Expired);
    }
    Ok(Admission {
        role: AdmittedAs::Relay { kbps: cert.kbps },
        invite: None,
        uses: 0,
        lobby: false,
        pass_ends: None,
        passed_by: None,
        expires: cert.expires,
    })
}
