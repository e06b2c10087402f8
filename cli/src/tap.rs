//! A colluding relay, for the demo's attacks: it passes every sealed frame on to whoever connects.
//!
//! On the wire: a `u32` length, big-endian, then the sealed frame.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use overlay_core::wire::HEADER_LEN;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};

/// Frames that wait for a slow listener; it loses what is older.
const BACKLOG: usize = 1024;

/// Passes on the sealed frame of each unit (header and payload) that comes out of `frames` to everybody
/// who connects to `address`.
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
