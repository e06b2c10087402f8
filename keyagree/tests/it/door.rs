//! Waiting at the door, being let in, coming back; and what people are called.

use keyagree::session::Past;
use keyagree::{Event, Gate, Input, InviteId, Knocks, PeerKey, Refusal, Removal, Role, UnixTime};

use crate::world::{START, World};

#[test]
fn a_group_link_lets_in_whom_the_host_lets_in_and_no_more_than_it_may() {
    let mut world = World::new(200);
    let host = world.organiser();
    let link = world.link(2);
    let came = [world.guest_with(&link), world.guest_with(&link), world.guest_with(&link)];
    world.run_ms(3_000);
    for who in came {
        let key = world.people[who].key;
        let knock = Event::Knock { peer: key, invite: link.id(), why: Knocks::GroupLink };
        assert!(world.people[host].has(|event| *event == knock));
        assert!(world.people[host].gate.known(&key).unwrap().lobby, "control only until then");
        assert!(world.people[who].session().epoch().is_none());
    }
    for who in [came[0], came[1]] {
        let peer = world.people[who].key;
        world.put(host, Input::Decide { peer, admit: true });
    }
    world.run_ms(8_000);
    world.agree(&[host, came[0], came[1]]);
    for who in [came[0], came[1]] {
        let key = world.people[who].key;
        assert!(!world.people[host].gate.known(&key).unwrap().lobby, "its pass is shown");
        assert!(world.people[who].credential.len() <= keyagree::credential::CREDENTIAL_MAX);
    }
    world.run_ms(25_000);
    assert!(
        world.people[came[2]]
            .has(|event| matches!(event, Event::Refused { reason } if reason.contains("link")))
    );
    assert!(world.people[came[2]].session().epoch().is_none());
}

#[test]
fn one_who_came_by_a_link_is_removed_and_the_others_stay() {
    let mut world = World::new(206);
    let host = world.organiser();
    let deputy = world.deputy();
    let link = world.link(5);
    let (one, two) = (world.guest_with(&link), world.guest_with(&link));
    world.send(two, &[0, 1]);
    world.run_ms(3_000);
    for who in [one, two] {
        let peer = world.people[who].key;
        world.put(host, Input::Decide { peer, admit: true });
    }
    world.run_ms(8_000);
    world.agree(&[host, deputy, one, two]);
    let (at, key) = (world.now, world.people[one].key);
    world.put(host, Input::Remove(Removal::Peer(key)));
    world.run_ms(5_000);
    world.agree(&[host, deputy, two]);
    assert!(world.people[one].has(|event| *event == Event::Removed));
    assert_eq!(world.ever_opens(one, at.plus_ms(3_000), world.now), 0);
    assert!(!world.people[two].has(|event| *event == Event::Removed));
    let (credential, now) = (world.people[one].credential.clone(), world.now);
    for who in [deputy, two] {
        assert_eq!(world.people[who].gate.admit(now, key, &credential), Err(Refusal::Removed));
    }

    // With its key it is turned away; with another one it waits, and the host sees that it may be the same person.
    world.rejoin(one);
    let again = world.guest_with(&link);
    world.run_ms(4_000);
    world.agree(&[host, deputy, two]);
    let peer = world.people[again].key;
    let knock = Event::Knock { peer, invite: link.id(), why: Knocks::LinkOfRemoved };
    assert!(world.people[host].has(|event| *event == knock));
    assert!(world.people[again].session().epoch().is_none());

    // Whoever takes over knows it too.
    world.crash(host);
    world.run_ms(8_000);
    world.agree(&[deputy, two]);
    assert!(world.people[deputy].session().removed().contains(&Removal::Peer(key)));
}

#[test]
fn who_may_coordinate_but_does_not_has_somebody_removed() {
    let mut world = World::new(207);
    let host = world.organiser();
    let (deputy, one, two) = (world.deputy(), world.guest(), world.guest());
    world.run_ms(6_000);
    let (first, second) = (world.people[one].key, world.people[two].key);
    world.put(one, Input::Remove(Removal::Peer(second)));
    world.run_ms(4_000);
    world.agree(&[host, deputy, one, two]);
    world.put(deputy, Input::Remove(Removal::Peer(first)));
    world.run_ms(4_000);
    world.agree(&[host, deputy, two]);
    assert!(world.people[one].has(|event| *event == Event::Removed));
}

#[test]
fn passes_are_renewed_while_there_is_a_coordinator_and_last_while_there_is_none() {
    let mut world = World::new(201);
    let host = world.organiser();
    let link = world.link(5);
    let (by_link, by_invite) = (world.guest_with(&link), world.guest());
    world.run_ms(2_000);
    let peer = world.people[by_link].key;
    world.put(host, Input::Decide { peer, admit: true });
    world.calm = true;
    world.run_ms(12 * 60_000);
    let now = world.now;
    assert!(world.people[host].gate.lapse(now).is_empty());
    for who in [by_link, by_invite] {
        let key = world.people[who].key;
        let ends = world.people[host].gate.known(&key).unwrap().pass_ends.unwrap();
        assert!(ends > now, "renewed");
    }
    world.crash(host);
    world.run_ms(40_000);
    for who in [by_link, by_invite] {
        let key = world.people[who].key;
        let gate = &mut world.people[who].gate;
        let late =
            gate.known(&key).map_or(now.plus_ms(20 * 60_000), |known| known.pass_ends.unwrap().plus_ms(1));
        assert!(gate.lapse(late).is_empty(), "nobody is there to renew it");
        assert!(gate.known(&key).is_none_or(|known| !known.lobby));
    }
}

#[test]
fn the_host_turns_somebody_away() {
    let mut world = World::new(202);
    let host = world.organiser();
    let link = world.link(9);
    let who = world.guest_with(&link);
    world.run_ms(2_000);
    let peer = world.people[who].key;
    world.put(host, Input::Decide { peer, admit: false });
    world.run_ms(30_000);
    assert!(
        world.people[who].has(|event| matches!(event, Event::Refused { reason } if reason.contains("host")))
    );
    assert_eq!(world.people[host].session().members().len(), 1);
}

#[test]
fn a_co_host_lets_somebody_in_and_a_guest_can_not() {
    let mut world = World::new(203);
    let host = world.organiser();
    let (co_host, guest) = (world.with_role(Role::CoHost), world.guest());
    let link = world.link(9);
    let who = world.guest_with(&link);
    world.run_ms(4_000);
    let peer = world.people[who].key;
    // Also one whose program takes it for a host.
    for role in [Role::Guest, Role::CoHost] {
        world.people[guest].role = role;
        world.rejoin(guest);
        world.run_ms(2_000);
        world.put(guest, Input::Decide { peer, admit: true });
        world.run_ms(4_000);
        assert!(world.people[who].session().epoch().is_none());
    }
    assert!(world.people[guest].said_of("Verdict").count() > 0);
    world.put(co_host, Input::Decide { peer, admit: true });
    world.run_ms(4_000);
    world.agree(&[host, co_host, guest, who]);
}

#[test]
fn a_locked_meeting_takes_its_members_back_and_nobody_new() {
    let mut world = World::new(204);
    let host = world.organiser();
    let one = world.guest();
    world.run_ms(4_000);
    world.put(host, Input::Lock(true));
    let late = world.guest();
    let epoch = world.people[host].session().epoch();
    world.crash(one);
    world.rejoin(one);
    world.run_ms(4_000);
    world.agree(&[host, one]);
    assert_eq!(world.people[host].session().epoch(), epoch, "coming back troubles nobody");
    assert!(world.people[late].session().epoch().is_none());
    let (peer, invite) = (world.people[late].key, world.people[late].invite);
    assert!(world.people[host].has(|event| *event == Event::Knock { peer, invite, why: Knocks::Locked }));
}

#[test]
fn names_are_known_to_members_and_to_nobody_else() {
    let mut world = World::new(205);
    let host = world.organiser();
    let one = world.guest();
    world.put(one, Input::Name("Žofie Nováková".into()));
    world.put(host, Input::Name("Ada".into()));
    world.run_ms(6_000);
    let late = world.guest();
    world.run_ms(6_000);
    for who in [host, late] {
        let peer = world.people[one].key;
        let named = Event::Named { peer, name: "Žofie Nováková".into() };
        assert!(world.people[who].has(|event| *event == named), "{who}");
    }
    for name in ["Žofie", "Nováková"] {
        let said = world.people.iter().flat_map(|person| &person.said);
        assert!(said.into_iter().all(|body| !body.windows(name.len()).any(|at| at == name.as_bytes())));
    }
    let link = world.link(3);
    assert!(link.uses() == 3 && link.check(START).is_ok());
}

#[test]
fn a_pass_that_ends_puts_its_holder_back_and_what_was_shown_before_it_does_not() {
    let mut world = World::new(206);
    let host = world.organiser();
    let link = world.link(5);
    let who = world.guest_with(&link);
    world.run_ms(2_000);
    let (peer, first) = (world.people[who].key, world.people[who].credential.clone());
    world.put(host, Input::Decide { peer, admit: true });
    world.run_ms(4_000);
    let passed = world.people[who].credential.clone();
    assert_ne!(first, passed);
    let now = world.now;
    let gate = &mut world.people[host].gate;
    assert!(!gate.admit(now, peer, &first).unwrap().lobby, "anybody may have kept it, and show it again");
    let pass_ends = gate.known(&peer).unwrap().pass_ends.unwrap();
    // The coordinator goes on, and renews it no longer.
    world.people[who].gate.admit(now, peer, &passed).unwrap();
    world.crash(who);
    world.put(host, Input::Departed(peer));
    world.calm = true;
    world.run_ms(pass_ends.since(now) + 1);
    let gate = &mut world.people[who].gate;
    assert!(gate.lapse(UnixTime(pass_ends.0 - 1)).is_empty());
    assert_eq!(gate.lapse(pass_ends), vec![peer]);
    assert!(gate.known(&peer).unwrap().lobby, "it is known, and waits");
    assert!(gate.admit(pass_ends, peer, &passed).unwrap().lobby, "a pass that has ended is as good as none");
    assert!(gate.lapse(pass_ends).is_empty(), "once");
}

#[test]
fn a_deputy_that_came_late_knows_by_which_invites_those_came_who_left_before() {
    let mut world = World::new(208);
    let host = world.organiser();
    // More than is told at once, and the one that matters behind them.
    let bindings = (0..600_u64).map(|n| (InviteId(n.to_be_bytes()), PeerKey([7; 32])));
    world.crash(host);
    world.coordinate(host, Past { term: 2, bindings: bindings.collect(), ..Past::default() });
    let invite = world.invite(Role::Guest);
    let one = world.guest_with(&invite);
    world.run_ms(4_000);
    world.agree(&[host, one]);
    let left = world.people[one].key;
    world.crash(one);
    world.put(host, Input::Departed(left));
    world.run_ms(4_000);
    let deputy = world.deputy();
    world.run_ms(8_000);
    world.crash(host);
    world.run_ms(8_000);
    assert!(world.people[deputy].session().coordinates());
    assert_eq!(world.people[deputy].session().bindings().len(), 600 + 3);
    let other = world.guest_with(&invite);
    world.run_ms(4_000);
    let (peer, invite) = (world.people[other].key, invite.id());
    assert!(
        world.people[deputy].has(|event| *event == Event::Knock { peer, invite, why: Knocks::UsedInvite })
    );
    assert!(world.people[other].session().epoch().is_none());
    world.rejoin(one);
    world.run_ms(6_000);
    world.agree(&[deputy, one]);
}

#[test]
fn by_which_invites_people_came_is_not_to_be_read_on_the_way() {
    let mut world = World::new(209);
    let host = world.organiser();
    let (one, deputy) = (world.guest(), world.deputy());
    world.run_ms(6_000);
    assert!(world.people[host].said_of("Bound").count() > 0);
    // Sealed: neither a key nor an invite is to be read on the way.
    let (key, invite) = (world.people[one].key.0, world.people[one].invite.0);
    for body in world.people[host].said_of("Bound") {
        assert!(!body.windows(32).any(|at| at == key) && !body.windows(8).any(|at| at == invite));
    }
    assert!([one, deputy].iter().all(|&who| world.people[who].said_of("Bound").count() == 0));
}

#[test]
fn passes_that_a_deputy_signed_who_was_removed_count_at_no_further_gate() {
    let mut world = World::new(211);
    let host = world.organiser();
    let deputy = world.deputy();
    let guests = [world.guest(), world.guest(), world.guest()];
    world.run_ms(6_000);
    world.crash(host);
    world.run_ms(6_000);
    assert!(world.people[deputy].session().coordinates());
    let link = world.link(5);
    let who = world.guest_with(&link);
    world.run_ms(3_000);
    let peer = world.people[who].key;
    world.put(deputy, Input::Decide { peer, admit: true });
    world.run_ms(3_000);
    let (now, passed) = (world.now, world.people[who].credential.clone());
    let mut gate = Gate::new(world.issuer.meeting(), world.issuer.public());
    let admission = gate.admit(now, peer, &passed).unwrap();
    let (key, invite) = (world.people[deputy].key, world.people[deputy].invite);
    assert_eq!((admission.lobby, admission.passed_by), (false, Some((key, invite))));
    for removal in [Removal::Peer(key), Removal::Invite(invite)] {
        let mut late = Gate::new(world.issuer.meeting(), world.issuer.public());
        late.remove(&[removal].into_iter().collect());
        assert!(late.admit(now, peer, &passed).unwrap().lobby);
        // Where it counted already, it does until it ends.
        gate.remove(&[removal].into_iter().collect());
        assert!(!gate.admit(now, peer, &passed).unwrap().lobby);
    }
    // Whoever leads then gives everybody another, soon.
    world.rejoin(host);
    world.run_ms(6_000);
    world.put(host, Input::Remove(Removal::Peer(key)));
    world.people[host].gate.remove(&[Removal::Peer(key)].into_iter().collect());
    world.run_ms(30_000);
    for who in [who].into_iter().chain(guests) {
        let (peer, credential) = (world.people[who].key, world.people[who].credential.clone());
        let admission = gate.admit(world.now, peer, &credential).unwrap();
        assert_eq!(admission.passed_by.map(|(by, _)| by), Some(world.people[host].key));
    }
}
