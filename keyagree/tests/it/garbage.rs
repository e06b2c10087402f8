//! What hostile peers send: nothing panics, nothing grows, nothing is believed.

use keyagree::credential::{Admission, AdmittedAs};
use keyagree::session::Past;
use keyagree::{
    Event, Gate, Identity, Input, Invite, Issuer, IssuerKey, Lease, LeaseHolder, MeetingId, PeerKey, Removal,
    Role, UnixTime, well_formed,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use crate::world::{START, World};

/// So many cases forty times, or as often as `CANOPY_FUZZ` says (`make fuzz`).
fn cases(count: u32) -> u32 {
    let times = std::env::var("CANOPY_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    count.saturating_mul(times)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(256)))]

    #[test]
    fn decoders_survive_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600), text in ".{0,200}") {
        let versioned = [&[keyagree::MESSAGE_VERSION], &bytes[..]].concat();
        let _ = well_formed(&bytes);
        let _ = well_formed(&versioned);
        let mut gate = Gate::new(MeetingId([0; 16]), IssuerKey([0; 32]));
        prop_assert!(gate.admit(START, PeerKey([1; 32]), &versioned).is_err());
        prop_assert!(gate.heard(START, PeerKey([1; 32]), &versioned).is_empty());
        for line in [text.clone(), format!("canopy:{text}"), format!("canopy-lease:{text}")] {
            prop_assert!(Invite::from_line(&line).is_err());
            prop_assert!(Lease::from_line(&line).is_err());
        }
    }

    /// What a stranger sends to a relay that nobody has claimed: its claim, altered, cut or any bytes.
    #[test]
    fn no_claim_but_the_true_one_binds_a_relay(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        at in any::<usize>(),
        bits in 1..=255_u8,
        cut in any::<bool>(),
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let (relay, organiser) = (Identity::generate(&mut rng), Identity::generate(&mut rng).public());
        let mut holder = LeaseHolder::generate(&mut rng, relay.public(), 20_000, START.plus_ms(60_000));
        let lease = holder.lease(Vec::new()).unwrap();
        let issuer = Issuer::generate(&mut rng);
        let grant = issuer.grant(relay.public(), lease.id(), 20_000, lease.ends());
        let claim = lease.claim(issuer.meeting(), issuer.public(), &grant, organiser);
        let mut altered = claim.clone();
        let at = at % claim.len();
        if cut { altered.truncate(at) } else { altered[at] ^= bits };
        for wrong in [&bytes, &altered] {
            prop_assert!(holder.claim(START, organiser, wrong).is_err());
        }
        prop_assert!(holder.claim(START, Identity::generate(&mut rng).public(), &claim).is_err(), "another's claim");
        prop_assert!(holder.claim(START, organiser, &claim).is_ok());
    }
}

/// What a meeting of four has said, and the meeting.
fn said_by_all(seed: u64) -> (World, Vec<(PeerKey, Vec<u8>)>) {
    let mut world = World::new(seed);
    let host = world.organiser();
    let (deputy, one) = (world.deputy(), world.guest());
    let link = world.link(2);
    let two = world.guest_with(&link);
    world.send(one, &[0, 1]);
    world.put(one, Input::Name("one".into()));
    world.run_ms(4_000);
    let peer = world.people[two].key;
    world.put(host, Input::Decide { peer, admit: true });
    world.run_ms(60_000);
    world.crash(two);
    world.put(host, Input::Departed(peer));
    world.run_ms(3_000);
    let all = [host, deputy, one, two];
    let said = all.iter().flat_map(|who| {
        let person = &world.people[*who];
        person.said.iter().map(|body| (person.key, body.clone()))
    });
    let said = said.collect();
    (world, said)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(cases(12)) })]

    /// Any order of true, altered and cut messages, from anybody, at any time, to all three kinds of node.
    #[test]
    fn no_sequence_of_inputs_breaks_a_session(
        seed in 0..4_u64,
        steps in proptest::collection::vec((any::<usize>(), any::<usize>(), any::<u16>(), 0..21_u8, 0..3_000_u64), 1..80),
    ) {
        let (mut world, said) = said_by_all(seed);
        for (which, at, bits, how, ms) in steps {
            let (origin, body) = &said[which % said.len()];
            let (mut from, mut body) = (*origin, body.clone());
            let place = at % body.len();
            match how {
                0..=3 => body[place] ^= (bits as u8).max(1),
                4 => body.truncate(place),
                5 => from = world.people[at % 4].key,
                6 => body.extend_from_slice(&bits.to_be_bytes()),
                _ => {}
            }
            world.now = world.now.plus_ms(ms);
            let known = world.people[at % 3].gate.known(&from).cloned();
            for who in 0..3 {
                if let Some(admission) = known.clone() {
                    // The world checks each session's invariants after every input.
                    world.put(who, Input::Heard { from, admission, body: body.clone() });
                }
                let input = match how {
                    9 => Input::Departed(from),
                    10 => Input::Unopened(from),
                    11 => Input::Tick,
                    12 => Input::Decide { peer: from, admit: bits % 2 == 0 },
                    13 => Input::Lock(bits % 2 == 0),
                    14 => Input::Send { streams: bits.to_be_bytes().repeat(usize::from(bits % 9)) },
                    15 => Input::Silent,
                    16 => Input::Name(String::from_utf8_lossy(&body[..place.min(100)]).into_owned()),
                    17 => Input::ShowPage(bits),
                    18 => Input::Talk { body: body[..place].to_vec() },
                    20 => Input::Tell { body: body[..place].to_vec() },
                    19 if bits % 8 == 0 => Input::Remove(Removal::Peer(from)),
                    _ => continue,
                };
                world.put(who, input);
            }
        }
    }
}

#[test]
fn altered_messages_of_a_real_meeting_change_nothing() {
    let mut world = World::new(6);
    let host = world.organiser();
    let (one, two) = (world.guest(), world.guest());
    world.send(one, &[0, 1]);
    world.run_ms(8_000);
    let before = (world.people[two].session().epoch(), world.people[two].open.clone());
    let said: Vec<(PeerKey, Vec<u8>)> = [host, one]
        .into_iter()
        .flat_map(|who| {
            world.people[who]
                .said
                .iter()
                .map(|body| (world.people[who].key, body.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    for (from, body) in said {
        let admission = world.people[two].gate.known(&from).cloned().unwrap();
        for at in (0..body.len()).step_by(body.len() / 40 + 1) {
            let mut body = body.clone();
            body[at] ^= 0x10;
            world.put(two, Input::Heard { from, admission: admission.clone(), body });
        }
    }
    assert_eq!((world.people[two].session().epoch(), world.people[two].open.clone()), before);
    world.run_ms(3_000);
    world.agree(&[host, one, two]);
}

#[test]
fn a_guest_or_relay_that_plays_coordinator_is_not_heard() {
    let mut world = World::new(7);
    let host = world.organiser();
    let one = world.guest();
    world.run_ms(5_000);
    let before = world.people[one].session().epoch();
    // Somebody with a key of their own who leads this very meeting in a later term, elsewhere: records, beats, wraps,
    // welcomes, and a kick list with this guest on it.
    let mut rival = World::new(8);
    rival.issuer = Issuer::from_seed(world.issuer.meeting(), &world.issuer.seed());
    let (leads, follows) = (rival.organiser(), rival.guest());
    rival.coordinate(leads, Past { term: 9, ..Past::default() });
    rival.run_ms(4_000);
    rival.agree(&[leads, follows]);
    let removal = Removal::Peer(world.people[one].key);
    rival.put(leads, Input::Remove(removal));
    rival.run_ms(2_000);
    let (key, said) = (rival.people[leads].key, rival.people[leads].said.clone());
    for kind in ["Record", "Beat", "Welcome", "Kicks"] {
        assert!(rival.people[leads].said_of(kind).count() > 0, "{kind}");
    }
    let admission = world.people[one].gate.known(&world.people[host].key).cloned().unwrap();
    let admission = Admission { expires: UnixTime(u64::MAX), ..admission };
    let roles = [
        AdmittedAs::Participant(Role::Guest),
        AdmittedAs::Participant(Role::CoHost),
        AdmittedAs::Relay { kbps: 1 },
    ];
    let hear = |world: &mut World, role| {
        let admission = Admission { role, ..admission.clone() };
        for body in &said {
            world.put(one, Input::Heard { from: key, admission: admission.clone(), body: body.clone() });
        }
    };
    roles.into_iter().for_each(|role| hear(&mut world, role));
    assert_eq!(world.people[one].session().epoch(), before);
    assert!(!world.people[one].has(|event| matches!(event, Event::Removed | Event::Following { .. })));
    world.agree(&[host, one]);
    let identity = std::sync::Arc::clone(&rival.people[leads].identity);
    let kicks = rival.people[leads].said_of("Kicks").next_back().unwrap().clone();
    let (now, guest) = (world.now, world.people[one].key);
    for (role, shut_out) in [(Role::Guest, vec![]), (Role::CoHost, vec![]), (Role::Deputy, vec![guest])] {
        let credential = world.invite(role).credential(&identity, now);
        let gate = &mut world.people[host].gate;
        gate.admit(now, key, &credential).unwrap();
        assert_eq!(gate.heard(now, key, &kicks), shut_out, "{role:?}");
    }
    // The same from a deputy is heard: it is the role that makes the difference.
    hear(&mut world, AdmittedAs::Participant(Role::Deputy));
    assert!(world.people[one].has(|event| matches!(event, Event::Following { term: 9, .. })));
    assert!(world.people[one].has(|event| *event == Event::Removed));
}
