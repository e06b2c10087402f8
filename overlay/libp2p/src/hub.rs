//! The core, shared by all connections. A handler that has read a unit gives it to the core here,
//! puts what comes out into the children's queues, and writes them, all in one go on its own task.
//! What is not a unit or a message waits for the driver.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use overlay_core::id::NodeId;
use overlay_core::io::{Input, Output};
use overlay_core::node::Node;
use overlay_core::plan::Shape;
use overlay_core::shards;
use overlay_core::status::Status;
use overlay_core::time::Time;
use overlay_core::unit::{Cut, Frame, Layer, TreeId, Unit, UnitHeader};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use crate::clock::Clock;
use crate::config::{BACKLOG_MAX, Delivered, HOLD_MAX, TIMER_GRID};
use crate::counters::Counters;
use crate::errands::{Errand, Errands};
use crate::framing::{self, Parcel};
use crate::outlet::{Flushed, Outlet, Posted};
use crate::pacer::Pacer;
use crate::queue::Drops;
use crate::recorder::Recorder;

/// The core and what all tasks of a node share.
pub(crate) struct Hub {
    core: Mutex<Core>,
    line: Mutex<Line>,
    /// Outlets whose control waits for a unit, and until when at most; the earliest first.
    held: Mutex<VecDeque<(Time, Arc<Outlet>)>>,
    /// The uplink and the counters.
    pub(crate) pacer: Pacer,
    /// The one clock.
    pub(crate) clock: Clock,
    /// Shows units that came in.
    pub(crate) tap: Option<mpsc::Sender<Bytes>>,
    frames: mpsc::Sender<Delivered>,
    errands_waiting: AtomicUsize,
    driver: Notify,
}

/// Outlets that have something to write when the uplink has room, in turn.
#[derive(Default)]
struct Line {
    outlets: VecDeque<Arc<Outlet>>,
    /// When the first should have its turn.
    due: Time,
    /// They are having their turns: who comes back need not wake the driver, which is at it.
    serving: bool,
}

struct Core {
    node: Node<Parcel>,
    recorder: Option<Recorder>,
    links: BTreeMap<NodeId, Arc<Outlet>>,
    errands: Errands,
    /// When the driver will give the core its timer.
    armed: Time,
    /// The last frame put together for several children.
    framed: Option<(UnitHeader, Parcel, Bytes)>,
}

/// What one task has begun and must finish with [`Hub::settle`]; kept and used again, so that a unit
/// costs no allocation.
#[derive(Default)]
pub(crate) struct Batch {
    touched: Vec<Arc<Outlet>>,
    drops: Vec<(NodeId, Drops)>,
    scratch: Vec<u8>,
}

impl Hub {
    /// The hub of a node that knows nobody yet.
    pub(crate) fn new(
        node: Node<Parcel>,
        recorder: Option<Recorder>,
        limit_kbps: Option<u32>,
        tap: Option<mpsc::Sender<Bytes>>,
        frames: mpsc::Sender<Delivered>,
    ) -> Hub {
        let core = Core {
            node,
            recorder,
            links: BTreeMap::new(),
            errands: Errands::default(),
            armed: Time::ZERO,
            framed: None,
        };
        Hub {
            core: Mutex::new(core),
            line: Mutex::default(),
            held: Mutex::default(),
            pacer: Pacer::new(limit_kbps),
            clock: Clock::start(),
            tap,
            frames,
            errands_waiting: AtomicUsize::new(0),
            driver: Notify::new(),
        }
    }

    /// Gives the core one value. What it then has for others waits in `batch` for [`Hub::settle`].
    pub(crate) fn give(&self, now: Time, input: Input<Parcel>, batch: &mut Batch) {
        self.give_to(&mut self.core.lock(), now, input, batch);
    }

    fn give_to(&self, core: &mut Core, now: Time, input: Input<Parcel>, batch: &mut Batch) {
        // Under the same lock as the call, so that the journal has the core's own order.
        if let Some(recorder) = &mut core.recorder {
            recorder.told(now, &input);
        }
        core.node.handle(now, input);
        self.obey(now, core, batch);
        if let Some(recorder) = &mut core.recorder {
            recorder.done();
        }
    }

    /// Writes what has come together in `batch`, and tells the core what had to be dropped.
    pub(crate) fn settle(&self, now: Time, batch: &mut Batch) {
        loop {
            while let Some(outlet) = batch.touched.pop() {
                let mut drops = Drops::default();
                self.flush(now, &outlet, &mut drops, &mut batch.scratch);
                batch.note(outlet.peer(), drops);
            }
            if self.pacer.take_queued() {
                self.give(now, Input::Queued, batch);
                continue;
            }
            let Some((peer, drops)) = batch.drops.pop() else { return };
            self.pacer.count(|counters| counters.units_dropped += drops.count);
            for tree in drops.trees {
                self.tell_dropped(now, peer, tree, batch);
            }
        }
    }

    /// Tells the core that something for a peer was dropped. From then on it is the core alone that knows what the peer can use.
    fn tell_dropped(&self, now: Time, peer: NodeId, tree: TreeId, batch: &mut Batch) {
        let mut core = self.core.lock();
        if let Some(outlet) = core.links.get(&peer) {
            outlet.mend(tree);
        }
        self.give_to(&mut core, now, Input::Dropped { peer, tree }, batch);
    }

    /// Gives the core one value and does all that follows.
    pub(crate) fn tell(&self, input: Input<Parcel>) {
        let (now, mut batch) = (self.clock.now(), Batch::default());
        self.give(now, input, &mut batch);
        self.settle(now, &mut batch);
    }

    /// Lists an outlet that may have something to write.
    pub(crate) fn touch(&self, outlet: &Arc<Outlet>, batch: &mut Batch) {
        batch.touched.push(Arc::clone(outlet));
    }

    /// Gives those in line for the uplink one turn each, if it is time.
    pub(crate) fn serve_line(&self, now: Time, batch: &mut Batch) {
        let turns = {
            let mut line = self.line.lock();
            if now < line.due {
                return;
            }
            line.serving = true;
            line.outlets.len()
        };
        for _ in 0..turns {
            let Some(outlet) = self.line.lock().outlets.pop_front() else { break };
            outlet.called();
            self.touch(&outlet, batch);
            self.settle(now, batch);
        }
        let mut line = self.line.lock();
        line.serving = false;
        line.due = self.pacer.ready_at(now);
    }

    /// Writes control that no unit has taken along in time.
    pub(crate) fn release_held(&self, now: Time, batch: &mut Batch) {
        while let Some((due, outlet)) = self.held.lock().pop_front_if(|(due, _)| *due <= now) {
            if outlet.holds() {
                tracing::trace!(peer = %outlet.peer(), ?due, "control went alone");
                self.touch(&outlet, batch);
            }
        }
        self.settle(now, batch);
    }

    /// When control that is held must go. What a unit has taken along is forgotten here.
    pub(crate) fn held_due(&self) -> Option<Time> {
        let mut held = self.held.lock();
        while held.pop_front_if(|(_, outlet)| !outlet.holds()).is_some() {}
        held.front().map(|(due, _)| *due)
    }

    /// When somebody in line should have a turn.
    pub(crate) fn line_due(&self) -> Option<Time> {
        let line = self.line.lock();
        (!line.outlets.is_empty()).then_some(line.due)
    }

    /// When the core wants its timer; it is then armed.
    pub(crate) fn arm(&self) -> Option<Time> {
        let mut core = self.core.lock();
        let due = core.node.deadline().map(|(at, _)| on_grid(at));
        core.armed = due.unwrap_or(Time(u64::MAX));
        due
    }

    /// Comes back when the driver has something to do.
    pub(crate) async fn driver_wanted(&self) {
        self.driver.notified().await;
    }

    /// The next errand.
    pub(crate) fn errand(&self) -> Option<Errand> {
        let mut core = self.core.lock();
        let errand = core.errands.pop();
        self.errands_waiting.store(core.errands.len(), Ordering::Release);
        errand
    }

    /// True if control is not to be read now: the outlet's connection is woken when it is again.
    pub(crate) fn is_backed_up(&self, outlet: &Arc<Outlet>) -> bool {
        if self.errands_waiting.load(Ordering::Acquire) < BACKLOG_MAX {
            return false;
        }
        self.core.lock().errands.stalls(outlet)
    }

    /// The admitted way to a peer.
    pub(crate) fn link(&self, peer: NodeId) -> Option<Arc<Outlet>> {
        self.core.lock().links.get(&peer).cloned()
    }

    /// All admitted ways.
    pub(crate) fn links(&self) -> Vec<Arc<Outlet>> {
        self.core.lock().links.values().cloned().collect()
    }

    /// Makes this the way to its peer. The core must be told by the caller.
    pub(crate) fn set_link(&self, outlet: &Arc<Outlet>) {
        self.core.lock().links.insert(outlet.peer(), Arc::clone(outlet));
    }

    /// Forgets this way if it is the one to its peer; true if so. The core must be told by the caller.
    pub(crate) fn clear_link(&self, outlet: &Arc<Outlet>) -> bool {
        let mut core = self.core.lock();
        let is_it = core.links.get(&outlet.peer()).is_some_and(|link| Arc::ptr_eq(link, outlet));
        if is_it {
            core.links.remove(&outlet.peer());
        }
        is_it
    }

    /// All that the core was told so far is in its journal's file.
    pub(crate) fn flush_journal(&self) {
        if let Some(recorder) = &mut self.core.lock().recorder {
            recorder.flush();
        }
    }

    /// Neighbours in the lobby.
    pub(crate) fn waiting(&self) -> Vec<NodeId> {
        self.core.lock().node.waiting().collect()
    }

    /// Into how many units a frame of our own source is cut now.
    pub(crate) fn shape(&self, layer: Layer) -> Option<Shape> {
        self.core.lock().node.shape(layer)
    }

    /// The core's own place.
    pub(crate) fn status(&self) -> Status {
        self.core.lock().node.status()
    }

    /// What was carried, with what only the core knows.
    pub(crate) fn counters(&self) -> Counters {
        let (links, status) = {
            let core = self.core.lock();
            (core.links.len() as u32, core.node.status())
        };
        let children: std::collections::BTreeSet<NodeId> =
            status.trees.iter().flat_map(|tree| tree.children.iter().copied()).collect();
        Counters { links, children: children.len() as u32, ..self.pacer.counters() }
    }

    fn flush(&self, now: Time, outlet: &Arc<Outlet>, drops: &mut Drops, scratch: &mut Vec<u8>) {
        if outlet.flush(now, &self.pacer, drops, scratch) == Flushed::Paced {
            let mut line = self.line.lock();
            line.outlets.push_back(Arc::clone(outlet));
            if line.outlets.len() == 1 && !line.serving {
                line.due = self.pacer.ready_at(now);
                self.driver.notify_one();
            }
        }
    }

    /// Takes out of the core what it wants done.
    fn obey(&self, now: Time, core: &mut Core, batch: &mut Batch) {
        let had_errands = !core.errands.is_empty();
        while let Some(output) = core.node.poll() {
            if let Some(recorder) = &mut core.recorder {
                recorder.wants(&output);
            }
            match output {
                Output::Unit { to, unit } => core.send(now, to, unit, batch),
                Output::Control { to, bytes } => {
                    if let Some(outlet) = core.links.get(&to) {
                        self.post(now, outlet, framing::message(&bytes), batch);
                    }
                }
                Output::Deliver { source, feed, frame } => self.deliver(source, feed, frame),
                Output::Vet { from, note, signature } => {
                    core.errands.push(Errand::Vet(from, note, signature));
                }
                Output::Sign(note) => core.errands.push(Errand::Sign(note)),
                Output::VetList { from, source, list, signature } => {
                    core.errands.push(Errand::VetList(from, source, list, signature));
                }
                Output::SignList(list) => core.errands.push(Errand::SignList(list)),
                Output::Dial { peer, contacts } => core.errands.push(Errand::Dial(peer, contacts)),
                Output::Hangup(peer) => core.errands.push(Errand::Hangup(peer)),
                Output::Event(event) => core.errands.push(Errand::Tell(event)),
            }
        }
        let is_earlier = core.node.deadline().is_some_and(|(at, _)| on_grid(at) < core.armed);
        if is_earlier || (!had_errands && !core.errands.is_empty()) {
            self.errands_waiting.store(core.errands.len(), Ordering::Release);
            self.driver.notify_one();
        }
    }

    fn post(&self, now: Time, outlet: &Arc<Outlet>, frame: Bytes, batch: &mut Batch) {
        match outlet.push_control(now, frame, false) {
            Posted::List => batch.touched.push(Arc::clone(outlet)),
            Posted::Hold => {
                let mut held = self.held.lock();
                held.push_back((now + HOLD_MAX, Arc::clone(outlet)));
                if held.len() == 1 {
                    self.driver.notify_one();
                }
            }
            Posted::Listed => {}
        }
    }

    fn deliver(&self, source: NodeId, feed: u32, frame: Cut<Parcel>) {
        let Cut { layer, info, k, units } = frame;
        let Some(payload) = joined(&units, k) else {
            tracing::debug!(%source, number = info.number, "units that are of no one frame");
            return;
        };
        let frame = Frame { layer, info, payload };
        if self.frames.try_send(Delivered { source, feed, frame }).is_err() {
            self.pacer.count(|counters| counters.frames_dropped += 1);
        }
    }
}

impl Core {
    fn send(&mut self, now: Time, to: NodeId, unit: Unit<Parcel>, batch: &mut Batch) {
        let Some(outlet) = self.links.get(&to) else { return };
        let mut drops = Drops::default();
        let bytes = framed(&mut self.framed, &unit);
        if outlet.push_unit(now, bytes, unit.header, &mut drops) {
            batch.touched.push(Arc::clone(outlet));
        }
        batch.note(to, drops);
    }
}

/// The frame of these units; none if they contradict each other.
fn joined(units: &[(u8, Parcel)], k: u8) -> Option<Bytes> {
    if let [(_, whole)] = units {
        return Some(whole.payload());
    }
    let payloads: Vec<(u8, Bytes)> = units.iter().map(|(place, unit)| (*place, unit.payload())).collect();
    let units: Vec<(u8, &[u8])> = payloads.iter().map(|(place, bytes)| (*place, &bytes[..])).collect();
    shards::join(&units, k).map(Bytes::from)
}

/// The bytes of a unit; put together at most once for all its children.
fn framed(last: &mut Option<(UnitHeader, Parcel, Bytes)>, unit: &Unit<Parcel>) -> Bytes {
    if unit.payload.is_framed_for(&unit.header) {
        return unit.payload.as_read();
    }
    match last {
        Some((header, parcel, bytes)) if *header == unit.header && parcel.is_same(&unit.payload) => {
            bytes.clone()
        }
        _ => {
            let bytes = unit.payload.framed(&unit.header);
            *last = Some((unit.header, unit.payload.clone(), bytes.clone()));
            bytes
        }
    }
}

/// The next moment at which the core's timers are looked at.
fn on_grid(at: Time) -> Time {
    Time(at.0.div_ceil(TIMER_GRID.as_nanos() as u64).saturating_mul(TIMER_GRID.as_nanos() as u64))
}

impl Batch {
    fn note(&mut self, peer: NodeId, drops: Drops) {
        if drops.count > 0 {
            self.drops.push((peer, drops));
        }
    }
}
