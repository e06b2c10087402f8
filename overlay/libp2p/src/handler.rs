//! One connection: reads its lanes. Units and messages go to the core at once, on this task; what
//! makes or breaks the link goes to the driver as an event.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::swarm::handler::{
    ConnectionEvent, ConnectionHandler, ConnectionHandlerEvent, FullyNegotiatedInbound,
    FullyNegotiatedOutbound, SubstreamProtocol,
};
use libp2p::swarm::{Stream, StreamProtocol};
use overlay_core::io::Input;
use overlay_core::time::Time;

use crate::config::READ_TURN;
use crate::framing::{Control, Fault, Frames, Parcel};
use crate::hub::{Batch, Hub};
use crate::lane::Lane;
use crate::outlet::{Failure, Outlet};
use crate::upgrade::AnyLane;

/// What the driver must know of a connection.
#[derive(Debug)]
pub(crate) enum FromPeer {
    /// The first thing that a peer says.
    Hello {
        /// The version of the meeting protocol that it speaks.
        version: u16,
        /// What it shows.
        shown: Bytes,
    },
    /// It refuses the link.
    Refused {
        /// Of no use to try again.
        final_: bool,
        /// Why.
        text: String,
    },
    /// It broke the protocol.
    Fault(Fault),
    /// A stream failed: the connection is of no more use.
    Broken,
}

/// The reading side of one connection.
pub(crate) struct Handler {
    hub: Arc<Hub>,
    outlet: Arc<Outlet>,
    inlets: [Option<Frames<Stream>>; 3],
    /// Lanes out that are still to be opened.
    to_open: VecDeque<Lane>,
    /// The lanes for units were asked for.
    media_asked: bool,
    said_hello: bool,
    /// Nothing more is read: what there was to say about it has been said.
    over: bool,
    events: VecDeque<FromPeer>,
    batch: Batch,
}

impl Handler {
    /// The handler of a new connection.
    pub(crate) fn new(hub: Arc<Hub>, outlet: Arc<Outlet>) -> Handler {
        Handler {
            hub,
            outlet,
            inlets: [None, None, None],
            to_open: VecDeque::from([Lane::Control]),
            media_asked: false,
            said_hello: false,
            over: false,
            events: VecDeque::new(),
            batch: Batch::default(),
        }
    }

    fn read_all(&mut self, cx: &mut Context<'_>) {
        let now = self.hub.clock.now();
        let mut budget = READ_TURN;
        for lane in Lane::ALL {
            if let Err(end) = self.read_lane(lane, now, &mut budget, cx) {
                self.over = true;
                self.outlet.shut();
                self.events.push_back(end);
                break;
            }
        }
        self.hub.touch(&self.outlet, &mut self.batch);
        self.hub.settle(now, &mut self.batch);
    }

    fn read_lane(
        &mut self,
        lane: Lane,
        now: Time,
        budget: &mut usize,
        cx: &mut Context<'_>,
    ) -> Result<(), FromPeer> {
        let (mut read, mut units) = (0, 0);
        while self.may_read(lane) && self.inlets[lane as usize].is_some() {
            // Frames that came earlier go first: reading may have paused between two.
            if self.take_frames(lane, now, &mut units)? {
                continue;
            }
            if *budget == 0 {
                cx.waker().wake_by_ref();
                break;
            }
            let Some(inlet) = &mut self.inlets[lane as usize] else { break };
            match inlet.poll_fill(cx) {
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Err(FromPeer::Broken),
                Poll::Ready(Ok(count)) => {
                    read += count;
                    *budget = budget.saturating_sub(count);
                }
                Poll::Pending => break,
            }
        }
        if read > 0 {
            self.hub.pacer.read(now, lane, read, units);
        }
        Ok(())
    }

    /// Control is read until a hello waits for its verdict, and while errands don't pile up; units
    /// once the peer is admitted.
    fn may_read(&self, lane: Lane) -> bool {
        if self.over || self.outlet.is_shut() {
            return false;
        }
        let admitted = self.outlet.is_admitted();
        match lane {
            Lane::Control => (admitted || !self.said_hello) && !self.hub.is_backed_up(&self.outlet),
            Lane::Audio | Lane::Video => admitted,
        }
    }

    /// Takes the frames that have come whole; true if reading may go on without asking the stream.
    fn take_frames(&mut self, lane: Lane, now: Time, units: &mut u64) -> Result<bool, FromPeer> {
        let Some(inlet) = &mut self.inlets[lane as usize] else { return Ok(false) };
        let Some(frame) = inlet.next_frame().map_err(FromPeer::Fault)? else { return Ok(false) };
        if lane == Lane::Control {
            self.control(now, frame.freeze().slice(crate::framing::PREFIX..))?;
            return Ok(true);
        }
        let unit = Parcel::read(frame).map_err(FromPeer::Fault)?;
        if Lane::of_layer(unit.header.tree.layer) != lane {
            return Err(FromPeer::Fault(Fault::NotAUnit));
        }
        *units += 1;
        if let Some(tap) = &self.hub.tap {
            // A tap that is full misses some: it must never slow the relay down.
            let _ = tap.try_send(unit.payload.unit());
        }
        self.hub.give(now, Input::Unit { from: self.outlet.peer(), unit }, &mut self.batch);
        Ok(true)
    }

    fn control(&mut self, now: Time, frame: Bytes) -> Result<(), FromPeer> {
        match Control::decode(frame).map_err(FromPeer::Fault)? {
            Control::Hello { version, shown } if !self.said_hello => {
                self.said_hello = true;
                self.events.push_back(FromPeer::Hello { version, shown });
                Ok(())
            }
            Control::Refuse { final_, text } => Err(FromPeer::Refused { final_, text }),
            Control::Message(bytes) if self.outlet.is_admitted() => {
                let input = Input::Control { from: self.outlet.peer(), bytes: bytes.to_vec() };
                self.hub.give(now, input, &mut self.batch);
                Ok(())
            }
            Control::Hello { .. } | Control::Message(_) => Err(FromPeer::Fault(Fault::OutOfTurn)),
        }
    }

    fn opened_by_peer(&mut self, lane: Lane, stream: Stream, is_dialer_admitted: bool) {
        let fault = if self.inlets[lane as usize].is_some() {
            Some(Fault::LaneTwice)
        } else if lane != Lane::Control && !is_dialer_admitted {
            Some(Fault::OutOfTurn)
        } else {
            None
        };
        if let Some(fault) = fault
            && !self.over
        {
            self.over = true;
            self.outlet.shut();
            self.events.push_back(FromPeer::Fault(fault));
        } else {
            self.inlets[lane as usize] = Some(Frames::new(lane, stream));
        }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.outlet.close();
    }
}

type Step = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, Lane, FromPeer>;

impl ConnectionHandler for Handler {
    type FromBehaviour = std::convert::Infallible;
    type ToBehaviour = FromPeer;
    type InboundProtocol = AnyLane;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Lane;

    fn listen_protocol(&self) -> SubstreamProtocol<AnyLane, ()> {
        SubstreamProtocol::new(AnyLane, ())
    }

    /// The driver closes what is of no use.
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Some(failure) = self.outlet.attend(cx.waker())
            && !self.over
        {
            self.over = true;
            self.events.push_back(match failure {
                Failure::Broken => FromPeer::Broken,
                Failure::TooSlow => FromPeer::Fault(Fault::TooSlow),
            });
        }
        if self.outlet.is_admitted() && !self.media_asked {
            self.media_asked = true;
            self.to_open.extend([Lane::Audio, Lane::Video]);
        }
        if let Some(lane) = self.to_open.pop_front() {
            let upgrade = ReadyUpgrade::new(StreamProtocol::new(lane.protocol()));
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(upgrade, lane),
            });
        }
        self.read_all(cx);
        match self.events.pop_front() {
            Some(event) => Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(event)),
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, event: std::convert::Infallible) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, AnyLane, ReadyUpgrade<StreamProtocol>, (), Lane>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (lane, stream),
                ..
            }) => {
                let admitted = self.outlet.is_admitted() || self.outlet.is_ours();
                self.opened_by_peer(lane, stream, admitted);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info }) => {
                self.outlet.open(info, protocol);
            }
            ConnectionEvent::DialUpgradeError(_) if !self.over => {
                self.over = true;
                self.outlet.shut();
                self.events.push_back(FromPeer::Broken);
            }
            _ => {}
        }
    }
}
