//! Relays that whoever finds no parent may ask, as the coordinator names them to everybody.

use crate::config;
use crate::id::NodeId;
use crate::io::Kind;
use crate::members::Presence;
use crate::stage::Reachable;
use crate::state::State;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::Payload;

impl<P: Payload> State<P> {
    /// Names other helpers where that is due: in a large meeting the stage is told to everybody for it, and while many relays
    /// come each is one change.
    pub(crate) fn look_for_helpers(&mut self, now: Time) {
        let helpers = self.helpers();
        let large = self.members.len() > config::AFRESH_MEETING;
        let Some(coordinator) = &mut self.coordinator else { return };
        let (named, before) = &coordinator.helpers;
        if helpers == *before {
            return;
        }
        let due = *named + config::HELPERS_EVERY;
        if large && !before.is_empty() && now < due {
            return self.timers.set_earlier(Timer::Plan, due);
        }
        coordinator.helpers = (now, helpers);
    }

    /// The strongest relays, for whoever finds no parent.
    fn helpers(&self) -> Vec<Reachable> {
        let verdicts = self.coordinator.as_ref().map(|coordinator| &coordinator.verdicts);
        let relays = self.members.iter().filter(|(id, member)| {
            let Presence { contacts, lends_kbps, .. } = &member.presence;
            let helps = member.admitted.kind == Kind::Relay && !contacts.is_empty() && *lends_kbps > 0;
            helps && !verdicts.is_some_and(|verdicts| verdicts.is_demoted(*id))
        });
        let mut relays: Vec<(u32, NodeId)> =
            relays.map(|(id, member)| (member.presence.lends_kbps, id)).collect();
        relays.sort_by_key(|(kbps, id)| (std::cmp::Reverse(*kbps), *id));
        let contacts = |id| self.members.get(id).map(|member| member.presence.contacts.clone());
        relays.truncate(config::HELPERS_MAX);
        // Everybody is told when this changes: who lends more than whom among them is no news.
        relays.sort_by_key(|(_, id)| *id);
        relays.into_iter().filter_map(|(_, id)| Some(Reachable { id, contacts: contacts(id)? })).collect()
    }
}
