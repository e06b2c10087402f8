//! Who somebody is in one meeting: an Ed25519 key that is also the transport's (RFC 8032).

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::suite::Secret;

/// A participant's or a relay's public key, fresh for each meeting. The overlay's node id is the
/// same 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerKey(#[serde(with = "serde_bytes")] pub [u8; 32]);

/// The public key that signs a meeting's invites and grants: the root of all trust in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IssuerKey(#[serde(with = "serde_bytes")] pub [u8; 32]);

/// A meeting's random name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MeetingId(#[serde(with = "serde_bytes")] pub [u8; 16]);

/// An invite's random name: all that a relay ever learns of a guest's invite.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InviteId(#[serde(with = "serde_bytes")] pub [u8; 8]);

/// A lease's random name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseId(#[serde(with = "serde_bytes")] pub [u8; 8]);

impl MeetingId {
    /// A fresh name.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> MeetingId {
        MeetingId(random(rng))
    }
}

impl InviteId {
    /// A fresh name.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> InviteId {
        InviteId(random(rng))
    }
}

impl LeaseId {
    /// A fresh name.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> LeaseId {
        LeaseId(random(rng))
    }
}

fn random<const N: usize>(rng: &mut (impl CryptoRng + ?Sized)) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

macro_rules! shown_short {
    ($($name:ident)*) => {$(
        impl $name {
            /// The first four bytes in hex: what people see in logs.
            pub fn short(&self) -> String {
                data_encoding::HEXLOWER.encode(&self.0[..4])
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.short())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.short())
            }
        }
    )*};
}

shown_short!(PeerKey IssuerKey MeetingId InviteId LeaseId);

/// What a signature is about: each signed type has its own, so that none can be taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(pub(crate) &'static str);

impl Context {
    /// A note that the overlay carries, signed by its origin.
    pub const NOTE: Context = Context("canopy/1/note");
    pub(crate) const INVITE_CERT: Context = Context("canopy/2/invite-cert");
    pub(crate) const PEER_CERT: Context = Context("canopy/1/peer-cert");
    pub(crate) const GRANT: Context = Context("canopy/1/grant");
    pub(crate) const PASS: Context = Context("canopy/2/pass");
    pub(crate) const JOIN: Context = Context("canopy/2/join-request");
    pub(crate) const WELCOME: Context = Context("canopy/2/welcome");
    pub(crate) const CHAIN_ROOT: Context = Context("canopy/2/chain-root");
    pub(crate) const RECORD: Context = Context("canopy/2/record");
    pub(crate) const BEAT: Context = Context("canopy/2/beat");
    pub(crate) const NAME: Context = Context("canopy/2/name");
    pub(crate) const VERDICT: Context = Context("canopy/2/verdict");
    pub(crate) const UNITS: Context = Context("canopy/4/units");
    pub(crate) const ANNOUNCEMENT: Context = Context("canopy/1/announcement");
    pub(crate) const RATCHET: Context = Context("canopy/1/ratchet");
    pub(crate) const KICKS: Context = Context("canopy/4/kicks");
    pub(crate) const REFUSAL: Context = Context("canopy/2/refusal");
    pub(crate) const TALK: Context = Context("canopy/1/talk-said");

    /// All contexts, for the test that tries each signed type as every other.
    pub const ALL: [Context; 18] = [
        Context::NOTE,
        Context::INVITE_CERT,
        Context::PEER_CERT,
        Context::GRANT,
        Context::PASS,
        Context::JOIN,
        Context::WELCOME,
        Context::CHAIN_ROOT,
        Context::RECORD,
        Context::BEAT,
        Context::NAME,
        Context::VERDICT,
        Context::UNITS,
        Context::ANNOUNCEMENT,
        Context::RATCHET,
        Context::KICKS,
        Context::REFUSAL,
        Context::TALK,
    ];
}

/// A signature that its key didn't make over these bytes in this context: the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not signed by the key that it names")]
pub struct BadSignature;

/// A private Ed25519 key of one meeting. Not to be cloned or printed; wiped when dropped.
pub struct Identity {
    key: SigningKey,
}

impl Identity {
    /// A fresh key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Identity {
        Identity::from_seed(&Secret::generate(rng))
    }

    /// The key of a seed that was kept (mode 0600, until the meeting ends), see [`Identity::seed`].
    pub fn from_seed(seed: &Secret) -> Identity {
        Identity { key: SigningKey::from_bytes(seed.expose()) }
    }

    /// The seed: to be kept, and for the transport, which proves the same key to neighbours.
    pub fn seed(&self) -> Secret {
        Secret::take(&mut self.key.to_bytes())
    }

    /// The public key: this node's name.
    pub fn public(&self) -> PeerKey {
        PeerKey(self.key.verifying_key().to_bytes())
    }

    /// Signs `bytes` in `context`.
    pub fn sign(&self, context: Context, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(&message(context, bytes)).to_bytes()
    }
}

/// Checks that `peer` signed `bytes` in `context`. Strict (no small-order keys, one encoding of each
/// signature): plain Ed25519 verification accepts the identity point's signature for any message.
pub fn verify(
    peer: &PeerKey,
    context: Context,
    bytes: &[u8],
    signature: &[u8; 64],
) -> Result<(), BadSignature> {
    let key = VerifyingKey::from_bytes(&peer.0).map_err(|_| BadSignature)?;
    key.verify_strict(&message(context, bytes), &Signature::from_bytes(signature)).map_err(|_| BadSignature)
}

/// Context and bytes, parted by a zero byte, which no context contains.
fn message(context: Context, bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(context.0.len() + 1 + bytes.len());
    message.extend_from_slice(context.0.as_bytes());
    message.push(0);
    message.extend_from_slice(bytes);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_counts_for_one_key_one_context_and_one_message() {
        let identity = Identity::from_seed(&Secret::take(&mut [3; 32]));
        let other = Identity::from_seed(&Secret::take(&mut [4; 32]));
        for (i, made) in Context::ALL.into_iter().enumerate() {
            let signature = identity.sign(made, b"said");
            for (j, tried) in Context::ALL.into_iter().enumerate() {
                assert_eq!(verify(&identity.public(), tried, b"said", &signature).is_ok(), i == j);
            }
            assert_eq!(verify(&other.public(), made, b"said", &signature), Err(BadSignature));
            assert_eq!(verify(&identity.public(), made, b"sair", &signature), Err(BadSignature));
        }
    }

    #[test]
    fn the_identity_point_signs_nothing() {
        let mut point = [0; 32];
        point[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert_eq!(verify(&PeerKey(point), Context::NOTE, b"any", &signature), Err(BadSignature));
    }
}
