//! The stories of key agreement, told through its public verbs.

mod chaos;
mod door;
mod epochs;
mod garbage;
mod gate;
mod lines;
mod secrets;
mod succession;
mod talking;
mod times;
mod world;
