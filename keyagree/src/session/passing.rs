//! Messages that go by way of the coordinator.
//!
//! Who may coordinate, and who is a source, is known to everybody, so others take what it says. Of all other members only
//! the coordinator knows the credential, and only it has a way to every node: it passes on what they say to others. It can
//! withhold that, as it can withhold an epoch, but not make it up: what is passed on is signed by who said it, a
//! request for an announcement excepted, which gives its sender nothing that isn't said to everybody.

use std::collections::BTreeMap;

use crate::credential::check;
use crate::epoch::Effects;
use crate::identity::PeerKey;
use crate::io::{Audience, Output};
use crate::session::Session;
use crate::session::part::Part;
use crate::time::UnixTime;
use crate::wire::{MEMBERS_MAX, Message, PASSED_MAX, PassOn, Passed, Wants};

/// What is passed on for one member at once, and then for each second.
const BURST: u32 = 40;
const EACH_SECOND: u64 = 8;

/// How much each member has had passed on lately.
#[derive(Default)]
pub(super) struct Allowances {
    spent: BTreeMap<PeerKey, (u32, UnixTime)>,
}

impl Allowances {
    fn may(&mut self, now: UnixTime, peer: PeerKey) -> bool {
        let earned = |since: UnixTime| u32::try_from(now.since(since) * EACH_SECOND / 1_000).unwrap_or(BURST);
        if self.spent.len() >= MEMBERS_MAX {
            self.spent.retain(|_, (spent, since)| *spent > earned(*since));
        }
        let (spent, since) = self.spent.entry(peer).or_insert((0, now));
        let back = earned(*since);
        if back > 0 {
            (*spent, *since) = (spent.saturating_sub(back), now);
        }
        let may = *spent < BURST;
        *spent += u32::from(may);
        may
    }

    pub(super) fn check(&self) {
        assert!(self.spent.len() <= MEMBERS_MAX);
    }
}

impl Session {
    /// What would not be taken, or not find its way, goes by way of the coordinator. Doing it twice changes nothing.
    pub(super) fn route(&mut self) {
        if !matches!(self.part, Part::Member(_)) {
            return;
        }
        let known = self.is_known();
        for output in &mut self.out {
            let Output::Say { to, body } = output else { continue };
            let peer = match *to {
                Audience::One(peer) => Some(peer),
                Audience::Everybody | Audience::Standing(_) if !known => None,
                _ => continue,
            };
            let (credential, body_so_far) = (self.seat.credential.clone(), std::mem::take(body));
            *body = Message::PassOn(PassOn { to: peer, credential, body: body_so_far }).encode();
            *to = Audience::Coordinator;
        }
    }

    /// Everybody knows this node's credential.
    fn is_known(&self) -> bool {
        self.seat.role.may_coordinate() || self.streams.sends()
    }

    /// A member asks this node to pass something on, which is for this node as well if it is for all.
    pub(super) fn pass_on(&mut self, now: UnixTime, from: PeerKey, note: PassOn, effects: &mut Effects) {
        let Part::Coordinator(part) = &self.part else { return };
        let is_member = part.view().roster.contains(&from);
        if !is_member || !is_passed(&note.body) || !self.allowances.may(now, from) {
            return;
        }
        let PassOn { to, credential, body } = note;
        if to.is_none_or(|to| to == self.seat.identity.public()) {
            self.hear_passed(now, from, &credential, &body, effects);
        }
        let passed = Message::Passed(Passed { from, credential, body });
        match to {
            None => effects.say(Audience::Everybody, &passed),
            Some(to) if to != self.seat.identity.public() => effects.say(Audience::One(to), &passed),
            Some(_) => {}
        }
    }

    /// A member said this, by way of the coordinator.
    pub(super) fn hear_passed(
        &mut self,
        now: UnixTime,
        from: PeerKey,
        credential: &[u8],
        body: &[u8],
        effects: &mut Effects,
    ) {
        let admission = check(now, &self.seat.meeting, &self.seat.issuer, &from, credential);
        if let Ok(admission) = admission
            && is_passed(body)
        {
            self.hear(now, from, &admission, body, effects);
        }
    }
}

/// What members may have passed on.
fn is_passed(body: &[u8]) -> bool {
    if body.len() > PASSED_MAX {
        return false;
    }
    match Message::decode(body) {
        Ok(Message::Join(said)) => said.value.wants == Wants::Chain,
        Ok(
            Message::Chain(_)
            | Message::Announcement(_)
            | Message::Ratchet(_)
            | Message::Ask(_)
            | Message::Name(_)
            | Message::Talk(_)
            | Message::Witness(_)
            | Message::Evidence(_),
        ) => true,
        _ => false,
    }
}
