//! Who is known to be able to coordinate, and who is not followed any longer.

use std::collections::BTreeMap;

use crate::deposed::Deposed;
use crate::epoch::Effects;
use crate::identity::{InviteId, PeerKey};
use crate::io::{Event, Output};
use crate::session::Session;
use crate::session::part::Part;
use crate::time::UnixTime;
use crate::wire::Evidence;

/// Peers that are known to be able to coordinate.
const ABLE_MAX: usize = 64;

/// Kept while this node is in the meeting, whatever part it plays.
#[derive(Default)]
pub(super) struct Able {
    of: BTreeMap<PeerKey, InviteId>,
    deposed: Deposed,
}

impl Able {
    pub(super) fn met(&mut self, peer: PeerKey, invite: InviteId) {
        if self.of.len() < ABLE_MAX {
            self.of.entry(peer).or_insert(invite);
        }
    }

    pub(super) fn is_deposed(&self, peer: &PeerKey) -> bool {
        self.deposed.contains(peer)
    }

    pub(super) fn check(&self) {
        assert!(self.of.len() <= ABLE_MAX);
        self.deposed.check();
    }
}

impl Session {
    /// True for who may lead as far as this node knows: it was neither removed nor deposed.
    pub(super) fn may_lead(&self, peer: &PeerKey) -> bool {
        let out = |invite| match &self.part {
            Part::Coordinator(part) => part.door().removed().shuts_out(peer, Some(invite)),
            Part::Member(part) => part.removed().is_some_and(|removed| removed.shuts_out(peer, Some(invite))),
            Part::Changing => false,
        };
        self.able.of.get(peer).is_some_and(|invite| !out(*invite)) && !self.able.is_deposed(peer)
    }

    /// Two records that somebody else has found.
    pub(super) fn evidence(&mut self, now: UnixTime, evidence: &Evidence, effects: &mut Effects) {
        let first = &evidence.first.value;
        if first.meeting != self.seat.meeting || self.able.is_deposed(&first.id.coordinator) {
            return;
        }
        let Some(coordinator) = evidence.convicts() else { return };
        if !self.able.of.contains_key(&coordinator) {
            return self.able.deposed.add_stranger(coordinator);
        }
        if let Part::Member(member) = &mut self.part {
            member.leader_deposed(now, &coordinator);
        }
        effects.deposed.push(coordinator);
    }

    pub(super) fn depose(&mut self, coordinators: Vec<PeerKey>) {
        for coordinator in coordinators {
            if self.able.deposed.add(coordinator) {
                if let Part::Coordinator(part) = &mut self.part {
                    part.demote(&coordinator);
                }
                self.out.push_back(Output::Event(Event::Deposed { coordinator }));
            }
        }
    }
}
