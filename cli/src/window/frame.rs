//! One frame on the page's socket, and the clock that both ends share (normative; `docs/page.md` repeats it).
//!
//! | bytes | what |
//! |---|---|
//! | 0 | layer: 0 sound, 1 to 3 pictures |
//! | 1 | flags: bit 0 key frame, bits 1-2 temporal layer, bits 3-7 zero |
//! | 2 | colour: matrix coefficients (H.273) |
//! | 3 | of sound from the page its level (RFC 6464: decibels below full scale, 127 for silence); else zero |
//! | 4..8 | number of the frame, u32; zero from the page |
//! | 8..16 | captured, u64: microseconds of the page's clock |
//! | 16..18, 18..20 | width, height, u16; zero for sound |
//! | 20..52 | who sends it; only to the page |
//! | then | what the codec made |
//!
//! All integers are big-endian.

use std::sync::atomic::{AtomicI64, Ordering};

use bytes::{BufMut, Bytes, BytesMut};
use keyagree::identity::PeerKey;
use media_pipeline::ingest::Chunk;
use media_pipeline::level::SILENCE;
use media_pipeline::{EncodedFrame, Layer};

/// Length of the header from the page.
pub const HEADER_LEN: usize = 20;
const FLAG_KEY: u8 = 1;
const TEMPORAL_SHIFT: u8 = 1;

/// What the page's clock shows, against this program's: both run on one machine, so one difference says it all.
#[derive(Debug, Default)]
pub struct PageClock {
    ahead_us: AtomicI64,
}

impl PageClock {
    /// The page's clock shows `page_us` while this program's shows `wall_us`.
    pub fn set(&self, page_us: u64, wall_us: u64) {
        self.ahead_us.store(wall_us as i64 - page_us as i64, Ordering::Relaxed);
    }

    /// As this program counts. Never later than `now_us`: nothing is captured in the future.
    fn wall_us(&self, page_us: u64, now_us: u64) -> u64 {
        page_us.saturating_add_signed(self.ahead_us.load(Ordering::Relaxed)).min(now_us)
    }

    /// As the page counts; zero for what was captured before its clock began.
    fn page_us(&self, wall_us: u64) -> u64 {
        wall_us.saturating_add_signed(self.ahead_us.load(Ordering::Relaxed).saturating_neg())
    }
}

/// Reads a frame from the page that came at `now_us`, and the level of sound; `None` if it is none.
pub fn read(bytes: &[u8], clock: &PageClock, now_us: u64) -> Option<(Chunk, u8)> {
    let (header, data) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let [layer, flags, colour, level, ..] = *header;
    let layer = Layer::from_byte(layer)?;
    let level_fits = level == 0 || layer.is_audio() && level <= SILENCE;
    if !level_fits || flags >> 3 != 0 || header[4..8] != [0; 4] {
        return None;
    }
    let captured: [u8; 8] = header[8..16].try_into().ok()?;
    let chunk = Chunk {
        layer,
        key: flags & FLAG_KEY != 0,
        temporal: flags >> TEMPORAL_SHIFT,
        captured_us: clock.wall_us(u64::from_be_bytes(captured), now_us),
        width: u16::from_be_bytes([header[16], header[17]]),
        height: u16::from_be_bytes([header[18], header[19]]),
        colour,
        data: data.to_vec(),
    };
    Some((chunk, level))
}

/// Writes a frame of `source` for the page.
pub fn write(source: &PeerKey, frame: &EncodedFrame, clock: &PageClock) -> Bytes {
    let mut bytes = BytesMut::with_capacity(HEADER_LEN + 32 + frame.data.len());
    bytes.put_u8(frame.layer.byte());
    bytes.put_u8(u8::from(frame.key) | (frame.temporal.min(3) << TEMPORAL_SHIFT));
    bytes.put_u8(frame.colour);
    bytes.put_u8(0);
    bytes.put_u32(frame.number);
    bytes.put_u64(clock.page_us(frame.captured_us));
    bytes.put_u16(frame.width);
    bytes.put_u16(frame.height);
    bytes.put_slice(&source.0);
    bytes.put_slice(&frame.data);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_000;

    fn clock() -> PageClock {
        let clock = PageClock::default();
        clock.set(5_000_000, NOW);
        clock
    }

    #[test]
    fn what_is_written_is_laid_out_as_said_and_reads_back_without_its_source() {
        let frame = EncodedFrame {
            layer: Layer::P360,
            number: 7,
            key: false,
            temporal: 1,
            depends_on: 6,
            captured_us: NOW - 40_000,
            width: 640,
            height: 360,
            colour: 6,
            data: vec![1, 2, 3],
        };
        let bytes = write(&PeerKey([9; 32]), &frame, &clock());
        let captured = 4_960_000u64.to_be_bytes();
        let header = [&[2, 2, 6, 0, 0, 0, 0, 7][..], &captured, &[2, 128, 1, 104]].concat();
        assert_eq!(bytes[..HEADER_LEN], header);
        assert_eq!((&bytes[20..52], &bytes[52..]), (&[9; 32][..], &[1, 2, 3][..]));

        let mut sent = [&bytes[..HEADER_LEN], &bytes[52..]].concat();
        sent[4..8].fill(0);
        let (chunk, _) = read(&sent, &clock(), NOW).unwrap();
        assert_eq!((chunk.layer, chunk.key, chunk.temporal), (Layer::P360, false, 1));
        assert_eq!((chunk.captured_us, chunk.width, chunk.height), (NOW - 40_000, 640, 360));
        assert_eq!(chunk.data, [1, 2, 3]);
    }

    #[test]
    fn nonsense_is_no_frame_and_nothing_comes_from_the_future() {
        let good = [&[0u8, 1, 2, 0, 0, 0, 0, 0][..], &9_000_000u64.to_be_bytes(), &[0; 4], &[42]].concat();
        assert_eq!(read(&good, &clock(), NOW).unwrap().0.captured_us, NOW);
        for (at, byte) in [(0, 4), (1, 8), (3, 128), (5, 1)] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(read(&bad, &clock(), NOW), None, "byte {at}");
        }
        assert_eq!(read(&good[..HEADER_LEN - 1], &clock(), NOW), None);
        let mut loud = good;
        loud[3] = 30;
        assert_eq!(read(&loud, &clock(), NOW).map(|(_, below_db)| below_db), Some(30));
        loud[0] = 1;
        assert_eq!(read(&loud, &clock(), NOW), None, "a picture has no level");
    }
}
