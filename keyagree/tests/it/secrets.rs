//! What must not leak: not through a relay, not through a log.

use std::fmt::Debug;

use keyagree::{
    Identity, Input, Invite, Issuer, Lease, LeaseHolder, OpeningKey, SealingKey, Secret, Session,
};

use crate::world::World;

/// Compiles only if none of these can be cloned or printed: a type that can is ambiguous here.
macro_rules! never {
    ($bound:ident: $($secret:ty),*) => {{
        trait Ambiguous<A> { fn here() {} }
        impl<T: ?Sized> Ambiguous<()> for T {}
        struct Has;
        impl<T: ?Sized + $bound> Ambiguous<Has> for T {}
        $(let _ = <$secret as Ambiguous<_>>::here;)*
    }};
}

#[test]
fn secrets_are_neither_cloned_nor_printed() {
    never!(Debug: Secret, Identity, Invite, Issuer, Lease, LeaseHolder, SealingKey, OpeningKey, Session);
    never!(Clone: Secret, Identity, Invite, Issuer, Lease, LeaseHolder, SealingKey, OpeningKey, Session);
}

#[test]
fn nothing_that_is_said_shows_a_key() {
    let mut world = World::new(5);
    let host = world.organiser();
    let (one, two) = (world.guest(), world.guest());
    world.send(one, &[0, 1]);
    world.run_ms(70_000);
    let leaver = world.people[two].key;
    world.crash(two);
    world.put(host, Input::Departed(leaver));
    world.run_ms(5_000);
    let mut keys: Vec<[u8; 32]> = world.people[host].hoard.values().copied().collect();
    keys.push(*world.people[one].identity.seed().expose());
    assert!(keys.len() > 4);
    for body in world.people.iter().flat_map(|person| &person.said) {
        assert!(body.windows(32).all(|window| !keys.iter().any(|key| key == window)));
    }
}
