//! Whoever plans now: the meeting as it is, and a plan for it when it has changed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config;
use crate::id::NodeId;
use crate::io::{Event, Topic};
use crate::plan::{self, Plan, Supply, View};
use crate::stage::{self, Candidate, Coordinator};
use crate::state::State;
use crate::time::Time;
use crate::unit::Payload;

impl<P: Payload> State<P> {
    /// Plans from now on. A term that is not above the one followed would be ignored by everybody.
    pub(crate) fn coordinate(&mut self, now: Time, term: u32) {
        if self.config.admitted.may_coordinate {
            self.coordinator = Some(Coordinator { term, number: 0, next_feed: 1 });
            // Beats did not come here so far.
            self.members.forgive(now);
            self.meeting_changed(now);
        }
    }

    /// Makes a plan, and says it if it differs from what holds.
    pub(crate) fn make_plan(&mut self, now: Time) {
        let candidates = self.candidates_for_stage();
        let nodes = self.supplies();
        let gone: BTreeMap<NodeId, u64> = self.gone.iter().map(|(id, (serial, _))| (*id, *serial)).collect();
        let previous = self.plan.as_ref().map(|(_, plan)| plan);
        let Some(coordinator) = &mut self.coordinator else { return };
        let feeds_before = previous.map_or(&[][..], |plan| &plan.feeds);
        let named = feeds_before.iter().map(|feed| feed.feed);
        let said = candidates.iter().filter_map(|candidate| candidate.on_stage).map(|(_, feed)| feed);
        let highest = named.chain(said).max().unwrap_or(0);
        coordinator.next_feed = coordinator.next_feed.max(highest.saturating_add(1));
        let feeds = stage::assign(&candidates, feeds_before, &mut coordinator.next_feed);
        let view = View { nodes, feeds, now, ..View::default() };
        let trees = plan::compute(&view, previous);
        let holds =
            previous.is_some_and(|plan| plan.feeds == view.feeds && plan.trees == trees && plan.gone == gone);
        let mine = previous.is_some_and(|plan| plan.term == coordinator.term);
        if holds && mine {
            return;
        }
        coordinator.number += 1;
        let plan =
            Plan { term: coordinator.term, number: coordinator.number, feeds: view.feeds, trees, gone };
        match plan::split(&plan) {
            Some(bodies) => {
                let bytes: usize = bodies.iter().map(Vec::len).sum();
                self.plan_due = now + Duration::from_micros(bytes as u64 * 8_000 / config::PLAN_KBPS);
                for body in bodies {
                    self.say(Topic::Plan, body);
                }
            }
            None => self.event(Event::Blame { peer: self.me(), what: "the meeting is too large for a plan" }),
        }
    }

    fn candidates_for_stage(&self) -> Vec<Candidate> {
        let mine = Candidate {
            source: self.me(),
            stint: self.stint,
            layers: self.sends.clone(),
            on_stage: self.on_stage,
        };
        let others = self.members.iter().map(|(id, member)| Candidate {
            source: id,
            stint: member.presence.stint,
            layers: member.presence.sends.clone(),
            on_stage: member.presence.on_stage,
        });
        let mut all: Vec<Candidate> =
            others.chain([mine]).filter(|candidate| !candidate.layers.is_empty()).collect();
        all.sort_by_key(|candidate| candidate.source);
        all
    }

    fn supplies(&self) -> BTreeMap<NodeId, Supply> {
        let me = &self.config;
        let mine =
            Supply { kind: me.kind, uplink_kbps: me.uplink_kbps, watch: me.watch, ..Supply::default() };
        let others = self.members.iter().map(|(id, member)| {
            let presence = &member.presence;
            let kind = member.admitted.kind;
            let watch = presence.watch;
            (id, Supply { kind, uplink_kbps: presence.uplink_kbps, watch, ..Supply::default() })
        });
        others.chain([(me.me, mine)]).collect()
    }
}
