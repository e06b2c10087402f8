//! When a relay's limit is divided anew: seldom, since each time plans move people; and so that no second holds more than
//! the limit. Who loses is held to less first, and who gains gets it a second later.

use std::time::Duration;

use super::shares::shares;

/// As long as people only come and go within their meetings.
const LOOKED_EVERY: Duration = Duration::from_secs(10);
/// A smaller change isn't worth a plan, percent.
const WORTH_PERCENT: u32 = 10;
/// Who uses more than is left to it says so, and a plan has this long to move whom that has fed.
const EASED_FOR: Duration = Duration::from_secs(2);
/// Between what one loses and what another gains: a second, and what it is measured by.
const APART: Duration = Duration::from_millis(1_100);

/// What one meeting has of the limit now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is told.
    pub lends_kbps: u32,
    /// What is sent in it at most.
    pub sends_kbps: u32,
}

/// The limit, as it is divided.
pub struct Division {
    limit_kbps: u32,
    /// In which meetings somebody was, and before that.
    held: Vec<bool>,
    held_before: Vec<bool>,
    before: Vec<u32>,
    shares: Vec<u32>,
    stage: Stage,
    looked: Duration,
}

/// How far the way from `before` to `shares` has gone.
#[derive(Clone, Copy)]
enum Stage {
    /// Since then who loses says so.
    Eases(Duration),
    /// Since then who loses is held to it.
    Shrunk(Duration),
    Settled,
}

impl Division {
    /// Among so many meetings in which nobody is.
    pub fn new(limit_kbps: u32, meetings: usize) -> Division {
        let shares = shares(limit_kbps, &vec![None; meetings]);
        Division {
            limit_kbps,
            held: vec![false; meetings],
            held_before: vec![false; meetings],
            before: shares.clone(),
            shares,
            stage: Stage::Settled,
            looked: Duration::ZERO,
        }
    }

    /// True if it is time for [`Division::divide`]: somebody came to a meeting where nobody was, or all have left one, or
    /// ten seconds are over. `now` is counted from any moment, here and below.
    pub fn is_due(&self, now: Duration, held: &[bool]) -> bool {
        matches!(self.stage, Stage::Settled) && (self.held != held || now >= self.looked + LOOKED_EVERY)
    }

    /// Divides anew by what each meeting uses, kbit/s, if that is worth it. One that has just begun counts as using all that
    /// its lease says: it can't show yet what it needs.
    pub fn divide(&mut self, now: Duration, used: &[Option<u32>]) {
        self.looked = now;
        let promised = self.limit_kbps / u32::try_from(used.len()).unwrap_or(u32::MAX).max(1);
        let begun =
            |(used, held): (&Option<u32>, &bool)| used.map(|used| if *held { used } else { promised });
        let counted: Vec<Option<u32>> = used.iter().zip(&self.held).map(begun).collect();
        let shares = shares(self.limit_kbps, &counted);
        let held: Vec<bool> = used.iter().map(Option::is_some).collect();
        let much = |(new, old): (&u32, &u32)| {
            u64::from(new.abs_diff(*old)) * 100 > u64::from(*old) * u64::from(WORTH_PERCENT)
        };
        if held == self.held && !shares.iter().zip(&self.shares).any(much) {
            return;
        }
        let loses = shares.iter().zip(&self.shares).any(|(new, old)| new < old);
        let moves = used.iter().zip(&shares).any(|(used, share)| used.is_some_and(|used| used > *share));
        self.stage = match (loses, moves) {
            (false, _) => Stage::Settled,
            (true, false) => Stage::Shrunk(now),
            (true, true) => Stage::Eases(now),
        };
        self.before = std::mem::replace(&mut self.shares, shares);
        self.held_before = std::mem::replace(&mut self.held, held);
    }

    /// What each has now; to be asked twice a second, and to be held to.
    pub fn parts(&mut self, now: Duration) -> Vec<Part> {
        // One step for each time: what was asked for late was also held to late.
        self.stage = match self.stage {
            Stage::Eases(since) if now >= since + EASED_FOR => Stage::Shrunk(now),
            Stage::Shrunk(since) if now >= since + APART => Stage::Settled,
            stage => stage,
        };
        (0..self.shares.len()).map(|n| self.part(n)).collect()
    }

    fn part(&self, n: usize) -> Part {
        let (before, share) = (self.before[n], self.shares[n]);
        let (held, lends_kbps, sends_kbps) = match self.stage {
            Stage::Eases(_) => (self.held_before[n], share.min(before), before),
            Stage::Shrunk(_) => (self.held_before[n], share.min(before), share.min(before)),
            Stage::Settled => (self.held[n], share, share),
        };
        // Whoever was fed from the little that an empty meeting has would wait, and the node offer less for it.
        let lends_kbps = if held || self.shares.len() == 1 { lends_kbps } else { 0 };
        Part { lends_kbps, sends_kbps }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TICK: Duration = Duration::from_millis(500);

    /// What each may send, tick by tick, where `used` says what each uses.
    fn held(limit: u32, ticks: u32, used: impl Fn(u32) -> Vec<Option<u32>>) -> Vec<Vec<u32>> {
        let mut division = Division::new(limit, used(0).len());
        let of = |parts: Vec<Part>| parts.into_iter().map(|part| part.sends_kbps).collect();
        (0..ticks)
            .map(|tick| {
                let (now, used) = (TICK * tick, used(tick));
                if division.is_due(now, &used.iter().map(Option::is_some).collect::<Vec<_>>()) {
                    division.divide(now, &used);
                }
                of(division.parts(now))
            })
            .collect()
    }

    #[test]
    fn one_meeting_has_the_whole_limit_at_all_times() {
        let all = Part { lends_kbps: 20_000, sends_kbps: 20_000 };
        assert_eq!(Division::new(20_000, 1).parts(TICK), [all], "also before somebody is there");
        for kbps in held(20_000, 60, |tick| vec![(tick > 5).then_some(tick * 1_000)]) {
            assert_eq!(kbps, [20_000]);
        }
    }

    #[test]
    fn who_comes_gets_what_was_idle_a_second_after_it_was_taken_from_another() {
        let held = held(20_000, 12, |tick| vec![Some(1_000), (tick >= 4).then_some(0)]);
        assert_eq!(held[3], [19_872, 128]);
        assert_eq!((&held[4], &held[6]), (&vec![5_000, 128], &vec![5_000, 128]));
        assert_eq!(held[7], [5_000, 15_000]);
    }

    #[test]
    fn who_uses_what_another_gets_says_so_before_it_is_held_to_less() {
        let mut division = Division::new(20_000, 2);
        division.divide(Duration::ZERO, &[Some(18_000), None]);
        division.parts(TICK);
        division.divide(TICK, &[Some(18_000), Some(0)]);
        let part = |lends_kbps, sends_kbps| Part { lends_kbps, sends_kbps };
        assert_eq!(division.parts(TICK), [part(10_000, 19_872), part(0, 128)]);
        assert_eq!(division.parts(TICK + EASED_FOR), [part(10_000, 10_000), part(0, 128)]);
        assert_eq!(division.parts(TICK + EASED_FOR + APART), [part(10_000, 10_000), part(10_000, 10_000)]);
    }

    #[test]
    fn one_late_look_takes_and_gives_nothing_at_once() {
        let mut division = Division::new(20_000, 2);
        division.divide(Duration::ZERO, &[Some(18_000), None]);
        division.divide(TICK, &[Some(18_000), Some(0)]);
        let late = division.parts(TICK * 100);
        assert_eq!((late[0].sends_kbps, late[1].sends_kbps), (10_000, 128));
    }

    #[test]
    fn small_changes_and_quick_ones_disturb_no_plan() {
        let few = held(20_000, 120, |tick| vec![Some(6_000 + tick), Some(6_000 + tick * 2)]);
        assert_eq!(few[10], few[119]);
        let many = held(20_000, 120, |tick| vec![Some(1_000), Some(if tick % 2 == 0 { 0 } else { 14_000 })]);
        let changes = many[10..].windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes <= 12, "{changes} changes in a minute");
    }

    proptest! {
        /// Whatever is used when, and however late it is looked at.
        #[test]
        fn no_second_holds_more_than_the_limit(
            limit in 1_024_u32..100_000,
            looks in proptest::collection::vec(
                (1_u32..3_000, proptest::collection::vec(proptest::option::of(0_u32..100_000), 4)),
                1..200,
            ),
        ) {
            let mut division = Division::new(limit, 4);
            let mut now = Duration::ZERO;
            // When which rates began to hold.
            let mut held = vec![(now, [0; 4])];
            for (after, used) in looks {
                now += Duration::from_millis(u64::from(after));
                if division.is_due(now, &used.iter().map(Option::is_some).collect::<Vec<_>>()) {
                    division.divide(now, &used);
                }
                let parts = division.parts(now);
                held.push((now, std::array::from_fn(|n| parts[n].sends_kbps)));
                // The rates of the last second: those that began in it, and the one before.
                let begin = held.partition_point(|(at, _)| *at + Duration::from_secs(1) < now);
                let most: u32 = (0..4)
                    .map(|n| held[begin.saturating_sub(1)..].iter().map(|(_, kbps)| kbps[n]).max().unwrap_or(0))
                    .sum();
                prop_assert!(most <= limit, "{most} of {limit}");
                prop_assert!(parts.iter().all(|part| part.lends_kbps <= part.sends_kbps));
            }
        }
    }
}
