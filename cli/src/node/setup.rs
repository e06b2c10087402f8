//! What a participant's network and key session are started with.

use std::sync::Arc;
use std::time::Duration;

use keyagree::UnixTime;
use keyagree::session::{self, Session};
use media_pipeline::Layer;
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Class, Kind, LayerRate, Lends};
use overlay_core::{node, unit};
use overlay_libp2p::Config;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use tokio::time::Instant;

use crate::args::Join;
use crate::fail::Outcome;
use crate::seat::Seat;
use crate::{clock, core_journal};

/// The overlay's.
pub fn config(args: &Join, lends: Lends, seat: &Seat) -> Outcome<Config> {
    Ok(Config {
        seed: *seat.identity.seed().expose(),
        node: node::Config {
            me: NodeId(seat.me().0),
            kind: Kind::Participant,
            admitted: Admitted {
                kind: Kind::Participant,
                class: if seat.invite.uses() > 1 { Class::Lobby } else { Class::Member },
                may_coordinate: seat.invite.role().may_coordinate(),
                owner: 0,
            },
            credential: seat.credential(),
            first_serial: clock::unix().0,
            uplink_kbps: args.uplink,
            lends,
            contacts: seat.spot.contacts(seat.me()),
            // Whoever is still in the lobby sees nobody.
            watch: args.headless && !args.probes.send_only,
            hidden: args.hide_ip,
        },
        listen: seat.spot.listen(),
        bootstrap: seat.bootstrap.clone(),
        uplink_kbps: Some(args.uplink),
        tap: None,
        journal: core_journal::create(args.probes.core_journal.as_deref())?,
    })
}

/// The key session.
pub fn new_session(seat: &Seat) -> Session {
    let place = session::Seat {
        identity: Arc::clone(&seat.identity),
        meeting: seat.invite.meeting(),
        issuer: seat.invite.issuer(),
        invite: seat.invite.id(),
        role: seat.invite.role(),
        credential: seat.credential(),
    };
    let rng = Box::new(UnwrapErr(SysRng));
    match &seat.chair {
        Some(chair) => Session::coordinator(clock::unix(), place, chair.past.clone(), rng),
        None => Session::member(clock::unix(), place, rng),
    }
}

/// The moment at which the program's clock will show `at`.
pub fn instant(at: UnixTime) -> Instant {
    Instant::now() + Duration::from_millis(at.since(clock::unix()))
}

/// What the layers cost, for the planner.
pub fn rates(ladder: &[Layer]) -> Vec<LayerRate> {
    ladder
        .iter()
        .filter_map(|layer| {
            Some(LayerRate { layer: unit::Layer::from_byte(layer.byte())?, kbps: layer.kbps() })
        })
        .collect()
}
