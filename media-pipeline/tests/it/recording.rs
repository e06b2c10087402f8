//! Recordings are read again by FFmpeg itself.

use std::path::Path;

use ffmpeg_next as ffmpeg;
use media_pipeline::record::Recorder;
use media_pipeline::{EncodedFrame, Layer};

use crate::studio::take;

/// One packet of a file: kind, time in ms, size of the data, key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) audio: bool,
    pub(crate) at_ms: i64,
    pub(crate) data: Vec<u8>,
    pub(crate) key: bool,
}

pub(crate) fn packets(path: &Path) -> Vec<Packet> {
    ffmpeg::init().unwrap();
    let mut input = ffmpeg::format::input(path).unwrap();
    let kinds: Vec<_> = input.streams().map(|stream| stream.parameters().medium()).collect();
    let mut packets = Vec::new();
    loop {
        let mut packet = ffmpeg::Packet::empty();
        if packet.read(&mut input).is_err() {
            return packets;
        }
        packets.push(Packet {
            audio: kinds[packet.stream()] == ffmpeg::media::Type::Audio,
            at_ms: packet.pts().unwrap(),
            data: packet.data().unwrap().to_vec(),
            key: packet.is_key(),
        });
    }
}

/// Decodes every picture of a file; gives their sizes.
fn pictures(path: &Path) -> Vec<(u32, u32)> {
    let mut input = ffmpeg::format::input(path).unwrap();
    let stream = input.streams().best(ffmpeg::media::Type::Video).unwrap();
    let index = stream.index();
    let context = ffmpeg::codec::context::Context::from_parameters(stream.parameters()).unwrap();
    let mut decoder = context.decoder().video().unwrap();
    let mut sizes = Vec::new();
    let mut take = |decoder: &mut ffmpeg::decoder::Video| {
        let mut picture = ffmpeg::frame::Video::empty();
        while decoder.receive_frame(&mut picture).is_ok() {
            sizes.push((picture.width(), picture.height()));
        }
    };
    loop {
        let mut packet = ffmpeg::Packet::empty();
        if packet.read(&mut input).is_err() {
            break;
        }
        if packet.stream() == index {
            decoder.send_packet(&packet).unwrap();
            take(&mut decoder);
        }
    }
    decoder.send_eof().unwrap();
    take(&mut decoder);
    sizes
}

/// The take's sound and one of its layers, in the order of their capture.
fn programme(layers: &[Layer]) -> Vec<EncodedFrame> {
    let mut frames: Vec<_> =
        take().frames.iter().filter(|frame| layers.contains(&frame.layer)).cloned().collect();
    frames.sort_by_key(|frame| (frame.captured_us, frame.layer));
    frames
}

#[test]
fn a_recording_holds_every_frame_untouched_and_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("both.mkv");
    let frames = programme(&[Layer::Audio, Layer::P360]);
    let mut recorder = Recorder::create(&path, true, true).unwrap();
    let written: Vec<_> = frames.iter().filter(|frame| recorder.write(frame).unwrap()).collect();
    assert_eq!(recorder.written(), written.len() as u64);
    recorder.finish().unwrap();

    let start_us = written[0].captured_us;
    assert!(written[0].key && !written[0].layer.is_audio(), "it starts with a picture");
    assert!(frames.len() - written.len() < 5, "only sound before the first picture is left out");
    for audio in [false, true] {
        let read: Vec<_> = packets(&path).into_iter().filter(|packet| packet.audio == audio).collect();
        let wrote: Vec<_> = written.iter().filter(|frame| frame.layer.is_audio() == audio).collect();
        assert_eq!(read.len(), wrote.len());
        for (packet, frame) in read.iter().zip(wrote) {
            assert_eq!(packet.data, frame.data);
            assert_eq!(packet.key, frame.key);
            let at_ms = ((frame.captured_us - start_us) / 1000) as i64;
            // Opus is moved by its pre-skip of 6.5 ms; Matroska counts whole milliseconds.
            assert!((packet.at_ms - at_ms).abs() <= 8, "{} ms instead of {at_ms}", packet.at_ms);
        }
    }
    assert_eq!(pictures(&path).len(), written.iter().filter(|frame| !frame.layer.is_audio()).count());
    let input = ffmpeg::format::input(&path).unwrap();
    assert!(input.duration() > 2_000_000, "a finished file knows its length");
}

#[test]
fn a_recording_that_was_cut_off_still_plays() {
    let dir = tempfile::tempdir().unwrap();
    let (path, killed) = (dir.path().join("live.mkv"), dir.path().join("killed.mkv"));
    let frames = programme(&[Layer::Audio, Layer::P360]);
    let mut recorder = Recorder::create(&path, true, true).unwrap();
    for frame in &frames {
        recorder.write(frame).unwrap();
    }
    // What a kill leaves is what has reached the file by now.
    std::fs::copy(&path, &killed).unwrap();
    let read = packets(&killed);
    assert!(read.len() * 2 > frames.len(), "{} of {}", read.len(), frames.len());
    assert!(read.iter().any(|packet| packet.audio) && !pictures(&killed).is_empty());
}

#[test]
fn a_recording_follows_to_another_layer_at_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("switch.mkv");
    let large = take().layer(Layer::P360);
    let key = large.iter().filter(|frame| frame.key).nth(1).unwrap();
    let mut recorder = Recorder::create(&path, true, false).unwrap();
    for small in take().layer(Layer::P180).iter().filter(|frame| frame.captured_us < key.captured_us) {
        assert!(recorder.write(small).unwrap());
    }
    assert!(!recorder.write(&large[1]).unwrap(), "another size can't start in the middle");
    for frame in &large[key.number as usize..] {
        assert!(recorder.write(frame).unwrap());
    }
    recorder.finish().unwrap();
    let sizes = pictures(&path);
    assert_eq!(sizes.first(), Some(&(320, 180)));
    assert_eq!(sizes.last(), Some(&(640, 360)));
    assert_eq!(sizes.len(), packets(&path).len());
}

#[test]
fn sound_alone_makes_a_file_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("voice.mkv");
    let mut recorder = Recorder::create(&path, false, true).unwrap();
    for frame in &take().frames {
        assert_eq!(recorder.write(frame).unwrap(), frame.layer.is_audio());
    }
    recorder.finish().unwrap();
    assert_eq!(packets(&path).len(), take().layer(Layer::Audio).len());
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let Err(error) = Recorder::create(&dir.path().join("no/where.mkv"), true, true) else { panic!("made") };
    assert!(error.to_string().contains("make it first"));
    let mut recorder = Recorder::create(dir.path(), false, true).unwrap();
    let error = recorder.write(&take().layer(Layer::Audio)[0]).unwrap_err();
    assert!(error.to_string().contains("can't write"), "{error}");
}
