//! How one limit is divided among the meetings of a relay: a function of the limit, and of what each meeting uses.

/// What a meeting gets in which nobody is, kbit/s: an organiser's connection and hello, within a second.
const EMPTY_KBPS: u32 = 128;
/// The least that is worth a meeting, kbit/s: sound of a few, and what is said about who feeds whom (a guess).
pub const LEAST_KBPS: u32 = 256;
/// A plan leaves a quarter of an uplink unused, and so doesn't show that it would use more: what is used counts so many
/// percent, which is that and a little to grow into.
const WANTED_PERCENT: u64 = 150;

/// Who gets how much of `limit_kbps`, by what each uses; `None` is a meeting in which nobody is. They never add up to more.
/// Who uses no more than an equal part keeps that, whatever others use, and has half an equal part at least; what nobody
/// wants is divided equally. A relay's only meeting has all.
pub fn shares(limit_kbps: u32, used: &[Option<u32>]) -> Vec<u32> {
    let meetings = u32::try_from(used.len()).unwrap_or(u32::MAX);
    if meetings <= 1 {
        return vec![limit_kbps; used.len()];
    }
    let empty = EMPTY_KBPS.min(limit_kbps / meetings);
    let mut shares = vec![empty; used.len()];
    let mut held = u32::try_from(used.iter().flatten().count()).unwrap_or(u32::MAX);
    if held == 0 {
        return shares;
    }
    let mut left = limit_kbps - empty * (meetings - held);
    let equal = left / held;
    let mut wanted: Vec<(u32, usize)> =
        used.iter().enumerate().filter_map(|(n, used)| Some((wants((*used)?, equal), n))).collect();
    wanted.sort_unstable();
    // Who wants least comes first: what that leaves of an equal part is for the others.
    for (wants, n) in &wanted {
        shares[*n] = (*wants).min(left / held);
        left -= shares[*n];
        held -= 1;
    }
    let more = left / u32::try_from(wanted.len()).unwrap_or(u32::MAX);
    wanted.iter().for_each(|(_, n)| shares[*n] += more);
    shares
}

/// What a meeting would use if it could, kbit/s.
fn wants(used: u32, equal: u32) -> u32 {
    let more = u64::from(used) * WANTED_PERCENT / 100;
    u32::try_from(more).unwrap_or(u32::MAX).max(equal / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn used() -> impl Strategy<Value = Vec<Option<u32>>> {
        proptest::collection::vec(proptest::option::of(0_u32..200_000), 1..=8)
    }

    /// An equal part of what empty meetings leave.
    fn equal(limit: u32, used: &[Option<u32>], shares: &[u32]) -> u32 {
        let empty = used.iter().zip(shares).filter(|(used, _)| used.is_none()).map(|(_, share)| share);
        (limit - empty.sum::<u32>()) / used.iter().flatten().count().max(1) as u32
    }

    #[test]
    fn a_relays_only_meeting_has_all() {
        assert_eq!(shares(20_000, &[None]), [20_000]);
        assert_eq!(shares(20_000, &[Some(30_000)]), [20_000]);
    }

    #[test]
    fn what_one_meeting_leaves_is_the_others() {
        assert_eq!(shares(20_000, &[None, None]), [128, 128], "nobody is there");
        assert_eq!(shares(20_000, &[Some(0), None]), [19_872, 128]);
        assert_eq!(shares(20_000, &[Some(8_000), Some(8_000)]), [10_000, 10_000]);
        assert_eq!(shares(20_000, &[Some(0), Some(15_000)]), [5_000, 15_000]);
        assert_eq!(shares(20_000, &[Some(4_000), Some(15_000)]), [6_000, 14_000]);
        assert_eq!(shares(20_000, &[Some(2_000), Some(4_000)]), [9_500, 10_500]);
    }

    #[test]
    fn a_meeting_that_comes_late_grows_to_an_equal_part_against_one_that_uses_all() {
        // What a plan can use of an uplink: 85 percent, less a tenth.
        let uses = |share: u32| Some(share * 765 / 1_000);
        let mut now = shares(20_000, &[Some(0), Some(20_000)]);
        for _ in 0..6 {
            now = shares(20_000, &[uses(now[0]), uses(now[1])]);
        }
        assert_eq!(now, [10_000, 10_000]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn all_shares_together_are_within_the_limit(limit in 64_u32..1_000_000, used in used()) {
            let shares = shares(limit, &used);
            prop_assert_eq!(shares.len(), used.len());
            prop_assert!(shares.iter().map(|share| u64::from(*share)).sum::<u64>() <= u64::from(limit));
        }

        #[test]
        fn nobody_who_uses_less_than_an_equal_part_loses_for_others(limit in 2_048_u32..1_000_000, used in used()) {
            let shares = shares(limit, &used);
            let equal = equal(limit, &used, &shares);
            for (used, share) in used.iter().zip(&shares) {
                match used {
                    Some(used) => prop_assert!(*share >= (*used).min(equal) && *share >= equal / 2),
                    None => prop_assert!(*share <= EMPTY_KBPS || shares.len() == 1),
                }
            }
        }

        #[test]
        fn nothing_is_left_idle_while_somebody_is_there(limit in 2_048_u32..1_000_000, used in used()) {
            prop_assume!(used.iter().any(Option::is_some));
            let shares = shares(limit, &used);
            prop_assert!(shares.iter().sum::<u32>() + used.len() as u32 > limit);
        }

        #[test]
        fn who_uses_more_gets_no_less(limit in 2_048_u32..1_000_000, used in used()) {
            let shares = shares(limit, &used);
            let mut held: Vec<(u32, u32)> =
                used.iter().zip(&shares).filter_map(|(used, share)| Some(((*used)?, *share))).collect();
            held.sort_unstable();
            prop_assert!(held.is_sorted_by_key(|(_, share)| *share));
        }
    }
}
