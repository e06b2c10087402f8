//! Stories about overlay-core, told through its public verbs.

mod codec;
mod harness;
mod hidden;
mod hostile;
mod lobby;
mod meeting;
mod planning;
mod presence;
mod repair;
mod witness;
