//! The meeting as the page shows it, made from what the hub knows.

use keyagree::credential::Role;
use keyagree::identity::PeerKey;
use media_pipeline::Layer;
use overlay_core::id::NodeId;
use overlay_core::io::Lends;

use super::Node;
use super::keys::grouped;
use super::window::Window;
use crate::lending::Lending;
use crate::room;
use crate::source::Source;
use crate::talk::Here;
use crate::window::api::{self, Phase, State};

impl Node {
    pub(super) fn state(&self, window: &Window) -> State {
        let phase = match (&self.here, self.waiting.is_over()) {
            (_, false) => Phase::Waiting,
            (None, true) => Phase::Lobby,
            (Some(_), true) => Phase::Meeting,
        };
        let me = self.seat.me();
        let people = self.room.people().filter(|(peer, _)| **peer != me).map(|(peer, person)| {
            let here = person.here.clone().unwrap_or(Here { muted: true, ..Here::default() });
            api::Person {
                id: NodeId(peer.0),
                name: person.name.clone(),
                role: role(person.role),
                here: person.here.is_some(),
                muted: here.muted,
                camera: here.camera,
                sharing: here.sharing,
                hand: here.hand,
                pinned: person.pinned,
                verified: self.verified.contains(peer),
            }
        });
        State {
            version: api::VERSION,
            phase,
            words: self.waiting.words(),
            me: NodeId(me.0),
            role: role(self.seat.invite.role()),
            runs: self.session.coordinates(),
            mine: window.me.clone(),
            largest: window.largest.map_or(0, Layer::byte),
            on_air: self.source.as_ref().is_some_and(Source::is_on),
            lending: lending(&self.lending),
            code: self.session.code().map(|code| grouped(&code)),
            locked: self.door.locked,
            knocking: self.door.knocking.iter().map(knock).collect(),
            members: self.members,
            people: people.collect(),
        }
    }
}

pub(super) fn role(role: Role) -> api::Role {
    match role {
        Role::Organiser => api::Role::Organiser,
        Role::Deputy => api::Role::Deputy,
        Role::CoHost => api::Role::CoHost,
        Role::Guest => api::Role::Guest,
    }
}

fn lending(lending: &Lending) -> api::Lending {
    let may = match lending.lends() {
        Lends::UpTo(0) => api::Lends::Nothing,
        Lends::UpTo(kbps) => api::Lends::UpTo(kbps),
        Lends::Spare => api::Lends::Spare,
    };
    api::Lending { may, word: lending.word() }
}

fn knock((peer, how): (&PeerKey, &String)) -> api::Knock {
    api::Knock { id: NodeId(peer.0), how: how.clone() }
}

/// A line of chat.
pub(super) fn shown_line(line: &room::Line) -> api::Line {
    api::Line {
        number: line.number,
        from: NodeId(line.from.0),
        name: line.name.clone(),
        text: line.text.clone(),
        at_ms: line.at.0,
    }
}
