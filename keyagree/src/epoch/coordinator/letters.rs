//! What a coordinator writes to one peer, and what it remembers of it: the same request gets the same
//! answer, never a second secret.

use std::collections::BTreeMap;

use crate::credential::{PASS_MS, Pass, Signed, parts};
use crate::epoch::chain::PairChain;
use crate::epoch::deputy::ANSWERS_APART_MS;
use crate::epoch::view::View;
use crate::epoch::{Effects, Head, welcome_info};
use crate::identity::{InviteId, PeerKey};
use crate::io::{Audience, Seat, SessionRng};
use crate::removed::Removed;
use crate::roster::page;
use crate::suite::seal;
use crate::time::UnixTime;
use crate::wire::{
    Beat, Denial, JoinRequest, MEMBERS_MAX, Message, PageNote, PassNote, RefusalNote, STANDING_BEAT, Welcome,
    Wrap,
};

/// An answer is said again at most so often.
const ANSWER_AGAIN_MS: u64 = 2_000;
/// And is kept for so long; after that a repeated request gets none, and its peer asks anew.
const ANSWER_KEPT_MS: u64 = 30_000;
/// Most peers that are no members whose last request is remembered.
const STRANGERS_MAX: usize = 1024;
/// A member is sent one page of the roster so often.
const PAGES_APART_MS: u64 = 50;

/// The last request of a peer, and what it was told.
struct Letter {
    invite: InviteId,
    request: [u8; 32],
    made_at: UnixTime,
    came_at: UnixTime,
    said: Option<(UnixTime, Vec<u8>)>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Letters {
    last: BTreeMap<PeerKey, Letter>,
    pages: BTreeMap<PeerKey, UnixTime>,
}

impl Letters {
    /// True for a request that is newer than its peer's last, and really its peer's. What was answered is
    /// answered again.
    pub(crate) fn is_news(
        &mut self,
        now: UnixTime,
        signed: &Signed<JoinRequest>,
        (hash, invite): (&[u8; 32], InviteId),
        is_member: impl Fn(&PeerKey) -> bool,
        effects: &mut Effects,
    ) -> bool {
        let request = &signed.value;
        if let Some(letter) = self.last.get_mut(&request.peer) {
            if letter.request == *hash {
                say_again(letter, &request.peer, now, effects);
                return false;
            }
            if request.made_at <= letter.made_at || now.since(letter.came_at) < ANSWERS_APART_MS {
                return false;
            }
        }
        if !signed.signed_by(&request.peer) || !self.has_room(&request.peer, is_member) {
            return false;
        }
        let letter = Letter { invite, request: *hash, made_at: request.made_at, came_at: now, said: None };
        self.last.insert(request.peer, letter);
        true
    }

    fn has_room(&mut self, peer: &PeerKey, is_member: impl Fn(&PeerKey) -> bool) -> bool {
        if self.last.len() < MEMBERS_MAX + STRANGERS_MAX || self.last.contains_key(peer) {
            return true;
        }
        let stranger = self.last.keys().find(|other| !is_member(other)).copied();
        stranger.is_some_and(|other| self.last.remove(&other).is_some())
    }

    /// Says no, or not yet.
    pub(crate) fn refuse(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        to: PeerKey,
        request: [u8; 32],
        denial: Denial,
        effects: &mut Effects,
    ) {
        let note = RefusalNote { meeting: seat.meeting, to, request, denial };
        self.answer(now, to, &Message::Refusal(Signed::new(note, &seat.identity)), effects);
    }

    fn answer(&mut self, now: UnixTime, to: PeerKey, message: &Message, effects: &mut Effects) {
        let bytes = message.encode();
        if let Some(letter) = self.last.get_mut(&to) {
            letter.said = Some((now, bytes.clone()));
        }
        effects.says.push((Audience::One(to), bytes));
    }

    /// Seals the epoch's secret to a request's key. Gives this end of the chain that comes with it.
    #[allow(clippy::too_many_arguments, reason = "one call; each is the session's own")]
    pub(crate) fn welcome(
        &mut self,
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        head: &Head,
        proof: &[u8],
        (to, request, public): (PeerKey, &[u8; 32], &[u8]),
        effects: &mut Effects,
    ) -> Option<PairChain> {
        let mut plain = zeroize::Zeroizing::new(Vec::with_capacity(32 + proof.len()));
        plain.extend_from_slice(head.secret.expose());
        plain.extend_from_slice(proof);
        let sealed = seal(&mut **rng, public, &welcome_info(&head.hash, &to, request), &plain)?;
        let welcome = Welcome {
            meeting: seat.meeting,
            to,
            request: *request,
            record: head.signed.clone(),
            enc: sealed.enc,
            sealed: sealed.sealed,
        };
        self.answer(now, to, &Message::Welcome(Signed::new(welcome, &seat.identity)), effects);
        Some(PairChain::new(sealed.pair))
    }

    /// Sends a member a page of the roster.
    pub(crate) fn page(
        &mut self,
        now: UnixTime,
        head: &Head,
        view: &View,
        to: PeerKey,
        page: u16,
        effects: &mut Effects,
    ) {
        self.pages.retain(|_, at| now.since(*at) < PAGES_APART_MS);
        if page >= page::count(&view.roster) || self.pages.insert(to, now).is_some() {
            return;
        }
        let sealed = page::seal(&view.roster, &head.secret, page, |peer| view.name_card(peer));
        effects.say(Audience::One(to), &Message::Page(PageNote { epoch: head.id(), page, sealed }));
    }

    /// What was answered to whoever is shut out now isn't said again: they may never have heard it.
    pub(crate) fn take_back(&mut self, removed: &Removed) {
        for (_, letter) in
            self.last.iter_mut().filter(|(peer, letter)| removed.shuts_out(peer, Some(letter.invite)))
        {
            letter.said = None;
        }
    }

    /// Lets go of answers that nobody asks for again.
    pub(crate) fn forget_old(&mut self, now: UnixTime) {
        for letter in self.last.values_mut() {
            letter.said.take_if(|(at, _)| now.since(*at) >= ANSWER_KEPT_MS);
        }
    }

    pub(crate) fn check(&self) {
        assert!(self.last.len() <= MEMBERS_MAX + STRANGERS_MAX && self.pages.len() <= MEMBERS_MAX);
    }
}

fn say_again(letter: &mut Letter, to: &PeerKey, now: UnixTime, effects: &mut Effects) {
    if let Some((said_at, bytes)) = &mut letter.said
        && now.since(*said_at) >= ANSWER_AGAIN_MS
    {
        *said_at = now;
        effects.says.push((Audience::One(*to), bytes.clone()));
    }
}

/// A wrap for its member.
pub(crate) fn wrap(to: PeerKey, epoch: u64, wrap: Vec<u8>, effects: &mut Effects) {
    effects.say(Audience::One(to), &Message::Wrap(Wrap { epoch, wrap }));
}

/// A sign of life, for everybody.
pub(crate) fn beat(
    now: UnixTime,
    seat: &Seat,
    head: &Head,
    deputies: Vec<PeerKey>,
    locked: bool,
    effects: &mut Effects,
) {
    let beat =
        Beat { meeting: seat.meeting, id: head.id(), record: head.hash, made_at: now, deputies, locked };
    effects.say(Audience::Standing(STANDING_BEAT), &Message::Beat(Signed::new(beat, &seat.identity)));
}

/// A pass for somebody who was let in.
pub(crate) fn pass(now: UnixTime, seat: &Seat, peer: PeerKey, invite: InviteId, effects: &mut Effects) {
    let Some((own_invite, holder)) = parts(&seat.credential) else { return };
    let pass = Pass { meeting: seat.meeting, peer, invite, made_at: now, expires: now.plus_ms(PASS_MS) };
    let note = PassNote { pass: Signed::new(pass, &seat.identity), invite: own_invite, holder };
    effects.say(Audience::One(peer), &Message::Pass(note));
}
