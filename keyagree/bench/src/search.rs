//! A bounded search (stateright) through what a network and crashes can do to a small meeting, with the
//! shipped sessions: an organiser, a deputy and a guest, who all are in and prepared.
//!
//! A session holds secrets and can't be copied, so a state is the way to it: the steps are done again from
//! the beginning for each new one, with the same dice. Two ways that end alike (who is alive, who leads,
//! which epoch and record each holds, what is on its way, what time it is) are one state.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use anyhow::{Result, ensure};
use stateright::{Checker, Model, Property, UniformChooser};

use crate::meeting::{Meeting, Step};

/// A state: how it came about, and what of it matters.
#[derive(Clone, Debug)]
pub(crate) struct State {
    steps: Vec<Step>,
    digest: u64,
    next: Vec<Step>,
    safe: bool,
    heals: bool,
    deputy_leads: bool,
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        self.digest == other.digest
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.digest.hash(hasher);
    }
}

/// The meeting and all that can happen to it.
struct Search;

impl Search {
    fn at(steps: Vec<Step>) -> State {
        let meeting = Meeting::after(&steps);
        let (digest, next, safe) = (meeting.digest(), meeting.possible(), meeting.is_safe());
        let deputy_leads = meeting.deputy_leads();
        State { digest, next, safe, deputy_leads, heals: meeting.heals(), steps }
    }
}

impl Model for Search {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![Search::at(Vec::new())]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        actions.extend(&state.next);
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut steps = last.steps.clone();
        steps.push(step);
        Some(Search::at(steps))
    }

    fn properties(&self) -> Vec<Property<Search>> {
        vec![
            Property::always("one record for each epoch, nothing for the removed", |_, state: &State| {
                state.safe
            }),
            Property::always("once all heals, one leads and all agree", |_, state: &State| state.heals),
            // The search must get to where it could find something.
            Property::sometimes("the deputy leads", |_, state: &State| state.deputy_leads),
        ]
    }
}

/// Steps that are tried in every order.
const NEAR: usize = 4;
/// Steps of a way at random.
const FAR: usize = 60;

/// Searches everything nearby, then for so long at random as far as it gets.
pub(crate) fn run(seconds: u64) -> Result<()> {
    let near = Search.checker().threads(2).target_max_depth(NEAR + 1).spawn_bfs().join();
    println!(
        "every way of {NEAR} steps: {} states, {} different",
        near.state_count(),
        near.unique_state_count()
    );
    let checker = Search.checker().threads(2).timeout(Duration::from_secs(seconds)).target_max_depth(FAR);
    let far = checker.spawn_simulation(1, UniformChooser).join();
    println!("ways of up to {FAR} steps, at random: {} states", far.state_count());
    for (what, way) in near.discoveries().into_iter().chain(far.discoveries()) {
        if what != "the deputy leads" {
            anyhow::bail!("not so: {what}, after {:?}", way.into_actions());
        }
    }
    ensure!(far.discovery("the deputy leads").is_some(), "the search never got to a takeover");
    Ok(())
}
