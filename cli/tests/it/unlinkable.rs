//! What a relay learns of people doesn't survive a meeting: meetings of the same people leave no value in relays' memory
//! and logs that is common to them and absent from meetings of others.
//!
//! Eight bytes are few, and any two relays have many in common that tell nothing of people: the program's constants and
//! what it computes of them, texts, what a stack or a freed block happens to keep. Whether such a value is there is chance.
//! What tells people is in all of their meetings, four here, and in none of others, of which there are four too; each
//! relay is looked at at a dozen moments, so that what is the machine's is seen with others as well. What parts of fixed
//! form are put together to by chance (the parameters of QUIC, whose order is drawn, lists of small numbers, the first
//! random letter of an id in text) is known by both its parts being there with others: for eight random bytes the odds of
//! that are one in millions.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use memchr::memmem;
use procfs::process::{MMPermissions, MMapPath, Process};

use crate::program::{Home, Running, shared};

const SOON: Duration = Duration::from_secs(20);
/// A relay's memory is read so often while a meeting goes on, and so far apart.
const MOMENTS: u32 = 12;
const APART: Duration = Duration::from_millis(200);
const VALUE_LEN: usize = 8;
const PAGE: usize = 4096;
/// Different bytes in a value that counts; else it is padding or small numbers. Of random values one in a thousand is not
/// counted.
const DIFFERENT_MIN: u32 = 6;
/// Zeros and 255s in a value that counts: else it is a number, or a pointer, which differs from run to run.
const EMPTY_MAX: usize = 1;

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

    fn are_not_named_in(&self, texts: &[Vec<u8>]) {
        for (_, name) in &self.0 {
            let named = |text: &Vec<u8>| memmem::find(text, name.as_bytes()).is_some();
            assert!(!texts.iter().any(named), "a relay knows {name}");
        }
    }
}

/// What a relay had in its memory and wrote.
struct Learned {
    values: Values,
    /// Its memory just after each had come, and at the end, and its log.
    texts: Vec<Vec<u8>>,
}

impl Learned {
    /// Looks at it once more.
    fn look(&mut self, relay: &Running, people: &People) {
        let texts = memory(relay.id());
        self.values.take_in(&texts);
        people.are_not_named_in(&texts);
        self.texts.extend(texts);
    }
}

impl Meeting<'_> {
    /// Holds it by way of a relay that has not been there before.
    fn hold(&self, ports: [u16; 8]) -> Learned {
        let volunteer = Home::new();
        let mut ports = ports.iter();
        let mut place = || {
            let port = ports.next().expect("two for each node").to_string();
            ["--address".to_owned(), "127.0.0.1".to_owned(), "--port".to_owned(), port]
        };
        let [one, two, three, four] = place();
        let relay = ["-vv", "relay", "--uplink", "20mbit", "--lease", "10min", &one, &two, &three, &four];
        let relay = volunteer.start(&relay, "", "relay.log");
        let lease = volunteer.wait_for("relay.log", SOON, |line| line.starts_with("canopy-lease:"));
        let people = &self.people.0;
        assert_eq!(people[0].0.run(&["lend", self.title, &lease]).code, Some(0));
        let mut running: Vec<Running> = Vec::new();
        let mut learned = Learned { values: Values::default(), texts: Vec::new() };
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
            // What the handshake left behind is soon written over.
            learned.look(&relay, self.people);
        }
        for (home, _) in people {
            home.wait_for(self.title, SOON, |line| line.starts_with("3 in the meeting"));
        }
        let kept = learned.texts.len();
        for _ in 0..MOMENTS {
            std::thread::sleep(APART);
            learned.texts.truncate(kept);
            learned.look(&relay, self.people);
        }
        drop((running, relay));
        let log = volunteer.read("relay.log");
        let said = log.lines().filter(|line| !line.starts_with("canopy-lease:"));
        // Each line begins with its time.
        let said = said.map(|line| line.split_once("Z ").map_or(line, |(_, said)| said).as_bytes().to_vec());
        let said: Vec<Vec<u8>> = said.collect();
        learned.values.take_in(&said);
        self.people.are_not_named_in(&said);
        learned.texts.extend(said);
        // The lease is the volunteer's, and tells its end.
        let lease = Values::of(&[lease.into_bytes()]);
        Learned { values: learned.values.without(&lease), ..learned }
    }
}

/// Values of eight bytes, ascending.
#[derive(Default)]
struct Values(Vec<u64>);

impl Values {
    fn of(texts: &[Vec<u8>]) -> Values {
        let mut values: Vec<u64> = texts.iter().flat_map(|text| values_in(text)).collect();
        values.sort_unstable();
        values.dedup();
        Values(values)
    }

    fn take_in(&mut self, texts: &[Vec<u8>]) {
        let fresh = Values::of(texts).without(self);
        self.0.extend(fresh.0);
        self.0.sort_unstable();
    }

    fn has(&self, value: u64) -> bool {
        self.0.binary_search(&value).is_ok()
    }

    fn both(&self, other: &Values) -> Values {
        Values(self.0.iter().copied().filter(|value| other.has(*value)).collect())
    }

    fn without(self, other: &Values) -> Values {
        Values(self.0.into_iter().filter(|value| !other.has(*value)).collect())
    }
}

fn values_in(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes
        .windows(VALUE_LEN)
        .filter(|value| counts(value))
        .map(|value| value.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn counts(value: &[u8]) -> bool {
    let mut seen = [0_u64; 4];
    let (mut empty, mut signs, mut shown) = (0, 0, 0);
    for byte in value {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
        empty += usize::from(matches!(byte, 0 | 0xff));
        signs += usize::from(byte.is_ascii_alphanumeric());
        shown += usize::from(byte.is_ascii_graphic() || *byte == b' ');
    }
    let different: u32 = seen.iter().map(|bits| bits.count_ones()).sum();
    // Of texts, only what may be an id: a digit or two beside a log's words is common by chance.
    let text = shown >= VALUE_LEN - 1 && signs < VALUE_LEN;
    different >= DIFFERENT_MIN && empty <= EMPTY_MAX && !text
}

/// Everything that a process has written: pages that it never touched, or that are as they stand in the program's own
/// files, are left out.
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
            let before = stored(&map.pathname, map.offset, bytes.len());
            let pages: Vec<(&[u8], &[u8])> = bytes.chunks(PAGE).zip(before.chunks(PAGE)).collect();
            let runs = pages.split(|(page, before)| page == before).filter(|run| !run.is_empty());
            regions.extend(runs.map(|run| run.iter().flat_map(|(page, _)| *page).copied().collect()));
        }
    }
    regions
}

/// What a mapping held before anybody wrote to it: part of a file, or zeros.
fn stored(path: &MMapPath, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    if let MMapPath::Path(path) = path
        && let Ok(mut file) = File::open(path)
        && file.seek(SeekFrom::Start(offset)).is_ok()
    {
        let _ = file.take(len as u64).read_to_end(&mut bytes);
    }
    bytes.resize(len, 0);
    bytes
}

/// True for two parts that others have too, each by itself.
fn is_put_together(value: u64, others: &[Learned]) -> bool {
    let value = value.to_be_bytes();
    let texts = || others.iter().flat_map(|other| &other.texts);
    let known = |part: &[u8]| texts().any(|text| memmem::find(text, part).is_some());
    (1..VALUE_LEN).map(|at| value.split_at(at)).any(|(begin, end)| known(begin) && known(end))
}

/// What stands around a value, for whoever has to find out where it comes from.
fn around(value: u64, texts: &[Vec<u8>]) -> String {
    let found = |text: &Vec<u8>| Some((text.clone(), memmem::find(text, &value.to_be_bytes())?));
    let Some((text, at)) = texts.iter().find_map(found) else { return "at an earlier moment".to_owned() };
    let part = &text[at.saturating_sub(24)..text.len().min(at + 32)];
    let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex} {}", String::from_utf8_lossy(part).escape_debug())
}

/// Below those that the system gives to whoever asks for any: no other test takes one before it is used here.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// Ports that are all different, also from those of earlier calls, and free.
fn ports<const N: usize>() -> [[u16; 8]; N] {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.end - PORTS.start;
    // Tests of another checkout on this machine begin elsewhere.
    let first = std::process::id() as u16 % count;
    let is_free = |port: u16| {
        UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok()
    };
    let next = || loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        assert!(tried < count, "no port is free");
        let port = PORTS.start + (first + tried) % count;
        if is_free(port) {
            return port;
        }
    };
    std::array::from_fn(|_| std::array::from_fn(|_| next()))
}

/// Holds two meetings of different people at the same time.
fn hold_two(one: (&Meeting, [u16; 8]), other: (&Meeting, [u16; 8])) -> (Learned, Learned) {
    std::thread::scope(|scope| {
        let first = scope.spawn(move || one.0.hold(one.1));
        let second = other.0.hold(other.1);
        (first.join().expect("it is held"), second)
    })
}

#[test]
fn two_meetings_of_the_same_people_have_nothing_in_common_for_relays() {
    let _machine = shared();
    let same = People::called(["Aurelia", "Balthasar", "Clementine"]);
    let others = People::called(["Dionysius", "Eleonora", "Ferdinand"]);
    let more = People::called(["Gwendolyn", "Hieronymus", "Isabella"]);
    let [places, at @ ..] = ports::<9>();
    let [tuesday, thursday, saturday] =
        [("tuesday", 0), ("thursday", 1), ("saturday", 2)].map(|(title, n)| same.arrange(title, places[n]));
    let [wednesday, friday] =
        [("wednesday", 3), ("friday", 4)].map(|(title, n)| others.arrange(title, places[n]));
    let [sunday, monday] = [("sunday", 5), ("monday", 6)].map(|(title, n)| more.arrange(title, places[n]));
    let (first, one) = hold_two((&tuesday, at[0]), (&wednesday, at[1]));
    let (second, two) = hold_two((&thursday, at[2]), (&sunday, at[3]));
    let (third, three) = hold_two((&saturday, at[4]), (&friday, at[5]));
    let (again, four) = hold_two((&tuesday, at[6]), (&monday, at[7]));
    let controls = [one, two, three, four];
    let of_people = |values: Values| controls.iter().fold(values, |left, other| left.without(&other.values));
    let known = of_people(first.values.both(&again.values));
    assert!(known.0.len() > 100, "one meeting held twice has its ids in common, {} values", known.0.len());
    let common = first.values.both(&second.values).both(&third.values).both(&again.values);
    let mut found = of_people(common).0;
    found.retain(|value| !is_put_together(*value, &controls));
    // What stands in the program itself tells nothing of people: when a constant is copied is chance.
    let program = std::fs::read(env!("CARGO_BIN_EXE_canopy")).expect("the program is a file");
    found.retain(|value| memmem::find(&program, &value.to_be_bytes()).is_none());
    // What is left by chance, of what is computed now and then, is not there again; what tells people is.
    for title in ["april", "may", "june"] {
        if found.is_empty() {
            break;
        }
        eprintln!("{} values are common so far: another meeting of each", found.len());
        let [places, one, other] = ports::<3>();
        let (ours, theirs) = (same.arrange(title, places[0]), others.arrange(title, places[1]));
        let (ours, theirs) = hold_two((&ours, one), (&theirs, other));
        found.retain(|value| ours.values.has(*value) && !theirs.values.has(*value));
    }
    let shown: Vec<String> =
        found.iter().map(|value| format!("{value:016x} in {}", around(*value, &first.texts))).collect();
    assert!(found.is_empty(), "beside {} values of one meeting there are {shown:#?}", known.0.len());
}
