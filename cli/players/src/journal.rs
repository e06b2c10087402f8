//! What happened to each frame, as JSON lines: the demo's raw figures (`docs/demo.md`).
//!
//! It holds numbers and pseudonyms, never a key nor a picture.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

/// Buffered lines are written out at least this often, so that a killed process leaves its journal.
const FLUSH_US: u64 = 250_000;

/// One thing that happened. Times are microseconds since 1970 on this machine's clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum Entry {
    /// The process started, and who it is in this meeting.
    Started { at_us: u64, node: String },
    /// A frame of its own was sealed and given to the overlay.
    Sent { at_us: u64, layer: u8, number: u32, captured_us: u64, temporal: u8 },
    /// A sealed frame arrived.
    Received { at_us: u64, source: String, layer: u8 },
    /// It was opened.
    Opened { at_us: u64, source: String, layer: u8, number: u32, captured_us: u64 },
    /// It could not be opened.
    Unopened { at_us: u64, why: String },
    /// It was decoded.
    Decoded { at_us: u64, source: String, layer: u8, number: u32, captured_us: u64 },
    /// A decoded picture was compared with its source's scaler output: PSNR of the luma, in dB.
    Compared { at_us: u64, source: String, layer: u8, number: u32, db: f64 },
    /// An epoch was agreed on, and holds from then on.
    Epoch { at_us: u64, term: u32, epoch: u64, activate_at_us: u64, members: u32 },
    /// This node was removed from the meeting.
    Removed { at_us: u64 },
    /// A frame that a colluding relay passed on was opened. There should be none.
    Leaked { at_us: u64, source: String, captured_us: u64 },
    /// A colluding relay passed this many frames on.
    Fed { at_us: u64, frames: u64 },
    /// This node's uplink: bytes since the start, and the highest rate of any second.
    Uplink { at_us: u64, bytes_out: u64, peak_kbps: u32, limit_kbps: u32 },
}

/// A journal that entries can be written to from any thread, or none.
pub struct Journal(Option<Mutex<Lines>>);

struct Lines {
    /// Microseconds since 1970.
    clock: fn() -> u64,
    file: BufWriter<File>,
    flushed_us: u64,
}

impl Journal {
    /// Starts a journal at `path`, or one that forgets everything. `clock` tells microseconds since 1970.
    ///
    /// # Errors
    /// Why the file can't be made.
    pub fn create(path: Option<&Path>, clock: fn() -> u64) -> io::Result<Journal> {
        let Some(path) = path else { return Ok(Journal(None)) };
        let file = BufWriter::new(File::create(path)?);
        Ok(Journal(Some(Mutex::new(Lines { clock, file, flushed_us: 0 }))))
    }

    /// Writes one entry. `entry` is only called if somebody keeps the journal.
    pub fn write(&self, entry: impl FnOnce(u64) -> Entry) {
        let Some(lines) = &self.0 else { return };
        let Ok(mut lines) = lines.lock() else { return };
        let now_us = (lines.clock)();
        let written = serde_json::to_writer(&mut lines.file, &entry(now_us))
            .map_err(io::Error::from)
            .and_then(|()| lines.file.write_all(b"\n"));
        if let Err(error) = written {
            tracing::warn!(%error, "the journal can't be written");
        }
        if now_us.saturating_sub(lines.flushed_us) > FLUSH_US {
            lines.flushed_us = now_us;
            let _ = lines.file.flush();
        }
    }

    /// Writes out what is buffered.
    pub fn flush(&self) {
        if let Some(Ok(mut lines)) = self.0.as_ref().map(Mutex::lock) {
            let _ = lines.file.flush();
        }
    }
}

/// Reads a journal. A last line that a killed process left half-written is passed over.
///
/// # Errors
/// Why the file can't be read, or that a line is none of a journal's.
pub fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut torn = None;
    for line in BufReader::new(File::open(path)?).lines() {
        if let Some(error) = torn.take() {
            return Err(error);
        }
        match serde_json::from_str(&line?) {
            Ok(entry) => entries.push(entry),
            Err(error) => torn = Some(io::Error::from(error)),
        }
    }
    Ok(entries)
}
