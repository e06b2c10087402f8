//! Who is in the meeting and what they said, as far as this node was told. All of it is other people's word,
//! bounded: names and lines are cleaned by [`crate::talk`], the roles come from credentials.
//!
//! The key session tells the members of a small meeting; of a large one those are shown who say something.

use std::collections::{BTreeMap, VecDeque};

use keyagree::UnixTime;
use keyagree::credential::Role;
use keyagree::identity::PeerKey;

use crate::talk::{Here, Talk};

/// Lines of chat that are kept; older ones are forgotten.
pub const CHAT_KEPT: usize = 500;
/// Names that are kept, as many as members can have.
const NAMES_MAX: usize = 16_384;
/// People of a large meeting that are shown; who was silent longest makes way.
pub const SHOWN_MAX: usize = 512;
/// What one member may say at once, and then each second; more is not heard.
const BURST: f64 = 20.0;
const EACH_SECOND: f64 = 3.0;

/// Somebody who holds the meeting's keys, this node included.
#[derive(Clone, Debug)]
pub struct Person {
    /// What their credential says.
    pub role: Role,
    /// What they want to be called; empty before they say it. Nothing vouches for it: it may be anybody's.
    pub name: String,
    /// What they say of themselves; nothing before they come in from the lobby.
    pub here: Option<Here>,
    /// A host wants them seen whatever happens.
    pub pinned: bool,
    left: f64,
    counted_at: UnixTime,
}

/// One line of chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Counts up from 0 on this node.
    pub number: u64,
    /// Who.
    pub from: PeerKey,
    /// What they were called when they said it.
    pub name: String,
    /// What.
    pub text: String,
    /// When this node heard it.
    pub at: UnixTime,
}

/// What came of something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Somebody's state is another.
    People,
    /// A host wants this member seen whatever happens, or no longer.
    Pin { who: PeerKey, pinned: bool },
    /// A line of chat.
    Line(Line),
    /// A passing sign.
    Reaction(u8),
    /// The organiser asks to mute.
    MuteAll,
    /// The organiser has ended the meeting.
    End,
}

/// See the module.
#[derive(Default)]
pub struct Room {
    people: BTreeMap<PeerKey, Person>,
    /// Of people who are not shown.
    names: BTreeMap<PeerKey, String>,
    lines: VecDeque<Line>,
    counted: u64,
}

impl Room {
    /// Members are these now; `role` knows each one's.
    pub fn members(&mut self, now: UnixTime, members: &[PeerKey], role: impl Fn(&PeerKey) -> Option<Role>) {
        self.people.retain(|peer, _| members.contains(peer));
        for peer in members {
            if let Some(role) = role(peer) {
                self.person(now, *peer, role).role = role;
            }
        }
    }

    /// Somebody said something who must be a member, and the members are not known.
    pub fn shows(&mut self, now: UnixTime, peer: PeerKey, role: Role) {
        if self.people.len() >= SHOWN_MAX && !self.people.contains_key(&peer) {
            let silent =
                self.people.iter().min_by_key(|(_, person)| person.counted_at).map(|(peer, _)| *peer);
            if let Some((silent, person)) = silent.and_then(|peer| self.people.remove_entry(&peer)) {
                self.keep_name(silent, person.name);
            }
        }
        self.person(now, peer, role);
    }

    fn person(&mut self, now: UnixTime, peer: PeerKey, role: Role) -> &mut Person {
        let name = self.names.remove(&peer).unwrap_or_default();
        let new = Person { role, name, here: None, pinned: false, left: BURST, counted_at: now };
        self.people.entry(peer).or_insert(new)
    }

    /// A member says what it wants to be called. True if that is news.
    pub fn named(&mut self, peer: PeerKey, name: String) -> bool {
        match self.people.get_mut(&peer) {
            Some(person) => std::mem::replace(&mut person.name, name.clone()) != name,
            None => {
                self.keep_name(peer, name);
                false
            }
        }
    }

    fn keep_name(&mut self, peer: PeerKey, name: String) {
        if self.names.len() < NAMES_MAX || self.names.contains_key(&peer) {
            self.names.insert(peer, name);
        }
    }

    /// What a member wants to be called; nothing if it has not said.
    pub fn called(&self, peer: &PeerKey) -> &str {
        let shown = self.people.get(peer).map(|person| &person.name);
        shown.or_else(|| self.names.get(peer)).map_or("", String::as_str)
    }

    /// Whether this member is pinned; nothing of somebody who isn't shown.
    pub fn is_pinned(&self, peer: &PeerKey) -> Option<bool> {
        self.people.get(peer).map(|person| person.pinned)
    }

    /// Everybody, by key.
    pub fn people(&self) -> impl Iterator<Item = (&PeerKey, &Person)> {
        self.people.iter()
    }

    /// The lines that are kept, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// A member said something, or this node did itself. `None` if it doesn't count: they aren't there, say too
    /// much, or may not say it.
    pub fn heard(&mut self, now: UnixTime, from: PeerKey, said: Talk) -> Option<News> {
        let person = self.people.get_mut(&from)?;
        if !person.may_say(now) {
            return None;
        }
        match said {
            Talk::Here(here) => {
                let changed = person.here.as_ref() != Some(&here);
                person.here = Some(here);
                changed.then_some(News::People)
            }
            Talk::Chat(text) => {
                let line = Line { number: self.counted, from, name: person.name.clone(), text, at: now };
                self.counted += 1;
                if self.lines.len() == CHAT_KEPT {
                    self.lines.pop_front();
                }
                self.lines.push_back(line.clone());
                Some(News::Line(line))
            }
            Talk::React(what) => Some(News::Reaction(what)),
            Talk::MuteAll => (person.role == Role::Organiser).then_some(News::MuteAll),
            Talk::End => (person.role == Role::Organiser).then_some(News::End),
            Talk::Pin { who, pinned } => {
                let hosts = person.role.may_host();
                let whom = self.people.get_mut(&who).filter(|whom| hosts && whom.pinned != pinned)?;
                whom.pinned = pinned;
                Some(News::Pin { who, pinned })
            }
            // Not for a room: whoever coordinates hears it before.
            Talk::Voice { .. } => None,
        }
    }
}

impl Person {
    /// A token bucket.
    fn may_say(&mut self, now: UnixTime) -> bool {
        let since_s = now.since(self.counted_at) as f64 / 1000.0;
        self.left = (self.left + since_s * EACH_SECOND).min(BURST);
        self.counted_at = now;
        let may = self.left >= 1.0;
        self.left -= f64::from(u8::from(may));
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: PeerKey = PeerKey([1; 32]);
    const BEN: PeerKey = PeerKey([2; 32]);
    const NOBODY: PeerKey = PeerKey([3; 32]);

    fn room() -> Room {
        let mut room = Room::default();
        let role = |peer: &PeerKey| Some(if *peer == ADA { Role::Organiser } else { Role::Guest });
        room.members(UnixTime(0), &[ADA, BEN], role);
        room
    }

    #[test]
    fn only_hosts_pin_and_only_members() {
        let mut room = room();
        let pin = |who, pinned| Talk::Pin { who, pinned };
        assert_eq!(room.heard(UnixTime(0), BEN, pin(BEN, true)), None);
        assert_eq!(room.heard(UnixTime(0), ADA, pin(NOBODY, true)), None);
        for pinned in [true, false] {
            assert_eq!(room.heard(UnixTime(0), ADA, pin(BEN, pinned)), Some(News::Pin { who: BEN, pinned }));
            assert_eq!((room.is_pinned(&BEN), room.is_pinned(&ADA)), (Some(pinned), Some(false)));
            assert_eq!(room.heard(UnixTime(0), ADA, pin(BEN, pinned)), None, "that is no news");
        }
        assert_eq!(room.is_pinned(&NOBODY), None);
    }

    fn chat(room: &mut Room, ms: u64, from: PeerKey) -> bool {
        room.heard(UnixTime(ms), from, Talk::Chat("hi".into())).is_some()
    }

    #[test]
    fn only_the_organiser_may_mute_everybody_and_end_the_meeting() {
        let mut room = room();
        assert_eq!(room.heard(UnixTime(0), ADA, Talk::MuteAll), Some(News::MuteAll));
        assert_eq!(room.heard(UnixTime(0), ADA, Talk::End), Some(News::End));
        for from in [BEN, NOBODY] {
            assert_eq!(room.heard(UnixTime(0), from, Talk::MuteAll), None);
            assert_eq!(room.heard(UnixTime(0), from, Talk::End), None);
        }
    }

    #[test]
    fn whoever_says_too_much_is_not_heard_for_a_while_and_others_are() {
        let mut room = room();
        assert_eq!((0..100).filter(|_| chat(&mut room, 0, BEN)).count(), BURST as usize);
        assert!(chat(&mut room, 0, ADA));
        assert!(chat(&mut room, 1_000, BEN));
        assert!(!chat(&mut room, 1_000, NOBODY));
    }

    #[test]
    fn old_lines_are_forgotten_and_numbers_go_on() {
        let mut room = room();
        for n in 0..CHAT_KEPT as u64 + 10 {
            assert!(chat(&mut room, n * 1_000, BEN));
        }
        assert_eq!(room.lines().count(), CHAT_KEPT);
        assert_eq!(room.lines().next().map(|line| line.number), Some(10));
    }

    #[test]
    fn a_large_meeting_shows_who_speaks_and_forgets_who_was_silent_longest() {
        let mut room = Room::default();
        let peer = |n: u16| PeerKey(std::array::from_fn(|at| n.to_be_bytes()[at % 2]));
        for n in 0..SHOWN_MAX as u16 + 5 {
            room.named(peer(n), format!("{n}"));
            room.shows(UnixTime(u64::from(n)), peer(n), Role::Guest);
        }
        assert_eq!(room.people().count(), SHOWN_MAX);
        assert!(
            room.people().all(|(one, person)| *one != peer(4) && *one == peer(person.name.parse().unwrap()))
        );
    }

    #[test]
    fn a_name_that_comes_before_its_bearer_is_kept_and_counts_once_it_is_said() {
        let mut room = room();
        assert!(!room.named(NOBODY, "Chu".into()) && !room.named(NOBODY, "Cho".into()));
        assert_eq!(room.called(&NOBODY), "Cho");
        room.members(UnixTime(1), &[ADA, BEN, NOBODY], |_| Some(Role::Guest));
        let called = |room: &Room| room.people().find(|(peer, _)| **peer == NOBODY).unwrap().1.name.clone();
        assert_eq!((called(&room), room.called(&NOBODY)), ("Cho".into(), "Cho"));
        assert!(room.named(NOBODY, "Cleo".into()) && !room.named(NOBODY, "Cleo".into()));
        assert_eq!(called(&room), "Cleo");
    }

    #[test]
    fn whoever_leaves_takes_what_they_said_of_themselves_along() {
        let mut room = room();
        room.heard(UnixTime(0), BEN, Talk::Here(Here::default()));
        room.members(UnixTime(1), &[ADA], |_| Some(Role::Organiser));
        room.members(UnixTime(2), &[ADA, BEN], |_| Some(Role::Guest));
        assert!(room.people().all(|(_, person)| person.here.is_none()));
    }
}
