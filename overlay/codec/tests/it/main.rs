//! One value, one encoding: everything else is refused.

use canopy_codec::{Error, decode_strict, encode};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Value {
    number: u32,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    list: Vec<Kind>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Nothing,
    Text(String),
}

const MAX: usize = 256;

fn value() -> Value {
    Value { number: 3, bytes: vec![1, 2], list: vec![Kind::Nothing, Kind::Text("x".into())] }
}

#[test]
fn fields_and_bare_variants_are_numbers_and_other_variants_are_named() {
    let bytes = encode(&value(), MAX).unwrap();
    assert_eq!(
        bytes,
        [&[0xa3, 0x00, 0x03, 0x01, 0x42, 1, 2, 0x02, 0x82, 0x00, 0xa1, 0x64][..], b"Text", &[0x61, b'x'],]
            .concat()
    );
    assert_eq!(decode_strict::<Value>(&bytes, MAX).unwrap(), value());
}

#[test]
fn other_encodings_of_the_same_value_are_refused() {
    let refused = |bytes: &[u8]| decode_strict::<Value>(bytes, MAX).unwrap_err();
    let plain = [0xa3, 0, 3, 1, 0x40, 2, 0x80];
    assert!(decode_strict::<Value>(&plain, MAX).is_ok());
    let long_integer = [0xa3, 0, 0x18, 3, 1, 0x40, 2, 0x80];
    assert_eq!(refused(&long_integer), Error::NotCanonical);
    let indefinite = [0xbf, 0, 3, 1, 0x40, 2, 0x80, 0xff];
    assert!(matches!(refused(&indefinite), Error::NotCanonical | Error::Malformed));
    let named =
        [&[0xa3, 0x66][..], b"number", &[0x03, 0x65], b"bytes", &[0x40, 0x64], b"list", &[0x80]].concat();
    assert!(matches!(refused(&named), Error::NotCanonical | Error::Malformed));
    let tagged = [0xa3, 0, 0xc1, 3, 1, 0x40, 2, 0x80];
    let as_array = [0x83, 3, 0x40, 0x80];
    let reordered = [0xa3, 1, 0x40, 0, 3, 2, 0x80];
    for other in [&as_array[..], &reordered] {
        assert!(matches!(refused(other), Error::NotCanonical | Error::Malformed));
    }
    assert!(matches!(refused(&tagged), Error::NotCanonical | Error::Malformed));
}

#[test]
fn bounds_hold_both_ways_and_nothing_may_trail() {
    let bytes = encode(&value(), MAX).unwrap();
    assert_eq!(encode(&value(), 4), Err(Error::TooLarge { len: bytes.len(), max: 4 }));
    assert_eq!(decode_strict::<Value>(&bytes, 4), Err(Error::TooLarge { len: bytes.len(), max: 4 }));
    let trailing = [&bytes[..], &[0]].concat();
    assert_eq!(decode_strict::<Value>(&trailing, MAX), Err(Error::Malformed));
    assert_eq!(decode_strict::<Value>(&bytes[..bytes.len() - 1], MAX), Err(Error::Malformed));
}

#[test]
fn absurd_lengths_and_depths_are_refused_at_once() {
    let vast_list = [0xa3, 0, 3, 1, 0x40, 2, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let vast_bytes = [0xa3, 0, 3, 1, 0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for bytes in [&vast_list[..], &vast_bytes[..], &[0xc1; 200], &[0x81; 200]] {
        assert_eq!(decode_strict::<Value>(bytes, MAX), Err(Error::Malformed));
    }
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = decode_strict::<Value>(&bytes, MAX) {
            prop_assert_eq!(encode(&value, MAX).unwrap(), bytes);
        }
    }

    #[test]
    fn an_altered_encoding_is_refused_or_another_value(
        number in any::<u32>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..32),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let value = Value { number, bytes, list: vec![Kind::Nothing] };
        let mut coded = encode(&value, MAX).unwrap();
        prop_assert_eq!(&decode_strict::<Value>(&coded, MAX).unwrap(), &value);
        let at = at.index(coded.len());
        coded[at] ^= 1 << bit;
        if let Ok(other) = decode_strict::<Value>(&coded, MAX) {
            prop_assert_ne!(other, value);
        }
    }
}
