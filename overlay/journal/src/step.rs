//! One call of the core: what it was told, and what it wanted done then.

use std::fmt;

use overlay_core::io::{Input, Output};
use overlay_core::time::Time;
use serde::{Deserialize, Serialize};

use crate::Brief;

/// Bytes of one encoded value: more than any contact list, credential or note makes together.
pub const VALUE_MAX: usize = 1024 * 1024;

/// One call of the core.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When, by the node's clock.
    pub at: Time,
    /// What it was told.
    pub input: Input<Brief>,
    /// What came of it.
    pub did: Did,
}

/// A hash of all that a core wanted done after one call, in its order.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Did(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl fmt::Debug for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Gathers what a core wants done after one call.
#[derive(Debug, Default)]
pub struct Wants(blake3::Hasher);

impl Wants {
    /// The next thing.
    pub fn add(&mut self, output: &Output<Brief>) {
        match canopy_codec::encode(output, VALUE_MAX) {
            Ok(bytes) => {
                self.0.update(&(bytes.len() as u64).to_be_bytes());
                self.0.update(&bytes);
            }
            // Too long to be sent as well: that it was is all there is to say.
            Err(_) => {
                self.0.update(&u64::MAX.to_be_bytes());
            }
        }
    }

    /// Their hash.
    pub fn did(&self) -> Did {
        Did(*self.0.finalize().as_bytes())
    }
}
