//! What scenarios become, what the shipped overlay does in them, and what is told of it.

mod compare;
mod fabricate;
mod inputs;
mod keys;
mod models;
mod regressions;
mod report;
mod scenario_docs;
mod trust;
mod turns;
mod worlds;
