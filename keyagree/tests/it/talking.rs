//! What members say to each other: heard once by all of them, and by nobody else.

use keyagree::{Input, Removal};

use crate::world::World;

fn say(world: &mut World, who: usize, words: &str) {
    world.put(who, Input::Talk { body: words.as_bytes().to_vec() });
}

fn heard(world: &World, who: usize) -> Vec<String> {
    world.people[who].heard.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
}

#[test]
fn everybody_hears_once_what_is_said_and_who_joins_later_hears_what_follows() {
    for seed in 30..36 {
        let mut world = World::new(seed);
        let host = world.organiser();
        let one = world.guest();
        say(&mut world, one, "before I am in");
        world.run_ms(6_000);
        say(&mut world, host, "first");
        say(&mut world, host, "second");
        world.run_ms(3_000);
        let late = world.guest();
        world.run_ms(6_000);
        say(&mut world, one, "third");
        world.run_ms(3_000);
        let mut of_one = heard(&world, one);
        of_one.sort();
        assert_eq!(of_one, ["first", "second"], "messages come twice and out of order, and count once");
        assert_eq!(heard(&world, late), ["third"], "the past stays shut to a newcomer");
        assert_eq!(heard(&world, host), ["third"]);
        assert!(world.people[host].heard.iter().all(|(from, _)| *from == world.people[one].key));
    }
}

#[test]
fn what_is_told_to_the_coordinator_is_read_by_nobody_else() {
    let mut world = World::new(39);
    let host = world.organiser();
    let (one, two) = (world.guest(), world.guest());
    world.run_ms(6_000);
    world.put(one, Input::Tell { body: b"I speak".to_vec() });
    let said = world.people[one].said.last().unwrap();
    assert!(!said.windows(7).any(|bytes| bytes == b"I speak"), "it is sealed");
    world.put(host, Input::Tell { body: b"to myself".to_vec() });
    world.run_ms(3_000);
    assert_eq!(heard(&world, host), ["I speak"]);
    assert!(heard(&world, one).is_empty() && heard(&world, two).is_empty());
}

#[test]
fn a_replay_a_forgery_and_another_sender_are_not_heard() {
    let mut world = World::new(40);
    let host = world.organiser();
    let (one, two) = (world.guest(), world.guest());
    world.run_ms(6_000);
    say(&mut world, one, "hello");
    let said = world.people[one].said.last().unwrap().clone();
    world.run_ms(3_000);
    let before = heard(&world, host);
    assert_eq!(before, ["hello"]);
    let admission = world.people[host].gate.known(&world.people[one].key).unwrap().clone();
    let mut changed = said.clone();
    *changed.last_mut().unwrap() ^= 1;
    // Again, changed on the way, and by somebody else's note.
    let (first, second) = (world.people[one].key, world.people[two].key);
    for (from, body) in [(first, said.clone()), (first, changed), (second, said)] {
        world.put(host, Input::Heard { from, admission: admission.clone(), body });
    }
    assert_eq!(heard(&world, host), before);
}

#[test]
fn a_removed_member_hears_nothing_more() {
    let mut world = World::new(50);
    let host = world.organiser();
    let (one, two) = (world.guest(), world.guest());
    world.run_ms(6_000);
    let invite = world.people[two].invite;
    world.put(host, Input::Remove(Removal::Invite(invite)));
    world.run_ms(4_000);
    say(&mut world, one, "among us");
    world.run_ms(3_000);
    assert_eq!(heard(&world, host), ["among us"]);
    assert!(heard(&world, two).is_empty());
}

#[test]
fn what_is_too_long_is_not_said() {
    let mut world = World::new(60);
    let host = world.organiser();
    // What is due anyway is said first.
    world.put(host, Input::Tick);
    let before = world.people[host].said.len();
    world.put(host, Input::Talk { body: vec![b'x'; keyagree::TALK_MAX + 1] });
    assert_eq!(world.people[host].said.len(), before);
    world.put(host, Input::Talk { body: vec![b'x'; keyagree::TALK_MAX] });
    assert_eq!(world.people[host].said.len(), before + 1);
}

#[test]
fn whoever_is_not_known_to_all_is_passed_on_by_the_coordinator() {
    let mut world = World::new(70);
    let host = world.organiser();
    let (one, two) = (world.guest(), world.guest());
    world.run_ms(6_000);
    say(&mut world, one, "from the gallery");
    let asked = world.people[one].said.last().unwrap().clone();
    world.run_ms(3_000);
    for who in [host, two] {
        assert_eq!(heard(&world, who), ["from the gallery"]);
        assert_eq!(world.people[who].heard[0].0, world.people[one].key);
    }
    // A request that comes by somebody else's note says what isn't theirs: nobody hears it a second time.
    let admission = world.people[host].gate.known(&world.people[two].key).unwrap().clone();
    let from = world.people[two].key;
    world.put(host, Input::Heard { from, admission, body: asked });
    world.run_ms(3_000);
    assert_eq!(heard(&world, host), ["from the gallery"]);
    assert!(heard(&world, two).len() == 1 && heard(&world, one).is_empty());
}

#[test]
fn the_coordinator_passes_on_only_so_much_for_one_member() {
    let mut world = World::new(80);
    let host = world.organiser();
    let (one, two) = (world.guest(), world.guest());
    world.run_ms(6_000);
    world.calm = true;
    for n in 0..200 {
        say(&mut world, one, &n.to_string());
        world.run_ms(1);
    }
    say(&mut world, two, "I am heard");
    world.run_ms(3_000);
    let of_one = heard(&world, two).len();
    assert!((40..80).contains(&of_one), "{of_one} of 200 are passed on");
    assert_eq!(heard(&world, host).iter().filter(|said| *said == "I am heard").count(), 1);
}
