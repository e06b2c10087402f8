//! A meeting of any size in one process: the coordinator and a few members are whole sessions; of the
//! others only what they say to be let in.

use std::sync::Arc;

use anyhow::{Result, ensure};
use keyagree::credential::{Admission, AdmittedAs};
use keyagree::session::{Audience, Past};
use keyagree::{Event, Identity, Input, Issuer, Output, PeerKey, Role, Seat, Session, UnixTime};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

const START: UnixTime = UnixTime(1_800_000_000_000);
/// Members that are whole sessions.
const WATCHERS: usize = 6;
/// Requests that are put to the coordinator before its clock goes on.
const AT_ONCE: usize = 256;

/// A session and how others know it.
pub(crate) struct Seated {
    pub(crate) key: PeerKey,
    pub(crate) admission: Admission,
    pub(crate) session: Session,
}

/// What somebody says.
pub(crate) type Said = (Audience, Vec<u8>);

impl Seated {
    /// Lets it handle something and takes what it says.
    pub(crate) fn put(&mut self, now: UnixTime, input: Input) -> Vec<Said> {
        self.session.handle(now, input);
        self.said()
    }

    /// Lets it handle something; from when on the epoch counts that it enters by that.
    pub(crate) fn enters(&mut self, now: UnixTime, input: Input) -> Option<UnixTime> {
        self.session.handle(now, input);
        let outputs = std::iter::from_fn(|| self.session.poll());
        outputs.fold(None, |entered, output| match output {
            Output::Event(Event::Epoch { activate_at, .. }) => Some(activate_at),
            _ => entered,
        })
    }

    pub(crate) fn said(&mut self) -> Vec<Said> {
        let outputs = std::iter::from_fn(|| self.session.poll());
        outputs
            .filter_map(|output| if let Output::Say { to, body } = output { Some((to, body)) } else { None })
            .collect()
    }
}

/// See the module.
pub(crate) struct Crowd {
    pub(crate) now: UnixTime,
    pub(crate) coordinator: Seated,
    pub(crate) watchers: Vec<Seated>,
    /// Everybody else.
    pub(crate) others: Vec<PeerKey>,
    issuer: Issuer,
    rng: ChaCha20Rng,
}

impl Crowd {
    /// A meeting of so many members.
    pub(crate) fn form(members: usize) -> Result<Crowd> {
        let mut rng = ChaCha20Rng::seed_from_u64(members as u64);
        let issuer = Issuer::generate(&mut rng);
        let (seat, admission) = seat(&issuer, &mut rng, Role::Organiser);
        let key = seat.identity.public();
        let session = Session::coordinator(START, seat, Past { term: 1, ..Past::default() }, boxed(&mut rng));
        let coordinator = Seated { key, admission, session };
        let mut crowd =
            Crowd { now: START, coordinator, watchers: Vec::new(), others: Vec::new(), issuer, rng };
        crowd.coordinator.said();
        while crowd.len() < members {
            let room = (members - crowd.len()).min(AT_ONCE);
            crowd.let_in(room);
            crowd.pass(2_000);
        }
        crowd.pass(10_000);
        let shown = crowd.watchers.first().and_then(|watcher| watcher.session.epoch());
        ensure!(shown == crowd.coordinator.session.epoch(), "a member that follows has another epoch");
        Ok(crowd)
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.watchers.len() + self.others.len()
    }

    /// Somebody new, and what it says to be let in.
    pub(crate) fn newcomer(&mut self) -> (Seated, Vec<u8>) {
        let (seat, admission) = seat(&self.issuer, &mut self.rng, Role::Guest);
        let key = seat.identity.public();
        let session = Session::member(self.now, seat, boxed(&mut self.rng));
        let mut newcomer = Seated { key, admission, session };
        let request = newcomer.said().into_iter().next().map(|(_, body)| body).unwrap_or_default();
        (newcomer, request)
    }

    fn let_in(&mut self, count: usize) {
        for _ in 0..count {
            let (newcomer, body) = self.newcomer();
            let (from, admission) = (newcomer.key, newcomer.admission.clone());
            if self.watchers.len() < WATCHERS {
                self.watchers.push(newcomer);
            } else {
                self.others.push(newcomer.key);
            }
            let said = self.coordinator.put(self.now, Input::Heard { from, admission, body });
            self.spread(said);
        }
    }

    /// Lets time go by.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        while self.now < end {
            self.now = self.now.plus_ms(100);
            let said = self.coordinator.put(self.now, Input::Tick);
            self.spread(said);
            let now = self.now;
            let answers: Vec<_> = self
                .watchers
                .iter_mut()
                .flat_map(|watcher| {
                    let (from, admission) = (watcher.key, watcher.admission.clone());
                    let said = watcher.put(now, Input::Tick);
                    said.into_iter().map(move |(_, body)| Input::Heard {
                        from,
                        admission: admission.clone(),
                        body,
                    })
                })
                .collect();
            for input in answers {
                let said = self.coordinator.put(self.now, input);
                self.spread(said);
            }
        }
    }

    /// Brings what the coordinator says to the members that follow.
    pub(crate) fn spread(&mut self, said: Vec<Said>) {
        for (to, body) in said {
            for watcher in &mut self.watchers {
                if to.is_everybody() || to == Audience::One(watcher.key) {
                    let (from, admission) = (self.coordinator.key, self.coordinator.admission.clone());
                    watcher.put(self.now, Input::Heard { from, admission, body: body.clone() });
                }
            }
        }
    }
}

fn seat(issuer: &Issuer, rng: &mut ChaCha20Rng, role: Role) -> (Seat, Admission) {
    let identity = Arc::new(Identity::generate(rng));
    let (issued, expires) = (UnixTime(0), UnixTime(u64::MAX));
    let made = issuer.issue_invite(rng, role, Vec::new(), issued, expires).expect("it has no contacts");
    let invite = made.id();
    let seat = Seat {
        meeting: issuer.meeting(),
        issuer: issuer.public(),
        invite,
        role,
        credential: made.credential(&identity, issued),
        identity,
    };
    let admission = Admission {
        role: AdmittedAs::Participant(role),
        invite: Some(invite),
        uses: 1,
        lobby: false,
        pass_ends: None,
        passed_by: None,
        expires: UnixTime(u64::MAX),
    };
    (seat, admission)
}

fn boxed(rng: &mut ChaCha20Rng) -> keyagree::session::SessionRng {
    Box::new(ChaCha20Rng::from_seed(rng.random()))
}
