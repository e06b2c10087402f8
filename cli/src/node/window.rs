//! The hub's side of the meeting page: carries out what it asks for, and shows it the meeting.

use std::sync::Arc;

use keyagree::UnixTime;
use keyagree::credential::Role;
use keyagree::identity::PeerKey;
use keyagree::session::Input;
use media_pipeline::Layer;
use overlay_core::id::NodeId;
use overlay_core::io::Command;
use overlay_libp2p::Handle;
use tokio::sync::mpsc;

use super::Node;
use super::setup::rates;
use super::shown::shown_line;
use crate::clock;
use crate::exit::Exit;
use crate::fail::{Fail, Outcome};
use crate::meeting::Pin;
use crate::page::{Outlet, Request};
use crate::room::News;
use crate::source::Source;
use crate::talk::{self, Here, Talk};
use crate::window::Served;
use crate::window::api::{self, Me, ToNode, ToPage};
use crate::window::incoming::Incoming;
use crate::window::looks::Looks;
use crate::window::network::Watcher;
use crate::window::outgoing::{Inlet, PageSource};

/// Without a page for so long, this person is shown as muted and without a picture.
const PAGE_GONE_MS: u64 = 3_000;
/// How often the page is told what the network does.
const NETWORK_EVERY_MS: u64 = 1_000;

/// The page's end of the hub.
pub struct Window {
    outlet: Arc<Outlet>,
    requests: mpsc::Receiver<Request>,
    inlet: Arc<Inlet>,
    pub(super) incoming: Arc<Incoming>,
    pub(super) watcher: Watcher,
    pub(super) looks: Looks,
    pub(super) me: Me,
    /// The largest picture that this node wants to send; sound if none.
    pub(super) largest: Option<Layer>,
    shown: String,
    network_wanted: bool,
    network_told: UnixTime,
    gone_since: Option<UnixTime>,
}

impl Window {
    /// The window of a page that is served, open or not.
    pub fn open(served: Served, handle: Handle, name: String, largest: Option<Layer>) -> Window {
        let Served { page, inlet, .. } = served;
        let clock = Arc::clone(&inlet.clock);
        let incoming = Arc::new(Incoming::new(Arc::clone(&page.outlet), handle, clock));
        Window {
            outlet: page.outlet,
            requests: page.requests,
            inlet,
            incoming,
            watcher: Watcher::default(),
            looks: Looks::default(),
            me: Me { name, muted: true, ..Me::default() },
            largest,
            shown: String::new(),
            network_wanted: false,
            network_told: UnixTime(0),
            gone_since: None,
        }
    }

    fn say(&self, message: &ToPage) {
        self.outlet.say(message.to_text());
    }
}

/// The next thing that the page asks for; waits for ever where there is no window.
pub async fn asked(window: &mut Option<Window>) -> Request {
    match window {
        Some(window) => match window.requests.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

impl Node {
    /// What the page asks for. True if the user wants to leave.
    pub(super) fn on_page(&mut self, request: Request) -> Outcome<bool> {
        let Some(window) = &mut self.window else { return Ok(false) };
        match request {
            Request::Opened => {
                window.shown.clear();
                window.network_wanted = false;
                window.gone_since = None;
                window.incoming.opened();
                for line in self.room.lines() {
                    window.say(&ToPage::Line(shown_line(line)));
                }
            }
            Request::Closed => window.gone_since = Some(clock::unix()),
            Request::Said(text) => match serde_json::from_str(&text) {
                Ok(ToNode::Leave) => return Ok(true),
                Ok(wish) => {
                    // What can't be done is the user's to know; the meeting goes on.
                    if let Err(fail) = self.carry_out(wish) {
                        self.tell_page(&ToPage::Wrong { text: fail.to_string() });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the page said something that this program doesn't understand");
                    let text = "This tab is older or newer than the program: load it again.".to_owned();
                    self.tell_page(&ToPage::Wrong { text });
                }
            },
        }
        self.show();
        Ok(false)
    }

    fn carry_out(&mut self, wish: ToNode) -> Outcome {
        let Some(window) = &mut self.window else { return Ok(()) };
        match wish {
            ToNode::Hello { version, now_us } => {
                window.inlet.clock.set(now_us, clock::wall_us());
                if version != api::VERSION {
                    return Err(Fail::usage("This tab is older or newer than the program: load it again."));
                }
            }
            ToNode::Join { me } => return self.come_in(me),
            ToNode::Me(me) => return self.i_am(me),
            ToNode::Sends { layers } => return self.page_sends(&layers),
            ToNode::Say { text } => {
                let text = talk::line(&text).ok_or_else(|| Fail::usage("There is nothing in that line."))?;
                return self.talk(Talk::Chat(text));
            }
            ToNode::React { what } if what < talk::REACTIONS => return self.talk(Talk::React(what)),
            ToNode::React { .. } => {}
            ToNode::Refresh { source, layer } => {
                if let Some(layer) = Layer::from_byte(layer) {
                    window.incoming.refresh(PeerKey(source.0), layer);
                }
            }
            ToNode::Tiles { tiles } => {
                window.looks.shown(tiles.iter().map(|tile| (tile.source, tile.height)));
            }
            ToNode::Page { page } => return self.tell(Input::ShowPage(page)),
            ToNode::Network { wanted } => {
                window.network_wanted = wanted;
                self.tell_network();
            }
            ToNode::Lend { on } => return self.lend(on),
            ToNode::Remove { who } => return self.remove(PeerKey(who.0)),
            ToNode::Lock { locked } => return self.lock(locked),
            ToNode::Decide { who, admit } => return self.decide(PeerKey(who.0), admit),
            ToNode::Pin { who, pinned } => {
                if !self.seat.invite.role().may_host() {
                    return Err(Fail::usage("Only the organiser and co-hosts can do that."));
                }
                return self.talk(Talk::Pin { who: PeerKey(who.0), pinned });
            }
            ToNode::MuteAll => {
                self.only_organiser()?;
                return self.talk(Talk::MuteAll);
            }
            ToNode::End => {
                self.only_organiser()?;
                self.talk(Talk::End)?;
                self.ending = true;
            }
            // Read before this is called: it ends the node.
            ToNode::Leave => {}
        }
        Ok(())
    }

    fn only_organiser(&self) -> Outcome {
        match self.seat.invite.role() {
            Role::Organiser => Ok(()),
            _ => Err(Fail::usage("Only the organiser can do that.")),
        }
    }

    /// From the lobby into the meeting.
    fn come_in(&mut self, me: Me) -> Outcome {
        if !self.waiting.is_over() {
            return Err(Fail::usage("You have not been let in yet."));
        }
        self.handle.command(Command::Watch(true));
        self.here = Some(Here::default());
        self.i_am(me)
    }

    fn i_am(&mut self, me: Me) -> Outcome {
        let Some(window) = &mut self.window else { return Ok(()) };
        window.me = Me { name: talk::name(&me.name), ..me };
        let (now, me) = (clock::unix(), window.me.clone());
        if let Some(here) = &mut self.here {
            let hand = me.hand.then(|| here.hand.unwrap_or(now.0));
            let next = Here { muted: me.muted, camera: me.camera, sharing: me.sharing, hand };
            if *here != next {
                *here = next;
                // Gathered by the upkeep: who clicks fast doesn't say each click.
                self.here_due = Some(now);
            }
            return self.call_me(&me.name);
        }
        Ok(())
    }

    /// The user says whether this node relays for others. That holds at once, also where it can't be kept.
    fn lend(&mut self, on: bool) -> Outcome {
        self.lending.answer(on)?;
        self.handle.command(Command::Lend(self.lending.lends()));
        self.lending.keep()
    }

    /// The page begins to encode these layers. What was sent once stays in the ladder: plugging a source in anew
    /// would interrupt its sound.
    fn page_sends(&mut self, layers: &[u8]) -> Outcome {
        let Some(window) = &self.window else { return Ok(()) };
        let mut ladder: Vec<Layer> =
            self.source.as_ref().map(|source| source.ladder().to_vec()).unwrap_or_default();
        let wanted = layers.iter().filter_map(|byte| Layer::from_byte(*byte));
        let wanted: Vec<Layer> =
            wanted.filter(|layer| window.largest.is_some_and(|largest| *layer <= largest)).collect();
        let before = ladder.len();
        ladder.extend(wanted);
        ladder.sort();
        ladder.dedup();
        if ladder.len() == before {
            return Ok(());
        }
        // The old one lets go of the page's door before the new one takes it.
        self.source = None;
        self.voice.sealing = false;
        let exit = Exit::new(Arc::clone(&self.voice.ear), self.handle.clone(), Arc::clone(&self.journal));
        let source = PageSource::new(ladder, Arc::clone(&window.inlet), exit, Arc::clone(&window.outlet));
        self.handle.command(Command::Send(rates(source.ladder())));
        self.source = Some(Source::Page(source));
        Ok(())
    }

    /// Says something to all members, this node's own page included.
    pub(super) fn talk(&mut self, said: Talk) -> Outcome {
        if self.here.is_none() {
            return Err(Fail::usage("Come in first."));
        }
        match self.say(said)? {
            true => Ok(()),
            false => Err(Fail::usage("That was too much at once: wait a moment.")),
        }
    }

    /// The same, where nobody waits for an answer. False if it does not count.
    pub(super) fn say(&mut self, said: Talk) -> Outcome<bool> {
        let body = said.encode();
        // Heard here first: whoever says too much is told before the others stop listening.
        match self.room.heard(clock::unix(), self.seat.me(), said) {
            Some(News::MuteAll | News::End) => {}
            Some(news) => self.tell_news(self.seat.me(), news),
            None => return Ok(false),
        }
        self.tell(Input::Talk { body })?;
        Ok(true)
    }

    /// A member said something.
    pub(super) fn on_talk(&mut self, from: PeerKey, body: &[u8]) {
        let Some(said) = Talk::decode(body) else { return };
        if let Talk::Voice { speaks, below_db } = said {
            return self.hear_voice(from, speaks, below_db);
        }
        if self.session.members().is_empty() {
            self.room.shows(clock::unix(), from, self.role_of(&from));
        }
        if let Some(news) = self.room.heard(clock::unix(), from, said) {
            self.tell_news(from, news);
        }
    }

    fn tell_news(&mut self, from: PeerKey, news: News) {
        match news {
            News::People => self.dirty = true,
            News::Pin { who, pinned } => self.pinned(Pin { who, pinned }),
            News::Line(line) => self.tell_page(&ToPage::Line(shown_line(&line))),
            News::Reaction(what) => self.tell_page(&ToPage::Reaction { from: NodeId(from.0), what }),
            News::MuteAll => self.tell_page(&ToPage::MuteAll),
            News::End => self.ended = Some("The organiser has ended the meeting."),
        }
    }

    /// What is due at the page's end, a few times a second.
    pub(super) fn window_upkeep(&mut self) -> Outcome {
        let now = clock::unix();
        if let Some(window) = &mut self.window
            && window.gone_since.is_some_and(|since| now.since(since) >= PAGE_GONE_MS)
        {
            window.gone_since = None;
            window.looks.unseen();
            let me = Me { muted: true, camera: false, sharing: false, ..window.me.clone() };
            self.i_am(me)?;
        }
        if let Some(wishes) = self.window.as_mut().and_then(|window| window.looks.turn(now)) {
            self.handle.command(Command::Look(wishes));
        }
        if self.here_due.is_some_and(|due| now >= due)
            && let Some(here) = &self.here
            && self.waiting.is_over()
        {
            let said = Talk::Here(here.clone());
            self.here_due = None;
            self.room.heard(now, self.seat.me(), said.clone());
            self.tell(Input::Talk { body: said.encode() })?;
        }
        if let Some(window) = &mut self.window
            && now.since(window.network_told) >= NETWORK_EVERY_MS
        {
            window.network_told = now;
            window.watcher.count(now, &self.handle.counters(), &window.incoming);
            self.tell_network();
        }
        if self.dirty {
            self.show();
        }
        Ok(())
    }

    fn tell_network(&self) {
        if let Some(window) = self.window.as_ref().filter(|window| window.network_wanted) {
            let network = window.watcher.look(&self.handle.status(), &self.handle.counters());
            window.say(&ToPage::Network(Box::new(network)));
        }
    }

    pub(super) fn tell_page(&self, message: &ToPage) {
        if let Some(window) = &self.window {
            window.say(message);
        }
    }

    /// Shows the page the meeting, if it is another than what it was shown last.
    pub(super) fn show(&mut self) {
        self.dirty = false;
        let Some(window) = &self.window else { return };
        let state = ToPage::State(Box::new(self.state(window))).to_text();
        if let Some(window) = self.window.as_mut().filter(|window| window.shown != state) {
            window.outlet.say(state.clone());
            window.shown = state;
        }
    }
}
