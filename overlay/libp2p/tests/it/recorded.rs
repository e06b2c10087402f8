//! What real nodes have recorded can be told to a new core, which then wants the very same.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use netsim::replay::{Replayed, replay};
use overlay_core::io::{Command, Input};
use overlay_core::unit::Layer;
use overlay_journal::{Reader, Step, Wants, Writer};

use crate::harness::{Setup, contacts, film};

/// A source, a relay that it needs, and two who watch; each writes its run into the folder.
async fn meeting(folder: &Path) {
    let file = |name: &str| folder.join(name);
    let relay = Setup::new("relay").writes(&file("relay")).start().await;
    let source = Setup::new("host").uplink(1_200).knows(&contacts(&[&relay])).writes(&file("source"));
    let source = source.start().await;
    source.handle.command(Command::Coordinate { term: 1 });
    let guest = |name: &str| Setup::new("guest").uplink(100).knows(&contacts(&[&relay])).writes(&file(name));
    let guests = [guest("first").start().await, guest("second").start().await];
    let film = film(&source, 500, 2_000);
    for guest in &guests {
        guest.until("pictures", |guest| guest.numbers(source.me(), Layer::P360).len() > 30).await;
    }
    drop(film);
    for peer in guests.iter().chain([&source, &relay]) {
        peer.handle.shutdown().await;
    }
}

/// Writes the run of a file again, with one step changed by `change`; true if it found one to change.
fn forge(from: &Path, to: &Path, change: impl Fn(&mut Step) -> bool) -> bool {
    let run = Reader::new(BufReader::new(File::open(from).expect("it is there"))).expect("a run");
    let mut forged = Writer::new(File::create(to).expect("a file"), run.config()).expect("it can be written");
    let mut changed = false;
    for step in run {
        let mut step = step.expect("a whole run");
        changed = changed || change(&mut step);
        forged.record_step(&step).expect("it can be written");
    }
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_sockets_replays_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    meeting(folder.path()).await;
    for name in ["relay", "source", "first", "second"] {
        let file = folder.path().join(name);
        let replayed = replay(&file).expect("a run");
        println!("{name}: {replayed:?}");
        let Replayed { steps, difference, cut, .. } = replayed;
        assert_eq!((difference, cut), (None, false), "{name}");
        assert!(steps > 100, "{name} was called {steps} times");
    }
    a_flipped_input_is_caught(folder.path());
}

fn a_flipped_input_is_caught(folder: &Path) {
    let (real, forged) = (folder.join("relay"), folder.join("forged"));
    // A unit that the relay passed on says another number: so do those that it now wants to send.
    let idle = Wants::default().did();
    let flip = |step: &mut Step| match &mut step.input {
        Input::Unit { unit, .. } if step.did != idle => {
            unit.header.frame.number ^= 1 << 20;
            true
        }
        _ => false,
    };
    assert!(forge(&real, &forged, flip), "the relay passes something on");
    let difference = replay(&forged).expect("a run").difference.expect("it is caught");
    assert!(difference.input.starts_with("Unit"), "at that very step: {difference:?}");
    // A message that came with one bit changed.
    let flip = |step: &mut Step| match &mut step.input {
        Input::Control { bytes, .. } if step.did != idle => {
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
            true
        }
        _ => false,
    };
    assert!(forge(&real, &forged, flip), "the relay is told something");
    assert!(replay(&forged).expect("a run").difference.is_some());
    // A file that ends too early says so.
    let bytes = std::fs::read(&real).expect("it is there");
    std::fs::write(&forged, &bytes[..bytes.len() - 3]).expect("it can be written");
    let replayed = replay(&forged).expect("a run");
    assert!(replayed.cut && replayed.difference.is_none(), "{replayed:?}");
    std::fs::write(&forged, b"something else").expect("it can be written");
    let error = replay(&forged).expect_err("no run");
    assert!(error.to_string().contains("no recorded run"), "{error}");
}
