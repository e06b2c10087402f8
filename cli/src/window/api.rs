//! What the meeting page is told and what it asks for: JSON texts on its socket (`docs/page.md`). The page's types
//! (`cli/page/messages.d.ts`) are made from these.

use overlay_core::id::NodeId;
use serde::{Deserialize, Serialize};

use super::network::Network;
use crate::lending::Word;

/// Page and node are one program, but a tab may be older than the node that it comes back to.
pub const VERSION: u32 = 1;

/// To the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ToPage {
    /// Everything about the meeting that the page shows; each one replaces the last.
    State(Box<State>),
    /// A line of chat, also each older one when the page comes back.
    Line(Line),
    /// Somebody gives a passing sign.
    Reaction {
        #[cfg_attr(test, ts(type = "string"))]
        from: NodeId,
        /// Which one.
        what: u8,
    },
    /// The next picture of this layer must be a key frame.
    Key { layer: u8 },
    /// The organiser asks to mute.
    MuteAll,
    /// A page of the list of members that was asked for.
    Page {
        /// Which, from 0.
        page: u16,
        /// How many there are.
        pages: u16,
        /// Who is on it, this node too.
        people: Vec<Listed>,
    },
    /// What the network does; while the page wants to know.
    Network(Box<Network>),
    /// Something was asked that can't be done, in one sentence for the user.
    Wrong { text: String },
    /// The meeting is over for this node, and why.
    Over { text: String },
}

/// From the page.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ToNode {
    /// The first message.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// What the page's clock shows, microseconds.
        #[cfg_attr(test, ts(type = "number"))]
        now_us: u64,
    },
    /// Come in from the lobby.
    Join { me: Me },
    /// How this person takes part from now on.
    Me(Me),
    /// The layers that the page will encode from now on, none to send nothing.
    Sends { layers: Vec<u8> },
    /// A line of chat.
    Say { text: String },
    /// A passing sign.
    React { what: u8 },
    /// The page can't go on decoding this layer of a source: it needs a key frame.
    Refresh {
        #[cfg_attr(test, ts(type = "string"))]
        source: NodeId,
        layer: u8,
    },
    /// How large the page shows whom, whole; each one replaces the last.
    Tiles { tiles: Vec<Tile> },
    /// Show this page of the list of members, from 0: a large meeting's node doesn't hold them all.
    Page { page: u16 },
    /// Tell what the network does, or no longer.
    Network { wanted: bool },
    /// Relay for others, or no longer.
    Lend { on: bool },
    /// Organiser: remove a guest for good.
    Remove {
        #[cfg_attr(test, ts(type = "string"))]
        who: NodeId,
    },
    /// Whoever runs the meeting: whoever comes from now on has to be let in, or no longer.
    Lock { locked: bool },
    /// Who may host: let in, or turn away, somebody who waits.
    Decide {
        #[cfg_attr(test, ts(type = "string"))]
        who: NodeId,
        /// Let in.
        admit: bool,
    },
    /// Who may host: this member is to be seen whatever happens, or no longer.
    Pin {
        #[cfg_attr(test, ts(type = "string"))]
        who: NodeId,
        /// From now on.
        pinned: bool,
    },
    /// Organiser: ask everybody to mute.
    MuteAll,
    /// Organiser: end the meeting for everybody.
    End,
    /// Leave the meeting; the node stops.
    Leave,
}

/// One source's tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Tile {
    /// Whose.
    #[cfg_attr(test, ts(type = "string"))]
    pub source: NodeId,
    /// In pixels of the screen; 0 if it can't be seen.
    pub height: u32,
}

/// How this person takes part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Me {
    /// What they want to be called.
    pub name: String,
    /// Sends no sound.
    pub muted: bool,
    /// Sends a picture.
    pub camera: bool,
    /// The picture is the screen.
    pub sharing: bool,
    /// The hand is up.
    pub hand: bool,
}

/// How far this node has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Phase {
    /// Looks for the meeting, or waits to be admitted.
    Waiting,
    /// Has been admitted, and has not come in yet.
    Lobby,
    /// Takes part.
    Meeting,
}

/// The meeting as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct State {
    /// The node's version of these messages.
    pub version: u32,
    /// How far it has come.
    pub phase: Phase,
    /// The same in words, with what to do where something fails.
    pub words: String,
    /// This node.
    #[cfg_attr(test, ts(type = "string"))]
    pub me: NodeId,
    /// This node's own role.
    pub role: Role,
    /// It runs the meeting now: it can remove people and lock the door.
    pub runs: bool,
    /// What it last said of itself.
    pub mine: Me,
    /// The largest layer that this node wants to send; 0 if it only listens.
    pub largest: u8,
    /// What the page sends leaves this node.
    pub on_air: bool,
    /// What this node relays for others.
    pub lending: Lending,
    /// The verification code in groups; the same for everybody.
    pub code: Option<String>,
    /// Whoever comes has to be let in.
    pub locked: bool,
    /// Who waits to be let in; only at whoever runs the meeting.
    pub knocking: Vec<Knock>,
    /// How many hold the meeting's keys, this node included.
    pub members: usize,
    /// Everybody else; of a large meeting those who said something lately.
    pub people: Vec<Person>,
}

/// What this node relays for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Lending {
    /// What their media may cost.
    pub may: Lends,
    /// By whose word.
    pub word: Word,
}

/// What others' media may cost a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Lends {
    /// Nothing: it feeds nobody but from its own source.
    Nothing,
    /// What its own media leaves of its uplink.
    Spare,
    /// So much of its uplink, kbit/s.
    UpTo(u32),
}

/// What an invite lets somebody do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Role {
    /// Made the meeting.
    Organiser,
    /// May coordinate should the organiser be gone.
    Deputy,
    /// May let in.
    CoHost,
    /// Takes part.
    Guest,
}

/// Somebody else who holds the meeting's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Person {
    /// Who.
    #[cfg_attr(test, ts(type = "string"))]
    pub id: NodeId,
    /// What they call themselves; nothing vouches for it.
    pub name: String,
    /// What their credential says.
    pub role: Role,
    /// Has come in from the lobby.
    pub here: bool,
    /// Sends no sound.
    pub muted: bool,
    /// Sends a picture.
    pub camera: bool,
    /// The picture is their screen.
    pub sharing: bool,
    /// When the hand went up, milliseconds since 1970.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub hand: Option<u64>,
    /// A host wants them seen whatever happens.
    pub pinned: bool,
    /// All that comes from them is covered by lists that their own key has signed; false too while nothing comes.
    pub verified: bool,
}

/// Somebody on a page of the list of members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Listed {
    /// Who.
    #[cfg_attr(test, ts(type = "string"))]
    pub id: NodeId,
    /// What they call themselves; nothing vouches for it.
    pub name: String,
    /// What their credential says, as far as it is known here.
    pub role: Role,
}

/// Somebody who waits to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Knock {
    /// Who.
    #[cfg_attr(test, ts(type = "string"))]
    pub id: NodeId,
    /// With which invite, and why not let in at once, in words.
    pub how: String,
}

/// One line of chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Line {
    /// Counts up; a line that the page has already is the same line.
    #[cfg_attr(test, ts(type = "number"))]
    pub number: u64,
    /// Who.
    #[cfg_attr(test, ts(type = "string"))]
    pub from: NodeId,
    /// What they were called.
    pub name: String,
    /// What.
    pub text: String,
    /// When this node heard it, milliseconds since 1970.
    #[cfg_attr(test, ts(type = "number"))]
    pub at_ms: u64,
}

impl ToPage {
    /// As it goes over the socket.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use ts_rs::{Config, TS};

    use super::super::network;
    use super::super::quality::Through;
    use super::*;
    use crate::page_types::matches_file;

    #[test]
    fn the_pages_types_are_these() {
        let config = Config::default();
        let types = [
            ToPage::decl(&config),
            ToNode::decl(&config),
            Tile::decl(&config),
            Me::decl(&config),
            Phase::decl(&config),
            State::decl(&config),
            Lending::decl(&config),
            Lends::decl(&config),
            Word::decl(&config),
            Role::decl(&config),
            Person::decl(&config),
            Listed::decl(&config),
            Knock::decl(&config),
            Line::decl(&config),
            Network::decl(&config),
            network::Tree::decl(&config),
            network::Node::decl(&config),
            network::Happened::decl(&config),
            Through::decl(&config),
        ];
        matches_file("messages.d.ts", &types);
    }

    #[test]
    fn what_the_page_says_is_read_strictly() {
        let read = |text: &str| serde_json::from_str::<ToNode>(text).ok();
        assert_eq!(
            read(r#"{"type":"hello","version":1,"nowUs":5}"#),
            Some(ToNode::Hello { version: 1, now_us: 5 })
        );
        assert_eq!(read(r#"{"type":"leave"}"#), Some(ToNode::Leave));
        for nonsense in [
            r#"{"type":"say"}"#,
            r#"{"type":"say","text":"hi","html":true}"#,
            r#"{"type":"react","what":256}"#,
            r#"{"type":"remove","who":"abc"}"#,
            r#"{"type":"lend","on":800}"#,
            r#"{"type":"shutdown"}"#,
            "[]",
        ] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
