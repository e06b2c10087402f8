//! Who is let in, and what each refusal says.

use keyagree::credential::{AdmittedAs, CREDENTIAL_MAX};
use keyagree::gate::{LOBBY_KNOWN_MAX, PROBATION_MS};
use keyagree::time::SKEW_MS;
use keyagree::{Gate, Identity, Issuer, LeaseId, Refusal, Removal, Removed, Role, UnixTime};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use crate::world::World;

const NOW: UnixTime = UnixTime(1_800_000_000_000);
const DAY: u64 = 86_400_000;

#[test]
fn a_gate_admits_what_its_issuer_signed_and_nothing_else() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (issuer, other) = (Issuer::generate(&mut rng), Issuer::generate(&mut rng));
    let (guest, thief) = (Identity::generate(&mut rng), Identity::generate(&mut rng));
    let invite = issuer.issue_invite(&mut rng, Role::Guest, Vec::new(), NOW, NOW.plus_ms(DAY)).unwrap();
    let foreign = other.issue_invite(&mut rng, Role::Guest, Vec::new(), NOW, NOW.plus_ms(DAY)).unwrap();
    let good = invite.credential(&guest, NOW);
    assert!(good.len() <= CREDENTIAL_MAX);
    let mut gate = Gate::new(issuer.meeting(), issuer.public());

    let admission = gate.admit(NOW, guest.public(), &good).unwrap();
    assert_eq!((admission.role, admission.invite), (AdmittedAs::Participant(Role::Guest), Some(invite.id())));
    assert_eq!(gate.known(&guest.public()), Some(&admission));
    assert!(!admission.may_coordinate());

    assert_eq!(gate.admit(NOW, thief.public(), &good), Err(Refusal::NotYours));
    assert_eq!(gate.admit(NOW, thief.public(), &foreign.credential(&thief, NOW)), Err(Refusal::WrongMeeting));
    assert_eq!(gate.admit(NOW.plus_ms(DAY), guest.public(), &good), Err(Refusal::Expired));
    assert_eq!(gate.admit(UnixTime(NOW.0 - DAY), guest.public(), &good), Err(Refusal::TooEarly));
    assert_eq!(gate.admit(NOW, guest.public(), b""), Err(Refusal::Malformed));
    assert_eq!(gate.admit(NOW, guest.public(), &[0; 9]), Err(Refusal::Malformed));
    assert_eq!(gate.admit(NOW, guest.public(), &[&[3], &good[1..]].concat()), Err(Refusal::NewerVersion));
    assert_eq!(gate.admit(NOW, guest.public(), &[&[1], &good[1..]].concat()), Err(Refusal::OlderVersion));
    let impostor = Issuer::from_seed(issuer.meeting(), &other.seed());
    let forged = impostor.issue_invite(&mut rng, Role::Organiser, Vec::new(), NOW, NOW.plus_ms(DAY)).unwrap();
    assert_eq!(
        gate.admit(NOW, thief.public(), &forged.credential(&thief, NOW)),
        Err(Refusal::NotSignedByIssuer)
    );

    let removed: Removed = [Removal::Invite(invite.id())].into_iter().collect();
    assert_eq!(gate.remove(&removed), vec![guest.public()]);
    assert_eq!(gate.admit(NOW, guest.public(), &good), Err(Refusal::Removed));
    assert_eq!(gate.known(&guest.public()), None);
}

#[test]
fn every_altered_byte_of_a_credential_is_noticed() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let issuer = Issuer::generate(&mut rng);
    let guest = Identity::generate(&mut rng);
    let invite = issuer.issue_invite(&mut rng, Role::Guest, Vec::new(), NOW, NOW.plus_ms(DAY)).unwrap();
    let good = invite.credential(&guest, NOW);
    let mut gate = Gate::new(issuer.meeting(), issuer.public());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(gate.admit(NOW, guest.public(), &bad).is_err(), "byte {at}");
        assert!(gate.admit(NOW, guest.public(), &good[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_relay_is_admitted_by_its_grant() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let issuer = Issuer::generate(&mut rng);
    let relay = Identity::generate(&mut rng).public();
    let grant = issuer.grant(relay, LeaseId::generate(&mut rng), 5_000, NOW.plus_ms(DAY));
    let mut gate = Gate::new(issuer.meeting(), issuer.public());
    let admission = gate.admit(NOW, relay, &grant.credential()).unwrap();
    assert_eq!((admission.role, admission.invite), (AdmittedAs::Relay { kbps: 5_000 }, None));
    assert!(!admission.is_participant() && !admission.may_coordinate());
    assert_eq!(gate.expire(NOW.plus_ms(DAY)), vec![relay]);
}

#[test]
fn many_keys_of_one_link_push_nobody_out_of_the_gate() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let issuer = Issuer::generate(&mut rng);
    let guest = Identity::generate(&mut rng);
    // The guest's invite ends soonest of all.
    let invite = issuer.issue_invite(&mut rng, Role::Guest, Vec::new(), NOW, NOW.plus_ms(DAY / 2)).unwrap();
    let link = issuer.issue_link(&mut rng, Role::Guest, 10_000, Vec::new(), NOW, NOW.plus_ms(DAY)).unwrap();
    let mut gate = Gate::new(issuer.meeting(), issuer.public());
    gate.admit(NOW, guest.public(), &invite.credential(&guest, NOW)).unwrap();
    let keys: Vec<Identity> = (0..2 * LOBBY_KNOWN_MAX).map(|_| Identity::generate(&mut rng)).collect();
    for key in &keys {
        assert!(gate.admit(NOW, key.public(), &link.credential(key, NOW)).unwrap().lobby);
    }
    let kept = keys.iter().filter(|key| gate.known(&key.public()).is_some()).count();
    assert_eq!(kept, LOBBY_KNOWN_MAX);
    assert!(gate.known(&guest.public()).is_some());
}

#[test]
fn only_a_coordinator_can_shut_somebody_out() {
    let mut world = World::new(4);
    let host = world.organiser();
    let (one, two) = (world.guest(), world.guest());
    world.run_ms(5_000);
    let said = world.people[host].said.len();
    let invite = world.people[two].invite;
    world.put(host, keyagree::Input::Remove(Removal::Invite(invite)));
    let kicks = world.people[host].said[said..].to_vec();
    let (host_key, guest_key, now) = (world.people[host].key, world.people[one].key, world.now);
    let gate = &mut world.people[one].gate;
    assert!(
        kicks.iter().all(|body| gate.heard(now, guest_key, body).is_empty()),
        "a guest passes it off as its own"
    );
    let out: Vec<_> = kicks.iter().flat_map(|body| gate.heard(now, host_key, body)).collect();
    assert_eq!(out, vec![world.people[two].key]);
}

#[test]
fn a_removed_key_is_shut_out_by_itself_also_with_a_pass_and_with_another_invite() {
    let mut world = World::new(5);
    let host = world.organiser();
    let link = world.link(5);
    let (one, two) = (world.guest_with(&link), world.guest_with(&link));
    world.run_ms(3_000);
    for who in [one, two] {
        let peer = world.people[who].key;
        world.put(host, keyagree::Input::Decide { peer, admit: true });
    }
    world.run_ms(6_000);
    let (out, now) = (world.people[one].key, world.now);
    let passed = world.people[one].credential.clone();
    let own = world.invite(Role::Guest).credential(&world.people[one].identity, now);
    let gate = &mut world.people[two].gate;
    assert!(!gate.known(&out).unwrap().lobby);
    let removed: Removed = [Removal::Peer(out)].into_iter().collect();
    assert_eq!(gate.remove(&removed), vec![out], "and nobody else who came by the link");
    for credential in [passed, own] {
        assert_eq!(gate.admit(now, out, &credential), Err(Refusal::Removed));
    }
}

#[test]
fn the_first_key_of_an_invite_takes_part_for_a_minute_and_every_other_waits() {
    let mut world = World::new(6);
    let host = world.organiser();
    let one = world.guest();
    world.run_ms(3_000);
    let now = world.now;
    let (first, thief) = (Identity::generate(&mut world.rng), Identity::generate(&mut world.rng));
    let invite = world.invite(Role::Guest);
    let (own, stolen) = (invite.credential(&first, now), invite.credential(&thief, now));
    let gate = &mut world.people[one].gate;
    let admission = gate.admit(now, first.public(), &own).unwrap();
    let ends = now.plus_ms(PROBATION_MS);
    assert_eq!((admission.lobby, admission.pass_ends), (false, Some(ends)));
    assert!(gate.admit(now, thief.public(), &stolen).unwrap().lobby);
    // Shown again it counts no longer than the first time.
    let again = gate.admit(now.plus_ms(1_000), first.public(), &own).unwrap();
    assert_eq!((again.lobby, again.pass_ends), (false, Some(ends)));
    world.calm = true;
    world.run_ms(PROBATION_MS);
    let gate = &mut world.people[one].gate;
    assert!(!gate.lapse(UnixTime(ends.0 - 1)).contains(&first.public()));
    assert!(gate.lapse(ends).contains(&first.public()));
    for (peer, credential) in [(first.public(), &own), (thief.public(), &stolen)] {
        assert!(gate.admit(ends, peer, credential).unwrap().lobby);
    }
    world.crash(host);
    world.run_ms(40_000);
    let late = world.now;
    let gate = &mut world.people[one].gate;
    assert!(!gate.admit(late, first.public(), &own).unwrap().lobby, "nobody is there who could let it in");
    assert!(gate.admit(late, thief.public(), &stolen).unwrap().lobby);
}

#[test]
fn signs_of_life_that_are_held_back_or_said_again_are_none_to_a_gate() {
    let mut world = World::new(9);
    let host = world.organiser();
    let one = world.guest();
    world.run_ms(3_000);
    let (host_key, one_key) = (world.people[host].key, world.people[one].key);
    let beat = world.people[host].said_of("Beat").next_back().unwrap().clone();
    world.calm = true;
    world.crash(host);
    let shown = world.people[one].credential.clone();
    let pass_ends = world.people[one].gate.admit(world.now, one_key, &shown);
    let pass_ends = pass_ends.unwrap().pass_ends.unwrap();
    let newcomer = Identity::generate(&mut world.rng);
    let shown = world.invite(Role::Guest).credential(&newcomer, world.now);
    let gate = &mut world.people[one].gate;
    let soon = gate.admit(world.now, newcomer.public(), &shown).unwrap().pass_ends.unwrap();
    for late in [soon, pass_ends, pass_ends.plus_ms(1_000)] {
        let gate = &mut world.people[one].gate;
        gate.heard(late, host_key, &beat);
        assert!(gate.lapse(late).is_empty(), "nobody is there to renew it");
    }
}

#[test]
fn clocks_may_differ_by_two_minutes() {
    let mut rng = ChaCha20Rng::seed_from_u64(10);
    let issuer = Issuer::generate(&mut rng);
    let guest = Identity::generate(&mut rng);
    let invite = issuer.issue_invite(&mut rng, Role::Guest, Vec::new(), NOW, NOW.plus_ms(DAY)).unwrap();
    let credential = invite.credential(&guest, NOW);
    let at = |ms_before| UnixTime(NOW.0 - ms_before);
    let admit = |now| Gate::new(issuer.meeting(), issuer.public()).admit(now, guest.public(), &credential);
    assert!(admit(at(SKEW_MS)).is_ok());
    assert_eq!(admit(at(SKEW_MS + 1)), Err(Refusal::TooEarly));
    assert!(admit(UnixTime(NOW.0 + DAY - 1)).is_ok());
    assert_eq!(admit(NOW.plus_ms(DAY)), Err(Refusal::Expired));
}

#[test]
fn the_last_pass_counts_whatever_is_shown_after_it() {
    let mut world = World::new(7);
    let host = world.organiser();
    let one = world.guest();
    let first = world.people[one].credential.clone();
    world.calm = true;
    world.run_ms(2_000);
    let passed = world.people[one].credential.clone();
    world.run_ms(6 * 60_000);
    let (now, key) = (world.now, world.people[one].key);
    let renewed = world.people[one].credential.clone();
    assert!(first != passed && passed != renewed);
    let gate = &mut world.people[host].gate;
    let ends = gate.known(&key).unwrap().pass_ends.unwrap();
    for older in [&first, &passed, &renewed] {
        let admission = gate.admit(now, key, older).unwrap();
        assert_eq!((admission.lobby, admission.pass_ends), (false, Some(ends)));
    }
}

#[test]
fn a_locked_meeting_has_no_newcomers_at_any_gate() {
    let mut world = World::new(8);
    let host = world.organiser();
    let one = world.guest();
    world.run_ms(3_000);
    world.put(host, keyagree::Input::Lock(true));
    world.run_ms(3_000);
    let late = world.guest();
    let (late_key, one_key, now) = (world.people[late].key, world.people[one].key, world.now);
    let (credential, own) = (world.people[late].credential.clone(), world.people[one].credential.clone());
    let gate = &mut world.people[one].gate;
    assert!(gate.admit(now, late_key, &credential).unwrap().lobby);
    let gate = &mut world.people[late].gate;
    assert!(!gate.admit(now, one_key, &own).unwrap().lobby, "who was let in before has a pass");
}
