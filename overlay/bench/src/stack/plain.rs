//! A plain quinn forwarder: one uni stream in, one out to each sink, written one after the other.
//! No names, no admission, no priorities, no limit. The TLS is libp2p's, so that the ciphers are the same.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{BufMut, Bytes, BytesMut};
use libp2p::identity::Keypair;
use libp2p::tls;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, RecvStream, SendStream, ServerConfig, TransportConfig};
use tokio::sync::mpsc;

use crate::args::Role;
use crate::role::{Count, forever, frame, say, ticks};

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    // quinn allocates for each stream that a peer may open, in advance.
    transport.max_concurrent_uni_streams(8_u32.into());
    transport.keep_alive_interval(Some(Duration::from_secs(2)));
    Arc::new(transport)
}

fn server() -> Result<Endpoint> {
    let tls = tls::make_server_config(&Keypair::generate_ed25519())?;
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config.transport_config(transport());
    Ok(Endpoint::server(config, ANYWHERE)?)
}

async fn dial(address: &str) -> Result<(Endpoint, quinn::Connection)> {
    let tls = tls::make_client_config(&Keypair::generate_ed25519(), None)?;
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(transport());
    let mut endpoint = Endpoint::client(ANYWHERE)?;
    endpoint.set_default_client_config(config);
    let connection = endpoint.connect(address.parse()?, "l")?.await?;
    Ok((endpoint, connection))
}

/// Reads one frame with its length in front.
async fn read(stream: &mut RecvStream) -> Result<Bytes> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let len = u32::from_be_bytes(length) as usize;
    let mut frame = BytesMut::zeroed(4 + len);
    frame[..4].copy_from_slice(&length);
    stream.read_exact(&mut frame[4..]).await?;
    Ok(frame.freeze())
}

/// Two ports: one for the source, one for the sinks.
pub(crate) async fn relay() -> Result<()> {
    let (sources, sinks) = (server()?, server()?);
    let (add, mut added) = mpsc::channel::<SendStream>(64);
    let addresses = format!("READY {},{}", sources.local_addr()?, sinks.local_addr()?);
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Some(incoming) = sinks.accept().await {
            let Ok(connection) = incoming.await else { continue };
            let Ok(stream) = connection.open_uni().await else { continue };
            connections.push(connection);
            if add.send(stream).await.is_err() {
                return;
            }
        }
    });
    say(&addresses);
    let connection = sources.accept().await.context("closed")?.await?;
    let mut from = connection.accept_uni().await?;
    let mut to = Vec::new();
    loop {
        let frame = read(&mut from).await?;
        while let Ok(stream) = added.try_recv() {
            to.push(stream);
        }
        for stream in &mut to {
            stream.write_chunk(frame.clone()).await?;
        }
    }
}

pub(crate) async fn source(role: &Role, count: Count) -> Result<()> {
    let (address, _) = role.relay.split_once(',').context("two addresses")?;
    let (_endpoint, connection) = dial(address).await?;
    let mut stream = connection.open_uni().await?;
    let mut ticks = ticks(role);
    say("READY");
    loop {
        ticks.tick().await;
        let number = count.fetch_add(1, Ordering::Relaxed);
        let mut framed = BytesMut::with_capacity(4 + role.bytes);
        framed.put_u32(role.bytes as u32);
        framed.put_slice(&frame(role, number));
        stream.write_chunk(framed.freeze()).await?;
    }
}

pub(crate) async fn sinks(role: &Role, count: Count) -> Result<()> {
    let (_, address) = role.relay.split_once(',').context("two addresses")?;
    let (up, mut is_up) = mpsc::channel(64);
    for _ in 0..role.sinks {
        let (count, up, address) = (Arc::clone(&count), up.clone(), address.to_owned());
        tokio::spawn(async move {
            let (_endpoint, connection) = dial(&address).await?;
            let mut stream = connection.accept_uni().await?;
            read(&mut stream).await?;
            up.send(()).await?;
            loop {
                read(&mut stream).await?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            #[expect(unreachable_code, reason = "names the error type of the block")]
            anyhow::Ok(())
        });
    }
    for _ in 0..role.sinks {
        is_up.recv().await.context("a sink failed")?;
    }
    say("READY");
    forever().await
}
