//! What a node lends to others' media: its owner's word holds, and what its line can't carry is not offered.

use overlay_core::id::NodeId;
use overlay_core::io::{Command, Input, Kind, Lends};
use overlay_core::plan::{Planner, Shapes, Supply, View, own_kbps, planned_kbps};
use overlay_core::unit::{Layer, TreeId};
use overlay_core::wire::Message;

use crate::harness::{World, id, ladder, lending};

/// What a node's children cost in the trees of others, kbit/s.
fn lent(world: &World, node: NodeId) -> u32 {
    let trees = world.nodes[&node].status().trees.into_iter().filter(|tree| tree.source != node);
    trees.map(|tree| tree.kbps * tree.children.len() as u32).sum()
}

/// The demo's six people without a relay, of whom each can send its own to all; all lend `lends`.
fn people(lends: Lends, uplink_kbps: u32) -> World {
    let mut world = World::demo(0);
    for n in 1..=6 {
        world.command(id(n), Command::Uplink { kbps: uplink_kbps });
        world.command(id(n), Command::Lend(lends));
    }
    world
}

#[test]
fn who_lends_nothing_feeds_nobody_but_from_its_own_source() {
    let mut world = people(Lends::UpTo(0), 5_000);
    let mut own = 0;
    for _ in 0..40 {
        world.run(200);
        for n in 1..=6 {
            assert_eq!(lent(&world, id(n)), 0, "{n} feeds somebody from another source");
        }
        let trees = world.nodes[&id(1)].status().trees;
        own =
            own.max(trees.iter().filter(|tree| tree.source == id(1)).flat_map(|tree| &tree.children).count());
    }
    assert!(own >= 10, "a source feeds all by itself, where its uplink holds that");
    let since = world.now;
    world.run(2_000);
    for receiver in 1..=6 {
        for source in (1..=3).filter(|source| *source != receiver) {
            assert!(world.frames(id(receiver), id(source), Layer::P360, since).len() >= 50);
        }
    }
}

#[test]
fn not_even_a_plan_makes_a_node_lend_more_than_its_owner_allows() {
    let mut world = World::demo(2);
    world.command(id(4), Command::Lend(Lends::UpTo(100)));
    world.run(4_000);
    world.link(id(4), id(5));
    world.run(200);
    let taken: Vec<TreeId> = {
        let trees = world.nodes[&id(4)].trees().filter(|tree| tree.live && tree.source != id(4));
        trees.map(|tree| tree.tree).collect()
    };
    assert!(taken.iter().any(|tree| tree.layer == Layer::P360), "it takes a picture that it could pass on");
    for tree in taken {
        let feed = world.nodes[&id(4)].trees().find(|status| status.tree == tree).expect("taken").feed;
        let ask = Message::Attach { tree, feed, from: None, planned: true, feeds: true };
        world.input(id(4), Input::Control { from: id(5), bytes: ask.encode().expect("fits") });
    }
    let now = lent(&world, id(4));
    assert!(now > 0 && now <= 100, "{now} kbit/s of 100: some sound, and no picture");
}

#[test]
fn a_relay_that_lends_nothing_any_longer_hands_over_without_a_gap() {
    let mut world = World::demo(2);
    world.run(8_000);
    assert!(lent(&world, id(11)) > 0);
    let since = world.now;
    world.command(id(11), Command::Lend(Lends::UpTo(0)));
    world.run(4_000);
    assert_eq!(lent(&world, id(11)), 0, "everybody hangs elsewhere");
    world.command(id(11), Command::Leave);
    world.run(2_000);
    for receiver in 4..=6 {
        for source in 1..=3 {
            let sound = world.gap_ms(id(receiver), id(source), Layer::Audio, since);
            let picture = world.gap_ms(id(receiver), id(source), Layer::P360, since);
            assert!(sound <= 60 && picture <= 120, "{receiver} from {source}: {sound} ms, {picture} ms");
        }
    }
}

#[test]
fn a_relay_offers_half_at_first_and_all_once_it_has_borne_some() {
    let mut world = World::demo(2);
    world.run(500);
    let offers = |world: &World| [11, 12].map(|n| world.nodes[&id(n)].status().offers_kbps);
    assert_eq!(offers(&world), [10_000; 2]);
    let known = world.nodes[&id(1)].status().members.into_iter().find(|member| member.id == id(11));
    assert_eq!(known.map(|member| (member.lends_kbps, member.offers_kbps)), Some((20_000, 10_000)));
    world.run(9_500);
    assert_eq!(offers(&world).into_iter().max(), Some(20_000));
}

#[test]
fn what_keeps_waiting_halves_the_offer_and_others_are_fed_elsewhere() {
    let mut world = World::demo(2);
    world.run(8_000);
    let offers = |world: &World| world.nodes[&id(11)].status().offers_kbps;
    let (before, lent_before) = (offers(&world), lent(&world, id(11)));
    for halved in 1..=3 {
        world.input(id(11), Input::Queued);
        world.input(id(11), Input::Queued);
        assert_eq!(offers(&world), before >> halved, "once for each plan");
        world.run(3_500);
        let limit = u64::from(before >> halved);
        assert!(planned_kbps(limit as u32) >= u64::from(lent(&world, id(11))), "what is fed fits the offer");
    }
    let strained = lent(&world, id(11));
    assert!(strained < lent_before, "{strained} of {lent_before}");
    for _ in 0..8 {
        world.run(11_000);
    }
    assert!(offers(&world) > before >> 2, "it grows again while it bears what it offers: {}", offers(&world));
}

#[test]
fn auto_leaves_room_for_what_a_node_sends_itself() {
    let mut world = World::new();
    world.add(1, Kind::Participant, 1_500);
    world.command(id(1), Command::Lend(Lends::Spare));
    let lends = |world: &World| world.nodes[&id(1)].status().lends_kbps;
    assert_eq!(lends(&world), 1_500);
    world.command(id(1), Command::Send(ladder()));
    assert_eq!(lends(&world), 1_500 - own_kbps(&ladder()));
    world.command(id(1), Command::Uplink { kbps: 500 });
    assert_eq!(lends(&world), 0);
    world.command(id(1), Command::Send(Vec::new()));
    assert_eq!(lends(&world), 500);
}

#[test]
fn a_plan_lends_what_is_offered_and_sources_send_their_own_beside() {
    let mut view = View { shapes: Shapes::Doubled, ..View::default() };
    for n in 1..=12 {
        view.nodes.insert(id(n), Supply { watch: true, ..lending(2_500) });
    }
    for n in 1..=3_u8 {
        let layers = ladder();
        let slot = n - 1;
        view.feeds.push(overlay_core::plan::Feed { slot, feed: n.into(), source: id(n), stint: 1, layers });
    }
    for n in [1, 2, 3, 4, 5, 6] {
        view.nodes.get_mut(&id(n)).expect("there").offers_kbps = 0;
    }
    view.nodes.get_mut(&id(7)).expect("there").offers_kbps = 300;
    let mut planner = Planner::new();
    planner.update(&view);
    let mut lent = std::collections::BTreeMap::new();
    let mut own = 0;
    for branch in planner.trees().values() {
        for row in branch.rows.values() {
            if row.parent == branch.source {
                own += 1;
            } else {
                *lent.entry(row.parent).or_insert(0) += u64::from(branch.kbps);
            }
        }
    }
    for (node, kbps) in &lent {
        let offers = view.nodes[node].offers_kbps;
        assert!(*kbps <= planned_kbps(offers), "{node} is to lend {kbps} of {offers}");
    }
    assert!(own >= 9 && lent.len() >= 4, "{own} from sources, {} lend", lent.len());
    // They do no longer: what hangs on them hangs elsewhere, or nowhere.
    view.nodes.values_mut().for_each(|supply| supply.offers_kbps = 0);
    planner.update(&view);
    let all = planner.trees();
    let mut rows = all.values().flat_map(|branch| branch.rows.values().map(move |row| (branch, row)));
    assert!(rows.all(|(branch, row)| row.parent == branch.source));
    assert!(all.values().all(|branch| !branch.rows.is_empty()), "sources still send their own");
}

#[test]
fn an_offer_that_grows_is_told_to_the_coordinator_and_asks_for_nothing() {
    let mut world = World::demo(2);
    for relay in [11, 12] {
        world.command(id(relay), Command::Uplink { kbps: 6_000 });
    }
    world.run(2_000);
    let said = |world: &World| world.said[&id(11)].1.clone();
    assert!(said(&world).offers_kbps < 6_000, "it has grown already");
    world.run(12_000);
    let last = said(&world);
    assert_eq!((last.offers_kbps, last.asks), (6_000, false));
    let known = world.nodes[&id(1)].status().members.into_iter().find(|member| member.id == id(11));
    assert_eq!(known.map(|member| member.offers_kbps), Some(6_000));
}
