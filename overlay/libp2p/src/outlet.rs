//! What goes out to one peer over one connection: its lanes' queues and streams. Whoever has
//! something for the peer writes it here and now, on its own task; the connection's own task is only
//! needed when the stream was full.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::AsyncWrite;
use libp2p::Stream;
use overlay_core::id::NodeId;
use overlay_core::time::Time;
use overlay_core::unit::{TreeId, UnitHeader};
use parking_lot::Mutex;

use crate::config::{self, WRITE_TURN};
use crate::lane::Lane;
use crate::pacer::Pacer;
use crate::queue::{Drops, Pushed, Queue};

/// One connection's way out. Shared by the handler of the connection, the driver, and all who feed
/// the peer.
pub(crate) struct Outlet {
    peer: NodeId,
    is_ours: bool,
    admitted: AtomicBool,
    shut: AtomicBool,
    inner: Mutex<Inner>,
}

struct Inner {
    lanes: [Way; 3],
    /// Wakes the connection's task.
    waker: Waker,
    /// Stands in a list of those who have something to write.
    listed: bool,
    /// Control waits for the next unit to the same peer.
    holds: bool,
    /// When the peer was last fed a unit.
    fed_at: Option<Time>,
    /// Stands in the line for the uplink.
    in_line: bool,
    /// Why the connection is of no more use.
    failure: Option<Failure>,
}

/// One lane: its queue, and its stream once that is open.
struct Way {
    lane: Lane,
    queue: Queue,
    stream: Option<Stream>,
    /// The stream took no more; the connection's task is woken when it does.
    full: bool,
}

/// Why a way out is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A stream took no more for good.
    Broken,
    /// The peer reads so slowly that control messages pile up.
    TooSlow,
}

/// What became of a control frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// The outlet is to be listed for a flush.
    List,
    /// It waits for the next unit, at most [`config::HOLD_MAX`]: to be listed then.
    Hold,
    /// It stands in a list already.
    Listed,
}

/// What is left after a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Nothing that could be written now.
    Done,
    /// The uplink has no room: stand in line.
    Paced,
}

impl Outlet {
    /// The way out to `peer`, not yet admitted; `is_ours` if we have dialled.
    pub(crate) fn new(peer: NodeId, is_ours: bool) -> Outlet {
        let lanes = Lane::ALL.map(|lane| Way { lane, queue: Queue::new(lane), stream: None, full: false });
        let inner = Inner {
            lanes,
            waker: Waker::noop().clone(),
            listed: false,
            holds: false,
            fed_at: None,
            in_line: false,
            failure: None,
        };
        let (admitted, shut) = (AtomicBool::new(false), AtomicBool::new(false));
        Outlet { peer, is_ours, admitted, shut, inner: Mutex::new(inner) }
    }

    /// Whom it leads to.
    pub(crate) fn peer(&self) -> NodeId {
        self.peer
    }

    /// True if we have dialled.
    pub(crate) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Both may now say more than hello.
    pub(crate) fn admit(&self) {
        self.admitted.store(true, Ordering::Release);
        self.inner.lock().waker.wake_by_ref();
    }

    /// True once the peer was admitted.
    pub(crate) fn is_admitted(&self) -> bool {
        self.admitted.load(Ordering::Acquire)
    }

    /// Nothing more is taken from the peer or sent to it, except what waits on the control lane.
    pub(crate) fn shut(&self) {
        self.shut.store(true, Ordering::Release);
        self.inner.lock().waker.wake_by_ref();
    }

    /// True once it was shut.
    pub(crate) fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Acquire)
    }

    /// Wakes the connection's task, which then reads on.
    pub(crate) fn wake(&self) {
        self.inner.lock().waker.wake_by_ref();
    }

    /// Remembers the connection's task; tells if the way out has failed.
    pub(crate) fn attend(&self, waker: &Waker) -> Option<Failure> {
        let mut inner = self.inner.lock();
        if !inner.waker.will_wake(waker) {
            inner.waker = waker.clone();
        }
        for way in &mut inner.lanes {
            way.full = false;
        }
        inner.failure
    }

    /// Gives a lane its stream, and names the lane to the peer at once: QUIC shows the peer each stream below one that
    /// carries something, and a stream that stays nameless is given up there.
    pub(crate) fn open(&self, lane: Lane, mut stream: Stream) {
        let mut inner = self.inner.lock();
        // A stream that has failed says so again when something is written.
        let _ = Pin::new(&mut stream).poll_flush(&mut Context::from_waker(&inner.waker));
        inner.lanes[lane as usize].stream = Some(stream);
    }

    /// Lets go of the streams, when the connection ends.
    pub(crate) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.failure = Some(Failure::Broken);
        inner.lanes.iter_mut().for_each(|way| way.stream = None);
    }

    /// Puts a control frame at the end. One that is not `urgent` waits for a unit that is due soon.
    pub(crate) fn push_control(&self, now: Time, bytes: Bytes, urgent: bool) -> Posted {
        let mut inner = self.inner.lock();
        if inner.lanes[Lane::Control as usize].queue.push_control(now, bytes) == Pushed::NoRoom {
            inner.failure = Some(Failure::TooSlow);
            inner.waker.wake_by_ref();
        }
        if inner.listed || inner.holds {
            return Posted::Listed;
        }
        let fed_lately = inner.fed_at.is_some_and(|fed_at| now.since(fed_at) < config::FED_LATELY);
        if fed_lately && !urgent {
            inner.holds = true;
            return Posted::Hold;
        }
        inner.listed = true;
        Posted::List
    }

    /// True while control waits for the next unit.
    pub(crate) fn holds(&self) -> bool {
        self.inner.lock().holds
    }

    /// Puts a unit at the end; true if the outlet is to be listed for a flush.
    pub(crate) fn push_unit(&self, now: Time, bytes: Bytes, header: UnitHeader, dropped: &mut Drops) -> bool {
        let mut inner = self.inner.lock();
        let way = &mut inner.lanes[Lane::of_layer(header.tree.layer) as usize];
        let pushed = way.queue.push_unit(now, bytes, header, dropped);
        inner.fed_at = Some(now);
        pushed == Pushed::Kept && !std::mem::replace(&mut inner.listed, true)
    }

    /// The core knows that something of a tree was dropped, see [`Queue::mend`].
    pub(crate) fn mend(&self, tree: TreeId) {
        self.inner.lock().lanes[Lane::of_layer(tree.layer) as usize].queue.mend(tree);
    }

    /// True if nothing waits on the control lane.
    pub(crate) fn is_quiet(&self) -> bool {
        self.inner.lock().lanes[Lane::Control as usize].queue.is_empty()
    }

    /// Writes what the streams and the uplink take now, the most urgent lane first. Says
    /// [`Flushed::Paced`] once, until [`Outlet::called`].
    pub(crate) fn flush(
        &self,
        now: Time,
        pacer: &Pacer,
        dropped: &mut Drops,
        scratch: &mut Vec<u8>,
    ) -> Flushed {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        inner.listed = false;
        inner.holds = false;
        let mut cx = Context::from_waker(&inner.waker);
        let mut turn = WRITE_TURN;
        let mut paced = false;
        for way in &mut inner.lanes {
            match way.flush(now, pacer, &mut cx, &mut turn, dropped, scratch) {
                Ok(Flushed::Done) => {}
                Ok(Flushed::Paced) => paced = true,
                Err(()) => inner.failure = Some(Failure::Broken),
            }
        }
        if inner.failure.is_some() {
            inner.waker.wake_by_ref();
        }
        if paced && !std::mem::replace(&mut inner.in_line, true) { Flushed::Paced } else { Flushed::Done }
    }

    /// It no longer stands in the line for the uplink.
    pub(crate) fn called(&self) {
        self.inner.lock().in_line = false;
    }
}

impl Way {
    fn flush(
        &mut self,
        now: Time,
        pacer: &Pacer,
        cx: &mut Context<'_>,
        turn: &mut usize,
        dropped: &mut Drops,
        scratch: &mut Vec<u8>,
    ) -> Result<Flushed, ()> {
        let Some(stream) = &mut self.stream else { return Ok(Flushed::Done) };
        while !self.full && !self.queue.is_empty() {
            self.queue.drop_stale(now, dropped);
            let bytes = self.queue.front(scratch);
            if bytes.is_empty() {
                break;
            }
            let granted = pacer.grant(now, self.lane, bytes.len(), *turn);
            if granted == 0 {
                return Ok(Flushed::Paced);
            }
            let written = match Pin::new(&mut *stream).poll_write(cx, &bytes[..granted]) {
                Poll::Ready(Ok(count)) if count > 0 => count,
                Poll::Ready(_) => return Err(()),
                Poll::Pending => {
                    self.full = true;
                    0
                }
            };
            let since = self.queue.since().unwrap_or(now);
            let done = self.queue.advance(written);
            pacer.wrote(now, self.lane, granted, written, done, since);
            *turn = turn.saturating_sub(written);
        }
        Ok(Flushed::Done)
    }
}
