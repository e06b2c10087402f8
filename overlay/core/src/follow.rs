//! A new stage, or a new seat: what it changes for this node. Data goes on while it is carried out.

use std::collections::{BTreeMap, BTreeSet};

use crate::config;
use crate::id::NodeId;
use crate::io::{Event, Kind, Note};
use crate::links::{Lists, Taking, Tree};
use crate::plan::Row;
use crate::ring::Ring;
use crate::seat::Seat;
use crate::stage::Stage;
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::{Layer, Payload, TreeId};
use crate::wire::{Message, Refusal};

impl<P: Payload> State<P> {
    /// A coordinator says who is plugged into what. The newest stage is followed, by term, then number.
    pub(crate) fn heard_stage(&mut self, now: Time, note: Note) {
        let Ok(stage) = Stage::decode(&note.body) else {
            return self.blame(note.origin, "says a stage that can't be read");
        };
        if self.stage.as_ref().is_none_or(|(_, current)| current.of() < stage.of()) {
            self.note_beginnings(now, &stage);
            self.stage = Some((note.origin, stage));
            if self.sits_anywhere() {
                self.sit_anywhere();
            }
            self.settle(now);
        }
    }

    /// Whoever is told no seat for a while hears everybody all the same, by relays that help: where many come at once seats
    /// take seconds.
    pub(crate) fn wait_for_seat(&mut self, now: Time) {
        let watches = self.config.watch && self.config.kind == Kind::Participant;
        if self.seat.term > 0 || !watches || self.leads() || self.stage.is_none() || self.sits_anywhere() {
            return;
        }
        let since = *self.standing.get_or_insert(now);
        if now.since(since) >= config::SEAT_PATIENCE {
            self.sit_anywhere();
            self.settle(now);
        }
    }

    fn sits_anywhere(&self) -> bool {
        self.seat.term == 0 && !self.seat.rows.is_empty()
    }

    fn sit_anywhere(&mut self) {
        let Some((_, stage)) = &self.stage else { return };
        let me = self.me();
        let apart = |other: &NodeId| other.prefix() ^ me.prefix();
        let mut helpers: Vec<NodeId> = stage.helpers.iter().map(|helper| helper.id).collect();
        // Each begins with another one.
        helpers.sort_unstable_by_key(apart);
        let mut helpers = helpers.into_iter();
        let Some(parent) = helpers.next() else { return };
        let backups: Vec<NodeId> = helpers.take(config::BACKUPS).collect();
        let sound = |slot| TreeId { slot, layer: Layer::Audio, index: 0 };
        let others = stage.feeds.iter().filter(|feed| feed.source != me).map(|feed| sound(feed.slot));
        let carried = others.filter(|tree| stage.group(*tree).is_some());
        let row = Row { parent, backups, takes: true };
        self.seat.rows = carried.map(|tree| (tree, row.clone())).collect();
    }

    /// True if the plan sends this node to a peer in a tree.
    pub(crate) fn is_sent_to(&self, tree: TreeId, peer: NodeId) -> bool {
        let row = self.trees.get(&tree).and_then(|tree| tree.row.as_ref());
        self.seat.term > 0 && row.is_some_and(|row| row.parent == peer)
    }

    fn note_beginnings(&mut self, now: Time, stage: &Stage) {
        let begins = self.stage.is_some().then_some(now);
        let before = std::mem::take(&mut self.begun);
        let begun = stage.feeds.iter().map(|feed| {
            let known = before.get(&feed.slot).filter(|(number, _)| *number == feed.feed);
            (feed.slot, known.copied().unwrap_or((feed.feed, begins)))
        });
        self.begun = begun.collect();
    }

    /// True for the sound of a feed that has begun a moment ago: of it nothing should be missed.
    pub(crate) fn has_just_begun(&self, now: Time, id: TreeId, feed: u32) -> bool {
        let begun = self.begun.get(&id.slot).filter(|(number, _)| id.layer.is_audio() && *number == feed);
        begun.is_some_and(|(_, at)| at.is_some_and(|at| now.since(at) < config::RING_SPAN))
    }

    /// The coordinator says where this node sits.
    pub(crate) fn heard_seat(&mut self, now: Time, note: Note) {
        match Seat::decode(&note.body) {
            // What is older changes nothing, and what it changes may be gone.
            Ok(seat) if seat.of() < self.seat.of() => {}
            Ok(seat) => match seat.onto(&self.seat) {
                Some(seat) => self.take_seat(now, seat),
                None => self.miss_seat(now),
            },
            Err(_) => self.blame(note.origin, "says a seat that can't be read"),
        }
    }

    /// What a seat changes never came: it is asked for all of it.
    fn miss_seat(&mut self, now: Time) {
        self.seat_missed = true;
        self.say_news(now);
    }

    /// Takes a whole seat that is not older than the one held.
    pub(crate) fn take_seat(&mut self, now: Time, seat: Seat) {
        if (seat.of(), seat.heard) < (self.seat.of(), self.seat.heard) {
            return;
        }
        let answered = self.asked.filter(|asked| seat.heard >= asked.serial);
        if answered.is_some() {
            self.asked = None;
            if !self.leads() && !self.news {
                self.timers.set(Timer::Presence, self.said + config::PRESENCE_EVERY);
            }
        }
        self.links.open_doors(now);
        let moved = seat.of() != self.seat.of();
        self.seat_missed = false;
        self.seat = seat;
        if moved {
            self.settle(now);
        }
    }

    /// Brings this node's trees in line with the stage and its seat.
    fn settle(&mut self, now: Time) {
        let Some((by, stage)) = self.stage.take() else { return };
        // Trees belong to slots: of those that go on with another source only the one before takes its leave.
        let gone = |tree: &Tree<P>| {
            stage.group(tree.id).is_none_or(|(feed, _)| tree.is_root && feed.source != tree.source)
        };
        for id in self.trees_where(gone) {
            self.leave_tree(now, id);
        }
        self.plug_in(now, &stage);
        let me = self.me();
        let mine = stage.feeds.iter().filter(|feed| feed.source == me).map(|feed| feed.slot);
        let mine: BTreeSet<u8> = mine.collect();
        let own = stage.groups.iter().filter(|group| mine.contains(&group.slot));
        let own: BTreeSet<TreeId> = own.flat_map(|group| group.tree_ids()).collect();
        let rows = std::mem::take(&mut self.seat.rows);
        let known: BTreeSet<TreeId> = self.trees.keys().chain(rows.keys()).copied().chain(own).collect();
        for id in known {
            self.follow_tree(now, &stage, id, rows.get(&id));
        }
        self.seat.rows = rows;
        self.tell_sources(&stage);
        self.stage = Some((by, stage));
        self.retake(now);
        self.find_parents(now);
        self.unpark(now);
    }

    /// Is this node's source on the stage, and where?
    fn plug_in(&mut self, now: Time, stage: &Stage) {
        let me = self.me();
        let mine = stage.feeds.iter().find(|feed| feed.source == me && feed.stint == self.stint);
        let place = mine.map(|feed| (feed.slot, feed.feed)).filter(|_| !self.sends.is_empty());
        let layers = mine.map(|feed| feed.layers.iter().map(|rate| rate.layer).collect::<Vec<Layer>>());
        if self.crowded != stage.crowded {
            self.crowded = stage.crowded;
            self.event(Event::Crowded(stage.crowded));
        }
        let moved = place != self.on_stage;
        self.on_stage = place;
        match (place, layers) {
            (Some((slot, feed)), Some(layers)) => {
                if moved || self.shows.as_ref() != Some(&layers) {
                    self.event(Event::OnStage { slot, feed, layers: layers.clone() });
                }
                self.shows = Some(layers);
            }
            // Where there is a place for everybody, one is only waited for.
            _ if moved || stage.crowded && !self.sends.is_empty() && self.shows.is_none() => {
                self.event(Event::OffStage);
                self.shows = Some(Vec::new());
            }
            _ => {}
        }
        if moved {
            self.say_news(now);
        }
    }

    fn follow_tree(&mut self, now: Time, stage: &Stage, id: TreeId, row: Option<&Row>) {
        let me = self.me();
        let Some((feed, group)) = stage.group(id) else { return };
        let row = row.filter(|_| feed.source != me);
        if !self.trees.contains_key(&id) && self.trees.len() >= config::TREES_MAX {
            return;
        }
        let tree = self.trees.entry(id).or_insert_with(|| Tree::new(now, id, (feed, group), me));
        if tree.given_up.is_some() && tree.given_up != row.map(|row| row.parent) {
            tree.given_up = None;
        }
        tree.row = row.cloned();
        (tree.kbps, tree.k) = (group.kbps, group.k);
        if tree.feed == feed.feed {
            return;
        }
        // Another source, or the same that has started anew: frames count anew.
        let becomes_root = feed.source == me && !tree.is_root;
        (tree.source, tree.feed) = (feed.source, feed.feed);
        (tree.ring, tree.begin) = (Ring::new(), None);
        tree.lists = Lists::default();
        tree.feed(now);
        if becomes_root {
            self.become_root(now, id);
        } else if let Some(parent) = tree.parent {
            self.say_attach(now, id, parent);
        }
    }

    /// This node's source was plugged into a tree that it was fed in. Whom it fed there it still feeds.
    fn become_root(&mut self, now: Time, id: TreeId) {
        let Some(tree) = self.trees.get_mut(&id) else { return };
        let feeders: Vec<NodeId> = tree.feeders().collect();
        tree.is_root = true;
        (tree.parent, tree.old, tree.trial, tree.trying) = (None, None, None, None);
        (tree.left, tree.given_up, tree.behind, tree.stalled, tree.return_at) =
            (None, None, None, None, None);
        (tree.claimed, tree.suspect, tree.key_pending, tree.taking) = (false, false, false, Taking::No);
        tree.awaited.clear();
        tree.tried.clear();
        tree.path.clear();
        self.timers.cancel(Timer::Repair(id));
        self.timers.cancel(Timer::KeyWanted(id));
        for peer in feeders {
            self.tell(now, peer, &Message::Detach { tree: id });
        }
        self.tell_children(now, id);
    }

    /// Takes leave of a tree; its children have learned of it from the same plan, or look elsewhere.
    pub(crate) fn leave_tree(&mut self, now: Time, id: TreeId) {
        let Some(tree) = self.trees.remove(&id) else { return };
        self.timers.cancel(Timer::Repair(id));
        self.timers.cancel(Timer::KeyWanted(id));
        self.timers.cancel(Timer::List(id));
        for peer in tree.feeders() {
            self.tell(now, peer, &Message::Detach { tree: id });
        }
        for child in tree.children.peers() {
            self.tell(now, child, &Message::Refused { tree: id, why: Refusal::Unknown });
        }
    }

    /// Which frames go to this node's user: sound, and one picture of each slot. A picture that is replaced by
    /// another layer is kept until the other has brought a key frame.
    fn retake(&mut self, now: Time) {
        let rows = &self.seat.rows;
        let takes = |id: TreeId| rows.get(&id).is_some_and(|row| row.takes);
        let pictures = || self.trees.values().filter(|tree| !tree.id.layer.is_audio());
        let shown = pictures().filter(|tree| matches!(tree.taking, Taking::Yes | Taking::UntilNext));
        let shown: BTreeSet<(u8, Layer)> = shown.map(|tree| (tree.id.slot, tree.id.layer)).collect();
        let taken = pictures().filter(|tree| takes(tree.id));
        let taken: BTreeSet<(u8, Layer)> = taken.map(|tree| (tree.id.slot, tree.id.layer)).collect();
        let another = |layers: &BTreeSet<(u8, Layer)>, id: TreeId| {
            let picture = !id.layer.is_audio() && !layers.contains(&(id.slot, id.layer));
            picture && layers.iter().any(|(slot, _)| *slot == id.slot)
        };
        let mut fresh = Vec::new();
        for tree in self.trees.values_mut() {
            let before = tree.taking;
            tree.taking = match (takes(tree.id) && !tree.is_root, before) {
                (true, Taking::Yes | Taking::UntilNext) => Taking::Yes,
                (true, Taking::FromKey { since }) => Taking::FromKey { since },
                (true, Taking::No) if another(&shown, tree.id) => Taking::FromKey { since: now },
                (true, Taking::No) => Taking::Yes,
                (false, Taking::Yes | Taking::UntilNext) if another(&taken, tree.id) => Taking::UntilNext,
                (false, _) => Taking::No,
            };
            if before == Taking::No && tree.taking != Taking::No {
                fresh.push(tree.id);
            }
        }
        for id in fresh {
            self.deliver_kept(id);
        }
        // Who was in the tree of its next picture before, and is there again, would be given no key frame unasked.
        self.push_switches(now);
    }

    /// Tells the user which sources there are, and in which layer they come.
    fn tell_sources(&mut self, stage: &Stage) {
        let mut now_taken: BTreeMap<u8, (NodeId, u32, Layer)> = BTreeMap::new();
        let me = self.me();
        for feed in stage.feeds.iter().filter(|feed| feed.source != me) {
            let mine = self.seat.rows.iter().filter(|(tree, row)| tree.slot == feed.slot && row.takes);
            if let Some(layer) = mine.map(|(tree, _)| tree.layer).max() {
                now_taken.insert(feed.slot, (feed.source, feed.feed, layer));
            }
        }
        let before = std::mem::replace(&mut self.told, now_taken.clone());
        let gone =
            before.values().filter(|(source, ..)| now_taken.values().all(|(other, ..)| other != source));
        for (peer, ..) in gone.copied().collect::<Vec<_>>() {
            self.event(Event::Source { peer, layer: None });
        }
        for (slot, taken) in now_taken {
            if before.get(&slot) != Some(&taken) {
                self.event(Event::Source { peer: taken.0, layer: Some(taken.2) });
            }
        }
    }

    /// Asks for parents where the plan names others; dials backups, so that they are warm.
    fn find_parents(&mut self, now: Time) {
        for id in self.trees.keys().copied().collect::<Vec<_>>() {
            let Some(tree) = self.trees.get_mut(&id).filter(|tree| !tree.is_root) else { continue };
            let row = tree.row.clone();
            // A place that the plan has for others now is kept as a graft until there is another.
            let stale = tree
                .parent
                .filter(|parent| tree.claimed && row.as_ref().is_none_or(|row| row.parent != *parent));
            if let Some(parent) = stale {
                self.say_attach(now, id, parent);
            }
            let Some(row) = row else { continue };
            for backup in &row.backups {
                self.dial(now, *backup);
            }
            let Some(tree) = self.trees.get_mut(&id) else { continue };
            if tree.parent.is_none() {
                self.seek(now, id);
            } else if tree.given_up == Some(row.parent) {
                tree.return_at = None;
            } else if tree.parent != Some(row.parent) {
                tree.return_wait = config::RETURN_SOON;
                tree.return_at = Some(now + tree.return_wait);
                if tree.trying.is_none() {
                    self.ask_planned(now, id);
                }
            } else {
                tree.return_at = None;
                if !tree.claimed {
                    self.say_attach(now, id, row.parent);
                }
            }
        }
    }

    /// Leaves trees that nobody needs this node in.
    pub(crate) fn prune_trees(&mut self, now: Time) {
        for id in self.trees.keys().copied().collect::<Vec<_>>() {
            let Some(tree) = self.trees.get_mut(&id) else { continue };
            if tree.is_needed() {
                tree.idle = None;
                continue;
            }
            let since = *tree.idle.get_or_insert(now);
            if now.since(since) >= config::LINGER_FOR {
                self.leave_tree(now, id);
            }
        }
    }

    /// A picture that is to replace another asks again for its key frame, and ends the old one if that never comes.
    pub(crate) fn push_switches(&mut self, now: Time) {
        for id in self.trees_where(|tree| matches!(tree.taking, Taking::FromKey { .. })) {
            let Some(tree) = self.trees.get_mut(&id) else { continue };
            let Taking::FromKey { since } = tree.taking else { continue };
            if now.since(since) < config::SWITCH_PATIENCE {
                self.want_key(now, id);
                continue;
            }
            tree.taking = Taking::Yes;
            self.end_old_layers(id);
        }
    }

    fn end_old_layers(&mut self, id: TreeId) {
        for tree in self.trees.values_mut().filter(|tree| tree.id.slot == id.slot && tree.id != id) {
            if tree.taking == Taking::UntilNext {
                tree.taking = Taking::No;
            }
        }
    }
}
