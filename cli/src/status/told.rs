//! The node's side: whoever may open its socket is told its place. The socket lies in a folder of this user's alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use overlay_libp2p::Handle;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Answer, PATIENCE, running};
use crate::clock;
use crate::fail::{Fail, Outcome};
use crate::folder;
use crate::lent::Meter;

/// Rates are of so long.
const METERED: Duration = Duration::from_secs(1);

/// Answers while it lives.
pub struct Told {
    path: PathBuf,
    answering: JoinHandle<()>,
}

impl Told {
    /// Begins to answer for the `nth` node of this process, counted from 0. Who can't be asked takes part all the same.
    pub fn open(handle: &Handle, nth: u16) -> Option<Told> {
        match Told::listen(handle.clone(), nth) {
            Ok(told) => Some(told),
            Err(fail) => {
                tracing::warn!("'canopy status' will not show this node: {fail}");
                None
            }
        }
    }

    fn listen(handle: Handle, nth: u16) -> Outcome<Told> {
        let folder = running()?;
        folder::private(&folder)?;
        let process = std::process::id();
        let path = folder.join(match nth {
            0 => format!("{process}.sock"),
            _ => format!("{process}-{}.sock", nth + 1),
        });
        let listener = bind(&path)
            .map_err(|error| Fail::failed(format!("{} can't be made: {error}", path.display())))?;
        Ok(Told { path, answering: tokio::spawn(answer(listener, handle)) })
    }
}

/// A process that ended without a word may have had the same number.
fn bind(path: &Path) -> std::io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.answering.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(listener: UnixListener, handle: Handle) {
    let (mut meter, mut rates, mut second) = (Meter::default(), (0, 0), interval(METERED));
    // A rate of the moment between a late tick and the next one would say anything.
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = second.tick() => rates = meter.look(clock::unix(), &handle.counters()),
            Ok((stream, _)) = listener.accept() => {
                let counted = handle.counters();
                let answer = Answer {
                    pid: std::process::id(),
                    limit_kbps: counted.uplink_kbps,
                    in_kbps: rates.0,
                    out_kbps: rates.1,
                    peak_kbps: counted.peak_kbps,
                    units_dropped: counted.units_dropped,
                    status: handle.status(),
                };
                // Whoever doesn't read is let go.
                let _ = timeout(PATIENCE, tell(stream, &answer)).await;
            }
        }
    }
}

async fn tell(mut stream: UnixStream, answer: &Answer) -> std::io::Result<()> {
    stream.write_all(&serde_json::to_vec(answer)?).await?;
    stream.shutdown().await
}
