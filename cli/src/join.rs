//! `canopy join`: checks everything that can be checked before anybody is bothered, then takes part.

use media_pipeline::Layer;
use media_pipeline::capture::{self, Capture, Source};

use crate::args::Join;
use crate::fail::{Fail, Outcome};
use crate::journal::Journal;
use crate::node::Node;
use crate::seat::Seat;
use crate::{clock, invitation};

/// Runs until the meeting is over for this node.
pub fn run(args: Join) -> Outcome {
    let source = source(&args)?;
    let invite = invitation::read(args.invite.as_deref())?;
    let capture = source.map(capture::open).transpose().map_err(Fail::failed)?;
    if let Some(folder) = &args.record {
        std::fs::create_dir_all(folder)
            .map_err(|error| Fail::failed(format!("{} can't be made: {error}", folder.display())))?;
    }
    let journal = Journal::create(args.probes.journal.as_deref())
        .map_err(|error| Fail::failed(format!("the journal can't be written: {error}")))?;
    let seat = Seat::take(invite, &args.place)?;
    journal.write(|_| crate::journal::Entry::Started {
        at_us: clock::start().1.as_micros() as u64,
        node: seat.me().short(),
    });
    if !args.headless {
        eprintln!("There is no window yet: going on as with --headless.");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Fail::failed)?;
    let outcome = runtime.block_on(Node::take_part(args, seat, capture, journal));
    // Decoder threads have written their files by now; nothing that still runs is waited for.
    runtime.shutdown_background();
    outcome
}

/// What to send.
fn source(args: &Join) -> Outcome<Option<Source>> {
    if let Some(path) = &args.file {
        return Ok(Some(Source::File { path: path.clone(), looped: !args.once }));
    }
    if args.test_card {
        let (width, height) = largest(&args.size).size();
        return Ok(Some(Source::TestCard { width, height }));
    }
    if args.listen_only {
        return Ok(None);
    }
    Err(Fail::usage(
        "say what to send: --file CLIP, --test-card, or --listen-only (camera and screen come later)",
    ))
}

/// The largest layer that the user wants to send.
pub fn largest(size: &str) -> Layer {
    match size {
        "180p" => Layer::P180,
        "360p" => Layer::P360,
        _ => Layer::P720,
    }
}

/// The layers of a source: its sound if it has any, and every picture that is no larger than wanted
/// and no larger than what was captured (but the smallest in any case).
pub fn ladder(capture: &Capture, size: &str) -> Vec<Layer> {
    let largest = largest(size);
    let mut ladder: Vec<Layer> = Layer::VIDEO
        .into_iter()
        .filter(|layer| *layer <= largest && (*layer == Layer::P180 || layer.size().1 <= capture.size().1))
        .collect();
    if capture.has_sound() {
        ladder.insert(0, Layer::Audio);
    }
    ladder
}
