//! Gossipsub 1.1 as a relay: one topic, anonymous and unsigned, message ids from the frame's number, no
//! validation. The mesh is wide enough to hold every sink, and IDONTWANT is off: both in its favour.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures::StreamExt;
use libp2p::gossipsub::{
    self, Behaviour, ConfigBuilder, IdentTopic, MessageAuthenticity, MessageId, ValidationMode,
};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm, SwarmBuilder};
use tokio::sync::mpsc;

use crate::args::Role;
use crate::role::{Count, forever, frame, say, ticks};

fn topic() -> IdentTopic {
    IdentTopic::new("frames")
}

fn behaviour() -> Result<Behaviour> {
    let config = ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| MessageId::new(&message.data[..8]))
        .mesh_n(64)
        .mesh_n_low(32)
        .mesh_n_high(128)
        .mesh_outbound_min(0)
        .max_transmit_size(64 * 1024)
        .idontwant_message_size_threshold(usize::MAX)
        .heartbeat_interval(Duration::from_millis(500))
        .build()?;
    let mut behaviour = Behaviour::new(MessageAuthenticity::Anonymous, config)
        .map_err(|error| anyhow!("gossipsub: {error}"))?;
    behaviour.subscribe(&topic())?;
    Ok(behaviour)
}

fn swarm() -> Result<Swarm<Behaviour>> {
    let behaviour = behaviour()?;
    Ok(SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_quic()
        .with_behaviour(|_| behaviour)?
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(Duration::from_secs(600)))
        .build())
}

pub(crate) async fn relay() -> Result<()> {
    let mut swarm = swarm()?;
    swarm.listen_on("/ip4/127.0.0.1/udp/0/quic-v1".parse()?)?;
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            say(&format!("READY {address}"));
        }
    }
}

pub(crate) async fn source(role: &Role, count: Count) -> Result<()> {
    let mut swarm = swarm()?;
    swarm.dial(role.relay.parse::<Multiaddr>()?)?;
    while swarm.behaviour().mesh_peers(&topic().hash()).next().is_none() {
        swarm.select_next_some().await;
    }
    say("READY");
    let mut ticks = ticks(role);
    loop {
        tokio::select! {
            _ = swarm.select_next_some() => {}
            _ = ticks.tick() => {
                let number = count.load(Ordering::Relaxed);
                // A full queue is the stack's own failing: the frame counts as sent.
                let _ = swarm.behaviour_mut().publish(topic(), frame(role, number));
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

pub(crate) async fn sinks(role: &Role, count: Count) -> Result<()> {
    let (up, mut is_up) = mpsc::channel(64);
    for _ in 0..role.sinks {
        let mut swarm = swarm()?;
        swarm.dial(role.relay.parse::<Multiaddr>()?)?;
        let (count, up) = (Count::clone(&count), up.clone());
        tokio::spawn(async move {
            let mut up = Some(up);
            loop {
                let event = swarm.select_next_some().await;
                if let SwarmEvent::Behaviour(gossipsub::Event::Message { .. }) = event {
                    match up.take() {
                        Some(up) => drop(up.send(()).await),
                        None => drop(count.fetch_add(1, Ordering::Relaxed)),
                    }
                }
            }
        });
    }
    for _ in 0..role.sinks {
        is_up.recv().await.context("a sink failed")?;
    }
    say("READY");
    forever().await
}
