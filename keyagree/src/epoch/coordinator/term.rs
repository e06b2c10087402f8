//! How a term begins: with nobody, or with whom a deputy takes along.

use std::collections::BTreeMap;

use crate::credential::Signed;
use crate::epoch::coordinator::leaves::UNHEARD_MS;
use crate::epoch::coordinator::letters::Letters;
use crate::epoch::coordinator::passes::Passes;
use crate::epoch::coordinator::{Coordinator, count};
use crate::epoch::deputy::{Deputy, Held};
use crate::epoch::door::Door;
use crate::epoch::view::View;
use crate::epoch::{ACTIVATE_AFTER_MS, Adopted, Effects, Head, NO_RECORD, commitment, next_term};
use crate::identity::PeerKey;
use crate::io::{Audience, Past, Seat, SessionRng};
use crate::roster::{Entry, Roster};
use crate::suite::Secret;
use crate::time::UnixTime;
use crate::wire::{EpochId, Message, Reason, Record};

/// What a deputy brings along when it takes over.
pub(crate) struct Inheritance {
    pub(crate) head: Head,
    pub(crate) view: View,
    pub(crate) deputy: Deputy,
    /// Whom it doesn't take along: the coordinator before.
    pub(crate) without: PeerKey,
    /// The highest term that it knows of.
    pub(crate) term: u32,
}

impl Coordinator {
    /// Begins a term with nobody but this node.
    pub(crate) fn start(
        now: UnixTime,
        seat: &Seat,
        past: Past,
        rng: &mut SessionRng,
        effects: &mut Effects,
    ) -> Coordinator {
        let me = seat.identity.public();
        let term = past.term;
        let mut door = Door::new(past);
        door.bind(seat.invite, me);
        let mut view = View::default();
        view.roster.sit(Entry { peer: me, request: NO_RECORD });
        Coordinator::begin(now, seat, rng, (term, NO_RECORD), (door, view, BTreeMap::new()), effects)
    }

    /// Takes over from a coordinator that is silent or deposed: whoever has a chain with this node goes on
    /// without asking.
    pub(crate) fn take_over(
        now: UnixTime,
        seat: &Seat,
        from: Inheritance,
        rng: &mut SessionRng,
        effects: &mut Effects,
    ) -> Coordinator {
        let me = seat.identity.public();
        let Inheritance { head, mut view, deputy, without, term } = from;
        let mut bindings = deputy.bindings.all().to_vec();
        bindings.extend(deputy.held.iter().map(|(peer, held)| (held.invite, *peer)));
        let mut door = Door::new(Past { term, bindings, removed: deputy.removed, locked: deputy.locked });
        door.bind(seat.invite, me);
        if view.is_complete(&head) {
            view.roster.leave(&without);
        } else {
            view.roster = Roster::default();
        }
        view.roster.sit(Entry { peer: me, request: NO_RECORD });
        let term = next_term(now, term);
        let by = door.bindings().all().iter().find(|(_, peer)| *peer == without).map(|(invite, _)| *invite);
        let shut_out = door.removed().shuts_out(&without, by);
        let (hash, parts) = (head.hash, (door, view, deputy.held));
        let mut coordinator = Coordinator::begin(now, seat, rng, (term, hash), parts, effects);
        if shut_out {
            coordinator.passes.hurry(now);
        }
        coordinator
    }

    fn begin(
        now: UnixTime,
        seat: &Seat,
        rng: &mut SessionRng,
        (term, previous): (u32, [u8; 32]),
        (door, view, held): (Door, View, BTreeMap<PeerKey, Held>),
        effects: &mut Effects,
    ) -> Coordinator {
        let id = EpochId { term, coordinator: seat.identity.public(), epoch: 0 };
        let secret = Secret::generate(rng);
        let record = Record {
            meeting: seat.meeting,
            id,
            previous,
            reason: Reason::Start,
            members: count(&view.roster),
            roster: view.roster.root(),
            changed: NO_RECORD,
            made_at: now,
            activate_at: if view.roster.len() > 1 { now.plus_ms(ACTIVATE_AFTER_MS) } else { now },
            commitment: commitment(&secret, &seat.meeting, &id),
        };
        let by_pass: Vec<PeerKey> =
            held.iter().filter(|(_, held)| !held.role.may_coordinate()).map(|(peer, _)| *peer).collect();
        let mut coordinator = Coordinator {
            head: Head::new(Signed::new(record, &seat.identity), secret),
            view,
            door,
            later_term: term > 1,
            held,
            pending: BTreeMap::new(),
            leaving: BTreeMap::new(),
            letters: Letters::default(),
            due: None,
            last_record: now,
            drawn_at: now,
            unheard_at: Some(now.plus_ms(UNHEARD_MS)),
            beat_at: now,
            passes: Passes::spread(now, by_pass.into_iter()),
        };
        effects.say(Audience::Everybody, &Message::Record(coordinator.head.signed.clone()));
        coordinator.wrap_for_all(effects);
        coordinator.say_kicks(seat, effects);
        coordinator.view.show(&coordinator.head, seat, effects);
        effects.epochs.push(Adopted::new(now, &coordinator.head, &seat.issuer));
        coordinator
    }
}
