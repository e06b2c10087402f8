//! What members say to each other beside media: the bodies that `keyagree` seals (`Input::Talk`). Names are `keyagree`'s.
//!
//! Strict CBOR. What a peer says is bounded and cleaned here, once, before anybody else sees it.

use keyagree::TALK_MAX;
use keyagree::identity::PeerKey;
use serde::{Deserialize, Serialize};

/// Characters of a name; it has [`keyagree::NAME_MAX`] bytes at the most, too.
const NAME_CHARS_MAX: usize = 40;
/// Characters of one chat line.
pub const CHAT_MAX: usize = 1000;
/// Reactions, by number; what is shown for each is the page's choice.
pub const REACTIONS: u8 = 8;

/// One thing said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Talk {
    /// How its sender takes part from now on. Said again whenever it changes or somebody joins.
    Here(Here),
    /// A line to everybody.
    Chat(String),
    /// A passing sign, less than [`REACTIONS`].
    React(u8),
    /// The organiser asks everybody to mute.
    MuteAll,
    /// The organiser ends the meeting for everybody.
    End,
    /// Whether its sender speaks; said to whoever coordinates, and only while not everybody has a place on the stage.
    Voice {
        /// Somebody speaks.
        speaks: bool,
        /// How loud, see [`media_pipeline::level::below_db`].
        below_db: u8,
    },
    /// A host wants this member seen whatever happens, or no longer.
    Pin {
        /// Whom.
        who: PeerKey,
        /// From now on.
        pinned: bool,
    },
}

/// How somebody takes part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Here {
    /// Sends no sound.
    pub muted: bool,
    /// Sends a picture.
    pub camera: bool,
    /// The picture is their screen.
    pub sharing: bool,
    /// When they raised their hand, milliseconds since 1970.
    pub hand: Option<u64>,
}

impl Talk {
    /// The body.
    pub fn encode(&self) -> Vec<u8> {
        canopy_codec::encode(self, TALK_MAX).unwrap_or_default()
    }

    /// What a peer said; `None` if it is nothing that this program understands, or says nothing.
    pub fn decode(bytes: &[u8]) -> Option<Talk> {
        match canopy_codec::decode_strict(bytes, TALK_MAX).ok()? {
            Talk::Chat(text) => line(&text).map(Talk::Chat),
            Talk::React(what) if what >= REACTIONS => None,
            other => Some(other),
        }
    }
}

/// A name as it may be shown: one line, bounded, nothing invisible. May be empty.
pub fn name(text: &str) -> String {
    let mut name = cleaned(text, |_| false, NAME_CHARS_MAX);
    name.truncate(name.floor_char_boundary(keyagree::NAME_MAX));
    name.truncate(name.trim_end().len());
    name
}

/// A line of chat as it may be shown; `None` if nothing is left of it. It may hold line ends.
pub fn line(text: &str) -> Option<String> {
    Some(cleaned(text, |c| c == '\n', CHAT_MAX)).filter(|text| !text.is_empty())
}

/// Without control characters (but those in `keep`) and without what turns the direction of other text.
fn cleaned(text: &str, keep: fn(char) -> bool, most: usize) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{061c}');
    let blank = |c| matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{00ad}' | '\u{2028}' | '\u{2029}');
    let shown = text.chars().filter(|&c| keep(c) || !(c.is_control() || turns(c) || blank(c)));
    shown.take(most).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let here = Here { muted: true, hand: Some(7), ..Here::default() };
        let voice = Talk::Voice { speaks: true, below_db: 30 };
        let pin = Talk::Pin { who: PeerKey([1; 32]), pinned: true };
        let chat = Talk::Chat("two\nlines".into());
        for said in [Talk::Here(here), chat, Talk::React(0), Talk::MuteAll, Talk::End, voice, pin] {
            assert_eq!(Talk::decode(&said.encode()), Some(said));
        }
    }

    #[test]
    fn names_and_lines_are_cleaned_of_tricks() {
        assert_eq!(name("  Ada\u{202e}\n\u{0}Lovelace\u{200b} "), "AdaLovelace");
        assert_eq!(name(&"x".repeat(500)).len(), NAME_CHARS_MAX);
        assert_eq!(name(&"\u{1f600}".repeat(40)).len(), keyagree::NAME_MAX);
        assert_eq!(line(" \u{200b}\u{7}\n"), None);
        assert_eq!(line("<b>hi</b>"), Some("<b>hi</b>".into()), "markup is text");
        assert_eq!(name("a\u{2066}b"), "ab");
    }

    #[test]
    fn nonsense_says_nothing() {
        for bytes in [&[][..], &[0xff], &Talk::React(REACTIONS).encode(), &Talk::Chat(" ".into()).encode()] {
            assert_eq!(Talk::decode(bytes), None);
        }
    }

    #[test]
    fn the_longest_line_fits() {
        let line = Talk::Chat("\u{1f600}".repeat(CHAT_MAX));
        assert_eq!(Talk::decode(&line.encode()), Some(line));
    }
}
