//! What one machine was to be handed, and was: by layer, so that people with narrow ways in can be told from the others.

use std::collections::BTreeMap;

use overlay_core::unit::Layer;
use serde::{Deserialize, Serialize};

/// Frames of one layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frames {
    /// Published while it was to get this layer of their source.
    pub due: u64,
    /// Handed to it.
    pub delivered: u64,
    /// Of them, late; see [`crate::record::LATE_BY_MS`].
    pub late: u64,
}

impl Frames {
    /// Both together.
    #[must_use]
    pub fn with(self, other: Frames) -> Frames {
        Frames {
            due: self.due + other.due,
            delivered: self.delivered + other.delivered,
            late: self.late + other.late,
        }
    }
}

/// What each source has published, frames by layer.
#[derive(Clone, Debug, Default)]
pub struct Published(BTreeMap<(u32, Layer), u64>);

impl Published {
    /// A source has published a frame.
    pub fn add(&mut self, source: u32, layer: Layer) {
        *self.0.entry((source, layer)).or_default() += 1;
    }

    fn of(&self, source: u32, layer: Layer) -> u64 {
        self.0.get(&(source, layer)).copied().unwrap_or(0)
    }
}

/// What one machine was to get, and got.
#[derive(Clone, Debug, Default)]
pub struct Received {
    frames: [Frames; Layer::ALL.len()],
    /// What it takes now, and what had been published of it when it began.
    since: BTreeMap<(u32, Layer), u64>,
    /// Seconds in which it told that its way in is full.
    pub limited_s: u32,
}

impl Received {
    /// It is to get these layers of a source from now on, and no others.
    pub fn takes(&mut self, source: u32, layers: &[Layer], published: &Published) {
        for layer in Layer::ALL {
            let of = (source, layer);
            match (self.since.contains_key(&of), layers.contains(&layer)) {
                (false, true) => drop(self.since.insert(of, published.of(source, layer))),
                (true, false) => self.end(of, published),
                _ => {}
            }
        }
    }

    fn end(&mut self, of: (u32, Layer), published: &Published) {
        if let Some(before) = self.since.remove(&of) {
            self.frames[of.1 as usize].due += published.of(of.0, of.1) - before;
        }
    }

    /// It was handed a frame.
    pub fn add(&mut self, layer: Layer, late: bool) {
        let frames = &mut self.frames[layer as usize];
        frames.delivered += 1;
        frames.late += u64::from(late);
    }

    /// All until now, of the layers that there was anything of.
    pub fn until_now(&self, published: &Published) -> BTreeMap<Layer, Frames> {
        let mut all = self.clone();
        for of in self.since.keys() {
            all.end(*of, published);
        }
        Layer::ALL.into_iter().zip(all.frames).filter(|(_, frames)| *frames != Frames::default()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_due_while_it_is_to_come() {
        let (mut published, mut received) = (Published::default(), Received::default());
        let publish =
            |published: &mut Published| Layer::ALL.iter().for_each(|layer| published.add(7, *layer));
        publish(&mut published);
        received.takes(7, &[Layer::Audio, Layer::P720], &published);
        publish(&mut published);
        received.takes(7, &[Layer::Audio, Layer::P180], &published);
        publish(&mut published);
        received.add(Layer::Audio, true);
        let frames = received.until_now(&published);
        let due: Vec<(Layer, u64)> = frames.iter().map(|(layer, frames)| (*layer, frames.due)).collect();
        assert_eq!(due, [(Layer::Audio, 2), (Layer::P180, 1), (Layer::P720, 1)]);
        assert_eq!(frames[&Layer::Audio], Frames { due: 2, delivered: 1, late: 1 });
        received.takes(7, &[], &published);
        publish(&mut published);
        assert_eq!(received.until_now(&published), frames);
    }
}
