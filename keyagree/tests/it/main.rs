//! The stories of key agreement, told through its public verbs.

mod epochs;
mod garbage;
mod gate;
mod lines;
mod secrets;
mod talking;
mod world;
