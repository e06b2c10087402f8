//! Which sources can be sent, and what people are told about the others.

use std::path::Path;

use media_pipeline::capture::{self, Source};
use media_pipeline::{Layer, clip};

use crate::studio::{assert_steady, send, take};

fn refusal(path: &Path) -> String {
    let source = Source::File { path: path.to_owned(), looped: true };
    let Err(error) = capture::open(source) else { panic!("{} was opened", path.display()) };
    let text = error.to_string();
    assert!(!text.contains('\n') && text.contains("choose"), "one line with a remedy: {text}");
    text
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    assert!(refusal(&dir.path().join("nowhere.mp4")).contains("No such file"));

    let text = dir.path().join("letter.mp4");
    std::fs::write(&text, "Dear reader, this is not a video. ".repeat(200)).unwrap();
    refusal(&text);

    let empty = dir.path().join("empty.mp4");
    std::fs::write(&empty, "").unwrap();
    refusal(&empty);

    let cut = dir.path().join("cut.mkv");
    let whole = std::fs::read(take().clip()).unwrap();
    std::fs::write(&cut, &whole[..600]).unwrap();
    refusal(&cut);

    refusal(dir.path());
}

#[test]
fn a_sound_without_a_picture_is_named_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("song.wav");
    // A RIFF header, and a quarter of a second of silence.
    let mut wav = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0\0\x77\x01\0\x02\0\x10\0data\xc0\x5d\0\0".to_vec();
    wav.resize(wav.len() + 24_000, 0);
    std::fs::write(&path, wav).unwrap();
    assert!(refusal(&path).contains("no video"));
}

#[test]
fn a_clip_does_not_fetch_what_it_points_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("list.m3u8");
    let list = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n";
    std::fs::write(&path, list).unwrap();
    refusal(&path);
}

#[test]
fn a_clip_without_sound_is_sent_without() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mute.mkv");
    clip::generate_mute(&path, 1).unwrap();
    let source = Source::File { path, looped: false };
    assert!(!capture::open(source.clone()).unwrap().has_sound());
    let frames = send(source, dir.path(), |sender, _| {
        assert_eq!(sender.layers(), [Layer::P180, Layer::P360]);
        true
    });
    assert!(frames.iter().all(|frame| !frame.layer.is_audio()));
    assert!(frames.len() > 20);
}

#[test]
fn a_looped_clip_goes_on_without_a_jump() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("short.mkv");
    clip::generate(&path, 1).unwrap();
    let source = Source::File { path, looped: true };
    let start = std::cell::Cell::new(None);
    let frames = send(source, dir.path(), |_, frame| {
        let first = start.get().unwrap_or(frame.captured_us);
        start.set(Some(first));
        frame.captured_us < first + 3_200_000
    });
    let sound: Vec<_> = frames.iter().filter(|frame| frame.layer.is_audio()).cloned().collect();
    assert!(sound.len() > 140, "three rounds of sound: {}", sound.len());
    assert_steady(&sound);
    let pictures: Vec<_> = frames.iter().filter(|frame| frame.layer == Layer::P180).collect();
    let steps = pictures.windows(2).map(|pair| pair[1].captured_us - pair[0].captured_us);
    // A machine under load leaves pictures out; time never goes back.
    assert!(steps.clone().all(|step| step > 15_000), "{:?}", steps.collect::<Vec<_>>());
    assert_eq!(pictures.iter().filter(|frame| frame.key).count(), 1, "a new round needs no key");
}

#[test]
fn the_test_card_moves_and_sounds() {
    let dir = tempfile::tempdir().unwrap();
    let source = Source::TestCard { width: 640, height: 360 };
    let capture = capture::open(source.clone()).unwrap();
    assert!(capture.has_sound());
    assert_eq!(capture.size(), (640, 360));
    let frames = send(source, dir.path(), |_, frame| frame.number < 40);
    let of = |layer| frames.iter().filter(move |frame| frame.layer == layer).count();
    assert!(of(Layer::P360) > 10 && of(Layer::P180) > 10 && of(Layer::Audio) > 20);
    assert_eq!(frames.iter().filter(|frame| frame.key && !frame.layer.is_audio()).count(), 2);
    let refused = capture::open(Source::TestCard { width: 0, height: 0 });
    assert!(refused.is_err_and(|error| error.to_string().contains("choose another size")));
}

#[test]
fn the_demo_clip_is_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = ["a.mkv", "b.mkv"].map(|name| {
        let path = dir.path().join(name);
        clip::generate(&path, 1).unwrap();
        crate::recording::packets(&path)
    });
    assert!(a == b && !a.is_empty());
}
