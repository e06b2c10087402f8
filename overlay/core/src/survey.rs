//! How far neighbours are: each is asked now and then, and where this node is follows from what they answer.

use crate::config;
use crate::coordinate::Coordinate;
use crate::id::NodeId;
use crate::state::State;
use crate::time::Time;
use crate::unit::Payload;
use crate::wire::Message;

impl<P: Payload> State<P> {
    /// Asks a neighbour how far it is. Who hides does not look for where it is: its coordinate would tell.
    pub(crate) fn probe(&mut self, now: Time, peer: NodeId) {
        if self.config.hidden {
            return;
        }
        let number = self.next_probe;
        let Some(neighbour) = self.links.get_mut(peer) else { return };
        (neighbour.probed, neighbour.echoed) = (Some((number, now)), false);
        self.next_probe = number.wrapping_add(1);
        self.surveyed = now;
        self.tell(now, peer, &Message::Probe { number });
    }

    /// Asks the neighbour that was not asked for the longest time, and says where this node is if that is news.
    pub(crate) fn survey(&mut self, now: Time) {
        if now.since(self.surveyed) >= config::PROBE_EVERY {
            let asked = |probed: Option<(u32, Time)>| probed.map(|(_, at)| at);
            let next = self.links.members().min_by_key(|(id, neighbour)| (asked(neighbour.probed), *id));
            if let Some(peer) = next.map(|(id, _)| id) {
                self.probe(now, peer);
            }
        }
        if self.whereabouts() != self.said_where && now.since(self.said) >= config::SAID_WHERE_EVERY {
            self.say_news(now);
        }
    }

    /// Where this node is, as its presence says it: nowhere, while it does not know, and where it said that it is until it
    /// is well away from there. What is planned would change with it.
    pub(crate) fn whereabouts(&self) -> Coordinate {
        let is = if self.vivaldi.is_measured() { self.vivaldi.coordinate() } else { Coordinate::default() };
        if self.said_where.moved(&is) > config::MOVED_BY { is } else { self.said_where }
    }

    /// A neighbour asks.
    pub(crate) fn heard_probe(&mut self, now: Time, from: NodeId, number: u32) {
        let hides = self.config.hidden;
        let coordinate = if hides { Coordinate::default() } else { self.vivaldi.coordinate() };
        self.tell(now, from, &Message::Echo { number, coordinate, error: self.vivaldi.error() });
    }

    /// A neighbour answers.
    pub(crate) fn heard_echo(
        &mut self,
        now: Time,
        from: NodeId,
        number: u32,
        coordinate: Coordinate,
        error: u16,
    ) {
        let Some(neighbour) = self.links.get_mut(from) else { return };
        let asked = neighbour.probed.filter(|(asked, _)| *asked == number && !neighbour.echoed);
        let Some((_, at)) = asked else { return };
        neighbour.echoed = true;
        self.vivaldi.echo(from, coordinate, error, now.since(at));
    }
}
