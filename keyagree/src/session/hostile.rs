//! What somebody who was let in could say that is properly signed: messages of a real meeting with a few bytes of their
//! contents changed, as if they were its own, signed anew.

use std::sync::Arc;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::credential::{Role, Statement};
use crate::identity::Identity;
use crate::issuer::Issuer;
use crate::removed::Removal;
use crate::testing::admission;
use crate::wire::Evidence;

const START: UnixTime = UnixTime(1_800_000_000_000);
const HOST: usize = 0;
const DEPUTY: usize = 1;
const GUEST: usize = 2;
const ROLES: [Role; 3] = [Role::Organiser, Role::Deputy, Role::Guest];
/// What one message may make a node say: an answer, and what is due anyway.
const SAYS_MAX: usize = 40;

/// A meeting of three whose network loses nothing, and somebody with a fourth key.
struct Meeting {
    now: UnixTime,
    people: Vec<(Arc<Identity>, Session)>,
    mail: VecDeque<(usize, usize, Vec<u8>)>,
    said: Vec<(PeerKey, Vec<u8>)>,
    stranger: Identity,
}

impl Meeting {
    fn formed() -> Meeting {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let issuer = Issuer::generate(&mut rng);
        let mut people = Vec::new();
        for (number, role) in ROLES.into_iter().enumerate() {
            let identity = Arc::new(Identity::generate(&mut rng));
            let seat = Seat {
                identity: Arc::clone(&identity),
                meeting: issuer.meeting(),
                issuer: issuer.public(),
                invite: InviteId([number as u8; 8]),
                role,
                credential: Vec::new(),
            };
            let dice: SessionRng = Box::new(ChaCha20Rng::seed_from_u64(number as u64));
            let session = match role {
                Role::Organiser => {
                    Session::coordinator(START, seat, Past { term: 1, ..Past::default() }, dice)
                }
                _ => Session::member(START, seat, dice),
            };
            people.push((identity, session));
        }
        let (mail, said, stranger) = (VecDeque::new(), Vec::new(), Identity::generate(&mut rng));
        let mut meeting = Meeting { now: START, people, mail, said, stranger };
        (0..ROLES.len()).for_each(|who| {
            meeting.drain(who);
        });
        meeting.put(HOST, Input::Send { streams: vec![0, 1] });
        meeting.put(GUEST, Input::Name("Anna".into()));
        meeting.run(8_000);
        meeting.put(DEPUTY, Input::Talk { body: b"hello".to_vec() });
        meeting.run(2_000);
        meeting
    }

    fn put(&mut self, who: usize, input: Input) -> usize {
        self.people[who].1.handle(self.now, input);
        self.drain(who)
    }

    fn drain(&mut self, who: usize) -> usize {
        let (from, mut count) = (self.people[who].0.public(), 0);
        while let Some(output) = self.people[who].1.poll() {
            let Output::Say { to, body } = output else { continue };
            count += 1;
            self.said.push((from, body.clone()));
            for other in (0..ROLES.len()).filter(|other| *other != who) {
                let meant = match to {
                    Audience::Everybody | Audience::Standing(_) => true,
                    Audience::Coordinator => self.people[other].1.coordinates(),
                    Audience::One(key) => key == self.people[other].0.public(),
                };
                if meant {
                    self.mail.push_back((other, who, body.clone()));
                }
            }
        }
        self.people[who].1.check();
        count
    }

    fn run(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        while self.now < end {
            while let Some((to, by, body)) = self.mail.pop_front() {
                let from = self.people[by].0.public();
                self.put(
                    to,
                    Input::Heard { from, admission: admission(InviteId([by as u8; 8]), ROLES[by]), body },
                );
            }
            self.now = self.now.plus_ms(50);
            for who in 0..ROLES.len() {
                if self.people[who].1.deadline().is_some_and(|(at, _)| at <= self.now) {
                    self.put(who, Input::Tick);
                }
            }
        }
    }

    fn agree(&self) -> bool {
        let seen = |who: usize| (self.people[who].1.epoch(), self.people[who].1.record());
        seen(HOST).0.is_some() && seen(DEPUTY) == seen(HOST) && seen(GUEST) == seen(HOST)
    }
}

/// What is changed in the contents of a message.
#[derive(Clone, Debug)]
struct Change {
    which: usize,
    /// Places, and what is flipped there.
    bytes: Vec<(usize, u8)>,
    /// Whoever it was signed by stands in it as whoever signs it now.
    as_own: bool,
    ms: u64,
}

fn changes() -> impl Strategy<Value = Change> {
    let bytes = proptest::collection::vec((any::<usize>(), any::<u8>()), 0..3);
    (any::<usize>(), bytes, prop::bool::weighted(0.8), 0..2_000_u64)
        .prop_map(|(which, bytes, as_own, ms)| Change { which, bytes, as_own, ms })
}

impl Change {
    /// The same statement with the change in it, if there is one like that.
    fn of<T: Statement>(&self, said: &Signed<T>, was: &PeerKey, by: &Identity) -> Option<Signed<T>> {
        let mut bytes = Signed::bytes(&said.value);
        if self.as_own {
            let places: Vec<usize> =
                (0..bytes.len().saturating_sub(31)).filter(|at| bytes[*at..*at + 32] == was.0).collect();
            places.into_iter().for_each(|at| bytes[at..at + 32].copy_from_slice(&by.public().0));
        }
        for (at, bits) in &self.bytes {
            let at = at % bytes.len();
            bytes[at] ^= bits;
        }
        let value: T = canopy_codec::decode_strict(&bytes, T::MAX).ok()?;
        Some(Signed::new(value, by))
    }

    fn apply(&self, body: &[u8], was: &PeerKey, by: &Identity) -> Option<Message> {
        Some(match Message::decode(body).ok()? {
            Message::Join(said) => Message::Join(self.of(&said, was, by)?),
            Message::Welcome(mut said) => {
                said.value.record = self.of(&said.value.record, was, by)?;
                Message::Welcome(self.of(&said, was, by)?)
            }
            Message::Chain(said) => Message::Chain(self.of(&said, was, by)?),
            Message::Refusal(said) => Message::Refusal(self.of(&said, was, by)?),
            Message::Record(said) if self.which.is_multiple_of(3) => {
                let (first, second) = (Signed::new(said.value.clone(), by), self.of(&said, was, by)?);
                Message::Evidence(Evidence { first, second })
            }
            Message::Record(said) if self.which.is_multiple_of(2) => {
                Message::Witness(self.of(&said, was, by)?)
            }
            Message::Record(said) => Message::Record(self.of(&said, was, by)?),
            Message::Beat(said) => Message::Beat(self.of(&said, was, by)?),
            Message::Kicks(said) => Message::Kicks(self.of(&said, was, by)?),
            Message::Announcement(said) => Message::Announcement(self.of(&said, was, by)?),
            Message::Ratchet(said) => Message::Ratchet(self.of(&said, was, by)?),
            Message::Talk(said) => Message::Talk(self.of(&said, was, by)?),
            Message::Pass(mut note) => {
                note.pass = self.of(&note.pass, was, by)?;
                Message::Pass(note)
            }
            other => other,
        })
    }
}

/// Says all of it with the stranger's key and this role; how many were said at all.
fn attack(meeting: &mut Meeting, role: Role, changes: &[Change]) -> usize {
    let said = meeting.said.clone();
    let (from, mut count) = (meeting.stranger.public(), 0);
    for change in changes {
        let (was, body) = &said[change.which % said.len()];
        let Some(message) = change.apply(body, was, &meeting.stranger) else { continue };
        let body = message.encode();
        count += 1;
        meeting.run(change.ms);
        for who in 0..ROLES.len() {
            let says = meeting.put(
                who,
                Input::Heard { from, admission: admission(InviteId([9; 8]), role), body: body.clone() },
            );
            assert!(says <= SAYS_MAX, "{says} messages for one");
        }
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(300) })]

    /// A guest and a co-host take the role from nobody, shut nobody out, and part nobody from the others.
    #[test]
    fn whatever_a_guest_signs_the_others_go_on_together(
        co_host in any::<bool>(),
        changes in proptest::collection::vec(changes(), 1..30),
    ) {
        let mut meeting = Meeting::formed();
        prop_assert!(meeting.agree());
        let term = meeting.people[HOST].1.epoch().unwrap().term;
        let role = if co_host { Role::CoHost } else { Role::Guest };
        attack(&mut meeting, role, &changes);
        // Should it have asked to be let in, it is, and goes.
        let key = meeting.stranger.public();
        meeting.put(HOST, Input::Departed(key));
        meeting.run(12_000);
        prop_assert!(meeting.agree());
        prop_assert!(meeting.people[HOST].1.coordinates());
        prop_assert_eq!(meeting.people[HOST].1.epoch().unwrap().term, term);
        prop_assert_eq!(meeting.people[GUEST].1.members().len(), 3);
        prop_assert_eq!(meeting.people[HOST].1.removed().iter().count(), 0);
    }

    /// A deputy may take over, and shut people out; once it is removed and silent all are together again.
    #[test]
    fn whatever_a_deputy_signs_the_others_are_together_without_it(changes in proptest::collection::vec(changes(), 1..30)) {
        let mut meeting = Meeting::formed();
        attack(&mut meeting, Role::Deputy, &changes);
        let key = meeting.stranger.public();
        (0..ROLES.len()).for_each(|who| {
            meeting.put(who, Input::Remove(Removal::Peer(key)));
        });
        meeting.run(40_000);
        prop_assert!(meeting.agree());
    }
}

#[test]
fn most_of_what_is_changed_is_still_a_message() {
    let mut meeting = Meeting::formed();
    let change = |which| Change { which, bytes: vec![(which * 37, 1)], as_own: true, ms: 0 };
    let changes: Vec<Change> = (0..200).map(change).collect();
    let count = attack(&mut meeting, Role::Guest, &changes);
    assert!(count >= 100, "{count} of 200");
}
