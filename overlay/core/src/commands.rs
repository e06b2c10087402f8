//! What a node's user asks of it.

use crate::config;
use crate::id::NodeId;
use crate::io::{Audience, Command, Event, Output, Topic};
use crate::serve::replays;
use crate::stage::Wishes;
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::{Payload, TreeId};
use crate::wire::{Message, Refusal};

impl<P: Payload> State<P> {
    /// Does what its user asks for.
    pub(crate) fn command(&mut self, now: Time, command: Command) {
        match command {
            Command::Coordinate { term } => self.coordinate(now, term),
            Command::Send(layers) => {
                self.sends = layers;
                self.sends.sort_by_key(|rate| rate.layer);
                self.sends.dedup_by_key(|rate| rate.layer);
                // Serials grow over restarts, so a stint named by one does too.
                self.stint = self.next_serial;
                self.shows = None;
                self.next_serial += 1;
                self.presence_changed(now);
            }
            Command::Uplink { kbps } => {
                self.config.uplink_kbps = kbps;
                self.replays = replays(now, kbps);
                self.presence_changed(now);
            }
            Command::Lend(lends) => {
                self.config.lends = lends;
                self.presence_changed(now);
            }
            Command::Contacts(contacts) => {
                self.config.contacts = contacts;
                self.config.contacts.retain(|contact| contact.len() <= config::CONTACT_LEN_MAX);
                self.config.contacts.truncate(config::CONTACTS_MAX);
                self.presence_changed(now);
            }
            Command::Credential(credential) => {
                self.config.credential = credential;
                self.show_to_all(now);
                self.presence_changed(now);
            }
            Command::Watch(watch) => {
                self.config.watch = watch;
                self.presence_changed(now);
            }
            Command::Floor { gallery, claims } => self.give_floor(now, Wishes::new(gallery, claims)),
            Command::Look(wishes) => self.look(now, wishes),
            Command::RequestKey { source, layer } => {
                let slot = self.stage.as_ref().and_then(|(_, stage)| {
                    stage.feeds.iter().find(|feed| feed.source == source).map(|feed| feed.slot)
                });
                if let Some(slot) = slot {
                    self.want_key(now, TreeId { slot, layer, index: 0 });
                }
            }
            Command::Say { to, body } if body.len() <= config::NOTE_BODY_MAX => {
                self.say(Topic::Keys, to, body);
            }
            Command::SayStanding { which, body }
                if which < config::STANDING_MAX && body.len() <= config::NOTE_BODY_MAX =>
            {
                self.say(Topic::Standing(which), Audience::Everybody, body);
            }
            Command::Say { .. } | Command::SayStanding { .. } => {
                self.blame(self.config.me, "wants to say more than a note holds");
            }
            Command::Shut(peer) => self.shut(now, peer),
            Command::Lapse(peer) => self.lapse(now, peer),
            Command::Leave => self.leave(now),
        }
    }

    fn shut(&mut self, now: Time, peer: NodeId) {
        if peer == self.me() || !self.links.shut(peer) {
            return;
        }
        self.give_what_is_owed(now, peer);
        self.gossip.forget(peer);
        self.unsent.forget(peer);
        self.waits_no_longer(peer, false);
        if self.members.remove(peer) {
            self.departed(now, peer, false);
        }
        if self.links.down(now, peer) {
            self.outbox.push_back(Output::Hangup(peer));
            self.lost_link(now, peer);
        }
    }

    /// Children are told before anybody else, so that they ask their backups at once.
    fn leave(&mut self, now: Time) {
        self.leaving = true;
        self.coordinator = None;
        self.timers.cancel(Timer::Seats);
        for (id, tree) in std::mem::take(&mut self.trees) {
            for child in tree.children.iter() {
                self.tell(now, child.peer, &Message::Refused { tree: id, why: Refusal::Leaving });
            }
            for parent in [tree.parent, tree.old].into_iter().flatten() {
                self.tell(now, parent, &Message::Detach { tree: id });
            }
            self.timers.cancel(Timer::Repair(id));
            self.timers.cancel(Timer::List(id));
        }
        self.say_presence(now);
        self.shows = None;
        if self.on_stage.take().is_some() {
            self.event(Event::OffStage);
        }
    }
}
