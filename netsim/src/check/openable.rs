//! Keys live: from some time after the last disturbance on, everybody who has been in the meeting for as long holds its keys,
//! and a key comes in time for whatever is handed over.

use std::time::Duration;

use super::{Finding, Scene};
use crate::overlay::Overlay;

pub(super) const NAME: &str = "openable";
/// Longer than what mends keys takes by itself: 9 s of silence until the last of those who may has taken over, some 3 s
/// until who missed its record or wrap has asked, and 1 s until a source that was not understood is asked. It is asked again
/// only 5 s later: who needs that is found.
const WITHIN: Duration = Duration::from_secs(15);

pub(super) fn look<O: Overlay>(scene: &Scene<'_, O>) -> Option<Finding> {
    if scene.now.since(scene.disturbed) < WITHIN {
        return None;
    }
    scene.up().find_map(|(who, machine, _)| {
        let keys = machine.keys.as_ref()?;
        let settled = machine.since.max(machine.frozen).max(scene.disturbed) + WITHIN;
        let failed = keys.opener.failed().filter(|failed| failed.at >= settled);
        let what = if let Some(failed) = failed {
            format!("has no key for what node {} sends, and nothing was disturbed for 15 s", failed.source)
        } else if keys.session.epoch().is_none() && scene.now >= settled {
            "was not let in, and nothing was disturbed for 15 s".to_owned()
        } else {
            return None;
        };
        Some(Finding { invariant: NAME, node: Some(who), what })
    })
}
