//! Whom the owner wants to reach, and when to try again.

use std::collections::BTreeMap;
use std::time::Duration;

use libp2p::Multiaddr;
use overlay_core::id::NodeId;
use overlay_core::time::Time;

use crate::config::{CONTACTS_MAX, REDIAL_AFTER, REDIAL_MAX};

/// One peer that the owner named.
#[derive(Debug)]
struct Wanted {
    /// As it was written first: what messages name.
    contact: String,
    addresses: Vec<Multiaddr>,
    next: Time,
    backoff: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be dialled when `next` has come.
    Idle,
    /// A connection is being made or admitted.
    Trying,
    /// There is a link.
    Linked,
    /// The peer, or our owner, will have none of it.
    Hopeless,
}

/// The owner's contacts, at most [`CONTACTS_MAX`] peers and as many addresses of each.
#[derive(Debug, Default)]
pub(crate) struct Dials {
    wanted: BTreeMap<NodeId, Wanted>,
}

impl Dials {
    /// The owner names a contact. Naming one again tries it at once, also after a refusal.
    pub(crate) fn want(&mut self, now: Time, peer: NodeId, address: Multiaddr, contact: &str) {
        if self.wanted.len() >= CONTACTS_MAX && !self.wanted.contains_key(&peer) {
            tracing::warn!(contact, "too many contacts: this one is not dialled");
            return;
        }
        let wanted = self.wanted.entry(peer).or_insert_with(|| Wanted {
            contact: contact.to_owned(),
            addresses: Vec::new(),
            next: now,
            backoff: REDIAL_AFTER,
            state: State::Idle,
        });
        if !wanted.addresses.contains(&address) && wanted.addresses.len() < CONTACTS_MAX {
            wanted.addresses.push(address);
        }
        if matches!(wanted.state, State::Idle | State::Hopeless) {
            (wanted.state, wanted.next) = (State::Idle, now);
        }
    }

    /// The next peer that is due, with all its addresses; it is then being tried.
    pub(crate) fn due(&mut self, now: Time) -> Option<(NodeId, Vec<Multiaddr>)> {
        let (peer, wanted) =
            self.wanted.iter_mut().find(|(_, wanted)| wanted.state == State::Idle && wanted.next <= now)?;
        wanted.state = State::Trying;
        Some((*peer, wanted.addresses.clone()))
    }

    /// When the next peer is due.
    pub(crate) fn next(&self) -> Option<Time> {
        self.wanted.values().filter(|wanted| wanted.state == State::Idle).map(|wanted| wanted.next).min()
    }

    /// There is a link, whoever has made it.
    pub(crate) fn linked(&mut self, peer: NodeId) {
        if let Some(wanted) = self.wanted.get_mut(&peer) {
            wanted.state = State::Linked;
            wanted.backoff = REDIAL_AFTER;
        }
    }

    /// There is no link to the peer (any more): it is tried again later. Gives the contact if the
    /// owner waits for it.
    pub(crate) fn failed(&mut self, now: Time, peer: NodeId) -> Option<String> {
        let wanted = self.wanted.get_mut(&peer)?;
        if wanted.state == State::Hopeless {
            return None;
        }
        let was_tried = wanted.state == State::Trying;
        if wanted.state != State::Idle {
            wanted.state = State::Idle;
            wanted.next = now + wanted.backoff;
            wanted.backoff = (wanted.backoff * 2).min(REDIAL_MAX);
        }
        was_tried.then(|| wanted.contact.clone())
    }

    /// It is of no use to try again.
    pub(crate) fn give_up(&mut self, peer: NodeId) {
        if let Some(wanted) = self.wanted.get_mut(&peer) {
            wanted.state = State::Hopeless;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_tried_again_with_growing_pauses_until_there_is_a_link() {
        let (mut dials, peer) = (Dials::default(), NodeId([1; 32]));
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().expect("an address");
        dials.want(Time::ZERO, peer, address.clone(), "here");
        let mut now = Time::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..6 {
            assert_eq!(dials.due(now), Some((peer, vec![address.clone()])));
            assert_eq!(dials.due(now), None, "it is being tried");
            assert_eq!(dials.failed(now, peer), Some("here".to_owned()));
            let next = dials.next().expect("again");
            pauses.push(next.since(now));
            now = next;
        }
        assert!(pauses.windows(2).all(|pair| pair[1] >= pair[0] && pair[1] <= REDIAL_MAX));
        dials.linked(peer);
        assert_eq!((dials.next(), dials.due(now)), (None, None));
        assert_eq!(dials.failed(now, peer), None, "a lost link is no failed dial");
        assert_eq!(dials.next(), Some(now + REDIAL_AFTER));
        dials.give_up(peer);
        assert_eq!(dials.next(), None);
        dials.want(now, peer, address, "here");
        assert_eq!(dials.next(), Some(now), "the owner insists");
    }
}
