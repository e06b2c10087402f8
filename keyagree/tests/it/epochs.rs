//! Joining, leaving, being removed, and coming back.

use keyagree::session::Past;
use keyagree::{Event, Input, Removal, Role};

use crate::world::World;

#[test]
fn three_join_and_a_newcomer_opens_what_follows_and_nothing_before() {
    for seed in 0..6 {
        let mut world = World::new(seed);
        let host = world.organiser();
        let (one, two) = (world.guest(), world.guest());
        world.run_ms(6_000);
        world.agree(&[host, one, two]);
        world.send(host, &[0, 1]);
        world.send(one, &[0, 1, 2]);
        world.run_ms(5_000);
        let before = world.now;
        let late = world.guest();
        world.run_ms(6_000);
        world.agree(&[host, one, two, late]);
        let (settled, end) = (world.now, world.now.plus_ms(3_000));
        world.run_ms(3_000);
        assert_eq!(world.missed(two, before, settled), 0, "a join makes no gap for who is there");
        assert_eq!(world.missed(late, settled, end), 0);
        assert!(world.ever_opens(late, settled, end) > 0);
        assert_eq!(world.ever_opens(late, keyagree::UnixTime(0), before), 0, "the past stays shut");
        assert!(
            world.people[two]
                .has(|event| matches!(event, Event::PeerJoined { peer } if *peer == world.people[late].key))
        );
    }
}

#[test]
fn whoever_leaves_opens_nothing_two_seconds_later() {
    for seed in 10..14 {
        let mut world = World::new(seed);
        let host = world.organiser();
        let (one, two) = (world.guest(), world.guest());
        world.send(host, &[0, 2]);
        world.run_ms(8_000);
        world.agree(&[host, one, two]);
        let left_at = world.now;
        let code = world.people[host].session().code();
        let leaver = world.people[two].key;
        world.calm = true;
        world.crash(two);
        world.put(host, Input::Departed(leaver));
        world.run_ms(6_000);
        world.agree(&[host, one]);
        assert_ne!(world.people[host].session().code(), code, "other members, other code");
        assert!(world.ever_opens(two, left_at, left_at.plus_ms(1_000)) > 0, "it did hold keys");
        assert_eq!(world.ever_opens(two, left_at.plus_ms(2_000), world.now), 0);
        assert_eq!(world.missed(one, left_at, world.now), 0, "a leave makes no gap for who stays");
        assert!(
            world.people[one]
                .has(|event| matches!(event, Event::PeerLeft { peer, removed: false } if *peer == leaver))
        );
    }
}

#[test]
fn the_removed_is_told_shut_out_everywhere_and_not_let_in_again() {
    let mut world = World::new(20);
    let host = world.organiser();
    let (one, out) = (world.guest(), world.guest());
    world.send(one, &[0, 1]);
    world.run_ms(8_000);
    let (at, invite, key) = (world.now, world.people[out].invite, world.people[out].key);
    world.put(host, Input::Remove(Removal::Invite(invite)));
    world.run_ms(5_000);
    world.agree(&[host, one]);
    assert!(world.people[out].has(|event| *event == Event::Removed));
    assert!(
        world.people[one]
            .has(|event| matches!(event, Event::PeerLeft { peer, removed: true } if *peer == key))
    );
    assert_eq!(world.ever_opens(out, at.plus_ms(3_000), world.now), 0);
    assert!(world.people[out].open.is_empty(), "it has forgotten what it held");
    assert!(world.people[one].gate.known(&key).is_none());
    let credential = world.people[out].credential.clone();
    let now = world.now;
    assert_eq!(world.people[one].gate.admit(now, key, &credential), Err(keyagree::Refusal::Removed));
    assert_eq!(world.people[host].session().removed().iter().collect::<Vec<_>>(), [Removal::Invite(invite)]);
}

#[test]
fn who_was_removed_gets_no_chain_while_the_record_without_it_is_due() {
    let mut world = World::new(21);
    world.calm = true;
    let (host, one) = (world.organiser(), world.guest());
    world.run_ms(4_000);
    // The request that renews its chain is held up until just after a record, so that the next one has to wait.
    let asked = world.people[one].requests();
    world.split = [one].into();
    while world.people[one].requests() == asked {
        world.run_ms(1_000);
    }
    world.split.clear();
    let body =
        world.people[one].said.iter().rfind(|body| body[2..].starts_with(b"\x64Join")).unwrap().clone();
    let epoch = world.people[host].session().epoch();
    world.guest();
    while world.people[host].session().epoch() == epoch {
        world.run_ms(10);
    }
    let (from, admission) =
        (world.people[one].key, world.people[host].gate.known(&world.people[one].key).cloned());
    world.put(host, Input::Remove(Removal::Peer(from)));
    assert!(world.people[host].session().members().contains(&from));
    // The world fails if something is said to it.
    world.put(host, Input::Heard { from, admission: admission.unwrap(), body });
}

#[test]
fn a_used_invite_lets_nobody_else_in_unless_the_host_does() {
    let mut world = World::new(30);
    let host = world.organiser();
    let invite = world.invite(Role::Guest);
    let first = world.guest_with(&invite);
    world.run_ms(5_000);
    let second = world.guest_with(&invite);
    world.run_ms(5_000);
    world.agree(&[host, first]);
    assert!(world.people[second].has(|event| *event == Event::AtTheDoor));
    assert!(world.people[second].session().epoch().is_none());
    let (peer, invite) = (world.people[second].key, invite.id());
    let knock = Event::Knock { peer, invite, why: keyagree::Knocks::UsedInvite };
    assert_eq!(world.people[host].events.iter().filter(|(_, event)| *event == knock).count(), 1);
    world.put(host, Input::Decide { peer, admit: true });
    world.run_ms(3_000);
    world.agree(&[host, first, second]);
}

#[test]
fn the_coordinator_crashes_and_resumes_while_frames_go_on() {
    for seed in 40..44 {
        let mut world = World::new(seed);
        let host = world.organiser();
        let (one, two) = (world.guest(), world.guest());
        world.send(one, &[0, 1]);
        world.run_ms(8_000);
        world.agree(&[host, one, two]);
        let bindings = world.people[host].session().bindings();
        assert_eq!(bindings.len(), 3);
        let crashed = world.now;
        world.crash(host);
        world.run_ms(20_000);
        assert_eq!(world.missed(two, crashed, world.now), 0, "frames need no coordinator");
        world.coordinate(host, Past { term: 2, bindings, ..Past::default() });
        world.run_ms(8_000);
        world.agree(&[host, one, two]);
        assert_eq!(world.people[two].session().epoch().unwrap().term, 2);
        let settled = world.now;
        world.run_ms(2_000);
        assert_eq!(world.missed(two, settled, world.now) + world.missed(host, settled, world.now), 0);
    }
}

#[test]
fn a_member_that_missed_everything_catches_up_by_asking_anew() {
    let mut world = World::new(50);
    let host = world.organiser();
    let (one, two) = (world.guest(), world.guest());
    world.run_ms(6_000);
    // Its own gate lost who coordinates for a while, so it heard nothing at all.
    let (host_key, credential) = (world.people[host].key, world.people[host].credential.clone());
    world.people[one].gate = keyagree::Gate::new(world.issuer.meeting(), world.issuer.public());
    let leaver = world.people[two].key;
    world.crash(two);
    world.put(host, Input::Departed(leaver));
    world.run_ms(4_000);
    assert_ne!(world.people[one].session().epoch(), world.people[host].session().epoch());
    let now = world.now;
    world.people[one].gate.admit(now, host_key, &credential).unwrap();
    let late = world.guest();
    world.run_ms(12_000);
    world.agree(&[host, one, late]);
}

#[test]
fn long_epochs_are_renewed_and_chains_step_without_a_gap() {
    let mut world = World::new(60);
    let host = world.organiser();
    let (one, two) = (world.guest(), world.guest());
    world.send(one, &[0, 1]);
    world.run_ms(8_000);
    // A record and an announcement that are both lost make a gap; that is not this story.
    world.calm = true;
    let (from, epoch) = (world.now, world.people[host].session().epoch().unwrap());
    let code = world.people[two].session().code();
    world.run_ms(11 * 60_000 + 40_000);
    world.agree(&[host, one, two]);
    assert!(world.people[two].session().epoch().unwrap().epoch >= epoch.epoch + 2);
    assert_eq!(world.people[two].session().code(), code, "no other members, no other code");
    assert_eq!(world.missed(two, from, world.now), 0);
    let labels: std::collections::BTreeSet<u64> = world.frames.iter().map(|frame| frame.label).collect();
    assert!(labels.len() >= 20, "two layers, a generation a minute");
    assert!(world.people[two].open.len() <= 8, "and what is old is forgotten");
}

#[test]
fn a_restarted_source_has_fresh_keys_that_all_hold() {
    let mut world = World::new(70);
    let host = world.organiser();
    let one = world.guest();
    world.send(host, &[0]);
    world.run_ms(6_000);
    world.send(host, &[0]);
    world.run_ms(4_000);
    let labels: std::collections::BTreeSet<u64> =
        world.people[host].sealing.iter().map(|keys| keys.keys[0].label).collect();
    assert_eq!(labels.len(), world.people[host].sealing.len(), "never the same key twice");
    let from = world.now;
    world.run_ms(2_000);
    assert_eq!(world.missed(one, from, world.now), 0);
}

#[test]
fn a_fresh_secret_is_drawn_each_five_minutes_also_while_people_keep_coming() {
    let mut world = World::new(60);
    let host = world.organiser();
    let one = world.guest();
    world.calm = true;
    world.run_ms(60_000);
    assert_eq!(world.people[host].said_of("Wrap").count(), 0, "joins only step");
    for _ in 0..4 {
        world.guest();
        world.run_ms(110_000);
    }
    let wraps = world.people[host].said_of("Wrap").count();
    assert!(wraps > 0, "whoever stole the first secret could still step along");
    assert_eq!(world.people[one].requests(), 1);
    let all: Vec<usize> = (0..world.people.len()).collect();
    world.agree(&all);
}

#[test]
fn a_source_whose_announcement_was_lost_is_named_within_two_seconds_and_asked() {
    let mut world = World::new(61);
    let host = world.organiser();
    let (source, one) = (world.guest(), world.guest());
    world.run_ms(4_000);
    world.calm = true;
    world.withheld = [(one, "Announcement"), (one, "Passed")].into();
    world.send(source, &[0, 1]);
    let peer = world.people[source].key;
    // Frames come that no key opens.
    world.run_ms(500);
    let since = world.now;
    world.put(one, Input::Unopened(peer));
    world.run_ms(2_000);
    let named = world.people[one].events.iter().find(|(_, event)| matches!(event, Event::Missing { .. }));
    let (at, event) = named.expect("it is named");
    assert!(at.since(since) <= 2_000);
    assert!(matches!(event, Event::Missing { source, why } if *source == peer && !why.is_empty()));
    let asks =
        |world: &World| world.people[one].said_of("Ask").chain(world.people[one].said_of("PassOn")).count();
    assert!(asks(&world) > 0);
    assert!(world.people[one].open.is_empty());
    // Its answer comes.
    world.withheld.clear();
    for _ in 0..16 {
        world.put(one, Input::Unopened(peer));
        world.run_ms(500);
    }
    assert_eq!(world.people[one].open.len(), 2);
    world.agree(&[host, source, one]);
}

#[test]
fn a_source_that_began_anew_is_asked_though_what_it_had_before_is_known() {
    let mut world = World::new(62);
    let host = world.organiser();
    let (source, one) = (world.guest(), world.guest());
    world.send(source, &[0]);
    world.run_ms(5_000);
    world.calm = true;
    let (peer, asked) = (world.people[source].key, world.people[one].said_of("PassOn").count());
    world.withheld = [(one, "Announcement"), (one, "Passed")].into();
    world.send(source, &[0]);
    world.run_ms(1_000);
    world.put(one, Input::Unopened(peer));
    world.run_ms(1_500);
    assert!(world.people[one].has(|event| matches!(event, Event::Missing { source, .. } if *source == peer)));
    assert!(world.people[one].said_of("PassOn").count() > asked);
    world.withheld.clear();
    for _ in 0..12 {
        world.put(one, Input::Unopened(peer));
        world.run_ms(500);
    }
    let since = world.now;
    world.run_ms(1_000);
    assert_eq!(world.missed(one, since, world.now), 0);
    world.agree(&[host, source, one]);
}

#[test]
fn a_source_that_was_asked_is_asked_again_as_soon_as_it_is_missed_in_another_epoch() {
    let mut world = World::new(63);
    let host = world.organiser();
    let (source, one, goes) = (world.guest(), world.guest(), world.guest());
    world.run_ms(5_000);
    world.calm = true;
    world.withheld = [(one, "Announcement"), (one, "Passed")].into();
    world.send(source, &[0]);
    let peer = world.people[source].key;
    let named = |world: &World| -> Vec<keyagree::UnixTime> {
        let events = world.people[one].events.iter();
        events.filter(|(_, event)| matches!(event, Event::Missing { .. })).map(|(at, _)| *at).collect()
    };
    world.put(one, Input::Unopened(peer));
    world.run_ms(1_100);
    assert_eq!(named(&world).len(), 1);
    // Somebody leaves: the source draws a fresh secret, and its announcement is lost again.
    let (epoch, key) = (world.people[one].session().epoch(), world.people[goes].key);
    world.crash(goes);
    world.put(host, Input::Departed(key));
    while world.people[one].session().epoch() == epoch {
        world.run_ms(10);
    }
    let entered = world.now;
    // It counts a second after its record was made, and a second later the source is missed.
    while named(&world).len() < 2 && world.now.since(entered) < 4_000 {
        world.put(one, Input::Unopened(peer));
        world.run_ms(50);
    }
    let waited = world.now.since(entered);
    assert!((1_700..2_200).contains(&waited), "{waited} ms");
    world.withheld.clear();
    world.run_ms(500);
    assert!(!world.people[one].open.is_empty(), "it is answered");
}
