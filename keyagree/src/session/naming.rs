//! How this node's user is called, and who the others are.

use crate::credential::Signed;
use crate::epoch::Effects;
use crate::epoch::view::{FETCHED_MAX, seal_name};
use crate::io::{Audience, Output};
use crate::roster::page;
use crate::session::Session;
use crate::session::part::Part;
use crate::time::UnixTime;
use crate::wire::{Message, NameCard};

/// A name is said again in so many further epochs: who was in another one then could not read it.
const NAME_SAYS: u8 = 3;

/// What this node's user is called, and how often it is said yet.
pub(super) struct Named {
    card: Signed<NameCard>,
    says: u8,
}

impl Session {
    pub(super) fn take_name(&mut self, now: UnixTime, name: &str) {
        let Some(name) = page::padded(name) else { return };
        let peer = self.seat.identity.public();
        // Each card of one epoch is sealed under a key of its own, which the time is part of.
        let last = self.name.as_ref().map_or(UnixTime(0), |named| named.card.value.made_at);
        let card = NameCard { meeting: self.seat.meeting, peer, made_at: now.max(last.plus_ms(1)), name };
        self.name = Some(Named { card: Signed::new(card, &self.seat.identity), says: NAME_SAYS + 1 });
        self.say_name();
    }

    /// Says how this node's user is called, to everybody in a small meeting, else to whom pages come from.
    pub(super) fn say_name(&mut self) {
        let head = self.part.parts().map(|(head, _)| head);
        let (Some(head), Some(named)) = (head, &mut self.name) else { return };
        if named.says == 0 || head.members() < 2 {
            return;
        }
        named.says -= 1;
        let body = Message::Name(seal_name(&named.card, head)).encode();
        let small = head.members() <= FETCHED_MAX;
        let card = named.card.clone();
        let to = if small { Audience::Everybody } else { Audience::Coordinator };
        self.out.push_back(Output::Say { to, body });
        let (seat, mut effects) = (&self.seat, Effects::default());
        if let Some((_, view)) = self.part.parts_mut() {
            view.name(card, seat, &mut effects);
        }
    }

    pub(super) fn show_page(&mut self, page: u16, effects: &mut Effects) {
        match &mut self.part {
            Part::Member(member) => {
                if let (Some(_), view) = member.view_mut() {
                    view.ask_page(page, effects);
                }
            }
            Part::Coordinator(part) => effects.events.push(part.view().own_page(page)),
            Part::Changing => {}
        }
    }
}
