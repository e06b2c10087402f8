//! What travels in a tree: a unit, with the header that relays read.

use serde::{Deserialize, Serialize};

/// One resolution of a source, or its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Layer {
    /// Opus, 20 ms a frame.
    Audio = 0,
    /// 320 x 180.
    P180 = 1,
    /// 640 x 360.
    P360 = 2,
    /// 1280 x 720.
    P720 = 3,
}

impl Layer {
    /// All layers, sound first: the order in which a short supply is given out.
    pub const ALL: [Layer; 4] = [Layer::Audio, Layer::P180, Layer::P360, Layer::P720];

    /// The layer of a wire byte.
    pub fn from_byte(byte: u8) -> Option<Layer> {
        Layer::ALL.get(usize::from(byte)).copied()
    }

    /// True for the layer that carries sound.
    pub fn is_audio(self) -> bool {
        self == Layer::Audio
    }
}

/// One tree of one group: the group is a slot and a layer, `index` counts its k + m trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TreeId {
    /// The place on the stage whose source this tree carries.
    pub slot: u8,
    /// Which of the source's layers.
    pub layer: Layer,
    /// Which of the group's k + m trees, from 0.
    pub index: u8,
}

/// What is known of a frame without a key. Relays thin and repair by it; receivers trust only the
/// copy that is sealed into the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameInfo {
    /// Counts the frames of this layer since the source was plugged in, without gaps.
    pub number: u32,
    /// Decodes without any earlier frame. Always true for sound.
    pub key: bool,
    /// VP8 temporal layer; a relay may drop the highest first.
    pub temporal: u8,
}

/// The clear header of a unit, 16 bytes on the wire (see `docs/protocol.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitHeader {
    /// The tree that carries it.
    pub tree: TreeId,
    /// Which plugging-in of a source into the slot: grows, never reused.
    pub feed: u32,
    /// The frame that it is a unit of.
    pub frame: FrameInfo,
    /// Data units of the frame's group.
    pub k: u8,
    /// Parity units of the frame's group.
    pub m: u8,
    /// Links that it has crossed.
    pub hop: u8,
}

/// What a unit is known by in its source's lists, see [`crate::list::List`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitHash(pub [u8; UnitHash::LEN]);

impl UnitHash {
    /// Bytes of it. Whoever forges needs a second preimage.
    pub const LEN: usize = 16;
}

/// What the core asks of a payload. Over libp2p it is bytes; in netsim a length and a taint.
pub trait Payload: Clone {
    /// Length in bytes.
    fn size(&self) -> usize;

    /// The hash of the unit that it makes with this header: [`UnitHeader::unit_hash`], or in a simulated world what differs
    /// as that would.
    fn hash(&self, header: &UnitHeader) -> UnitHash;
}

/// A header and what it describes: a shard of a sealed frame, or the whole frame where k = 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit<P> {
    /// What relays read.
    pub header: UnitHeader,
    /// What they can't.
    pub payload: P,
}

impl<P: Payload> Unit<P> {
    /// What its source's list calls it.
    pub(crate) fn hash(&self) -> UnitHash {
        self.payload.hash(&self.header)
    }
}

impl<P> Unit<P> {
    /// The same with another payload in its place.
    pub fn map<Q>(self, payload: impl FnOnce(P) -> Q) -> Unit<Q> {
        Unit { header: self.header, payload: payload(self.payload) }
    }
}

/// A frame as its units: all k + m on their way in (one stands for all where k = 1), any k of them on their way out. What
/// they are cut and joined by is the edge's ([`crate::shards`]): the core looks into no payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut<P> {
    /// Which layer of the source.
    pub layer: Layer,
    /// What is known of it without a key.
    pub info: FrameInfo,
    /// Data units; any so many units give the frame.
    pub k: u8,
    /// Each with its index in the group.
    pub units: Vec<(u8, P)>,
}

impl<P> Cut<P> {
    /// A frame that is one unit.
    pub fn whole(frame: Frame<P>) -> Cut<P> {
        Cut { layer: frame.layer, info: frame.info, k: 1, units: vec![(0, frame.payload)] }
    }

    /// The same with other payloads in their places.
    pub fn map<Q>(self, mut payload: impl FnMut(P) -> Q) -> Cut<Q> {
        let units = self.units.into_iter().map(|(index, unit)| (index, payload(unit))).collect();
        Cut { layer: self.layer, info: self.info, k: self.k, units }
    }
}

/// A frame of a source, whole: what an edge is given to cut, and joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame<P> {
    /// Which layer of the source.
    pub layer: Layer,
    /// What is known of it without a key.
    pub info: FrameInfo,
    /// The sealed frame.
    pub payload: P,
}

impl<P> Frame<P> {
    /// The same with another payload in its place.
    pub fn map<Q>(self, payload: impl FnOnce(P) -> Q) -> Frame<Q> {
        Frame { layer: self.layer, info: self.info, payload: payload(self.payload) }
    }
}
