//! The jitter buffer: whatever is lost, late or doubled, what comes out is in order and decodable.

use std::collections::BTreeSet;

use media_pipeline::EncodedFrame;
use media_pipeline::jitter::{DELAY_MAX_US, DELAY_MIN_US, HELD_MAX, Jitter, KEY_EVERY_US};
use proptest::prelude::*;

use crate::keys::{picture, sound};

/// A long group of pictures: keys only on demand.
const NEVER: u32 = 1_000_000;
const START: u64 = 2_000_000;

fn push(jitter: &mut Jitter, now: u64, frames: impl IntoIterator<Item = EncodedFrame>) -> Vec<u32> {
    frames.into_iter().for_each(|frame| jitter.push(now, frame));
    drain(jitter, now)
}

fn drain(jitter: &mut Jitter, now: u64) -> Vec<u32> {
    std::iter::from_fn(|| jitter.pop(now)).map(|frame| frame.number).collect()
}

fn pictures(numbers: impl IntoIterator<Item = u32>) -> impl Iterator<Item = EncodedFrame> {
    numbers.into_iter().map(|number| picture(number, NEVER))
}

#[test]
fn frames_in_order_are_released_at_once() {
    let mut jitter = Jitter::new();
    for number in 0..100 {
        assert_eq!(push(&mut jitter, START + u64::from(number) * 33_333, pictures([number])), [number]);
    }
    assert!(!jitter.needs_key(START));
    assert_eq!(jitter.deadline(), None);
}

#[test]
fn reordered_frames_wait_for_each_other() {
    let mut jitter = Jitter::new();
    assert_eq!(push(&mut jitter, START, pictures([0, 2, 3])), [0]);
    assert_eq!(push(&mut jitter, START + 10_000, pictures([1])), [1, 2, 3]);
    assert_eq!(jitter.counts().missing, 0);
}

#[test]
fn a_lost_base_frame_withholds_all_that_follows_until_a_key() {
    let mut jitter = Jitter::new();
    push(&mut jitter, START, pictures([0, 1, 2, 3]));
    assert!(push(&mut jitter, START, pictures(5..10)).is_empty());
    assert!(!jitter.needs_key(START), "it may still come");
    assert_eq!(jitter.deadline(), Some(START + jitter.delay_us()));
    let late = START + DELAY_MAX_US;
    assert!(push(&mut jitter, late, pictures(10..20)).is_empty());
    assert!(jitter.needs_key(late));
    // Asked for once, and again only after a second.
    assert!(!jitter.needs_key(late + KEY_EVERY_US - 1));
    assert!(jitter.needs_key(late + KEY_EVERY_US));
    let key = EncodedFrame { key: true, depends_on: 20, temporal: 0, ..picture(20, NEVER) };
    let next = EncodedFrame { depends_on: 20, temporal: 1, ..picture(21, NEVER) };
    assert_eq!(push(&mut jitter, late + KEY_EVERY_US + 1, [next, key]), [20, 21]);
    assert!(!jitter.needs_key(late + 3 * KEY_EVERY_US));
    let counts = jitter.counts();
    assert_eq!((counts.missing, counts.withheld, counts.released), (1, 15, 6));
}

#[test]
fn a_repair_after_the_deadline_still_brings_everything_back() {
    let mut jitter = Jitter::new();
    push(&mut jitter, START, pictures([0]));
    push(&mut jitter, START, pictures(3..12));
    let late = START + 2 * DELAY_MAX_US;
    assert!(drain(&mut jitter, late).is_empty());
    assert!(jitter.needs_key(late));
    assert_eq!(push(&mut jitter, late + 1, pictures([2, 1])), (1..12).collect::<Vec<_>>());
    assert!(!jitter.needs_key(late + 2 * KEY_EVERY_US), "the chain is whole again");
    assert_eq!(jitter.counts().withheld, 0);
}

#[test]
fn a_lost_top_layer_frame_costs_nothing_but_itself() {
    let mut jitter = Jitter::new();
    push(&mut jitter, START, pictures([0, 2, 3, 4]));
    assert!(drain(&mut jitter, START + DELAY_MIN_US - 1).is_empty());
    assert_eq!(drain(&mut jitter, START + DELAY_MAX_US), [2, 3, 4]);
    assert!(!jitter.needs_key(START + DELAY_MAX_US));
    assert_eq!(jitter.counts().missing, 1);
}

#[test]
fn a_thinned_stream_waits_once_and_then_flows() {
    let mut jitter = Jitter::new();
    push(&mut jitter, START, pictures([0, 2]));
    let at = START + DELAY_MAX_US;
    assert_eq!(drain(&mut jitter, at), [2]);
    for number in (4..40).step_by(2) {
        assert_eq!(push(&mut jitter, at, pictures([number])), [number]);
    }
    // What comes after all proves that it isn't thinned: gaps are waited for again.
    assert!(push(&mut jitter, at, pictures([39, 37, 42])).is_empty() || jitter.counts().late > 0);
    assert!(push(&mut jitter, at, pictures([44])).is_empty());
}

#[test]
fn somebody_who_comes_late_asks_for_a_key_at_once() {
    let mut jitter = Jitter::new();
    assert!(push(&mut jitter, START, pictures([500])).is_empty());
    assert!(jitter.needs_key(START));
    assert!(push(&mut jitter, START, pictures([501, 502])).is_empty());
    assert_eq!(push(&mut jitter, START, [picture(504, 504)]), [504]);
}

#[test]
fn sound_waits_a_little_and_goes_on_without() {
    let mut jitter = Jitter::new();
    assert_eq!(push(&mut jitter, START, [sound(0), sound(1), sound(4)]), [0, 1]);
    assert_eq!(push(&mut jitter, START + 1000, [sound(2)]), [2]);
    assert_eq!(push(&mut jitter, START + 1000 + DELAY_MAX_US, [sound(5)]), [4, 5]);
    assert!(push(&mut jitter, START + 1000 + DELAY_MAX_US, [sound(3), sound(5)]).is_empty());
    let counts = jitter.counts();
    assert_eq!((counts.missing, counts.late), (1, 2));
    assert!(!jitter.needs_key(START + DELAY_MAX_US));
}

#[test]
fn a_source_that_restarts_is_taken_up_at_its_first_key() {
    let mut jitter = Jitter::new();
    push(&mut jitter, START, pictures(0..50));
    let again =
        |number| EncodedFrame { captured_us: 90_000_000 + u64::from(number), ..picture(number, NEVER) };
    assert_eq!(push(&mut jitter, START, [again(0), again(1)]), [0, 1]);
}

#[test]
fn a_shaky_link_is_waited_for_longer_but_not_forever() {
    let mut jitter = Jitter::new();
    assert_eq!(jitter.delay_us(), DELAY_MIN_US);
    for number in 0..200 {
        let swing = if number % 2 == 0 { 0 } else { 40_000 };
        push(&mut jitter, START + u64::from(number) * 33_333 + swing, pictures([number]));
    }
    assert!(jitter.delay_us() > DELAY_MIN_US);
    for number in 200..400 {
        let swing = if number % 2 == 0 { 0 } else { 4_000_000 };
        push(&mut jitter, START + u64::from(number) * 33_333 + swing, pictures([number]));
    }
    assert_eq!(jitter.delay_us(), DELAY_MAX_US);
}

#[test]
fn what_is_held_is_bounded_and_the_buffer_recovers() {
    let mut jitter = Jitter::new();
    push(&mut jitter, START, pictures([0]));
    assert!(push(&mut jitter, START, pictures(3..3 + 3 * HELD_MAX as u32)).is_empty());
    let counts = jitter.counts();
    assert_eq!(counts.received - counts.released - counts.withheld, HELD_MAX as u64);
    let key = 3 + 3 * HELD_MAX as u32;
    assert_eq!(push(&mut jitter, START, [picture(key, key)]), [key]);
    // Large frames are bounded by their bytes instead.
    let large =
        (1..100).map(|after| EncodedFrame { data: vec![0; 200_000], ..picture(key + 2 + after, NEVER) });
    push(&mut jitter, START, large);
    let counts = jitter.counts();
    assert!(counts.received - counts.released - counts.withheld <= 10);
}

proptest! {
    /// Whatever the network does: numbers only grow, and nothing is released without its reference.
    #[test]
    fn nothing_damaged_is_ever_released(
        fates in prop::collection::vec((0u8..10, 0u64..300_000), 50..300),
        keys in 10u32..60,
    ) {
        let mut arrivals: Vec<(u64, u32)> = Vec::new();
        for (number, (fate, delay)) in fates.iter().enumerate() {
            let sent = START + number as u64 * 33_333;
            match fate {
                0 => {}
                1 => arrivals.extend([(sent, number as u32), (sent + delay, number as u32)]),
                2 | 3 => arrivals.push((sent + delay, number as u32)),
                _ => arrivals.push((sent + delay / 30, number as u32)),
            }
        }
        arrivals.sort();
        let (mut jitter, mut released, mut newest) = (Jitter::new(), BTreeSet::new(), None);
        for (now, number) in arrivals {
            jitter.push(now, picture(number, keys));
            while let Some(frame) = jitter.pop(now) {
                prop_assert!(newest.is_none_or(|newest| frame.number > newest));
                prop_assert!(frame.key || released.contains(&frame.depends_on));
                newest = Some(frame.number);
                released.insert(frame.number);
            }
        }
        let counts = jitter.counts();
        prop_assert_eq!(counts.released, released.len() as u64);
        prop_assert!(counts.released + counts.withheld <= counts.received);
    }
}
