//! Randomness: one seed, and one ChaCha8 stream for each subsystem, so that a change to one leaves the others
//! as they were.

use std::f64::consts::TAU;

use rand::{Rng, RngExt, SeedableRng};
pub use rand_chacha::ChaCha8Rng;

/// Who draws. The number is the stream's; numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Subsystem {
    /// Where people are, and their last miles.
    Places = 1,
    /// What interfaces carry.
    Uplinks = 2,
    /// When people start.
    Arrivals = 3,
    /// Who leaves early, and when.
    Stays = 4,
    /// What stands between people and the network.
    Nats = 5,
    /// Who speaks when.
    Speech = 6,
    /// What goes wrong, with whom and when.
    Faults = 7,
    /// How much a packet's delay differs from the mean.
    Jitter = 8,
    /// Which packets are lost.
    Loss = 9,
    /// What hostile relays do to which unit.
    Malice = 10,
    /// Sizes of frames.
    Media = 11,
    /// Who knows whom at the start.
    Links = 12,
    /// What baselines draw.
    Baseline = 13,
    /// Identities and invites.
    Invites = 14,
    /// What key agreement draws, a stream for each life of each node.
    Sessions = 15,
}

/// The stream of one subsystem.
pub fn stream(seed: u64, of: Subsystem) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(of as u64);
    rng
}

/// Streams of single nodes lie beyond those of subsystems.
const NODE_SHIFT: u32 = 16;
/// And those of their lives beyond these.
const LIFE_SHIFT: u32 = 40;

/// The stream of one subsystem in one life of a node; lives count from 1.
pub fn of_node(seed: u64, of: Subsystem, who: u32, life: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(of as u64 | u64::from(who) << NODE_SHIFT | u64::from(life) << LIFE_SHIFT);
    rng
}

/// A number of [0, 1), on a grid of 2⁻⁵³: the same on every machine.
pub fn unit(rng: &mut impl Rng) -> f64 {
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (rng.next_u64() >> 11) as f64 * STEP
}

/// True in this many of a hundred cases.
pub fn percent(rng: &mut impl Rng, of_hundred: u32) -> bool {
    rng.random_range(0..100) < of_hundred
}

/// A normal variate by Box and Muller (1958). `libm` computes the same on every machine, the platform's own
/// library does not.
pub fn normal(rng: &mut impl Rng) -> f64 {
    let (a, b) = (1.0 - unit(rng), unit(rng));
    (-2.0 * libm::log(a)).sqrt() * libm::cos(TAU * b)
}

/// A log-normal variate with this median; `sigma` is the deviation of its logarithm.
pub fn log_normal(rng: &mut impl Rng, median: f64, sigma: f64) -> f64 {
    median * libm::exp(sigma * normal(rng))
}

/// An exponential variate with this mean.
pub fn exponential(rng: &mut impl Rng, mean: f64) -> f64 {
    -mean * libm::log(1.0 - unit(rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_from_each_other_and_follow_the_seed() {
        let first = |seed, of| stream(seed, of).next_u64();
        assert_eq!(first(7, Subsystem::Places), first(7, Subsystem::Places));
        assert_ne!(first(7, Subsystem::Places), first(7, Subsystem::Uplinks));
        assert_ne!(first(7, Subsystem::Places), first(8, Subsystem::Places));
        let life = |who, life| of_node(7, Subsystem::Sessions, who, life).next_u64();
        assert_eq!(life(3, 1), life(3, 1));
        assert_ne!(life(3, 1), life(4, 1));
        assert_ne!(life(3, 1), life(3, 2));
    }

    #[test]
    fn variates_have_the_moments_that_they_should_have() {
        let mut rng = stream(1, Subsystem::Jitter);
        let normals: Vec<f64> = (0..100_000).map(|_| normal(&mut rng)).collect();
        let mean = normals.iter().sum::<f64>() / 1e5;
        let square = normals.iter().map(|x| x * x).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (square - 1.0).abs() < 0.02, "{mean} {square}");
        let waits = (0..100_000).map(|_| exponential(&mut rng, 5.0)).sum::<f64>() / 1e5;
        assert!((waits - 5.0).abs() < 0.1, "{waits}");
        let mut spread: Vec<f64> = (0..10_001).map(|_| log_normal(&mut rng, 3.0, 1.0)).collect();
        spread.sort_by(f64::total_cmp);
        assert!((spread[5_000] - 3.0).abs() < 0.15, "{}", spread[5_000]);
    }
}
