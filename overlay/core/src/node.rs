//! One node of the overlay: the verbs, and which room each value goes to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::capacity::Capacity;
use crate::complaints::Complaints;
use crate::config;
use crate::coordinate::Coordinate;
use crate::delivered::Delivered;
use crate::downlink::Downlink;
use crate::gossip::Gossip;
use crate::id::NodeId;
use crate::io::{Admitted, Class, Input, Kind, Output};
use crate::links::{Links, Tree};
use crate::lobby::Lobby;
use crate::members::Members;
use crate::plan::Shape;
use crate::routes::Routes;
use crate::seat::Seat;
use crate::serve::{Trees, replays};
pub use crate::state::Config;
use crate::state::State;
use crate::status::{MemberStatus, Status, TreeStatus};
use crate::time::Time;
use crate::timers::{Timer, Timers};
use crate::unit::{Layer, Payload};
use crate::unsent::Unsent;
use crate::vivaldi::Vivaldi;
use crate::wants::Wants;

/// One node: values in, values out.
///
/// - Tell it: [`Node::handle`], which never fails and never blocks.
/// - Ask what it wants done: [`Node::poll`] until it gives nothing, after each `handle`.
/// - Ask when to call again: [`Node::deadline`] (after the `poll`s); then `handle` with [`Input::Timer`].
///   A fresh node's first deadline is [`Time::ZERO`].
/// - Look at it: [`Node::status`], [`Node::check`].
#[derive(Debug)]
pub struct Node<P> {
    state: State<P>,
}

impl<P: Payload> Node<P> {
    /// A node that knows nobody yet.
    pub fn new(config: Config) -> Node<P> {
        let mut timers = Timers::default();
        for timer in [Timer::Presence, Timer::Have, Timer::Housekeeping] {
            timers.set(timer, Time::ZERO);
        }
        let next_serial = config.first_serial;
        let vivaldi = Vivaldi::new(config.me);
        let replays = replays(Time::ZERO, config.uplink_kbps);
        let state = State {
            config,
            outbox: VecDeque::new(),
            timers,
            links: Links::default(),
            capacity: Capacity::new(),
            members: Members::default(),
            lobby: Lobby::new(Time::ZERO),
            gossip: Gossip::default(),
            standing: None,
            complaints: Complaints::default(),
            wants: Wants::default(),
            trees: BTreeMap::new(),
            delivered: Delivered::default(),
            replays,
            over_since: None,
            parked: Vec::new(),
            routes: Routes::default(),
            leader: None,
            uphill: None,
            waiting: VecDeque::new(),
            unsent: Unsent::default(),
            unvetted: (Time::ZERO, 0),
            strange: VecDeque::new(),
            stage: None,
            seat: Seat::default(),
            seat_missed: false,
            coordinator: None,
            sends: Vec::new(),
            stint: 0,
            on_stage: None,
            shows: None,
            crowded: false,
            begun: BTreeMap::new(),
            looks: Vec::new(),
            downlink: Downlink::default(),
            next_serial,
            news: true,
            said: Time::ZERO,
            said_to_all: None,
            asked_with: None,
            asked: None,
            another_way: false,
            shows_to: BTreeSet::new(),
            shows_until: Time::ZERO,
            way_turn: 0,
            offered: Time::ZERO,
            offer_turn: 0,
            have_turn: 0,
            vivaldi,
            said_where: Coordinate::default(),
            surveyed: Time::ZERO,
            next_probe: 0,
            leaving: false,
            first_link: None,
            told: BTreeMap::new(),
            verified: (Time::ZERO, BTreeMap::new()),
        };
        Node { state }
    }

    /// Takes one value in at `now`, which never goes back.
    pub fn handle(&mut self, now: Time, input: Input<P>) {
        let state = &mut self.state;
        match input {
            Input::Unit { from, unit } => {
                state.heard_of(now, from);
                state.fed_by(now, from);
                state.unit(now, from, unit);
            }
            Input::Publish(frame) => state.publish(now, frame),
            Input::Dropped { peer, tree } => state.dropped(now, peer, tree),
            Input::Control { from, bytes } => {
                state.heard_of(now, from);
                if state.links.has(from) {
                    state.control(now, from, &bytes);
                }
            }
            Input::Vetted { from, note, signature, verdict } => {
                state.vetted(now, from, note, signature, verdict);
            }
            Input::Signed { note, signature } => state.signed(now, note, signature),
            Input::ListVetted { from, list, signature, genuine } => {
                state.list_vetted(now, from, list, signature, genuine);
            }
            Input::ListSigned { list, signature } => state.give_list(now, list, signature),
            Input::Linked { peer, admitted } => state.linked(now, peer, admitted),
            Input::Unlinked { peer } => state.unlinked(now, peer),
            Input::Queued => state.queued(now),
            Input::Command(command) => state.command(now, command),
            Input::Timer => {
                while let Some(timer) = state.timers.expire(now) {
                    state.timer(now, timer);
                }
            }
        }
    }

    /// The next thing that the node wants done.
    pub fn poll(&mut self) -> Option<Output<P>> {
        self.state.outbox.pop_front()
    }

    /// When and why to call [`Node::handle`] with [`Input::Timer`].
    pub fn deadline(&self) -> Option<(Time, Timer)> {
        self.state.timers.next()
    }

    /// Into how many units a frame of this layer of its own source is cut now: what [`Input::Publish`] is to bring. None
    /// while the source has no place.
    pub fn shape(&self, layer: Layer) -> Option<Shape> {
        self.state.shape(layer)
    }

    /// Its own place, for reports.
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// What it says that its way in carries, kbit/s; 0 as long as nothing shows that it is full.
    pub fn downlink_kbps(&self) -> u32 {
        self.state.downlink.kbps()
    }

    /// Its place in every tree that it is in.
    pub fn trees(&self) -> impl Iterator<Item = TreeStatus> {
        self.state.tree_statuses()
    }

    /// Term and number of the stage that it follows.
    pub fn followed(&self) -> Option<(u32, u32)> {
        self.state.stage.as_ref().map(|(_, stage)| stage.of())
    }

    /// Neighbours in the lobby.
    pub fn waiting(&self) -> impl Iterator<Item = NodeId> {
        self.state.links.waiting()
    }

    /// Bytes of notes, and of payloads of units, that it holds.
    pub fn held(&self) -> (usize, usize) {
        let units = self.state.trees.values().map(|tree| tree.ring.bytes()).sum();
        (self.state.gossip.bytes(), units)
    }

    /// Panics if an invariant is broken. For tests and simulations.
    pub fn check(&self) {
        let state = &self.state;
        assert!(state.links.len() <= config::LINKS_MAX);
        assert!(state.trees.len() <= config::TREES_MAX);
        assert!(state.parked.len() <= config::PARKED_MAX);
        state.gossip.check();
        state.lobby.check();
        state.routes.check();
        state.unsent.check();
        assert!(state.links.waiting().count() <= config::LOBBY_LINKS_MAX);
        for tree in state.trees.values() {
            tree.check(state.config.me);
            let is_member = |peer| state.links.has(peer) && !state.is_waiting(peer);
            for child in tree.children.iter() {
                assert!(is_member(child.peer), "a child has a link, and was let in");
            }
            assert!(tree.parent.is_none_or(is_member), "a parent has a link, and was let in");
        }
    }
}

impl<P: Payload> State<P> {
    fn linked(&mut self, now: Time, peer: NodeId, admitted: Admitted) {
        // A second link takes the place of the first, also of a member who shows no pass this time.
        self.judged(now, peer, admitted.class);
        let hides = self.config.hidden && admitted.kind != Kind::Relay;
        if peer == self.me() || hides || !self.links.up(now, peer, admitted) {
            self.outbox.push_back(Output::Hangup(peer));
            return;
        }
        self.close_a_spare_link(now, peer);
        self.show_anew(now, peer);
        if admitted.is_in() {
            self.first_link.get_or_insert(now);
            self.welcome(now, peer);
        } else {
            self.offer_everything(now, peer);
        }
    }

    fn unlinked(&mut self, now: Time, peer: NodeId) {
        if self.links.down(now, peer) {
            self.lost_link(now, peer);
            return;
        }
        // A link that could not be made: whoever waited for it asks the next.
        for id in self.trees_where(|tree| tree.trying.is_some_and(|attempt| attempt.peer == peer)) {
            self.repair_due(now, id);
        }
    }

    /// Newcomers find a place: where there are many links, one without a use is closed for each that comes. Who is in the
    /// lobby goes first.
    fn close_a_spare_link(&mut self, now: Time, newcomer: NodeId) {
        if self.links.len() < config::LINKS_CROWDED {
            return;
        }
        let uphill = self.uphill.map(|uphill| uphill.peer);
        let mut used: Vec<NodeId> = uphill.into_iter().chain(self.routes.below()).collect();
        used.extend(self.trees.values().flat_map(|tree| tree.children.iter().map(|child| child.peer)));
        used.extend(self.trees.values().flat_map(Tree::feeders));
        used.extend(self.seat.rows.values().flat_map(|row| &row.backups));
        used.sort_unstable();
        let is_used = |peer: NodeId| used.binary_search(&peer).is_ok();
        let is_spare = |peer: NodeId, class: Class| class == Class::Lobby || !is_used(peer);
        let spare = self
            .links
            .iter()
            .filter(|(peer, neighbour)| *peer != newcomer && is_spare(*peer, neighbour.class));
        let oldest = spare
            .min_by_key(|(peer, neighbour)| (neighbour.class, neighbour.since, *peer))
            .map(|(peer, _)| peer);
        if let Some(peer) = oldest
            && self.links.down(now, peer)
        {
            self.outbox.push_back(Output::Hangup(peer));
            self.lost_link(now, peer);
        }
    }

    fn timer(&mut self, now: Time, timer: Timer) {
        match timer {
            Timer::Presence => self.say_presence(now),
            Timer::Plan => self.make_plan(now),
            Timer::Seats => self.pay_seats(now),
            Timer::Have => {
                self.offer_in_turn(now);
                self.timers.set(Timer::Have, now + config::HAVE_EVERY);
            }
            Timer::Housekeeping => self.keep_house(now),
            Timer::Tick(peer) => self.tick(now, peer),
            Timer::Silence(peer) => self.silence_due(now, peer),
            Timer::Repair(tree) => self.repair_due(now, tree),
            Timer::List(tree) => self.list_due(tree),
            Timer::KeyWanted(tree) => {
                if self.trees.get(&tree).is_some_and(|tree| tree.key_pending) {
                    self.want_key(now, tree);
                }
            }
        }
    }

    fn keep_house(&mut self, now: Time) {
        self.lose_silent_below(now);
        self.carry_unsent(now);
        self.take_leave(now);
        self.forgive(now);
        self.judge(now);
        self.gossip.tidy(now);
        self.want_again(now);
        self.drop_silent_children(now);
        self.end_what_makes_way(now);
        self.wait_for_seat(now);
        self.leave_misers(now);
        self.look_after_trees(now);
        self.end_silent_trials(now);
        self.push_switches(now);
        self.prune_trees(now);
        self.tell_verified(now);
        self.unpark(now);
        self.offer_what_is_borne(now);
        self.widen(now);
        self.survey(now);
        self.look_at_downlink(now);
        self.timers.set(Timer::Housekeeping, now + config::HOUSEKEEPING_EVERY);
        self.offer_lazily(now);
    }

    /// Dials who is known until there are links enough for notes to reach everybody. Whom, each node decides
    /// differently (by the distance of ids), so that the links make one net.
    fn widen(&mut self, now: Time) {
        if self.config.hidden {
            // Nobody can dial this node: who is to be fed from here, or may feed it, gets its link from here.
            for peer in self.seat.peers.keys().copied().collect::<Vec<_>>() {
                self.dial(now, peer);
            }
        }
        if self.links.members().take(config::GOSSIP_LINKS).count() == config::GOSSIP_LINKS || self.leaving {
            return;
        }
        let me = self.me();
        let distance = |id: &NodeId| std::array::from_fn::<u8, 32, _>(|at| me.0[at] ^ id.0[at]);
        let helpers = self.stage.iter().flat_map(|(_, stage)| stage.helpers.iter().map(|helper| helper.id));
        let seated = self.seat.peers.keys().copied();
        let mut others: Vec<NodeId> =
            self.members.iter().map(|(id, _)| id).chain(seated).chain(helpers).collect();
        others.sort_by_key(distance);
        others.dedup();
        for peer in others.into_iter().take(config::GOSSIP_LINKS) {
            self.dial(now, peer);
        }
    }

    fn tree_statuses(&self) -> impl Iterator<Item = TreeStatus> {
        // Who was left feeds on until the new parent brings something, unless it was left because it is silent.
        let feeds_on = |old: &NodeId| self.links.get(*old).is_some_and(|neighbour| !neighbour.suspected);
        self.trees.values().map(move |tree| TreeStatus {
            tree: tree.id,
            source: tree.source,
            feed: tree.feed,
            kbps: tree.kbps,
            taken: tree.taking != crate::links::Taking::No,
            parent: tree.old.filter(feeds_on).or(tree.parent),
            backups: tree.row.iter().flat_map(|row| row.backups.clone()).collect(),
            children: tree.children.peers(),
            live: tree.is_live(),
            verified: tree.lists.listed.verified(),
        })
    }

    fn status(&self) -> Status {
        let members = self.members.iter().map(|(id, member)| MemberStatus {
            id,
            kind: member.admitted.kind,
            uplink_kbps: member.presence.uplink_kbps,
            lends_kbps: member.presence.lends_kbps,
            offers_kbps: member.presence.offers_kbps,
            sends: !member.presence.sends.is_empty(),
            watch: member.presence.watch,
            linked: self.links.has(id),
        });
        let (term, plan) = self.stage.as_ref().map_or((0, 0), |(_, stage)| stage.of());
        Status {
            me: self.config.me,
            kind: self.config.kind,
            coordinator: self.leader.map(|leader| leader.id),
            term,
            plan,
            uplink_kbps: self.config.uplink_kbps,
            lends_kbps: self.lends_kbps(),
            offers_kbps: self.offers_kbps(),
            downlink_kbps: self.downlink.kbps(),
            committed_kbps: u32::try_from(self.committed_in(Trees::All)).unwrap_or(u32::MAX),
            on_stage: self.on_stage,
            trees: self.tree_statuses().collect(),
            members: members.collect(),
        }
    }
}
