//! Who gets which layer: as much as there is uplink for, sound first, people before pixels.

use crate::id::NodeId;
use crate::time::Time;
use crate::unit::Layer;

use super::budget::admitted_kbps;
use super::channel::Channel;
use super::roster::{Ix, Roster};
use super::table::{Margins, Why};

/// Whose turn it is changes this often, when there isn't enough for all.
const TURN_S: u64 = 300;

/// One watcher of one channel gets the next larger picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    channel: u16,
    level: u8,
    node: Ix,
    kbps: u32,
}

/// What is decided by: see [`super::table::View`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) main: Option<u8>,
    /// See [`turn_at`].
    pub(super) turn: u64,
    pub(super) margins: Margins,
}

/// Every step that anybody could be granted, in the order in which they are. Layer by layer (the main picture before
/// the gallery), and in a layer sources, then whoever gives at least as much as it takes, then the rest in an order that
/// is drawn anew every five minutes.
pub(super) fn steps(roster: &Roster, channels: &[Channel], terms: Terms) -> Vec<Step> {
    let ladder = ladder(channels, terms);
    let mut order: Vec<(u8, u64, NodeId, Ix)> = roster
        .by_id()
        .filter(|(_, at)| roster.watches(*at))
        .map(|(id, at)| {
            let class = if channels.iter().any(|channel| channel.source == at) {
                0
            } else if u64::from(roster.lends(at)) >= fair_kbps(channels) {
                1
            } else {
                2
            };
            (class, draw(&id, terms.turn), id, at)
        })
        .collect();
    order.sort();
    let mut downlinks: Vec<u32> = (0..roster.len() as Ix).map(|at| downlink(roster, channels, at)).collect();
    let mut steps = Vec::with_capacity(ladder.len() * order.len());
    for (_, at, level) in ladder {
        let channel = &channels[at];
        let more = channel.step_kbps(level);
        for (.., node) in &order {
            let left = &mut downlinks[*node as usize];
            let wanted = channel.level_wanted(roster.looks(*node));
            if *node != channel.source && level <= wanted && *left >= more {
                *left -= more;
                steps.push(Step { channel: at as u16, level, node: *node, kbps: more });
            }
        }
    }
    steps
}

/// Which level of which channel is granted after which: precedence, channel, level.
fn ladder(channels: &[Channel], terms: Terms) -> Vec<(u8, usize, u8)> {
    let mut ladder = Vec::new();
    for (at, channel) in channels.iter().enumerate() {
        let main = terms.main.is_none_or(|slot| slot == channel.feed.slot);
        for level in 1..=channel.pictures() as u8 {
            let layer = channel.layer_at(level).unwrap_or(Layer::P720);
            ladder.push((precedence(layer, main), at, level));
        }
    }
    ladder.sort();
    ladder
}

/// DESIGN 3.3: sound for all, main 180p, main 360p, gallery 180p, main 720p; then whatever the gallery has beside.
fn precedence(layer: Layer, main: bool) -> u8 {
    match (layer, main) {
        (Layer::Audio, _) => 0,
        (Layer::P180, true) => 1,
        (Layer::P360, true) => 2,
        (Layer::P180, false) => 3,
        (Layer::P720, true) => 4,
        (Layer::P360, false) => 5,
        (Layer::P720, false) => 6,
    }
}

/// What a node that takes everything takes, kbit/s.
fn fair_kbps(channels: &[Channel]) -> u64 {
    let of = |channel: &Channel| {
        let sound = channel.groups.first().filter(|group| group.rate.layer.is_audio());
        let picture = channel.groups.last().filter(|group| !group.rate.layer.is_audio());
        sound.into_iter().chain(picture).map(|group| u64::from(group.kbps())).sum::<u64>()
    };
    channels.iter().map(of).sum()
}

fn downlink(roster: &Roster, channels: &[Channel], node: Ix) -> u32 {
    let kbps = roster.supply(node).downlink_kbps;
    if kbps == 0 {
        return u32::MAX;
    }
    let usable = u64::from(kbps) * crate::config::SUPPLY_PERCENT / 100;
    let sound = u64::from(sound_kbps(channels, node));
    u32::try_from(usable.saturating_sub(sound)).unwrap_or(u32::MAX)
}

fn sound_kbps(channels: &[Channel], node: Ix) -> u32 {
    let heard = channels.iter().filter(|channel| channel.source != node);
    let sounds =
        heard.filter_map(|channel| channel.groups.first()).filter(|group| group.rate.layer.is_audio());
    sounds.map(super::channel::Group::kbps).sum()
}

/// Counts the spans after which it is the turn of others.
pub(super) fn turn_at(now: Time) -> u64 {
    now.0 / (TURN_S * 1_000_000_000)
}

/// A draw that nobody can steer for long: of the id and the five minutes (splitmix64's mixing).
fn draw(id: &NodeId, turn: u64) -> u64 {
    let mut mixed = turn;
    for word in id.0.chunks_exact(8) {
        mixed ^= word.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
    }
    mixed
}

/// How many of the steps there is uplink for, behind everybody's sound.
pub(super) fn affordable(roster: &Roster, channels: &[Channel], steps: &[Step], terms: Terms) -> usize {
    let watchers = roster.everybody().filter(|at| roster.watches(*at));
    let sounds: u64 = watchers.map(|at| u64::from(sound_kbps(channels, at))).sum();
    let mut left = admitted_kbps(roster.totals().1, terms.margins).saturating_sub(sounds);
    let fits = |step: &&Step| {
        let enough = left >= u64::from(step.kbps);
        left = left.saturating_sub(u64::from(step.kbps));
        enough
    };
    steps.iter().take_while(fits).count()
}

/// Writes the first of the steps down as what is granted, and why not more.
pub(super) fn grant(roster: &Roster, channels: &mut [Channel], steps: &[Step], granted: usize) {
    for channel in channels.iter_mut() {
        channel.levels.clear();
        channel.levels.resize(roster.len(), 0);
        let limits = (0..roster.len() as Ix).map(|node| first_limit(roster, channel, node));
        channel.limits = limits.collect();
    }
    for (place, step) in steps.iter().enumerate() {
        let channel = &mut channels[usize::from(step.channel)];
        let at = step.node as usize;
        // A step that was left out for want of downlink leaves out those above it.
        if place >= granted {
            channel.limits[at] = Some(Why::Supply);
        } else if channel.levels[at] + 1 == step.level {
            channel.levels[at] = step.level;
            note_limit(roster, channel, step.node);
        }
    }
}

/// Grants one node what fits into `left`, kbit/s, behind its sound.
pub(super) fn grant_one(roster: &Roster, channels: &mut [Channel], node: Ix, left: u64, terms: Terms) {
    let mut left = left.saturating_sub(u64::from(sound_kbps(channels, node)));
    let mut downlink = downlink(roster, channels, node);
    let at = node as usize;
    for channel in channels.iter_mut() {
        (channel.levels[at], channel.limits[at]) = (0, first_limit(roster, channel, node));
    }
    if !roster.watches(node) {
        return;
    }
    for (_, place, level) in ladder(channels, terms) {
        let channel = &mut channels[place];
        let more = channel.step_kbps(level);
        let wanted = level <= channel.level_wanted(roster.looks(node));
        if channel.source == node || !wanted || channel.levels[at] + 1 != level || downlink < more {
            continue;
        }
        if left < u64::from(more) {
            channel.limits[at] = Some(Why::Supply);
            continue;
        }
        (left, downlink) = (left - u64::from(more), downlink - more);
        channel.levels[at] = level;
        note_limit(roster, channel, node);
    }
}

/// Why a node gets no picture, before it is granted any.
fn first_limit(roster: &Roster, channel: &Channel, node: Ix) -> Option<Why> {
    let wanted = channel.level_wanted(roster.looks(node));
    Some(if wanted == 0 { Why::Wish } else { Why::Downlink })
}

/// Notes why a node is granted no more, where it is granted all that it wants.
fn note_limit(roster: &Roster, channel: &mut Channel, node: Ix) {
    let wanted = channel.level_wanted(roster.looks(node));
    if channel.levels[node as usize] == wanted {
        let whole = usize::from(wanted) == channel.pictures();
        channel.limits[node as usize] = (!whole).then_some(Why::Wish);
    }
}
