//! Who is still there: how far a presence goes, and whose silence counts.
//!
//! A presence with news goes to everybody. One without (a *beat*) matters to whoever judges by silence: of
//! those who may coordinate that is everybody, of all others only the coordinator. Upkeep so grows with
//! people and links, not with people squared (decision 5).

use crate::config;
use crate::id::NodeId;
use crate::io::{Admitted, Event, Note, Topic};
use crate::members::{Heard, Presence};
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::Payload;
use crate::wire::NoteId;

/// How far a note goes from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To everybody, by way of the neighbours that do not get the origin's notes another way.
    Everybody,
    /// Towards the coordinator.
    Uphill,
}

fn is_beat(note: &Note) -> bool {
    note.topic == Topic::Presence && Presence::decode(&note.body).is_ok_and(|presence| !presence.news)
}

impl<P: Payload> State<P> {
    fn may_coordinate(&self, origin: NodeId) -> bool {
        let member = || self.members.get(origin).map(|member| member.admitted);
        let admitted = if origin == self.me() { Some(self.config.admitted) } else { member() };
        admitted.is_some_and(|admitted| admitted.may_coordinate)
    }

    /// True for the node that plans now; without a plan, for whoever might.
    fn leads(&self, origin: NodeId, admitted: Admitted) -> bool {
        self.plan.as_ref().map_or(admitted.may_coordinate, |(leader, _)| *leader == origin)
    }

    /// True if somebody is there to tell beats to.
    fn is_led(&self) -> bool {
        match &self.plan {
            Some((leader, _)) => self.members.get(*leader).is_some(),
            None => self.members.iter().any(|(_, member)| member.admitted.may_coordinate),
        }
    }

    /// True if this node judges everybody's silence: it plans, and nobody outranks it.
    fn judges(&self) -> bool {
        let outranked = self.plan.as_ref().is_some_and(|(leader, _)| *leader != self.config.me);
        self.coordinator.is_some() && !outranked
    }

    fn is_listed(&self, origin: NodeId) -> bool {
        self.plan.as_ref().is_some_and(|(_, plan)| plan.gone.contains_key(&origin))
    }

    /// True for a presence that is no newer than what the coordinator knew when it took leave of its origin.
    pub(crate) fn is_outlived(&self, id: NoteId) -> bool {
        let listed = self.plan.as_ref().and_then(|(_, plan)| plan.gone.get(&id.origin));
        id.topic == Topic::Presence && listed.is_some_and(|serial| id.serial <= *serial)
    }

    /// How far a note goes. A beat of somebody who is not known here, or who was said to be gone, is news.
    pub(crate) fn reach(&self, note: &Note, admitted: Admitted) -> Reach {
        let known = note.origin == self.me() || self.members.get(note.origin).is_some();
        let returns = !known || self.is_listed(note.origin) && note.origin != self.me();
        if !is_beat(note) || admitted.may_coordinate || returns { Reach::Everybody } else { Reach::Uphill }
    }

    /// Remembers which way the coordinator is. Each neighbour had the presence before it brought it, so these
    /// ways have no loops.
    pub(crate) fn look_uphill(&mut self, from: NodeId, note: &Note, admitted: Admitted) {
        if note.topic == Topic::Presence && self.leads(note.origin, admitted) {
            self.uphill = Some(from);
        }
    }

    /// Whose tree of links carries what is for everybody: who plans, or else might.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        let here = |id: &NodeId| *id == self.config.me || self.members.get(*id).is_some();
        let planning = self.plan.as_ref().map(|(leader, _)| *leader).filter(here);
        let might = || {
            let mut members = self.members.iter().filter(|(_, member)| member.admitted.may_coordinate);
            members.next().map(|(id, _)| id)
        };
        let me = Some(self.config.me).filter(|_| self.coordinator.is_some());
        planning.or(me).or_else(might)
    }

    /// True if a neighbour gets the notes of this origin another way: it is told of them, not given them.
    pub(crate) fn is_lazy(&self, peer: NodeId, origin: NodeId) -> bool {
        let Some(leader) = self.leader() else { return false };
        let up = origin != leader && self.uphill == Some(peer);
        !up && self.links.get(peer).is_some_and(|neighbour| neighbour.lazy.contains(&leader))
    }

    /// Passes a note on, never back to where it came from. What is for everybody keeps to a tree of links, in both
    /// directions. It forms as in Plumtree (Leitão et al., 2007), by the notes of the leader only, of which there is
    /// one each second: a link that brought one too late turns lazy, and one that brought what was missing turns
    /// eager again.
    pub(crate) fn pass_on(
        &mut self,
        now: Time,
        from: Option<NodeId>,
        note: &Note,
        bytes: &[u8],
        reach: Reach,
    ) {
        let mut peers = match reach {
            Reach::Everybody => {
                let mut peers = self.links.ids();
                peers.retain(|peer| !self.is_lazy(*peer, note.origin));
                peers
            }
            Reach::Uphill => self.uphill_peers(from.is_none()),
        };
        peers.retain(|peer| Some(*peer) != from);
        for peer in peers {
            self.tell_bytes(now, peer, bytes.to_vec());
        }
    }

    /// Whom a beat goes to. While the way is not known (the link was lost a moment ago), to everybody; when
    /// no coordinator is there, to nobody. An origin sends it to one other neighbour in turn as well, since
    /// the one uphill might swallow it.
    fn uphill_peers(&mut self, mine: bool) -> Vec<NodeId> {
        if self.judges() || !self.is_led() {
            return Vec::new();
        }
        let mut peers = self.links.ids();
        let Some(uphill) = self.uphill.filter(|peer| self.links.has(*peer)) else { return peers };
        peers.retain(|peer| *peer != uphill);
        let arrives = self.plan.as_ref().is_some_and(|(leader, _)| *leader == uphill);
        if !mine || arrives || peers.is_empty() {
            return vec![uphill];
        }
        self.beat_turn = (self.beat_turn + 1) % peers.len();
        vec![uphill, peers[self.beat_turn]]
    }

    /// A neighbour gets the notes of a leader another way.
    pub(crate) fn be_lazy(&mut self, peer: NodeId, leader: NodeId) {
        let leads = self.may_coordinate(leader);
        if let Some(neighbour) = self.links.get_mut(peer).filter(|_| leads) {
            neighbour.lazy.insert(leader);
        }
    }

    pub(crate) fn heard_presence(&mut self, now: Time, note: Note, admitted: Admitted) {
        let peer = note.origin;
        let Ok(presence) = Presence::decode(&note.body) else {
            return self.blame(peer, "says a presence that can't be read");
        };
        if self.leads(peer, admitted) && presence.missed.contains(&self.config.me) {
            self.say_news(now);
        }
        match self.members.heard(now, peer, presence, admitted) {
            Heard::Arrived => {
                self.event(Event::Arrived { peer, kind: admitted.kind });
                self.links.forget_dial(peer);
                self.gone.remove(&peer);
                self.meeting_changed(now);
            }
            Heard::Changed => self.meeting_changed(now),
            Heard::Left => self.departed(now, peer, true),
            Heard::Same | Heard::Refused => {}
        }
    }

    pub(crate) fn departed(&mut self, now: Time, peer: NodeId, said_so: bool) {
        if let Some(serial) = self.gossip.newest_presence(peer).filter(|_| self.judges()) {
            self.gone.insert(peer, (serial, now));
        }
        self.gossip.depart(peer);
        self.links.forget_lazy(peer);
        self.event(Event::Departed { peer, said_so });
        self.meeting_changed(now);
    }

    /// Says at once whose beats do not come: they answer with news, which no single neighbour can swallow.
    pub(crate) fn miss_silent(&mut self, now: Time) {
        let missed = if self.judges() { self.members.missed(now) } else { Vec::new() };
        let before = std::mem::replace(&mut self.missed, missed);
        if self.missed.iter().any(|peer| !before.contains(peer)) {
            self.say_news(now);
        }
    }

    /// Takes leave of those whose silence counts here: at the coordinator everybody's, elsewhere that of those
    /// who may coordinate, and of those whom the coordinator has given up though this node knew more.
    pub(crate) fn take_leave_of_silent(&mut self, now: Time) {
        self.gone.retain(|_, (_, at)| now.since(*at) < config::GONE_TOLD_FOR);
        let (judges, led) = (self.judges(), self.is_led());
        let listed = self.plan.as_ref().map(|(_, plan)| &plan.gone).filter(|_| led);
        let is_listed = |id| listed.is_some_and(|gone| gone.contains_key(&id));
        let gone = self
            .members
            .take_gone(now, |id, member| judges || member.admitted.may_coordinate || is_listed(id));
        for peer in gone {
            self.departed(now, peer, false);
        }
    }

    /// Takes leave of those whom a new plan names as gone, unless they were heard of since.
    pub(crate) fn take_leave_of_listed(&mut self, now: Time) {
        let Some((_, plan)) = &self.plan else { return };
        let listed = plan.gone.contains_key(&self.config.me);
        let outlived = |(id, serial): (&NodeId, &u64)| {
            (self.gossip.newest_presence(*id) <= Some(*serial)).then_some(*id)
        };
        let outlived: Vec<NodeId> = plan.gone.iter().filter_map(outlived).collect();
        if listed {
            self.say_news(now);
        }
        for peer in outlived {
            if self.members.remove(peer) {
                self.departed(now, peer, false);
            }
        }
    }

    /// Says that this node is present, and what it is like now. A relay that no meeting has claimed yet
    /// has nothing to show, and nobody would believe it: it is silent.
    pub(crate) fn say_presence(&mut self, now: Time) {
        self.timers.set(Timer::Presence, now + config::PRESENCE_EVERY);
        let me = &self.config;
        if me.credential.is_empty() {
            return;
        }
        let presence = Presence {
            kind: me.kind,
            uplink_kbps: me.uplink_kbps,
            contacts: me.contacts.clone(),
            credential: me.credential.clone(),
            sends: self.sends.clone(),
            stint: self.stint,
            on_stage: self.on_stage,
            watch: me.watch,
            leaving: self.leaving,
            news: self.news,
            missed: self.missed.clone(),
        };
        self.news = false;
        if let Ok(body) = presence.encode() {
            self.say(Topic::Presence, body);
        }
        self.said_presence = Some(now);
    }

    /// Something about this node has changed.
    pub(crate) fn presence_changed(&mut self, now: Time) {
        self.say_news(now);
        self.meeting_changed(now);
    }

    /// Somebody should hear of this node soon, not with the next second's presence.
    pub(crate) fn say_news(&mut self, now: Time) {
        self.news = true;
        self.timers.set_earlier(Timer::Presence, now + config::PRESENCE_DEBOUNCE);
    }
}
