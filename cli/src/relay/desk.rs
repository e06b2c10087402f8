//! The volunteer's page: shows what is lent, and takes a pause and an early end.

use keyagree::UnixTime;
use overlay_libp2p::Counters;
use tokio::time::{Duration, Instant};

use crate::args;
use crate::clock;
use crate::fail::Outcome;
use crate::lent::{FromRelay, Lent, Meter, ToRelay};
use crate::page::{self, Media, Page, Request};

/// Who is fed from here has this long to go elsewhere before the relay stops.
const DRAIN_FOR: Duration = Duration::from_secs(10);

/// The page's end of a relay.
pub struct Desk {
    page: Page,
    meter: Meter,
    lent: Lent,
    stop_at: Option<Instant>,
    _link: Option<tempfile::TempPath>,
}

/// A relay's page sends no media.
struct NoMedia;

impl Media for NoMedia {
    fn opened(&self) {}
    fn frame(&self, _bytes: &[u8]) {}
}

impl Desk {
    /// Serves the page, where the volunteer wants one.
    pub async fn open(args: &args::Relay, lines: Vec<String>, ends: UnixTime) -> Outcome<Option<Desk>> {
        if !args.page {
            return Ok(None);
        }
        let page = page::serve(args.page_port, "relay", std::sync::Arc::new(NoMedia)).await?;
        eprintln!("The relay's page is at {}", page.address.as_str());
        let link = if args.no_open { None } else { page::launch(&page.address)? };
        let lent = Lent {
            lines,
            meetings: args.meetings,
            limit_kbps: args.uplink,
            ends_ms: ends.0,
            ..Lent::default()
        };
        Ok(Some(Desk { page, meter: Meter::default(), lent, stop_at: None, _link: link }))
    }

    /// The next thing that the page asks for; waits for ever where there is no page.
    pub async fn asked(desk: &mut Option<Desk>) -> Request {
        match desk {
            Some(desk) => match desk.page.requests.recv().await {
                Some(request) => request,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// False while the page wants nothing to be lent.
    pub fn lends(&self) -> bool {
        !self.lent.paused && !self.lent.draining
    }

    /// Does what the page asks for.
    pub fn carry_out(&mut self, request: Request) {
        let Request::Said(text) = request else { return self.show() };
        match serde_json::from_str(&text) {
            Ok(ToRelay::Pause { paused }) if !self.lent.draining => {
                self.lent.paused = paused;
            }
            Ok(ToRelay::Pause { .. }) => {}
            Ok(ToRelay::Drain) => {
                self.lent.draining = true;
                self.stop_at.get_or_insert(Instant::now() + DRAIN_FOR);
            }
            Err(error) => {
                tracing::warn!(%error, "the page said something that this program doesn't understand");
            }
        }
        self.show();
    }

    /// Shows what was counted and which lines nobody has claimed; to be called a few times a second. True once the relay has
    /// handed over.
    pub fn count(&mut self, counted: &Counters, lines: Vec<String>) -> bool {
        (self.lent.in_kbps, self.lent.out_kbps) = self.meter.look(clock::unix(), counted);
        self.lent.peak_kbps = u32::try_from(counted.peak_kbps).unwrap_or(u32::MAX);
        self.lent.sent_bytes = counted.wire_out;
        self.lent.children = counted.children;
        self.lent.dropped = counted.units_dropped;
        self.lent.lines = lines;
        self.show();
        self.stop_at.is_some_and(|at| counted.children == 0 || Instant::now() >= at)
    }

    /// Says that it is over.
    pub fn over(&self, text: &str) {
        self.page.outlet.say(FromRelay::Over { text: text.to_owned() }.to_text());
    }

    fn show(&self) {
        self.page.outlet.say(FromRelay::Lent(self.lent.clone()).to_text());
    }
}
