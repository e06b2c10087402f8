//! A sealed frame as the k + m units of its group, and back, byte for byte.
//!
//! Where k = 1 every unit is the whole frame. Else the frame's length (4 bytes, big-endian) and the frame stand behind
//! each other, filled up with zeros to k shards of equal length; parity shards follow ([`crate::code`]). The length is
//! inside the code, so it is mended with the rest.

use std::borrow::Cow;

use crate::code;
use crate::plan::Shape;
use crate::unit::{Cut, Frame};

/// Bytes of the frame's length.
const LENGTH: usize = 4;

/// A frame of bytes, cut for a group of this shape. A whole one is not copied.
pub fn cut(frame: &Frame<impl AsRef<[u8]>>, shape: Shape) -> Cut<Cow<'_, [u8]>> {
    let (layer, info, bytes) = (frame.layer, frame.info, frame.payload.as_ref());
    if shape.k <= 1 {
        return Cut::whole(Frame { layer, info, payload: Cow::Borrowed(bytes) });
    }
    let units = split(bytes, shape.k, shape.m).into_iter().map(Cow::Owned);
    Cut { layer, info, k: shape.k, units: (0..).zip(units).collect() }
}

/// How long each unit of a frame of this length is.
pub fn unit_len(frame: usize, k: u8) -> usize {
    if k <= 1 { frame } else { (LENGTH + frame).div_ceil(usize::from(k)) }
}

/// Cuts a frame: k data units, then m parity units.
pub fn split(frame: &[u8], k: u8, m: u8) -> Vec<Vec<u8>> {
    if k <= 1 {
        return vec![frame.to_vec(); 1 + usize::from(m)];
    }
    let length = unit_len(frame.len(), k);
    let mut block = Vec::with_capacity(length * usize::from(k));
    block.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_be_bytes());
    block.extend_from_slice(frame);
    block.resize(length * usize::from(k), 0);
    let data: Vec<&[u8]> = block.chunks_exact(length).collect();
    let parities = (0..usize::from(m)).map(|row| code::parity(&data, row));
    data.iter().map(|shard| shard.to_vec()).chain(parities).collect()
}

/// The frame of any k of its units, each with its index in the group. None if there are too few, or if they contradict
/// each other: whoever sent one of them is at fault.
pub fn join(units: &[(u8, &[u8])], k: u8) -> Option<Vec<u8>> {
    if k <= 1 {
        return units.first().map(|(_, frame)| frame.to_vec());
    }
    let shards: Vec<(usize, &[u8])> =
        units.iter().map(|(index, shard)| (usize::from(*index), *shard)).collect();
    let mut block = code::restore(&shards, usize::from(k))?.concat();
    let (length, _) = block.split_first_chunk::<LENGTH>()?;
    let length = u32::from_be_bytes(*length) as usize;
    let filled = block.len().checked_sub(LENGTH + length)?;
    // One encoding: no more filling than the cut asks for, and only zeros.
    if filled >= usize::from(k) || block.iter().rev().take(filled).any(|byte| *byte != 0) {
        return None;
    }
    block.truncate(LENGTH + length);
    Some(block.split_off(LENGTH))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_k_units_give_the_frame_back(
            frame in proptest::collection::vec(any::<u8>(), 0..3_000),
            k in 1_u8..9,
            m in 0_u8..5,
            order in any::<u64>(),
        ) {
            let units = split(&frame, k, m);
            prop_assert_eq!(units.len(), usize::from(k + m));
            prop_assert!(units.iter().all(|unit| unit.len() == unit_len(frame.len(), k)));
            let mut some: Vec<(u8, &[u8])> = (0..).zip(units.iter().map(Vec::as_slice)).collect();
            some.sort_by_key(|(index, _)| order.rotate_left(u32::from(*index) * 7) ^ u64::from(*index) << 40);
            some.truncate(usize::from(k));
            prop_assert_eq!(join(&some, k), Some(frame));
            some.pop();
            prop_assert!(k == 1 || join(&some, k).is_none());
        }

        #[test]
        fn units_that_are_no_frame_give_none_or_other_bytes_but_never_panic(
            units in proptest::collection::vec((0_u8..12, proptest::collection::vec(any::<u8>(), 6..7)), 0..10),
            k in 1_u8..9,
        ) {
            let units: Vec<(u8, &[u8])> = units.iter().map(|(at, unit)| (*at, unit.as_slice())).collect();
            let _ = join(&units, k);
        }
    }
}
