//! Where a node is, as far as delays tell.

use serde::{Deserialize, Serialize};

/// Dimensions of a coordinate beside its height.
pub const DIMENSIONS: usize = 4;
/// How far from the origin a coordinate may lie in one dimension, 0.1 ms: then a squared distance fits 32 bits.
const REACH: i16 = 10_000;
/// What is assumed one way to or from a node that nobody has measured, 0.1 ms (a guess: half of a continent).
const UNKNOWN_ONE_WAY: u32 = 300;

/// A place in the delay space of Vivaldi (Dabek et al., SIGCOMM 2004), all in units of 0.1 ms of **round trip**: two
/// nodes are as far from each other as their points are, and both heights (the last miles) come on top.
/// The default is a node that nobody has measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coordinate {
    point: [i16; DIMENSIONS],
    /// Plus one, so that zero is "unknown".
    height: u16,
}

impl Coordinate {
    /// A measured place. What lies beyond a second is drawn in to it.
    pub fn new(point: [i16; DIMENSIONS], height: u16) -> Coordinate {
        let point = point.map(|along| along.clamp(-REACH, REACH));
        Coordinate { point, height: height.min(REACH.unsigned_abs()) + 1 }
    }

    /// True if it was measured.
    pub fn is_known(&self) -> bool {
        self.height != 0
    }

    /// The point, without the height.
    pub fn point(&self) -> [i16; DIMENSIONS] {
        self.point
    }

    /// The last mile; nothing of one that was not measured.
    pub fn height(&self) -> u16 {
        self.height.saturating_sub(1)
    }

    /// False for what [`Coordinate::new`] would not have made, as somebody else may say it.
    pub fn is_sound(&self) -> bool {
        let reach = -REACH..=REACH;
        self.point.iter().all(|along| reach.contains(along)) && self.height <= REACH.unsigned_abs() + 1
    }

    /// How far somebody has moved who was there and is here, 0.1 ms of round trip; as far as can be, if only one is known.
    pub fn moved(&self, other: &Coordinate) -> u32 {
        if self.is_known() != other.is_known() {
            return u32::MAX;
        }
        self.between(other) + u32::from(self.height.abs_diff(other.height))
    }

    /// How long a signal takes from here to there, 0.1 ms: half of the round trip.
    pub fn one_way(&self, other: &Coordinate) -> u32 {
        if !self.is_known() || !other.is_known() {
            return UNKNOWN_ONE_WAY;
        }
        (self.between(other) + u32::from(self.height()) + u32::from(other.height())) / 2
    }

    /// How far both points are from each other.
    fn between(&self, other: &Coordinate) -> u32 {
        let mut square = 0_u32;
        for (here, there) in self.point.iter().zip(&other.point) {
            let apart = i32::from(*here) - i32::from(*there);
            // At most (2 * REACH)^2 each: four of them fit.
            square += (apart * apart).unsigned_abs();
        }
        square.isqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_half_of_the_distance_and_of_both_last_miles() {
        let here = Coordinate::new([0, 300, 0, 0], 40);
        let there = Coordinate::new([400, 0, 0, 0], 60);
        assert_eq!(here.one_way(&there), (500 + 40 + 60) / 2);
        assert_eq!(here.one_way(&here), 40);
        assert_eq!(here.one_way(&Coordinate::default()), UNKNOWN_ONE_WAY);
    }

    #[test]
    fn the_ends_of_the_world_do_not_overflow() {
        let far = Coordinate::new([i16::MAX; DIMENSIONS], u16::MAX);
        let other = Coordinate::new([i16::MIN; DIMENSIONS], u16::MAX);
        assert_eq!(far.one_way(&other), (40_000 + 20_000) / 2);
    }
}
