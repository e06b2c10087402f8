//! Whoever is taken to feed badly does: nobody honest is demoted.

use super::Finding;
use crate::machine::Machine;

pub(super) const NAME: &str = "demotion";

pub(super) fn look<O>(who: u32, machines: &[Machine<O>]) -> Option<Finding> {
    let honest = !machines[who as usize].was_hostile;
    honest.then(|| Finding {
        invariant: NAME,
        node: Some(who),
        what: "is honest, and was demoted".to_owned(),
    })
}
