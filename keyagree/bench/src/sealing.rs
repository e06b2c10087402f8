//! Sealing and opening a frame of 1,200 bytes, beside the cipher alone.

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use keyagree::stream::SealingKey;
use keyagree::{EpochId, MeetingId, PeerKey};
use media_pipeline::open::Opener;
use media_pipeline::seal::Sealer;
use media_pipeline::{EncodedFrame, Layer};

use crate::cpu;

const BYTES: usize = 1_200;
const ROUNDS: usize = 41;
const FRAMES: u32 = 5_000;

/// Microseconds for one frame, sealed and opened: the whole, and the cipher alone; medians of rounds that
/// take turns.
pub(crate) fn measure() -> anyhow::Result<(f64, f64)> {
    let (mut whole, mut bare) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        whole.push(through_the_pipeline(round as u64)?);
        bare.push(through_the_cipher()?);
    }
    Ok((cpu::median(whole), cpu::median(bare)))
}

fn through_the_pipeline(label: u64) -> anyhow::Result<f64> {
    let id = EpochId { term: 1, coordinator: PeerKey([1; 32]), epoch: 1 };
    let key = SealingKey::from_parts([7; 32], label, Layer::P360.byte(), id, &MeetingId([3; 16]));
    let mut opener = Opener::new();
    opener.insert(key.opening(PeerKey([2; 32])));
    let mut sealer = Sealer::new(key);
    let mut frame = EncodedFrame {
        layer: Layer::P360,
        number: 0,
        key: true,
        temporal: 0,
        depends_on: 0,
        captured_us: 1,
        width: 640,
        height: 360,
        colour: 1,
        data: vec![5; BYTES],
    };
    let (ms, done) = cpu::ms(|| -> anyhow::Result<()> {
        for number in 0..FRAMES {
            (frame.number, frame.depends_on) = (number, number);
            let sealed = sealer.seal(&frame)?;
            std::hint::black_box(opener.open(&sealed)?);
        }
        Ok(())
    });
    done?;
    Ok(ms * 1e3 / f64::from(FRAMES))
}

fn through_the_cipher() -> anyhow::Result<f64> {
    let cipher = ChaCha20Poly1305::new(&[7; 32].into());
    let mut frame = vec![5; BYTES];
    let failed = |_| anyhow::anyhow!("the cipher fails");
    let (ms, done) = cpu::ms(|| -> anyhow::Result<()> {
        for number in 0..FRAMES {
            let mut nonce = [0; 12];
            nonce[8..].copy_from_slice(&number.to_be_bytes());
            let header = [9; 38];
            let tag = cipher
                .encrypt_inout_detached(&nonce.into(), &header, frame.as_mut_slice().into())
                .map_err(failed)?;
            cipher
                .decrypt_inout_detached(&nonce.into(), &header, frame.as_mut_slice().into(), &tag)
                .map_err(failed)?;
        }
        Ok(())
    });
    done?;
    std::hint::black_box(&frame);
    Ok(ms * 1e3 / f64::from(FRAMES))
}
