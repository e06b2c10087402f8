//! A meeting in one process: sessions and gates on a network that repeats, reorders and loses
//! messages (what is lost is pulled again a second later, as the overlay does), all from one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use keyagree::session::{Audience, Past};
use keyagree::{
    Event, Gate, Identity, Input, Invite, InviteId, Issuer, Output, PeerKey, Role, SealingKeys, Seat,
    Session, UnixTime,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

pub(crate) const START: UnixTime = UnixTime(1_800_000_000_000);
const STEP_MS: u64 = 10;
/// How long a frame travels.
const TRAVEL_MS: u64 = 40;

pub(crate) struct Person {
    pub(crate) identity: Arc<Identity>,
    pub(crate) key: PeerKey,
    pub(crate) invite: InviteId,
    pub(crate) role: Role,
    pub(crate) credential: Vec<u8>,
    pub(crate) gate: Gate,
    pub(crate) session: Option<Session>,
    /// The opening keys that are held now.
    pub(crate) open: BTreeMap<u64, [u8; 32]>,
    /// Every opening key there ever was: what an attacker keeps.
    pub(crate) hoard: BTreeMap<u64, [u8; 32]>,
    pub(crate) sealing: Vec<SealingKeys>,
    pub(crate) events: Vec<(UnixTime, Event)>,
    pub(crate) said: Vec<Vec<u8>>,
    /// What others said to all members, and who.
    pub(crate) heard: Vec<(PeerKey, Vec<u8>)>,
}

impl Person {
    pub(crate) fn session(&self) -> &Session {
        self.session.as_ref().unwrap()
    }

    /// What it has said of this kind: messages begin with their name.
    pub(crate) fn said_of<'a>(&'a self, kind: &'a str) -> impl DoubleEndedIterator<Item = &'a Vec<u8>> {
        self.said.iter().filter(|body| is_of(kind, body))
    }

    /// How many requests it has said.
    pub(crate) fn requests(&self) -> usize {
        self.said_of("Join").count()
    }

    pub(crate) fn has(&self, found: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(|(_, event)| found(event))
    }

    /// The sealing keys in force, if this is a source.
    fn in_force(&self, now: UnixTime) -> Option<&SealingKeys> {
        self.sealing.iter().rev().find(|keys| keys.activate_at <= now)
    }
}

/// True for a message of this kind: they begin with its name.
fn is_of(kind: &str, body: &[u8]) -> bool {
    usize::from(body[2] & 0x1f) == kind.len() && body[3..].starts_with(kind.as_bytes())
}

/// A frame as the network sees it, with the key it was sealed with.
pub(crate) struct Sent {
    pub(crate) at: UnixTime,
    pub(crate) source: usize,
    pub(crate) label: u64,
    pub(crate) key: [u8; 32],
}

pub(crate) struct World {
    pub(crate) now: UnixTime,
    pub(crate) issuer: Issuer,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) people: Vec<Person>,
    /// What travels: due time, then order of sending.
    mail: BTreeMap<(UnixTime, u64), (usize, PeerKey, Vec<u8>)>,
    /// Everything said so far: newcomers pull it, in any order.
    log: Vec<(PeerKey, Vec<u8>)>,
    count: u64,
    pub(crate) frames: Vec<Sent>,
    /// Frames that a receiver could not open when they came: receiver, index of the frame.
    pub(crate) misses: Vec<(usize, usize)>,
    pub(crate) calm: bool,
    /// How many of a hundred messages never come.
    pub(crate) lost_percent: u32,
    /// What never comes: to whom, and its kind.
    pub(crate) withheld: BTreeSet<(usize, &'static str)>,
    /// Who is cut off from the others.
    pub(crate) split: BTreeSet<usize>,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        println!("seed {seed}");
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let issuer = Issuer::generate(&mut rng);
        World {
            now: START,
            issuer,
            rng,
            people: Vec::new(),
            mail: BTreeMap::new(),
            log: Vec::new(),
            count: 0,
            frames: Vec::new(),
            misses: Vec::new(),
            calm: false,
            lost_percent: 0,
            withheld: BTreeSet::new(),
            split: BTreeSet::new(),
        }
    }

    pub(crate) fn invite(&mut self, role: Role) -> Invite {
        self.issuer.issue_invite(&mut self.rng, role, Vec::new(), START, START.plus_ms(86_400_000)).unwrap()
    }

    pub(crate) fn seat(&self, who: usize) -> Seat {
        let person = &self.people[who];
        Seat {
            identity: Arc::clone(&person.identity),
            meeting: self.issuer.meeting(),
            issuer: self.issuer.public(),
            invite: person.invite,
            role: person.role,
            credential: person.credential.clone(),
        }
    }

    fn arrive(&mut self, invite: &Invite) -> usize {
        let identity = Arc::new(Identity::generate(&mut self.rng));
        let (key, credential) = (identity.public(), invite.credential(&identity, self.now));
        let mut gate = Gate::new(self.issuer.meeting(), self.issuer.public());
        for other in &mut self.people {
            let _ = other.gate.admit(self.now, key, &credential);
            gate.admit(self.now, other.key, &other.credential).unwrap();
        }
        self.people.push(Person {
            identity,
            key,
            invite: invite.id(),
            role: invite.role(),
            credential,
            gate,
            session: None,
            open: BTreeMap::new(),
            hoard: BTreeMap::new(),
            sealing: Vec::new(),
            events: Vec::new(),
            said: Vec::new(),
            heard: Vec::new(),
        });
        self.people.len() - 1
    }

    pub(crate) fn boxed_rng(&mut self) -> keyagree::session::SessionRng {
        Box::new(ChaCha20Rng::from_seed(self.rng.random()))
    }

    pub(crate) fn organiser(&mut self) -> usize {
        let invite = self.invite(Role::Organiser);
        let who = self.arrive(&invite);
        self.coordinate(who, Past { term: 1, ..Past::default() });
        who
    }

    pub(crate) fn coordinate(&mut self, who: usize, past: Past) {
        let (seat, rng) = (self.seat(who), self.boxed_rng());
        self.people[who].open.clear();
        self.people[who].sealing.clear();
        self.people[who].session = Some(Session::coordinator(self.now, seat, past, rng));
        self.drain(who);
    }

    pub(crate) fn guest(&mut self) -> usize {
        let invite = self.invite(Role::Guest);
        self.guest_with(&invite)
    }

    pub(crate) fn deputy(&mut self) -> usize {
        self.with_role(Role::Deputy)
    }

    pub(crate) fn with_role(&mut self, role: Role) -> usize {
        let invite = self.invite(role);
        self.guest_with(&invite)
    }

    /// A group link.
    pub(crate) fn link(&mut self, uses: u16) -> Invite {
        let ends = START.plus_ms(86_400_000);
        self.issuer.issue_link(&mut self.rng, Role::Guest, uses, Vec::new(), START, ends).unwrap()
    }

    /// A member whose process begins anew, with the key that it kept.
    pub(crate) fn rejoin(&mut self, who: usize) {
        let (seat, rng) = (self.seat(who), self.boxed_rng());
        self.people[who].session = Some(Session::member(self.now, seat, rng));
        self.drain(who);
    }

    pub(crate) fn guest_with(&mut self, invite: &Invite) -> usize {
        let who = self.arrive(invite);
        for (from, body) in self.log.clone() {
            self.post(who, from, body);
        }
        let (seat, rng) = (self.seat(who), self.boxed_rng());
        self.people[who].session = Some(Session::member(self.now, seat, rng));
        self.drain(who);
        who
    }

    pub(crate) fn put(&mut self, who: usize, input: Input) {
        let now = self.now;
        self.people[who].session.as_mut().unwrap().handle(now, input);
        self.drain(who);
    }

    pub(crate) fn send(&mut self, who: usize, streams: &[u8]) {
        self.put(who, Input::Send { streams: streams.to_vec() });
    }

    /// A message on its way: soon, twice, or as late as gossip heals it, within the second before an epoch is used.
    fn post(&mut self, to: usize, from: PeerKey, body: Vec<u8>) {
        let gone = self.lost_percent > 0 && self.rng.random_ratio(self.lost_percent, 100);
        if gone || self.withheld.iter().any(|(who, kind)| *who == to && is_of(kind, &body)) {
            return;
        }
        let copies = if !self.calm && self.rng.random_bool(0.2) { 2 } else { 1 };
        for _ in 0..copies {
            let lost = !self.calm && self.rng.random_bool(0.1);
            let delay = self.rng.random_range(5..120) + if lost { 850 } else { 0 };
            self.count += 1;
            self.mail.insert((self.now.plus_ms(delay), self.count), (to, from, body.clone()));
        }
    }

    fn drain(&mut self, who: usize) {
        let from = self.people[who].key;
        let now = self.now;
        while let Some(output) = self.people[who].session.as_mut().and_then(Session::poll) {
            let person = &mut self.people[who];
            match output {
                Output::Say { to, body } => {
                    self.is_proper(who, &to, &body);
                    let person = &mut self.people[who];
                    assert!(body.len() <= keyagree::SAY_MAX);
                    person.said.push(body.clone());
                    if to.is_everybody() {
                        self.log.push((from, body.clone()));
                    }
                    for other in 0..self.people.len() {
                        if other != who && self.is_meant(other, &to) && self.reaches(who, other) {
                            self.post(other, from, body.clone());
                        }
                    }
                }
                Output::Credential(credential) => self.show(who, credential),
                Output::Seal(keys) => person.sealing.push(keys),
                Output::Open(key) => {
                    person.open.insert(key.label, *key.key.expose());
                    person.hoard.insert(key.label, *key.key.expose());
                }
                Output::Forget { label } => {
                    assert!(person.open.remove(&label).is_some(), "forgets what it holds");
                }
                Output::Talk { from, body } => person.heard.push((from, body)),
                Output::Event(event) => person.events.push((now, event)),
            }
        }
        if let Some(session) = &self.people[who].session {
            session.check();
        }
    }

    /// Whoever knows that somebody was removed gives it nothing that leads to an epoch.
    fn is_proper(&self, who: usize, to: &Audience, body: &[u8]) {
        let Some(session) = &self.people[who].session else { return };
        let Audience::One(key) = to else { return };
        let invite = self.people.iter().find(|person| person.key == *key).map(|person| person.invite);
        let names: [&[u8]; 3] = [b"\x64Wrap", b"\x67Welcome", b"\x65Chain"];
        let secret = names.iter().any(|name| body[2..].starts_with(name));
        let out = session.removed().shuts_out(key, invite);
        let what = String::from_utf8_lossy(&body[3..10]);
        assert!(!(secret && out), "{what} of {who} for {key}, whom it knows to be removed");
    }

    fn is_meant(&self, who: usize, to: &Audience) -> bool {
        let person = &self.people[who];
        match to {
            Audience::Everybody | Audience::Standing(_) => true,
            Audience::Coordinator => person.session.as_ref().is_some_and(Session::coordinates),
            Audience::One(key) => person.key == *key,
        }
    }

    /// Whether the network lets something through now.
    pub(crate) fn reaches(&self, from: usize, to: usize) -> bool {
        self.split.is_empty() || self.split.contains(&from) == self.split.contains(&to)
    }

    /// Shows a new credential to everybody.
    fn show(&mut self, who: usize, credential: Vec<u8>) {
        let (now, key) = (self.now, self.people[who].key);
        self.people[who].credential.clone_from(&credential);
        for other in &mut self.people {
            let _ = other.gate.admit(now, key, &credential);
        }
    }

    pub(crate) fn crash(&mut self, who: usize) {
        let person = &mut self.people[who];
        person.session = None;
        person.open.clear();
        person.sealing.clear();
    }

    /// Lets the world run, sources sealing a frame every step.
    pub(crate) fn run_ms(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        while self.now < end {
            self.now = self.now.plus_ms(STEP_MS);
            self.deliver();
            for who in 0..self.people.len() {
                let due = self.people[who].session.as_ref().and_then(Session::deadline);
                if due.is_some_and(|(at, _)| at <= self.now) {
                    self.put(who, Input::Tick);
                }
            }
            self.frames_arrive();
            self.frames_leave();
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.mail.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, from, body) = entry.remove();
            let now = self.now;
            let person = &mut self.people[to];
            person.gate.heard(now, from, &body);
            let Some(admission) = person.gate.known(&from).cloned() else { continue };
            if person.session.is_some() {
                self.put(to, Input::Heard { from, admission, body });
            }
        }
    }

    fn frames_leave(&mut self) {
        for (source, person) in self.people.iter().enumerate().filter(|(_, person)| person.session.is_some())
        {
            for key in person.in_force(self.now).iter().flat_map(|keys| &keys.keys) {
                self.frames.push(Sent { at: self.now, source, label: key.label, key: *key.key.expose() });
            }
        }
    }

    fn frames_arrive(&mut self) {
        for (index, frame) in self.frames.iter().enumerate().rev() {
            let age = self.now.since(frame.at);
            if age > TRAVEL_MS {
                break;
            }
            if age < TRAVEL_MS {
                continue;
            }
            for (who, person) in self.people.iter().enumerate() {
                if who != frame.source
                    && person.session.is_some()
                    && person.open.get(&frame.label) != Some(&frame.key)
                {
                    self.misses.push((who, index));
                }
            }
        }
    }

    /// Frames of `[from, to)` that `who` could not open in time.
    pub(crate) fn missed(&self, who: usize, from: UnixTime, to: UnixTime) -> usize {
        let within = |index: usize| (from..to).contains(&self.frames[index].at);
        self.misses.iter().filter(|(person, index)| *person == who && within(*index)).count()
    }

    /// Frames of `[from, to)` by others that all which `who` ever held opens.
    pub(crate) fn ever_opens(&self, who: usize, from: UnixTime, to: UnixTime) -> usize {
        let hoard = &self.people[who].hoard;
        let frames = self.frames.iter().filter(|frame| (from..to).contains(&frame.at) && frame.source != who);
        frames
            .filter(|frame| {
                hoard.get(&frame.label) == Some(&frame.key) || hoard.values().any(|key| *key == frame.key)
            })
            .count()
    }

    /// All of these hold the same epoch and show the same code.
    pub(crate) fn agree(&self, who: &[usize]) {
        let epochs: BTreeSet<_> = who.iter().map(|who| self.people[*who].session().epoch()).collect();
        let codes: BTreeSet<_> = who.iter().map(|who| self.people[*who].session().code()).collect();
        let mut keys: Vec<PeerKey> = who.iter().map(|who| self.people[*who].key).collect();
        keys.sort();
        assert_eq!((epochs.len(), codes.len()), (1, 1), "{epochs:?} {codes:?}");
        assert!(!epochs.contains(&None));
        for who in who {
            assert_eq!(self.people[*who].session().members(), keys);
        }
    }
}
