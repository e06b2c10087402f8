//! The one cipher suite: HPKE base mode with X-Wing, HKDF-SHA256 and ChaCha20-Poly1305 (RFC 9180,
//! draft-connolly-cfrg-xwing-kem), BLAKE3 for every other derivation, and the secret type.
//!
//! HPKE is anonymous in base mode, and `hpke` panics when it is asked for an authenticated X-Wing:
//! this wrapper can't express that. Who sealed something is always said by an Ed25519 signature.

use hpke::aead::ChaCha20Poly1305 as Aead;
use hpke::kdf::HkdfSha256 as Kdf;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::vault;

/// Length of an X-Wing public key in bytes.
pub const PUBLIC_LEN: usize = 1216;
/// Length of an X-Wing encapsulated key in bytes.
pub const ENC_LEN: usize = 1120;
/// Length of an AEAD tag in bytes.
pub const TAG_LEN: usize = 16;

/// 32 secret bytes: in the [`vault`] so that a move leaves no copy, wiped when dropped, never cloned,
/// printed or compared in variable time.
pub struct Secret(vault::Place);

impl Secret {
    /// Takes the bytes over and wipes what was passed in.
    pub fn take(bytes: &mut [u8; 32]) -> Secret {
        let mut secret = Secret::blank();
        secret.bytes().copy_from_slice(bytes);
        bytes.zeroize();
        secret
    }

    /// Fresh random bytes.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Secret {
        let mut secret = Secret::blank();
        rng.fill_bytes(secret.bytes());
        secret
    }

    /// To be filled.
    fn blank() -> Secret {
        Secret(vault::take())
    }

    fn bytes(&mut self) -> &mut [u8; 32] {
        &mut self.0[0]
    }

    /// The bytes, for the one call that needs them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0[0]
    }

    /// True if both are the same, in constant time.
    pub fn same(&self, other: &Secret) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes().zeroize();
        vault::give_back(std::mem::take(&mut self.0));
    }
}

/// BLAKE3 in key derivation mode: `purpose` is a constant of the form `canopy/1/...`, `parts` have
/// fixed lengths for each purpose, so that their concatenation is unambiguous.
pub(crate) fn derive(purpose: &'static str, parts: &[&[u8]]) -> Secret {
    let mut hasher = blake3::Hasher::new_derive_key(purpose);
    for part in parts {
        hasher.update(part);
    }
    let mut out = Secret::blank();
    hasher.finalize_xof().fill(out.bytes());
    hasher.zeroize();
    out
}

/// As [`derive`], for what may be public: hashes, commitments, labels.
pub(crate) fn digest(purpose: &'static str, parts: &[&[u8]]) -> [u8; 32] {
    *derive(purpose, parts).expose()
}

/// A receiver of HPKE: the X-Wing key pair that follows from 32 secret bytes (RFC 9180, 7.1.3).
pub(crate) struct KeyPair {
    seed: Secret,
}

impl KeyPair {
    pub(crate) fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> KeyPair {
        KeyPair { seed: Secret::generate(rng) }
    }

    pub(crate) fn from_seed(seed: Secret) -> KeyPair {
        KeyPair { seed }
    }

    /// The public half, [`PUBLIC_LEN`] bytes.
    pub(crate) fn public(&self) -> Vec<u8> {
        XWing::derive_keypair(self.seed.expose()).1.to_bytes().to_vec()
    }

    /// Opens what [`seal`] made for this key, with the pairwise secret of both ends. `None` is the
    /// sender's fault, or it was sealed to somebody else.
    pub(crate) fn open(
        &self,
        info: &[u8],
        enc: &[u8],
        sealed: &[u8],
    ) -> Option<(Zeroizing<Vec<u8>>, Secret)> {
        let enc = <XWing as Kem>::EncappedKey::from_bytes(enc).ok()?;
        let (private, _) = XWing::derive_keypair(self.seed.expose());
        let mut context =
            hpke::setup_receiver::<Aead, Kdf, XWing>(&OpModeR::Base, &private, &enc, info).ok()?;
        let opened = Zeroizing::new(context.open(sealed, b"").ok()?);
        let mut pair = Secret::blank();
        context.export(PAIR_EXPORT, pair.bytes()).ok()?;
        Some((opened, pair))
    }
}

/// What HPKE's exporter is asked for: the root of the pairwise chain of the two ends.
const PAIR_EXPORT: &[u8] = b"canopy/1/pair";

/// What was sealed to a public key.
pub(crate) struct Sealed {
    /// [`ENC_LEN`] bytes.
    pub(crate) enc: Vec<u8>,
    /// The ciphertext with its tag.
    pub(crate) sealed: Vec<u8>,
    /// A secret that only the two ends have.
    pub(crate) pair: Secret,
}

/// Seals to an X-Wing public key. `None` if that key is malformed: its owner's fault.
pub(crate) fn seal(
    rng: &mut (impl CryptoRng + ?Sized),
    public: &[u8],
    info: &[u8],
    plain: &[u8],
) -> Option<Sealed> {
    let public = <XWing as Kem>::PublicKey::from_bytes(public).ok()?;
    let mut rng = rng;
    let (enc, mut context) =
        hpke::setup_sender_with_rng::<Aead, Kdf, XWing>(&OpModeS::Base, &public, info, &mut rng).ok()?;
    let sealed = context.seal(plain, b"").ok()?;
    let mut pair = Secret::blank();
    context.export(PAIR_EXPORT, pair.bytes()).ok()?;
    Some(Sealed { enc: enc.to_bytes().to_vec(), sealed, pair })
}

/// ChaCha20-Poly1305 under a key that is used once, so that the nonce is zero.
pub(crate) fn wrap_once(key: &Secret, aad: &[u8], plain: &[u8]) -> Vec<u8> {
    use chacha20poly1305::aead::{Aead, KeyInit, Payload};
    let cipher = chacha20poly1305::ChaCha20Poly1305::new(key.expose().into());
    cipher.encrypt(&[0; 12].into(), Payload { msg: plain, aad }).unwrap_or_default()
}

/// Opens what [`wrap_once`] made.
pub(crate) fn unwrap_once(key: &Secret, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    use chacha20poly1305::aead::{Aead, KeyInit, Payload};
    let cipher = chacha20poly1305::ChaCha20Poly1305::new(key.expose().into());
    cipher.decrypt(&[0; 12].into(), Payload { msg: sealed, aad }).ok().map(Zeroizing::new)
}

/// The secret that is exactly these bytes; `None` if there are not 32.
pub(crate) fn secret_of(bytes: &[u8]) -> Option<Secret> {
    let mut array: [u8; 32] = bytes.try_into().ok()?;
    Some(Secret::take(&mut array))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn what_is_sealed_to_a_key_opens_only_with_it_and_its_context() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let (mine, other) = (KeyPair::generate(&mut rng), KeyPair::generate(&mut rng));
        let sealed = seal(&mut rng, &mine.public(), b"info", b"plain").unwrap();
        assert_eq!((mine.public().len(), sealed.enc.len()), (PUBLIC_LEN, ENC_LEN));
        let (opened, pair) = mine.open(b"info", &sealed.enc, &sealed.sealed).unwrap();
        assert_eq!(&opened[..], b"plain");
        assert!(pair.same(&sealed.pair));
        assert!(mine.open(b"other", &sealed.enc, &sealed.sealed).is_none());
        assert!(other.open(b"info", &sealed.enc, &sealed.sealed).is_none());
        assert!(mine.open(b"info", &sealed.enc[1..], &sealed.sealed).is_none());
        assert!(seal(&mut rng, &[7; PUBLIC_LEN - 1], b"", b"").is_none());
    }
}
