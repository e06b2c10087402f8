//! A real clip: encoded, sealed, lost in part, opened, ordered, decoded. Nothing damaged is shown.

use std::collections::BTreeMap;

use media_pipeline::decode::{AudioDecoder, VideoDecoder};
use media_pipeline::encode::reference_path;
use media_pipeline::jitter::{DELAY_MAX_US, Jitter};
use media_pipeline::open::Opener;
use media_pipeline::picture::Picture;
use media_pipeline::seal::Sealer;
use media_pipeline::{EncodedFrame, Layer};

use crate::keys::{opening, sealing};
use crate::studio::{KEY_AT, SECONDS, Take, assert_steady, take};

/// Decodes frames that are known to be whole.
fn decode_all(frames: &[EncodedFrame]) -> BTreeMap<u32, Picture> {
    let mut decoder = VideoDecoder::open().unwrap();
    frames.iter().map(|frame| (frame.number, decoder.decode(frame).expect("a picture"))).collect()
}

/// Seals everything, loses what `lost` names, and gives what the jitter buffer releases.
fn through(frames: &[EncodedFrame], lost: impl Fn(&EncodedFrame) -> bool) -> Vec<EncodedFrame> {
    let layer = frames[0].layer;
    let mut sealer = Sealer::new(sealing(42, layer, 9, 0));
    let (mut opener, mut jitter) = (Opener::new(), Jitter::new());
    opener.insert(opening(42, layer, 9));
    let mut released = Vec::new();
    for frame in frames {
        let sealed = sealer.seal(frame).unwrap();
        let now = frame.captured_us + 30_000;
        if !lost(frame) {
            jitter.push(now, opener.open(&sealed).unwrap().1);
        }
        released.extend(std::iter::from_fn(|| jitter.pop(now)));
    }
    let end = frames.last().unwrap().captured_us + 30_000 + DELAY_MAX_US;
    released.extend(std::iter::from_fn(|| jitter.pop(end)));
    released
}

fn psnrs(take: &Take, layer: Layer, pictures: &BTreeMap<u32, Picture>) -> Vec<f64> {
    let references = pictures.iter().filter(|(number, _)| **number % 10 == 0);
    references
        .map(|(number, picture)| {
            picture.psnr(&std::fs::read(reference_path(take.reference(), layer, *number)).unwrap())
        })
        .collect()
}

#[test]
fn a_layer_counts_its_frames_and_says_what_they_need() {
    for layer in [Layer::P180, Layer::P360] {
        let frames = take().layer(layer);
        assert!(frames.len() as u32 > 12 * SECONDS, "{} frames", frames.len());
        let mut before: Option<&EncodedFrame> = None;
        for (number, frame) in (0..).zip(&frames) {
            assert_eq!(frame.number, number);
            assert_eq!((u32::from(frame.width), u32::from(frame.height)), layer.size());
            assert!(before.is_none_or(|before| before.captured_us < frame.captured_us));
            assert_eq!(frame.key, frame.depends_on == number);
            assert!(frames[frame.depends_on as usize].temporal == 0, "only the base layer is depended on");
            before = Some(frame);
        }
        let keys: Vec<_> = frames.iter().filter(|frame| frame.key).map(|frame| frame.number).collect();
        match layer {
            Layer::P360 => assert!(keys.len() == 2 && keys[0] == 0 && keys[1] > KEY_AT, "{keys:?}"),
            _ => assert_eq!(keys, [0], "a key is only made where it was asked for"),
        }
    }
}

#[test]
fn the_clip_comes_through_at_its_rate_and_looks_good() {
    let take = take();
    for (layer, good) in [(Layer::P180, 28.0), (Layer::P360, 29.0)] {
        let frames = take.layer(layer);
        let pictures = decode_all(&through(&frames, |_| false));
        assert_eq!(pictures.len(), frames.len());
        let psnrs = psnrs(take, layer, &pictures);
        let mean = psnrs.iter().sum::<f64>() / psnrs.len() as f64;
        assert!(mean > good && mean < 50.0, "{layer:?}: {mean:.1} dB of {psnrs:.1?}");
        let bits = frames.iter().map(|frame| frame.data.len() as f64 * 8.0).sum::<f64>();
        let span = (frames.last().unwrap().captured_us - frames[0].captured_us) as f64 / 1e6;
        let kbps = bits / span / 1000.0;
        assert!(
            kbps < 1.3 * f64::from(layer.kbps()) && kbps > 0.3 * f64::from(layer.kbps()),
            "{layer:?}: {kbps}"
        );
    }
}

#[test]
fn without_the_top_layer_every_other_picture_is_exactly_the_same() {
    let frames = take().layer(Layer::P360);
    let whole = decode_all(&frames);
    let thinned = decode_all(&through(&frames, |frame| frame.temporal == 1));
    assert_eq!(thinned.len(), frames.iter().filter(|frame| frame.temporal == 0).count());
    for (number, picture) in &thinned {
        assert!(whole[number] == *picture, "picture {number} differs");
    }
}

#[test]
fn a_lost_frame_of_the_top_layer_takes_nothing_with_it() {
    let frames = take().layer(Layer::P360);
    let whole = decode_all(&frames);
    let lost = frames.iter().filter(|frame| frame.temporal == 1).nth(3).unwrap().number;
    let rest = decode_all(&through(&frames, |frame| frame.number == lost));
    assert_eq!(rest.len(), whole.len() - 1);
    assert!(rest.iter().all(|(number, picture)| whole[number] == *picture));
}

#[test]
fn no_picture_with_a_missing_reference_is_ever_shown() {
    let take = take();
    let frames = take.layer(Layer::P360);
    let whole = decode_all(&frames);
    let second_key = frames.iter().filter(|frame| frame.key).nth(1).unwrap().number;
    let lost = [10, 11, 12];
    let shown = decode_all(&through(&frames, |frame| lost.contains(&frame.number)));
    assert!(shown.iter().all(|(number, picture)| whole[number] == *picture), "a damaged picture was shown");
    assert!(shown.keys().all(|number| *number < 10 || *number >= second_key), "{:?}", shown.keys());
    assert_eq!(shown.len(), 10 + frames.len() - second_key as usize);

    // The test can fail: a decoder that is fed all the same shows damage, and says nothing.
    let fed: Vec<_> = frames.iter().filter(|frame| !lost.contains(&frame.number)).cloned().collect();
    let fed = decode_all(&fed);
    assert!(fed.iter().any(|(number, picture)| whole[number] != *picture));
}

#[test]
fn sound_comes_through_every_20_ms_in_packets_of_one_size() {
    let frames = take().layer(Layer::Audio);
    assert!(frames.len() as u32 >= 40 * SECONDS, "{} packets", frames.len());
    let mut decoder = AudioDecoder::open().unwrap();
    let mut samples = 0;
    for (number, frame) in (0..).zip(&frames) {
        assert_eq!((frame.number, frame.key, frame.depends_on), (number, true, number));
        assert_eq!(frame.data.len(), 80, "32 kbit/s whether somebody speaks or not");
        samples += decoder.decode(frame).expect("sound");
    }
    assert_steady(&frames);
    assert!(samples.abs_diff(frames.len() * 960) <= 960);
}

#[test]
fn what_is_no_codec_data_gives_no_picture() {
    let frames = take().layer(Layer::P180);
    let mut decoder = VideoDecoder::open().unwrap();
    let bad = |data: Vec<u8>, key| EncodedFrame { data, key, ..frames[0].clone() };
    assert_eq!(decoder.decode(&bad(Vec::new(), true)), None);
    assert_eq!(decoder.decode(&bad(vec![0; 40], true)), None);
    assert_eq!(decoder.decode(&bad(frames[0].data.clone(), false)), None, "a key that says it is none");
    // A key frame's header with 16,383 x 16,383 pixels, which would take 400 MB.
    let mut huge = frames[0].data.clone();
    huge[6..10].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    assert_eq!(decoder.decode(&bad(huge, true)), None);
    assert!(decoder.decode(&frames[0]).is_some());
    let mut audio = AudioDecoder::open().unwrap();
    assert_eq!(audio.decode(&bad(Vec::new(), true)), None);
}
