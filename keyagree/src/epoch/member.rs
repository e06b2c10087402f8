//! A participant who follows the epochs: asks to be let in, checks records, steps or unwraps secrets.

mod answer;
mod asking;
mod records;
mod succession;

use crate::credential::Signed;
use crate::epoch::coordinator::Coordinator;
use crate::epoch::deputy::Deputy;
use crate::epoch::pairs::Pairs;
use crate::epoch::view::View;
use crate::epoch::{Adopted, Effects, Head, commitment, record_hash, step};
use crate::identity::PeerKey;
use crate::io::{Event, Seat, SessionRng, Timer};
use crate::removed::Removed;
use crate::suite::Secret;
use crate::time::UnixTime;
use crate::wire::{ChainRoot, Changes, Kicks, PageNote, Reason, Record, Wrap, read_bindings};
use asking::Asking;
use records::Records;
use succession::Succession;

/// A gap in the records is given so long to be filled by gossip.
const CATCH_UP_MS: u64 = 3_000;

/// See the module.
pub(crate) struct Member {
    head: Option<Head>,
    view: View,
    /// The highest term seen, and whose.
    leader: (u32, PeerKey),
    asking: Asking,
    pairs: Pairs,
    records: Records,
    /// The newest epoch of the leader that was heard of.
    heard_of: u64,
    stuck_since: Option<UnixTime>,
    succession: Succession,
    /// What a deputy prepares; others have none.
    deputy: Option<Deputy>,
    stopped: bool,
}

impl Member {
    /// Asks at once.
    pub(crate) fn start(now: UnixTime, seat: &Seat, rng: &mut SessionRng, effects: &mut Effects) -> Member {
        let mut member = Member::new(now, seat, None, View::default(), Deputy::default());
        member.asking.ask(now, seat, rng, 0, effects);
        effects.events.push(Event::Waiting);
        member
    }

    /// A coordinator that gives way to one that leads.
    pub(crate) fn yields(
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        before: Coordinator,
        to: (u32, PeerKey),
        effects: &mut Effects,
    ) -> Member {
        let (head, view, door) = before.into_parts();
        let (bindings, removed, locked) = door.into_parts();
        let deputy = Deputy { bindings, removed, locked, ..Deputy::default() };
        let mut member = Member::new(now, seat, Some(head), view, deputy);
        member.follow(now, to, effects);
        member.asking.ask(now, seat, rng, to.0, effects);
        member
    }

    fn new(now: UnixTime, seat: &Seat, head: Option<Head>, view: View, deputy: Deputy) -> Member {
        Member {
            leader: head.as_ref().map_or((0, PeerKey([0; 32])), |head| head.id().leader()),
            head,
            view,
            asking: Asking::default(),
            pairs: Pairs::default(),
            records: Records::default(),
            heard_of: 0,
            stuck_since: None,
            succession: Succession::new(now),
            deputy: seat.role.may_coordinate().then_some(deputy),
            stopped: false,
        }
    }

    pub(crate) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    pub(crate) fn view_mut(&mut self) -> (Option<&Head>, &mut View) {
        (self.head.as_ref(), &mut self.view)
    }

    /// When to be called again, and why.
    pub(crate) fn deadline(&self, seat: &Seat) -> Option<(UnixTime, Timer)> {
        if self.stopped {
            return None;
        }
        let ask = self.asking.deadline().map(|at| (at, Timer::AskAgain));
        let stuck = self.stuck_since.map(|since| (since.plus_ms(CATCH_UP_MS), Timer::CatchUp));
        let refresh = self.pairs.deadline().map(|at| (at, Timer::Refresh));
        let roster = self.view.deadline().map(|at| (at, Timer::Roster));
        let lead = self.leads_at(seat).map(|at| (at, Timer::TakeOver));
        let tells =
            self.head.as_ref().and_then(|_| self.succession.tells_at()).map(|at| (at, Timer::Silence));
        [ask, stuck, refresh, roster, lead, tells].into_iter().flatten().min()
    }

    pub(crate) fn tick(&mut self, now: UnixTime, seat: &Seat, rng: &mut SessionRng, effects: &mut Effects) {
        if self.stopped {
            return;
        }
        if self.stuck_since.is_some_and(|since| now >= since.plus_ms(CATCH_UP_MS)) {
            self.stuck_since = None;
            self.asking.ask(now, seat, rng, self.leader.0, effects);
        }
        let waits = self.head.is_none();
        // Who holds nothing of a leader that is gone is as new as anybody. Another may lead in an older term, of people who
        // never heard of that one, and nobody is left to tell it so. What it asks next is for whoever leads.
        if waits && self.leader.0 > 0 && self.succession.is_silent(now) {
            self.leader = (0, PeerKey([0; 32]));
        }
        self.asking.tick(now, seat, rng, self.leader.0, waits, effects);
        self.pairs.tick(now, seat, rng, self.asking.asker(), self.leader, effects);
        if let Some(head) = &self.head {
            self.succession.tick(now, effects);
            self.view.tick(now, head, effects);
        }
    }

    /// A coordinator's record, whose origin is `from`.
    pub(crate) fn record(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        from: PeerKey,
        signed: Signed<Record>,
        effects: &mut Effects,
    ) {
        let id = signed.value.id;
        if self.stopped || id.coordinator != from || signed.value.meeting != seat.meeting {
            return;
        }
        if id.leader() < self.leader {
            return self.tell_stale(now, effects);
        }
        if id.leader() == self.leader && self.records.knows(&signed) || !signed.signed_by(&from) {
            return;
        }
        if let Some(other) = self.other_of(&id) {
            return self.expose(now, other, signed, effects);
        }
        if id.leader() > self.leader {
            // What was asked without knowing the term is good for the first term that is met.
            let asked_anyone = self.head.is_none() && self.asking.is_open();
            self.follow(now, id.leader(), effects);
            if !asked_anyone && !self.pairs.has(&from) {
                self.asking.ask(now, seat, rng, self.leader.0, effects);
            }
        }
        self.succession.seen(now);
        if self
            .head
            .as_ref()
            .is_some_and(|head| head.id().leader() == self.leader && id.epoch < head.id().epoch)
        {
            return;
        }
        self.records.keep(signed);
        self.advance(now, seat, effects);
    }

    fn follow(&mut self, now: UnixTime, leader: (u32, PeerKey), effects: &mut Effects) {
        let before = std::mem::replace(&mut self.leader, leader);
        self.records.follow(&leader.1);
        self.heard_of = 0;
        self.stuck_since = None;
        self.succession.follow(now);
        self.view.forget_early(&leader.1);
        // A chain that was prepared for this is kept, and so are those with other deputies.
        self.pairs.forget(&before.1);
        if self.head.is_some() {
            effects.events.push(Event::Following { coordinator: leader.1, term: leader.0 });
        }
    }

    /// A wrap of a coordinator's: good only with the record and the chain that fit it.
    pub(crate) fn wrap(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        from: PeerKey,
        wrap: Wrap,
        effects: &mut Effects,
    ) {
        if !self.stopped && self.records.keep_wrap(from, wrap) {
            self.advance(now, seat, effects);
        }
    }

    /// A fresh chain, with the coordinator or one of its deputies.
    pub(crate) fn chain(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        from: PeerKey,
        signed: &Signed<ChainRoot>,
        effects: &mut Effects,
    ) {
        if !self.stopped && self.pairs.answered(now, seat, rng, from, signed) {
            self.advance(now, seat, effects);
        }
    }

    /// Follows the records as far as they and their secrets are there.
    fn advance(&mut self, now: UnixTime, seat: &Seat, effects: &mut Effects) {
        while let Some((signed, secret)) = self.next() {
            if commitment(&secret, &seat.meeting, &signed.value.id) != signed.value.commitment {
                break;
            }
            self.adopt(now, seat, signed, secret, effects);
        }
        self.mind_the_gap(now);
    }

    /// The record that comes next and its secret, if both are there.
    fn next(&mut self) -> Option<(Signed<Record>, Secret)> {
        let head = self.head.as_ref()?;
        let same = head.id().leader() == self.leader;
        let at = if same { head.id().epoch.checked_add(1)? } else { 0 };
        let signed = self.records.at(at)?;
        let record = &signed.value;
        let fits = if same { head.is_followed_by(record) } else { record.reason == Reason::Start };
        if !fits {
            return None;
        }
        let secret = match record.reason {
            Reason::Join => step(&head.secret, record),
            _ => {
                let (hash, leader) = (record_hash(record), self.leader.1);
                let mut sealed = self.records.wraps(leader, at).map(|wrap| &wrap.wrap);
                sealed.find_map(|wrap| self.pairs.unwrap(&leader, &hash, wrap))?
            }
        };
        Some((self.records.take(at)?, secret))
    }

    /// Something is missing that should be here: it may still come, then it is asked for.
    fn mind_the_gap(&mut self, now: UnixTime) {
        let Some(head) = self.head.as_ref().filter(|_| !self.asking.is_open()) else {
            self.stuck_since = None;
            return;
        };
        let behind =
            head.id().leader() != self.leader || head.id().epoch < self.heard_of || self.records.waits();
        self.stuck_since = behind.then(|| self.stuck_since.unwrap_or(now));
    }

    fn adopt(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        signed: Signed<Record>,
        secret: Secret,
        effects: &mut Effects,
    ) {
        self.stuck_since = None;
        self.records.took(signed.clone());
        let head = Head::new(signed, secret);
        let same = self.head.as_ref().is_some_and(|before| before.id().leader() == head.id().leader());
        if let Some(deputy) = self.deputy.as_ref().filter(|_| !same) {
            deputy.tell_kicks(seat, effects);
        }
        effects.epochs.push(Adopted::new(now, &head, &seat.issuer));
        self.view.follow(now, &head, self.deputy.is_some(), seat, effects);
        self.head = Some(head);
    }

    pub(crate) fn changes(&mut self, from: PeerKey, changes: Changes, seat: &Seat, effects: &mut Effects) {
        let Some(head) = self.head.as_ref().filter(|_| !self.stopped) else { return };
        self.view.changes(from, changes, head, seat, effects);
    }

    pub(crate) fn page(&mut self, now: UnixTime, note: &PageNote, seat: &Seat, effects: &mut Effects) {
        if let Some(head) = &self.head {
            self.view.page(now, note, head, seat, effects);
        }
    }

    /// A coordinator's kick list.
    pub(crate) fn kicks(
        &mut self,
        seat: &Seat,
        from: PeerKey,
        signed: &Signed<Kicks>,
        effects: &mut Effects,
    ) {
        if self.stopped || signed.value.meeting != seat.meeting || !signed.signed_by(&from) {
            return;
        }
        let removed = signed.value.removed();
        if let Some(deputy) = &mut self.deputy {
            deputy.kicked(&removed);
        }
        if removed.shuts_out(&seat.identity.public(), Some(seat.invite)) {
            self.stop(Event::Removed, effects);
        }
    }

    /// Who came by which invite, as the coordinator tells its deputies.
    pub(crate) fn bound(&mut self, from: PeerKey, sealed: &[u8]) {
        let told = self.pairs.open_letter(&from, sealed);
        if let Some((deputy, told)) = self.deputy.as_mut().zip(told.and_then(|text| read_bindings(&text))) {
            deputy.bindings.extend(told);
        }
    }

    /// A host's word, which gates heed at once and whoever coordinates takes over.
    pub(crate) fn remove(&mut self, seat: &Seat, removed: &Removed, effects: &mut Effects) {
        let others = removed.sparing(&seat.identity.public(), &seat.invite);
        if let Some(deputy) = &mut self.deputy
            && deputy.kicked(&others)
        {
            deputy.tell_kicks(seat, effects);
        }
    }

    /// What this node knows to be shut out; only who may coordinate keeps it.
    pub(crate) fn removed(&self) -> Option<&Removed> {
        self.deputy.as_ref().map(|deputy| &deputy.removed)
    }

    fn stop(&mut self, event: Event, effects: &mut Effects) {
        self.stopped = true;
        self.asking.done();
        self.pairs.clear();
        self.head = None;
        self.view = View::default();
        self.deputy = None;
        self.stuck_since = None;
        self.records = Records::default();
        effects.events.push(event);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Asserts what always holds.
    pub(crate) fn check(&self) {
        self.view.check();
        self.records.check();
        assert!(self.head.as_ref().is_none_or(|head| head.id().leader() <= self.leader));
        assert!(!self.stopped || !self.asking.is_open() && self.head.is_none());
    }
}
