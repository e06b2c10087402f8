//! A colluding relay, for the demo's attacks: it passes every sealed frame on to whoever connects.
//!
//! On the wire: a `u32` length, big-endian, then the sealed frame.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use keyagree::identity::MeetingId;
use media_pipeline::trial::Trial;
use media_pipeline::wire::Header;
use overlay_core::wire::HEADER_LEN;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};

use crate::fail::{Fail, Outcome};

/// Frames that wait for a slow listener; it loses what is older.
const BACKLOG: usize = 1024;
/// No sealed frame is larger.
const FRAME_MAX: usize = 1 << 20;
/// Frames that a listener remembers.
const LATEST: usize = 400;
/// Frames that the attack tries each key on: one for each key that is in use, up to this.
const TRIALS: usize = 6;

/// Passes on the sealed frame of each unit (header and payload) that comes out of `frames` to everybody who connects to `address`.
pub async fn serve(address: SocketAddr, mut frames: mpsc::Receiver<Bytes>) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let (copies, _) = broadcast::channel(BACKLOG);
    let sender = copies.clone();
    tokio::spawn(async move {
        while let Some(mut unit) = frames.recv().await {
            let frame = unit.split_off(HEADER_LEN.min(unit.len()));
            let _ = sender.send(frame);
        }
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on(stream, copies.subscribe()));
        }
    });
    Ok(())
}

async fn pass_on(mut stream: TcpStream, mut copies: broadcast::Receiver<Bytes>) -> io::Result<()> {
    loop {
        match copies.recv().await {
            Ok(frame) => {
                stream.write_u32(frame.len() as u32).await?;
                stream.write_all(&frame).await?;
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return Ok(()),
        }
    }
}

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
    let mut by_label = std::collections::BTreeMap::new();
    for frame in captured {
        if let Ok((header, _, _)) = Header::split(frame) {
            by_label.insert((header.label, header.generation), frame);
        }
    }
    let mut frames: Vec<_> = by_label.into_values().collect();
    frames.sort_by_key(|frame| frame.len());
    frames.into_iter().take(TRIALS).filter_map(|frame| Trial::new(meeting, frame)).collect()
}
