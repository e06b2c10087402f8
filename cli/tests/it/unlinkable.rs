//! What a relay learns of people doesn't survive a meeting: two meetings of the same people leave no value in relays' memory
//! and logs that is common to both and absent from meetings of others.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::UdpSocket;
use std::time::Duration;

use procfs::process::{MMPermissions, Process};

use crate::program::{Home, Running, shared};

const SOON: Duration = Duration::from_secs(20);
/// Of values of eight bytes a dozen are common to any two relays, and not to two others, by chance: what constants were
/// hashed to, what time it is.
const VALUE_LEN: usize = 12;
/// Different bytes in a value that counts, none of them a control character or 255: else it is padding, small numbers or
/// the marks of an empty table. Of random values a fifth counts, and a key holds 21 of them.
const DIFFERENT_MIN: usize = 8;

/// So many letters in a value make it a text, with whatever stands before or behind it.
const TEXT_MIN: usize = VALUE_LEN - 2;

type Value = [u8; VALUE_LEN];
type Values = HashSet<Value>;

/// Three people with homes and names of their own.
struct People([(Home, &'static str); 3]);

/// A meeting that they may hold more than once.
struct Meeting<'a> {
    people: &'a People,
    title: &'static str,
    invites: Vec<String>,
}

impl People {
    fn called(names: [&'static str; 3]) -> People {
        People(names.map(|name| (Home::new(), name)))
    }

    fn arrange(&self, title: &'static str, port: u16) -> Meeting<'_> {
        let port = port.to_string();
        let new = ["new", title, "--guests", "2", "--address", "127.0.0.1", "--port", &port];
        Meeting { people: self, title, invites: self.0[0].0.run(&new).lines }
    }
}

impl Meeting<'_> {
    /// Holds it by way of a relay that has not been there before, and gives everything that the relay had in its memory and
    /// wrote.
    fn hold(&self, ports: &mut Vec<u16>) -> Values {
        let volunteer = Home::new();
        let mut place = || {
            [
                "--address".to_owned(),
                "127.0.0.1".to_owned(),
                "--port".to_owned(),
                ports.pop().expect("enough").to_string(),
            ]
        };
        let [one, two, three, four] = place();
        let relay = ["-vv", "relay", "--uplink", "20mbit", "--lease", "10min", &one, &two, &three, &four];
        let relay = volunteer.start(&relay, "", "relay.log");
        let lease = volunteer.wait_for("relay.log", SOON, |line| line.starts_with("canopy-lease:"));
        let people = &self.people.0;
        assert_eq!(people[0].0.run(&["lend", self.title, &lease]).code, Some(0));
        let mut running: Vec<Running> = Vec::new();
        for (n, ((home, name), invite)) in people.iter().zip(&self.invites).enumerate() {
            let mut args = vec!["join", "-", "--headless", "--name", name];
            args.extend(if n == 0 { &["--test-card", "--size", "180p"][..] } else { &["--listen-only"] });
            let [one, two, three, four] = place();
            // The organiser's port is the meeting's.
            args.extend([one.as_str(), two.as_str()]);
            if n > 0 {
                args.extend([three.as_str(), four.as_str()]);
            }
            running.push(home.start(&args, invite, self.title));
            home.wait_for(self.title, SOON, |line| line.contains("in the meeting"));
        }
        for (home, _) in people {
            home.wait_for(self.title, SOON, |line| line.starts_with("3 in the meeting"));
        }
        std::thread::sleep(Duration::from_secs(3));
        let mut values = Values::new();
        for bytes in memory(relay.id()) {
            self.names_nobody(&bytes);
            take_in(&mut values, &bytes);
        }
        drop((running, relay));
        // The lease is the volunteer's, and tells its end.
        values.retain(|value| !lease.as_bytes().windows(VALUE_LEN).any(|part| part == value));
        self.names_nobody(volunteer.read("relay.log").as_bytes());
        for line in volunteer.read("relay.log").lines().filter(|line| !line.starts_with("canopy-lease:")) {
            // Each line begins with its time.
            take_in(&mut values, line.split_once("Z ").map_or(line, |(_, said)| said).as_bytes());
        }
        values
    }

    fn names_nobody(&self, bytes: &[u8]) {
        for (_, name) in &self.people.0 {
            assert!(!bytes.windows(name.len()).any(|text| text == name.as_bytes()), "a relay knows {name}");
        }
    }
}

fn take_in(values: &mut Values, bytes: &[u8]) {
    let mut plain = 0;
    for (at, byte) in bytes.iter().enumerate() {
        plain = if (0x20..0xff).contains(byte) { plain + 1 } else { 0 };
        if plain < VALUE_LEN {
            continue;
        }
        let value: Value = std::array::from_fn(|n| bytes[at + 1 - VALUE_LEN + n]);
        // Of texts, only what may be an id: a digit or two beside a log's words is common by chance.
        let text = value.iter().filter(|byte| byte.is_ascii_graphic() || **byte == b' ').count() >= TEXT_MIN;
        let counts = !text || value.iter().all(u8::is_ascii_alphanumeric);
        if counts && value.iter().collect::<HashSet<_>>().len() >= DIFFERENT_MIN {
            values.insert(value);
        }
    }
}

/// Everything that a process has written.
pub fn memory(pid: u32) -> Vec<Vec<u8>> {
    let process = Process::new(pid as i32).expect("it runs");
    let mut file = File::open(format!("/proc/{pid}/mem")).expect("a child's memory can be read");
    let mut regions = Vec::new();
    for map in process.maps().expect("it has mappings").iter() {
        let (start, end) = map.address;
        let mut bytes = vec![0; (end - start) as usize];
        // A mapping may have gone since the list was read.
        if map.perms.contains(MMPermissions::READ | MMPermissions::WRITE)
            && file.seek(SeekFrom::Start(start)).is_ok()
            && file.read_exact(&mut bytes).is_ok()
        {
            regions.push(bytes);
        }
    }
    regions
}

/// What is common to the first two and in none of the others; as text where it is some.
fn common(first: &Values, second: &Values, others: &[&Values]) -> Vec<String> {
    let both = first.intersection(second).filter(|value| others.iter().all(|other| !other.contains(*value)));
    let hex = |value: &[u8]| value.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    both.map(|value| format!("{} {}", String::from_utf8_lossy(value).escape_debug(), hex(value))).collect()
}

/// Ports that are all different: what the system gives one after the other may be the same.
fn ports(count: usize) -> Vec<u16> {
    let sockets: Vec<UdpSocket> =
        (0..count).map(|_| UdpSocket::bind("127.0.0.1:0").expect("there are ports")).collect();
    sockets.iter().map(|socket| socket.local_addr().expect("it is bound").port()).collect()
}

#[test]
fn two_meetings_of_the_same_people_have_nothing_in_common_for_relays() {
    let _machine = shared();
    let same = People::called(["Aurelia", "Balthasar", "Clementine"]);
    let others = People::called(["Dionysius", "Eleonora", "Ferdinand"]);
    let more = People::called(["Gwendolyn", "Hieronymus", "Isabella"]);
    let mut ports = ports(29);
    let mut arrange = |people, title| People::arrange(people, title, ports.pop().expect("enough"));
    let (tuesday, wednesday, thursday, friday, saturday) = (
        arrange(&same, "tuesday"),
        arrange(&others, "wednesday"),
        arrange(&same, "thursday"),
        arrange(&more, "friday"),
        arrange(&same, "saturday"),
    );
    let first = tuesday.hold(&mut ports);
    let third = wednesday.hold(&mut ports);
    let second = thursday.hold(&mut ports);
    let fourth = friday.hold(&mut ports);
    let again = tuesday.hold(&mut ports);
    let of_others = [&third, &fourth];
    let known = common(&first, &again, &of_others);
    assert!(known.len() > 100, "one meeting held twice has its ids in common, {} values", known.len());
    // What two have by chance, a third has not; what tells these people would be in all of theirs.
    let mut found = common(&first, &second, &of_others);
    let third_of_theirs = common(&first, &saturday.hold(&mut ports), &of_others);
    found.retain(|value| third_of_theirs.contains(value));
    assert!(found.is_empty(), "{} values beside {} of one meeting: {found:#?}", found.len(), known.len());
}
