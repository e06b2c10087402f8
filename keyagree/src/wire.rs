//! The messages of key agreement and their bytes: a version byte, then strict CBOR.
//!
//! What goes to everybody passes through relays that hold no key: a message shows random ids, public
//! keys, counts and ciphertext, and nothing else.

mod admission;
mod epoch;
mod stream;

use serde::{Deserialize, Serialize};

use crate::credential::{Signed, Statement};
use crate::identity::Context;

pub(crate) use admission::{ChainRoot, Denial, JoinRequest, PassNote, RefusalNote, Verdict, Wants, Welcome};
pub use epoch::EpochId;
pub(crate) use epoch::{
    Beat, Change, Changes, Evidence, Hash, Kicks, NameCard, Named, PageAsk, PageNote, Reason, Record, Wrap,
};
pub(crate) use stream::{Announcement, Ask, Ratchet, Stream};

/// The version that this program writes and reads: the first byte of a message.
pub const VERSION: u8 = 2;
/// Longest message in bytes, version byte included.
pub const SAY_MAX: usize = 16 * 1024;
/// Most members of a meeting: the seats of its roster.
pub const MEMBERS_MAX: usize = 1 << 14;
/// Most changes of the roster that are told to everybody at once; after more, members fetch pages.
pub(crate) const CHANGES_MAX: usize = 48;
/// Most invites that can be removed from one meeting.
pub const KICKS_MAX: usize = 1024;
/// Length of a wrap in bytes: the chain's step, secret, AEAD tag.
pub(crate) const WRAP_LEN: usize = 52;
/// Longest name of a member in bytes.
pub const NAME_MAX: usize = 64;
/// Most deputies that a coordinator names.
pub(crate) const DEPUTIES_MAX: usize = 2;

macro_rules! statements {
    ($($name:ident $context:ident $max:expr;)*) => {$(
        impl Statement for $name {
            const CONTEXT: Context = Context::$context;
            const MAX: usize = $max;
        }
    )*};
}

statements! {
    JoinRequest JOIN 2048;
    Welcome WELCOME 4096;
    ChainRoot CHAIN_ROOT 2048;
    RefusalNote REFUSAL 256;
    Verdict VERDICT 256;
    Record RECORD 400;
    Beat BEAT 512;
    NameCard NAME 256;
    Kicks KICKS KICKS_MAX * 9 + 64;
    Announcement ANNOUNCEMENT 2048;
    Ratchet RATCHET 256;
}

/// Everything that is said. Who may say what, and to whom, stands in `docs/protocol.md`, 9.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "lives for one call")]
pub(crate) enum Message {
    Join(Signed<JoinRequest>),
    Welcome(Signed<Welcome>),
    Chain(Signed<ChainRoot>),
    Refusal(Signed<RefusalNote>),
    Verdict(Signed<Verdict>),
    Pass(PassNote),
    Record(Signed<Record>),
    /// A record that somebody else than its coordinator passes on.
    Witness(Signed<Record>),
    Evidence(Evidence),
    Wrap(Wrap),
    Changes(Changes),
    PageAsk(PageAsk),
    Page(PageNote),
    Name(Named),
    Beat(Signed<Beat>),
    Kicks(Signed<Kicks>),
    Announcement(Signed<Announcement>),
    Ratchet(Signed<Ratchet>),
    Ask(Ask),
}

/// Why a message was dropped: always its sender's fault, or its program's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not a message.
    #[error("sent a key message that is malformed")]
    Malformed,
    /// From a newer program.
    #[error("sent a key message of a newer version of canopy: update this program")]
    NewerVersion,
}

impl Message {
    /// At most [`SAY_MAX`] bytes: the bounds of the fields see to that.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        let body = canopy_codec::encode(self, SAY_MAX - 1);
        debug_assert!(body.is_ok(), "a message outgrew its bound");
        bytes.extend(body.unwrap_or_default());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Message, WireError> {
        match bytes.split_first() {
            Some((&VERSION, body)) => {
                canopy_codec::decode_strict(body, SAY_MAX - 1).map_err(|_| WireError::Malformed)
            }
            Some((&version, _)) if version > VERSION => Err(WireError::NewerVersion),
            _ => Err(WireError::Malformed),
        }
    }
}

/// Checks that bytes are a key message that this program reads; for the log of whoever dropped it.
pub fn well_formed(bytes: &[u8]) -> Result<(), WireError> {
    Message::decode(bytes).map(|_| ())
}
