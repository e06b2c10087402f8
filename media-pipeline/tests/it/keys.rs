//! Keys and frames for the other stories.

use keyagree::{EpochId, OpeningKey, PeerKey, SealingKey, Secret, UnixTime};
use media_pipeline::{EncodedFrame, Layer};

pub(crate) const SOURCE: PeerKey = PeerKey([7; 32]);

fn epoch() -> EpochId {
    EpochId { term: 1, coordinator: PeerKey([1; 32]), epoch: 3 }
}

pub(crate) fn salt(label: u64) -> [u8; 12] {
    std::array::from_fn(|at| label.to_be_bytes()[at % 8] ^ at as u8)
}

pub(crate) fn sealing(label: u64, layer: Layer, key: u8, activate_at: u64) -> SealingKey {
    SealingKey {
        label,
        generation: 2,
        layer: layer.byte(),
        epoch: epoch(),
        key: Secret::take(&mut [key; 32]),
        salt: salt(label),
        commitment: [0; 32],
        activate_at: UnixTime(activate_at),
    }
}

pub(crate) fn opening(label: u64, layer: Layer, key: u8) -> OpeningKey {
    OpeningKey {
        source: SOURCE,
        label,
        generation: 2,
        layer: layer.byte(),
        epoch: epoch(),
        key: Secret::take(&mut [key; 32]),
        salt: salt(label),
        commitment: [0; 32],
    }
}

/// Frame `number` of a 360p layer in the L1T2 pattern, with a key every `keys` frames.
pub(crate) fn picture(number: u32, keys: u32) -> EncodedFrame {
    let place = number % keys;
    let depends_on = match place {
        0 => number,
        odd if odd % 2 == 1 => number - 1,
        _ => number - 2,
    };
    EncodedFrame {
        layer: Layer::P360,
        number,
        key: place == 0,
        temporal: (place % 2) as u8,
        depends_on,
        captured_us: 1_000_000 + u64::from(number) * 33_333,
        width: 640,
        height: 360,
        colour: 1,
        data: format!("picture {number}").into_bytes(),
    }
}

pub(crate) fn sound(number: u32) -> EncodedFrame {
    EncodedFrame {
        layer: Layer::Audio,
        number,
        key: true,
        temporal: 0,
        depends_on: number,
        captured_us: 1_000_000 + u64::from(number) * 20_000,
        width: 0,
        height: 0,
        colour: 2,
        data: vec![number as u8; 80],
    }
}
