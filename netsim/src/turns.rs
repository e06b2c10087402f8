//! Who speaks when: a model fitted to recorded meetings, or turns from a file.

mod model;
mod trace;

use std::time::Duration;

use overlay_core::time::Time;
use overlay_core::unit::Layer;

pub use model::talk;

use crate::cast::Cast;
use crate::rng::{Subsystem, stream};
use crate::scenario::{BetweenTurns, Scenario, ScenarioError};

/// One stretch of speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Counted from 0: an index into what [`speakers`] tells.
    pub speaker: u32,
    /// When it begins.
    pub start: Time,
    /// How long it lasts; it ends before the meeting does.
    pub span: Duration,
}

/// Who takes turns: the first of those who send sound, as many as the scenario says. Indices into the cast.
pub fn speakers(scenario: &Scenario, cast: &Cast) -> Vec<u32> {
    let sends_sound =
        |at: &u32| cast.people[*at as usize].sends.iter().any(|rate| rate.layer == Layer::Audio);
    let all: Vec<u32> = (0_u32..).take(cast.people.len()).filter(sends_sound).collect();
    let wanted = scenario.speech.speakers as usize;
    all.into_iter().take(if wanted == 0 { usize::MAX } else { wanted }).collect()
}

/// The turns that decide who sends sound, or who has the floor where there are more sources than places, with the indices of people for speakers; none if who does not speak
/// sends silence.
pub fn driving(scenario: &Scenario, cast: &Cast, seed: u64) -> Result<Vec<Turn>, ScenarioError> {
    let crowded = scenario.source_count() > u32::from(scenario.media.slots);
    if scenario.speech.between_turns == BetweenTurns::Silence && !crowded {
        return Ok(Vec::new());
    }
    let speakers = speakers(scenario, cast);
    let mut turns = turns(scenario, u32::try_from(speakers.len()).unwrap_or(u32::MAX), seed)?;
    for turn in &mut turns {
        turn.speaker = speakers[turn.speaker as usize];
    }
    Ok(turns)
}

/// The turns of a scenario, in the order of their starts; one who speaks never begins a second turn meanwhile
/// (in the model; a file may say so). `speakers` is how many take turns. The error is that of the author of the file
/// that `speech.trace` names.
pub fn turns(scenario: &Scenario, speakers: u32, seed: u64) -> Result<Vec<Turn>, ScenarioError> {
    match &scenario.speech.trace {
        Some(table) => {
            let meeting = scenario.speech.meeting.as_deref();
            trace::read(&scenario.beside(table), meeting, speakers, scenario.length)
        }
        None => Ok(talk(speakers, scenario.length, &mut stream(seed, Subsystem::Speech))),
    }
}
