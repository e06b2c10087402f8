//! Stories about overlay-core, told through its public verbs.

mod beats;
mod codec;
mod harness;
mod hostile;
mod meeting;
mod planning;
mod repair;
