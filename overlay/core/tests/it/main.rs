//! Stories about overlay-core, told through its public verbs.

mod arbitrary;
mod codec;
mod complaints;
mod floor;
mod garbage;
mod harness;
mod hidden;
mod hostile;
mod large;
mod lending;
mod lobby;
mod meeting;
mod planning;
mod presence;
mod repair;
mod survey;
mod swaps;
mod units;
mod witness;
