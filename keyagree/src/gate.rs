//! Who is let in: the part of the key agreement that relays run too. It holds no secret.

mod first;

use std::collections::{BTreeMap, BTreeSet};

use crate::credential::{self, Admission, AdmittedAs, Refusal, Role};
use crate::deposed::Deposed;
use crate::identity::{BadSignature, Context, Identity, IssuerKey, MeetingId, PeerKey, verify};
use crate::removed::Removed;
use crate::time::{SKEW_MS, UnixTime};
use crate::wire::{Evidence, Message};
use first::FirstKeys;

/// Most peers whose credentials a gate keeps.
pub const KNOWN_MAX: usize = 1 << 15;
/// Most of them in the lobby: a group link, or an invite that leaked, may be shown with any number of keys.
pub const LOBBY_KNOWN_MAX: usize = 1 << 10;
/// The first that comes by an invite for one person takes part for so long without a pass. A guess: a welcome brings the
/// pass within two seconds, in a crowd within some twenty.
pub const PROBATION_MS: u64 = 60_000;
/// Passes end only while a coordinator is there to renew them: its last sign of life is no older.
const RENEWABLE_MS: u64 = 30_000;

/// Checks credentials against one meeting's issuer, remembers who was admitted, and learns who was
/// removed. Kick lists only grow: no order of messages can let somebody in again.
///
/// [`Gate::admit`] at each link and for each presence; [`Gate::heard`] for each key message;
/// [`Gate::known`] for the origin of each note.
pub struct Gate {
    meeting: MeetingId,
    issuer: IssuerKey,
    known: BTreeMap<PeerKey, Admission>,
    /// Those of them who wait at the door.
    lobby: BTreeSet<PeerKey>,
    first: FirstKeys,
    removed: Removed,
    deposed: Deposed,
    /// When the last sign of life of a coordinator came, whose it was and when it was made, and whether the meeting was
    /// locked then.
    beat_at: UnixTime,
    beat: Option<(PeerKey, UnixTime)>,
    locked: bool,
}

impl Gate {
    /// A gate of one meeting.
    pub fn new(meeting: MeetingId, issuer: IssuerKey) -> Gate {
        Gate {
            meeting,
            issuer,
            known: BTreeMap::new(),
            lobby: BTreeSet::new(),
            first: FirstKeys::default(),
            removed: Removed::default(),
            deposed: Deposed::default(),
            beat_at: UnixTime(0),
            beat: None,
            locked: false,
        }
    }

    /// The meeting.
    pub fn meeting(&self) -> MeetingId {
        self.meeting
    }

    /// Checks what `peer` shows. The transport has proven that `peer` is its key, or a note that
    /// carries the credential is signed by it.
    pub fn admit(&mut self, now: UnixTime, peer: PeerKey, credential: &[u8]) -> Result<Admission, Refusal> {
        let mut admission = credential::check(now, &self.meeting, &self.issuer, &peer, credential)?;
        if self.removed.shuts_out(&peer, admission.invite) {
            return Err(Refusal::Removed);
        }
        if admission.may_coordinate() && self.deposed.contains(&peer) {
            self.deposed.add(peer);
            admission.role = AdmittedAs::Participant(Role::Guest);
        }
        if admission.passed_by.is_some_and(|(by, invite)| {
            self.removed.shuts_out(&by, Some(invite)) || self.deposed.contains(&by)
        }) {
            admission = admission.unpassed();
        }
        if admission.is_guest_of_one() {
            self.judge_single(now, peer, &mut admission);
        }
        // What was shown before may be shown again by anybody; the last pass that was seen counts until it ends.
        if let Some(passed) = self.known.get(&peer).filter(|known| known.pass_ends > admission.pass_ends)
            && passed.invite == admission.invite
            && !passed.lobby
            && !self.has_lapsed(now, passed)
        {
            return Ok(passed.clone());
        }
        // A pass that nobody is there to renew doesn't end.
        admission.lobby &= admission.pass_ends.is_none() || self.renewable(now);
        self.make_room(now, &peer, admission.lobby);
        self.lobby.remove(&peer);
        if admission.lobby {
            self.lobby.insert(peer);
        }
        self.known.insert(peer, admission.clone());
        Ok(admission)
    }

    /// Somebody with an invite for one person. Who has no pass takes part for a while, if nobody came by it before and the
    /// meeting is open; else a host has to let it in.
    fn judge_single(&mut self, now: UnixTime, peer: PeerKey, admission: &mut Admission) {
        let Some(invite) = admission.invite else { return };
        let open = admission.pass_ends.is_some() || !(self.locked && self.renewable(now));
        let since = if open {
            self.first.since(now, invite, peer, admission.expires)
        } else {
            self.first.known_since(&invite, &peer)
        };
        if admission.pass_ends.is_none() {
            admission.pass_ends = since.map(|since| since.plus_ms(PROBATION_MS));
            admission.lobby = admission.pass_ends.is_none_or(|ends| now >= ends);
        }
    }

    fn renewable(&self, now: UnixTime) -> bool {
        now.since(self.beat_at) < RENEWABLE_MS
    }

    /// True if this pass has ended while somebody was there to renew it.
    fn has_lapsed(&self, now: UnixTime, admission: &Admission) -> bool {
        let ended = admission.pass_ends.is_some_and(|at| now >= at);
        ended && !admission.lobby && self.renewable(now)
    }

    /// What the credential of a peer said, if it was admitted and still counts.
    pub fn known(&self, peer: &PeerKey) -> Option<&Admission> {
        self.known.get(peer)
    }

    /// Who was admitted and has expired by now; they are forgotten.
    pub fn expire(&mut self, now: UnixTime) -> Vec<PeerKey> {
        let over = self.those(|admission| now >= admission.expires);
        self.forget(&over);
        over
    }

    /// Whose pass has ended by now: they are in the lobby again. A pass that nobody is there to renew doesn't end:
    /// whoever is connected stays, until its invite ends.
    pub fn lapse(&mut self, now: UnixTime) -> Vec<PeerKey> {
        let over = self.those(|admission| self.has_lapsed(now, admission));
        for peer in &over {
            self.lobby.insert(*peer);
            if let Some(admission) = self.known.get_mut(peer) {
                admission.lobby = true;
            }
        }
        over
    }

    fn those(&self, which: impl Fn(&Admission) -> bool) -> Vec<PeerKey> {
        self.known.iter().filter(|(_, admission)| which(admission)).map(|(peer, _)| *peer).collect()
    }

    /// Hears a key message whose note was signed by `from`. Returns who is shut out by it.
    pub fn heard(&mut self, now: UnixTime, from: PeerKey, body: &[u8]) -> Vec<PeerKey> {
        let coordinates =
            self.known.get(&from).is_some_and(|from| from.may_coordinate() && now < from.expires);
        match Message::decode(body) {
            Ok(Message::Kicks(kicks))
                if coordinates && kicks.value.meeting == self.meeting && kicks.signed_by(&from) =>
            {
                return self.remove(&kicks.value.removed());
            }
            Ok(Message::Beat(beat))
                if coordinates
                    && beat.value.meeting == self.meeting
                    && self.is_fresh(now, from, beat.value.made_at)
                    && beat.signed_by(&from) =>
            {
                (self.beat_at, self.beat, self.locked) =
                    (now, Some((from, beat.value.made_at)), beat.value.locked);
            }
            Ok(Message::Evidence(evidence)) => self.convict(&evidence),
            _ => {}
        }
        Vec::new()
    }

    /// A sign of life that is said again is none.
    fn is_fresh(&self, now: UnixTime, from: PeerKey, made_at: UnixTime) -> bool {
        let again = self.beat.is_some_and(|(by, last)| by == from && made_at <= last);
        !again && now.since(made_at).max(made_at.since(now)) <= SKEW_MS
    }

    /// A coordinator that has signed two records for one epoch is a guest from now on.
    fn convict(&mut self, evidence: &Evidence) {
        let coordinator = evidence.first.value.id.coordinator;
        let known = self.known.get(&coordinator);
        let able = known.is_none_or(Admission::may_coordinate) && !self.deposed.contains(&coordinator);
        if !able || evidence.first.value.meeting != self.meeting || evidence.convicts().is_none() {
            return;
        }
        match known {
            Some(_) => self.depose(&coordinator),
            None => self.deposed.add_stranger(coordinator),
        }
    }

    /// This coordinator is a guest from now on: this node's own session has seen why.
    pub fn depose(&mut self, coordinator: &PeerKey) {
        self.deposed.add(*coordinator);
        if let Some(admission) = self.known.get_mut(coordinator)
            && admission.may_coordinate()
        {
            admission.role = AdmittedAs::Participant(Role::Guest);
        }
    }

    /// Shuts these out: what a kick list said, or what the organiser's own file says. Returns who was admitted before.
    pub fn remove(&mut self, removed: &Removed) -> Vec<PeerKey> {
        self.removed.unite(removed);
        let out: Vec<PeerKey> = self
            .known
            .iter()
            .filter(|(peer, admission)| self.removed.shuts_out(peer, admission.invite))
            .map(|(peer, _)| *peer)
            .collect();
        self.forget(&out);
        out
    }

    fn forget(&mut self, peers: &[PeerKey]) {
        for peer in peers {
            self.known.remove(peer);
            self.lobby.remove(peer);
        }
    }

    /// Only holders of an invite or grant of this meeting get here, so a full map means that one of
    /// them makes up keys; whoever ends soonest gives way, and can show its credential again. In the lobby anybody
    /// does, and for members somebody there.
    fn make_room(&mut self, now: UnixTime, newcomer: &PeerKey, lobby: bool) {
        let is_full = self.known.len() >= KNOWN_MAX;
        if self.known.contains_key(newcomer) || !is_full && (!lobby || self.lobby.len() < LOBBY_KNOWN_MAX) {
            return;
        }
        if let Some(waits) = self.lobby.first().copied() {
            return self.forget(&[waits]);
        }
        if self.expire(now).is_empty() {
            let soonest =
                self.known.iter().min_by_key(|(_, admission)| admission.expires).map(|(peer, _)| *peer);
            self.forget(soonest.as_slice());
        }
    }
}

/// Signs a note of the overlay.
pub fn sign_note(identity: &Identity, note: &[u8]) -> [u8; 64] {
    identity.sign(Context::NOTE, note)
}

/// Checks that `origin` signed a note of the overlay; else it is the fault of whoever passed it on.
pub fn verify_note(origin: &PeerKey, note: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
    verify(origin, Context::NOTE, note, signature)
}
