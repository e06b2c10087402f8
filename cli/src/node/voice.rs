//! Who has the floor: what this node says of its own voice and is told of the stage, and, while it coordinates, what it makes
//! of everybody's.

use std::sync::Arc;

use keyagree::UnixTime;
use keyagree::identity::PeerKey;
use keyagree::session::Input;
use media_pipeline::Layer;
use media_pipeline::level::Speech;
use overlay_core::floor::{self, Floor};
use overlay_core::id::NodeId;
use overlay_core::io::Command;
use overlay_core::time::Time;
use overlay_core::unit;
use tokio::sync::watch;

use super::Node;
use crate::clock;
use crate::ear::Ear;
use crate::fail::Outcome;
use crate::talk::Talk;

/// Whoever speaks says so again this often …
const AGAIN_MS: u64 = 1_000;
/// … and what is new no more often than this.
const APART_MS: u64 = 250;
/// A source that was off the stage and silent for so long gives up its keys: they count as one of those that receivers hold.
const KEYS_FOR_MS: u64 = 600_000;

/// See the module.
pub(super) struct Voice {
    pub(super) ear: Arc<Ear>,
    pub(super) listens: watch::Receiver<Speech>,
    /// Not everybody has a place on the stage.
    crowded: bool,
    /// This source has keys, or will have some in a moment.
    pub(super) sealing: bool,
    /// Since when it is neither on the stage nor speaks.
    idle_since: Option<UnixTime>,
    /// What the coordinator was told last, and when.
    told: bool,
    told_at: UnixTime,
    floor: Floor,
}

impl Voice {
    pub(super) fn new(gallery: u8) -> Voice {
        let (ear, listens) = Ear::new();
        Voice {
            ear: Arc::new(ear),
            listens,
            crowded: false,
            sealing: false,
            idle_since: None,
            told: false,
            told_at: UnixTime(0),
            floor: Floor::new(gallery),
        }
    }

    /// When [`Node::give_floor`] is due, should nobody say anything.
    pub(super) fn due(&self) -> Option<UnixTime> {
        // Never early.
        self.floor.deadline().map(|at| UnixTime(at.0.div_ceil(1_000_000)))
    }
}

impl Node {
    /// The stage takes these layers of this node's source.
    pub(super) fn on_stage(&mut self, layers: &[unit::Layer]) -> Outcome {
        self.voice.idle_since = None;
        let Some(source) = &mut self.source else { return Ok(()) };
        source.stage(layers.iter().filter_map(|layer| Layer::from_byte(*layer as u8)).collect());
        self.seal()
    }

    /// This node's source has no place: it is listened to, should it speak.
    pub(super) fn off_stage(&mut self) -> Outcome {
        self.voice.idle_since = Some(clock::unix());
        let Some(source) = &mut self.source else { return Ok(()) };
        source.stage(Vec::new());
        source.listen()
    }

    /// Announces keys, if this node's source has none yet: whoever speaks will need them in a moment.
    fn seal(&mut self) -> Outcome {
        let Some(source) = self.source.as_ref().filter(|_| !self.voice.sealing) else { return Ok(()) };
        let streams = source.ladder().iter().map(|layer| layer.byte()).collect();
        self.voice.sealing = true;
        self.tell(Input::Send { streams })
    }

    /// This node's source is none any longer, or another one.
    pub(super) fn unseal(&mut self) -> Outcome {
        self.voice.sealing = false;
        self.tell(Input::Silent)
    }

    /// From now on not everybody has a place, or everybody has again.
    pub(super) fn on_crowd(&mut self, crowded: bool) -> Outcome {
        tracing::info!(crowded, "the stage");
        self.voice.crowded = crowded;
        self.voice.told = false;
        self.speak()
    }

    /// Says to whoever coordinates whether this node's source speaks, if that is news or was not said for a while. Nobody else
    /// need know, and where everybody has a place nobody at all.
    pub(super) fn speak(&mut self) -> Outcome {
        let (now, speech) = (clock::unix(), *self.voice.listens.borrow_and_update());
        let source = self.source.as_ref().is_some_and(|source| source.ladder().contains(&Layer::Audio));
        let speaks = speech.speaks && source;
        let since = now.since(self.voice.told_at);
        let news = speaks != self.voice.told && since >= APART_MS || speaks && since >= AGAIN_MS;
        if !self.voice.crowded || !news || !self.waiting.is_over() {
            return Ok(());
        }
        (self.voice.told, self.voice.told_at) = (speaks, now);
        if speaks {
            self.voice.idle_since = self.voice.idle_since.map(|_| now);
            self.seal()?;
        }
        let me = self.seat.me();
        self.hear_voice(me, speaks, speech.below_db);
        self.tell(Input::Tell { body: Talk::Voice { speaks, below_db: speech.below_db }.encode() })
    }

    /// Somebody says whether they speak; whoever coordinates gives the floor.
    pub(super) fn hear_voice(&mut self, who: PeerKey, speaks: bool, below_db: u8) {
        if self.session.coordinates() {
            self.voice.floor.heard(core_now(), NodeId(who.0), floor::Speech { speaks, below_db });
            self.give_floor();
        }
    }

    /// Somebody has gone.
    pub(super) fn forget_voice(&mut self, who: NodeId) {
        self.voice.floor.gone(who);
    }

    /// Tells the overlay who deserves a place, if that is news.
    pub(super) fn give_floor(&mut self) {
        if !self.session.coordinates() {
            return;
        }
        if let Some(claims) = self.voice.floor.turn(core_now()) {
            let gallery = self.voice.floor.gallery();
            self.handle.command(Command::Floor { gallery, claims });
        }
    }

    /// What is due a few times a second.
    pub(super) fn voice_upkeep(&mut self) -> Outcome {
        self.speak()?;
        let long = |since: UnixTime| clock::unix().since(since) >= KEYS_FOR_MS;
        if self.voice.sealing && self.voice.idle_since.is_some_and(long) {
            self.unseal()?;
        }
        if !self.session.coordinates() {
            self.voice.floor = Floor::new(self.voice.floor.gallery());
            return Ok(());
        }
        let mine = self.here.as_ref().map(|here| (self.seat.me(), here));
        let others = self.room.people().filter_map(|(peer, person)| Some((*peer, person.here.as_ref()?)));
        let all: Vec<_> = others.filter(|(peer, _)| *peer != self.seat.me()).chain(mine).collect();
        let id = |peer: PeerKey| NodeId(peer.0);
        let screens = all.iter().filter(|(_, here)| here.sharing && here.camera).map(|(peer, _)| id(*peer));
        self.voice.floor.screens(screens);
        let mut hands: Vec<(u64, NodeId)> =
            all.iter().filter_map(|(peer, here)| Some((here.hand?, id(*peer)))).collect();
        hands.sort_unstable();
        self.voice.floor.hands(hands.into_iter().map(|(_, who)| who));
        let pinned = self.room.people().filter(|(_, person)| person.pinned).map(|(peer, _)| id(*peer));
        self.voice.floor.pins(pinned);
        self.give_floor();
        Ok(())
    }
}

/// The program's clock as the floor counts it.
fn core_now() -> Time {
    Time(u64::try_from(clock::wall().as_nanos()).unwrap_or(u64::MAX))
}
