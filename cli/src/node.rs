//! The hub of a participant: it owns the overlay's handle, the key session and the pipelines, and
//! carries values between them. Frames don't pass here; they have ways of their own ([`crate::send`],
//! [`crate::receive`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keyagree::UnixTime;
use keyagree::gate::Gate;
use keyagree::identity::PeerKey;
use keyagree::lease::Lease;
use keyagree::session::{self, Input, Output, Session};
use media_pipeline::Layer;
use media_pipeline::capture::Capture;
use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Audience, Command, Event, Kind, LayerRate};
use overlay_core::{node, unit};
use overlay_libp2p::{Config, Events, Handle, Happening};
use parking_lot::Mutex;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use tokio::time::{Instant, interval, sleep_until};

use crate::args::Join;
use crate::authority::SharedGate;
use crate::fail::{Fail, Outcome};
use crate::journal::{Entry, Journal};
use crate::member::{Member, SharedClaims};
use crate::receive::Receiving;
use crate::seat::{Chair, Seat};
use crate::send::Sending;
use crate::waiting::Waiting;
use crate::{clock, core_journal, ladder, stop};

/// How often the meeting file is looked at and expired credentials are looked for.
const UPKEEP: Duration = Duration::from_millis(200);

/// A participant while it takes part.
pub struct Node {
    seat: Seat,
    timeout: Duration,
    handle: Handle,
    gate: SharedGate,
    claims: SharedClaims,
    session: Session,
    sending: Option<Sending>,
    receiving: Receiving,
    journal: Arc<Journal>,
    waiting: Waiting,
    /// A removed participant that colludes with a relay stays, to be measured.
    stays: bool,
    removed: bool,
}

impl Node {
    /// Takes part until somebody stops this process, or the meeting has no place for it.
    pub async fn take_part(args: Join, seat: Seat, capture: Option<Capture>, journal: Journal) -> Outcome {
        let journal = Arc::new(journal);
        let gate: SharedGate = Arc::new(Mutex::new(Gate::new(seat.invite.meeting(), seat.invite.issuer())));
        let claims = SharedClaims::default();
        let authority = Member {
            identity: Arc::clone(&seat.identity),
            gate: Arc::clone(&gate),
            credential: seat.credential(),
            claims: Arc::clone(&claims),
        };
        let (handle, mut events, frames) =
            overlay_libp2p::spawn(config(&args, &seat)?, authority).map_err(Fail::failed)?;
        let reference = args.probes.reference.as_ref().map(|folder| folder.join(seat.me().short()));
        let sending = capture.map(|capture| {
            let ladder = ladder::of(&capture, &args.size);
            Sending::new(capture, ladder, reference, handle.clone(), Arc::clone(&journal))
        });
        let sending = sending.transpose()?;
        let receiving = Receiving::start(&args, frames, handle.clone(), Arc::clone(&journal));
        let session = new_session(&seat);
        let mut node = Node {
            waiting: Waiting::new(seat.bootstrap.clone(), seat.chair.is_some()),
            stays: args.probes.colluder.is_some(),
            timeout: args.timeout,
            removed: false,
            seat,
            handle,
            gate,
            claims,
            session,
            sending,
            receiving,
            journal,
        };
        node.begin()?;
        let outcome = node.run(&mut events).await;
        node.end().await;
        outcome
    }

    fn begin(&mut self) -> Outcome {
        if let Some(chair) = &self.seat.chair {
            self.gate.lock().remove(&chair.past.removed);
            self.handle.command(Command::Coordinate { term: chair.past.term });
            self.read_meeting_file()?;
        }
        if let Some(sending) = &self.sending {
            self.handle.command(Command::Send(rates(sending.ladder())));
        }
        self.obey_session()
    }

    async fn run(&mut self, events: &mut Events) -> Outcome {
        let mut upkeep = interval(UPKEEP);
        let give_up = Instant::now() + self.timeout;
        let stop = stop::asked();
        tokio::pin!(stop);
        loop {
            let wake = self.session.deadline().map(|(at, _)| instant(at));
            let due = self.sending.as_ref().and_then(Sending::due).map(instant);
            tokio::select! {
                happening = events.recv() => match happening {
                    Some(happening) => self.on(happening)?,
                    None => return Err(Fail::failed("the network has stopped")),
                },
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.tell(Input::Tick)?,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some(sending) = &mut self.sending {
                        sending.go()?;
                    }
                }
                _ = upkeep.tick() => self.upkeep()?,
                () = sleep_until(give_up), if !self.waiting.is_over() => {
                    return Err(Fail::failed(self.waiting.gave_up(self.timeout)));
                }
                () = &mut stop => return Ok(()),
            }
        }
    }

    async fn end(&mut self) {
        if let Some(Err(error)) = self.sending.take().map(Sending::stop) {
            tracing::warn!(error, "sending ended early");
        }
        self.receiving.finish().await;
        self.handle.shutdown().await;
        self.journal.flush();
    }

    fn on(&mut self, happening: Happening) -> Outcome {
        match happening {
            Happening::Core(event) => self.on_overlay(event)?,
            Happening::Refused { peer, text, final_, theirs } => {
                tracing::warn!(%peer, text, theirs, "a link was refused");
                self.waiting.refused(peer, text, final_);
                if let Some(reason) = self.waiting.hopeless() {
                    return Err(Fail::failed(reason));
                }
            }
            Happening::Unreachable { contact, why } => self.waiting.unreachable(contact, why),
            Happening::Linked(peer) => self.waiting.linked(peer),
            Happening::Unlinked(peer) => self.waiting.unlinked(peer),
            other => tracing::debug!(?other),
        }
        Ok(())
    }

    fn on_overlay(&mut self, event: Event) -> Outcome {
        match event {
            Event::Keys { from, body } => return self.hear(PeerKey(from.0), body),
            Event::Departed { peer, .. } => return self.tell(Input::Departed(PeerKey(peer.0))),
            Event::OnStage { slot, feed } => {
                tracing::info!(slot, feed, "on stage");
                if let Some(sending) = &self.sending {
                    let streams = sending.ladder().iter().map(|layer| layer.byte()).collect();
                    return self.tell(Input::Send { streams });
                }
            }
            Event::OffStage => {
                tracing::info!("off stage: what this node captures isn't sent");
                return self.tell(Input::Silent);
            }
            Event::KeyWanted(layer) => {
                if let (Some(sending), Some(layer)) = (&self.sending, Layer::from_byte(layer as u8)) {
                    sending.request_key(layer);
                }
            }
            Event::Blame { peer, what } => tracing::warn!(%peer, what, "a peer broke the protocol"),
            other => tracing::debug!(?other),
        }
        Ok(())
    }

    /// A key message: for the gate, which learns who is shut out, and for the session.
    fn hear(&mut self, from: PeerKey, body: Vec<u8>) -> Outcome {
        let shut = self.gate.lock().heard(clock::unix(), from, &body);
        self.shut(shut);
        let Some(admission) = self.gate.lock().known(&from).cloned() else { return Ok(()) };
        self.tell(Input::Heard { from, admission, body })
    }

    fn shut(&self, peers: Vec<PeerKey>) {
        for peer in peers.into_iter().filter(|peer| *peer != self.seat.me()) {
            self.handle.command(Command::Shut(NodeId(peer.0)));
        }
    }

    fn tell(&mut self, input: Input) -> Outcome {
        self.session.handle(clock::unix(), input);
        self.obey_session()
    }

    fn obey_session(&mut self) -> Outcome {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Say(body) => self.handle.command(Command::Say { to: Audience::Everybody, body }),
                Output::Seal(keys) => {
                    if let Some(sending) = &mut self.sending {
                        sending.arm(keys);
                    }
                }
                Output::Open(key) => self.receiving.insert(key),
                // A removed participant keeps all that it had, as any attacker would.
                Output::Forget { label } if !self.removed => self.receiving.forget(label),
                Output::Forget { .. } => {}
                Output::Event(event) => self.on_session(event)?,
            }
        }
        Ok(())
    }

    fn on_session(&mut self, event: session::Event) -> Outcome {
        match event {
            session::Event::Admitted { .. } => self.waiting.admitted(),
            session::Event::Epoch { epoch, members, code, activate_at } => {
                eprintln!(
                    "{members} in the meeting. Verification code, the same for everybody: {}",
                    grouped(&code)
                );
                self.journal.write(|at_us| Entry::Epoch {
                    at_us,
                    term: epoch.term,
                    epoch: epoch.epoch,
                    activate_at_us: activate_at.0 * 1000,
                    members: members as u32,
                });
                return self.keep_bindings();
            }
            session::Event::Refused { reason } => return Err(Fail::failed(reason)),
            session::Event::Removed => return self.on_removed(),
            session::Event::Missing { source, why } => {
                eprintln!("What {source} sends can't be opened: {why}.");
            }
            other => tracing::info!(?other),
        }
        Ok(())
    }

    fn on_removed(&mut self) -> Outcome {
        if !self.stays {
            return Err(Fail::failed("the organiser removed you from the meeting"));
        }
        if !self.removed {
            self.removed = true;
            self.journal.write(|at_us| Entry::Removed { at_us });
            self.receiving.collude();
        }
        Ok(())
    }

    fn upkeep(&mut self) -> Outcome {
        let over = self.gate.lock().expire(clock::unix());
        self.shut(over);
        self.end_of_clip()?;
        if let Some(line) = self.waiting.news() {
            eprintln!("{line}");
        }
        let counted = self.handle.counters();
        self.journal.write(|at_us| Entry::Uplink {
            at_us,
            bytes_out: counted.wire_out,
            peak_kbps: counted.peak_kbps as u32,
            limit_kbps: counted.uplink_kbps.unwrap_or(u32::MAX),
        });
        self.read_meeting_file()
    }

    /// A clip that was to be played once leaves the stage to others.
    fn end_of_clip(&mut self) -> Outcome {
        if let Some(sending) = self.sending.take_if(|sending| sending.has_ended()) {
            match sending.stop() {
                Ok(()) => eprintln!("The clip has ended."),
                Err(error) => eprintln!("canopy: sending has stopped, receiving goes on: {error}"),
            }
            self.handle.command(Command::Send(Vec::new()));
            return self.tell(Input::Silent);
        }
        Ok(())
    }

    /// What `canopy lend` and `canopy remove` have changed since.
    fn read_meeting_file(&mut self) -> Outcome {
        let Some(Chair { file, .. }) = &self.seat.chair else { return Ok(()) };
        let meeting = file.load()?;
        let issuer = meeting.issuer();
        for line in &meeting.leases {
            let Ok(lease) = Lease::from_line(line) else { continue };
            if lease.check(clock::unix()).is_err() || self.claims.lock().contains_key(&lease.relay()) {
                continue;
            }
            let grant = issuer.grant(lease.relay(), lease.id(), lease.kbps(), lease.ends());
            let claim = lease.claim(meeting.id(), issuer.public(), &grant, self.seat.me());
            self.claims.lock().insert(lease.relay(), claim);
            for contact in lease.contacts() {
                if let Err(error) = self.handle.dial(contact) {
                    tracing::warn!(contact, %error, "a lease names a contact that can't be dialled");
                }
            }
        }
        let known = self.session.removed();
        for invite in meeting.removed().into_iter().filter(|invite| !known.contains(invite)) {
            let out = self.gate.lock().remove(&[invite]);
            self.tell(Input::Remove(invite))?;
            self.shut(out);
        }
        Ok(())
    }

    /// Which guest came with which invite must survive a crash, or an invite would let two in.
    fn keep_bindings(&mut self) -> Outcome {
        let Some(Chair { file, .. }) = &self.seat.chair else { return Ok(()) };
        let bindings: BTreeMap<_, _> = self.session.bindings().into_iter().collect();
        file.change(|meeting| {
            for guest in &mut meeting.guests {
                guest.peer = bindings.get(&guest.invite).copied().or(guest.peer);
            }
            Ok(())
        })
    }
}

fn config(args: &Join, seat: &Seat) -> Outcome<Config> {
    Ok(Config {
        seed: *seat.identity.seed().expose(),
        node: node::Config {
            me: NodeId(seat.me().0),
            kind: Kind::Participant,
            admitted: Admitted {
                kind: Kind::Participant,
                may_coordinate: seat.invite.role().may_coordinate(),
            },
            credential: seat.credential(),
            first_serial: clock::unix().0,
            uplink_kbps: args.uplink,
            contacts: seat.spot.contacts(seat.me()),
            watch: true,
        },
        listen: seat.spot.listen(),
        bootstrap: seat.bootstrap.clone(),
        uplink_kbps: Some(args.uplink),
        tap: None,
        journal: core_journal::create(args.probes.core_journal.as_deref())?,
    })
}

fn new_session(seat: &Seat) -> Session {
    let place = session::Seat {
        identity: Arc::clone(&seat.identity),
        meeting: seat.invite.meeting(),
        issuer: seat.invite.issuer(),
        invite: seat.invite.id(),
    };
    let rng = Box::new(UnwrapErr(SysRng));
    match &seat.chair {
        Some(chair) => Session::coordinator(clock::unix(), place, chair.past.clone(), rng),
        None => Session::member(clock::unix(), place, rng),
    }
}

/// The moment at which the program's clock will show `at`.
fn instant(at: UnixTime) -> Instant {
    Instant::now() + Duration::from_millis(at.since(clock::unix()))
}

/// What the layers cost, for the planner.
fn rates(ladder: &[Layer]) -> Vec<LayerRate> {
    ladder
        .iter()
        .filter_map(|layer| {
            Some(LayerRate { layer: unit::Layer::from_byte(layer.byte())?, kbps: layer.kbps() })
        })
        .collect()
}

/// Six groups of five digits, as people read them to each other.
fn grouped(code: &str) -> String {
    code.as_bytes().chunks(5).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}
