//! What a coordinator that holds the secret, as it must, could seal for members that isn't so.

use proptest::prelude::*;

use super::*;
use crate::identity::{Identity, MeetingId};
use crate::testing::seat;
use crate::wire::{Change, EpochId, Hash, NAME_MAX, Reason, Record};

const MEMBERS: u8 = 40;
const NOW: UnixTime = UnixTime(1_800_000_000_000);

fn secret() -> Secret {
    Secret::take(&mut [9; 32])
}

/// A meeting of forty in which nobody sits on every seventh seat.
fn roster() -> Roster {
    let mut roster = Roster::default();
    for byte in 0..MEMBERS {
        roster.sit(Entry { peer: PeerKey([byte; 32]), request: [byte; 32] });
    }
    (0..MEMBERS).step_by(7).for_each(|byte| assert!(roster.leave(&PeerKey([byte; 32])).is_some()));
    roster
}

fn head(roster: &Roster, by: &Identity, epoch: u64) -> Head {
    let record = Record {
        meeting: MeetingId([1; 16]),
        id: EpochId { term: 1, coordinator: by.public(), epoch },
        previous: [0; 32],
        reason: Reason::Leave,
        members: roster.len() as u16,
        roster: roster.root(),
        changed: [0; 32],
        made_at: NOW,
        activate_at: NOW,
        commitment: [0; 32],
    };
    Head::new(Signed::new(record, by), secret())
}

/// One lie.
#[derive(Clone, Debug)]
enum Lie {
    /// Whoever, on any seat.
    Changes(Vec<(u16, Option<u8>, bool)>),
    /// Bytes that are no changes, sealed as if they were.
    NoChanges(Vec<u8>),
    /// A true page, with this byte of its text changed.
    Page(u16, usize, u8),
    /// Bytes that are no page.
    NoPage(u16, Vec<u8>),
    /// A true name card, with this byte changed.
    Name(usize, u8),
}

fn lies() -> impl Strategy<Value = Lie> {
    let seats = prop_oneof![0..70_u16, Just(16_383), Just(16_384), any::<u16>()];
    let change = (seats, proptest::option::of(0..MEMBERS + 10), any::<bool>());
    let bytes = || proptest::collection::vec(any::<u8>(), 0..200);
    let page = || prop_oneof![0..3_u16, any::<u16>()];
    prop_oneof![
        proptest::collection::vec(change, 0..60).prop_map(Lie::Changes),
        bytes().prop_map(Lie::NoChanges),
        (page(), any::<usize>(), 1..=255_u8).prop_map(|(page, at, bits)| Lie::Page(page, at, bits)),
        (page(), bytes()).prop_map(|(page, bytes)| Lie::NoPage(page, bytes)),
        (any::<usize>(), 1..=255_u8).prop_map(|(at, bits)| Lie::Name(at, bits)),
    ]
}

fn altered(mut bytes: Vec<u8>, at: usize, bits: u8) -> Vec<u8> {
    let at = at % bytes.len();
    bytes[at] ^= bits;
    bytes
}

/// The head that the view is at, and the one that the lie is about.
fn hear(view: &mut View, (held, head): (&Head, &Head), seat: &Seat, lie: Lie, effects: &mut Effects) {
    let (epoch, from) = (head.id(), head.id().coordinator);
    let as_page = |page, plain: &[u8]| PageNote { epoch, page, sealed: page::close(&secret(), page, plain) };
    match lie {
        Lie::Changes(list) => {
            let change = |(seat, taken, removed): (u16, Option<u8>, bool)| {
                let taken = taken.map(|byte| (PeerKey([byte; 32]), Hash([byte; 32])));
                Change { seat, taken, removed }
            };
            let list: Vec<Change> = list.into_iter().map(change).collect();
            let sealed = page::seal_changes(&list, &secret());
            view.changes(from, Changes { epoch: epoch.epoch, sealed }, held, seat, effects);
        }
        Lie::NoChanges(plain) => {
            let sealed = page::close_changes(&secret(), &plain);
            view.changes(from, Changes { epoch: epoch.epoch, sealed }, held, seat, effects);
        }
        Lie::Page(page, at, bits) => {
            let plain = altered(page::plain(&roster(), page % 3, |_| None), at, bits);
            view.page(NOW, &as_page(page, &plain), held, seat, effects);
        }
        Lie::NoPage(page, plain) => view.page(NOW, &as_page(page, &plain), head, seat, effects),
        Lie::Name(at, bits) => {
            let by = &seat.identity;
            let name = page::padded("Anna").unwrap_or([0; NAME_MAX]);
            let card = NameCard { meeting: seat.meeting, peer: by.public(), made_at: NOW, name };
            let plain = altered(
                canopy_codec::encode(&Signed::new(card, by), NAMED_MAX).unwrap_or_default(),
                at,
                bits,
            );
            let key = name_key(&secret(), &by.public(), NOW);
            let named = Named { epoch, made_at: NOW, sealed: wrap_once(&key, b"", &plain) };
            view.named(by.public(), named, held, seat, effects);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whoever knows the members goes on knowing them, and whoever doesn't learns them from true pages.
    #[test]
    fn no_sealed_lie_changes_who_the_members_are(
        before in proptest::collection::vec(lies(), 0..8),
        after in proptest::collection::vec(lies(), 0..8),
        next in lies(),
    ) {
        let (seat, roster) = (seat(200), roster());
        let (head, mut effects) = (head(&roster, &seat.identity, 5), Effects::default());
        let mut view = View::default();
        view.follow(NOW, &head, true, &seat, &mut effects);
        for lie in before {
            hear(&mut view, (&head, &head), &seat, lie, &mut effects);
            view.check();
        }
        for page in 0..page::count(&roster) {
            let sealed = page::seal(&roster, &secret(), page, |_| None);
            view.page(NOW, &PageNote { epoch: head.id(), page, sealed }, &head, &seat, &mut effects);
        }
        prop_assert!(view.is_complete(&head));
        effects.events.clear();
        for lie in after {
            hear(&mut view, (&head, &head), &seat, lie, &mut effects);
            view.check();
            prop_assert!(view.is_complete(&head));
        }
        prop_assert_eq!(&effects.events, &vec![]);
        // What was said of the next record before it came: all of it, or nothing.
        let mut later = roster;
        later.leave(&PeerKey([1; 32]));
        let later = self::head(&later, &seat.identity, 6);
        hear(&mut view, (&head, &later), &seat, next, &mut effects);
        view.follow(NOW, &later, true, &seat, &mut effects);
        prop_assert!([*head.root(), *later.root()].contains(&view.roster.root()));
    }
}
