//! Which layers a source sends.

use media_pipeline::Layer;
use media_pipeline::capture::Capture;

/// The largest layer that the user wants to send.
pub fn largest(size: &str) -> Layer {
    match size {
        "180p" => Layer::P180,
        "360p" => Layer::P360,
        _ => Layer::P720,
    }
}

/// The layers of a source: its sound if it has any, and every picture that is no larger than wanted
/// and no larger than what was captured (but the smallest in any case).
pub fn of(capture: &Capture, size: &str) -> Vec<Layer> {
    let largest = largest(size);
    let mut ladder: Vec<Layer> = Layer::VIDEO
        .into_iter()
        .filter(|layer| *layer <= largest && (*layer == Layer::P180 || layer.size().1 <= capture.size().1))
        .collect();
    if capture.has_sound() {
        ladder.insert(0, Layer::Audio);
    }
    ladder
}
