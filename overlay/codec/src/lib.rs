//! Strict, bounded CBOR: the one encoding of everything that is not a media frame.
//!
//! `serde_cbor` is fixed by the project and unmaintained (RUSTSEC-2021-0127). It accepts several
//! encodings of one value (string keys in packed structs, long forms of integers, indefinite
//! lengths), which must never reach anything that is signed or hashed. So this crate is its only
//! user: each call names a bound, nothing may trail, and what was decoded must encode to the very
//! same bytes. Types use `#[serde(deny_unknown_fields)]`, fixed structs and no maps or floats.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_cbor::ser::IoWrite;
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

/// Encodes `value`: packed (a struct is a map from field numbers, a variant without fields its
/// number, any other variant a map from its name), at most `max` bytes.
pub fn encode<T: Serialize>(value: &T, max: usize) -> Result<Vec<u8>, Error> {
    let mut len = Len(0);
    value
        .serialize(&mut Serializer::new(IoWrite::new(&mut len)).packed_format())
        .map_err(|_| Error::Malformed)?;
    if len.0 > max {
        return Err(Error::TooLarge { len: len.0, max });
    }
    // What is encoded may be secret: a buffer that grows would leave pieces of it behind.
    let mut bytes = Vec::with_capacity(len.0);
    value.serialize(&mut Serializer::new(&mut bytes).packed_format()).map_err(|_| Error::Malformed)?;
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
    let mut rest = Rest(bytes);
    let same = value.serialize(&mut Serializer::new(IoWrite::new(&mut rest)).packed_format());
    if same.is_err() || !rest.0.is_empty() {
        return Err(Error::NotCanonical);
    }
    Ok(value)
}

/// Counts what is written.
struct Len(usize);

impl std::io::Write for Len {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is still to be written, byte for byte: comparing needs no second copy of what may be secret.
struct Rest<'a>(&'a [u8]);

impl std::io::Write for Rest<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(std::io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
