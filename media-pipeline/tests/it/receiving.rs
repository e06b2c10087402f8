//! The receiver as a whole: it counts, records and asks as it should.

use std::sync::{Arc, Mutex};

use media_pipeline::clock::wall_us;
use media_pipeline::receive::{Config, Event, Receiver};
use media_pipeline::{EncodedFrame, Layer};

use crate::recording::packets;
use crate::studio::take;

/// Gives all frames to a receiver as if they were captured just now; what it said, and its counts.
fn receive(config: Config, frames: &[EncodedFrame]) -> (Vec<Event>, media_pipeline::receive::Counts) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let events = Box::new({
        let said = Arc::clone(&said);
        move |event| said.lock().unwrap().push(event)
    });
    let receiver = Receiver::start(config, events).unwrap();
    for frame in frames {
        while !receiver.push(frame.clone(), wall_us()) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    let counts = receiver.finish(wall_us());
    let said = said.lock().unwrap().clone();
    (said, counts)
}

#[test]
fn everything_that_arrives_is_decoded_measured_and_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.mkv");
    let config = Config { record: Some(path.clone()), reference: Some(take().reference().to_owned()) };
    let (said, counts) = receive(config, &take().frames);
    for layer in [Layer::Audio, Layer::P180, Layer::P360] {
        let sent = take().layer(layer).len() as u64;
        let of = counts.layers[&layer];
        assert_eq!((of.jitter.received, of.jitter.released, of.decoded, of.refused), (sent, sent, sent, 0));
    }
    assert!(counts.first_picture_us.is_some() && counts.first_sound_us.is_some());
    assert!(!said.iter().any(|event| matches!(event, Event::NeedsKey(_) | Event::RecordingFailed(_))));

    let measured: Vec<_> = said
        .iter()
        .filter_map(|event| match event {
            Event::Psnr { number, db, .. } => Some((*number, *db)),
            _ => None,
        })
        .collect();
    let due = take().frames.iter().filter(|frame| !frame.layer.is_audio() && frame.number % 10 == 0).count();
    assert_eq!(measured.len(), due);
    assert!(measured.iter().all(|(number, db)| number % 10 == 0 && *db > 20.0), "{measured:.1?}");

    let read = packets(&path);
    assert_eq!(read.len() as u64, counts.recorded);
    let pictures = read.iter().filter(|packet| !packet.audio).count();
    assert!(pictures >= take().layer(Layer::P360).len() - 3, "the large layer is what is recorded");
    assert!(read.iter().filter(|packet| packet.audio).count() >= take().layer(Layer::Audio).len() - 5);
}

#[test]
fn a_loss_freezes_the_picture_and_asks_for_a_key() {
    let large = take().layer(Layer::P360);
    let second_key = large.iter().filter(|frame| frame.key).nth(1).unwrap().number;
    let arrived: Vec<_> =
        large[..second_key as usize].iter().filter(|frame| frame.number != 4).cloned().collect();
    let said = Arc::new(Mutex::new(Vec::new()));
    let events = Box::new({
        let said = Arc::clone(&said);
        move |event| said.lock().unwrap().push(event)
    });
    let receiver = Receiver::start(Config::default(), events).unwrap();
    for frame in arrived {
        assert!(receiver.push(frame, wall_us()));
    }
    let asked =
        || said.lock().unwrap().iter().filter(|event| **event == Event::NeedsKey(Layer::P360)).count();
    let patience = wall_us() + 20_000_000;
    while asked() == 0 && wall_us() < patience {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(asked(), 1);
    let frozen = receiver.counts(wall_us() + 1_000_000);
    assert!(frozen.frozen_ms >= 1000, "{} ms", frozen.frozen_ms);
    assert_eq!(frozen.layers[&Layer::P360].decoded, 4);

    // The key that was asked for ends it.
    receiver.push(large[second_key as usize].clone(), wall_us());
    let counts = receiver.finish(wall_us());
    assert_eq!(counts.layers[&Layer::P360].decoded, 5);
    assert_eq!(counts.layers[&Layer::P360].refused, 0);
}

#[test]
fn the_newest_picture_of_the_largest_layer_is_the_one_to_show() {
    let receiver = Receiver::start(Config::default(), Box::new(|_| {})).unwrap();
    let shown = receiver.pictures();
    for frame in take().frames.iter().filter(|frame| !frame.layer.is_audio()).take(40) {
        receiver.push(frame.clone(), wall_us());
    }
    receiver.finish(wall_us());
    assert_eq!(shown.try_take().unwrap().width(), 640);
}

#[test]
fn a_recording_that_fails_is_told_once_and_receiving_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { record: Some(dir.path().join("no/where.mkv")), reference: None };
    let (said, counts) = receive(config, &take().frames);
    let failures: Vec<_> = said.iter().filter(|event| matches!(event, Event::RecordingFailed(_))).collect();
    assert_eq!(failures.len(), 1);
    assert_eq!(counts.layers[&Layer::P180].decoded, take().layer(Layer::P180).len() as u64);
    assert_eq!(counts.recorded, 0);
}

#[test]
fn a_source_that_comes_back_is_recorded_beside_what_there_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.mkv");
    let config = || Config { record: Some(path.clone()), reference: None };
    let (_, first) = receive(config(), &take().frames);
    let sound = take().layer(Layer::Audio);
    let (_, second) = receive(config(), &sound);
    assert_eq!(packets(&path).len() as u64, first.recorded);
    assert_eq!(packets(&dir.path().join("source-2.mkv")).len(), sound.len());
    assert_eq!(second.recorded, sound.len() as u64);
}
