use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use netsim::cast::Cast;
use netsim::id::index;
use netsim::payload::Parcel;
use netsim::saboteur::Saboteur;
use netsim::scenario::Scenario;
use netsim::world::World;
use overlay_core::io::{Input, Output};
use overlay_core::node::Node;
use overlay_core::time::Time;
use overlay_core::unit::Layer;

#[derive(Default)]
struct Log {
    // (slot,layer, number) -> node -> (time, from)
    got: HashMap<(u8, u8, u32), HashMap<u32, (Time, u32, u32)>>,
    sent: HashMap<(u32, u32), u64>, // (second, who) bytes
    out: HashMap<(u8,u8,u32), HashMap<u32, u32>>,
}
fn say(now: Time, what: String) { println!("S0 {} {what}", now.0 / 1_000_000); }
struct Spy(Rc<RefCell<Log>>);
impl Saboteur for Spy {
    fn input(&mut self, now: Time, who: u32, input: Input<Parcel>) -> Option<Input<Parcel>> {
        let mut log = self.0.borrow_mut();
        if who == 0 {
            match &input {
                Input::Dropped { peer, tree } if tree.layer == Layer::P720 => say(now, format!("dropped to {}", index(*peer))),
                Input::Control { from, bytes } => match overlay_core::wire::Message::decode(bytes) {
                    Ok(overlay_core::wire::Message::Attach { tree, planned, feeds, .. }) if tree.layer == Layer::P720 => say(now, format!("attach from {} planned {planned} feeds {feeds}", index(*from))),
                    Ok(overlay_core::wire::Message::Detach { tree }) if tree.layer == Layer::P720 => say(now, format!("detach from {}", index(*from))),
                    _ => {}
                },
                _ => {}
            }
        }
        match &input {
            Input::Unit { from, unit } if now.0 > 20_000_000_000 => {
                let h = &unit.header;
                log.got.entry((h.tree.slot, h.tree.layer as u8, h.frame.number)).or_default().entry(who).or_insert((now, index(*from), unit.payload.len));
            }
            Input::Publish(cut) if now.0 > 20_000_000_000 => {
                let _ = cut;
            }
            _ => {}
        }
        Some(input)
    }
    fn output(&mut self, now: Time, who: u32, output: Output<Parcel>) -> Option<Output<Parcel>> {
        let mut log = self.0.borrow_mut();
        if who == 0 {
            match &output {
                Output::Control { to, bytes } => match overlay_core::wire::Message::decode(bytes) {
                    Ok(overlay_core::wire::Message::Accepted { tree, .. }) if tree.layer == Layer::P720 => say(now, format!("accepts {}", index(*to))),
                    Ok(overlay_core::wire::Message::Refused { tree, why }) if tree.layer == Layer::P720 => say(now, format!("refuses {} {why:?}", index(*to))),
                    _ => {}
                },
                _ => {}
            }
        }
        if let Output::Unit { unit, .. } = &output {
            *log.sent.entry(((now.0 / 1_000_000_000) as u32, who)).or_default() += u64::from(unit.payload.len);
            if now.0 > 20_000_000_000 {
                let h = &unit.header;
                *log.out.entry((h.tree.slot, h.tree.layer as u8, h.frame.number)).or_default().entry(who).or_default() += 1;
            }
            if unit.payload.source == who && now.0 > 20_000_000_000 {
                let h = &unit.header;
                log.got.entry((h.tree.slot, h.tree.layer as u8, h.frame.number)).or_default().entry(who).or_insert((now, who, unit.payload.len));
            }
        }
        Some(output)
    }
}
fn main() {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap();
    let seed: u64 = args.next().unwrap().parse().unwrap();
    let scenario = Scenario::read(&file).unwrap();
    let cast = Cast::draw(&scenario, seed).unwrap();
    if let Some(pairs) = args.next() {
        let mut e: Vec<(f64, f64, f64)> = vec![];
        for line in std::fs::read_to_string(pairs).unwrap().lines() {
            let w: Vec<&str> = line.split(' ').collect();
            if w[0] == "PAIREND" {
                let mut abs: Vec<f64> = e.iter().map(|(m, r, _)| (m - r).abs()).collect();
                abs.sort_by(f64::total_cmp);
                let bias: f64 = e.iter().map(|(m, r, _)| m - r).sum::<f64>() / e.len() as f64;
                let mean: f64 = e.iter().map(|(_, r, _)| r).sum::<f64>() / e.len() as f64;
                println!("pairs {} mean real {mean:.1} bias {bias:.1} abs p50 {:.1} p90 {:.1} p99 {:.1}", e.len(), abs[abs.len() / 2], abs[abs.len() * 9 / 10], abs[abs.len() * 99 / 100]);
                e.clear();
            }
            if w[0] != "PAIR" { continue; }
            let (a, b, m): (usize, usize, f64) = (w[1].parse().unwrap(), w[2].parse().unwrap(), w[3].parse().unwrap());
            let r = cast.paths.one_way(&cast.people[a], &cast.people[b]).as_secs_f64() * 1e3;
            e.push((m / 10.0, r, 0.0));
        }
        return;
    }
    let log = Rc::new(RefCell::new(Log::default()));
    let world: World<Node<Parcel>> = World::new(scenario, seed).unwrap().sabotaged(Spy(log.clone()));
    let _ = world.run(|_| true);
    let log = log.borrow();
    let ms = |ns: u64| ns as f64 / 1e6;
    for layer in [Layer::P720, Layer::P180, Layer::Audio] {
        let mut byhop: BTreeMap<usize, (f64, f64, u64)> = BTreeMap::new();
        let (mut n, mut tot, mut prop, mut direct) = (0u64, 0.0, 0.0, 0.0);
        let mut depth: BTreeMap<usize, u64> = BTreeMap::new();
        let mut parents: BTreeMap<u32, (f64, u64, u64)> = BTreeMap::new();
        let mut keyq = (0.0, 0u64);
        for (key, nodes) in log.got.iter().filter(|(key, _)| key.1 == layer as u8) {
            for (&who, &(at, from, len)) in nodes {
                if from == who { continue; }
                let mut chain = vec![];
                let (mut c, mut p, mut ct) = (who, from, at);
                let mut ok = false;
                for _ in 0..12 {
                    let Some(&(pt, pf, _)) = nodes.get(&p) else { break };
                    let pr = cast.paths.one_way(&cast.people[p as usize], &cast.people[c as usize]).as_nanos() as u64;
                    chain.push((p, pr, ct.0.saturating_sub(pt.0).saturating_sub(pr)));
                    if pf == p { ok = true; break; }
                    (c, p, ct) = (p, pf, pt);
                }
                if !ok { continue; }
                n += 1;
                *depth.entry(chain.len()).or_default() += 1;
                let src = chain.last().unwrap().0;
                let d = cast.paths.one_way(&cast.people[src as usize], &cast.people[who as usize]).as_nanos() as u64;
                direct += ms(d);
                for (hop, (p, pr, q)) in chain.iter().rev().enumerate() {
                    let e = byhop.entry(hop).or_default();
                    e.0 += ms(*pr); e.1 += ms(*q); e.2 += 1;
                    tot += ms(pr + q); prop += ms(*pr);
                }
                let e = parents.entry(chain[0].0).or_default();
                e.0 += ms(chain[0].2); e.1 += 1; e.2 = *log.out[key].get(&chain[0].0).unwrap_or(&0) as u64;
                if len > 15000 { keyq.0 += ms(chain[0].2); keyq.1 += 1; }
            }
        }
        let nf = n.max(1) as f64;
        println!("{layer:?}: n {n} total {:.1} prop {:.1} direct {:.1} depth {depth:?} keys {:.4} q {:.1}", tot / nf, prop / nf, direct / nf, keyq.1 as f64 / nf, keyq.0 / keyq.1.max(1) as f64);
        for (hop, (p, q, c)) in byhop { println!("  hop {hop}: prop {:.1} rest {:.1} ({c})", p / c as f64, q / c as f64); }
        if layer == Layer::P720 {
            for (who, (q, c, f)) in parents {
                let p = &cast.people[who as usize];
                let sec = 35;
                let used = *log.sent.get(&(sec, who)).unwrap_or(&0) * 8 / 1000;
                println!("  parent {who} {:?} limit {} used@{sec} {used} children {f} rest {:.1} n {c}", p.kind, p.limit_kbps, q / c as f64);
            }
        }
    }
}
