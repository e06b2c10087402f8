//! What is sealed opens once, for those who hold the key, and for nobody else.

use media_pipeline::Layer;
use media_pipeline::open::{KEYS_MAX, OpenError, Opener};
use media_pipeline::seal::{FRAMES_MAX, SealError, Sealer};
use media_pipeline::wire::{HEADER_LEN, MAX_DATA, OVERHEAD};
use proptest::prelude::*;

use crate::keys::{SOURCE, opening, picture, sealing, sound};

fn pair() -> (Sealer, Opener) {
    let mut opener = Opener::new();
    assert!(opener.insert(opening(42, Layer::P360, 9)));
    (Sealer::new(sealing(42, Layer::P360, 9, 0)), opener)
}

#[test]
fn a_frame_comes_back_whole_with_its_source() {
    let (mut sealer, mut opener) = pair();
    for number in 0..10 {
        let frame = picture(number, 4);
        let sealed = sealer.seal(&frame).unwrap();
        assert_eq!(sealed.len(), frame.data.len() + OVERHEAD);
        assert_eq!(opener.open(&sealed), Ok((SOURCE, frame)));
    }
}

#[test]
fn every_changed_bit_is_refused_and_the_true_frame_still_opens() {
    let (mut sealer, mut opener) = pair();
    let frame = picture(5, 4);
    let sealed = sealer.seal(&frame).unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut altered = sealed.to_vec();
            altered[at] ^= 1 << bit;
            let refused = opener.open(&altered).expect_err("an altered frame was opened");
            match at {
                0 => assert!(matches!(refused, OpenError::NewerVersion(_) | OpenError::Malformed)),
                1 => assert!(matches!(refused, OpenError::Forged | OpenError::Malformed)),
                2..12 => assert!(matches!(refused, OpenError::UnknownLabel { .. })),
                _ => assert_eq!(refused, OpenError::Forged),
            }
        }
    }
    // None of those forgeries, some with later counters, moved the replay window.
    assert_eq!(opener.open(&sealed), Ok((SOURCE, frame)));
}

#[test]
fn a_frame_opens_once_in_any_order_within_the_window() {
    let (mut sealer, mut opener) = pair();
    let sealed: Vec<_> = (0..2100).map(|number| sealer.seal(&picture(number, 4)).unwrap()).collect();
    let shuffled = (0..700).flat_map(|third| [1400 + third, 700 + third]);
    for at in shuffled {
        assert!(opener.open(&sealed[at]).is_ok(), "frame {at}");
        assert_eq!(opener.open(&sealed[at]), Err(OpenError::Replayed), "frame {at} again");
    }
    // 2,048 counters behind the newest (2,099) there is no memory, so nothing is believed.
    assert_eq!(opener.open(&sealed[51]), Err(OpenError::Replayed));
    assert!(opener.open(&sealed[52]).is_ok());
}

#[test]
fn keys_are_chosen_by_name_and_never_tried() {
    let (mut sealer, mut opener) = pair();
    let sealed = sealer.seal(&picture(0, 4)).unwrap();
    let mut stranger = Opener::new();
    let unknown = OpenError::UnknownLabel { label: 42, generation: 2 };
    assert_eq!(stranger.open(&sealed), Err(unknown));
    // The right key under another name doesn't help, nor the right name with another key.
    stranger.insert(opening(43, Layer::P360, 9));
    assert_eq!(stranger.open(&sealed), Err(unknown));
    stranger.insert(opening(42, Layer::P360, 8));
    assert_eq!(stranger.open(&sealed), Err(OpenError::Forged));
    assert_eq!(opener.source_of(42), Some((SOURCE, Layer::P360.byte())));
    assert!(opener.forget(42));
    assert_eq!(opener.open(&sealed), Err(unknown));
}

#[test]
fn an_announcement_that_is_repeated_opens_no_door_to_replays() {
    let (mut sealer, mut opener) = pair();
    let sealed = sealer.seal(&picture(0, 4)).unwrap();
    assert!(opener.open(&sealed).is_ok());
    assert!(!opener.insert(opening(42, Layer::P360, 9)));
    assert_eq!(opener.open(&sealed), Err(OpenError::Replayed));
}

#[test]
fn a_frame_sealed_under_the_key_of_another_layer_is_refused() {
    let mut opener = Opener::new();
    // A member that holds both keys crosses them: the header says picture, the key is the sound's.
    opener.insert(opening(42, Layer::Audio, 9));
    let mut sealer = Sealer::new(sealing(42, Layer::P360, 9, 0));
    let sealed = sealer.seal(&picture(0, 4)).unwrap();
    assert_eq!(opener.open(&sealed), Err(OpenError::Malformed));
    let wrong = SealError::WrongLayer { frame: 0, key: 2 };
    assert_eq!(sealer.seal(&sound(0)), Err(wrong));
}

#[test]
fn a_source_that_contradicts_itself_is_refused() {
    let (mut sealer, mut opener) = pair();
    let mut ahead = picture(1, 4);
    ahead.depends_on = 9;
    assert_eq!(opener.open(&sealer.seal(&ahead).unwrap()), Err(OpenError::Malformed));
    let mut orphan = picture(0, 4);
    orphan.depends_on = 3;
    assert_eq!(opener.open(&sealer.seal(&orphan).unwrap()), Err(OpenError::Malformed));
}

#[test]
fn the_counter_ends_at_2_to_the_20_and_never_turns_around() {
    let mut sealer = Sealer::new_at(sealing(42, Layer::P360, 9, 0), FRAMES_MAX - 1);
    let mut opener = Opener::new();
    opener.insert(opening(42, Layer::P360, 9));
    assert!(opener.open(&sealer.seal(&picture(0, 4)).unwrap()).is_ok());
    assert_eq!(sealer.seal(&picture(1, 4)), Err(SealError::Exhausted));
    assert_eq!(sealer.seal(&picture(2, 4)), Err(SealError::Exhausted));
}

#[test]
fn a_scheduled_key_takes_over_with_the_first_frame_of_its_time() {
    let (mut sealer, mut opener) = pair();
    opener.insert(opening(43, Layer::P360, 10));
    // Frames are captured at 1,000 ms and every 33.3 ms after.
    sealer.schedule(sealing(43, Layer::P360, 10, 1_066));
    let mut labels = Vec::new();
    for number in 0..4 {
        let sealed = sealer.seal(&picture(number, 4)).unwrap();
        labels.push(sealer.label());
        assert!(opener.open(&sealed).is_ok());
    }
    assert_eq!(labels, [42, 42, 43, 43]);
}

#[test]
fn sizes_are_bounded_at_both_ends() {
    let (mut sealer, mut opener) = pair();
    let mut frame = picture(0, 4);
    frame.data = vec![1; MAX_DATA];
    assert!(opener.open(&sealer.seal(&frame).unwrap()).is_ok());
    frame.data.push(1);
    assert_eq!(sealer.seal(&frame), Err(SealError::TooLarge { len: MAX_DATA + 1 }));
    assert_eq!(opener.open(&vec![1; MAX_DATA + OVERHEAD + 1]), Err(OpenError::Malformed));
    assert_eq!(opener.open(&[1; OVERHEAD - 1]), Err(OpenError::Malformed));
    assert_eq!(opener.open(&[]), Err(OpenError::Malformed));
}

#[test]
fn a_newer_version_is_named_and_not_misread() {
    let (mut sealer, mut opener) = pair();
    let mut sealed = sealer.seal(&picture(0, 4)).unwrap().to_vec();
    sealed[0] = 2;
    assert_eq!(opener.open(&sealed), Err(OpenError::NewerVersion(2)));
    assert!(OpenError::NewerVersion(2).to_string().contains("newer version"));
}

#[test]
fn keys_are_bounded() {
    let mut opener = Opener::new();
    for label in 0..KEYS_MAX as u64 {
        assert!(opener.insert(opening(label, Layer::P360, 1)));
    }
    assert!(!opener.insert(opening(u64::MAX, Layer::P360, 1)));
    assert_eq!(opener.len(), KEYS_MAX);
    opener.forget(0);
    assert!(opener.insert(opening(u64::MAX, Layer::P360, 1)));
}

proptest! {
    #[test]
    fn garbage_is_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..300), dressed: bool) {
        let (_, mut opener) = pair();
        if dressed && bytes.len() >= HEADER_LEN {
            // As near to a frame as somebody without the key can come.
            bytes[0] = 1;
            bytes[1] &= 0x0f;
            bytes[2..4].copy_from_slice(&2u16.to_be_bytes());
            bytes[4..12].copy_from_slice(&42u64.to_be_bytes());
        }
        prop_assert!(opener.open(&bytes).is_err());
    }
}
