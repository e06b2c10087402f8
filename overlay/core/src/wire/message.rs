//! What neighbours say to each other, as packed CBOR.

use serde::{Deserialize, Serialize};

use crate::config;
use crate::coordinate::Coordinate;
use crate::id::NodeId;
use crate::io::{Audience, Note, Signature, Topic};
use crate::list::List;
use crate::unit::TreeId;

/// One control message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Message {
    /// Feed me this tree.
    Attach {
        /// The tree.
        tree: TreeId,
        /// The feed that the asker's plan names.
        feed: u32,
        /// The first frame that it lacks; none: the last key frame.
        from: Option<u32>,
        /// The asker's seat names the one asked as its parent. Believed: a lie wins the place of a graft.
        planned: bool,
        /// The asker feeds others in this tree, or is a relay and can: it is saved before a leaf.
        feeds: bool,
    },
    /// Yes; units follow.
    Accepted {
        /// The tree.
        tree: TreeId,
        /// The feed.
        feed: u32,
        /// True if the one who answers is fed itself.
        live: bool,
        /// The way from the source to the one who answers, both included; at most [`config::HOPS_MAX`].
        path: Vec<NodeId>,
    },
    /// No; or no longer.
    Refused {
        /// The tree.
        tree: TreeId,
        /// Why.
        why: Refusal,
    },
    /// Feed me this tree no longer.
    Detach {
        /// The tree.
        tree: TreeId,
    },
    /// I am here though there was nothing to carry; or something about these trees has changed.
    Tick {
        /// Trees that the sender feeds to the receiver; at most [`config::TREES_MAX`].
        trees: Vec<TreeTick>,
    },
    /// A key frame is needed in this tree.
    KeyWanted {
        /// The tree.
        tree: TreeId,
    },
    /// Notes that I have; at most [`config::NOTE_IDS_MAX`].
    Have {
        /// Which.
        notes: Vec<NoteId>,
    },
    /// Notes that I lack; at most [`config::NOTE_IDS_MAX`].
    Want {
        /// Which.
        notes: Vec<NoteId>,
    },
    /// A note, checked by whoever passes it on.
    Note {
        /// The note.
        note: Note,
        /// Its origin's signature.
        signature: Signature,
    },
    /// A presence of this origin that you passed on had come another way: from now on tell of its
    /// presences, don't pass them on (the "prune" of Plumtree). A [`Message::Want`] of one takes it back.
    Lazy {
        /// Whose presences.
        origin: NodeId,
    },
    /// A note for one node, or for the coordinator: checked by whoever passes it on, and not kept.
    Carry {
        /// The note.
        note: Note,
        /// Its origin's signature.
        signature: Signature,
        /// Links that it has crossed; at most [`config::CARRY_HOPS_MAX`].
        hops: u8,
    },
    /// You are my way to the coordinator, or no longer. The answer `false` says: not by me.
    Uphill {
        /// True from now on.
        on: bool,
    },
    /// These are reached by way of me; at most [`config::PEERS_IN_MESSAGE`].
    Reach {
        /// Who.
        peers: Vec<NodeId>,
    },
    /// These are reached by way of me no longer; at most [`config::PEERS_IN_MESSAGE`].
    Lost {
        /// Who.
        peers: Vec<NodeId>,
    },
    /// What a source put into a tree, as it signed it: behind the units, to whoever is fed.
    List {
        /// The list.
        list: List,
        /// Its source's signature.
        signature: Signature,
    },
    /// I passed on what is not the source's, as I have found out: said to children before the list that shows it, so that
    /// they don't hold it against me.
    Retract {
        /// The tree.
        tree: TreeId,
        /// The feed.
        feed: u32,
        /// The first unit that it is about.
        first: u32,
        /// Bit i: it is about `first + i`.
        which: u64,
    },
    /// How far are you?
    Probe {
        /// Comes back with the answer.
        number: u32,
    },
    /// As far as the time since [`Message::Probe`] says.
    Echo {
        /// Which probe is answered.
        number: u32,
        /// Where the one who answers takes itself to be; nowhere if it hides.
        coordinate: Coordinate,
        /// How far off that may be, thousandths of a distance.
        error: u16,
    },
}

/// Why an attach was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No uplink left.
    Full,
    /// The asker is on the way from the source to the one asked.
    Loop,
    /// The one asked looks for a parent itself.
    Stalled,
    /// No such tree or feed here.
    Unknown,
    /// The one asked takes its leave.
    Leaving,
    /// The asker has not been let into the meeting yet.
    Lobby,
}

/// What a parent says of one tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeTick {
    /// The tree.
    pub tree: TreeId,
    /// False while the parent looks for a parent itself.
    pub live: bool,
    /// True while frames of it are left out on purpose.
    pub thinned: bool,
    /// As in [`Message::Accepted`], only when it has changed.
    pub path: Option<Vec<NodeId>>,
    /// The number behind the highest frame that the parent has of it; none without any.
    pub newest: Option<u32>,
}

/// Names a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteId {
    /// Who says it.
    pub origin: NodeId,
    /// What it is about.
    pub topic: Topic,
    /// Its serial.
    pub serial: u64,
}

impl NoteId {
    /// The name of a note.
    pub fn of(note: &Note) -> NoteId {
        NoteId { origin: note.origin, topic: note.topic, serial: note.serial }
    }
}

/// Why bytes are not a message: the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not a message, or not in its one encoding.
    #[error("not a control message: {0}")]
    Codec(#[from] canopy_codec::Error),
    /// A list in it is too long.
    #[error("a control message with more in it than is allowed")]
    TooMuch,
}

impl Message {
    /// Writes a message. What this crate builds always fits [`config::MESSAGE_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, canopy_codec::Error> {
        canopy_codec::encode(self, config::MESSAGE_MAX)
    }

    /// True for the bytes of a [`Message::List`], which are counted apart from other control messages: as many as there are
    /// units, and not as there are nodes.
    pub fn is_list(bytes: &[u8]) -> bool {
        // A map of one, with the number of the variant.
        bytes.starts_with(&[0xa1, 0x0e])
    }

    /// Reads exactly one message. Every error is the sender's fault.
    pub fn decode(bytes: &[u8]) -> Result<Message, MessageError> {
        let message: Message = canopy_codec::decode_strict(bytes, config::MESSAGE_MAX)?;
        if message.is_bounded() { Ok(message) } else { Err(MessageError::TooMuch) }
    }

    fn is_bounded(&self) -> bool {
        let tree_fits = |tree: &TreeId| tree.slot < config::SLOTS;
        let path_fits = |path: &Vec<NodeId>| path.len() <= config::HOPS_MAX;
        let numbered =
            |topic: Topic| !matches!(topic, Topic::Standing(which) if which >= config::STANDING_MAX);
        match self {
            Message::Attach { tree, .. }
            | Message::Refused { tree, .. }
            | Message::Detach { tree }
            | Message::Retract { tree, .. }
            | Message::KeyWanted { tree } => tree_fits(tree),
            Message::List { list, .. } => tree_fits(&list.tree) && list.is_proper(),
            Message::Accepted { tree, path, .. } => tree_fits(tree) && path_fits(path),
            Message::Tick { trees } => {
                trees.len() <= config::TREES_MAX
                    && trees
                        .iter()
                        .all(|tick| tree_fits(&tick.tree) && tick.path.as_ref().is_none_or(path_fits))
            }
            Message::Have { notes } | Message::Want { notes } => notes.len() <= config::NOTE_IDS_MAX,
            Message::Note { note, .. } => {
                note.body.len() <= config::NOTE_BODY_MAX
                    && note.audience == Audience::Everybody
                    && numbered(note.topic)
            }
            Message::Carry { note, hops, .. } => {
                note.body.len() <= config::NOTE_BODY_MAX
                    && note.audience != Audience::Everybody
                    && numbered(note.topic)
                    && *hops <= config::CARRY_HOPS_MAX
            }
            Message::Reach { peers } | Message::Lost { peers } => peers.len() <= config::PEERS_IN_MESSAGE,
            Message::Echo { coordinate, .. } => coordinate.is_sound(),
            Message::Lazy { .. } | Message::Uphill { .. } | Message::Probe { .. } => true,
        }
    }
}
