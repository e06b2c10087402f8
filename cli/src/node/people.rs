//! Who the members are and what they are called, as the hub keeps it for the page.

use std::collections::BTreeMap;

use keyagree::credential::{AdmittedAs, Role};
use keyagree::identity::PeerKey;
use keyagree::session::Input;
use overlay_core::id::NodeId;

use super::Node;
use super::shown::role;
use crate::clock;
use crate::fail::Outcome;
use crate::talk;
use crate::window::api::{Listed, ToPage};

/// Members say how they take part when somebody joins, spread over this span so that a large meeting doesn't answer
/// all at once.
const SPREAD_MS: u64 = 1_500;

/// A page of the roster that came.
pub struct RosterPage {
    /// Which.
    pub page: u16,
    /// How many there are.
    pub pages: u16,
    /// Who is on it.
    pub members: Vec<PeerKey>,
}

impl Node {
    /// This node's user wants to be called so.
    pub(super) fn call_me(&mut self, name: &str) -> Outcome {
        if name.is_empty() || self.called == name {
            return Ok(());
        }
        name.clone_into(&mut self.called);
        self.room.named(self.seat.me(), name.to_owned());
        self.tell(Input::Name(name.to_owned()))
    }

    /// Members are others now.
    pub(super) fn members_changed(&mut self) {
        self.dirty = true;
        let members = self.session.members();
        if members.is_empty() {
            // The roster is yet to come, or is too large to be had as a whole.
            return;
        }
        let roles: BTreeMap<PeerKey, Role> = members.iter().map(|peer| (*peer, self.role_of(peer))).collect();
        self.room.members(clock::unix(), &members, |peer| roles.get(peer).copied());
        if let Some(window) = &self.window {
            window.incoming.keep(&members);
        }
    }

    pub(super) fn role_of(&self, peer: &PeerKey) -> Role {
        match self.gate.lock().known(peer).map(|known| known.role) {
            _ if *peer == self.seat.me() => self.seat.invite.role(),
            Some(AdmittedAs::Participant(role)) => role,
            // Its credential is not known here.
            _ => Role::Guest,
        }
    }

    /// A member is called so, by its own word.
    pub(super) fn on_name(&mut self, peer: PeerKey, name: &str) {
        self.dirty |= self.room.named(peer, talk::name(name));
    }

    /// Somebody joined, who doesn't know yet how this node takes part.
    pub(super) fn introduce_myself(&mut self) {
        let spread = u64::from(self.seat.me().0[0]) * SPREAD_MS / 256;
        self.here_due.get_or_insert(clock::unix().plus_ms(spread));
    }

    /// Shows the page a page of the roster; the names that came with it are known by now.
    pub(super) fn show_page(&self, come: RosterPage) {
        let people = come.members.iter().map(|peer| Listed {
            id: NodeId(peer.0),
            name: self.room.called(peer).to_owned(),
            role: role(self.role_of(peer)),
        });
        let people = people.collect();
        self.tell_page(&ToPage::Page { page: come.page, pages: come.pages, people });
    }
}
