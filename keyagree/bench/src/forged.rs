//! Frames that nobody sealed: altered, replayed, crossed, and of foreign epochs.

use keyagree::stream::SealingKey;
use keyagree::{EpochId, MeetingId, PeerKey};
use media_pipeline::open::Opener;
use media_pipeline::seal::Sealer;
use media_pipeline::{EncodedFrame, Layer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// True frames that forgeries are made from.
const FRAMES: u32 = 2_000;

/// What was tried and what was taken, by kind.
pub(crate) struct Forged {
    pub(crate) kinds: [(&'static str, u32, u32); 4],
    /// True frames, which must all open.
    pub(crate) opened: u32,
    pub(crate) sealed: u32,
}

/// Tries so many.
pub(crate) fn measure(tries: u32) -> anyhow::Result<Forged> {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let (mut opener, mut honest, mut foreign) = (Opener::new(), Vec::new(), Vec::new());
    for label in 1..=4 {
        honest.push(Sealer::new(key(label, 1, true, &mut opener, &mut rng)));
        // Another epoch's key under a label that is held: no key of that epoch is.
        foreign.push(Sealer::new(key(label, 2, false, &mut opener, &mut rng)));
    }
    let (mut frames, mut opened) = (Vec::new(), 0);
    for number in 0..FRAMES {
        let sealed = honest[number as usize % 4].seal(&sound(number))?;
        opened += u32::from(opener.open(&sealed).is_ok());
        frames.push(sealed.to_vec());
    }
    let mut kinds = [("altered", 0, 0), ("replayed", 0, 0), ("crossed", 0, 0), ("of a foreign epoch", 0, 0)];
    for number in 0..tries {
        let kind = number as usize % kinds.len();
        let frame = &frames[rng.random_range(0..frames.len())];
        let forged = match kind {
            0 => altered(frame, &mut rng),
            1 => frame.clone(),
            2 => crossed(frame, &frames, &mut rng),
            _ => foreign[rng.random_range(0..4)].seal(&sound(FRAMES + number))?.to_vec(),
        };
        kinds[kind].1 += 1;
        kinds[kind].2 += u32::from(opener.open(&forged).is_ok());
    }
    Ok(Forged { kinds, opened, sealed: FRAMES })
}

fn key(label: u64, epoch: u64, held: bool, opener: &mut Opener, rng: &mut ChaCha20Rng) -> SealingKey {
    let id = EpochId { term: 1, coordinator: PeerKey([1; 32]), epoch };
    let key = SealingKey::from_parts(rng.random(), label, Layer::Audio.byte(), id, &MeetingId([3; 16]));
    if held {
        opener.insert(key.opening(PeerKey([2; 32])));
    }
    key
}

fn altered(frame: &[u8], rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut forged = frame.to_vec();
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..forged.len());
        forged[at] ^= rng.random_range(1..=255_u8);
    }
    // Changes that undo each other make the frame itself.
    if forged == frame { altered(frame, rng) } else { forged }
}

/// The head of one frame on the rest of another.
fn crossed(frame: &[u8], frames: &[Vec<u8>], rng: &mut ChaCha20Rng) -> Vec<u8> {
    let other = &frames[rng.random_range(0..frames.len())];
    let cut = rng.random_range(1..frame.len().min(other.len()));
    [&frame[..cut], &other[cut..]].concat()
}

fn sound(number: u32) -> EncodedFrame {
    EncodedFrame {
        layer: Layer::Audio,
        number,
        key: true,
        temporal: 0,
        depends_on: number,
        captured_us: 1_800_000_000_000_000 + u64::from(number) * 20_000,
        width: 0,
        height: 0,
        colour: 2,
        data: number.to_be_bytes().repeat(20),
    }
}
