//! `canopy join`: checks everything that can be checked before anybody is bothered, then takes part.

use canopy_players::journal::{Entry, Journal};
use media_pipeline::capture::{self, Source};

use crate::args::Join;
use crate::fail::{Fail, Outcome};
use crate::node::Node;
use crate::seat::Seat;
use crate::window::{self, Served};
use crate::{clock, invitation, ladder, lending, page};

/// Runs until the meeting is over for this node.
pub fn run(args: Join) -> Outcome {
    let source = source(&args)?;
    let invite = invitation::read(args.invite.as_deref())?;
    let lending = lending::decide(&args)?;
    let capture = source.map(capture::open).transpose().map_err(Fail::failed)?;
    if let Some(folder) = &args.record {
        std::fs::create_dir_all(folder)
            .map_err(|error| Fail::failed(format!("{} can't be made: {error}", folder.display())))?;
    }
    let journal = Journal::create(args.probes.journal.as_deref(), clock::wall_us)
        .map_err(|error| Fail::failed(format!("the journal can't be written: {error}")))?;
    let seat = Seat::take(invite, &args.place, args.hide_ip)?;
    journal.write(|_| Entry::Started { at_us: clock::start().1.as_micros() as u64, node: seat.me().short() });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Fail::failed)?;
    let outcome = runtime.block_on(async {
        let (served, _link) = match args.headless {
            true => (None, None),
            false => {
                let served = window::serve(args.page_port).await?;
                let link = show(&served, &args)?;
                (Some(served), link)
            }
        };
        Node::take_part(args, lending, seat, capture, served, journal).await
    });
    // Decoder threads have written their files by now; nothing that still runs is waited for.
    runtime.shutdown_background();
    outcome
}

/// Opens the page, and prints where it is.
fn show(served: &Served, args: &Join) -> Outcome<Option<tempfile::TempPath>> {
    let address = served.page.address.as_str();
    let link = if args.no_open { None } else { page::launch(address)? };
    eprintln!("The meeting is at {address}\nThat address is for you alone: whoever has it is you.");
    Ok(link)
}

/// What to send.
fn source(args: &Join) -> Outcome<Option<Source>> {
    if !args.headless {
        return match args.file.is_some() || args.test_card {
            true => {
                Err(Fail::usage("--file and --test-card need --headless: with a window its camera is sent"))
            }
            false => Ok(None),
        };
    }
    if let Some(path) = &args.file {
        return Ok(Some(Source::File { path: path.clone(), looped: !args.once }));
    }
    if args.test_card {
        let (width, height) = ladder::largest(&args.size).size();
        return Ok(Some(Source::TestCard { width, height }));
    }
    if args.listen_only {
        return Ok(None);
    }
    Err(Fail::usage(
        "say what to send: --file CLIP, --test-card, or --listen-only (or leave --headless out for camera and screen)",
    ))
}
