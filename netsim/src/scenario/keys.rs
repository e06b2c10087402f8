//! Whether keys are agreed, and who may run the epochs.

use serde::{Deserialize, Serialize};

/// Key agreement of the participants, see [`crate::keys`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// True if each participant runs the shipped session beside its overlay.
    pub agreed: bool,
    /// So many participants after the first may run the meeting when it is gone.
    pub deputies: u32,
}

impl Default for Keys {
    fn default() -> Keys {
        // As `canopy new` makes invites: those of the first two guests are deputies'.
        Keys { agreed: false, deputies: 2 }
    }
}

impl Keys {
    /// Deputies, if keys are agreed: without keys nobody takes over.
    pub fn deputies_agreed(&self) -> u32 {
        if self.agreed { self.deputies } else { 0 }
    }
}
