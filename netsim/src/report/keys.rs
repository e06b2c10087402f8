//! What came of key agreement.

use serde::{Deserialize, Serialize};

use super::quantiles::Quantiles;
use super::share;
use crate::record::KeysRecord;

/// Frames that could be opened, and how soon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysReport {
    /// Frames that were handed over and opened, within the 2 s that they are kept.
    pub opened: u64,
    /// Frames that no key came for in that time.
    pub unopened: u64,
    /// Of both; none if there were none.
    pub unopened_share: Option<f64>,
    /// From a participant's start to the first frame that it opened, ms.
    pub first_opened_ms: Quantiles,
    /// Each time in which a source's sound came that somebody had no key for who had opened something before, ms.
    pub waits_ms: Quantiles,
    /// Participants who took their leave or were removed.
    pub leaves: u64,
    /// From that moment until everybody else held the keys of a meeting without them, ms.
    pub rekeys_ms: Quantiles,
}

impl KeysReport {
    /// Of a record.
    pub fn of(record: &KeysRecord) -> KeysReport {
        KeysReport {
            opened: record.opened,
            unopened: record.unopened,
            unopened_share: share(record.unopened, record.opened + record.unopened),
            first_opened_ms: Quantiles::of_micros(&record.first_opened),
            waits_ms: Quantiles::of_micros(&record.waits),
            leaves: record.leaves,
            rekeys_ms: Quantiles::of_micros(&record.rekeys),
        }
    }
}
