//! Whom there is a link to, how it behaves, and whom not to link to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::by_id::ById;
use crate::bucket::Bucket;
use crate::config;
use crate::id::NodeId;
use crate::io::{Admitted, Class, Kind};
use crate::time::Time;

/// A peer with a link.
#[derive(Debug)]
pub(crate) struct Neighbour {
    /// When the link came up.
    pub(crate) since: Time,
    /// When anything came last.
    pub(crate) heard: Time,
    /// When a unit or a tick came last, or it became a parent.
    pub(crate) fed: Time,
    /// When a control message went out last.
    pub(crate) sent: Time,
    /// How it takes part.
    pub(crate) kind: Kind,
    /// How far it is in the meeting.
    pub(crate) class: Class,
    /// What it may say, and be told, while it is in the lobby.
    lobby: [Bucket; 2],
    /// It was silent for too long, as a parent.
    pub(crate) suspected: bool,
    /// It was suspected and lives, and has not brought a unit since.
    pub(crate) wronged: bool,
    /// It has said that it is nobody's way to the coordinator.
    pub(crate) declines: bool,
    /// It takes this node for one in the lobby: of no use to ask it before then, unless a seat comes.
    pub(crate) shut_until: Time,
    gap: Duration,
    jitter: Duration,
    /// What it may send: bytes of control, and messages.
    bytes: Bucket,
    messages: Bucket,
    /// When it was asked last how far it is, and by which number.
    pub(crate) probed: Option<(u32, Time)>,
    /// It has answered that.
    pub(crate) echoed: bool,
    /// When an attach went out that it has not answered yet.
    asked: Option<Time>,
    /// How long it took to answer one last.
    answers_in: Duration,
    /// Where its turn of note ids goes on.
    pub(crate) turn: usize,
    /// Leaders whose notes come to this neighbour another way, and with them everybody's.
    pub(crate) lazy: BTreeSet<NodeId>,
    /// When it ceased to be so for one of them: what came before then was not given to it.
    pub(crate) woken: Time,
}

impl Neighbour {
    fn new(now: Time, admitted: Admitted) -> Neighbour {
        Neighbour {
            since: now,
            heard: now,
            fed: now,
            sent: now,
            kind: admitted.kind,
            class: admitted.class,
            lobby: std::array::from_fn(|_| {
                Bucket::new(now, config::LOBBY_BYTES_PER_S, config::LOBBY_BYTES_BURST)
            }),
            suspected: false,
            wronged: false,
            declines: false,
            shut_until: now,
            gap: Duration::ZERO,
            jitter: config::JITTER_START,
            bytes: Bucket::new(now, config::CONTROL_BYTES_PER_S, config::CONTROL_BYTES_BURST),
            messages: Bucket::new(now, config::CONTROL_MESSAGES_PER_S, config::CONTROL_MESSAGES_BURST),
            probed: None,
            echoed: false,
            asked: None,
            answers_in: Duration::ZERO,
            turn: 0,
            lazy: BTreeSet::new(),
            // At a new link all that is kept is offered.
            woken: Time::ZERO,
        }
    }

    /// The notes of a leader are given to it from now on.
    pub(crate) fn wake(&mut self, now: Time, leader: NodeId) {
        if self.lazy.remove(&leader) {
            self.woken = now;
        }
    }

    /// An attach goes out over a link of this round trip, zero if that was not measured: gives how long its answer may take.
    /// Links can be half the world long.
    pub(crate) fn ask(&mut self, now: Time, round_trip: Duration) -> Duration {
        self.asked.get_or_insert(now);
        config::ATTACH_TIMEOUT.max(self.answers_in.max(round_trip) * 3 / 2)
    }

    /// It has answered an attach, in time or not.
    pub(crate) fn answered(&mut self, now: Time) {
        if let Some(asked) = self.asked.take() {
            self.answers_in = now.since(asked).min(config::ANSWERS_IN_MAX);
        }
    }

    /// Something came. The mean deviation of the gaps between arrivals is smoothed as in RFC 3550
    /// section 6.4.1 (gain 1/16); there is no timestamp to compare with, so gaps are compared with their mean.
    pub(crate) fn touch(&mut self, now: Time) {
        // In whole nanoseconds, since this is done with each unit and a `Duration` is divided slowly.
        let smoothed = |mean: Duration, new: u64| Duration::from_nanos((nanos(mean) * 15 + new) / 16);
        let gap = nanos(now.since(self.heard).min(config::SILENCE_MAX));
        self.heard = now;
        self.jitter = smoothed(self.jitter, gap.abs_diff(nanos(self.gap)));
        self.gap = smoothed(self.gap, gap);
    }

    /// When silence means something.
    pub(crate) fn silent_at(&self) -> Time {
        let patience = config::SILENCE_BASE + self.jitter.max(config::JITTER_MIN) * 4;
        self.heard + patience.min(config::SILENCE_MAX)
    }

    /// True for a parent that lives, and for long has brought neither units nor the word that it has none.
    pub(crate) fn keeps_all(&self, now: Time) -> bool {
        let lives = now.since(self.heard) <= config::OWED_AFTER / 4;
        lives && now.since(self.fed) >= config::OWED_AFTER
    }

    /// Takes from what it may say in the lobby; whoever is in may say what the allowance allows.
    pub(crate) fn may_say(&mut self, now: Time, bytes: usize) -> bool {
        self.class == Class::Member || self.lobby[0].take(now, bytes as u64)
    }

    /// The same for what it is told.
    pub(crate) fn may_be_told(&mut self, now: Time, bytes: usize) -> bool {
        self.class == Class::Member || self.lobby[1].take(now, bytes as u64)
    }

    /// Takes from what it may send. False when it has sent too much.
    pub(crate) fn charge(&mut self, now: Time, messages: u64, bytes: u64) -> bool {
        self.bytes.take(now, bytes) && self.messages.take(now, messages)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// A peer that was dialled.
#[derive(Clone, Copy, Debug)]
struct Dialled {
    again: Time,
    wait: Duration,
}

/// All neighbours.
#[derive(Debug, Default)]
pub(crate) struct Links {
    neighbours: ById<Neighbour>,
    dialled: BTreeMap<NodeId, Dialled>,
    shut: BTreeSet<NodeId>,
    cooling: BTreeMap<NodeId, Time>,
}

impl Links {
    /// False if the peer is shut out, or there are too many of its class.
    pub(crate) fn up(&mut self, now: Time, peer: NodeId, admitted: Admitted) -> bool {
        if !self.is_welcome(now, peer) || !self.has_room(admitted.class) {
            return false;
        }
        self.neighbours.insert(peer, Neighbour::new(now, admitted));
        true
    }

    fn has_room(&self, class: Class) -> bool {
        match class {
            Class::Lobby => {
                self.waiting().count() < config::LOBBY_LINKS_MAX && self.len() + 1 < config::LINKS_CROWDED
            }
            Class::Member => self.len() < config::LINKS_MAX,
        }
    }

    /// Neighbours in the lobby.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = NodeId> {
        self.iter().filter(|(_, neighbour)| neighbour.class == Class::Lobby).map(|(id, _)| id)
    }

    /// Neighbours who are in the meeting.
    pub(crate) fn members(&self) -> impl Iterator<Item = (NodeId, &Neighbour)> {
        self.iter().filter(|(_, neighbour)| neighbour.class == Class::Member)
    }

    /// A link is gone. One that was kept for long may be made again at once.
    pub(crate) fn down(&mut self, now: Time, peer: NodeId) -> bool {
        let Some(neighbour) = self.neighbours.remove(peer) else { return false };
        if now.since(neighbour.since) >= config::DIAL_AGAIN_MAX {
            self.dialled.remove(&peer);
        }
        true
    }

    /// Never to be linked again. False if it was so before.
    pub(crate) fn shut(&mut self, peer: NodeId) -> bool {
        if self.shut.len() >= config::SHUT_MAX {
            self.shut.pop_first();
        }
        self.shut.insert(peer)
    }

    /// It has broken the protocol: not to be linked again for a while.
    pub(crate) fn cool(&mut self, now: Time, peer: NodeId) {
        self.cooling.retain(|_, until| *until > now);
        if self.cooling.len() >= config::SHUT_MAX {
            self.cooling.pop_first();
        }
        self.cooling.insert(peer, now + config::COOL_FOR);
    }

    fn is_welcome(&self, now: Time, peer: NodeId) -> bool {
        !self.shut.contains(&peer) && self.cooling.get(&peer).is_none_or(|until| *until <= now)
    }

    pub(crate) fn is_shut(&self, peer: NodeId) -> bool {
        self.shut.contains(&peer)
    }

    pub(crate) fn get(&self, peer: NodeId) -> Option<&Neighbour> {
        self.neighbours.get(peer)
    }

    pub(crate) fn get_mut(&mut self, peer: NodeId) -> Option<&mut Neighbour> {
        self.neighbours.get_mut(peer)
    }

    pub(crate) fn has(&self, peer: NodeId) -> bool {
        self.neighbours.has(peer)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &Neighbour)> {
        self.neighbours.iter()
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.neighbours.iter().map(|(id, _)| id).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.neighbours.len()
    }

    /// True if all neighbours were heard of within this span.
    pub(crate) fn all_heard(&self, now: Time, span: Duration) -> bool {
        self.neighbours.iter().all(|(_, neighbour)| now.since(neighbour.heard) < span)
    }

    /// True if the peer may be dialled now.
    pub(crate) fn may_dial(&self, now: Time, peer: NodeId) -> bool {
        let tried = self.dialled.get(&peer).is_some_and(|dialled| dialled.again > now);
        !tried && !self.has(peer) && self.is_welcome(now, peer) && self.len() < config::LINKS_MAX
    }

    /// The peer is dialled: the next time after twice as long.
    pub(crate) fn note_dial(&mut self, now: Time, peer: NodeId) {
        let before = self.dialled.get(&peer).map(|dialled| (dialled.wait * 2).min(config::DIAL_AGAIN_MAX));
        let wait = before.unwrap_or(config::DIAL_AGAIN);
        if self.dialled.len() >= config::SHUT_MAX {
            self.dialled.pop_first();
        }
        self.dialled.insert(peer, Dialled { again: now + wait, wait });
    }

    /// This node has been let in: whoever took it for one in the lobby may be asked.
    pub(crate) fn open_doors(&mut self, now: Time) {
        for neighbour in self.neighbours.values_mut() {
            neighbour.shut_until = now;
        }
    }

    /// Nobody needs to be told of this origin any more.
    pub(crate) fn forget_lazy(&mut self, now: Time, origin: NodeId) {
        for neighbour in self.neighbours.values_mut() {
            neighbour.wake(now, origin);
        }
    }

    pub(crate) fn forget_dial(&mut self, peer: NodeId) {
        self.dialled.remove(&peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_over_a_long_way_is_waited_for_from_the_first_time_on() {
        let admitted = Admitted { kind: Kind::Relay, class: Class::Member, may_coordinate: false, owner: 0 };
        let mut neighbour = Neighbour::new(Time::ZERO, admitted);
        assert_eq!(neighbour.ask(Time::ZERO, Duration::from_millis(40)), config::ATTACH_TIMEOUT);
        assert_eq!(neighbour.ask(Time::ZERO, Duration::from_millis(300)).as_millis(), 450);
    }
}
