//! The door for frames that somebody else encoded (a browser): gives them their numbers and says what they
//! depend on, as [`crate::encode`] does for FFmpeg's.

use std::collections::BTreeMap;

use crate::frame::EncodedFrame;
use crate::layer::Layer;
use crate::wire::MAX_DATA;

/// The longest side of a picture that is taken, in pixels: upright pictures are turned boxes of a layer.
const SIDE_MAX: u16 = 1280;

/// What an encoder outside of this program made of one picture, or of 20 ms of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Which layer.
    pub layer: Layer,
    /// The encoder says that it decodes without any earlier one.
    pub key: bool,
    /// Temporal layer of a two-layer pattern (L1T2): 0, or 1 for what nothing depends on.
    pub temporal: u8,
    /// Wall clock at capture, µs since the Unix epoch.
    pub captured_us: u64,
    /// Width in pixels; zero for sound.
    pub width: u16,
    /// Height in pixels; zero for sound.
    pub height: u16,
    /// Matrix coefficients (H.273).
    pub colour: u8,
    /// One VP8 frame or one Opus packet.
    pub data: Vec<u8>,
}

/// Why a chunk is not taken. All but [`Refused::NoKey`] are the encoder's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It depends on pictures that came before this door was open, or that were refused.
    #[error("the first picture of a layer must be a key frame")]
    NoKey,
    /// Empty, too large, or not what it says about itself.
    #[error("not a frame of what it says that it is")]
    Malformed,
}

/// Numbers the frames of one source, without gaps whoever encodes meanwhile: a page that is loaded again
/// goes on where the last one stopped, with a key frame.
#[derive(Debug, Default)]
pub struct Ingest {
    layers: BTreeMap<Layer, Numbered>,
}

#[derive(Debug, Default)]
struct Numbered {
    next: u32,
    last_base: Option<u32>,
    last_us: u64,
}

impl Ingest {
    /// A source that has sent nothing yet.
    pub fn new() -> Ingest {
        Ingest::default()
    }

    /// Another encoder begins: each layer waits for its key frame.
    pub fn restart(&mut self) {
        self.layers.values_mut().for_each(|layer| layer.last_base = None);
    }

    /// Takes the next chunk of a layer.
    pub fn take(&mut self, chunk: Chunk) -> Result<EncodedFrame, Refused> {
        if !chunk.is_sound() {
            return Err(Refused::Malformed);
        }
        let layer = self.layers.entry(chunk.layer).or_default();
        let number = layer.next;
        let depends_on = match (chunk.key, layer.last_base) {
            (true, _) => number,
            (false, Some(base)) => base,
            (false, None) => return Err(Refused::NoKey),
        };
        layer.next = number.checked_add(1).ok_or(Refused::Malformed)?;
        let temporal = if chunk.key { 0 } else { chunk.temporal };
        if temporal == 0 {
            layer.last_base = Some(number);
        }
        // Receivers take a number and a time that both go back for a restart.
        layer.last_us = layer.last_us.max(chunk.captured_us);
        Ok(EncodedFrame {
            layer: chunk.layer,
            number,
            key: chunk.key,
            temporal,
            depends_on,
            captured_us: layer.last_us,
            width: chunk.width,
            height: chunk.height,
            colour: chunk.colour,
            data: chunk.data,
        })
    }
}

impl Chunk {
    fn is_sound(&self) -> bool {
        let Some(first) = self.data.first() else { return false };
        let fits = self.data.len() <= MAX_DATA && self.temporal <= 1;
        if self.layer.is_audio() {
            return fits && self.key && self.temporal == 0 && (self.width, self.height) == (0, 0);
        }
        let sized = (2..=SIDE_MAX).contains(&self.width) && (2..=SIDE_MAX).contains(&self.height);
        // RFC 6386, 9.1: bit 0 of the data is clear in a key frame.
        fits && sized && (first & 1 == 0) == self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(key: bool, temporal: u8, captured_us: u64) -> Chunk {
        let data = vec![u8::from(!key), 2, 3];
        Chunk { layer: Layer::P180, key, temporal, captured_us, width: 320, height: 180, colour: 6, data }
    }

    #[test]
    fn both_temporal_layers_depend_on_the_last_base_frame() {
        let mut ingest = Ingest::new();
        assert_eq!(ingest.take(picture(false, 0, 0)), Err(Refused::NoKey));
        let pattern = [(true, 0), (false, 1), (false, 0), (false, 1), (false, 0)];
        let frames: Vec<_> = pattern
            .into_iter()
            .zip(1..)
            .map(|((key, temporal), at)| ingest.take(picture(key, temporal, at)).unwrap())
            .collect();
        let dependencies: Vec<_> = frames.iter().map(|frame| (frame.number, frame.depends_on)).collect();
        assert_eq!(dependencies, [(0, 0), (1, 0), (2, 0), (3, 2), (4, 2)]);
    }

    #[test]
    fn another_encoder_goes_on_with_a_key_frame_and_the_next_number() {
        let mut ingest = Ingest::new();
        ingest.take(picture(true, 0, 10)).unwrap();
        ingest.restart();
        assert_eq!(ingest.take(picture(false, 0, 11)), Err(Refused::NoKey));
        let frame = ingest.take(picture(true, 0, 5)).unwrap();
        assert_eq!((frame.number, frame.captured_us), (1, 10), "time doesn't go back either");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let mut ingest = Ingest::new();
        let good = picture(true, 0, 0);
        let sound = Chunk { layer: Layer::Audio, width: 0, height: 0, ..good.clone() };
        assert!(ingest.take(sound.clone()).is_ok());
        for bad in [
            Chunk { data: vec![1], ..good.clone() },
            Chunk { data: Vec::new(), ..good.clone() },
            Chunk { data: vec![0; MAX_DATA + 1], ..good.clone() },
            Chunk { width: 0, ..good.clone() },
            Chunk { height: 5_000, ..good.clone() },
            Chunk { temporal: 2, ..good },
            Chunk { key: false, ..sound.clone() },
            Chunk { width: 320, ..sound },
        ] {
            assert_eq!(ingest.take(bad), Err(Refused::Malformed));
        }
    }
}
