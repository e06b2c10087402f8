//! A peer that speaks the streams by hand: whatever a program other than ours could send.

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};
use libp2p_stream as stream;
use overlay_core::id::NodeId;
use overlay_libp2p::node_id_of;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::harness::PATIENCE;

/// A connection to a node.
pub(crate) struct Raw {
    me: PeerId,
    node: PeerId,
    control: stream::Control,
    incoming: stream::IncomingStreams,
    pictures: stream::IncomingStreams,
    lanes: Vec<libp2p::Stream>,
    closed: watch::Receiver<bool>,
}

impl Raw {
    pub(crate) async fn dial(contact: &str) -> Raw {
        let mut swarm: Swarm<stream::Behaviour> = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .expect("a transport")
            .with_quic()
            .with_behaviour(|_| stream::Behaviour::new())
            .expect("a behaviour")
            .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(PATIENCE * 2))
            .build();
        let address: Multiaddr = contact.parse().expect("an address");
        let node = match address.iter().last() {
            Some(libp2p::multiaddr::Protocol::P2p(peer)) => peer,
            _ => panic!("a contact names its peer"),
        };
        let mut control = swarm.behaviour().new_control();
        let incoming = control.accept(StreamProtocol::new("/canopy/control")).expect("once");
        let pictures = control.accept(StreamProtocol::new("/canopy/video")).expect("once");
        let me = *swarm.local_peer_id();
        swarm.dial(address).expect("it can be dialled");
        let (tell, closed) = watch::channel(false);
        let (up_in, up) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let mut up_in = Some(up_in);
            loop {
                match swarm.select_next_some().await {
                    SwarmEvent::ConnectionEstablished { .. } => {
                        up_in.take().map(|up| up.send(()));
                    }
                    SwarmEvent::ConnectionClosed { .. } => {
                        let _ = tell.send(true);
                    }
                    _ => {}
                }
            }
        });
        timeout(PATIENCE, up).await.expect("in time").expect("connected");
        Raw { me, node, control, incoming, pictures, lanes: Vec::new(), closed }
    }

    pub(crate) fn me(&self) -> NodeId {
        let contact = format!("/ip4/127.0.0.1/tcp/1/p2p/{}", self.me);
        node_id_of(&contact).expect("Ed25519")
    }

    /// Opens a lane and writes these bytes; the lane stays open. Fails silently when the node has
    /// had enough in the middle.
    pub(crate) async fn write(&mut self, lane: &'static str, bytes: &[u8]) {
        let opened = self.control.open_stream(self.node, StreamProtocol::new(lane)).await;
        let Ok(mut opened) = opened else { return };
        let _ = opened.write_all(bytes).await;
        let _ = opened.flush().await;
        self.lanes.push(opened);
    }

    /// Writes more to the lane that was opened last.
    pub(crate) async fn write_on(&mut self, bytes: &[u8]) -> bool {
        let Some(lane) = self.lanes.last_mut() else { return false };
        lane.write_all(bytes).await.is_ok() && lane.flush().await.is_ok()
    }

    /// Writes more to the lane that was opened first.
    pub(crate) async fn write_control(&mut self, bytes: &[u8]) {
        let lane = self.lanes.first_mut().expect("it has said hello");
        lane.write_all(bytes).await.expect("the node reads");
        lane.flush().await.expect("the node reads");
    }

    pub(crate) async fn say_hello(&mut self, version: u16, shown: &[u8]) {
        let mut body = vec![0];
        body.extend(version.to_be_bytes());
        body.extend(shown);
        self.write("/canopy/control", &framed(&body)).await;
    }

    /// The refusal that the node sends.
    pub(crate) async fn refusal(&mut self) -> String {
        let frame = self.frame().await;
        assert_eq!(frame[..2], [1, 1], "a final refusal");
        String::from_utf8(frame[2..].to_vec()).expect("text")
    }

    /// The first control frame that the node sends.
    pub(crate) async fn frame(&mut self) -> Vec<u8> {
        let (_, mut stream) =
            timeout(PATIENCE, self.incoming.next()).await.expect("in time").expect("the node opens its lane");
        let body = next_frame(&mut stream).await;
        self.lanes.push(stream);
        body
    }

    /// The lane by which the node sends pictures.
    pub(crate) async fn pictures(&mut self) -> libp2p::Stream {
        let (_, stream) =
            timeout(PATIENCE, self.pictures.next()).await.expect("in time").expect("the node opens its lane");
        stream
    }

    pub(crate) async fn until_closed(mut self) {
        let waited = timeout(PATIENCE, self.closed.wait_for(|closed| *closed)).await;
        let _ = waited.expect("the node closes the connection").expect("the swarm runs");
    }
}

/// The next frame on a lane, without its length.
pub(crate) async fn next_frame(stream: &mut libp2p::Stream) -> Vec<u8> {
    let mut len = [0; 4];
    stream.read_exact(&mut len[1..]).await.expect("a length");
    let mut body = vec![0; u32::from_be_bytes(len) as usize];
    stream.read_exact(&mut body).await.expect("a body");
    body
}

pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend(body);
    frame
}
