//! What a child is spared.

use crate::config;
use crate::time::Time;
use crate::unit::UnitHeader;

/// What a child is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thin {
    /// Nothing.
    Nothing,
    /// Everything up to the next key frame: it came without one, and nothing was dropped.
    ToFirstKey,
    /// Everything up to the next key frame, since something was dropped.
    ToKey,
    /// What no other frame needs: all but the base temporal layer.
    ToBase { until: Time },
}

impl Thin {
    /// The one place that decides whether a child gets a unit. Sound always goes on.
    pub(crate) fn lets(&mut self, now: Time, header: &UnitHeader) -> bool {
        if header.tree.layer.is_audio() {
            return true;
        }
        match *self {
            Thin::Nothing => true,
            Thin::ToFirstKey | Thin::ToKey if !header.frame.key => false,
            Thin::ToFirstKey => {
                *self = Thin::Nothing;
                true
            }
            Thin::ToKey => {
                *self = Thin::ToBase { until: now + config::THIN_FOR };
                true
            }
            Thin::ToBase { until } if now >= until => {
                *self = Thin::Nothing;
                true
            }
            Thin::ToBase { .. } => header.frame.temporal == 0,
        }
    }
}
