//! What runs on a simulated machine: the shipped overlay, or a baseline that drives the same queues.

use overlay_core::id::NodeId;
use overlay_core::io::{Admitted, Class, Input, Output};
use overlay_core::node::{Config, Node};
use overlay_core::plan::Shape;
use overlay_core::status::TreeStatus;
use overlay_core::time::Time;
use overlay_core::unit::Layer;

use crate::cast::{Cast, Person};
use crate::id::node_id;
use crate::payload::Parcel;
use crate::scenario::Scenario;

/// What a machine runs. The verbs are those of [`Node`].
pub trait Overlay {
    /// Marks reports: "canopy", or the baseline's name.
    const SYSTEM: &'static str;
    /// True for a baseline: what it breaks is told, and is no failure.
    const MODEL: bool = false;

    /// What all nodes of a run share before they start.
    type Brief;

    /// Made once for a run. A baseline may add to the cast what only it has.
    fn brief(scenario: &Scenario, cast: &mut Cast, seed: u64) -> Self::Brief;

    /// Starts on a machine; `life` counts the machine's starts from 1.
    fn start(who: u32, person: &Person, limit_kbps: u32, life: u32, brief: &Self::Brief) -> Self;

    /// Takes one value in.
    fn handle(&mut self, now: Time, input: Input<Parcel>);

    /// The next thing that it wants done.
    fn poll(&mut self) -> Option<Output<Parcel>>;

    /// When to call again.
    fn deadline(&self) -> Option<Time>;

    /// Into how many units it wants a frame of this layer of its own source cut. A baseline cuts nothing.
    fn shape(&self, _: Layer) -> Shape {
        Shape::PLAIN
    }

    /// What it tells that its way in carries, kbit/s; 0 while nothing shows that it is full. A baseline tells nothing.
    fn downlink_kbps(&self) -> u32 {
        0
    }

    /// Its place in each tree.
    fn trees(&self) -> Vec<TreeStatus>;

    /// Term and number of the plan that it follows.
    fn plan(&self) -> Option<(u32, u32)>;

    /// Bytes of payloads and of notes that it holds, and how many entries of other kinds.
    fn held(&self) -> Held;

    /// Panics if it contradicts itself.
    fn check(&self);
}

/// What a node keeps in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Bytes of notes and messages.
    pub notes: usize,
    /// Bytes of units in rings; in the simulator they are only lengths.
    pub units: usize,
}

impl Overlay for Node<Parcel> {
    const SYSTEM: &'static str = "canopy";

    type Brief = ();

    fn brief(_: &Scenario, _: &mut Cast, _: u64) {}

    fn start(who: u32, person: &Person, limit_kbps: u32, life: u32, (): &()) -> Node<Parcel> {
        let me = node_id(who);
        let config = Config {
            me,
            kind: person.kind,
            admitted: admitted(person),
            credential: vec![0; CREDENTIAL_LEN],
            first_serial: u64::from(life) * SERIALS,
            uplink_kbps: limit_kbps,
            lends: person.lends,
            contacts: vec![contact(me)],
            watch: person.watch,
            hidden: false,
        };
        Node::new(config)
    }

    fn handle(&mut self, now: Time, input: Input<Parcel>) {
        Node::handle(self, now, input);
    }

    fn poll(&mut self) -> Option<Output<Parcel>> {
        Node::poll(self)
    }

    fn deadline(&self) -> Option<Time> {
        Node::deadline(self).map(|(at, _)| at)
    }

    fn shape(&self, layer: Layer) -> Shape {
        Node::shape(self, layer).unwrap_or(Shape::PLAIN)
    }

    fn downlink_kbps(&self) -> u32 {
        Node::downlink_kbps(self)
    }

    fn trees(&self) -> Vec<TreeStatus> {
        Node::trees(self).collect()
    }

    fn plan(&self) -> Option<(u32, u32)> {
        self.followed()
    }

    fn held(&self) -> Held {
        let (notes, units) = Node::held(self);
        Held { notes, units }
    }

    fn check(&self) {
        Node::check(self);
    }
}

/// Serials of notes of a life begin at its number times this.
const SERIALS: u64 = 1 << 40;
/// A guest's credential has this many bytes, see `docs/vectors/keyagree.json`.
const CREDENTIAL_LEN: usize = 330;

/// An address as long as a real one.
fn contact(me: NodeId) -> String {
    format!("/ip4/198.51.100.{}/udp/41000/quic-v1", me.0[0])
}

/// What somebody's credential says in this world: everybody is in.
pub fn admitted(person: &Person) -> Admitted {
    Admitted { kind: person.kind, class: Class::Member, may_coordinate: person.may_coordinate, owner: 0 }
}
