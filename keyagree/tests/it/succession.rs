//! Coordinators that crash, are cut off, come back, or lie.

use keyagree::session::{Past, next_term};
use keyagree::{Event, Input, Removal, Timer, UnixTime};

use crate::world::World;

/// A meeting with an organiser, two deputies and two guests, who all had time to prepare.
fn meeting(seed: u64) -> (World, usize, [usize; 2], [usize; 2]) {
    let mut world = World::new(seed);
    let host = world.organiser();
    let deputies = [world.deputy(), world.deputy()];
    let guests = [world.guest(), world.guest()];
    world.send(guests[0], &[0, 1]);
    world.run_ms(12_000);
    world.agree(&[host, deputies[0], deputies[1], guests[0], guests[1]]);
    (world, host, deputies, guests)
}

/// Who of these coordinates; fails unless it is exactly one.
fn leader(world: &World, who: &[usize]) -> usize {
    let leading: Vec<usize> =
        who.iter().copied().filter(|who| world.people[*who].session().coordinates()).collect();
    assert_eq!(leading.len(), 1, "{leading:?} lead");
    leading[0]
}

#[test]
fn a_coordinator_that_crashes_is_succeeded_and_nobody_loses_a_frame() {
    for seed in 100..104 {
        let (mut world, host, [a, b], [one, two]) = meeting(seed);
        let crashed = world.now;
        let key = world.people[host].key;
        world.crash(host);
        world.run_ms(7_000);
        world.agree(&[a, b, one, two]);
        let led_by = leader(&world, &[a, b]);
        let epoch = world.people[one].session().epoch().unwrap();
        assert_eq!(epoch.coordinator, world.people[led_by].key);
        assert!(epoch.term > 1);
        assert!(world.people[two].has(|event| matches!(event, Event::PeerLeft { peer, .. } if *peer == key)));
        assert_eq!(world.missed(two, crashed, world.now), 0);
        // Who came by an invite before is still bound to it, and newcomers are let in.
        let late = world.guest();
        world.run_ms(4_000);
        world.agree(&[a, b, one, two, late]);
    }
}

#[test]
fn who_does_not_ask_a_new_coordinator_is_not_listed_for_long() {
    for removed in [false, true] {
        let mut world = World::new(106);
        world.calm = true;
        let (host, deputy) = (world.organiser(), world.deputy());
        world.run_ms(6_000);
        let one = world.guest();
        world.run_ms(1_500);
        world.agree(&[host, deputy, one]);
        // It has had no time to prepare for the deputy, nor does the overlay say that it is gone.
        let (key, invite) = (world.people[one].key, world.people[one].invite);
        world.crash(one);
        world.crash(host);
        world.run_ms(4_000);
        assert!(world.people[deputy].session().coordinates());
        assert!(world.people[deputy].session().members().contains(&key), "it may have lost its way");
        if removed {
            world.put(deputy, Input::Remove(Removal::Invite(invite)));
        }
        world.run_ms(12_000);
        world.agree(&[deputy]);
        if !removed {
            world.rejoin(one);
            world.run_ms(3_000);
            world.agree(&[deputy, one]);
        }
    }
}

#[test]
fn a_takeover_asks_nobody_who_was_prepared() {
    let (mut world, host, [a, b], [one, two]) = meeting(105);
    world.calm = true;
    world.crash(host);
    let before: Vec<usize> = [one, two].iter().map(|who| world.people[*who].requests()).collect();
    world.run_ms(4_500);
    world.agree(&[a, b, one, two]);
    let after: Vec<usize> = [one, two].iter().map(|who| world.people[*who].requests()).collect();
    assert_eq!(before, after, "a prepared member opens its wrap");
}

#[test]
fn the_second_deputy_takes_over_when_the_first_is_gone_too() {
    let (mut world, host, [a, b], [one, two]) = meeting(110);
    let first = if world.people[a].invite < world.people[b].invite { a } else { b };
    let second = if first == a { b } else { a };
    world.crash(host);
    world.crash(first);
    world.run_ms(10_000);
    assert_eq!(leader(&world, &[second]), second);
    assert_eq!(world.people[one].session().epoch().unwrap().coordinator, world.people[second].key);
    assert_eq!(world.people[one].session().epoch(), world.people[two].session().epoch());
}

#[test]
fn signs_of_life_that_are_said_again_are_none() {
    let (mut world, host, [a, b], [one, _]) = meeting(112);
    let beats: Vec<Vec<u8>> =
        world.people[host].said.iter().filter(|body| body[2..].starts_with(b"\x64Beat")).cloned().collect();
    assert!(beats.len() > 5);
    let from = world.people[host].key;
    let admission = world.people[one].gate.known(&from).cloned().unwrap();
    world.crash(host);
    for second in 0..12 {
        world.run_ms(1_000);
        for who in [a, b, one] {
            // Whoever holds all of its links can say old things again, and keep new ones back.
            let (body, admission) = (beats[second % beats.len()].clone(), admission.clone());
            world.put(who, Input::Heard { from, admission, body });
        }
    }
    leader(&world, &[a, b]);
    world.crash(a);
    world.crash(b);
    world.run_ms(11_000);
    assert!(world.people[one].has(|event| *event == Event::Leaderless), "and members are told");
}

#[test]
fn a_deputy_that_was_asleep_does_not_take_over() {
    let (mut world, _, [a, b], _) = meeting(115);
    let first = if world.people[a].invite < world.people[b].invite { a } else { b };
    let wakes = world.now.plus_ms(600_000);
    world.people[first].session.as_mut().unwrap().handle(wakes, Input::Tick);
    assert!(!world.people[first].session().coordinates());
}

#[test]
fn a_meeting_that_was_split_is_one_again_and_who_was_removed_stays_out() {
    for seed in 120..124 {
        let (mut world, host, [a, b], [one, two]) = meeting(seed);
        world.split = [host, one, two].into();
        let invite = world.people[two].invite;
        world.run_ms(2_000);
        world.put(host, Input::Remove(Removal::Invite(invite)));
        for deputy in [a, b] {
            let peer = world.people[deputy].key;
            world.put(host, Input::Departed(peer));
        }
        let removed_at = world.now;
        world.run_ms(10_000);
        world.agree(&[host, one]);
        assert!(world.people[host].session().coordinates());
        let led_by = leader(&world, &[a, b]);
        assert!(world.people[led_by].session().epoch().unwrap().term > 1);
        world.split.clear();
        world.run_ms(10_000);
        world.agree(&[host, a, b, one]);
        assert_eq!(leader(&world, &[host, a, b]), led_by, "the higher term leads");
        assert!(
            world.people[led_by].session().removed().contains(&Removal::Invite(invite)),
            "kick lists are united"
        );
        assert_eq!(world.ever_opens(two, removed_at.plus_ms(3_000), world.now), 0);
    }
}

#[test]
fn an_organiser_that_comes_back_leads_again_and_is_heard() {
    let (mut world, host, [a, b], [one, two]) = meeting(130);
    let bindings = world.people[host].session().bindings();
    world.crash(host);
    world.run_ms(8_000);
    leader(&world, &[a, b]);
    let term = next_term(world.now, 1);
    world.coordinate(host, Past { term, bindings, ..Past::default() });
    world.run_ms(8_000);
    world.agree(&[host, a, b, one, two]);
    assert_eq!(leader(&world, &[host, a, b]), host);
    assert_eq!(world.people[two].session().epoch().unwrap().term, term);
}

#[test]
fn a_coordinator_that_lags_behind_is_told_and_takes_the_next_term() {
    // The deputy that led meanwhile is dead, so nobody but members can tell the organiser.
    let (mut world, host, [a, b], [one, two]) = meeting(135);
    world.split = [host].into();
    world.run_ms(8_000);
    let led_by = leader(&world, &[a, b]);
    for deputy in [a, b] {
        world.crash(deputy);
    }
    let dead = world.people[one].session().epoch().unwrap();
    assert_eq!(dead.coordinator, world.people[led_by].key);
    world.run_ms(5_000);
    world.split.clear();
    world.run_ms(25_000);
    let epoch = world.people[one].session().epoch().unwrap();
    assert_eq!(epoch.coordinator, world.people[host].key);
    assert!(epoch.term > dead.term);
    assert_eq!(world.people[two].session().epoch(), Some(epoch));
}

#[test]
fn a_coordinator_that_tells_two_stories_is_deposed() {
    let mut world = World::new(140);
    let host = world.organiser();
    let (deputy, one) = (world.deputy(), world.guest());
    world.run_ms(6_000);
    world.agree(&[host, deputy, one]);
    let liar = world.people[host].key;
    // The same key in the same term, with other secrets: it tells the newcomer another epoch.
    let bindings = world.people[host].session().bindings();
    world.coordinate(host, Past { term: 1, bindings, ..Past::default() });
    let late = world.guest();
    world.run_ms(12_000);
    for who in [deputy, one] {
        let deposed = Event::Deposed { coordinator: liar };
        assert!(world.people[who].has(|event| *event == deposed), "{who}");
    }
    assert!(world.people[deputy].session().coordinates());
    assert_eq!(world.people[one].session().epoch().unwrap().coordinator, world.people[deputy].key);
    assert_eq!(world.people[one].session().epoch(), world.people[late].session().epoch());
    assert!(!world.people[one].gate.known(&liar).unwrap().may_coordinate(), "relays don't heed it either");
    // It comes back with a higher term: neither who leads now nor anybody else follows it, and who came since knows why.
    let later = world.guest();
    let term = next_term(world.now, world.people[deputy].session().epoch().unwrap().term) + 5;
    world.coordinate(host, Past { term, ..Past::default() });
    world.put(deputy, Input::Departed(liar));
    world.run_ms(8_000);
    assert!(world.people[deputy].session().coordinates());
    world.agree(&[deputy, one, late, later]);
}

#[test]
fn a_term_of_the_far_future_is_followed_by_nobody() {
    let (mut world, host, [a, b], [one, two]) = meeting(141);
    world.coordinate(a, Past { term: u32::MAX, ..Past::default() });
    let gone = world.people[a].key;
    world.put(host, Input::Departed(gone));
    world.run_ms(4_000);
    world.agree(&[host, b, one, two]);
    // So it can be removed, and the meeting goes on.
    let removal = Removal::Peer(world.people[a].key);
    world.put(host, Input::Remove(removal));
    world.run_ms(4_000);
    world.agree(&[host, b, one, two]);
    world.crash(host);
    world.run_ms(10_000);
    world.agree(&[b, one, two]);
}

#[test]
fn who_was_removed_can_not_make_a_coordinator_give_way_by_what_others_show() {
    let (mut world, host, [a, b], [one, two]) = meeting(142);
    let removal = Removal::Peer(world.people[a].key);
    world.put(host, Input::Remove(removal));
    world.run_ms(4_000);
    world.agree(&[host, b, one, two]);
    // The removed deputy leads a term of its own; a member that is in league with it shows its record to the coordinator.
    let said = world.people[a].said.len();
    world.coordinate(a, Past { term: next_term(world.now, 1) + 60, ..Past::default() });
    let record = world.people[a].said[said..].iter().find(|body| body[3..].starts_with(b"Record")).unwrap();
    let witness = [&record[..2], b"\x67Witness", &record[9..]].concat();
    let from = world.people[two].key;
    let admission = world.people[host].gate.known(&from).cloned().unwrap();
    world.put(host, Input::Heard { from, admission, body: witness });
    assert!(world.people[host].session().coordinates());
}

#[test]
fn the_deadline_of_who_waits_to_lead_lies_ahead() {
    let (world, host, [a, b], _) = meeting(145);
    for who in [host, a, b] {
        let (at, why) = world.people[who].session().deadline().unwrap();
        assert!(at > UnixTime(world.now.0 - 20) || why != Timer::TakeOver, "{why:?} was due at {at:?}");
    }
}

#[test]
fn who_hears_the_proof_before_it_meets_the_liar_never_follows_it() {
    let (mut world, host, [a, b], [one, two]) = meeting(143);
    let liar = world.people[host].key;
    let bindings = world.people[host].session().bindings();
    world.coordinate(host, Past { term: 1, bindings, ..Past::default() });
    let newcomer = world.guest();
    world.run_ms(12_000);
    let proof =
        [a, b, one, two].into_iter().find_map(|who| world.people[who].said_of("Evidence").next().cloned());
    let proof = proof.expect("somebody has found both records");
    let led_by = leader(&world, &[a, b]);
    // It leads on in a term of its own, among whoever comes.
    let term = next_term(world.now, world.people[led_by].session().epoch().unwrap().term) + 5;
    world.coordinate(host, Past { term, ..Past::default() });
    world.put(led_by, Input::Departed(liar));
    world.run_ms(4_000);
    // Whoever comes next hears the proof once, from the first, and can't find the two records itself.
    let next = world.people.len();
    world.withheld = ["Evidence", "Passed", "Record", "Witness"].map(|kind| (next, kind)).into();
    let late = world.guest();
    let from = world.people[one].key;
    let admission = world.people[late].gate.known(&from).cloned().unwrap();
    world.put(late, Input::Heard { from, admission, body: proof });
    world.run_ms(8_000);
    world.agree(&[a, b, one, two, newcomer, late]);
}
