//! One node of the overlay.

use std::collections::VecDeque;

use crate::id::NodeId;
use crate::io::{Admitted, Input, Kind, Output};
use crate::status::Status;
use crate::time::Time;
use crate::timers::Timer;
use crate::unit::Payload;

/// What a node is told at birth.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node.
    pub me: NodeId,
    /// How it takes part.
    pub kind: Kind,
    /// What its own credential lets it do.
    pub admitted: Admitted,
    /// Travels in its presence, for the others' edges to check; at most
    /// [`crate::config::CREDENTIAL_MAX`] bytes.
    pub credential: Vec<u8>,
    /// The serial of its first note: larger than any of an earlier life (wall clock in ms does).
    pub first_serial: u64,
    /// What it can send in all, kbit/s; see [`crate::io::Command::Uplink`].
    pub uplink_kbps: u32,
    /// Where it can be reached; see [`crate::io::Command::Contacts`].
    pub contacts: Vec<String>,
    /// Wants every source; see [`crate::io::Command::Watch`].
    pub watch: bool,
}

/// One node: values in, values out.
///
/// - Tell it: [`Node::handle`], which never fails and never blocks.
/// - Ask what it wants done: [`Node::poll`] until it gives nothing, after each `handle`.
/// - Ask when to call again: [`Node::deadline`] (after the `poll`s); then `handle` with [`Input::Timer`].
///   A fresh node's first deadline is [`Time::ZERO`].
/// - Look at it: [`Node::status`], [`Node::check`].
#[derive(Debug)]
pub struct Node<P> {
    config: Config,
    outbox: VecDeque<Output<P>>,
}

impl<P: Payload> Node<P> {
    /// A node that knows nobody yet.
    pub fn new(config: Config) -> Node<P> {
        Node { config, outbox: VecDeque::new() }
    }

    /// Takes one value in at `now`, which never goes back.
    pub fn handle(&mut self, _now: Time, _input: Input<P>) {
        todo!()
    }

    /// The next thing that the node wants done.
    pub fn poll(&mut self) -> Option<Output<P>> {
        self.outbox.pop_front()
    }

    /// When and why to call [`Node::handle`] with [`Input::Timer`].
    pub fn deadline(&self) -> Option<(Time, Timer)> {
        todo!()
    }

    /// Its own place, for reports.
    pub fn status(&self) -> Status {
        todo!("{:?}", self.config)
    }

    /// Panics if an invariant is broken. For tests and simulations.
    pub fn check(&self) {
        todo!()
    }
}
