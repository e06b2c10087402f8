//! From 2 s after the last disturbance on, everybody who has been in the meeting for long enough hears every source
//! that has sent sound for 2 s.

use std::time::Duration;

use super::{Finding, Scene};
use crate::machine::Machine;
use crate::overlay::Overlay;
use crate::source::Source;

pub(super) const NAME: &str = "liveness";
const WITHIN: Duration = Duration::from_secs(2);
/// Who joins is given so long to be fed at all.
const JOINS_IN: Duration = Duration::from_secs(5);

pub(super) fn look<O: Overlay>(scene: &Scene<'_, O>) -> Option<Finding> {
    if scene.now.since(scene.disturbed) < WITHIN {
        return None;
    }
    let settled = |machine: &Machine<O>| {
        scene.now.since(machine.since) >= JOINS_IN && machine.frozen + WITHIN <= scene.now
    };
    let sources: Vec<u32> = scene
        .up()
        .filter(|(who, machine, _)| {
            let rates = &scene.cast.people[*who as usize].sends;
            let heard = |source: &Source| {
                let seals_since =
                    machine.keys.as_ref().map_or(Some(machine.since), |keys| keys.sealer.since());
                let since =
                    seals_since.and(source.heard_since()).max(Some(machine.speaks_since)).max(seals_since);
                !source.is_silent(scene.now)
                    && source.is_heard()
                    && since.is_some_and(|at| scene.now.since(at) > WITHIN)
            };
            let speaks = machine.source.as_ref().is_some_and(heard);
            settled(machine) && speaks && rates.iter().any(|rate| rate.layer.is_audio())
        })
        .map(|(who, ..)| who)
        .collect();
    scene.up().find_map(|(who, machine, _)| {
        let watches = scene.cast.people[who as usize].watch && settled(machine);
        let silent = sources.iter().find(|source| {
            let heard = machine.heard.iter().filter(|heard| heard.source == **source && heard.sound);
            let last = heard.map(|heard| heard.at).max();
            **source != who && last.is_none_or(|last| scene.now.since(last) > WITHIN)
        });
        let source = silent.filter(|_| watches)?;
        let what = format!("does not hear node {source}, and nothing was disturbed for 2 s");
        Some(Finding { invariant: NAME, node: Some(who), what })
    })
}
