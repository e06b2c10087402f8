//! A plan that is made once, from what there is and what held before.

use super::planner::Planner;
use super::table::{Plan, View};
use super::told::Trees;

/// So often a plan is made again from itself, to see whether it stays as it is.
const ROUNDS: usize = 32;

/// Makes the trees of a plan. `previous` is what holds now: places in it are kept where they can be. A plan made
/// again from itself is the same: where two or more would take turns, the least of them holds.
pub fn compute(view: &View, previous: Option<&Plan>) -> Trees {
    let plan = |previous: Option<&Plan>| {
        let mut planner = Planner::new();
        match previous {
            Some(previous) => planner.resume(view, previous),
            None => planner.update(view),
        }
        planner.trees()
    };
    let mut last = plan(previous);
    let mut before: Vec<Trees> = previous.iter().map(|plan| plan.trees.clone()).collect();
    for _ in 0..ROUNDS {
        if let Some(first) = before.iter().position(|earlier| *earlier == last) {
            return before.drain(first..).min().unwrap_or(last);
        }
        let held = Plan { feeds: view.feeds.clone(), trees: last.clone(), ..Plan::default() };
        before.push(last);
        last = plan(Some(&held));
    }
    last
}
