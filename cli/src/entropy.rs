//! The program's one source of randomness: the operating system's. Everything below takes it as an argument.

use rand::rngs::StdRng;

/// A fresh generator, seeded by the operating system.
pub fn rng() -> StdRng {
    rand::make_rng()
}
