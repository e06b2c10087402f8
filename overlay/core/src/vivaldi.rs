//! A coordinate that is worked out from round trips: Vivaldi with heights and adaptive steps (Dabek et al., "Vivaldi: A
//! Decentralized Network Coordinate System", SIGCOMM 2004, figure 3 and section 5.4), in integers.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::config;
use crate::coordinate::{Coordinate, DIMENSIONS};
use crate::id::NodeId;

/// µs in a coordinate's unit, 0.1 ms.
const UNIT: i64 = 100;
/// The least height, µs: then nobody falls onto anybody.
const HEIGHT_MIN: i64 = 100;
/// The part of the way that one step goes, one in so many (c_c and c_e of the paper are 0.25).
const STEP: i64 = 4;
/// The height goes so much slower than the point: at the beginning all stand close together, and what is really a way between
/// them would become a last mile of everybody's, for good.
const HEIGHT_SLOWER: i64 = 4;
/// The furthest that one step goes, µs: one lie, or one slow answer, moves nobody to the end of the world.
const STEP_MAX: i64 = 100_000;
/// Errors are relative, in thousandths; nobody is believed to be better than this.
const ERROR_MIN: i64 = 20;
/// What nothing is known of.
const ERROR_MAX: i64 = 1_000;
/// Being off by so much is no more than that part of so far a round trip, µs: how much shorter than that the way really is
/// matters to no tree (a guess).
const NEAR: i64 = 20_000;
/// How far apart two are put that stand at the same point, µs; only the direction counts.
const PUSH: i64 = 1_000;

/// Where this node is.
#[derive(Debug)]
pub(crate) struct Vivaldi {
    me: NodeId,
    /// µs of round trip.
    point: [i64; DIMENSIONS],
    height: i64,
    error: i64,
    /// See [`Vivaldi::is_measured`].
    measured: bool,
    echoes: BTreeMap<NodeId, Echoes>,
}

/// What a neighbour has answered.
#[derive(Debug)]
struct Echoes {
    coordinate: Coordinate,
    error: i64,
    /// The last few, µs.
    round_trips: VecDeque<i64>,
}

impl Echoes {
    /// The least of the last few round trips, µs: what waited in a queue took longer.
    fn least(&self) -> Option<i64> {
        self.round_trips.iter().copied().min()
    }
}

impl Vivaldi {
    /// Somewhere, and not sure of it.
    pub(crate) fn new(me: NodeId) -> Vivaldi {
        let (point, echoes) = ([0; DIMENSIONS], BTreeMap::new());
        Vivaldi { me, point, height: HEIGHT_MIN, error: ERROR_MAX, measured: false, echoes }
    }

    /// Where this node takes itself to be, also while nobody has answered.
    pub(crate) fn coordinate(&self) -> Coordinate {
        let point = self.point.map(|along| i16::try_from(along / UNIT).unwrap_or(i16::MAX));
        Coordinate::new(point, u16::try_from(self.height / UNIT).unwrap_or(u16::MAX))
    }

    /// True once enough have answered, and agreed: what is said before would have everybody moved, and moved back. Later a place
    /// that is not sure is better than none.
    pub(crate) fn is_measured(&self) -> bool {
        self.measured
    }

    /// How far off it may be, thousandths of a distance.
    pub(crate) fn error(&self) -> u16 {
        u16::try_from(self.error).unwrap_or(u16::MAX)
    }

    /// A neighbour has answered after so long, and says where it is; one that was not measured says nothing by that.
    pub(crate) fn echo(&mut self, peer: NodeId, coordinate: Coordinate, error: u16, after: Duration) {
        if !coordinate.is_known() {
            return;
        }
        let after = i64::try_from(after.as_micros()).unwrap_or(i64::MAX).max(1);
        let echoes = self.echoes.entry(peer).or_insert_with(|| Echoes {
            coordinate,
            error: ERROR_MAX,
            round_trips: VecDeque::new(),
        });
        (echoes.coordinate, echoes.error) = (coordinate, i64::from(error).clamp(ERROR_MIN, ERROR_MAX));
        if echoes.round_trips.len() >= config::ROUND_TRIPS_KEPT {
            echoes.round_trips.pop_front();
        }
        echoes.round_trips.push_back(after);
        // All that is known pulls, so that who has come just now knows its place after a few answers.
        for peer in self.echoes.keys().copied().collect::<Vec<_>>() {
            self.step(peer);
        }
        self.measured |= self.error <= config::KNOWN_WITHIN;
    }

    /// A neighbour says where it is by now: when it was asked it may have come just then, and not have known.
    pub(crate) fn placed(&mut self, peer: NodeId, coordinate: Coordinate) {
        if let Some(echoes) = self.echoes.get_mut(&peer).filter(|_| coordinate.is_known()) {
            (echoes.coordinate, echoes.error) = (coordinate, echoes.error.min(config::KNOWN_WITHIN));
        }
    }

    /// The least of the last few round trips to a neighbour, if it has answered any.
    pub(crate) fn round_trip(&self, peer: NodeId) -> Option<Duration> {
        Some(Duration::from_micros(self.echoes.get(&peer)?.least()?.unsigned_abs()))
    }

    /// There is no link to a neighbour any more.
    pub(crate) fn forget(&mut self, peer: NodeId) {
        self.echoes.remove(&peer);
    }

    /// A step towards where one neighbour's round trip says that this node is.
    fn step(&mut self, peer: NodeId) {
        let Some(echoes) = self.echoes.get(&peer) else { return };
        let Some(round_trip) = echoes.least() else { return };
        let there = echoes.coordinate.point().map(|along| i64::from(along) * UNIT);
        let mut apart: [i64; DIMENSIONS] = std::array::from_fn(|at| self.point[at] - there[at]);
        let between = span(apart);
        let heights = self.height + i64::from(echoes.coordinate.height()) * UNIT;
        let miss = round_trip - between - heights;
        let weight = ERROR_MAX * self.error / (self.error + echoes.error);
        let relative = (miss.abs() * ERROR_MAX / round_trip.max(NEAR)).min(ERROR_MAX);
        self.error += (relative - self.error) * weight / ERROR_MAX / STEP;
        self.error = self.error.clamp(ERROR_MIN, ERROR_MAX);
        if between == 0 {
            apart = away(self.me, peer);
        }
        let norm = (span(apart) + heights).max(1);
        let force = (miss * weight / ERROR_MAX / STEP).clamp(-STEP_MAX, STEP_MAX);
        for (along, apart) in self.point.iter_mut().zip(apart) {
            *along += force * apart / norm;
        }
        self.height = (self.height + force * heights / norm / HEIGHT_SLOWER).max(HEIGHT_MIN);
    }
}

/// How long a vector is.
fn span(of: [i64; DIMENSIONS]) -> i64 {
    let square: i64 = of.iter().map(|along| along.saturating_mul(*along)).fold(0, i64::saturating_add);
    square.isqrt()
}

/// A direction for two who stand at the same point: which one does not matter, as long as others take others, and not all of
/// them along one line.
fn away(me: NodeId, peer: NodeId) -> [i64; DIMENSIONS] {
    const MIX: [u8; DIMENSIONS] = [151, 57, 211, 91];
    let mixed: [i64; DIMENSIONS] = std::array::from_fn(|at| {
        i64::from(me.0[at].wrapping_sub(peer.0[at]).wrapping_mul(MIX[at]).wrapping_add(MIX[at])) - 128
    });
    let span = span(mixed).max(1);
    mixed.map(|along| along * PUSH / span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(of: u8) -> NodeId {
        NodeId([of.wrapping_mul(89).wrapping_add(7); 32])
    }

    /// Six on a plane, ms, with a last mile of so many ms each.
    const TOWN: [(f64, f64, f64); 6] = [
        (0.0, 0.0, 2.0),
        (30.0, 5.0, 1.0),
        (80.0, 40.0, 4.0),
        (10.0, 90.0, 1.0),
        (-60.0, 20.0, 3.0),
        (5.0, -70.0, 2.0),
    ];

    fn round_trip(one: usize, other: usize) -> Duration {
        let ((x, y, mile), (to_x, to_y, to_mile)) = (TOWN[one], TOWN[other]);
        Duration::from_secs_f64(((x - to_x).hypot(y - to_y) + mile + to_mile) / 1e3)
    }

    fn town(rounds: usize) -> Vec<Vivaldi> {
        let mut all: Vec<Vivaldi> = (0..6).map(|at| Vivaldi::new(node(at))).collect();
        for round in 0..rounds {
            for at in 0..6 {
                let other = (at + 1 + round % 5) % 6;
                let (coordinate, error) = (all[other].coordinate(), all[other].error());
                all[at].echo(node(other as u8), coordinate, error, round_trip(at, other));
            }
        }
        all
    }

    #[test]
    fn after_some_answers_everybody_knows_how_far_everybody_is() {
        let all = town(40);
        for at in 0..6 {
            for other in (0..6).filter(|other| *other != at) {
                let guess = f64::from(all[at].coordinate().one_way(&all[other].coordinate())) / 10.0;
                let right = round_trip(at, other).as_secs_f64() * 1e3 / 2.0;
                assert!((guess - right).abs() < 3.0 + right * 0.1, "{at} to {other}: {guess} ms of {right}");
            }
        }
    }

    #[test]
    fn a_newcomer_knows_its_place_after_an_answer_of_each_of_four() {
        let town = town(60);
        let mut newcomer = Vivaldi::new(node(77));
        // It stands where number 2 stands.
        for other in [0, 1, 3, 4] {
            let after = round_trip(2, other);
            newcomer.echo(node(other as u8), town[other].coordinate(), town[other].error(), after);
        }
        let off = |other: usize| {
            let guess = f64::from(newcomer.coordinate().one_way(&town[other].coordinate())) / 10.0;
            (guess - round_trip(2, other).as_secs_f64() * 1e3 / 2.0).abs()
        };
        let worst = [0, 1, 3, 4].into_iter().map(off).fold(0.0, f64::max);
        assert!(worst < 25.0, "{worst} ms off after one answer of each, and 30 would be a guess");
    }

    #[test]
    fn one_slow_answer_moves_nobody_and_what_is_unknown_says_nothing() {
        let mut town = town(60);
        let before = town[0].coordinate();
        let there = town[1].coordinate();
        town[0].echo(node(1), there, 20, Duration::from_secs(2));
        assert!(before.one_way(&town[0].coordinate()) < 60, "the least of the last few counts");
        let mut alone = Vivaldi::new(node(9));
        alone.echo(node(1), Coordinate::default(), 20, Duration::from_millis(5));
        assert!(!alone.is_measured());
    }
}
