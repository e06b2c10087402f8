//! Who deserves a place on a crowded stage: a pure state machine of whoever coordinates, which is a member and is told who
//! speaks. The core itself never sees a level.
//!
//! Who is heard changes little: three hold a voice, and only somebody who begins to speak takes one, from whoever was silent
//! longest. Of them one is in front, whose larger pictures are sent, unless a screen is shared.

use std::collections::BTreeMap;

use crate::config;
use crate::id::NodeId;
use crate::io::{Claim, Part};
use crate::time::Time;

/// What a source says of its sound. Only members can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speech {
    /// Somebody speaks.
    pub speaks: bool,
    /// How loud, as RFC 6464 has it: decibels below the loudest there is, 127 for silence.
    pub below_db: u8,
}

/// See the module.
///
/// - Tell it: [`Floor::heard`], [`Floor::pins`], [`Floor::hands`], [`Floor::screens`], [`Floor::gone`].
/// - Ask after each, and at [`Floor::deadline`]: [`Floor::turn`].
#[derive(Debug)]
pub struct Floor {
    gallery: u8,
    speakers: BTreeMap<NodeId, Speaker>,
    /// Who is heard, in the order in which they came to it.
    voices: Vec<NodeId>,
    front: Option<NodeId>,
    pinned: Vec<NodeId>,
    hands: Vec<NodeId>,
    screens: Vec<NodeId>,
    told: Option<Vec<Claim>>,
    /// When it was asked last.
    looked: Time,
}

#[derive(Clone, Copy, Debug)]
struct Speaker {
    /// When it began to speak; none while it is silent.
    since: Option<Time>,
    /// When it was last heard to speak.
    last: Time,
    below_db: u8,
}

impl Floor {
    /// A stage on which nobody has spoken, with so many thumbnails.
    pub fn new(gallery: u8) -> Floor {
        Floor {
            gallery: gallery.min(config::GALLERY_MAX),
            speakers: BTreeMap::new(),
            voices: Vec::new(),
            front: None,
            pinned: Vec::new(),
            hands: Vec::new(),
            screens: Vec::new(),
            told: None,
            looked: Time::ZERO,
        }
    }

    /// Thumbnails beside those who speak.
    pub fn gallery(&self) -> u8 {
        self.gallery
    }

    /// A source says that it speaks, or is silent.
    pub fn heard(&mut self, now: Time, who: NodeId, said: Speech) {
        if !self.speakers.contains_key(&who) {
            if !said.speaks {
                return;
            }
            self.make_room();
        }
        let new = Speaker { since: None, last: now, below_db: said.below_db };
        let speaker = self.speakers.entry(who).or_insert(new);
        speaker.below_db = said.below_db;
        if said.speaks || speaker.since.is_some() {
            speaker.last = now;
        }
        speaker.since = said.speaks.then_some(speaker.since.unwrap_or(now));
    }

    /// Forgets whoever was silent longest and is not heard.
    fn make_room(&mut self) {
        if self.speakers.len() < config::SPEAKERS_MAX {
            return;
        }
        let others = self.speakers.iter().filter(|(who, _)| !self.voices.contains(who));
        let stale = others.min_by_key(|(who, speaker)| (speaker.since.is_some(), speaker.last, **who));
        if let Some(who) = stale.map(|(who, _)| *who) {
            self.speakers.remove(&who);
        }
    }

    /// Whom hosts want seen whatever happens.
    pub fn pins(&mut self, pinned: impl IntoIterator<Item = NodeId>) {
        self.pinned = pinned.into_iter().take(config::CLAIMED_MAX).collect();
    }

    /// Whose hands are up, the first of them first.
    pub fn hands(&mut self, hands: impl IntoIterator<Item = NodeId>) {
        self.hands = hands.into_iter().take(config::CLAIMED_MAX).collect();
    }

    /// Who shares a screen. Who did before stays before those who begin to.
    pub fn screens(&mut self, screens: impl IntoIterator<Item = NodeId>) {
        let now: Vec<NodeId> = screens.into_iter().take(config::CLAIMED_MAX).collect();
        self.screens.retain(|who| now.contains(who));
        let fresh: Vec<NodeId> = now.into_iter().filter(|who| !self.screens.contains(who)).collect();
        self.screens.extend(fresh);
    }

    /// Somebody has gone.
    pub fn gone(&mut self, who: NodeId) {
        self.speakers.remove(&who);
        for list in [&mut self.voices, &mut self.pinned, &mut self.hands, &mut self.screens] {
            list.retain(|other| *other != who);
        }
        self.front = self.front.filter(|front| *front != who);
    }

    /// Who deserves what now; nothing if that is as it was told last.
    pub fn turn(&mut self, now: Time) -> Option<Vec<Claim>> {
        for speaker in self.speakers.values_mut() {
            if now.since(speaker.last) >= config::SPEAKS_FOR {
                speaker.since = None;
            }
        }
        self.looked = now;
        self.give_voices();
        self.choose_front(now);
        let claims = self.claims();
        let news = self.told.as_ref() != Some(&claims);
        news.then(|| self.told.insert(claims).clone())
    }

    /// When [`Floor::turn`] may say something else though nothing was told.
    pub fn deadline(&self) -> Option<Time> {
        let speaking = self.speakers.values().filter_map(|speaker| Some((speaker.since?, speaker.last)));
        let speaking = speaking.flat_map(|(since, last)| {
            [since + config::FRONT_AFTER, since + config::FRONT_OVER_AFTER, last + config::SPEAKS_FOR]
        });
        let looked = self.looked;
        speaking.filter(|at| *at > looked).min()
    }

    fn speaks(&self, who: NodeId) -> Option<Time> {
        self.speakers.get(&who).and_then(|speaker| speaker.since)
    }

    fn last(&self, who: NodeId) -> Time {
        self.speakers.get(&who).map_or(Time::ZERO, |speaker| speaker.last)
    }

    /// Who speaks and is not heard, whoever began first comes first.
    fn unheard(&self) -> Vec<NodeId> {
        let main = self.screens.first();
        let speaking = self.speakers.iter().filter_map(|(who, speaker)| Some((speaker.since?, *who)));
        let mut unheard: Vec<(Time, NodeId)> =
            speaking.filter(|(_, who)| !self.voices.contains(who) && Some(who) != main).collect();
        unheard.sort_unstable();
        unheard.into_iter().map(|(_, who)| who).collect()
    }

    fn give_voices(&mut self) {
        // Who shares the screen is heard with it.
        let main = self.screens.first().copied();
        self.voices.retain(|who| Some(*who) != main);
        for who in self.unheard() {
            if self.voices.len() < usize::from(config::VOICES) {
                self.voices.push(who);
                continue;
            }
            let free = self.voices.iter().copied().filter(|who| self.speaks(*who).is_none());
            let longest = free.min_by_key(|who| (self.last(*who), *who));
            let Some(longest) = longest else { return };
            self.voices.retain(|who| *who != longest);
            self.voices.push(who);
        }
    }

    fn choose_front(&mut self, now: Time) {
        let spoken = |who: NodeId| self.speaks(who).map(|since| now.since(since));
        let Some(front) = self.front.filter(|who| self.voices.contains(who)) else {
            self.front = self.voices.iter().copied().max_by_key(|who| (spoken(*who), *who));
            return;
        };
        let patience = match spoken(front) {
            None => config::FRONT_AFTER,
            Some(_) => config::FRONT_OVER_AFTER,
        };
        let below_db = |who: NodeId| self.speakers.get(&who).map_or(u8::MAX, |speaker| speaker.below_db);
        let louder = |who: NodeId| {
            spoken(front).is_none() || below_db(who).saturating_add(config::FRONT_OVER_DB) <= below_db(front)
        };
        let others = self.voices.iter().copied().filter(|who| *who != front && louder(*who));
        let ready = others.filter(|who| spoken(*who).is_some_and(|spoken| spoken >= patience));
        self.front = ready.max_by_key(|who| (spoken(*who), *who)).or(self.front);
    }

    /// In the order of parts. Within one the order says nothing, so that it is no news.
    fn claims(&self) -> Vec<Claim> {
        let main = self.screens.first().copied();
        let mut claims: Vec<Claim> =
            main.map(|source| Claim { part: Part::Main, source }).into_iter().collect();
        let voice = |source: NodeId| match main.is_none() && self.front == Some(source) {
            true => Claim { part: Part::Front, source },
            false => Claim { part: Part::Voice, source },
        };
        claims.extend(self.voices.iter().copied().map(voice));
        let mut spoke: Vec<(Time, NodeId)> =
            self.speakers.iter().map(|(who, speaker)| (speaker.last, *who)).collect();
        spoke.sort_unstable_by(|a, b| b.cmp(a));
        let wanted = self.pinned.iter().chain(&self.hands).chain(&self.screens).copied();
        let mut seen = 0;
        for source in wanted.chain(spoke.into_iter().map(|(_, who)| who)) {
            if seen == self.gallery {
                break;
            }
            if claims.iter().all(|claim| claim.source != source) {
                claims.push(Claim { part: Part::Gallery, source });
                seen += 1;
            }
        }
        claims.sort_unstable();
        claims
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    fn says(floor: &mut Floor, ms: u64, who: u8, speaks: bool) {
        floor.heard(at(ms), id(who), Speech { speaks, below_db: 30 });
        let _ = floor.turn(at(ms));
    }

    /// Who has which part once `ms` have passed; the time goes on as the deadlines say.
    fn at_last(floor: &mut Floor, ms: u64, part: Part) -> Vec<u8> {
        let _ = floor.turn(at(ms));
        let told = floor.told.clone().unwrap_or_default();
        told.iter().filter(|claim| claim.part == part).map(|claim| claim.source.0[0]).collect()
    }

    fn heard(floor: &mut Floor, ms: u64) -> Vec<u8> {
        let mut all = at_last(floor, ms, Part::Front);
        all.extend(at_last(floor, ms, Part::Voice));
        all.sort_unstable();
        all
    }

    #[test]
    fn whoever_begins_to_speak_is_heard_at_once_in_place_of_whoever_was_silent_longest() {
        let mut floor = Floor::new(9);
        for (n, ms) in [(1, 0), (2, 5_000), (3, 10_000)] {
            says(&mut floor, ms, n, true);
            says(&mut floor, ms + 2_000, n, false);
            assert_eq!(heard(&mut floor, ms + 2_000).len(), usize::from(n));
        }
        says(&mut floor, 15_000, 4, true);
        assert_eq!(heard(&mut floor, 15_000), [2, 3, 4]);
        says(&mut floor, 16_000, 1, true);
        assert_eq!(heard(&mut floor, 16_000), [1, 3, 4]);
        assert_eq!(at_last(&mut floor, 16_000, Part::Gallery), [2], "who made way is still seen");
    }

    #[test]
    fn nobody_who_speaks_makes_way_and_who_waits_is_heard_as_soon_as_one_has_ended() {
        let mut floor = Floor::new(9);
        (1..=4).for_each(|n| says(&mut floor, u64::from(n), n, true));
        assert_eq!(heard(&mut floor, 1_000), [1, 2, 3]);
        says(&mut floor, 1_100, 2, false);
        assert_eq!(heard(&mut floor, 1_100), [1, 3, 4]);
    }

    #[test]
    fn a_word_of_assent_moves_no_picture_and_a_change_of_speaker_does_within_half_a_second() {
        let mut floor = Floor::new(9);
        says(&mut floor, 0, 1, true);
        assert_eq!(at_last(&mut floor, 0, Part::Front), [1]);
        says(&mut floor, 3_000, 1, true);
        says(&mut floor, 3_000, 2, true);
        assert_eq!(at_last(&mut floor, 3_500, Part::Front), [1], "both speak");
        says(&mut floor, 3_600, 2, false);
        says(&mut floor, 4_000, 1, false);
        says(&mut floor, 4_100, 3, true);
        assert_eq!(at_last(&mut floor, 4_200, Part::Front), [1]);
        says(&mut floor, 4_250, 3, false);
        assert_eq!(at_last(&mut floor, 4_600, Part::Front), [1], "a cough");
        says(&mut floor, 5_000, 2, true);
        assert_eq!(floor.deadline(), Some(at(5_000) + config::FRONT_AFTER));
        assert_eq!(at_last(&mut floor, 5_250, Part::Front), [2]);
    }

    #[test]
    fn of_two_who_speak_the_louder_comes_to_the_front_after_a_while() {
        let mut floor = Floor::new(9);
        for (ms, below_db) in [(0, 30), (1_000, 25), (2_000, 24)] {
            says(&mut floor, ms, 1, true);
            floor.heard(at(ms), id(2), Speech { speaks: true, below_db });
            assert_eq!(at_last(&mut floor, ms, Part::Front), [if ms == 2_000 { 2 } else { 1 }], "{ms}");
        }
    }

    #[test]
    fn who_is_not_heard_of_again_is_silent() {
        let mut floor = Floor::new(9);
        (1..=3).for_each(|n| says(&mut floor, 0, n, true));
        assert_eq!(heard(&mut floor, 0), [1, 2, 3]);
        (2..=4).for_each(|n| says(&mut floor, 2_900, n, true));
        assert_eq!(heard(&mut floor, 2_900), [1, 2, 3]);
        assert_eq!(heard(&mut floor, 3_000), [2, 3, 4]);
    }

    #[test]
    fn pins_then_hands_then_who_spoke_last_are_seen_and_a_screen_has_a_place_of_its_own() {
        let mut floor = Floor::new(4);
        for n in 1..=9 {
            says(&mut floor, u64::from(n) * 1_000, n, true);
            says(&mut floor, u64::from(n) * 1_000 + 200, n, false);
        }
        assert_eq!(heard(&mut floor, 20_000), [7, 8, 9]);
        assert_eq!(at_last(&mut floor, 20_000, Part::Gallery), [3, 4, 5, 6]);
        floor.pins([id(1)]);
        floor.hands([id(50), id(2)]);
        assert_eq!(at_last(&mut floor, 20_000, Part::Gallery), [1, 2, 6, 50]);
        floor.screens([id(60), id(8)]);
        assert_eq!(at_last(&mut floor, 20_000, Part::Main), [60]);
        assert_eq!(
            at_last(&mut floor, 20_000, Part::Front),
            Vec::<u8>::new(),
            "the screen is the large picture"
        );
        says(&mut floor, 21_000, 60, true);
        assert_eq!(heard(&mut floor, 21_000), [7, 8, 9], "it is heard there as well");
        floor.screens([id(8)]);
        assert_eq!(at_last(&mut floor, 21_000, Part::Main), [8]);
        floor.pins([]);
        floor.hands([]);
        floor.gone(id(8));
        assert_eq!(heard(&mut floor, 21_000), [7, 9, 60]);
        assert_eq!(at_last(&mut floor, 21_000, Part::Gallery), [3, 4, 5, 6]);
    }

    #[test]
    fn what_is_as_it_was_is_no_news_and_nothing_grows_without_bound() {
        let mut floor = Floor::new(9);
        floor.heard(at(0), id(1), Speech { speaks: true, below_db: 30 });
        assert!(floor.turn(at(0)).is_some());
        floor.heard(at(500), id(1), Speech { speaks: true, below_db: 20 });
        assert_eq!(floor.turn(at(500)), None);
        says(&mut floor, 1_000, 1, true);
        assert_eq!(floor.turn(at(1_000)), None);
        for n in 0..3_000_u64 {
            let mut who = [7; 32];
            who[..8].copy_from_slice(&n.to_be_bytes());
            floor.heard(at(2_000 + n), NodeId(who), Speech { speaks: true, below_db: 30 });
            let claims = floor.turn(at(2_000 + n)).unwrap_or_default();
            assert!(claims.len() <= usize::from(config::SLOTS));
        }
        assert_eq!(floor.speakers.len(), config::SPEAKERS_MAX);
        floor.heard(at(9_000), id(9), Speech { speaks: false, below_db: 127 });
        assert!(!floor.speakers.contains_key(&id(9)), "silence is no news of somebody unknown");
    }
}
