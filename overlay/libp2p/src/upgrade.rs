//! Accepting a stream of any lane, and telling which it is.

use std::convert::Infallible;
use std::future::{Ready, ready};

use libp2p::Stream;
use libp2p::core::upgrade::{InboundUpgrade, UpgradeInfo};
use libp2p::swarm::StreamProtocol;

use crate::lane::Lane;

/// Accepts the three lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnyLane;

impl UpgradeInfo for AnyLane {
    type Info = StreamProtocol;
    type InfoIter = [StreamProtocol; 3];

    fn protocol_info(&self) -> [StreamProtocol; 3] {
        Lane::ALL.map(|lane| StreamProtocol::new(lane.protocol()))
    }
}

impl InboundUpgrade<Stream> for AnyLane {
    type Output = (Lane, Stream);
    type Error = Infallible;
    type Future = Ready<Result<(Lane, Stream), Infallible>>;

    fn upgrade_inbound(self, stream: Stream, name: StreamProtocol) -> Self::Future {
        let lane = Lane::ALL.into_iter().find(|lane| lane.protocol() == name.as_ref());
        ready(Ok((lane.unwrap_or(Lane::Control), stream)))
    }
}
