//! Lanes as bytes.
//!
//! Every frame of every lane: 3 bytes big-endian length of what follows, at most [`Lane::frame_max`].
//! On the control lane one byte of kind follows, then its body:
//!
//! | kind | body |
//! |---|---|
//! | 0 hello | protocol version, 2 bytes big-endian; then what the sender shows (its credential) |
//! | 1 refuse | 1 if final, else 0; then the reason, UTF-8, at most 300 bytes |
//! | 2 message | one control message of the core, see `overlay_core::wire` |
//!
//! On the other lanes the 16 bytes of a unit's header follow, then its payload.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use futures::AsyncRead;
use overlay_core::unit::{Payload, Unit, UnitHash, UnitHeader};
use overlay_core::wire::HEADER_LEN;

use crate::config::{CHUNK, PROTOCOL, REFUSAL_TEXT_MAX};
use crate::lane::Lane;

/// Bytes of a frame's length.
pub(crate) const PREFIX: usize = 3;
/// Where the hop count stands in a framed unit: byte 7 of the header.
const HOP: usize = PREFIX + 7;

const HELLO: u8 = 0;
const REFUSE: u8 = 1;
const MESSAGE: u8 = 2;

/// A unit's payload with room for the frame's length and header in front: what was read from one
/// link is what is written to the next, without a copy for each child.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    wire: Bytes,
    /// BLAKE3 of the payload: made where it is read or published, not where the core holds up others.
    hash: [u8; 32],
}

impl Payload for Parcel {
    fn size(&self) -> usize {
        self.wire.len() - PREFIX - HEADER_LEN
    }

    fn hash(&self, header: &UnitHeader) -> UnitHash {
        header.unit_hash(&self.hash)
    }
}

impl Parcel {
    /// A payload of our own; the header in front is still empty.
    pub(crate) fn new(payload: &[u8]) -> Parcel {
        let mut wire = BytesMut::with_capacity(PREFIX + HEADER_LEN + payload.len());
        wire.put_bytes(0, PREFIX + HEADER_LEN);
        wire.put_slice(payload);
        Parcel { wire: wire.freeze(), hash: *blake3::hash(payload).as_bytes() }
    }

    /// A unit as it was read: length, header, payload. The error is the sender's fault.
    pub(crate) fn read(mut frame: BytesMut) -> Result<Unit<Parcel>, Fault> {
        let front = frame.get(PREFIX..PREFIX + HEADER_LEN).and_then(|front| front.try_into().ok());
        let header = front.and_then(|front| UnitHeader::decode(front).ok()).ok_or(Fault::NotAUnit)?;
        // Every hop adds one, so these are the bytes that the children get.
        frame[HOP] = header.hop.saturating_add(1);
        let hash = *blake3::hash(&frame[PREFIX + HEADER_LEN..]).as_bytes();
        Ok(Unit { header, payload: Parcel { wire: frame.freeze(), hash } })
    }

    /// The sealed frame alone.
    pub(crate) fn payload(&self) -> Bytes {
        self.wire.slice(PREFIX + HEADER_LEN..)
    }

    /// Header and payload, as a tap sees them.
    pub(crate) fn unit(&self) -> Bytes {
        self.wire.slice(PREFIX..)
    }

    /// True if what was read is what is to be written under this header.
    pub(crate) fn is_framed_for(&self, header: &UnitHeader) -> bool {
        let mut front = [0; HEADER_LEN];
        header.encode(&mut front);
        self.wire[PREFIX..PREFIX + HEADER_LEN] == front && self.wire[..PREFIX] != [0; PREFIX]
    }

    /// The bytes as they were read, with one hop more.
    pub(crate) fn as_read(&self) -> Bytes {
        self.wire.clone()
    }

    /// A new frame under this header.
    pub(crate) fn framed(&self, header: &UnitHeader) -> Bytes {
        let mut front = [0; HEADER_LEN];
        header.encode(&mut front);
        let mut frame = BytesMut::with_capacity(self.wire.len());
        frame.put_uint((self.wire.len() - PREFIX) as u64, PREFIX);
        frame.put_slice(&front);
        frame.put_slice(&self.wire[PREFIX + HEADER_LEN..]);
        frame.freeze()
    }

    /// True if both are the very same bytes in memory.
    pub(crate) fn is_same(&self, other: &Parcel) -> bool {
        self.wire.as_ptr() == other.wire.as_ptr()
    }
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A frame longer than its lane allows.
    TooLong,
    /// Not the header of a unit, or a unit on the wrong lane.
    NotAUnit,
    /// A kind of control frame that there isn't, or one that is malformed.
    NotAFrame,
    /// Something other than a hello before it was admitted, or a second hello.
    OutOfTurn,
    /// A second stream of the same lane.
    LaneTwice,
    /// It reads so slowly that control messages to it pile up.
    TooSlow,
}

impl Fault {
    /// For the log.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Fault::TooLong => "sent a frame longer than its lane allows",
            Fault::NotAUnit => "sent bytes that are no unit of this lane",
            Fault::NotAFrame => "sent bytes that are no control frame",
            Fault::OutOfTurn => "spoke before it was admitted, or said hello twice",
            Fault::LaneTwice => "opened a lane twice",
            Fault::TooSlow => "does not read what is sent to it",
        }
    }
}

/// A frame of the control lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// The first of each side.
    Hello {
        /// The version of the meeting protocol that the sender speaks.
        version: u16,
        /// What it shows.
        shown: Bytes,
    },
    /// The link is refused.
    Refuse {
        /// Of no use to try again.
        final_: bool,
        /// Why, made printable.
        text: String,
    },
    /// A message of the core.
    Message(Bytes),
}

impl Control {
    /// Reads what follows the length. The error is the sender's fault.
    pub(crate) fn decode(mut frame: Bytes) -> Result<Control, Fault> {
        let (kind, body) = frame.split_first().ok_or(Fault::NotAFrame)?;
        match (*kind, body) {
            (HELLO, [high, low, ..]) => {
                let version = u16::from_be_bytes([*high, *low]);
                Ok(Control::Hello { version, shown: frame.split_off(3) })
            }
            (REFUSE, [final_ @ (0 | 1), text @ ..]) if text.len() <= REFUSAL_TEXT_MAX => {
                Ok(Control::Refuse { final_: *final_ == 1, text: printable(text) })
            }
            (MESSAGE, _) => Ok(Control::Message(frame.split_off(1))),
            _ => Err(Fault::NotAFrame),
        }
    }
}

/// A peer's words on one line: no control characters that would reach a terminal.
fn printable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

/// A hello of this program.
pub(crate) fn hello(shown: &[u8]) -> Bytes {
    hello_of(PROTOCOL, shown)
}

/// A hello of any version.
pub(crate) fn hello_of(version: u16, shown: &[u8]) -> Bytes {
    let [high, low] = version.to_be_bytes();
    frame(&[HELLO, high, low], shown)
}

/// A refusal; longer texts are cut at a letter.
pub(crate) fn refuse(final_: bool, text: &str) -> Bytes {
    let end = (0..=REFUSAL_TEXT_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    frame(&[REFUSE, u8::from(final_)], &text.as_bytes()[..end.unwrap_or(0)])
}

/// A message of the core.
pub(crate) fn message(bytes: &[u8]) -> Bytes {
    frame(&[MESSAGE], bytes)
}

fn frame(front: &[u8], body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + front.len() + body.len());
    frame.put_uint((front.len() + body.len()) as u64, PREFIX);
    frame.put_slice(front);
    frame.put_slice(body);
    frame.freeze()
}

/// The frames of one incoming stream. What it holds in memory is what has come of one frame, and
/// never more than twice the largest frame of its lane.
pub(crate) struct Frames<S> {
    stream: S,
    lane: Lane,
    /// Zeroed once when it is allocated; the first `filled` bytes have come and wait.
    buffer: BytesMut,
    filled: usize,
}

impl<S: AsyncRead + Unpin> Frames<S> {
    /// The frames of a stream of this lane.
    pub(crate) fn new(lane: Lane, stream: S) -> Frames<S> {
        Frames { stream, lane, buffer: BytesMut::new(), filled: 0 }
    }

    /// Reads what has come; 0 at the stream's end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_room();
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut self.buffer[self.filled..]);
        if let Poll::Ready(Ok(count)) = read {
            self.filled += count;
        }
        read
    }

    /// The next whole frame with its length in front. The error is the sender's fault.
    pub(crate) fn next_frame(&mut self) -> Result<Option<BytesMut>, Fault> {
        let Some(need) = self.need()? else { return Ok(None) };
        if self.filled < need {
            return Ok(None);
        }
        self.filled -= need;
        Ok(Some(self.buffer.split_to(need)))
    }

    /// Bytes of the frame in front, its length included, as soon as that is known.
    fn need(&self) -> Result<Option<usize>, Fault> {
        let &[a, b, c, ..] = &self.buffer[..self.filled] else { return Ok(None) };
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        if len > self.lane.frame_max() { Err(Fault::TooLong) } else { Ok(Some(PREFIX + len)) }
    }

    /// Sees to it that something can be read. A frame's announced length is believed only as far as
    /// twice what has come of it, so that three bytes can't claim a megabyte.
    fn make_room(&mut self) {
        if self.filled < self.buffer.len() {
            return;
        }
        let need = self.need().ok().flatten().unwrap_or(CHUNK);
        let mut larger = BytesMut::zeroed(need.min(2 * self.filled).max(CHUNK).max(self.filled + 1));
        larger[..self.filled].copy_from_slice(&self.buffer[..self.filled]);
        self.buffer = larger;
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use futures::io::Cursor;
    use overlay_core::unit::{FrameInfo, Layer, TreeId};
    use proptest::prelude::*;

    use super::*;

    fn header(hop: u8) -> UnitHeader {
        let tree = TreeId { slot: 3, layer: Layer::P360, index: 0 };
        UnitHeader { tree, feed: 9, frame: FrameInfo { number: 77, key: true, temporal: 0 }, k: 1, m: 0, hop }
    }

    fn all_frames(lane: Lane, bytes: Vec<u8>) -> Result<Vec<BytesMut>, Fault> {
        let mut frames = Frames::new(lane, Cursor::new(bytes));
        let mut found = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            let Poll::Ready(Ok(count)) = frames.poll_fill(&mut cx) else { unreachable!("a cursor is ready") };
            while let Some(frame) = frames.next_frame()? {
                found.push(frame);
            }
            if count == 0 {
                return Ok(found);
            }
        }
    }

    #[test]
    fn a_relay_writes_the_very_bytes_it_has_read() {
        let sent = Parcel::new(b"sealed").framed(&header(0));
        let unit = Parcel::read(BytesMut::from(&sent[..])).expect("a unit");
        assert_eq!(unit.header, header(0));
        assert!(unit.payload.is_framed_for(&header(1)), "no copy for a child");
        let on = unit.payload.as_read();
        assert_eq!(on[HOP], 1);
        assert_eq!(on[PREFIX + HEADER_LEN..], b"sealed"[..]);
        assert!(!unit.payload.is_framed_for(&header(4)));
        assert_eq!(unit.payload.framed(&header(4))[HOP], 4);
        assert!(!Parcel::new(b"own").is_framed_for(&header(0)));
    }

    #[test]
    fn a_frame_too_long_for_its_lane_is_refused_before_it_has_come() {
        let mut bytes = vec![0xff, 0xff, 0xff];
        bytes.extend([0; 100]);
        for lane in Lane::ALL {
            assert_eq!(all_frames(lane, bytes.clone()).err(), Some(Fault::TooLong));
        }
    }

    #[test]
    fn an_announced_megabyte_takes_no_memory_until_it_comes() {
        let mut frames = Frames::new(Lane::Video, Cursor::new(vec![0x0f, 0xff, 0xff, 1, 2, 3]));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            let _ = frames.poll_fill(&mut cx);
        }
        assert!(frames.buffer.len() <= CHUNK);
    }

    #[test]
    fn a_peers_words_stay_on_one_line() {
        let frame = refuse(true, "no\u{1b}[2J\nreally");
        let read = Control::decode(frame.slice(PREFIX..));
        assert_eq!(read, Ok(Control::Refuse { final_: true, text: "no [2J really".into() }));
        assert!(Control::decode(refuse(false, &"ä".repeat(400)).slice(PREFIX..)).is_ok());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..5_000)) {
            let _ = Control::decode(Bytes::from(bytes.clone()));
            let _ = Parcel::read(BytesMut::from(&bytes[..]));
            for lane in Lane::ALL {
                let _ = all_frames(lane, bytes.clone());
            }
        }

        #[test]
        fn frames_come_out_as_they_went_in(sizes in proptest::collection::vec(0_usize..40_000, 0..8)) {
            let sent: Vec<Bytes> =
                sizes.iter().map(|size| Parcel::new(&vec![7; *size]).framed(&header(0))).collect();
            let came = all_frames(Lane::Video, sent.concat()).expect("well-formed");
            prop_assert_eq!(came.len(), sent.len());
            for (came, sent) in came.iter().zip(&sent) {
                prop_assert_eq!(&came[..], &sent[..]);
            }
        }
    }
}
