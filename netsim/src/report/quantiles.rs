//! How values spread.

use serde::{Deserialize, Serialize};

use crate::record::Spread;

/// How many of a hundred thousand values are at most as large as each point of a [`Quantiles::curve`]:
/// every percent, and two more near the end.
pub fn curve_points() -> impl Iterator<Item = u32> {
    (0..100).map(|percent| percent * 1_000).chain([99_500, 99_900, 100_000])
}

/// A spread of values: how many, some quantiles, and a curve of all of them. All zero if there are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantiles {
    /// How many values.
    pub count: u64,
    /// Half of them are at most this large.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// The largest.
    pub max: f64,
    /// The value at each of [`curve_points`]; empty if there are no values.
    pub curve: Vec<f64>,
}

impl Quantiles {
    /// Of whole values.
    pub fn of(spread: &Spread) -> Quantiles {
        Quantiles::divided(spread, 1.0)
    }

    /// Of microseconds, in milliseconds.
    pub fn of_micros(spread: &Spread) -> Quantiles {
        Quantiles::divided(spread, 1_000.0)
    }

    /// Of exact values, in any order.
    pub fn of_values(mut values: Vec<f64>) -> Quantiles {
        values.sort_by(f64::total_cmp);
        let Some(last) = values.len().checked_sub(1) else { return Quantiles::default() };
        // The smallest value that at least so many of 100,000 don't exceed.
        let at = |of: u32| {
            let rank = (values.len() as u64 * u64::from(of)).div_ceil(100_000);
            values[(rank.max(1) as usize - 1).min(last)]
        };
        Quantiles::build(values.len() as u64, at)
    }

    fn divided(spread: &Spread, by: f64) -> Quantiles {
        let histogram = &spread.0;
        if histogram.is_empty() {
            return Quantiles::default();
        }
        let at = |of: u32| match of {
            0 => histogram.min() as f64 / by,
            100_000 => histogram.max() as f64 / by,
            _ => histogram.value_at_quantile(f64::from(of) / 100_000.0).min(histogram.max()) as f64 / by,
        };
        Quantiles::build(histogram.len(), at)
    }

    fn build(count: u64, at: impl Fn(u32) -> f64) -> Quantiles {
        Quantiles {
            count,
            p50: at(50_000),
            p95: at(95_000),
            p99: at(99_000),
            max: at(100_000),
            curve: curve_points().map(at).collect(),
        }
    }

    /// The curve as points: a value, and how many percent don't exceed it.
    pub fn cumulative(&self) -> Vec<(f64, f64)> {
        self.curve.iter().zip(curve_points()).map(|(value, of)| (*value, f64::from(of) / 1_000.0)).collect()
    }

    /// The curve the other way round: percent of all, smallest first, and the value.
    pub fn sorted(&self) -> Vec<(f64, f64)> {
        self.cumulative().into_iter().map(|(value, percent)| (percent, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_values_give_the_ranks_that_one_counts_by_hand() {
        let of = Quantiles::of_values((1..=200).rev().map(f64::from).collect());
        assert_eq!((of.count, of.p50, of.p95, of.p99, of.max), (200, 100.0, 190.0, 198.0, 200.0));
        assert_eq!(of.curve.len(), curve_points().count());
        assert_eq!((of.curve[0], of.curve[1]), (1.0, 2.0));
        let one = Quantiles::of_values(vec![7.0]);
        assert_eq!((one.p50, one.max, one.curve[0]), (7.0, 7.0, 7.0));
        assert_eq!(Quantiles::of_values(Vec::new()), Quantiles::default());
    }

    #[test]
    fn microseconds_become_milliseconds_and_the_ends_are_exact() {
        let mut spread = Spread::default();
        for value in [1_234, 50_000, 123_457] {
            spread.add(value);
        }
        let of = Quantiles::of_micros(&spread);
        assert!((of.p50 - 50.0).abs() < 0.1, "{of:?}");
        assert!((of.max - 123.457).abs() < 0.2 && of.p99 <= of.max, "{of:?}");
        assert!((of.curve[0] - 1.234).abs() < 0.01, "{of:?}");
    }
}
