//! The model of turn-taking has the statistics of the meetings that it is fitted to.

use std::time::Duration;

use netsim::rng::{Subsystem, stream};
use netsim::turns::{Turn, talk};

const HOUR: Duration = Duration::from_secs(3_600);
const MEETINGS: u64 = 200;

fn meetings() -> Vec<Vec<Turn>> {
    (0..MEETINGS).map(|seed| talk(4, HOUR, &mut stream(seed, Subsystem::Speech))).collect()
}

/// Shares of the time in which 0, 1, … people speak, and how often in it the one who began last of those who
/// speak is another one.
fn sweep(turns: &[Turn]) -> ([f64; 6], u32) {
    let mut moments: Vec<(u64, bool, u32)> = Vec::new();
    for turn in turns {
        moments.push((turn.start.0, true, turn.speaker));
        moments.push(((turn.start + turn.span).0, false, turn.speaker));
    }
    moments.sort_unstable();
    let (mut shares, mut speaking, mut last, mut heard, mut changes) = ([0.0; 6], Vec::new(), 0, None, 0);
    for (at, begins, who) in moments {
        shares[speaking.len()] += (at - last) as f64 / HOUR.as_nanos() as f64;
        last = at;
        if begins {
            speaking.push(who);
        } else {
            speaking.retain(|other| *other != who);
        }
        if let Some(now) = speaking.last().copied()
            && heard != Some(now)
        {
            changes += u32::from(heard.is_some());
            heard = Some(now);
        }
    }
    (shares, changes)
}

/// Within so many percent.
fn near(what: &str, is: f64, wanted: f64, percent: f64) {
    println!("{what}: {is:.2}, in the corpus {wanted}");
    assert!((is - wanted).abs() <= wanted * percent / 100.0, "{what} is {is:.2} and not about {wanted}");
}

#[test]
fn talk_spurts_are_as_long_as_in_the_corpus() {
    let mut spans: Vec<f64> = meetings().iter().flatten().map(|turn| turn.span.as_secs_f64()).collect();
    spans.sort_by(f64::total_cmp);
    near("p50, s", spans[spans.len() / 2], 1.5, 10.0);
    near("mean, s", spans.iter().sum::<f64>() / spans.len() as f64, 4.0, 10.0);
    near("p90, s", spans[spans.len() * 9 / 10], 10.7, 10.0);
}

#[test]
fn as_many_speak_at_once_as_in_the_corpus() {
    let mut shares = [0.0; 6];
    for turns in meetings() {
        for (sum, share) in shares.iter_mut().zip(sweep(&turns).0) {
            *sum += share / MEETINGS as f64 * 100.0;
        }
    }
    // What follows the last turn is silence, too.
    shares[0] += 100.0 - shares.iter().sum::<f64>();
    for (count, (wanted, percent)) in
        [(17.0, 5.0), (71.8, 3.0), (10.1, 6.0), (1.1, 25.0), (0.06, 80.0)].into_iter().enumerate()
    {
        near(&format!("{count} at once, % of the time"), shares[count], wanted, percent);
    }
}

#[test]
fn speakers_change_as_often_as_in_the_corpus() {
    let mut a_minute: Vec<f64> = meetings().iter().map(|turns| f64::from(sweep(turns).1) / 60.0).collect();
    a_minute.sort_by(f64::total_cmp);
    for (percentile, wanted) in [(10, 9.0), (50, 16.0), (90, 23.0)] {
        near(&format!("p{percentile}, a minute"), a_minute[a_minute.len() * percentile / 100], wanted, 12.0);
    }
}

#[test]
fn nobody_speaks_twice_at_once_or_beyond_the_end() {
    for speakers in [1, 2, 20] {
        let turns = talk(speakers, HOUR, &mut stream(1, Subsystem::Speech));
        assert!(turns.is_sorted_by_key(|turn| turn.start));
        assert!(turns.iter().all(|turn| (turn.start + turn.span).0 <= HOUR.as_nanos() as u64));
        for who in 0..speakers {
            let mine: Vec<&Turn> = turns.iter().filter(|turn| turn.speaker == who).collect();
            assert!(!mine.is_empty(), "{who} of {speakers} never speaks");
            assert!(mine.windows(2).all(|pair| pair[0].start + pair[0].span < pair[1].start), "{who}");
        }
    }
    assert!(talk(0, HOUR, &mut stream(1, Subsystem::Speech)).is_empty());
}
