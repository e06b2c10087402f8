//! The hub of a participant: it owns the overlay's handle, the key session and the pipelines, and
//! carries values between them. Frames don't pass here; they have ways of their own ([`crate::send`],
//! [`crate::receive`], [`crate::window`]).

mod chair;
mod keys;
mod people;
mod setup;
mod shown;
mod voice;
mod window;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use canopy_players::journal::{Entry, Journal};
use keyagree::UnixTime;
use keyagree::gate::Gate;
use keyagree::identity::PeerKey;
use keyagree::session::{Input, Session};
use media_pipeline::Layer;
use media_pipeline::capture::Capture;
use overlay_core::io::{Command, Event};
use overlay_libp2p::{Events, Handle, Happening};
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::args::Join;
use crate::authority::{self, SharedGate};
use crate::exit::Exit;
use crate::fail::{Fail, Outcome};
use crate::lending::Lending;
use crate::member::{Member, SharedClaims, SharedCredential};
use crate::receive::Receiving;
use crate::room::Room;
use crate::seat::Seat;
use crate::send::Sending;
use crate::source::Source;
use crate::talk::{self, Here};
use crate::waiting::Waiting;
use crate::window::Served;
use crate::window::api::ToPage;
use crate::{clock, ladder, stop};
use chair::Door;
use setup::{config, instant, new_session, rates};
use voice::Voice;
use window::{Window, asked};

/// How often the meeting file is looked at and expired credentials are looked for.
const UPKEEP: Duration = Duration::from_millis(200);
/// How often frames on their way to the page are looked at that wait for others.
const TURN: Duration = Duration::from_millis(20);
/// How long the page has to hear that it is over.
const GOODBYE: Duration = Duration::from_millis(300);

/// A participant while it takes part.
pub struct Node {
    seat: Seat,
    timeout: Duration,
    handle: Handle,
    gate: SharedGate,
    claims: SharedClaims,
    credential: SharedCredential,
    session: Session,
    source: Option<Source>,
    receiving: Receiving,
    journal: Arc<Journal>,
    waiting: Waiting,
    /// A removed participant that colludes with a relay stays, to be measured.
    stays: bool,
    removed: bool,
    door: Door,
    window: Option<Window>,
    lending: Lending,
    voice: Voice,
    room: Room,
    /// Sources of whom all that comes is covered by lists that they signed; no more than the stage has places.
    verified: BTreeSet<PeerKey>,
    /// How this node takes part; nothing while it is in the lobby.
    here: Option<Here>,
    /// What this node's user is called.
    called: String,
    /// How many hold the epoch's secret.
    members: usize,
    /// When to tell the others so.
    here_due: Option<UnixTime>,
    /// The page shows something that is no longer so.
    dirty: bool,
    /// This node has ended the meeting, and says so until the next upkeep.
    ending: bool,
    /// Why the meeting is over for this node.
    ended: Option<&'static str>,
}

impl Node {
    /// Takes part until somebody stops this process, or the meeting has no place for it.
    /// `served` is the page, where there is one.
    pub async fn take_part(
        args: Join,
        lending: Lending,
        seat: Seat,
        capture: Option<Capture>,
        served: Option<Served>,
        journal: Journal,
    ) -> Outcome {
        let journal = Arc::new(journal);
        let gate: SharedGate = Arc::new(Mutex::new(Gate::new(seat.invite.meeting(), seat.invite.issuer())));
        let claims = SharedClaims::default();
        let credential = SharedCredential::new(Mutex::new(seat.credential()));
        let authority = Member {
            identity: Arc::clone(&seat.identity),
            gate: Arc::clone(&gate),
            credential: Arc::clone(&credential),
            claims: Arc::clone(&claims),
        };
        let (handle, mut events, frames) =
            overlay_libp2p::spawn(config(&args, lending.lends(), &seat)?, authority).map_err(Fail::failed)?;
        let reference = args.probes.reference.as_ref().map(|folder| folder.join(seat.me().short()));
        let voice = Voice::new(args.gallery);
        let source = capture.map(|capture| {
            let ladder = ladder::of(&capture, &args.size);
            let exit = Exit::new(Arc::clone(&voice.ear), handle.clone(), Arc::clone(&journal));
            Sending::new(capture, ladder, reference, exit)
        });
        let source = source.transpose()?.map(|sending| Source::Studio(Box::new(sending)));
        let name = talk::name(args.name.as_deref().unwrap_or_default());
        let here = args.headless.then(|| headless(source.as_ref()));
        let window = served.map(|served| {
            let largest = (!args.listen_only).then(|| ladder::largest(&args.size));
            Window::open(served, handle.clone(), name.clone(), largest)
        });
        let incoming = window.as_ref().map(|window| Arc::clone(&window.incoming));
        let receiving = Receiving::start(&args, frames, handle.clone(), Arc::clone(&journal), incoming);
        let session = new_session(&seat);
        let mut node = Node {
            waiting: Waiting::new(seat.bootstrap.clone(), seat.chair.is_some()),
            stays: args.probes.colluder.is_some(),
            timeout: args.timeout,
            removed: false,
            door: Door::new(seat.chair.as_ref().is_some_and(|chair| chair.past.locked)),
            seat,
            handle,
            gate,
            claims,
            credential,
            session,
            source,
            receiving,
            journal,
            window,
            lending,
            voice,
            room: Room::default(),
            verified: BTreeSet::new(),
            here,
            called: String::new(),
            members: 0,
            here_due: None,
            dirty: false,
            ending: false,
            ended: None,
        };
        #[cfg(unix)]
        let _told = crate::status::Told::open(&node.handle, 0);
        node.begin()?;
        if node.here.is_some() {
            node.call_me(&name)?;
        }
        let outcome = node.run(&mut events).await;
        node.end(&outcome).await;
        outcome
    }

    fn begin(&mut self) -> Outcome {
        if let Some(chair) = &self.seat.chair {
            self.gate.lock().remove(&chair.past.removed);
            self.handle.command(Command::Coordinate { term: chair.past.term });
            self.read_meeting_file()?;
        }
        if let Some(source) = &self.source {
            self.handle.command(Command::Send(rates(source.ladder())));
        }
        self.obey_session()
    }

    async fn run(&mut self, events: &mut Events) -> Outcome {
        let mut upkeep = interval(UPKEEP);
        let mut turn = interval(TURN);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let give_up = Instant::now() + self.timeout;
        let stop = stop::asked();
        tokio::pin!(stop);
        loop {
            let wake = self.session.deadline().map(|(at, _)| instant(at));
            let floor = self.voice.due().filter(|_| self.session.coordinates()).map(instant);
            let due = self.source.as_ref().and_then(Source::due).map(instant);
            tokio::select! {
                happening = events.recv() => match happening {
                    Some(happening) => self.on(happening)?,
                    None => return Err(Fail::failed("the network has stopped")),
                },
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.tell(Input::Tick)?,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some(source) = &mut self.source {
                        source.go()?;
                        self.dirty = true;
                    }
                }
                () = sleep_until(floor.unwrap_or_else(Instant::now)), if floor.is_some() => self.give_floor(),
                heard = self.voice.listens.changed() => {
                    // It can't fail: this node holds the other end.
                    if heard.is_ok() {
                        self.speak()?;
                    }
                }
                request = asked(&mut self.window) => {
                    if self.on_page(request)? {
                        return Ok(());
                    }
                }
                _ = turn.tick(), if self.window.is_some() => {
                    if let Some(window) = &self.window {
                        window.incoming.turn(clock::wall_us());
                    }
                }
                _ = upkeep.tick() => {
                    self.upkeep()?;
                    if let Some(why) = self.ended {
                        eprintln!("{why}");
                        return Ok(());
                    }
                }
                () = sleep_until(give_up), if !self.waiting.is_over() => {
                    return Err(Fail::failed(self.waiting.gave_up(self.timeout)));
                }
                () = &mut stop => return Ok(()),
            }
        }
    }

    async fn end(&mut self, outcome: &Outcome) {
        let text = match outcome {
            Ok(()) => self.ended.unwrap_or("You have left the meeting.").to_owned(),
            Err(fail) => fail.to_string(),
        };
        self.tell_page(&ToPage::Over { text });
        if self.window.is_some() {
            sleep(GOODBYE).await;
        }
        if let Some(Err(error)) = self.source.take().map(Source::stop) {
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
                return self.give_up_if_hopeless();
            }
            Happening::Unreachable { contact, why } => self.waiting.unreachable(contact, why),
            Happening::Linked(peer) => self.waiting.linked(peer),
            Happening::Unlinked(peer) => {
                self.waiting.unlinked(peer);
                // The last refusal may have come before the last link went.
                return self.give_up_if_hopeless();
            }
            other => tracing::debug!(?other),
        }
        self.dirty |= !self.waiting.is_over();
        Ok(())
    }

    fn give_up_if_hopeless(&mut self) -> Outcome {
        self.dirty |= !self.waiting.is_over();
        match self.waiting.hopeless() {
            // Of its removal a refusal of every link may be the first that it hears.
            Some(_) if self.stays && self.waiting.is_over() => self.on_removed(),
            Some(reason) => Err(Fail::failed(reason)),
            None => Ok(()),
        }
    }

    fn on_overlay(&mut self, event: Event) -> Outcome {
        if let Some(window) = &mut self.window {
            window.watcher.note(clock::unix(), &event);
        }
        match event {
            Event::Keys { from, body } => return self.hear(PeerKey(from.0), body),
            Event::Demoted { peer } => {
                tracing::warn!(%peer, "several complained of it: it feeds nobody any more");
            }
            Event::Departed { peer, .. } => {
                self.forget_knocking(PeerKey(peer.0));
                self.forget_voice(peer);
                return self.tell(Input::Departed(PeerKey(peer.0)));
            }
            Event::OnStage { slot, feed, layers } => {
                tracing::info!(slot, feed, ?layers, "on stage");
                self.dirty = true;
                return self.on_stage(&layers);
            }
            Event::OffStage => {
                tracing::info!("off stage: what this node captures isn't sent");
                self.dirty = true;
                return self.off_stage();
            }
            Event::Crowded(crowded) => return self.on_crowd(crowded),
            Event::KeyWanted(layer) => {
                if let (Some(source), Some(layer)) = (&self.source, Layer::from_byte(layer as u8)) {
                    source.request_key(layer);
                }
            }
            Event::Source { peer, layer } => {
                if let Some(window) = &mut self.window {
                    window.looks.on_stage(peer, layer.is_some());
                }
            }
            Event::Verified { peer, all } => {
                tracing::debug!(%peer, all, "covered by signed lists");
                let peer = PeerKey(peer.0);
                self.dirty |= if all { self.verified.insert(peer) } else { self.verified.remove(&peer) };
            }
            Event::Blame { peer, what } => tracing::warn!(%peer, what, "a peer broke the protocol"),
            other => tracing::debug!(?other),
        }
        Ok(())
    }

    fn upkeep(&mut self) -> Outcome {
        authority::end_what_is_over(&self.gate, &self.handle);
        self.end_of_clip()?;
        self.voice_upkeep()?;
        for source in self.receiving.keyless() {
            self.tell(Input::Unopened(source))?;
        }
        if self.ending {
            self.ended = Some("You have ended the meeting.");
        }
        self.window_upkeep()?;
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
        if let Some(source) = self.source.take_if(|source| source.has_ended()) {
            match source.stop() {
                Ok(()) => eprintln!("The clip has ended."),
                Err(error) => eprintln!("canopy: sending has stopped, receiving goes on: {error}"),
            }
            self.handle.command(Command::Send(Vec::new()));
            return self.unseal();
        }
        Ok(())
    }
}

/// How somebody takes part who has no window.
fn headless(source: Option<&Source>) -> Here {
    let sends = |wanted: fn(&Layer) -> bool| source.is_some_and(|source| source.ladder().iter().any(wanted));
    Here {
        muted: !sends(|layer| layer.is_audio()),
        camera: sends(|layer| !layer.is_audio()),
        ..Here::default()
    }
}
