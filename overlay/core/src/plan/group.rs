//! Into how many trees a layer is cut: the one place that decides k and m.

use crate::config;
use crate::io::LayerRate;

use super::table::Shapes;

/// k data trees and m parity trees: any k of them give a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// Data trees, at least 1.
    pub k: u8,
    /// Parity trees.
    pub m: u8,
}

impl Shape {
    /// One tree, nothing to spare.
    pub const PLAIN: Shape = Shape { k: 1, m: 0 };

    /// How many trees.
    pub fn trees(self) -> u8 {
        self.k + self.m
    }

    /// True if trees of this shape need not be rebuilt for those of another: a group that can lose a tree stays as it is
    /// while any is wanted that can.
    pub(super) fn is_as_good_as(self, fresh: Shape) -> bool {
        self == fresh || self.m > 0 && fresh.m > 0
    }
}

/// What the shape of a group depends on.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    pub(super) shapes: Shapes,
    /// Who watches.
    pub(super) people: usize,
    /// Every source feeds everybody itself: nobody is between whose death could be felt.
    pub(super) mesh: bool,
    /// What each owner can give, kbit/s, the largest first.
    pub(super) owners: Vec<u64>,
    /// What everybody would take in plain trees, kbit/s: sound, and all.
    pub(super) sound_kbps: u64,
    pub(super) all_kbps: u64,
    /// What is given out in all, kbit/s.
    pub(super) supply_kbps: u64,
}

/// The smallest unit of a picture, bytes: below it the headers of a packet (80 B) weigh too much.
const UNIT_BYTES_MIN: u64 = 500;
/// More data trees make one frame wait for too many links.
const K_MAX: u8 = 8;
/// The same in small meetings, which have few strong nodes.
const K_MAX_SMALL: u8 = 4;
/// Below this load, percent, a second parity tree is affordable.
const ROOMY_PERCENT: u64 = 60;

/// Sound is doubled; a picture is cut into as many units as its frames fill, with one parity tree, or two where there
/// is room. No crash of one owner may take more than m of the k + m trees from anybody: where the uplink is in too few
/// hands for that the cut is coarser, and at last one plain tree with its backups. Never k > 1 with m = 0: that is
/// worse than one tree when somebody dies.
pub(super) fn shape(rate: LayerRate, crowd: &Crowd) -> Shape {
    if crowd.shapes == Shapes::Plain || crowd.mesh {
        return Shape::PLAIN;
    }
    if rate.layer.is_audio() {
        let doubled = Shape { k: 1, m: 1 };
        return if crowd.spreads(2 * crowd.sound_kbps, doubled) { doubled } else { Shape::PLAIN };
    }
    if crowd.shapes == Shapes::Doubled {
        return Shape::PLAIN;
    }
    let frame_bytes = u64::from(rate.kbps) * 125 / config::PICTURES_PER_S;
    let small = crowd.people <= config::SMALL_MEETING;
    let most = if small { K_MAX_SMALL } else { K_MAX };
    let mut k = most;
    while k > 1 && frame_bytes < u64::from(k) * UNIT_BYTES_MIN {
        k /= 2;
    }
    while k > 1 {
        for m in [2, 1] {
            let shape = Shape { k, m };
            let kbps = crowd.all_kbps * u64::from(shape.trees()) / u64::from(k);
            let limit = if m == 1 { 100 } else { ROOMY_PERCENT };
            let fits = kbps * 100 <= crowd.supply_kbps * limit;
            if (fits || m == 1 && !small) && (m == 1 || k > 2) && crowd.spreads(kbps, shape) {
                return shape;
            }
        }
        k /= 2;
    }
    Shape::PLAIN
}

impl Crowd {
    /// True if no owner need carry more than m of the k + m trees of this demand (as much of it as there is supply for).
    fn spreads(&self, kbps: u64, shape: Shape) -> bool {
        let kbps = kbps.min(self.supply_kbps);
        let share = kbps * u64::from(shape.m) / u64::from(shape.trees());
        let carried: u64 = self.owners.iter().map(|owner| (*owner).min(share)).sum();
        carried >= kbps && kbps > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Layer;

    fn crowd(people: usize, owners: usize, each_kbps: u64, load_percent: u64) -> Crowd {
        let supply_kbps = owners as u64 * each_kbps;
        let all_kbps = supply_kbps * load_percent / 100;
        Crowd {
            shapes: Shapes::Coded,
            people,
            mesh: false,
            owners: vec![each_kbps; owners],
            sound_kbps: all_kbps / 10,
            all_kbps,
            supply_kbps,
        }
    }

    fn cut(layer: Layer, kbps: u32, crowd: &Crowd) -> (u8, u8) {
        let shape = shape(LayerRate { layer, kbps }, crowd);
        (shape.k, shape.m)
    }

    #[test]
    fn each_layer_has_its_shape_in_a_large_meeting() {
        let crowd = crowd(10_000, 5_000, 5_000, 70);
        assert_eq!(cut(Layer::Audio, 40, &crowd), (1, 1));
        assert_eq!(cut(Layer::P180, 150, &crowd), (1, 0));
        assert_eq!(cut(Layer::P360, 500, &crowd), (4, 1));
        assert_eq!(cut(Layer::P720, 1_500, &crowd), (8, 1));
    }

    #[test]
    fn with_room_there_are_two_parity_trees() {
        let crowd = crowd(10_000, 5_000, 5_000, 40);
        assert_eq!(cut(Layer::P720, 1_500, &crowd), (8, 2));
    }

    #[test]
    fn few_owners_mean_few_trees() {
        assert_eq!(
            cut(Layer::P720, 1_500, &crowd(1_000, 5, 100_000, 50)).1,
            1,
            "five owners carry a fifth each"
        );
        assert_eq!(
            cut(Layer::P720, 1_500, &crowd(1_000, 2, 100_000, 50)),
            (1, 0),
            "half is too much to lose"
        );
        assert_eq!(cut(Layer::Audio, 40, &crowd(1_000, 2, 100_000, 50)), (1, 1), "sound is doubled by two");
        assert_eq!(cut(Layer::Audio, 40, &crowd(1_000, 1, 100_000, 50)), (1, 0), "nobody else to carry it");
    }

    #[test]
    fn small_meetings_are_cut_into_four_at_most() {
        assert_eq!(cut(Layer::P720, 1_500, &crowd(50, 50, 20_000, 50)).0, 4);
    }
}
