//! One clip, sent once, for all the stories that need real frames.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use media_pipeline::capture::{self, Source};
use media_pipeline::send::{Config, Sender};
use media_pipeline::{EncodedFrame, Layer, clip};
use tempfile::TempDir;

/// Length of the clip.
pub(crate) const SECONDS: u32 = 3;
/// When key frames were asked for, in frames of the 360p layer.
pub(crate) const KEY_AT: u32 = 31;

/// What a source sent, in the order it came out, with its references.
pub(crate) struct Take {
    dir: TempDir,
    pub(crate) frames: Vec<EncodedFrame>,
}

impl Take {
    pub(crate) fn reference(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn clip(&self) -> PathBuf {
        self.dir.path().join("clip.mkv")
    }

    pub(crate) fn layer(&self, layer: Layer) -> Vec<EncodedFrame> {
        self.frames.iter().filter(|frame| frame.layer == layer).cloned().collect()
    }
}

/// The clip as 180p, 360p and sound, with one key frame asked for after [`KEY_AT`] pictures.
pub(crate) fn take() -> &'static Take {
    static TAKE: OnceLock<Take> = OnceLock::new();
    TAKE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clip.mkv");
        clip::generate(&path, SECONDS).unwrap();
        let source = Source::File { path, looped: false };
        let frames = send(source, dir.path(), |sender, frame| {
            if frame.layer == Layer::P360 && frame.number == KEY_AT {
                sender.request_key(Layer::P360);
            }
            true
        });
        Take { dir, frames }
    })
}

/// Sends `source` until it ends or `each` says false; gives all frames.
pub(crate) fn send(
    source: Source,
    reference: &Path,
    mut each: impl FnMut(&Sender, &EncodedFrame) -> bool,
) -> Vec<EncodedFrame> {
    let (to, from) = std::sync::mpsc::sync_channel(10_000);
    let to = Mutex::new(to);
    let sink = Arc::new(move |frame| to.lock().unwrap().send(frame).unwrap());
    let config = Config { reference: Some(reference.to_owned()), ..Config::default() };
    let ladder = [Layer::Audio, Layer::P180, Layer::P360];
    let sender = Sender::start(capture::open(source).unwrap(), &ladder, config, sink).unwrap();
    let mut frames = Vec::new();
    while let Ok(frame) = from.recv() {
        if !each(&sender, &frame) {
            sender.stop();
        }
        frames.push(frame);
    }
    let counts = sender.join().unwrap();
    assert_eq!(counts.values().map(|layer| layer.frames).sum::<u64>(), frames.len() as u64);
    frames
}

/// Sound follows every 20 ms. Where the machine stood still for a second, the capture gives that
/// time up, or a packet: that is seldom, and never goes back.
pub(crate) fn assert_steady(sound: &[EncodedFrame]) {
    let steps: Vec<_> = sound.windows(2).map(|pair| pair[1].captured_us - pair[0].captured_us).collect();
    assert!(steps.iter().all(|step| *step >= 20_000));
    let jumps = steps.iter().filter(|step| **step != 20_000).count();
    assert!(jumps * 10 < steps.len(), "{jumps} jumps in {} packets", steps.len());
}
