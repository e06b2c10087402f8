//! Stories about overlay-core, told through its public verbs.

mod codec;
mod harness;
mod hostile;
mod meeting;
mod planning;
mod presence;
mod repair;
mod witness;
