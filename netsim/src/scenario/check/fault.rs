//! What a row of `[[faults]]` may say.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{
    BURST, Checked, LENGTH, LOSS_PER_MILLION, PEOPLE, PERCENT, RELAYS, SHARE_PERCENT, moment, number, option,
    span,
};
use crate::geography::city_names;
use crate::scenario::error::Wrong;
use crate::scenario::{FaultSpec, Geography, Scenario, Target, What};

/// All of them each minute, ten times over.
const PERMILLE_A_MINUTE: RangeInclusive<u32> = 1..=10_000;
/// A liar may claim ten times what it has.
const LIE_PERCENT: RangeInclusive<u32> = 0..=1_000;
/// How long a hostile relay holds a unit.
const UNIT_DELAY: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);
/// Half of the Earth's circumference.
const KM: RangeInclusive<u32> = 0..=20_100;

impl FaultSpec {
    pub(super) fn check(&self, key: &str, scenario: &Scenario) -> Checked {
        let of = |name: &str| format!("{key}.{name}");
        self.check_when(&of, scenario.length)?;
        self.check_whom(&of, scenario)?;
        self.check_details(&of)?;
        self.check_removal(&of, scenario)?;
        option(&of("percent"), self.percent, if self.what == What::Lie { &LIE_PERCENT } else { &PERCENT })?;
        option(&of("per_million"), self.per_million, &LOSS_PER_MILLION)?;
        option(&of("burst"), self.burst, &BURST)?;
        self.delay.map_or(Ok(()), |delay| span(&of("delay"), delay, &UNIT_DELAY))
    }

    /// What only some kinds of fault have.
    fn check_details(&self, of: &impl Fn(&str) -> String) -> Checked {
        let percent = match self.what {
            What::SlowUplink => Some("at how many percent of its rate the uplink sends"),
            What::Drop => Some("how many percent of the units it still forwards"),
            What::Lie => Some("how many percent of its limit it claims"),
            _ => None,
        };
        let delay = (self.what == What::Delay).then_some("how long each unit is held back");
        let loss = (self.what == What::Lossy).then_some("how many of a million packets are lost");
        let details = [
            ("percent", percent, self.percent.is_some()),
            ("delay", delay, self.delay.is_some()),
            ("per_million", loss, self.per_million.is_some()),
        ];
        for (name, meaning, is) in details {
            match (meaning, is) {
                (Some(meaning), false) => {
                    return Err(Wrong::new(of(name), format!("is missing; say {meaning}")));
                }
                (None, true) => return Err(Wrong::new(of(name), self.idle())),
                _ => {}
            }
        }
        if self.burst.is_some() && loss.is_none() {
            return Err(Wrong::new(of("burst"), self.idle()));
        }
        if self.what == What::Freeze && self.lasts.is_none() {
            return Err(Wrong::new(of("lasts"), "is missing; say how long they stand still"));
        }
        Ok(())
    }

    /// Only the organiser removes, and only participants have keys to lose.
    fn check_removal(&self, of: &impl Fn(&str) -> String, scenario: &Scenario) -> Checked {
        if self.what != What::Remove {
            return Ok(());
        }
        if !scenario.keys.agreed {
            return Err(Wrong::new(of("what"), "is remove, and no keys are agreed; set keys.agreed = true"));
        }
        if !matches!(self.who, Target::People | Target::Sources | Target::Watchers) {
            return Err(Wrong::new(of("who"), "is whom the organiser removes: people, sources or watchers"));
        }
        match self.lasts {
            Some(_) => {
                Err(Wrong::new(of("lasts"), "means nothing: whoever is removed stays away; leave it out"))
            }
            None => Ok(()),
        }
    }

    fn idle(&self) -> String {
        format!("means nothing for this kind of fault ({:?}); leave it out", self.what)
    }

    fn check_when(&self, of: &impl Fn(&str) -> String, length: Duration) -> Checked {
        match (self.at, self.permille_a_minute) {
            (Some(_), Some(_)) => {
                return Err(Wrong::new(of("at"), "stands beside permille_a_minute; give one of them"));
            }
            (None, None) => {
                return Err(Wrong::new(
                    of("at"),
                    "is missing; give a moment, or permille_a_minute for a random rate",
                ));
            }
            (Some(at), None) => {
                moment(&of("at"), at, length)?;
                for (name, is) in [("from", self.from.is_some()), ("until", self.until.is_some())] {
                    if is {
                        return Err(Wrong::new(of(name), "bounds a random rate; leave it out beside at"));
                    }
                }
            }
            (None, Some(rate)) => {
                number(&of("permille_a_minute"), rate, &PERMILLE_A_MINUTE)?;
                let from = self.from.unwrap_or_default();
                moment(&of("until"), self.until.unwrap_or(length), length)?;
                moment(&of("from"), from, self.until.unwrap_or(length))?;
                if self.what == What::Partition {
                    return Err(Wrong::new(of("permille_a_minute"), "does not go with a partition; give at"));
                }
            }
        }
        match self.lasts {
            Some(lasts) => span(&of("lasts"), lasts, &(Duration::from_millis(1)..=*LENGTH.end())),
            None => Ok(()),
        }
    }

    fn check_whom(&self, of: &impl Fn(&str) -> String, scenario: &Scenario) -> Checked {
        option(&of("share_percent"), self.share_percent, &SHARE_PERCENT)?;
        option(&of("sites_percent"), self.sites_percent, &SHARE_PERCENT)?;
        option(&of("within_km"), self.within_km, &KM)?;
        if let Some(count) = self.count {
            number(&of("count"), count, &(1..=PEOPLE.end() + RELAYS.end()))?;
            if self.share_percent.is_some() {
                return Err(Wrong::new(of("count"), "stands beside share_percent; give one of them"));
            }
        }
        if self.within_km.is_some() && self.near.is_none() {
            return Err(Wrong::new(
                of("near"),
                "is missing; within_km counts from a city, for example near = \"Frankfurt\"",
            ));
        }
        if self.near.is_some() && self.sites_percent.is_some() {
            return Err(Wrong::new(of("near"), "stands beside sites_percent; give one of them"));
        }
        self.check_near(of, &scenario.geography)?;
        if self.who == Target::CoordinatorSplit && self.what != What::Partition {
            return Err(Wrong::new(
                of("who"),
                "is for what = \"partition\"; the coordinator alone is who = \"coordinator\"",
            ));
        }
        if self.who == Target::Relays && scenario.relays.is_empty() {
            return Err(Wrong::new(
                of("who"),
                "is relays (also if it is not said), and there are none; add [[relays]] or another who",
            ));
        }
        Ok(())
    }

    fn check_near(&self, of: &impl Fn(&str) -> String, geography: &Geography) -> Checked {
        let Some(near) = &self.near else { return Ok(()) };
        if geography.flat.is_some() {
            return Err(Wrong::new(of("near"), "does not go with geography.flat, where all are at one site"));
        }
        if geography.matrix.is_some() {
            // Which columns there are is known when the matrix is read.
            let far = self.within_km.is_some_and(|km| km > 0);
            let why = "a matrix doesn't say where its sites are; leave it out";
            return if far { Err(Wrong::new(of("within_km"), why)) } else { Ok(()) };
        }
        if city_names().any(|name| name == near) {
            return Ok(());
        }
        let names: Vec<&str> = city_names().collect();
        Err(Wrong::new(
            of("near"),
            format!("\"{near}\" is no built-in city; give one of {}", names.join(", ")),
        ))
    }
}
