//! What an attacker with a process' memory gets: every 32-byte window of it is tried as a frame key.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use media_pipeline::trial::Trial;
use procfs::process::{MMPermissions, MMapPath, Process};
use serde::{Deserialize, Serialize};

/// A key's length, and so the window's.
const KEY_LEN: usize = 32;
/// Mappings beyond this are no heap of ours.
const MAPPING_MAX: u64 = 1 << 31;

/// The writable memory of a process, as it was at one moment.
pub struct Snapshot {
    regions: Vec<Vec<u8>>,
}

/// What the search found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Search {
    /// Bytes looked through.
    pub bytes: u64,
    /// Different windows that were tried as a key.
    pub windows: u64,
    /// Frames that each window was tried on.
    pub frames: u64,
    /// Windows that opened a frame.
    pub keys_found: u64,
}

impl Snapshot {
    /// Reads the heap, the stacks and the anonymous mappings of a running child process.
    pub fn take(pid: u32) -> io::Result<Snapshot> {
        let process = Process::new(pid as i32).map_err(io::Error::other)?;
        let maps = process.maps().map_err(io::Error::other)?;
        let mut memory = File::open(format!("/proc/{pid}/mem"))?;
        let mut regions = Vec::new();
        for map in maps.iter().filter(|map| is_heap(&map.pathname, map.perms)) {
            let (start, end) = map.address;
            if end - start > MAPPING_MAX {
                continue;
            }
            let mut bytes = vec![0; (end - start) as usize];
            memory.seek(SeekFrom::Start(start))?;
            // A mapping may have gone since the list was read.
            if memory.read_exact(&mut bytes).is_ok() {
                regions.push(bytes);
            }
        }
        Ok(Snapshot { regions })
    }

    /// Text instead of memory: as it is, and what its hex and base64 runs decode to.
    pub fn of_log(path: &Path) -> io::Result<Snapshot> {
        let text = std::fs::read(path)?;
        let mut regions: Vec<Vec<u8>> = text
            .split(|byte| !byte.is_ascii_alphanumeric() && !b"+/-_".contains(byte))
            .filter(|run| run.len() >= KEY_LEN)
            .flat_map(|run| {
                use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
                [HEXLOWER_PERMISSIVE, BASE64_NOPAD, BASE64URL_NOPAD, BASE32_NOPAD]
                    .map(|code| code.decode(run))
            })
            .flatten()
            .collect();
        regions.push(text);
        Ok(Snapshot { regions })
    }

    /// Tries every window as the key of each of `frames`; on two threads, as the demo's machine has.
    /// With `stop_at_first`, one key is proof enough.
    pub fn search(&self, frames: &[Trial], stop_at_first: bool) -> Search {
        const CHUNK: usize = 1 << 20;
        let (next, windows, found) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let done = AtomicBool::new(false);
        // Neighbouring chunks overlap by a window less one byte, so that none is missed.
        let chunks: Vec<&[u8]> = self
            .regions
            .iter()
            .flat_map(|region| {
                (0..region.len())
                    .step_by(CHUNK)
                    .map(|at| &region[at..region.len().min(at + CHUNK + KEY_LEN - 1)])
            })
            .collect();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut frames = frames.to_vec();
                    while !done.load(Ordering::Relaxed) {
                        let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed) as usize) else {
                            break;
                        };
                        let (tried, hits) = try_all(chunk, &mut frames);
                        windows.fetch_add(tried, Ordering::Relaxed);
                        found.fetch_add(hits, Ordering::Relaxed);
                        if hits > 0 && stop_at_first {
                            done.store(true, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        Search {
            bytes: self.regions.iter().map(|region| region.len() as u64).sum(),
            windows: windows.into_inner(),
            frames: frames.len() as u64,
            keys_found: found.into_inner(),
        }
    }
}

impl Search {
    /// Adds what another search found.
    pub fn add(&mut self, other: &Search) {
        self.bytes += other.bytes;
        self.windows += other.windows;
        self.frames = self.frames.max(other.frames);
        self.keys_found += other.keys_found;
    }
}

/// Everything a program can keep a key in: not code, not what files are mapped from.
fn is_heap(path: &MMapPath, permissions: MMPermissions) -> bool {
    permissions.contains(MMPermissions::READ | MMPermissions::WRITE)
        && match path {
            MMapPath::Heap | MMapPath::Anonymous | MMapPath::Stack | MMapPath::TStack(_) => true,
            MMapPath::Other(name) => name.starts_with("anon"),
            _ => false,
        }
}

/// How many windows of `bytes` were tried, and how many of them open a frame. A window that equals
/// the one before it (a run of one byte) needs no second try.
fn try_all(bytes: &[u8], frames: &mut [Trial]) -> (u64, u64) {
    let (mut tried, mut hits) = (0, 0);
    let mut run = 0;
    for (at, window) in bytes.windows(KEY_LEN).enumerate() {
        run = if at > 0 && bytes[at + KEY_LEN - 1] == bytes[at + KEY_LEN - 2] { run + 1 } else { 0 };
        if run >= KEY_LEN && at > 0 {
            continue;
        }
        let Ok(key) = window.try_into() else { continue };
        tried += 1;
        hits += u64::from(frames.iter_mut().any(|frame| frame.opens_with(key)));
    }
    (tried, hits)
}
