//! Notes for everybody: along one tree of links, told of on all others.
//!
//! The tree forms as in Plumtree (Leitão et al., "Epidemic Broadcast Trees", 2007), by the heartbeats of the leader
//! only, of which there is one each second: a link that brought one too late turns lazy, and one that brought what
//! was missing turns eager again. It carries everybody's notes, in both directions (decision 6).

use std::cmp::Reverse;

use crate::config;
use crate::id::NodeId;
use crate::io::{Kind, Topic};
use crate::state::State;
use crate::time::Time;
use crate::unit::Payload;
use crate::wire::{Message, NoteId};

/// Bytes of notes that one message may ask for; the rest is asked for again.
const WANTED_BYTES_MAX: usize = 1024 * 1024;

impl<P: Payload> State<P> {
    /// True if a neighbour gets the notes of this origin another way: it is told of them, not given them.
    fn is_lazy(&self, peer: NodeId, origin: NodeId) -> bool {
        let Some(leader) = self.leader.map(|leader| leader.id) else { return false };
        let up = origin != leader && self.uphill.is_some_and(|uphill| uphill.peer == peer);
        !up && self.links.get(peer).is_some_and(|neighbour| neighbour.lazy.contains(&leader))
    }

    /// Passes a note on, never back to where it came from; over no more links than the uplink bears. The others are told
    /// of it, now and from then on, until they want something. Only heartbeats, which show who needs which link, go over more
    /// than a few that lead on to nobody: what else there is can be large, and all of those have it another way.
    pub(crate) fn flood(&mut self, now: Time, from: Option<NodeId>, id: NoteId, bytes: &[u8]) {
        let others = self.links.iter().filter(|(peer, _)| Some(*peer) != from);
        let eager = others.filter(|(peer, _)| !self.is_lazy(*peer, id.origin) && self.may_have(*peer, id));
        // Relays multiply it; whoever is passed over for them finds its way by one of them.
        let rank = |peer, kind| (kind != Kind::Relay, Reverse(self.is_on_way(peer)), peer);
        let mut eager: Vec<(bool, Reverse<bool>, NodeId)> =
            eager.map(|(peer, neighbour)| rank(peer, neighbour.kind)).collect();
        let most = config::pushed_links(self.config.uplink_kbps);
        if eager.len() > most {
            eager.sort_unstable();
            let leader = self.leader.map(|leader| leader.id);
            for (.., peer) in eager.drain(most..) {
                if let Some((neighbour, leader)) = self.links.get_mut(peer).zip(leader) {
                    neighbour.lazy.insert(leader);
                }
            }
        }
        let beats = id.topic == Topic::Presence && self.leader.is_some_and(|leader| leader.id == id.origin);
        let mut beside = config::PUSHED_LINKS_MIN;
        for (.., peer) in eager {
            if beats || self.is_on_way(peer) || beside > 0 {
                beside = beside.saturating_sub(usize::from(!self.is_on_way(peer)));
                self.tell_bytes(now, peer, bytes.to_vec());
            } else {
                self.tell(now, peer, &Message::Have { notes: vec![id] });
            }
        }
    }

    /// True for a neighbour by way of which others are reached, or the coordinator.
    fn is_on_way(&self, peer: NodeId) -> bool {
        self.routes.is_below(peer) || self.uphill.is_some_and(|uphill| uphill.peer == peer)
    }

    /// A neighbour gets the notes of a leader another way.
    pub(crate) fn be_lazy(&mut self, peer: NodeId, leader: NodeId) {
        let leads = self.may_coordinate(leader);
        if let Some(neighbour) = self.links.get_mut(peer).filter(|_| leads) {
            neighbour.lazy.insert(leader);
        }
    }

    /// A neighbour is given notes from now on, whoever leads.
    pub(crate) fn wake(&mut self, now: Time, peer: NodeId) {
        let leader = self.leader.map(|leader| leader.id);
        if let Some((leader, neighbour)) = leader.zip(self.links.get_mut(peer)) {
            neighbour.wake(now, leader);
        }
    }

    /// A new neighbour is given the newest heartbeat: it need not wait for the next to know a way to the coordinator. From who
    /// leads it would come to everybody who comes, and show all of them one way.
    pub(crate) fn show_way(&mut self, now: Time, peer: NodeId) {
        let leader = self.leader.map(|leader| leader.id).filter(|leader| *leader != self.me());
        let newest = leader.and_then(|leader| self.gossip.newest(leader));
        if let Some((bytes, _)) = newest.and_then(|newest| self.gossip.get(newest)) {
            let bytes = bytes.to_vec();
            self.tell_bytes(now, peer, bytes);
        }
    }

    /// A new neighbour is told of every note there is that it may have.
    pub(crate) fn offer_everything(&mut self, now: Time, peer: NodeId) {
        let mut all = self.note_ids();
        all.retain(|id| self.may_have(peer, *id));
        for notes in all.chunks(config::NOTE_IDS_MAX) {
            self.tell(now, peer, &Message::Have { notes: notes.to_vec() });
        }
    }

    /// Once for each note, some time after it came: neighbours that are not given it hear of it, should it not have
    /// come another way. Together with others, since each message costs a wake-up.
    pub(crate) fn offer_lazily(&mut self, now: Time) {
        if now.since(self.offered) < config::LAZY_EVERY {
            return;
        }
        let due = self.offered..now;
        self.offered = now;
        let notes: Vec<NoteId> = self.gossip.that_came(|came| due.contains(&(came + config::LAZY_AFTER)));
        if notes.is_empty() {
            return;
        }
        for peer in self.told_lazily(due.start) {
            let owed = |id: &NoteId| self.was_lazy(peer, *id) && self.may_have(peer, *id);
            let notes: Vec<NoteId> = notes.iter().copied().filter(owed).collect();
            for notes in notes.chunks(config::NOTE_IDS_MAX) {
                self.tell(now, peer, &Message::Have { notes: notes.to_vec() });
            }
        }
    }

    /// Some lazy neighbours, others each time, and as many of those who ceased to be so after the first of the notes that are
    /// told of now may have come.
    fn told_lazily(&mut self, since: Time) -> Vec<NodeId> {
        let woken = self.links.iter().filter(|(_, neighbour)| neighbour.woken + config::LAZY_AFTER > since);
        let woken: Vec<NodeId> = woken.map(|(peer, _)| peer).take(config::LAZY_LINKS).collect();
        let leader = self.leader.map(|leader| leader.id);
        let is_lazy = |peer: &NodeId| leader.is_some_and(|leader| self.is_lazy(*peer, leader));
        let mut lazy = self.links.ids();
        lazy.retain(|peer| is_lazy(peer) && !woken.contains(peer));
        let lazy = in_turn(&lazy, &mut self.offer_turn, config::LAZY_LINKS);
        woken.into_iter().chain(lazy).collect()
    }

    /// True if a neighbour was not given a note that is kept, since it was to get it another way. That way may be gone since: who
    /// ceases to be lazy often does so because of that.
    fn was_lazy(&self, peer: NodeId, id: NoteId) -> bool {
        let woken = self.links.get(peer).map(|neighbour| neighbour.woken);
        let came = self.gossip.get(id).map(|(_, came)| came);
        self.is_lazy(peer, id.origin) || woken.zip(came).is_some_and(|(woken, came)| came < woken)
    }

    /// A lazy neighbour is given what it would have been offered soon: whoever is shut out should learn from the
    /// note that says so.
    pub(crate) fn give_what_is_owed(&mut self, now: Time, peer: NodeId) {
        let recent = |came: Time| now.since(came) < config::LAZY_AFTER + config::LAZY_EVERY;
        let mut owed = self.gossip.that_came(recent);
        owed.retain(|id| self.is_lazy(peer, id.origin));
        self.wanted(now, peer, owed);
    }

    /// Now and then some neighbours are told of some of all notes in turn: whatever went wrong, it is healed.
    pub(crate) fn offer_in_turn(&mut self, now: Time) {
        let mut all = self.note_ids();
        let leader = self.leader.map(|leader| leader.id);
        all.retain(|id| Some(id.origin) != leader || id.topic != Topic::Presence);
        let members: Vec<NodeId> = self.links.members().map(|(peer, _)| peer).collect();
        for peer in in_turn(&members, &mut self.have_turn, config::HAVE_LINKS) {
            let Some(neighbour) = self.links.get_mut(peer).filter(|_| !all.is_empty()) else { continue };
            let from = neighbour.turn % all.len();
            neighbour.turn = from + config::HAVE_IN_TURN;
            let turn = all.iter().cycle().skip(from).take(config::HAVE_IN_TURN.min(all.len()));
            let notes = turn.copied().collect();
            self.tell(now, peer, &Message::Have { notes });
        }
    }

    fn note_ids(&self) -> Vec<NoteId> {
        self.gossip.ids(|origin| self.is_known(origin))
    }

    /// Asks for what a neighbour has and this node lacks, and has asked nobody else for.
    pub(crate) fn offered(&mut self, now: Time, from: NodeId, mut notes: Vec<NoteId>) {
        notes.retain(|id| !self.links.is_shut(id.origin) && id.origin != self.me());
        notes.retain(|id| !self.gossip.has_seen(*id));
        notes.retain(|id| self.wants.ask(now, *id, from));
        if !notes.is_empty() {
            self.tell(now, from, &Message::Want { notes });
        }
    }

    /// Asks others for what did not come.
    pub(crate) fn want_again(&mut self, now: Time) {
        let links = &self.links;
        for (peer, mut notes) in self.wants.late(now, |peer| links.has(peer)) {
            notes.retain(|id| !self.gossip.has_seen(*id));
            if !notes.is_empty() {
                self.tell(now, peer, &Message::Want { notes });
            }
        }
    }

    /// Gives a neighbour what it lacks.
    pub(crate) fn wanted(&mut self, now: Time, from: NodeId, notes: Vec<NoteId>) {
        let mut bytes_left = WANTED_BYTES_MAX;
        if !notes.is_empty() {
            self.wake(now, from);
        }
        for id in notes.into_iter().filter(|id| self.may_have(from, *id)).collect::<Vec<_>>() {
            let Some((bytes, _)) = self.gossip.get(id).filter(|(bytes, _)| bytes.len() <= bytes_left) else {
                continue;
            };
            bytes_left -= bytes.len();
            let bytes = bytes.to_vec();
            self.tell_bytes(now, from, bytes);
        }
    }
}

/// So many of all, the next ones each time.
fn in_turn(all: &[NodeId], turn: &mut usize, count: usize) -> Vec<NodeId> {
    if all.is_empty() {
        return Vec::new();
    }
    let from = *turn % all.len();
    *turn = from + count;
    all.iter().cycle().skip(from).take(count.min(all.len())).copied().collect()
}
