//! A source: frames at the rate of each layer while it is on the stage.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use overlay_core::config::{PICTURES_PER_S, SOUNDS_PER_S};
use overlay_core::io::LayerRate;
use overlay_core::time::Time;
use overlay_core::unit::{Frame, FrameInfo, Layer};

use crate::payload::Parcel;

/// A key frame is so many times the size of another (a guess; VP8 at these rates gives 3 to 8).
const KEY_FACTOR: u32 = 4;

/// Packets of sound that a source off the stage keeps, as the shipped program does: half a second.
const KEPT: u32 = 25;

/// What a source has to publish next.
#[derive(Debug)]
pub struct Source {
    who: u32,
    /// Its layers.
    pub rates: Vec<LayerRate>,
    numbers: BTreeMap<Layer, u32>,
    keys: BTreeSet<Layer>,
    due: BTreeMap<Layer, Time>,
    /// Until when it speaks, if it sends sound only while it does.
    speaks_until: Option<Time>,
    /// When the stage began to take its sound, the last time.
    heard_since: Option<Time>,
    /// Which plugging-in it was, the last time.
    feed: Option<u32>,
    /// Its stage has just begun to take its sound: what it kept leaves with the next frames.
    bursts: bool,
}

fn per_second(layer: Layer) -> u32 {
    let frames = if layer.is_audio() { SOUNDS_PER_S } else { PICTURES_PER_S };
    u32::try_from(frames).unwrap_or(u32::MAX)
}

fn gap(layer: Layer) -> Duration {
    Duration::from_secs(1) / per_second(layer)
}

impl Source {
    /// A source that is not on the stage yet. One that sends sound only while it speaks is silent from a moment on,
    /// see [`Source::speak`].
    pub fn new(who: u32, rates: Vec<LayerRate>, silent_from: Option<Time>) -> Source {
        let (numbers, keys, due) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Source {
            who,
            rates,
            numbers,
            keys,
            due,
            speaks_until: silent_from,
            heard_since: None,
            feed: None,
            bursts: false,
        }
    }

    /// It sends sound only until then, from now on. Does nothing before it is plugged in.
    pub fn speak(&mut self, now: Time, until: Time) {
        let sound = self.rates.iter().any(|rate| rate.layer.is_audio());
        let spoke = self.speaks_until.replace(until).is_some_and(|until| until > now);
        if sound && !self.due.is_empty() && until > now && !spoke {
            self.due.entry(Layer::Audio).and_modify(|due| *due = now.max(*due)).or_insert(now);
        }
    }

    /// True if it does not send its sound now because it does not speak.
    pub fn is_silent(&self, now: Time) -> bool {
        self.speaks_until.is_some_and(|until| until <= now)
    }

    /// It is plugged in, or the stage takes other layers of it. In a new place frames count from 0, each layer from a key
    /// frame. Who does not speak sends one frame of sound; who `kept` the last of it sends that at once.
    pub fn start(&mut self, now: Time, feed: u32, layers: &[Layer], kept: bool) {
        let heard = self.is_heard();
        if self.feed.replace(feed) != Some(feed) {
            self.numbers.clear();
            self.keys = Layer::ALL.into();
            self.due.clear();
        }
        self.due.retain(|layer, _| layers.contains(layer));
        for rate in self.rates.iter().filter(|rate| layers.contains(&rate.layer)) {
            self.due.entry(rate.layer).or_insert(now);
        }
        let begins = !heard && self.is_heard();
        self.bursts = kept && begins;
        if begins {
            self.heard_since = Some(now);
        }
    }

    /// True while the stage takes its sound.
    pub fn is_heard(&self) -> bool {
        self.due.contains_key(&Layer::Audio)
    }

    /// When that began; in a place anew it did not begin anew.
    pub fn heard_since(&self) -> Option<Time> {
        self.heard_since
    }

    /// It is unplugged.
    pub fn stop(&mut self) {
        self.feed = None;
        self.due.clear();
    }

    /// The next frame of this layer is a key frame.
    pub fn want_key(&mut self, layer: Layer) {
        self.keys.insert(layer);
    }

    /// When the next frame is due.
    pub fn due(&self) -> Option<Time> {
        self.due.values().min().copied()
    }

    /// The frames that are due. Frames of a time in which the source stood still are left out.
    pub fn frames(&mut self, now: Time) -> Vec<Frame<Parcel>> {
        let mut frames = Vec::new();
        for rate in &self.rates {
            let layer = rate.layer;
            let silent = layer.is_audio() && self.is_silent(now);
            let Some(due) = self.due.get_mut(&layer).filter(|due| **due <= now) else { continue };
            *due = *due + gap(layer);
            if *due < now {
                *due = now + gap(layer);
            }
            if silent {
                self.due.remove(&layer);
            }
            let number = self.numbers.entry(layer).or_default();
            let mean = rate.kbps * 125 / per_second(layer);
            if layer.is_audio() && std::mem::take(&mut self.bursts) {
                for packet in (1..=KEPT).rev() {
                    let Some(born) = now.0.checked_sub((gap(layer) * packet).as_nanos() as u64).map(Time)
                    else {
                        continue;
                    };
                    let info = FrameInfo { number: *number, key: true, temporal: 0 };
                    let payload = Parcel {
                        len: mean,
                        source: self.who,
                        number: *number,
                        layer,
                        altered: false,
                        born,
                        label: 0,
                    };
                    *number += 1;
                    frames.push(Frame { layer, info, payload });
                }
            }
            let asked = self.keys.remove(&layer);
            let key = layer.is_audio() || asked;
            let temporal = u8::from(!key && *number % 2 == 1);
            let len = if key && !layer.is_audio() { mean * KEY_FACTOR } else { mean };
            let info = FrameInfo { number: *number, key, temporal };
            let (source, number_now) = (self.who, *number);
            *number += 1;
            let payload =
                Parcel { len, source, number: number_now, layer, altered: false, born: now, label: 0 };
            frames.push(Frame { layer, info, payload });
        }
        frames
    }
}
