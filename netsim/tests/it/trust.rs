//! Why the simulator can be believed: what theory and a pencil say about small cases is what comes out.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use netsim::cast::{Cast, Person};
use netsim::id::{index, node_id};
use netsim::interface::{Lane, Outward};
use netsim::overlay::{Held, Overlay};
use netsim::payload::Parcel;
use netsim::rng::{self, Subsystem};
use netsim::scenario::Scenario;
use netsim::world::World;
use overlay_core::io::{Event, Input, Output};
use overlay_core::node::Node;
use overlay_core::status::TreeStatus;
use overlay_core::time::Time;
use overlay_core::unit::{Layer, TreeId, Unit, UnitHeader};

/// Mean wait before service of a queue at this load, in units of the time that one packet takes.
fn mean_wait(load: f64) -> f64 {
    const PACKETS: u64 = 10_000_000;
    /// 1,190 bytes and a header of 60 at 1 Mbit/s take 10 ms.
    const TAKES_NS: u64 = 10_000_000;
    let mut rng = rng::stream(1, Subsystem::Arrivals);
    let mut out = Outward::new(1_000, 1_000, Duration::ZERO);
    let (mut arrives, mut waited) = (0.0, 0);
    for _ in 0..PACKETS {
        arrives += rng::exponential(&mut rng, TAKES_NS as f64 / load);
        let now = Time(arrives as u64);
        let left = out.send(now, Lane::Control, 1_190).expect("control is not dropped");
        waited += left.0 - now.0 - TAKES_NS;
    }
    waited as f64 / PACKETS as f64 / TAKES_NS as f64
}

#[test]
fn a_queue_waits_as_long_as_theory_says() {
    // M/D/1: Poisson arrivals, one length, one server. The mean wait is ρ / (2 µ (1 − ρ)) by Pollaczek and
    // Khinchine (Kleinrock, Queueing Systems 1, 1975, section 5.6).
    for load in [0.3, 0.6, 0.8] {
        let (is, should_be) = (mean_wait(load), load / (2.0 * (1.0 - load)));
        println!("load {load}: waits {is:.4} of a service time, {should_be:.4} by theory");
        assert!((is / should_be - 1.0).abs() < 0.01, "at {load}: {is} and not {should_be}");
    }
}

/// One frame handed to a user: who got it, its number and length, when it was published and when it was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Got {
    who: u32,
    number: u32,
    len: u32,
    born: Time,
    at: Time,
}

thread_local! {
    static GOT: RefCell<Vec<Got>> = const { RefCell::new(Vec::new()) };
}

fn note(who: u32, at: Time, parcel: Parcel) {
    let got = Got { who, number: parcel.number, len: parcel.len, born: parcel.born, at };
    GOT.with_borrow_mut(|all| all.push(got));
}

/// Runs a scenario to its end and gives what everybody got.
fn deliveries<O: Overlay>(text: &str, file: &Path) -> Vec<Got> {
    let scenario = Scenario::parse(text, file).expect("a scenario of ours");
    GOT.take();
    World::<O>::new(scenario, 1).expect("a world").run(|_| true);
    GOT.take()
}

/// 0 sends everything to 2, which sends it on to 1, and nobody says anything else.
struct ByHand {
    who: u32,
    now: Time,
    outbox: VecDeque<Output<Parcel>>,
}

const SOURCE: u32 = 0;
const WATCHER: u32 = 1;
const RELAY: u32 = 2;

impl ByHand {
    fn pass(&mut self, to: u32, unit: Unit<Parcel>) {
        self.outbox.push_back(Output::Unit { to: node_id(to), unit });
    }
}

impl Overlay for ByHand {
    const SYSTEM: &'static str = "by hand";

    type Brief = ();

    fn brief(_: &Scenario, _: &mut Cast, _: u64) {}

    fn start(who: u32, _: &Person, _: u32, _: u32, (): &()) -> ByHand {
        ByHand { who, now: Time::ZERO, outbox: VecDeque::new() }
    }

    fn handle(&mut self, now: Time, input: Input<Parcel>) {
        self.now = now;
        match input {
            // The first thing that it hears. Who watches was there before it, and dialled it in vain.
            Input::Timer if self.who == RELAY => {
                self.outbox.push_back(Output::Dial { peer: node_id(WATCHER), contacts: Vec::new() });
            }
            Input::Linked { peer, .. } if self.who == SOURCE && index(peer) == RELAY => {
                self.outbox.push_back(Output::Event(Event::OnStage {
                    slot: 0,
                    feed: 1,
                    layers: Layer::ALL.to_vec(),
                }));
            }
            Input::Publish(frame) => {
                let tree = TreeId { slot: 0, layer: frame.layer, index: 0 };
                let header = UnitHeader { tree, feed: 1, frame: frame.info, k: 1, m: 0, hop: 0 };
                self.pass(RELAY, Unit { header, payload: frame.units[0].1 });
            }
            Input::Unit { unit, .. } if self.who == RELAY => self.pass(WATCHER, unit),
            Input::Unit { unit, .. } => note(self.who, now, unit.payload),
            _ => {}
        }
    }

    fn poll(&mut self) -> Option<Output<Parcel>> {
        self.outbox.pop_front()
    }

    fn deadline(&self) -> Option<Time> {
        None
    }

    fn trees(&self) -> Vec<TreeStatus> {
        Vec::new()
    }

    fn plan(&self) -> Option<(u32, u32)> {
        None
    }

    fn held(&self) -> Held {
        Held::default()
    }

    fn check(&self) {}
}

/// Everybody is 20 ms from everybody, nothing jitters, owners lend the whole line.
const BY_HAND: &str = r#"
    title = "A tree of three"
    length = "2s"

    [people]
    count = 2
    uplinks_csv = "lines.csv"
    lend_percent = 100

    [[relays]]
    count = 1
    uplink_kbps = 4000
    downlink_kbps = 8000
    lend_percent = 100

    [geography]
    flat = "20ms"

    [network]
    jitter_permille = 0
    jitter_floor = "0s"

    [[sources]]
    count = 1
    layers = ["p360"]
"#;

/// A folder with a table in which every participant sends at 1 Mbit/s and takes in at 10 Mbit/s.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let table = "percentile,up_mbps,down_mbps\n0,1,10\n100,1,10\n";
    std::fs::write(folder.path().join("lines.csv"), table).expect("it can be written");
    folder
}

#[test]
fn a_tree_of_three_takes_as_long_as_a_pencil_says() {
    // 500 kbit/s in 30 pictures a second are 2,083 bytes each; the first is a key frame of four times that,
    // 8,332. A unit has a header of 16 bytes, and each packet of 1,200 costs 60 more:
    //
    //   key     8,332 + 16 = 8,348 bytes in 7 packets: 8,348 + 7 x 60 = 8,768 on the wire
    //   others  2,083 + 16 = 2,099 bytes in 2 packets: 2,099 + 2 x 60 = 2,219 on the wire
    //
    //                            key          others
    //   source's line, 1 Mbit/s  70.1440 ms   17.7520 ms
    //   relay's way in, 8        8.7680 ms    2.2190 ms
    //   relay's line, 4          17.5360 ms   4.4380 ms
    //   watcher's way in, 10     7.0144 ms    1.7752 ms
    //   twice the path           40 ms        40 ms
    //
    // A picture is published each 33,333,333 ns; times count from the first.
    //
    //   0  leaves the source at 70.1440 ms, is at the relay at + 20 + 8.7680 = 98.9120, leaves it at 116.4480,
    //      and is at the watcher at + 20 + 7.0144 = 143.4624.
    //   1  waits for 0, leaves at 87.8960, is at the relay at + 20 + 2.2190 = 110.1150, waits for 0 there as
    //      well, leaves at 116.4480 + 4.4380 = 120.8860; its first byte is at the watcher at 140.8860, behind
    //      the last of 0: it is there at 143.4624 + 1.7752 = 145.2376.
    //   2  waits for 1, leaves at 105.6480, is at the relay at 127.8670, leaves it at once, at 132.3050, and
    //      is at the watcher at + 20 + 1.7752 = 154.0802.
    //   3  was published at 99.999999, waits for 2, leaves at 123.4000, and as 2 needs 48.4322 from there.
    //   4  was published at 133.333332, and finds every line idle.
    let folder = folder();
    let got = deliveries::<ByHand>(BY_HAND, &folder.path().join("three.toml"));
    assert!(got.len() > 40, "{} pictures in 2 s", got.len());
    let begin = got[0].born;
    let arrived: Vec<u64> = got[..5].iter().map(|got| got.at.since(begin).as_nanos() as u64).collect();
    let by_hand = [
        116_448_000 + 20_000_000 + 7_014_400,
        143_462_400 + 1_775_200,
        132_305_000 + 20_000_000 + 1_775_200,
        123_400_000 + 48_432_200,
        133_333_332 + 17_752_000 + 48_432_200,
    ];
    let numbers: Vec<u32> = got[..5].iter().map(|got| got.number).collect();
    assert_eq!((numbers, arrived), (vec![0, 1, 2, 3, 4], by_hand.to_vec()));
}

/// The shipped core, watched.
struct Watched {
    who: u32,
    now: Time,
    node: Node<Parcel>,
}

impl Overlay for Watched {
    const SYSTEM: &'static str = "canopy";

    type Brief = ();

    fn brief(_: &Scenario, _: &mut Cast, _: u64) {}

    fn start(who: u32, person: &Person, limit_kbps: u32, life: u32, (): &()) -> Watched {
        let node = <Node<Parcel> as Overlay>::start(who, person, limit_kbps, life, &());
        Watched { who, now: Time::ZERO, node }
    }

    fn handle(&mut self, now: Time, input: Input<Parcel>) {
        self.now = now;
        self.node.handle(now, input);
    }

    fn poll(&mut self) -> Option<Output<Parcel>> {
        let output = self.node.poll();
        if let Some(Output::Deliver { frame, .. }) = &output {
            note(self.who, self.now, frame.units[0].1);
        }
        output
    }

    fn deadline(&self) -> Option<Time> {
        Overlay::deadline(&self.node)
    }

    fn trees(&self) -> Vec<TreeStatus> {
        Overlay::trees(&self.node)
    }

    fn plan(&self) -> Option<(u32, u32)> {
        Overlay::plan(&self.node)
    }

    fn held(&self) -> Held {
        Overlay::held(&self.node)
    }

    fn check(&self) {
        Node::check(&self.node);
    }
}

/// Each has an uplink for one child: what the source sends has to be passed on by one of the others.
const CHAIN: &str = r#"
    title = "A chain of three"
    length = "10s"

    [people]
    count = 3
    uplinks_csv = "lines.csv"
    lend_percent = 100

    [geography]
    flat = "20ms"

    [network]
    jitter_permille = 0
    jitter_floor = "0s"

    [[sources]]
    count = 1
    layers = ["p360"]
"#;

#[test]
fn the_shipped_core_adds_no_time_of_its_own() {
    // As above for pictures that are no key frames, over two hops from 1 to 10 Mbit/s: 17.7520 + 20 + 1.7752 ms
    // for each. Only what waits behind control messages, or behind a key frame, takes longer.
    const HOP: Duration = Duration::from_nanos(17_752_000 + 20_000_000 + 1_775_200);
    let folder = folder();
    let got = deliveries::<Watched>(CHAIN, &folder.path().join("chain.toml"));
    let settled = got.iter().filter(|got| got.born >= Time(3_000_000_000) && got.len == 2_083);
    let mut took: [Vec<Duration>; 3] = Default::default();
    for got in settled {
        took[got.who as usize].push(got.at.since(got.born));
    }
    let [source, near, far] = &mut took;
    assert!(source.is_empty(), "nobody is fed what is their own");
    if far.iter().min() < near.iter().min() {
        std::mem::swap(near, far);
    }
    for (took, hops) in [(near, 1), (far, 2)] {
        took.sort();
        let exact = took.iter().filter(|took| **took == HOP * hops).count();
        println!("{hops} hops: {exact} of {} took {:?}", took.len(), HOP * hops);
        assert_eq!(took.first(), Some(&(HOP * hops)), "none is faster");
        assert!(exact * 10 > took.len() * 9, "{exact} of {} took {:?}: {took:?}", took.len(), HOP * hops);
    }
}
