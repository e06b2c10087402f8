//! A model of turn-taking: somebody holds the floor, the next one begins a moment before or after its end, and
//! others throw in a word meanwhile.
//!
//! Its tables are percentiles of 82,973 stretches of speech in 170 meetings of 3 to 5 people of the AMI corpus
//! (Carletta et al., 2005; annotations CC BY 4.0, credit: AMI consortium; segments as in BUT's AMI diarization
//! setup). A stretch belongs to the floor if it ends after all that began before it. A meeting has its own pace,
//! which stretches and pauses share.

use std::time::Duration;

use overlay_core::time::Time;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Turn;
use crate::rng;

/// Thousandths of a value by percentile in ten thousandths; values between lie on straight lines.
type Table = [(u32, i64); 13];

/// A stretch of the floor after one's own, ms.
#[rustfmt::skip]
const OWN_SPAN: Table = [
    (0, 30), (500, 400), (1_000, 610), (2_000, 1_150), (3_000, 1_860), (4_000, 2_830), (5_000, 4_180),
    (6_000, 6_130), (7_000, 8_970), (8_000, 13_460), (9_000, 21_450), (9_500, 29_090), (10_000, 50_000),
];
/// A stretch of the floor after somebody else's, ms.
#[rustfmt::skip]
const OTHER_SPAN: Table = [
    (0, 30), (500, 290), (1_000, 410), (2_000, 870), (3_000, 1_460), (4_000, 2_120), (5_000, 2_940),
    (6_000, 4_000), (7_000, 5_500), (8_000, 7_830), (9_000, 12_710), (9_500, 18_670), (10_000, 40_000),
];
/// A word thrown in, ms.
#[rustfmt::skip]
const WORD_SPAN: Table = [
    (0, 30), (500, 180), (1_000, 220), (2_000, 280), (3_000, 330), (4_000, 390), (5_000, 460),
    (6_000, 590), (7_000, 830), (8_000, 1_210), (9_000, 1_880), (9_500, 2_610), (10_000, 5_620),
];
/// A pause before going on oneself, ms.
#[rustfmt::skip]
const OWN_PAUSE: Table = [
    (0, 10), (500, 580), (1_000, 920), (2_000, 1_150), (3_000, 1_270), (4_000, 1_430), (5_000, 1_620),
    (6_000, 1_860), (7_000, 2_220), (8_000, 2_860), (9_000, 4_430), (9_500, 6_580), (10_000, 19_930),
];
/// A pause before somebody else begins, ms; negative if they begin before the end.
#[rustfmt::skip]
const OTHER_PAUSE: Table = [
    (0, -6_000), (500, -2_110), (1_000, -1_450), (2_000, -800), (3_000, -410), (4_000, -90), (5_000, 130),
    (6_000, 330), (7_000, 570), (8_000, 930), (9_000, 1_610), (9_500, 2_640), (10_000, 10_660),
];
/// The pace of a meeting, percent of the spans above: so that changes of speaker a minute spread as in the corpus.
#[rustfmt::skip]
const PACE: Table = [
    (0, 65), (500, 71), (1_000, 77), (2_000, 85), (3_000, 92), (4_000, 99), (5_000, 107),
    (6_000, 116), (7_000, 129), (8_000, 149), (9_000, 196), (9_500, 216), (10_000, 238),
];
// Each table is the corpus's own, but in a meeting they depend on each other, and here they are drawn apart. The five
// figures below make up for it: they are fitted to the shares of the time in which nobody, one, two… speak.

/// The floor goes on with whoever had it, of ten thousand; 2,023 in the corpus.
const OWN_OF_TEN_THOUSAND: u32 = 2_350;
/// Mean time between words thrown in while somebody holds the floor, ms: 0.097 a second in the corpus, and more
/// here, since those that would outlast the floor are not said.
const WORD_EVERY_MS: f64 = 8_500.0;
/// Length of such a word, percent of the table's.
const WORD_PERCENT: i64 = 115;
/// How far somebody else begins before the end, percent of the table's.
const BEFORE_PERCENT: i64 = 120;
/// How long after the end somebody else begins, percent of the table's.
const AFTER_PERCENT: i64 = 110;
/// The least by which a stretch begins after the one before it and ends after it, ms.
const STEP_MS: i64 = 30;

/// Turns of a conversation of so many people, in the order of their starts.
pub fn talk(speakers: u32, length: Duration, rng: &mut ChaCha8Rng) -> Vec<Turn> {
    if speakers == 0 {
        return Vec::new();
    }
    let end = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    let pace = draw(&PACE, 100, rng);
    let mut talk = Talk { turns: Vec::new(), busy: vec![i64::MIN; speakers as usize], pace };
    let mut floor = Floor { who: rng.random_range(0..speakers), start: 0, end: 0 };
    floor.end = draw(&OTHER_SPAN, pace, rng);
    while floor.start < end {
        talk.say(floor.who, floor.start, floor.end);
        talk.words(&floor, rng);
        floor = talk.next(&floor, rng);
    }
    talk.turns.retain(|(start, ..)| *start < end);
    talk.turns.sort_unstable();
    let ms = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    let turn = |(start, speaker, stop): (i64, u32, i64)| Turn {
        speaker,
        start: Time::ZERO + ms(start),
        span: ms(stop.min(end) - start),
    };
    talk.turns.into_iter().map(turn).collect()
}

/// Who has the floor, in ms.
struct Floor {
    who: u32,
    start: i64,
    end: i64,
}

struct Talk {
    /// Start, speaker, end.
    turns: Vec<(i64, u32, i64)>,
    /// Until when each speaks.
    busy: Vec<i64>,
    pace: i64,
}

impl Talk {
    fn say(&mut self, who: u32, start: i64, end: i64) {
        self.turns.push((start, who, end));
        let busy = &mut self.busy[who as usize];
        *busy = end.max(*busy);
    }

    /// What others throw in while somebody has the floor.
    fn words(&mut self, floor: &Floor, rng: &mut ChaCha8Rng) {
        let mean = WORD_EVERY_MS * self.pace as f64 / 100.0;
        let mut at = floor.start;
        loop {
            at += rng::exponential(rng, mean) as i64 + 1;
            if at >= floor.end {
                return;
            }
            let stop = at + draw(&WORD_SPAN, self.pace * WORD_PERCENT / 100, rng);
            if let Some(who) = self.other(floor.who, at, rng)
                && stop <= floor.end
            {
                self.say(who, at, stop);
            }
        }
    }

    fn next(&mut self, floor: &Floor, rng: &mut ChaCha8Rng) -> Floor {
        let other = if self.busy.len() == 1 || rng.random_range(0..10_000) < OWN_OF_TEN_THOUSAND {
            None
        } else {
            let pause = draw(&OTHER_PAUSE, self.pace, rng);
            let pause = pause * if pause < 0 { BEFORE_PERCENT } else { AFTER_PERCENT } / 100;
            let start = (floor.end + pause).max(floor.start + STEP_MS);
            self.other(floor.who, start, rng).map(|who| (who, start))
        };
        match other {
            Some((who, start)) => {
                let span = draw(&OTHER_SPAN, self.pace, rng);
                Floor { who, start, end: (start + span).max(floor.end + STEP_MS) }
            }
            None => {
                let start = floor.end + draw(&OWN_PAUSE, self.pace, rng).max(STEP_MS);
                Floor { who: floor.who, start, end: start + draw(&OWN_SPAN, self.pace, rng) }
            }
        }
    }

    /// Somebody else who does not speak at this time.
    fn other(&self, than: u32, at: i64, rng: &mut ChaCha8Rng) -> Option<u32> {
        let quiet = |who: &u32| *who != than && self.busy[*who as usize] < at;
        let quiet: Vec<u32> = (0_u32..).take(self.busy.len()).filter(quiet).collect();
        (!quiet.is_empty()).then(|| quiet[rng.random_range(0..quiet.len() as u64) as usize])
    }
}

/// A value of a table, at this percentage of it.
fn draw(table: &Table, percent: i64, rng: &mut ChaCha8Rng) -> i64 {
    let at = rng.random_range(0..10_000_u32);
    let upper = table.iter().position(|(percentile, _)| at < *percentile).unwrap_or(table.len() - 1);
    let ((p0, low), (p1, high)) = (table[upper - 1], table[upper]);
    let value = low + (high - low) * i64::from(at - p0) / i64::from(p1 - p0);
    value * percent / 100
}
