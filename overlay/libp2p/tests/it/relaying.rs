//! Frames go through nodes that are not their source.

use std::time::Duration;

use overlay_core::io::Command;
use overlay_core::unit::Layer;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::harness::{Peer, Setup, contacts, film};

/// Pictures of 500 kbit/s: the source's uplink feeds one child, so it takes a relay.
const KBPS: u32 = 500;
const PICTURE: usize = 2_000;
const SOURCE_UPLINK: u32 = 1_200;

fn parents(peer: &Peer) -> Vec<Option<overlay_core::id::NodeId>> {
    peer.handle.status().trees.iter().map(|tree| tree.parent).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_a_source_reach_the_others_through_a_relay() {
    let relay = Setup::new("relay").start().await;
    let source = Setup::new("host").uplink(SOURCE_UPLINK).knows(&contacts(&[&relay])).start().await;
    source.handle.command(Command::Coordinate { term: 1 });
    let guests = [
        Setup::new("guest").uplink(100).knows(&contacts(&[&relay])).start().await,
        Setup::new("guest").uplink(100).knows(&contacts(&[&relay])).start().await,
        Setup::new("guest").uplink(100).knows(&contacts(&[&relay])).start().await,
    ];
    let film = film(&source, KBPS, PICTURE);
    for guest in &guests {
        guest.until("pictures", |guest| guest.numbers(source.me(), Layer::P360).len() > 60).await;
        guest.until("sound", |guest| guest.numbers(source.me(), Layer::Audio).len() > 100).await;
        guest.until("the relay feeds it", |guest| parents(guest).contains(&Some(relay.me()))).await;
    }
    drop(film);
    let counters = relay.handle.counters();
    assert!(counters.units_out > counters.units_in, "{counters:?}");
    assert_eq!(counters.children, 3);
    assert!(relay.got().is_empty(), "a relay is handed no frames");
    let got = guests[0].got();
    let picture = got.iter().find(|got| got.frame.layer == Layer::P360).expect("a picture");
    assert_eq!(picture.frame.payload.len(), PICTURE);
    assert_eq!(picture.frame.payload[..4], picture.frame.info.number.to_be_bytes());
    assert!(picture.frame.info.key, "the first picture can be decoded");
}

#[test]
fn a_relay_that_dies_is_replaced() {
    let here = Runtime::new().expect("a runtime");
    let theirs = [Runtime::new().expect("a runtime"), Runtime::new().expect("a runtime")];
    let relays: Vec<Peer> = theirs.iter().map(|there| there.block_on(Setup::new("relay").start())).collect();
    let mut theirs: Vec<Option<Runtime>> = theirs.into_iter().map(Some).collect();
    here.block_on(async {
        let known = contacts(&[&relays[0], &relays[1]]);
        let source = Setup::new("host").uplink(2_000).knows(&known).start().await;
        source.handle.command(Command::Coordinate { term: 1 });
        let guests = [
            Setup::new("guest").uplink(100).knows(&known).start().await,
            Setup::new("guest").uplink(100).knows(&known).start().await,
            Setup::new("guest").uplink(100).knows(&known).start().await,
        ];
        let film = film(&source, KBPS, PICTURE);
        for guest in &guests {
            guest.until("pictures", |guest| guest.numbers(source.me(), Layer::P360).len() > 60).await;
        }
        let feeds = |relay: &Peer| guests.iter().any(|guest| parents(guest).contains(&Some(relay.me())));
        let victim = relays.iter().position(feeds).expect("a relay feeds a guest");
        // Its tasks stop where they are, as if the process had been killed.
        theirs[victim].take().expect("it runs").shutdown_background();
        let died_at = guests[0].numbers(source.me(), Layer::P360).len();
        for guest in &guests {
            let later = |guest: &Peer| guest.numbers(source.me(), Layer::P360).len() > died_at + 120;
            guest.until("pictures go on", later).await;
            let dead = Some(relays[victim].me());
            guest.until("the dead is no parent", |guest| !parents(guest).contains(&dead)).await;
        }
        drop(film);
        sleep(Duration::from_millis(50)).await;
    });
    theirs.into_iter().flatten().for_each(Runtime::shutdown_background);
}
