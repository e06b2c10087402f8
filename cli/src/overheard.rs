//! Those who listen to a colluding relay ([`crate::tap`]): the removed guest, and the attack on memory.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use keyagree::identity::MeetingId;
use media_pipeline::trial::Trial;
use media_pipeline::wire::Header;
use parking_lot::Mutex;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::fail::{Fail, Outcome};

/// No sealed frame is larger.
const FRAME_MAX: usize = 1 << 20;
/// Frames that a listener remembers.
const LATEST: usize = 400;
/// Frames that the attack tries each key on: one for each key that is in use, up to this.
const TRIALS: usize = 6;

/// Reads the next frame that a colluding relay passes on.
pub async fn next(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await? as usize;
    if length > FRAME_MAX {
        return Err(io::Error::other("a frame larger than any"));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

/// Somebody who collects what a colluding relay passes on.
pub struct Listener(Arc<Mutex<VecDeque<Vec<u8>>>>);

impl Listener {
    /// Connects, and collects from now on.
    pub async fn connect(address: SocketAddr) -> Outcome<Listener> {
        let mut stream = TcpStream::connect(address).await.map_err(Fail::failed)?;
        let frames = Arc::new(Mutex::new(VecDeque::new()));
        let collected = Arc::clone(&frames);
        tokio::spawn(async move {
            while let Ok(frame) = next(&mut stream).await {
                let mut collected = collected.lock();
                collected.push_back(frame);
                if collected.len() > LATEST {
                    collected.pop_front();
                }
            }
        });
        Ok(Listener(frames))
    }

    /// The latest frames, oldest first.
    pub fn latest(&self) -> Vec<Vec<u8>> {
        self.0.lock().iter().cloned().collect()
    }
}

/// What to try keys on: the latest frame under each key that was used lately, the smallest first.
pub fn trials(meeting: &MeetingId, captured: &[Vec<u8>]) -> Vec<Trial> {
    let mut by_label = BTreeMap::new();
    for frame in captured {
        if let Ok((header, _, _)) = Header::split(frame) {
            by_label.insert((header.label, header.generation), frame);
        }
    }
    let mut frames: Vec<_> = by_label.into_values().collect();
    frames.sort_by_key(|frame| frame.len());
    frames.into_iter().take(TRIALS).filter_map(|frame| Trial::new(meeting, frame)).collect()
}
