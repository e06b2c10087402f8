//! What each machine's interface has sent, by the kernel's own count: every byte of every packet, headers included.

use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use procfs::FromBufRead;
use procfs::net::InterfaceDeviceStatus;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::clock;

/// How often counters are read.
const EVERY: Duration = Duration::from_millis(100);
/// Readings that are kept of each machine: an hour.
const READINGS_MAX: usize = 36_000;
const SECOND_NS: u64 = 1_000_000_000;

/// Bytes that were sent until a moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at_ns: u64,
    sent: u64,
}

/// Reads while it lives.
pub struct Meter {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Sent>>,
}

/// What one interface sent.
#[derive(Clone, Debug, Default)]
pub struct Sent(Vec<Reading>);

impl Sent {
    /// The highest rate over a second (or what was a little more, where a reading was late), kbit/s, and when it
    /// began, ms after the first reading.
    pub fn highest(&self) -> (u64, u64) {
        let Some(first) = self.0.first() else { return (0, 0) };
        let mut highest = (0, 0);
        for (at, from) in self.0.iter().enumerate() {
            let Some(to) = self.0[at..].iter().find(|to| to.at_ns >= from.at_ns + SECOND_NS) else { break };
            let kbps = (to.sent - from.sent) * 8_000_000 / (to.at_ns - from.at_ns);
            if kbps > highest.0 {
                highest = (kbps, (from.at_ns - first.at_ns) / 1_000_000);
            }
        }
        highest
    }

    /// Bytes in all.
    pub fn bytes(&self) -> u64 {
        self.0.last().map_or(0, |last| last.sent)
    }
}

impl Meter {
    /// Begins to read the counters of these namespaces.
    ///
    /// # Errors
    /// That there can be no thread.
    pub fn start(namespaces: Vec<String>) -> io::Result<Meter> {
        let stop = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("meter".into()).spawn(move || {
            // A file of counters goes on telling those of the namespace that it was opened in.
            let mut files: Vec<Option<File>> =
                namespaces.iter().map(|namespace| counters(namespace).ok()).collect();
            let mut sent = vec![Sent::default(); files.len()];
            while !stops.load(Ordering::Acquire) {
                for (file, sent) in files.iter_mut().zip(&mut sent) {
                    if let Some(reading) =
                        file.as_mut().and_then(|file| read(file).ok()).filter(|_| sent.0.len() < READINGS_MAX)
                    {
                        sent.0.push(reading);
                    }
                }
                std::thread::sleep(EVERY);
            }
            sent
        })?;
        Ok(Meter { stop, thread })
    }

    /// What each sent.
    pub fn stop(self) -> Vec<Sent> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap_or_default()
    }
}

/// The counters of a namespace, which this thread moves into.
fn counters(namespace: &str) -> io::Result<File> {
    let namespace = File::open(namespace)?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
    File::open("/proc/thread-self/net/dev")
}

fn read(file: &mut File) -> io::Result<Reading> {
    file.rewind()?;
    let status = InterfaceDeviceStatus::from_buf_read(BufReader::new(&*file)).map_err(io::Error::other)?;
    let sent = status.0.get("uplink").map_or(0, |device| device.sent_bytes);
    Ok(Reading { at_ns: clock::now_ns(), sent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(kbytes: &[u64]) -> Sent {
        let each = |(at, sent): (u64, &u64)| Reading { at_ns: at * 100_000_000, sent: sent * 1_000 };
        Sent((0..).zip(kbytes).map(each).collect())
    }

    #[test]
    fn the_highest_second_is_found_wherever_it_begins() {
        // Nothing, then 100 kB within three readings, then nothing.
        let mut sent = vec![0; 15];
        sent.extend([30, 60, 100]);
        sent.extend([100; 20]);
        assert_eq!(readings(&sent).highest(), (800, 700));
        assert_eq!(readings(&sent).bytes(), 100_000);
    }

    #[test]
    fn what_did_not_last_a_second_has_no_highest_second() {
        assert_eq!(readings(&[0, 10, 20]).highest(), (0, 0));
        assert_eq!(Sent::default().highest(), (0, 0));
    }
}
