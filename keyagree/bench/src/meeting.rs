//! A meeting of three on a network that a search plays with.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use keyagree::credential::{Admission, AdmittedAs};
use keyagree::session::{Audience, Past, next_term};
use keyagree::{EpochId, Identity, Input, InviteId, Issuer, Output, Removal, Role, Seat, Session, UnixTime};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

const ORGANISER: usize = 0;
const DEPUTY: usize = 1;
const GUEST: usize = 2;
const ROLES: [Role; 3] = [Role::Organiser, Role::Deputy, Role::Guest];
const START: UnixTime = UnixTime(1_800_000_000_000);
/// How long a wait is at the most: a meeting in which nobody has anything to wait for is one, too.
const IDLE_MS: u64 = 60_000;
/// So many messages at the head of the queue may come next: that is how far they overtake each other.
const WINDOW: usize = 2;

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// This message of the queue comes.
    Deliver(usize),
    /// It is lost.
    Lose(usize),
    /// It comes, and will come again.
    Repeat(usize),
    /// Time goes on to the next timer of anybody.
    Wait,
    /// Whoever leads crashes.
    Crash,
    /// The crashed comes back, as a member with the key that it kept.
    Restart,
    /// The leader removes the guest.
    Remove,
    /// The organiser is cut off.
    Split,
    /// And no longer.
    Heal,
}

/// See the module.
pub(crate) struct Meeting {
    now: UnixTime,
    issuer: Issuer,
    identities: Vec<Arc<Identity>>,
    sessions: Vec<Option<Session>>,
    /// Receiver, sender, body.
    mail: VecDeque<(usize, usize, Vec<u8>)>,
    records: BTreeMap<EpochId, [u8; 32]>,
    safe: bool,
    split: bool,
    removed: bool,
    lives: u8,
    lost: u8,
    repeated: u8,
    crashed: u8,
    splits: u8,
}

impl Meeting {
    /// The meeting after these steps.
    pub(crate) fn after(steps: &[Step]) -> Meeting {
        let mut meeting = Meeting::formed();
        steps.iter().for_each(|step| meeting.go(*step));
        meeting
    }

    fn formed() -> Meeting {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let issuer = Issuer::generate(&mut rng);
        let identities = ROLES.map(|_| Arc::new(Identity::generate(&mut rng))).to_vec();
        let mut meeting = Meeting {
            now: START,
            issuer,
            identities,
            sessions: vec![None, None, None],
            mail: VecDeque::new(),
            records: BTreeMap::new(),
            safe: true,
            split: false,
            removed: false,
            lives: 0,
            lost: 0,
            repeated: 0,
            crashed: 0,
            splits: 0,
        };
        let past = Past { term: next_term(START, 0), ..Past::default() };
        let (seat, dice) = (meeting.seat(ORGANISER), meeting.dice());
        meeting.sessions[ORGANISER] = Some(Session::coordinator(START, seat, past, dice));
        meeting.drain(ORGANISER);
        for who in [DEPUTY, GUEST] {
            meeting.enter(who);
        }
        meeting.calm(10_000);
        meeting
    }

    fn dice(&mut self) -> keyagree::session::SessionRng {
        self.lives += 1;
        Box::new(ChaCha20Rng::seed_from_u64(u64::from(self.lives)))
    }

    fn enter(&mut self, who: usize) {
        let (seat, dice) = (self.seat(who), self.dice());
        self.sessions[who] = Some(Session::member(self.now, seat, dice));
        self.drain(who);
    }

    fn seat(&self, who: usize) -> Seat {
        Seat {
            identity: Arc::clone(&self.identities[who]),
            meeting: self.issuer.meeting(),
            issuer: self.issuer.public(),
            invite: InviteId([who as u8; 8]),
            role: ROLES[who],
            credential: Vec::new(),
        }
    }

    fn admission(who: usize) -> Admission {
        Admission {
            role: AdmittedAs::Participant(ROLES[who]),
            invite: Some(InviteId([who as u8; 8])),
            uses: 1,
            lobby: false,
            pass_ends: None,
            passed_by: None,
            expires: UnixTime(u64::MAX),
        }
    }

    fn put(&mut self, who: usize, input: Input) {
        if let Some(session) = &mut self.sessions[who] {
            session.handle(self.now, input);
        }
        self.drain(who);
    }

    fn drain(&mut self, who: usize) {
        let Some(session) = &mut self.sessions[who] else { return };
        let outputs: Vec<Output> = std::iter::from_fn(|| session.poll()).collect();
        let knows = session.removed().contains(&Removal::Invite(InviteId([GUEST as u8; 8])));
        if let (Some(epoch), Some(record)) = (session.epoch(), session.record()) {
            self.safe &= *self.records.entry(epoch).or_insert(record) == record;
        }
        for output in outputs {
            let Output::Say { to, body } = output else { continue };
            for other in (0..ROLES.len()).filter(|other| *other != who) {
                let meant = match to {
                    Audience::Everybody | Audience::Standing(_) => true,
                    Audience::Coordinator => self.leads(other),
                    Audience::One(key) => key == self.identities[other].public(),
                };
                let secret = [&b"\x64Wrap"[..], b"\x67Welcome", b"\x65Chain"]
                    .iter()
                    .any(|name| body[2..].starts_with(name));
                self.safe &= !(meant && !to.is_everybody() && other == GUEST && knows && secret);
                if meant && !(self.split && (who == ORGANISER || other == ORGANISER)) {
                    self.mail.push_back((other, who, body.clone()));
                }
            }
        }
    }

    fn leads(&self, who: usize) -> bool {
        self.sessions[who].as_ref().is_some_and(Session::coordinates)
    }

    fn leader(&self) -> Option<usize> {
        (0..ROLES.len()).find(|who| self.leads(*who))
    }

    fn deliver(&mut self, at: usize, keep: bool) {
        let Some(mail) = self.mail.remove(at) else { return };
        if keep {
            self.mail.push_back(mail.clone());
        }
        let (to, by, body) = mail;
        let from = self.identities[by].public();
        self.put(to, Input::Heard { from, admission: Meeting::admission(by), body });
    }

    /// Does one thing.
    fn go(&mut self, step: Step) {
        match step {
            Step::Deliver(at) => self.deliver(at, false),
            Step::Lose(at) => {
                self.lost += 1;
                self.mail.remove(at);
            }
            Step::Repeat(at) => {
                self.repeated += 1;
                self.deliver(at, true);
            }
            Step::Wait => self.wait(self.now.plus_ms(IDLE_MS)),
            Step::Crash => {
                if let Some(leader) = self.leader() {
                    self.crashed += 1;
                    self.sessions[leader] = None;
                    self.mail.retain(|(to, ..)| *to != leader);
                }
            }
            Step::Restart => {
                if let Some(who) = (0..ROLES.len()).find(|who| self.sessions[*who].is_none()) {
                    self.enter(who);
                }
            }
            Step::Remove => {
                if let Some(leader) = self.leader() {
                    self.removed = true;
                    self.put(leader, Input::Remove(Removal::Invite(InviteId([GUEST as u8; 8]))));
                }
            }
            Step::Split => {
                self.splits += 1;
                self.split = true;
            }
            Step::Heal => self.split = false,
        }
    }

    fn wait(&mut self, until: UnixTime) {
        let due = self.sessions.iter().flatten().filter_map(Session::deadline).map(|(at, _)| at).min();
        self.now = self.now.max(due.map_or(until, |due| due.min(until)));
        for who in 0..ROLES.len() {
            let due = self.sessions[who].as_ref().and_then(Session::deadline);
            if due.is_some_and(|(at, _)| at <= self.now) {
                self.put(who, Input::Tick);
            }
        }
    }

    /// Lets time go by, with everything delivered in order.
    fn calm(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        while self.now < end {
            while !self.mail.is_empty() {
                self.deliver(0, false);
            }
            self.wait(end);
        }
    }

    /// What can happen next.
    pub(crate) fn possible(&self) -> Vec<Step> {
        let window = self.mail.len().min(WINDOW);
        let mut steps: Vec<Step> = (0..window).map(Step::Deliver).collect();
        steps.push(Step::Wait);
        steps.extend((0..window).filter(|_| self.lost < 2).map(Step::Lose));
        steps.extend((0..window).filter(|_| self.repeated < 1).map(Step::Repeat));
        let led = self.leader().is_some();
        let able = [
            (Step::Crash, led && self.crashed < 2),
            (Step::Restart, self.sessions.iter().any(Option::is_none)),
            (Step::Remove, led && !self.removed),
            (Step::Split, !self.split && self.splits < 1),
            (Step::Heal, self.split),
        ];
        steps.extend(able.into_iter().filter(|(_, able)| *able).map(|(step, _)| step));
        steps
    }

    /// What tells this state from others.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for session in &self.sessions {
            let seen = |session: &Session| {
                let due = session.deadline().map(|(at, _)| at);
                (session.coordinates(), session.epoch(), session.record(), due)
            };
            session.as_ref().map(seen).hash(&mut hasher);
        }
        (self.now, &self.mail, self.split, self.removed).hash(&mut hasher);
        (self.lost, self.repeated, self.crashed, self.splits).hash(&mut hasher);
        hasher.finish()
    }

    pub(crate) fn is_safe(&self) -> bool {
        self.safe
    }

    pub(crate) fn deputy_leads(&self) -> bool {
        self.leads(DEPUTY)
    }

    /// Whether all agree once nothing goes wrong any more. If nobody who may lead holds an epoch, the
    /// organiser resumes from its file.
    pub(crate) fn heals(mut self) -> bool {
        self.split = false;
        for who in 0..ROLES.len() {
            if self.sessions[who].is_none() {
                self.enter(who);
            }
        }
        let able = [ORGANISER, DEPUTY]
            .iter()
            .any(|who| self.sessions[*who].as_ref().is_some_and(|session| session.epoch().is_some()));
        if !able {
            let known = self.records.keys().map(|id| id.term).max().unwrap_or(0);
            let past = Past { term: next_term(self.now, known), ..Past::default() };
            let (seat, dice) = (self.seat(ORGANISER), self.dice());
            self.sessions[ORGANISER] = Some(Session::coordinator(self.now, seat, past, dice));
            self.drain(ORGANISER);
        }
        self.calm(30_000);
        let members = if self.removed { &[ORGANISER, DEPUTY][..] } else { &[ORGANISER, DEPUTY, GUEST] };
        let held: Vec<_> = members
            .iter()
            .map(|who| self.sessions[*who].as_ref().map(|session| (session.epoch(), session.record())))
            .collect();
        let agree = held.iter().all(|one| one.is_some() && *one == held[0]);
        let leading = members.iter().filter(|who| self.leads(**who)).count();
        self.safe && agree && leading == 1
    }
}
