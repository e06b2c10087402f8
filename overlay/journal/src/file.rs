//! The recorded run: a head, then one record for each call of the core.
//!
//! A record is a length of 4 bytes, big-endian, and so many bytes of CBOR.

use std::io::{self, ErrorKind, Read, Write};

use overlay_core::io::Input;
use overlay_core::node::Config;
use overlay_core::time::Time;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::step::{Step, VALUE_MAX};
use crate::{Brief, Wants};

/// Grows when the format or the meaning of a value changes.
pub const FORMAT: u16 = 4;
/// What the file begins with.
const MAGIC: &[u8; 16] = b"canopy core run\n";

/// The first record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u16,
    config: Config,
}

/// Why a recorded run can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system says so.
    #[error("it can't be read: {0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("it is no recorded run: give a file that --core-journal has written")]
    NotARun,
    /// Another version wrote it.
    #[error("it has format {is}, and this program reads {FORMAT}: use the version that wrote it")]
    Format {
        /// What it has.
        is: u16,
    },
    /// A record is not what it should be.
    #[error("record {number} is damaged: record the run again")]
    Damaged {
        /// Which, the head being 0.
        number: u64,
    },
    /// It ends within a record: the process was killed.
    #[error("it ends within record {number}: the process that wrote it was killed")]
    Cut {
        /// Which, the head being 0.
        number: u64,
    },
}

/// Writes a run down.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// The run of a core that was started with this.
    pub fn new(mut out: W, config: &Config) -> io::Result<Writer<W>> {
        out.write_all(MAGIC)?;
        let mut writer = Writer { out };
        writer.record(&Head { format: FORMAT, config: config.clone() })?;
        Ok(writer)
    }

    /// One call of the core.
    pub fn step(&mut self, at: Time, input: Input<Brief>, wants: &Wants) -> io::Result<()> {
        self.record_step(&Step { at, input, did: wants.did() })
    }

    /// One call of the core that was recorded before.
    pub fn record_step(&mut self, step: &Step) -> io::Result<()> {
        self.record(step)
    }

    /// Everything so far is in the file.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn record(&mut self, value: &impl Serialize) -> io::Result<()> {
        let bytes = canopy_codec::encode(value, VALUE_MAX).map_err(io::Error::other)?;
        let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.out.write_all(&len.to_be_bytes())?;
        self.out.write_all(&bytes)
    }
}

/// Reads a run: its head at once, then step by step.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    config: Config,
    number: u64,
}

impl<R: Read> Reader<R> {
    /// A run that something gives.
    pub fn new(mut from: R) -> Result<Reader<R>, ReadError> {
        let mut magic = [0; MAGIC.len()];
        match from.read_exact(&mut magic) {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error.into()),
            Ok(()) if &magic == MAGIC => {}
            _ => return Err(ReadError::NotARun),
        }
        let bytes = record(&mut from, 0)?.ok_or(ReadError::Cut { number: 0 })?;
        let head: Head = decode(&bytes, 0)?;
        if head.format != FORMAT {
            return Err(ReadError::Format { is: head.format });
        }
        Ok(Reader { from, config: head.config, number: 0 })
    }

    /// What the core was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Step, ReadError>;

    fn next(&mut self) -> Option<Result<Step, ReadError>> {
        self.number += 1;
        match record(&mut self.from, self.number) {
            Ok(bytes) => bytes.map(|bytes| decode(&bytes, self.number)),
            Err(error) => Some(Err(error)),
        }
    }
}

fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], number: u64) -> Result<T, ReadError> {
    canopy_codec::decode_strict(bytes, VALUE_MAX).map_err(|_| ReadError::Damaged { number })
}

/// The next record, or nothing at the end.
fn record(from: &mut impl Read, number: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let mut len = Vec::new();
    from.by_ref().take(4).read_to_end(&mut len)?;
    if len.is_empty() {
        return Ok(None);
    }
    let len: [u8; 4] = len.try_into().map_err(|_| ReadError::Cut { number })?;
    let len = u32::from_be_bytes(len);
    if len as usize > VALUE_MAX {
        return Err(ReadError::Damaged { number });
    }
    let mut bytes = Vec::new();
    from.by_ref().take(u64::from(len)).read_to_end(&mut bytes)?;
    if bytes.len() < len as usize { Err(ReadError::Cut { number }) } else { Ok(Some(bytes)) }
}

#[cfg(test)]
mod tests {
    use overlay_core::id::NodeId;
    use overlay_core::io::{
        Admitted, Audience, Class, Command, Event, Kind, LayerRate, Note, Output, Signature, Topic,
    };
    use overlay_core::list::List;
    use overlay_core::unit::{Cut, FrameInfo, Layer, TreeId, Unit, UnitHeader};

    use super::*;

    const PEER: NodeId = NodeId([7; 32]);
    const ADMITTED: Admitted =
        Admitted { kind: Kind::Relay, class: Class::Member, may_coordinate: false, owner: 0 };
    const TREE: TreeId = TreeId { slot: 2, layer: Layer::P360, index: 0 };
    const INFO: FrameInfo = FrameInfo { number: 70_000, key: true, temporal: 1 };

    fn config() -> Config {
        Config {
            me: PEER,
            kind: Kind::Relay,
            admitted: ADMITTED,
            credential: vec![1, 2],
            first_serial: 1,
            uplink_kbps: 100,
            lends: overlay_core::io::Lends::Spare,
            contacts: vec!["/ip4/192.0.2.1".into()],
            watch: false,
            hidden: false,
        }
    }

    fn list() -> List {
        List { tree: TREE, feed: 1, first: 9, which: 0b101, hashes: vec![7; 32] }
    }

    /// One of each kind.
    fn inputs() -> Vec<Input<Brief>> {
        let note = || Note {
            origin: PEER,
            serial: 1 << 40,
            topic: Topic::Keys,
            audience: Audience::One(PEER),
            body: vec![9; 300],
        };
        let (signature, payload) = (Signature([3; 64]), Brief::of(b"sealed"));
        let header = UnitHeader { tree: TREE, feed: 1, frame: INFO, k: 1, m: 0, hop: 1 };
        let told = |verdict| Input::Vetted { from: PEER, note: note(), signature, verdict };
        let commands = [
            Command::Coordinate { term: 1 },
            Command::Send(vec![LayerRate { layer: Layer::Audio, kbps: 32 }]),
            Command::Send(Vec::new()),
            Command::Uplink { kbps: 1 },
            Command::Contacts(vec![String::new()]),
            Command::Credential(vec![0; 300]),
            Command::Watch(true),
            Command::RequestKey { source: PEER, layer: Layer::P720 },
            Command::Say { to: Audience::Coordinator, body: vec![1] },
            Command::Shut(PEER),
            Command::Lapse(PEER),
            Command::Leave,
        ];
        let others = [
            Input::Linked { peer: PEER, admitted: ADMITTED },
            Input::Unlinked { peer: PEER },
            Input::Control { from: PEER, bytes: vec![0, 255] },
            told(None),
            told(Some(ADMITTED)),
            Input::Signed { note: note(), signature },
            Input::ListVetted { from: PEER, list: list(), signature, genuine: true },
            Input::ListSigned { list: list(), signature },
            Input::Unit { from: PEER, unit: Unit { header, payload } },
            Input::Publish(Cut {
                layer: Layer::Audio,
                info: INFO,
                k: 2,
                units: vec![(0, payload), (2, payload)],
            }),
            Input::Dropped { peer: PEER, tree: TREE },
            Input::Timer,
        ];
        others.into_iter().chain(commands.map(Input::Command)).collect()
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut writer = Writer::new(Vec::new(), &config()).expect("memory");
        for (at, input) in (0..).zip(inputs()) {
            writer.step(Time(at << 33), input, &Wants::default()).expect("memory");
        }
        let reader = Reader::new(&writer.out[..]).expect("a run");
        assert_eq!(format!("{:?}", reader.config()), format!("{:?}", config()));
        let steps: Vec<Step> = reader.map(|step| step.expect("whole")).collect();
        assert_eq!(steps.len(), inputs().len());
        for ((at, input), step) in (0..).zip(inputs()).zip(steps) {
            assert_eq!((step.at, step.did), (Time(at << 33), Wants::default().did()));
            assert_eq!(format!("{:?}", step.input), format!("{input:?}"));
        }
    }

    #[test]
    fn whatever_a_core_wants_changes_the_hash_and_so_does_its_order() {
        let did = |outputs: &[Output<Brief>]| {
            let mut wants = Wants::default();
            outputs.iter().for_each(|output| wants.add(output));
            wants.did()
        };
        let deliver = |bytes: &[u8]| {
            let frame = Cut { layer: Layer::P180, info: INFO, k: 1, units: vec![(0, Brief::of(bytes))] };
            Output::Deliver { source: PEER, feed: 1, frame }
        };
        let blame = |what| Output::Event(Event::Blame { peer: PEER, what });
        let (one, two) = (Output::Hangup(PEER), blame("a"));
        assert_ne!(did(&[one.clone(), two.clone()]), did(&[two.clone(), one.clone()]));
        assert_ne!(did(&[two]), did(&[blame("b")]));
        assert_ne!(did(&[one]), did(&[]));
        assert_ne!(did(&[deliver(b"12")]), did(&[deliver(b"21")]));
    }

    #[test]
    fn a_file_of_another_format_or_cut_short_says_so() {
        let mut writer = Writer::new(Vec::new(), &config()).expect("memory");
        writer.step(Time(1), Input::Timer, &Wants::default()).expect("memory");
        let whole = writer.out;
        let mut cut = Reader::new(&whole[..whole.len() - 1]).expect("a head");
        assert!(matches!(cut.next(), Some(Err(ReadError::Cut { number: 1 }))));
        let mut writer = Writer { out: MAGIC.to_vec() };
        writer.record(&Head { format: FORMAT + 1, config: config() }).expect("memory");
        let later = Reader::new(&writer.out[..]);
        assert!(matches!(later, Err(ReadError::Format { is }) if is == FORMAT + 1));
        assert!(matches!(Reader::new(&b"{}"[..]), Err(ReadError::NotARun)));
    }
}
