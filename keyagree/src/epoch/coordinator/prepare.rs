//! What the coordinator does for the day that it is gone: it names deputies, and tells them who came by which invite.

use crate::credential::Role;
use crate::epoch::Effects;
use crate::epoch::coordinator::Coordinator;
use crate::identity::{InviteId, PeerKey};
use crate::io::{Audience, Seat};
use crate::wire::{self, BOUND_MAX, Bound, DEPUTIES_MAX, Message};

impl Coordinator {
    /// Who takes over, in this order: an organiser before deputies, then by their invites.
    pub(super) fn deputies(&self, seat: &Seat) -> Vec<PeerKey> {
        let me = seat.identity.public();
        let able = self.held.iter().filter(|(peer, held)| {
            **peer != me && held.role.may_coordinate() && self.view.roster.contains(peer)
        });
        let mut able: Vec<(Role, InviteId, PeerKey)> =
            able.map(|(peer, held)| (held.role, held.invite, *peer)).collect();
        able.sort_unstable();
        able.into_iter().take(DEPUTIES_MAX).map(|(.., peer)| peer).collect()
    }

    /// This one is named no longer.
    pub(crate) fn demote(&mut self, peer: &PeerKey) {
        if let Some(held) = self.held.get_mut(peer) {
            held.role = Role::Guest;
        }
    }

    /// Tells each deputy a bit of what it doesn't know yet; all of it anew after each refresh of its chain, should a letter
    /// have been lost.
    pub(super) fn tell_bindings(&mut self, deputies: &[PeerKey], effects: &mut Effects) {
        let all = self.door.bindings().all();
        for peer in deputies {
            let Some(held) = self.held.get_mut(peer) else { continue };
            let Some(chain) = held.chain.as_ref().filter(|_| held.told < all.len()) else { continue };
            let news = &all[held.told..all.len().min(held.told + BOUND_MAX)];
            held.told += news.len();
            let sealed = chain.seal_letter(&wire::write_bindings(news));
            effects.say(Audience::One(*peer), &Message::Bound(Bound { sealed }));
        }
    }
}
