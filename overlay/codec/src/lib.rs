//! Strict, bounded CBOR: the one encoding of everything that is not a media frame.
//!
//! `serde_cbor` is fixed by the project and unmaintained (RUSTSEC-2021-0127). It accepts several
//! encodings of one value (string keys in packed structs, long forms of integers, indefinite
//! lengths), which must never reach anything that is signed or hashed. So this crate is its only
//! user: each call names a bound, nothing may trail, and what was decoded must encode to the very
//! same bytes. Types use `#[serde(deny_unknown_fields)]`, fixed structs and no maps or floats.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_cbor::{Deserializer, Serializer};

/// Why bytes were refused. Always the sender's fault, except [`Error::TooLarge`] from [`encode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than the bound that the caller named.
    #[error("{len} bytes where at most {max} are allowed")]
    TooLarge {
        /// What there was.
        len: usize,
        /// What is allowed.
        max: usize,
    },
    /// Not CBOR, not this type, or something behind the value.
    #[error("not a well-formed value of this type")]
    Malformed,
    /// A value of this type, but not in the one encoding that is allowed.
    #[error("not in the canonical encoding")]
    NotCanonical,
}

/// Room made at once for an encoding: more than any value with a secret in it needs.
const ROOM: usize = 8 * 1024;

/// Encodes `value`: packed (a struct is a map from field numbers, a variant without fields its
/// number, any other variant a map from its name), at most `max` bytes.
pub fn encode<T: Serialize>(value: &T, max: usize) -> Result<Vec<u8>, Error> {
    // What is encoded may be secret: a buffer that grows would leave pieces of it behind.
    let mut bytes = Vec::with_capacity(max.min(ROOM));
    value.serialize(&mut Serializer::new(&mut bytes).packed_format()).map_err(|_| Error::Malformed)?;
    if bytes.len() > max {
        return Err(Error::TooLarge { len: bytes.len(), max });
    }
    Ok(bytes)
}

/// Decodes exactly one value from all of `bytes`, which must be what [`encode`] gives for it.
pub fn decode_strict<T: Serialize + DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, Error> {
    if bytes.len() > max {
        return Err(Error::TooLarge { len: bytes.len(), max });
    }
    let mut deserializer = Deserializer::from_slice(bytes);
    let value = T::deserialize(&mut deserializer).map_err(|_| Error::Malformed)?;
    deserializer.end().map_err(|_| Error::Malformed)?;
    if encode(&value, max)? != bytes {
        return Err(Error::NotCanonical);
    }
    Ok(value)
}
