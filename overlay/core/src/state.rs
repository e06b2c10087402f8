//! What a node holds, one field for each room. The rooms add their behaviour in `impl` blocks of their own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;
use crate::capacity::Capacity;
use crate::complaints::Complaints;
use crate::config;
use crate::coordinate::Coordinate;
use crate::coordinator::Coordinator;
use crate::delivered::Delivered;
use crate::downlink::Downlink;
use crate::gossip::Gossip;
use crate::id::NodeId;
use crate::io::{Admitted, Event, Kind, LayerRate, Lends, Note, Output, Signature};
use crate::links::{Links, Parked, Tree};
use crate::lobby::Lobby;
use crate::members::{Look, Members, Presence};
use crate::plan::{Feed, own_kbps};
use crate::routes::Routes;
use crate::seat::Seat;
use crate::stage::{Group, Stage};
use crate::time::Time;
use crate::timers::{Timer, Timers};
use crate::unit::{Layer, Payload, TreeId};
use crate::unsent::Unsent;
use crate::vivaldi::Vivaldi;
use crate::wants::Wants;
use crate::wire::{Message, TreeTick};

/// What a node is told at birth.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// This node.
    pub me: NodeId,
    /// How it takes part.
    pub kind: Kind,
    /// What its own credential lets it do.
    pub admitted: Admitted,
    /// Travels in its presence, for the others' edges to check; at most
    /// [`crate::config::CREDENTIAL_MAX`] bytes.
    #[serde(with = "serde_bytes")]
    pub credential: Vec<u8>,
    /// The serial of its first note: larger than any of an earlier life (wall clock in ms does).
    pub first_serial: u64,
    /// What it can send in all, kbit/s; see [`crate::io::Command::Uplink`].
    pub uplink_kbps: u32,
    /// What of that others' media may cost; see [`crate::io::Command::Lend`].
    pub lends: Lends,
    /// Where it can be reached; see [`crate::io::Command::Contacts`].
    pub contacts: Vec<String>,
    /// Wants every source; see [`crate::io::Command::Watch`].
    pub watch: bool,
    /// Hides its address: says no contact, has links with relays only, and makes them itself.
    pub hidden: bool,
}

/// Who leads the meeting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leader {
    pub(crate) id: NodeId,
    pub(crate) term: u32,
    /// When its heartbeat came last.
    pub(crate) heard: Time,
}

/// The neighbour by way of which the coordinator is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uphill {
    pub(crate) peer: NodeId,
    /// When it was the first to bring a heartbeat last.
    pub(crate) first: Time,
    /// This node's presence went this way: whoever is on it can tell what else comes from this node.
    pub(crate) told: bool,
}

/// A presence that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The serial of the first that said so.
    pub(crate) serial: u64,
    /// How long the answer to the newest may take.
    pub(crate) wait: Duration,
}

/// A note whose origin is not known yet.
#[derive(Debug)]
pub(crate) struct Strange {
    pub(crate) from: NodeId,
    pub(crate) note: Note,
    pub(crate) signature: Signature,
    pub(crate) until: Time,
}

/// Everything that a node knows.
#[derive(Debug)]
pub(crate) struct State<P> {
    pub(crate) config: Config,
    pub(crate) outbox: VecDeque<Output<P>>,
    pub(crate) timers: Timers,
    pub(crate) links: Links,
    /// What it offers of what its owner lends.
    pub(crate) capacity: Capacity,
    pub(crate) members: Members,
    /// Who waits at the door, while this node leads.
    pub(crate) lobby: Lobby,
    pub(crate) gossip: Gossip,
    /// Since when it knows the stage, and has no seat.
    pub(crate) standing: Option<Time>,
    /// Parents that fed this node badly.
    pub(crate) complaints: Complaints,
    /// Notes that were asked for.
    pub(crate) wants: Wants,
    pub(crate) trees: BTreeMap<TreeId, Tree<P>>,
    /// Which frames the user has.
    pub(crate) delivered: Delivered<P>,
    /// What newcomers may still be given of what is kept, bytes.
    pub(crate) replays: Bucket,
    /// Since when it feeds more than its uplink is to give, see [`State::end_what_makes_way`].
    pub(crate) over_since: Option<Time>,
    pub(crate) parked: Vec<Parked>,
    /// Who is reached by way of whom.
    pub(crate) routes: Routes,
    /// Who leads the meeting, as far as this node knows.
    pub(crate) leader: Option<Leader>,
    /// The way to whoever leads.
    pub(crate) uphill: Option<Uphill>,
    /// Own notes for the coordinator, while there is no way to it.
    pub(crate) waiting: VecDeque<(Note, Signature)>,
    /// Own notes for one node, while there is no way to it.
    pub(crate) unsent: Unsent,
    /// Notes of unknown origins that were passed on in the second that began then.
    pub(crate) unvetted: (Time, u32),
    /// Notes of origins whose presence has not come yet.
    pub(crate) strange: VecDeque<Strange>,
    /// The stage that is followed, and who said it.
    pub(crate) stage: Option<(NodeId, Stage)>,
    /// This node's rows of the plan.
    pub(crate) seat: Seat,
    /// It was told what changes a seat that it does not hold.
    pub(crate) seat_missed: bool,
    pub(crate) coordinator: Option<Coordinator>,
    /// What this node publishes.
    pub(crate) sends: Vec<LayerRate>,
    pub(crate) stint: u64,
    pub(crate) on_stage: Option<(u8, u32)>,
    /// The layers that it was last told to send; none of them if it is off the stage. Nothing before it was told at all.
    pub(crate) shows: Option<Vec<Layer>>,
    /// More want to send than there are places.
    pub(crate) crowded: bool,
    /// For each slot the feed, and when this node heard that it began; nothing if it was there before this node.
    pub(crate) begun: BTreeMap<u8, (u32, Option<Time>)>,
    /// How large this node wants to see whom, as its user wishes it and its presence says.
    pub(crate) looks: Vec<Look>,
    /// What its way in carries.
    pub(crate) downlink: Downlink,
    pub(crate) next_serial: u64,
    /// Its next presence says something new.
    pub(crate) news: bool,
    /// When it said last what it is like.
    pub(crate) said: Time,
    /// What it said of itself to everybody last, and when; none while that is nobody's business but the coordinator's.
    pub(crate) said_to_all: Option<(Time, Presence)>,
    /// What it said of itself last when it asked for a seat.
    pub(crate) asked_with: Option<Presence>,
    /// What it said of itself and has no seat in answer to yet.
    pub(crate) asked: Option<Asked>,
    /// Its next presence goes another way as well.
    pub(crate) another_way: bool,
    /// Neighbours that are shown the next presence: what they know of this node's credential may be old.
    pub(crate) shows_to: BTreeSet<NodeId>,
    /// So may what is known where a link comes up until then.
    pub(crate) shows_until: Time,
    /// Whose turn it is to be that other way.
    pub(crate) way_turn: usize,
    /// Lazy neighbours were told of notes that came [`config::LAZY_AFTER`] before this.
    pub(crate) offered: Time,
    /// Whose turn it is to be told of them, and of what notes there are.
    pub(crate) offer_turn: usize,
    /// See [`Self::offer_turn`].
    pub(crate) have_turn: usize,
    /// Where this node is, what its presence said of that last, when a neighbour was asked last, and the next question's number.
    pub(crate) vivaldi: Vivaldi,
    /// See [`Self::vivaldi`].
    pub(crate) said_where: Coordinate,
    /// See [`Self::vivaldi`].
    pub(crate) surveyed: Time,
    /// See [`Self::vivaldi`].
    pub(crate) next_probe: u32,
    pub(crate) leaving: bool,
    pub(crate) first_link: Option<Time>,
    /// What this node takes of each slot, as its user was told.
    pub(crate) told: BTreeMap<u8, (NodeId, u32, Layer)>,
    /// Whose frames are covered by lists, as its user was told, and when that was looked at.
    pub(crate) verified: (Time, BTreeMap<NodeId, bool>),
}

impl<P: Payload> State<P> {
    pub(crate) fn me(&self) -> NodeId {
        self.config.me
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outbox.push_back(Output::Event(event));
    }

    /// Sends a control message, if there is a link, and the peer may hear that much.
    pub(crate) fn tell(&mut self, now: Time, to: NodeId, message: &Message) {
        if let Ok(bytes) = message.encode() {
            self.tell_bytes(now, to, bytes);
        }
    }

    pub(crate) fn tell_bytes(&mut self, now: Time, to: NodeId, bytes: Vec<u8>) {
        if let Some(neighbour) = self.links.get_mut(to)
            && neighbour.may_be_told(now, bytes.len())
        {
            neighbour.sent = now;
            self.outbox.push_back(Output::Control { to, bytes });
        }
    }

    /// Tells the children of a tree that something about its way from the source has changed.
    pub(crate) fn tell_children(&mut self, now: Time, id: TreeId) {
        let me = self.me();
        let Some(tree) = self.trees.get(&id) else { return };
        let path = Some(tree.path_to(me));
        let newest = tree.ring.next_number();
        let tick = TreeTick { tree: id, live: tree.is_live(), thinned: false, path, newest };
        let message = Message::Tick { trees: vec![tick] };
        for child in tree.children.peers() {
            self.tell(now, child, &message);
        }
    }

    /// The group of a tree on the stage that is followed, with what is plugged into it.
    pub(crate) fn group(&self, tree: TreeId) -> Option<(&Feed, &Group)> {
        self.stage.as_ref()?.1.group(tree)
    }

    /// Where a node can be reached, as it says itself, or as the coordinator says.
    fn contacts(&self, peer: NodeId) -> Option<&Vec<String>> {
        let said = self.members.get(peer).map(|member| &member.presence.contacts);
        let helper = || {
            let (_, stage) = self.stage.as_ref()?;
            stage.helpers.iter().find(|helper| helper.id == peer).map(|helper| &helper.contacts)
        };
        let seated = || self.seat.peers.get(&peer).filter(|contacts| !contacts.is_empty());
        said.or_else(seated).or_else(helper)
    }

    /// False for whom this node hides from: for all but relays. Of whose presence never came here, the coordinator and
    /// the stage say where it is; they name only relays to one who hides.
    fn may_reach(&self, peer: NodeId) -> bool {
        let known = self.members.get(peer).map(|member| member.admitted.kind);
        !self.config.hidden || known.is_none_or(|kind| kind == Kind::Relay)
    }

    /// True if [`State::dial`] would do something.
    pub(crate) fn may_dial(&self, now: Time, peer: NodeId) -> bool {
        peer != self.me()
            && self.links.may_dial(now, peer)
            && self.may_reach(peer)
            && self.contacts(peer).is_some_and(|contacts| !contacts.is_empty())
    }

    /// Dials somebody who is not linked, unless that was tried a moment ago. True if it is on its way.
    pub(crate) fn dial(&mut self, now: Time, peer: NodeId) -> bool {
        if !self.may_dial(now, peer) {
            return false;
        }
        let contacts = self.contacts(peer).cloned().unwrap_or_default();
        self.links.note_dial(now, peer);
        self.outbox.push_back(Output::Dial { peer, contacts });
        true
    }

    /// A neighbour has broken the protocol: it is named, and cut for a while.
    pub(crate) fn cut(&mut self, now: Time, peer: NodeId, what: &'static str) {
        self.blame(peer, what);
        self.links.cool(now, peer);
        self.outbox.push_back(Output::Hangup(peer));
    }

    /// A peer did what it should not.
    pub(crate) fn blame(&mut self, peer: NodeId, what: &'static str) {
        self.event(Event::Blame { peer, what });
    }

    /// True for the node that plans now, and judges who is gone.
    pub(crate) fn leads(&self) -> bool {
        self.leader.is_some_and(|leader| leader.id == self.config.me)
    }

    /// The most that its owner lets others' media cost, kbit/s.
    pub(crate) fn lends_kbps(&self) -> u32 {
        let uplink = self.config.uplink_kbps;
        match self.config.lends {
            Lends::Spare => uplink.saturating_sub(own_kbps(&self.sends)),
            Lends::UpTo(kbps) => kbps.min(uplink),
        }
    }

    /// Up to where children are taken that ask, kbit/s.
    pub(crate) fn takes_kbps(&self) -> u32 {
        self.capacity.takes(self.lends_kbps())
    }

    /// What of that a plan may count on now, kbit/s.
    pub(crate) fn offers_kbps(&self) -> u32 {
        self.capacity.offers(self.lends_kbps())
    }

    /// The tree ids in which a peer has a part that `test` names.
    pub(crate) fn trees_where(&self, test: impl Fn(&Tree<P>) -> bool) -> Vec<TreeId> {
        self.trees.values().filter(|tree| test(tree)).map(|tree| tree.id).collect()
    }

    /// Passes on the wish for a key frame, at most once a second for each tree; at the source it is an event.
    pub(crate) fn want_key(&mut self, now: Time, id: TreeId) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        if id.layer.is_audio() {
            return;
        }
        let due = tree.key_asked.map_or(now, |asked| asked + config::KEY_WANTED_EVERY);
        let to = tree.parent.filter(|_| !tree.is_root);
        if due > now || to.is_none() && !tree.is_root {
            tree.key_pending = true;
            let at = due.max(now + config::HOUSEKEEPING_EVERY);
            self.timers.set_earlier(Timer::KeyWanted(id), at);
            return;
        }
        tree.key_asked = Some(now);
        tree.key_pending = false;
        match to {
            Some(parent) => self.tell(now, parent, &Message::KeyWanted { tree: id }),
            None => self.event(Event::KeyWanted(id.layer)),
        }
    }
}
