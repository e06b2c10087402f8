//! Opened frames on their way to the page: a jitter buffer for each layer of each source, then the socket.
//!
//! A page that has just come, and one that could not keep up, gets a layer from its next key frame on.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyagree::identity::PeerKey;
use media_pipeline::jitter::Jitter;
use media_pipeline::{EncodedFrame, Layer};
use overlay_core::id::NodeId;
use overlay_core::io::Command;
use overlay_core::unit;
use overlay_libp2p::Handle;
use parking_lot::Mutex;

use super::frame::{self, PageClock};
use super::quality::Tally;
use crate::page::Outlet;

/// Layers of sources that are shown at once: 64 sources.
const LANES_MAX: usize = 64 * 4;

/// See the module.
pub struct Incoming {
    outlet: Arc<Outlet>,
    handle: Handle,
    clock: Arc<PageClock>,
    lanes: Mutex<BTreeMap<(PeerKey, Layer), Lane>>,
}

#[derive(Default)]
struct Lane {
    jitter: Jitter,
    /// The page has all that the next frame depends on.
    flows: bool,
    /// From capture to here, smoothed, as the two clocks show it.
    delay_us: i64,
    keys: u64,
}

/// How much a new delay counts in the smoothed one: 1 of so many.
const SMOOTH: i64 = 8;

impl Incoming {
    /// Frames go to the page behind `outlet`.
    pub fn new(outlet: Arc<Outlet>, handle: Handle, clock: Arc<PageClock>) -> Incoming {
        Incoming { outlet, handle, clock, lanes: Mutex::default() }
    }

    /// Takes an opened frame.
    pub fn push(&self, now_us: u64, source: PeerKey, frame: EncodedFrame) {
        let mut lanes = self.lanes.lock();
        let name = (source, frame.layer);
        if !lanes.contains_key(&name) && lanes.len() >= LANES_MAX {
            return;
        }
        let delay_us = now_us.wrapping_sub(frame.captured_us) as i64;
        let lane = lanes.entry(name).or_insert_with(|| Lane { delay_us, ..Lane::default() });
        lane.delay_us += (delay_us - lane.delay_us) / SMOOTH;
        lane.jitter.push(now_us, frame);
        self.release(now_us, &name, lane);
    }

    /// Gives up what has been waited for long enough. To be called every few hundredths of a second.
    pub fn turn(&self, now_us: u64) {
        for (name, lane) in self.lanes.lock().iter_mut() {
            if lane.jitter.deadline().is_some_and(|at| at <= now_us) {
                self.release(now_us, name, lane);
            }
        }
    }

    /// A page has come: it knows nothing of what went before.
    pub fn opened(&self) {
        for (name, lane) in self.lanes.lock().iter_mut() {
            lane.flows = false;
            self.want_key(name, lane);
        }
    }

    /// What became of everything so far.
    pub fn tallies(&self) -> Vec<(NodeId, u8, Tally)> {
        let lanes = self.lanes.lock();
        let tallies = lanes.iter().map(|((source, layer), lane)| {
            let counts = lane.jitter.counts();
            let lost = counts.missing + counts.withheld;
            let (keys, delay_us) = (lane.keys, lane.delay_us);
            (NodeId(source.0), layer.byte(), Tally { came: counts.received, lost, keys, delay_us })
        });
        tallies.collect()
    }

    /// The page can't go on decoding this layer.
    pub fn refresh(&self, source: PeerKey, layer: Layer) {
        if let Some(lane) = self.lanes.lock().get_mut(&(source, layer)) {
            lane.flows = false;
            self.want_key(&(source, layer), lane);
        }
    }

    /// Only these sources are still there.
    pub fn keep(&self, members: &[PeerKey]) {
        self.lanes.lock().retain(|(source, _), _| members.contains(source));
    }

    fn release(&self, now_us: u64, name: &(PeerKey, Layer), lane: &mut Lane) {
        while let Some(frame) = lane.jitter.pop(now_us) {
            lane.flows |= frame.key;
            if lane.flows
                && !self.outlet.frame(frame::write(&name.0, &frame, &self.clock))
                && !name.1.is_audio()
            {
                lane.flows = false;
                self.want_key(name, lane);
            }
        }
        if lane.jitter.needs_key(now_us) {
            self.want_key(name, lane);
        }
    }

    /// The core merges what is asked for often.
    fn want_key(&self, (source, layer): &(PeerKey, Layer), lane: &mut Lane) {
        if let Some(layer) = unit::Layer::from_byte(layer.byte()).filter(|_| !layer.is_audio()) {
            lane.keys += 1;
            self.handle.command(Command::RequestKey { source: NodeId(source.0), layer });
        }
    }
}
