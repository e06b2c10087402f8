//! A relay's berth: its node in one meeting, with a key, a port, a gate and a lease of its own.

use std::sync::Arc;
use std::time::Duration;

use keyagree::UnixTime;
use keyagree::identity::{Identity, PeerKey};
use keyagree::lease::LeaseHolder;
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Class, Command, Event, Kind, Lends};
use overlay_core::node;
use overlay_libp2p::{Config, Counters, Events, Handle, Happening};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::division::Part;
use super::volunteer::{ClaimedGate, Volunteer};
use crate::args;
use crate::authority;
use crate::fail::{Fail, Outcome};
use crate::place::Spot;
use crate::{clock, core_journal, entropy, tap};

/// Frames that wait for the colluding relay's listeners.
const TAP_QUEUE: usize = 1024;
/// A meeting in which nobody was for so long is taken to be over, or not to have begun.
const EMPTY_AFTER: Duration = Duration::from_secs(30);

/// A relay's node in one meeting, as the rest of the relay sees it.
pub struct Berth {
    /// Its key there.
    pub me: PeerKey,
    handle: Handle,
    gate: ClaimedGate,
    line: Zeroizing<String>,
    /// What the core was told last.
    told: Part,
    /// When somebody was last linked, since it was claimed.
    linked: Option<Instant>,
    #[cfg(unix)]
    _told: Option<crate::status::Told>,
}

/// What a lease says.
#[derive(Clone, Copy)]
pub struct Promise {
    /// kbit/s.
    pub kbps: u32,
    /// Its end.
    pub ends: UnixTime,
}

impl Berth {
    /// Starts the `nth` node, counted from 0; what it hears is seen to in `serving`.
    pub async fn open(
        args: &args::Relay,
        nth: u16,
        lease: Promise,
        part: Part,
        serving: &mut JoinSet<()>,
    ) -> Outcome<Berth> {
        let mut rng = entropy::rng();
        let identity = Arc::new(Identity::generate(&mut rng));
        let me = identity.public();
        let spot = Spot::choose(&args.place.nth(nth)?)?;
        let contacts = spot.contacts(me);
        let holder = LeaseHolder::generate(&mut rng, me, lease.kbps, lease.ends);
        let line = holder.lease(contacts.clone()).map_err(Fail::failed)?.to_line();
        let (claimed, claims) = mpsc::channel(4);
        let gate = ClaimedGate::default();
        let authority =
            Volunteer { identity: Arc::clone(&identity), holder, gate: Arc::clone(&gate), claimed };
        let tap = match args.tap {
            Some(address) => {
                let (sender, frames) = mpsc::channel(TAP_QUEUE);
                let served = tap::serve(address, frames).await;
                served.map_err(|error| Fail::failed(format!("{address}: {error}")))?;
                Some(sender)
            }
            None => None,
        };
        let config = Config {
            seed: *identity.seed().expose(),
            node: node::Config {
                me: NodeId(me.0),
                kind: Kind::Relay,
                admitted: Admitted {
                    kind: Kind::Relay,
                    class: Class::Member,
                    may_coordinate: false,
                    owner: 0,
                },
                credential: Vec::new(),
                first_serial: clock::unix().0,
                uplink_kbps: part.sends_kbps,
                lends: Lends::UpTo(part.lends_kbps),
                contacts,
                watch: false,
                hidden: false,
            },
            listen: spot.listen(),
            bootstrap: Vec::new(),
            uplink_kbps: Some(part.sends_kbps),
            tap,
            journal: core_journal::create(args.core_journal.as_deref())?,
        };
        let (handle, happenings, _frames) = overlay_libp2p::spawn(config, authority).map_err(Fail::failed)?;
        serving.spawn(serve(handle.clone(), Arc::clone(&gate), claims, happenings));
        Ok(Berth {
            me,
            #[cfg(unix)]
            _told: crate::status::Told::open(&handle, nth),
            handle,
            gate,
            line,
            told: part,
            linked: None,
        })
    }

    /// The lease line, until somebody claims it.
    pub fn line(&self) -> Option<&str> {
        self.gate.lock().is_none().then_some(self.line.as_str())
    }

    /// What it has carried so far.
    pub fn counters(&self) -> Counters {
        self.handle.counters()
    }

    /// True while a meeting uses it: it is claimed, and somebody is linked, or was lately.
    pub fn is_held(&mut self, now: Instant) -> bool {
        if self.line().is_none() && self.handle.counters().links > 0 {
            self.linked = Some(now);
        }
        self.linked.is_some_and(|linked| now - linked < EMPTY_AFTER)
    }

    /// What its children cost by the planner's formula, kbit/s.
    pub fn used_kbps(&self) -> u32 {
        self.handle.status().committed_kbps
    }

    /// Has this of the limit from now on. Whoever is fed from here beyond what it lends is moved, not starved.
    pub fn have(&mut self, part: Part) {
        let told = std::mem::replace(&mut self.told, part);
        if told.lends_kbps != part.lends_kbps {
            self.handle.command(Command::Lend(Lends::UpTo(part.lends_kbps)));
        }
        if told.sends_kbps != part.sends_kbps {
            self.handle.command(Command::Uplink { kbps: part.sends_kbps });
        }
    }

    /// Ends what is over by now in its meeting.
    pub fn end_what_is_over(&self) {
        if let Some(gate) = self.gate.lock().clone() {
            authority::end_what_is_over(&gate, &self.handle);
        }
    }

    /// Takes leave of the meeting.
    pub async fn close(&self) {
        self.handle.shutdown().await;
    }
}

/// Sees to what the node hears, until it ends.
async fn serve(
    handle: Handle,
    gate: ClaimedGate,
    mut claims: mpsc::Receiver<Vec<u8>>,
    mut happenings: Events,
) {
    loop {
        tokio::select! {
            happening = happenings.recv() => match happening {
                Some(happening) => heard(&handle, &gate, happening),
                None => return,
            },
            Some(credential) = claims.recv() => handle.command(Command::Credential(credential)),
        }
    }
}

fn heard(handle: &Handle, gate: &ClaimedGate, happening: Happening) {
    match happening {
        Happening::Core(Event::Keys { from, body }) => {
            let gate = gate.lock().clone();
            let shut = gate.map(|gate| gate.lock().heard(clock::unix(), PeerKey(from.0), &body));
            for peer in shut.unwrap_or_default() {
                tracing::info!(%peer, "shut out");
                handle.command(Command::Shut(NodeId(peer.0)));
            }
        }
        Happening::Core(Event::Blame { peer, what }) => {
            tracing::warn!(%peer, what, "a peer broke the protocol");
        }
        Happening::Refused { peer, text, .. } => {
            tracing::warn!(?peer, text, "a peer was refused, or refused us");
        }
        other => tracing::debug!(?other),
    }
}
