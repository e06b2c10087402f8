//! No interface sends more than 5 % over its owner's limit in any second: headers, retransmissions, control
//! messages and its own media included.

use super::{Finding, Scene};
use crate::overlay::Overlay;

pub(super) const NAME: &str = "interfaces";
const TOLERANCE_PERCENT: u64 = 105;

pub(super) fn look<O: Overlay>(scene: &Scene<'_, O>) -> Option<Finding> {
    scene.up().find_map(|(who, machine, _)| {
        let (sent, allowed) = (machine.out.highest_second, machine.out.allowed());
        let over = sent * 100 > allowed * TOLERANCE_PERCENT;
        let what = || format!("sent {sent} bytes in a second and may send {allowed}");
        over.then(|| Finding { invariant: NAME, node: Some(who), what: what() })
    })
}
