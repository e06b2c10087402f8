//! What plans cost and how good they are: `make bench-plan`.
//!
//! A made-up world: cities on a sphere whose straight lines are round trips, last miles of a median of 5 ms each way, and
//! home uplinks (10 % none, 80 % up to 5 Mbit/s, 10 % 10 to 50 Mbit/s, 0.3 % volunteers with 100 to 1,000 Mbit/s), all
//! scaled to the load that is asked for. A table for each seed that is named, or for one; the same on every run and machine
//! but for the times: `cargo run --release -p overlay-core --example plan -- 7 8 9`.

mod world;

use std::collections::BTreeMap;

use comfy_table::Table;
use overlay_core::id::NodeId;
use overlay_core::plan::{Margins, Planner, Trees, View, wire_kbps};
use overlay_core::unit::Layer;
use rustix::time::{ClockId, clock_gettime};

use world::World;

/// What is drawn from where no seed is named.
const SEED: u64 = 7;
/// No admission cap and no reserve: what packing alone can do.
const WHOLE: Margins = Margins { cap: 100, reserve: 0 };

fn main() {
    let named: Result<Vec<u64>, _> = std::env::args().skip(1).map(|seed| seed.parse()).collect();
    let seeds = named.expect("seeds are whole numbers");
    for seed in if seeds.is_empty() { vec![SEED] } else { seeds } {
        report(seed);
    }
}

fn report(seed: u64) {
    println!("seed {seed}; loads are of all uplink, in plain trees; processor time of one core");
    let mut table = Table::new();
    table.set_header(["what", "must", "is"]);
    let mut row = |what: &str, must: &str, is: String| {
        table.add_row([what, must, &is]);
    };
    cost(seed, &mut row);
    packing(seed, &mut row);
    for (people, must) in [(10_000, "1.25; 5"), (1_000, "1.5; -")] {
        delays(seed, people, must, &mut row);
    }
    println!("{table}");
}

/// Milliseconds of this thread's processor time.
fn now_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn cost(seed: u64, row: &mut impl FnMut(&str, &str, String)) {
    let world = World::meeting(seed, 10_000, 0.6);
    let mut planner = Planner::new();
    let start = now_ms();
    planner.update(&world.view);
    row(
        "full plan, 10,000 people, whole meeting, load 0.6",
        "1,500 ms",
        format!("{:.0} ms", now_ms() - start),
    );
    let start = now_ms();
    let trees = planner.trees();
    let rows: usize = trees.values().map(|branch| branch.rows.len()).sum();
    row(
        "the same as ordered maps",
        "-",
        format!("{:.0} ms, {} trees, {rows} rows", now_ms() - start, trees.len()),
    );
    planner.changed();
    let start = now_ms();
    let newcomers = world.newcomers(200);
    for (id, supply) in &newcomers {
        planner.join(*id, *supply);
    }
    row("one join", "1 ms", format!("{:.3} ms", (now_ms() - start) / newcomers.len() as f64));
    row("nodes with other rows for each join", "-", format!("{:.1}", planner.changed().len() as f64 / 200.0));
    let seated =
        newcomers.iter().filter(|(id, _)| planner.taken(0, *id).is_some_and(|layer| layer > Layer::Audio));
    row("of 200 who join, have the main picture", "-", format!("{}", seated.count()));
    let start = now_ms();
    for (id, _) in &newcomers {
        planner.leave(*id);
    }
    row("one leave", "-", format!("{:.3} ms", (now_ms() - start) / newcomers.len() as f64));
    let start = now_ms();
    planner.update(&world.view);
    row("plan made again", "-", format!("{:.0} ms", now_ms() - start));
}

fn packing(seed: u64, row: &mut impl FnMut(&str, &str, String)) {
    for (margins, what, must) in [(WHOLE, "off", "0.84"), (Margins::default(), "on", "0.65")] {
        let (load, world, trees) = fullest(|load| World::stream(seed, 10_000, load), margins);
        let (data, all) = planned_kbps(&trees);
        let uplink = world.uplink_kbps() as f64;
        let (k, m) = trees.values().next().map_or((0, 0), |branch| (branch.k, branch.m));
        row(
            &format!("packing, one 1.5 Mbit/s stream, reserve and cap {what}: goodput / bound"),
            must,
            format!("{:.3} ({k}+{m}; {:.3} with parity, load {load:.2})", data / uplink, all / uplink),
        );
    }
    let (load, world, trees) = fullest(|load| World::meeting(seed, 10_000, load), WHOLE);
    let share = planned_kbps(&trees).1 / world.uplink_kbps() as f64;
    row(
        "packing, whole meeting: share of all uplink, nobody unserved",
        "0.85",
        format!("{share:.3} (load {load:.2})"),
    );
}

/// The highest load at which everybody gets everything, by halving.
fn fullest(world: impl Fn(f64) -> World, margins: Margins) -> (f64, World, Trees) {
    let (mut good, mut bad) = (0.3, 1.05);
    let mut best = None;
    while bad - good > 0.01 {
        let load = (good + bad) / 2.0;
        let mut world = world(load);
        world.view.margins = margins;
        let mut planner = Planner::new();
        planner.update(&world.view);
        if world.unserved(&planner) == 0 {
            (good, best) = (load, Some((load, world, planner.trees())));
        } else {
            bad = load;
        }
    }
    best.expect("a third of the uplink serves everybody")
}

/// What is planned, kbit/s on the wire: without parity, and all.
fn planned_kbps(trees: &Trees) -> (f64, f64) {
    let of = trees.values().map(|branch| {
        let all = branch.rows.len() as f64 * f64::from(branch.kbps);
        (all * f64::from(branch.k) / f64::from(branch.k + branch.m), all)
    });
    of.fold((0.0, 0.0), |sum, (data, all)| (sum.0 + data, sum.1 + all))
}

fn delays(seed: u64, people: usize, must: &str, row: &mut impl FnMut(&str, &str, String)) {
    for (what, world) in [
        ("one stream", World::stream(seed, people, 0.6)),
        ("whole meeting", World::meeting(seed, people, 0.6)),
    ] {
        let mut planner = Planner::new();
        planner.update(&world.view);
        let trees = planner.trees();
        let seen = Seen::of(&world.view, &trees);
        let unserved = world.unserved(&planner);
        row(
            &format!("main picture, {people} people, {what}, load 0.6: p95 / p95 of direct; depth p95"),
            must,
            format!(
                "{:.2} ({:.0}/{:.0} ms); {} (max {}), {unserved} unserved",
                seen.tree_ms / seen.direct_ms,
                seen.tree_ms,
                seen.direct_ms,
                seen.depth,
                seen.deepest
            ),
        );
    }
}

/// What receivers of the main picture see: when the last data unit that they need is there.
struct Seen {
    tree_ms: f64,
    direct_ms: f64,
    depth: usize,
    deepest: usize,
}

impl Seen {
    fn of(view: &View, trees: &Trees) -> Seen {
        let mut arrivals: BTreeMap<NodeId, Vec<(u32, usize)>> = BTreeMap::new();
        let main = trees.iter().filter(|(tree, _)| tree.slot == 0 && tree.layer == Layer::P720);
        let mut k = 1;
        let mut source = None;
        for (_, branch) in main {
            (k, source) = (usize::from(branch.k), Some(branch.source));
            for (id, arrival) in world::arrivals(view, branch) {
                if branch.rows[&id].takes {
                    arrivals.entry(id).or_default().push(arrival);
                }
            }
        }
        let source = view.nodes[&source.expect("somebody is on the stage")].coordinate;
        let (mut tree, mut direct, mut depths) = (Vec::new(), Vec::new(), Vec::new());
        for (id, mut units) in arrivals {
            units.sort_unstable();
            tree.push(units[k.min(units.len()) - 1].0);
            depths.extend(units.iter().map(|(_, depth)| *depth));
            direct.push(source.one_way(&view.nodes[&id].coordinate));
        }
        Seen {
            tree_ms: f64::from(p95(&mut tree)) / 10.0,
            direct_ms: f64::from(p95(&mut direct)) / 10.0,
            deepest: depths.iter().copied().max().unwrap_or(0),
            depth: p95(&mut depths),
        }
    }
}

fn p95<T: Ord + Copy>(values: &mut [T]) -> T {
    values.sort_unstable();
    values[values.len() * 95 / 100]
}

/// So that the world can say what a load is.
fn plain_kbps(view: &View) -> u64 {
    let rates = view.feeds.iter().filter_map(|feed| feed.layers.last());
    rates.map(|rate| u64::from(wire_kbps(*rate))).sum()
}
