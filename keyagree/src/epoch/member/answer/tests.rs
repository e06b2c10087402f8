//! What a coordinator that signs properly could still say wrongly.

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::credential::Role;
use crate::identity::{Identity, InviteId};
use crate::issuer::Issuer;
use crate::roster::{Entry, Roster};
use crate::wire::{EpochId, Reason};

#[test]
fn a_welcome_counts_only_with_the_secret_and_the_seat_that_its_record_commits_to() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let issuer = Issuer::generate(&mut rng);
    let identity = Arc::new(Identity::generate(&mut rng));
    let me = identity.public();
    let seat = Seat {
        identity,
        meeting: issuer.meeting(),
        issuer: issuer.public(),
        invite: InviteId([1; 8]),
        role: Role::Guest,
        credential: Vec::new(),
    };
    let mut roster = Roster::default();
    roster.sit(Entry { peer: PeerKey([2; 32]), request: [3; 32] });
    let others = roster.root();
    let at = roster.sit(Entry { peer: me, request: [4; 32] }).unwrap();
    let id = EpochId { term: 1, coordinator: PeerKey([2; 32]), epoch: 5 };
    let (secret, another) = (Secret::generate(&mut rng), Secret::generate(&mut rng));
    let record = Record {
        meeting: seat.meeting,
        id,
        previous: [0; 32],
        reason: Reason::Join,
        members: 2,
        roster: roster.root(),
        changed: [0; 32],
        made_at: UnixTime(1),
        activate_at: UnixTime(1),
        commitment: commitment(&secret, &seat.meeting, &id),
    };
    let text = |secret: &Secret| [&secret.expose()[..], &roster.proof(at)].concat();
    assert!(read_welcome(&seat, &record, &text(&secret), me).is_some_and(|read| read.same(&secret)));
    assert!(
        read_welcome(&seat, &record, &text(&another), me).is_none(),
        "another secret than all others hold"
    );
    let elsewhere = Record { roster: others, ..record };
    assert!(read_welcome(&seat, &elsewhere, &text(&secret), me).is_none(), "a roster without this node");
    assert!(read_welcome(&seat, &record, &text(&secret), PeerKey([2; 32])).is_none(), "another's seat");
    let later = Record { id: EpochId { epoch: 6, ..id }, ..record };
    assert!(read_welcome(&seat, &later, &text(&secret), me).is_none(), "the secret of another epoch");
}
