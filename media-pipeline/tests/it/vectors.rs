//! The known answer of a sealed frame, frozen for version 1 of the protocol.

use media_pipeline::open::Opener;
use media_pipeline::seal::{FRAMES_MAX, Sealer};
use media_pipeline::{EncodedFrame, Layer};
use serde_json::{Value, json};

use crate::keys::{SOURCE, opening, picture, salt, sealing, sound};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/frame.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn vector(name: &str, frame: &EncodedFrame, label: u64, key: u8, counter: u32) -> Value {
    let mut sealer = Sealer::new_at(sealing(label, frame.layer, key, 0), counter);
    json!({
        "name": name,
        "key": hex(&[key; 32]),
        "salt": hex(&salt(label)),
        "label": format!("{label:016x}"),
        "generation": 2,
        "counter": counter,
        "layer": frame.layer.byte(),
        "number": frame.number,
        "key_frame": frame.key,
        "temporal": frame.temporal,
        "depends_on": frame.depends_on,
        "captured_us": frame.captured_us,
        "width": frame.width,
        "height": frame.height,
        "colour": frame.colour,
        "data": hex(&frame.data),
        "sealed": hex(&sealer.seal(frame).unwrap()),
    })
}

fn vectors() -> Value {
    let label = 0x0123_4567_89ab_cdef;
    json!({
        "what": "Sealed frames of protocol version 1; docs/protocol.md describes the fields. Byte strings are hex.",
        "version": 1,
        "frames": [
            vector("first key frame", &picture(0, 100), label, 9, 0),
            vector("top temporal layer", &picture(7, 100), label, 9, 7),
            vector("sound, last counter", &sound(300), !label, 200, FRAMES_MAX - 1),
        ],
    })
}

/// `WRITE_VECTORS=1` makes the file anew: only together with a new protocol version.
#[test]
fn sealed_frames_are_what_version_1_says() {
    if std::env::var_os("WRITE_VECTORS").is_some() {
        std::fs::write(PATH, serde_json::to_string_pretty(&vectors()).unwrap() + "\n").unwrap();
    }
    let frozen: Value = serde_json::from_slice(&std::fs::read(PATH).unwrap()).unwrap();
    assert_eq!(vectors(), frozen);
}

#[test]
fn the_frozen_frames_open() {
    let frozen: Value = serde_json::from_slice(&std::fs::read(PATH).unwrap()).unwrap();
    for frame in frozen["frames"].as_array().unwrap() {
        let label = u64::from_str_radix(frame["label"].as_str().unwrap(), 16).unwrap();
        let layer = Layer::from_byte(frame["layer"].as_u64().unwrap() as u8).unwrap();
        let mut opener = Opener::new();
        opener.insert(opening(label, layer, unhex(&frame["key"])[0]));
        let (source, opened) = opener.open(&unhex(&frame["sealed"])).unwrap();
        assert_eq!(source, SOURCE);
        assert_eq!(opened.data, unhex(&frame["data"]));
        assert_eq!(u64::from(opened.number), frame["number"].as_u64().unwrap());
        assert_eq!(opened.captured_us, frame["captured_us"].as_u64().unwrap());
    }
}
