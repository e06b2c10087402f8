//! Parents that feed badly: the node that is fed leaves them at once and complains of them, and the coordinator weighs that
//! against what others say.
//!
//! What is complained of is only what nobody above a parent can bring about: it said that it had what it did not bring, or said
//! nothing at all. Whoever alters units is cut off (`witness`), and not complained of (decision 22). Whoever brings sound late
//! is left, and not complained of: there are no common clocks, so that it may have got it late itself, and not know.

use std::collections::BTreeSet;

use crate::config;
use crate::id::NodeId;
use crate::io::Event;
use crate::state::State;
use crate::time::Time;
use crate::unit::{Payload, TreeId};

impl<P: Payload> State<P> {
    /// This node was fed badly, and not for want of anything that its parent lacks too. Of whoever leads nobody complains: it is
    /// the judge, and who has everybody to answer may be late with all else.
    pub(crate) fn complain(&mut self, now: Time, of: NodeId) {
        if self.leader.is_some_and(|leader| leader.id == of) {
            return;
        }
        if self.complaints.note(now, of) {
            self.say_news(now);
        }
    }

    /// What is long past is not complained of any more.
    pub(crate) fn forgive(&mut self, now: Time) {
        self.complaints.tidy(now);
    }

    /// A unit came by a link.
    pub(crate) fn fed_by(&mut self, now: Time, from: NodeId) {
        let Some(neighbour) = self.links.get_mut(from) else { return };
        neighbour.fed = now;
        if std::mem::take(&mut neighbour.wronged) {
            self.make_up_with(now, from);
        }
    }

    /// Parents that live and say nothing of what they should feed are complained of, and left.
    pub(crate) fn leave_misers(&mut self, now: Time) {
        let keeps = |peer: NodeId| self.links.get(peer).is_some_and(|neighbour| neighbour.keeps_all(now));
        for id in self.trees_where(|tree| tree.parent.is_some_and(keeps) && tree.given_up != tree.parent) {
            let Some(parent) = self.trees.get(&id).and_then(|tree| tree.parent) else { continue };
            self.complain(now, parent);
            self.forsake(now, id);
        }
    }

    /// Sound came by one of two trees. If the other is ahead of it by far, and for long, somebody on the way holds it back.
    pub(crate) fn compare_twins(&mut self, now: Time, id: TreeId, number: u32) {
        let Some(feed) = self.trees.get(&id).map(|tree| tree.feed) else { return };
        let group = TreeId { index: 0, ..id }..=TreeId { index: u8::MAX, ..id };
        let twins =
            self.trees.range(group).filter(|(other, tree)| **other != id && tree.feed == feed && tree.k == 1);
        let ahead = twins.filter_map(|(_, tree)| tree.ring.next_number()).max().unwrap_or(0);
        let Some(tree) = self.trees.get_mut(&id) else { return };
        if ahead.saturating_sub(number) <= config::LATE_FRAMES {
            tree.late = None;
            return;
        }
        let since = *tree.late.get_or_insert(now);
        if now.since(since) >= config::LATE_FOR {
            tree.late = None;
            self.forsake(now, id);
        }
    }

    /// A presence says of whom its origin complains. What it says of others than the plan names for it is no word about an
    /// edge.
    pub(crate) fn heard_complaints(&mut self, now: Time, origin: NodeId, owner: u64, complaints: &[u64]) {
        let Some(coordinator) = self.coordinator.as_mut().filter(|_| !complaints.is_empty()) else { return };
        let rows = coordinator.planner.seats(origin).into_iter().filter_map(|seat| seat.row);
        let named: BTreeSet<NodeId> =
            rows.flat_map(|row| row.backups.into_iter().chain([row.parent])).collect();
        let of = named.into_iter().filter(|peer| complaints.contains(&peer.prefix()));
        let owner = if owner == 0 { origin.prefix() } else { owner };
        coordinator.verdicts.heard(now, owner, of);
    }

    /// Whoever enough owners complain of feeds nobody any more while this node leads.
    pub(crate) fn judge(&mut self, now: Time) {
        if !self.leads() {
            return;
        }
        let own = self.complaints.named(now);
        self.heard_complaints(now, self.me(), self.config.admitted.owner, &own);
        let guilty = self.coordinator.as_mut().map(|coordinator| coordinator.verdicts.judge(now));
        for peer in guilty.unwrap_or_default() {
            self.event(Event::Demoted { peer });
            self.member_changed(now, peer);
        }
    }
}
