//! A payload that is only known by its length and hash: the core looks at no more than the length.

use std::fmt;

use overlay_core::unit::{Payload, UnitHash, UnitHeader};
use serde::{Deserialize, Serialize};

/// Stands for a payload.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brief {
    /// Its length in bytes.
    pub len: u32,
    /// Its BLAKE3 hash.
    #[serde(with = "serde_bytes")]
    pub hash: [u8; 32],
}

impl Brief {
    /// What stands for these bytes.
    pub fn of(payload: &[u8]) -> Brief {
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        Brief { len, hash: *blake3::hash(payload).as_bytes() }
    }
}

impl Payload for Brief {
    fn size(&self) -> usize {
        self.len as usize
    }

    fn hash(&self, header: &UnitHeader) -> UnitHash {
        header.unit_hash(&self.hash)
    }
}

impl fmt::Debug for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.hash;
        write!(f, "{} bytes {a:02x}{b:02x}{c:02x}{d:02x}…", self.len)
    }
}
