//! How loud sound is, and whether somebody speaks.

use std::collections::VecDeque;

/// The level of silence: decibels below the loudest there is, see [`below_db`].
pub const SILENCE: u8 = 127;
/// Speech is at least this loud, whatever the room is like (a guess).
const LOUD_BELOW_DB: u8 = 55;
/// And louder than the room by this much (a guess).
const ABOVE_ROOM_DB: u8 = 9;
/// What the room is like is the quietest of so many packets: five seconds, in which everybody takes a breath.
const ROOM_PACKETS: usize = 250;
/// So many loud packets of the last [`OF_PACKETS`] are speech: a click is not.
const LOUD_PACKETS: u32 = 3;
const OF_PACKETS: u32 = 5;
/// Speech goes on over pauses of so many packets: 400 ms, between words.
const HANGOVER_PACKETS: u32 = 20;

/// The level of 20 ms of sound, as RFC 6464 (3) has it: the root mean square as decibels below a square wave of full
/// scale, 127 for silence.
pub fn below_db(samples: &[i16]) -> u8 {
    let square = |sample: &i16| f64::from(*sample) * f64::from(*sample);
    let mean = samples.iter().map(square).sum::<f64>() / samples.len().max(1) as f64;
    let below = -20.0 * (mean.sqrt() / 32_767.0).log10();
    below.clamp(0.0, f64::from(SILENCE)).round() as u8
}

/// What a source says of its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speech {
    /// Somebody speaks.
    pub speaks: bool,
    /// The loudest lately, see [`below_db`].
    pub below_db: u8,
}

/// Tells from levels whether somebody speaks.
#[derive(Debug)]
pub struct Voice {
    lately: VecDeque<u8>,
    /// The last packets, the newest in the lowest bit: which were loud.
    loud: u32,
    /// Packets since the last that was speech; none while nobody speaks.
    since: Option<u32>,
}

impl Default for Voice {
    fn default() -> Voice {
        Voice { lately: VecDeque::with_capacity(ROOM_PACKETS), loud: 0, since: None }
    }
}

impl Voice {
    /// Takes the level of the next 20 ms.
    pub fn hear(&mut self, below_db: u8) -> Speech {
        let room = self.lately.iter().copied().max().unwrap_or(SILENCE);
        if self.lately.len() == ROOM_PACKETS {
            self.lately.pop_front();
        }
        self.lately.push_back(below_db);
        let is_loud = below_db <= LOUD_BELOW_DB && below_db.saturating_add(ABOVE_ROOM_DB) <= room;
        self.loud = (self.loud << 1 | u32::from(is_loud)) & ((1 << OF_PACKETS) - 1);
        if self.loud.count_ones() >= LOUD_PACKETS {
            self.since = Some(0);
        } else if let Some(since) = &mut self.since {
            *since += 1;
        }
        self.since = self.since.filter(|since| *since < HANGOVER_PACKETS);
        let loudest = self.lately.iter().rev().take(OF_PACKETS as usize).copied().min();
        Speech { speaks: self.since.is_some(), below_db: loudest.unwrap_or(SILENCE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_that_of_the_rfc() {
        assert_eq!(below_db(&[0; 960]), SILENCE);
        assert_eq!(below_db(&[]), SILENCE);
        assert_eq!(below_db(&[i16::MAX; 960]), 0);
        assert_eq!(below_db(&[3_277, -3_277].repeat(480)), 20);
        let sine = |at: i32| (f64::from(at) * 0.1).sin() * 32_767.0;
        assert_eq!(below_db(&(0..960).map(|at| sine(at) as i16).collect::<Vec<_>>()), 3);
    }

    fn hear(voice: &mut Voice, levels: &[(u8, usize)]) -> Vec<bool> {
        let all = levels.iter().flat_map(|(level, packets)| std::iter::repeat_n(*level, *packets));
        all.map(|level| voice.hear(level).speaks).collect()
    }

    #[test]
    fn speech_is_noticed_in_three_packets_and_goes_on_over_a_pause_between_words() {
        let mut voice = Voice::default();
        let spoken = hear(&mut voice, &[(70, 50), (30, 10), (70, 15), (30, 10)]);
        assert_eq!(spoken.iter().position(|speaks| *speaks), Some(52));
        assert!(spoken[52..].iter().all(|speaks| *speaks));
        let after = hear(&mut voice, &[(70, 50)]);
        let ends = after.iter().position(|speaks| !speaks).expect("it ends");
        assert!((20..=22).contains(&ends), "{ends}");
        assert!(after[ends..].iter().all(|speaks| !speaks));
    }

    #[test]
    fn a_click_a_hum_and_silence_are_no_speech() {
        let mut voice = Voice::default();
        assert!(!hear(&mut voice, &[(70, 50), (10, 2), (70, 50)]).contains(&true), "a click");
        assert!(!hear(&mut voice, &[(SILENCE, 50), (60, 200)]).contains(&true), "too faint");
        let hum = hear(&mut voice, &[(40, 1_000)]);
        assert!(!hum[300..].contains(&true), "what never pauses is the room");
        assert!(hear(&mut voice, &[(28, 10)]).contains(&true), "who speaks in a loud room is heard");
    }

    #[test]
    fn a_muted_source_is_silent() {
        let mut voice = Voice::default();
        assert_eq!(voice.hear(SILENCE), Speech { speaks: false, below_db: SILENCE });
        assert!(!hear(&mut voice, &[(SILENCE, 500)]).contains(&true));
    }
}
