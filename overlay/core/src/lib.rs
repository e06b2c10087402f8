//! The overlay as plain state machines: who feeds whom, and what happens when somebody dies.
//!
//! No I/O, no clock, no randomness of its own, no keys, no codecs. See [`node::Node`] for the verbs.
//! Each module imports only from those below it in this list:
//!
//! | module | its noun |
//! |---|---|
//! | [`node`] | one node: a value in, values out |
//! | `commands` | what its user asks of it |
//! | `speech` | notes and messages between neighbours |
//! | `door` | what a neighbour in the lobby may say and is told, its way in and back |
//! | `presence` | who is there, who leads, who is gone |
//! | `coordinator` | whoever plans now: the plan, and who is told what of it |
//! | `tell` | seats that a coordinator tells |
//! | `helpers` | relays that whoever finds no parent may ask |
//! | `carry` | notes for one node, or for the coordinator: which way |
//! | `flood` | notes for everybody: along a tree of links |
//! | `follow` | a new stage, or a new seat: what it changes for this node |
//! | `serve` | children: who is accepted, what they are told |
//! | `receive` | what this node asks to see, and can take in |
//! | `repair` | a parent that says yes, no, or nothing any more |
//! | `asking` | asking for a parent: whom, in which order |
//! | `trial` | a parent that brings nothing, and another beside it |
//! | `relay` | the data plane: forward, thin, drop, deliver |
//! | `blame` | parents that feed badly: left, complained of, demoted |
//! | `witness` | what sources sign of their units: given on, and held against who altered some |
//! | `survey` | neighbours are asked how far they are |
//! | `state` | what a node holds, one field for each room |
//! | [`status`] | what a node knows of its own place, as plain data |
//! | `links` | neighbours, and for each tree a parent and children |
//! | `complaints` | whom this node complains of |
//! | `verdicts` | at the coordinator: who is complained of by whom, and feeds nobody any more |
//! | `wants` | notes that were asked for |
//! | `lobby` | who waits at the door, at the coordinator |
//! | `capacity` | what of its owner's limit a node offers |
//! | `gossip` | notes that are kept and were seen |
//! | `downlink` | what the way in carries, once it is full |
//! | `routes` | who is reached by way of whom |
//! | `unsent` | own notes for one node, while no way to it is known |
//! | `ring` | the last second of a tree |
//! | [`list`] | what a source signs of a tree: gathered there, and held against what came elsewhere |
//! | `delivered` | which frames the user has |
//! | `gathered` | units of frames that can't be joined yet |
//! | `vivaldi` | a coordinate, from round trips |
//! | `window` | which numbers were seen |
//! | `owed` | seats that were not told yet |
//! | `bucket` | so much each second |
//! | [`floor`] | who deserves a place where there are not enough, for edges that coordinate |
//! | [`seat`] | a node's own rows of the plan, as it is told them |
//! | [`stage`] | who is plugged into which slot, as everybody is told |
//! | [`plan`] | the plan, and the pure function that makes it |
//! | [`members`] | who is present, and what they say about themselves |
//! | [`wire`] | control messages and unit headers as bytes |
//! | [`timers`] | why a node wants to be called again, and when |
//! | [`waits`] | whether a node's own line is what its units wait for, for edges |
//! | [`config`] | every bound and every span, with its reason |
//! | [`io`] | the values that go in and come out |
//! | [`event`] | what the application may want to know |
//! | [`note`] | what nodes tell each other beyond their neighbours |
//! | [`peer`] | how somebody takes part, and how far it is in |
//! | [`shards`] | a sealed frame as the units of its group, and back, for edges |
//! | [`code`] | parity, for `shards` |
//! | [`mod@unit`] | what travels in a tree |
//! | [`coordinate`] | where somebody is, as far as delays tell |
//! | [`id`], [`time`] | who and when |

mod asking;
mod blame;
mod bucket;
mod capacity;
mod carry;
mod commands;
mod complaints;
mod coordinator;
mod delivered;
mod door;
mod downlink;
mod flood;
mod follow;
mod gathered;
mod gossip;
mod helpers;
mod links;
mod lobby;
mod owed;
mod presence;
mod receive;
mod relay;
mod repair;
mod ring;
mod routes;
mod serve;
mod speech;
mod state;
mod survey;
mod tell;
mod trial;
mod unsent;
mod verdicts;
mod vivaldi;
mod wants;
mod window;
mod witness;

pub mod code;
pub mod config;
pub mod coordinate;
pub mod event;
pub mod floor;
pub mod id;
pub mod io;
pub mod list;
pub mod members;
pub mod node;
pub mod note;
pub mod peer;
pub mod plan;
pub mod seat;
pub mod shards;
pub mod stage;
pub mod status;
pub mod time;
pub mod timers;
pub mod unit;
pub mod waits;
pub mod wire;
