//! What a node waits for before it is let in, in words.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use overlay_core::id::NodeId;
use overlay_libp2p::node_id_of;

/// How far a node has come.
pub struct Waiting {
    contacts: Vec<String>,
    organiser: bool,
    over: bool,
    at_the_door: bool,
    links: BTreeSet<NodeId>,
    /// By contact: why it could not be reached.
    unreachable: BTreeMap<String, String>,
    /// By peer: why it refused, and whether for good.
    refused: BTreeMap<NodeId, (String, bool)>,
    said: String,
}

impl Waiting {
    /// A node that will look for these contacts. An organiser waits for nobody.
    pub fn new(contacts: Vec<String>, organiser: bool) -> Waiting {
        Waiting {
            contacts,
            organiser,
            over: organiser,
            at_the_door: false,
            links: BTreeSet::new(),
            unreachable: BTreeMap::new(),
            refused: BTreeMap::new(),
            said: String::new(),
        }
    }

    /// True once it is let in.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The coordinator let it in.
    pub fn admitted(&mut self) {
        self.over = true;
    }

    /// The coordinator has heard it, and a host has to let it in.
    pub fn at_the_door(&mut self) {
        self.at_the_door = true;
    }

    /// A link is up.
    pub fn linked(&mut self, peer: NodeId) {
        self.refused.remove(&peer);
        self.links.insert(peer);
    }

    /// A link is gone.
    pub fn unlinked(&mut self, peer: NodeId) {
        self.links.remove(&peer);
    }

    /// A contact can't be reached.
    pub fn unreachable(&mut self, contact: String, why: String) {
        self.unreachable.insert(contact, why);
    }

    /// A contact refused.
    pub fn refused(&mut self, peer: NodeId, text: String, for_good: bool) {
        self.refused.insert(peer, (text, for_good));
    }

    /// Why there is no use in waiting: everybody that the invite names has refused for good. Of whoever was in the
    /// meeting and lost every link one such refusal is enough: other contacts may be dead by now.
    pub fn hopeless(&self) -> Option<String> {
        if self.organiser || !self.links.is_empty() {
            return None;
        }
        let peers: BTreeSet<NodeId> =
            self.contacts.iter().filter_map(|contact| node_id_of(contact)).collect();
        let all = !peers.is_empty()
            && peers.iter().all(|peer| self.refused.get(peer).is_some_and(|(_, good)| *good));
        let (reason, _) = self.refused.values().find(|(_, good)| *good)?;
        (all || self.over).then(|| reason.clone())
    }

    /// One line for the user, if something has changed since the last.
    pub fn news(&mut self) -> Option<String> {
        let line = if self.over { self.arrived()? } else { format!("Waiting: {}.", self.state()) };
        (line != self.said).then(|| {
            self.said.clone_from(&line);
            line
        })
    }

    fn arrived(&self) -> Option<String> {
        (!self.organiser).then(|| "You are in the meeting.".to_owned())
    }

    /// The line for the end, after `timeout`.
    pub fn gave_up(&self, timeout: Duration) -> String {
        format!(
            "gave up after {}: {}. Ask the organiser whether the meeting runs, or wait longer with --timeout",
            humantime::format_duration(timeout),
            self.state()
        )
    }

    /// The same for the page.
    pub fn words(&self) -> String {
        if self.over { String::new() } else { self.state() }
    }

    fn state(&self) -> String {
        if self.at_the_door && !self.links.is_empty() {
            return "you are at the door, and the host has to let you in: the invite is already in use by somebody \
                    else, or is one for many people, or the meeting is locked; ask the organiser"
                .into();
        }
        if !self.links.is_empty() {
            return "connected, but the organiser has not let you in yet".into();
        }
        if let Some((reason, _)) = self.refused.values().next() {
            return reason.clone();
        }
        match self.unreachable.iter().next() {
            Some((contact, why)) => format!("nobody of the meeting can be reached yet ({contact}: {why})"),
            None => "looking for the organiser and the relays".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    #[test]
    fn whoever_waits_gives_up_only_when_every_contact_has_refused_for_good() {
        let contact = overlay_libp2p::contact(peer(1), std::net::IpAddr::from([127, 0, 0, 1]), 1).remove(0);
        let mut waiting = Waiting::new(vec![contact], false);
        waiting.refused(peer(2), "removed".into(), true);
        assert_eq!(waiting.hopeless(), None, "who refused is no contact");
        waiting.refused(peer(1), "too early".into(), false);
        assert_eq!(waiting.hopeless(), None);
        waiting.refused(peer(1), "removed".into(), true);
        assert_eq!(waiting.hopeless(), Some("removed".into()));
    }

    #[test]
    fn whoever_was_in_and_lost_every_link_believes_one_refusal() {
        let mut waiting = Waiting::new(Vec::new(), false);
        waiting.admitted();
        waiting.linked(peer(1));
        waiting.refused(peer(2), "removed".into(), true);
        assert_eq!(waiting.hopeless(), None, "somebody still knows it");
        waiting.unlinked(peer(1));
        assert_eq!(waiting.hopeless(), Some("removed".into()));
    }
}
