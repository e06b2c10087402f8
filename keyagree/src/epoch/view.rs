//! What a node knows of who the members are: the roster as far as it has it, and their names.
//!
//! Records carry only the root. Small changes are told to everybody, pages are fetched; nothing is
//! believed that isn't under the root.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::credential::Signed;
use crate::epoch::{Effects, Head};
use crate::identity::PeerKey;
use crate::io::{Audience, Event, Seat};
use crate::roster::page::{self, PAGE};
use crate::roster::{Entry, Roster};
use crate::suite::{Secret, derive, unwrap_once, wrap_once};
use crate::time::UnixTime;
use crate::wire::{Changes, Message, NameCard, Named, PageAsk, PageNote};

/// Rosters up to this many members are fetched by everybody; larger ones page by page, as they are shown.
pub(crate) const FETCHED_MAX: usize = 256;
/// Changes are waited for so long before pages are asked for; then pages are.
const FETCH_AFTER_MS: u64 = 700;
const FETCH_AGAIN_MS: u64 = 2_000;
/// Changes that came before their record.
const EARLY_MAX: usize = 8;
/// Names that did.
const EARLY_NAMES_MAX: usize = 64;

/// See the module.
#[derive(Default)]
pub(crate) struct View {
    pub(crate) roster: Roster,
    names: BTreeMap<PeerKey, Signed<NameCard>>,
    /// Who was told to the user as a member.
    shown: BTreeSet<PeerKey>,
    removed: BTreeSet<PeerKey>,
    early: VecDeque<(PeerKey, Changes)>,
    early_names: VecDeque<(PeerKey, Named)>,
    fetch_at: Option<UnixTime>,
    asked_page: Option<u16>,
}

impl View {
    /// True if the whole roster of this head is known.
    pub(crate) fn is_complete(&self, head: &Head) -> bool {
        self.roster.len() == head.members() && self.roster.root() == *head.root()
    }

    pub(crate) fn deadline(&self) -> Option<UnixTime> {
        self.fetch_at
    }

    /// A new head: what was told of its changes before it came counts now. `all`: whatever its size.
    pub(crate) fn follow(
        &mut self,
        now: UnixTime,
        head: &Head,
        all: bool,
        seat: &Seat,
        effects: &mut Effects,
    ) {
        let at = head.id().epoch;
        let ready = self.early.iter().position(|(_, changes)| changes.epoch == at);
        if let Some((_, changes)) = ready.and_then(|index| self.early.remove(index)) {
            self.change(&changes, head);
        }
        self.early.retain(|(_, changes)| changes.epoch > at);
        for (from, named) in std::mem::take(&mut self.early_names) {
            self.named(from, named, head, seat, effects);
        }
        let wanted = !self.is_complete(head) && (all || head.members() <= FETCHED_MAX);
        self.fetch_at = wanted.then(|| self.fetch_at.unwrap_or(now.plus_ms(FETCH_AFTER_MS)));
        self.show(head, seat, effects);
    }

    /// What a record changed, from a coordinator. The record may be yet to come, also that of a new term.
    pub(crate) fn changes(
        &mut self,
        from: PeerKey,
        changes: Changes,
        head: &Head,
        seat: &Seat,
        effects: &mut Effects,
    ) {
        if from != head.id().coordinator || changes.epoch > head.id().epoch {
            if self.early.len() >= EARLY_MAX {
                self.early.pop_front();
            }
            self.early.push_back((from, changes));
        } else if changes.epoch == head.id().epoch && !self.is_complete(head) {
            self.change(&changes, head);
            self.show(head, seat, effects);
        }
    }

    /// Another coordinator leads: what others told is done with.
    pub(crate) fn forget_early(&mut self, leader: &PeerKey) {
        self.early.retain(|(from, _)| from == leader);
    }

    /// Takes changes over only if they lead to the root.
    fn change(&mut self, changes: &Changes, head: &Head) {
        let Some(list) = page::open_changes(&changes.sealed, &head.secret) else { return };
        let moved = list.iter().filter_map(|change| self.roster.seat_of(&change.taken?.0));
        let touched: BTreeSet<u16> = list.iter().map(|change| change.seat).chain(moved).collect();
        let before: Vec<(u16, Option<Entry>)> =
            touched.into_iter().map(|seat| (seat, self.roster.entry(seat).copied())).collect();
        let out = list.iter().filter(|change| change.removed);
        let out: Vec<PeerKey> = out.filter_map(|change| Some(self.roster.entry(change.seat)?.peer)).collect();
        self.roster.apply(&list);
        if self.is_complete(head) {
            self.removed.extend(out);
        } else {
            // Clear first, so that nobody sits twice on the way back.
            before.iter().for_each(|(seat, _)| self.roster.set(*seat, None));
            before.into_iter().for_each(|(seat, entry)| self.roster.set(seat, entry));
        }
    }

    /// For a coordinator: who leaves, and how, needs no proof.
    pub(crate) fn note_left(&mut self, peer: PeerKey, removed: bool) {
        if removed {
            self.removed.insert(peer);
        }
    }

    /// Tells the user who came and who went, once the whole roster is known.
    pub(crate) fn show(&mut self, head: &Head, seat: &Seat, effects: &mut Effects) {
        if !self.is_complete(head) {
            return;
        }
        self.fetch_at = None;
        let me = seat.identity.public();
        let now: BTreeSet<PeerKey> = self.roster.peers().copied().collect();
        for peer in now.difference(&self.shown).filter(|peer| **peer != me) {
            effects.events.push(Event::PeerJoined { peer: *peer });
        }
        for peer in self.shown.difference(&now) {
            let removed = self.removed.contains(peer);
            effects.events.push(Event::PeerLeft { peer: *peer, removed });
        }
        self.removed.clear();
        self.names.retain(|peer, _| now.contains(peer));
        self.shown = now;
    }

    /// Asks for pages when it is time.
    pub(crate) fn tick(&mut self, now: UnixTime, head: &Head, effects: &mut Effects) {
        if self.fetch_at.is_none_or(|at| now < at) {
            return;
        }
        self.fetch_at = Some(now.plus_ms(FETCH_AGAIN_MS));
        if self.is_complete(head) {
            self.fetch_at = None;
        } else {
            effects.say(Audience::Coordinator, &Message::PageAsk(PageAsk { page: 0 }));
        }
    }

    /// The user wants to see a page.
    pub(crate) fn ask_page(&mut self, page: u16, effects: &mut Effects) {
        self.asked_page = Some(page);
        effects.say(Audience::Coordinator, &Message::PageAsk(PageAsk { page }));
    }

    /// A page of a coordinator's own roster.
    pub(crate) fn own_page(&self, page: u16) -> Event {
        let first = usize::from(page) * PAGE;
        let seats = (first..first + PAGE).filter_map(|at| self.roster.entry(u16::try_from(at).ok()?));
        Event::Page {
            page,
            pages: page::count(&self.roster),
            members: seats.map(|entry| entry.peer).collect(),
        }
    }

    /// A page came.
    pub(crate) fn page(
        &mut self,
        now: UnixTime,
        note: &PageNote,
        head: &Head,
        seat: &Seat,
        effects: &mut Effects,
    ) {
        if note.epoch != head.id() {
            return;
        }
        let Some(page) = page::open(note, &head.secret, head.root()) else { return };
        if self.asked_page == Some(note.page) {
            self.asked_page = None;
            let members = page.seats.iter().filter_map(|(_, entry)| entry.map(|entry| entry.peer)).collect();
            effects.events.push(Event::Page { page: note.page, pages: page.pages, members });
        }
        if self.fetch_at.is_some() {
            page.seats.into_iter().for_each(|(at, entry)| self.roster.set(at, entry));
            // Seats beyond the last page are empty.
            for at in usize::from(page.pages) * PAGE..self.roster.seats() {
                self.roster.set(at as u16, None);
            }
            let next = note.page + 1;
            if !self.is_complete(head) && next < page.pages {
                self.fetch_at = Some(now.plus_ms(FETCH_AGAIN_MS));
                effects.say(Audience::Coordinator, &Message::PageAsk(PageAsk { page: next }));
            }
        }
        page.names.into_iter().for_each(|card| self.name(card, seat, effects));
        self.show(head, seat, effects);
    }

    /// A member says its name. Under an epoch that is yet to come here it waits.
    pub(crate) fn named(
        &mut self,
        from: PeerKey,
        named: Named,
        head: &Head,
        seat: &Seat,
        effects: &mut Effects,
    ) {
        let (at, now) = ((named.epoch.term, named.epoch.epoch), (head.id().term, head.id().epoch));
        if let Some(card) = open_name(&named, &from, head) {
            self.name(card, seat, effects);
        } else if at > now && self.early_names.iter().all(|(other, _)| *other != from) {
            if self.early_names.len() >= EARLY_NAMES_MAX {
                self.early_names.pop_front();
            }
            self.early_names.push_back((from, named));
        }
    }

    /// A name card, if its peer signed it.
    pub(crate) fn name(&mut self, card: Signed<NameCard>, seat: &Seat, effects: &mut Effects) {
        let said = &card.value;
        let known = self.names.get(&said.peer);
        let room = known.is_some() || self.names.len() < crate::wire::MEMBERS_MAX;
        let newer = known.is_none_or(|known| known.value.made_at < said.made_at);
        let Some(name) = page::unpadded(&said.name) else { return };
        if newer && room && said.meeting == seat.meeting && card.signed_by(&said.peer) {
            effects.events.push(Event::Named { peer: said.peer, name });
            self.names.insert(said.peer, card);
        }
    }

    pub(crate) fn name_card(&self, peer: &PeerKey) -> Option<Signed<NameCard>> {
        self.names.get(peer).cloned()
    }

    /// Asserts what always holds.
    pub(crate) fn check(&self) {
        assert!(self.early_names.len() <= EARLY_NAMES_MAX);
        assert!(self.early.len() <= EARLY_MAX && self.names.len() <= crate::wire::MEMBERS_MAX);
    }
}

/// Seals a name card for the members of an epoch.
pub(crate) fn seal_name(card: &Signed<NameCard>, head: &Head) -> Named {
    let (epoch, made_at) = (head.id(), card.value.made_at);
    let plain = canopy_codec::encode(card, NAMED_MAX).unwrap_or_default();
    Named {
        epoch,
        made_at,
        sealed: wrap_once(&name_key(&head.secret, &card.value.peer, made_at), b"", &plain),
    }
}

/// Opens a name card that `from` said.
fn open_name(named: &Named, from: &PeerKey, head: &Head) -> Option<Signed<NameCard>> {
    let key = name_key(&head.secret, from, named.made_at);
    let plain = unwrap_once(&key, b"", &named.sealed).filter(|_| named.epoch == head.id())?;
    let card: Signed<NameCard> = canopy_codec::decode_strict(&plain, NAMED_MAX).ok()?;
    (card.value.peer == *from && card.value.made_at == named.made_at).then_some(card)
}

const NAMED_MAX: usize = 512;

fn name_key(secret: &Secret, peer: &PeerKey, made_at: UnixTime) -> Secret {
    derive("canopy/2/name-key", &[secret.expose(), &peer.0, &made_at.0.to_be_bytes()])
}
