//! The messages of key agreement and their bytes: a version byte, then strict CBOR.
//!
//! What goes to everybody passes through relays that hold no key: a message shows random ids, public
//! keys, counts and ciphertext, and nothing else.

mod admission;
mod epoch;
mod passing;
mod stream;
mod talk;

use serde::{Deserialize, Serialize};

use crate::credential::{Signed, Statement};
use crate::identity::Context;
use crate::removed::{INVITES_MAX, PEERS_MAX};

pub(crate) use admission::{
    BOUND_MAX, Bound, ChainRoot, Denial, JoinRequest, PassNote, RefusalNote, Verdict, Wants, Welcome,
    read_bindings, write_bindings,
};
pub use epoch::EpochId;
pub(crate) use epoch::{
    Beat, Change, Changes, Evidence, Hash, Kicks, NameCard, Named, PageAsk, PageNote, Reason, Record, Wrap,
};
pub(crate) use passing::{PassOn, Passed};
pub(crate) use stream::{Announcement, Ask, Ratchet, Stream};
pub(crate) use talk::Talk;

/// The version that this program writes and reads: the first byte of a message.
pub const VERSION: u8 = 2;
/// Longest message in bytes, version byte included.
pub const SAY_MAX: usize = 16 * 1024;
/// Longest message in bytes that a coordinator passes on for a member.
pub(crate) const PASSED_MAX: usize = 8 * 1024;
/// Most members of a meeting: the seats of its roster.
pub const MEMBERS_MAX: usize = 1 << 14;
/// Most changes of the roster that are told to everybody at once; after more, members fetch pages.
pub(crate) const CHANGES_MAX: usize = 48;
/// Length of a wrap in bytes: the chain's step, secret, AEAD tag.
pub(crate) const WRAP_LEN: usize = 52;
/// What stands until the same node says another: signs of life, kick lists, announcements, ratchets, proof against a
/// coordinator.
pub(crate) const STANDING_BEAT: u8 = 0;
pub(crate) const STANDING_KICKS: u8 = 1;
pub(crate) const STANDING_ANNOUNCEMENT: u8 = 2;
pub(crate) const STANDING_RATCHET: u8 = 3;
pub(crate) const STANDING_EVIDENCE: u8 = 4;
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
    Kicks KICKS INVITES_MAX * 9 + PEERS_MAX * 34 + 64;
    Announcement ANNOUNCEMENT 2048;
    Ratchet RATCHET 256;
    Talk TALK 6 * 1024;
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
    Bound(Bound),
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
    Talk(Signed<Talk>),
    PassOn(PassOn),
    Passed(Passed),
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

    /// The term that it would have its hearers follow.
    pub(crate) fn term(&self) -> Option<u32> {
        match self {
            Message::Record(said) | Message::Witness(said) => Some(said.value.id.term),
            Message::Beat(said) => Some(said.value.id.term),
            Message::Welcome(said) => Some(said.value.record.value.id.term),
            _ => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::{GrantCert, InviteCert, Pass, PeerCert, Role};
    use crate::identity::{Identity, InviteId, LeaseId, MeetingId, PeerKey};
    use crate::suite::{ENC_LEN, PUBLIC_LEN, Secret, TAG_LEN};
    use crate::time::UnixTime;

    const MEETING: MeetingId = MeetingId([255; 16]);
    const PEER: PeerKey = PeerKey([255; 32]);
    const LATE: UnixTime = UnixTime(u64::MAX);
    const ID: EpochId = EpochId { term: u32::MAX, coordinator: PEER, epoch: u64::MAX };
    const INVITE: InviteId = InviteId([255; 8]);
    const HASH: [u8; 32] = [255; 32];

    fn signer() -> Identity {
        Identity::from_seed(&Secret::take(&mut [1; 32]))
    }

    fn record() -> Record {
        Record {
            meeting: MEETING,
            id: ID,
            previous: HASH,
            reason: Reason::Leave,
            members: u16::MAX,
            roster: HASH,
            changed: HASH,
            made_at: LATE,
            activate_at: LATE,
            commitment: HASH,
        }
    }

    fn request() -> JoinRequest {
        let (public, nonce) = (vec![255; PUBLIC_LEN], [255; 16]);
        JoinRequest {
            meeting: MEETING,
            peer: PEER,
            public,
            nonce,
            made_at: LATE,
            term: u32::MAX,
            wants: Wants::Chain,
        }
    }

    fn invite_cert() -> InviteCert {
        let (role, uses) = (Role::CoHost, u16::MAX);
        InviteCert { meeting: MEETING, id: INVITE, key: PEER, role, uses, issued: LATE, expires: LATE }
    }

    fn peer_cert() -> PeerCert {
        PeerCert { meeting: MEETING, peer: PEER, not_before: LATE, expires: LATE }
    }

    fn pass() -> Pass {
        Pass { meeting: MEETING, peer: PEER, invite: INVITE, made_at: LATE, expires: LATE }
    }

    fn welcome(by: &Identity) -> Welcome {
        let record = Signed::new(record(), by);
        let sealed = vec![255; 32 + crate::roster::PROOF_LEN + TAG_LEN];
        Welcome { meeting: MEETING, to: PEER, request: HASH, record, enc: vec![255; ENC_LEN], sealed }
    }

    fn root() -> ChainRoot {
        ChainRoot {
            meeting: MEETING,
            to: PEER,
            request: HASH,
            enc: vec![255; ENC_LEN],
            sealed: vec![255; TAG_LEN],
        }
    }

    fn refusal() -> RefusalNote {
        RefusalNote { meeting: MEETING, to: PEER, request: HASH, denial: Denial::Full }
    }

    fn beat() -> Beat {
        let deputies = vec![PEER; DEPUTIES_MAX];
        Beat { meeting: MEETING, id: ID, record: HASH, made_at: LATE, deputies, locked: true }
    }

    fn card() -> NameCard {
        NameCard { meeting: MEETING, peer: PEER, made_at: LATE, name: [255; NAME_MAX] }
    }

    fn verdict() -> Verdict {
        Verdict { meeting: MEETING, peer: PEER, made_at: LATE, admit: true }
    }

    fn kicks() -> Kicks {
        Kicks { meeting: MEETING, invites: vec![INVITE; INVITES_MAX], peers: vec![PEER; PEERS_MAX] }
    }

    fn announcement() -> Announcement {
        let stream = Stream { layer: 255, label: u64::MAX, commitment: HASH };
        Announcement {
            meeting: MEETING,
            source: PEER,
            epoch: ID,
            record: HASH,
            serial: u64::MAX,
            streams: vec![stream; crate::stream::LAYERS_MAX],
            enc: vec![255; ENC_LEN],
            sealed: vec![255; 32 + TAG_LEN],
        }
    }

    fn ratchet() -> Ratchet {
        Ratchet { meeting: MEETING, source: PEER, epoch: ID, serial: u64::MAX, generation: u16::MAX }
    }

    fn talk() -> Talk {
        let sealed = vec![255; crate::talk::SEALED_MAX];
        Talk { meeting: MEETING, sender: PEER, epoch: ID, serial: u64::MAX, nonce: [255; 16], sealed }
    }

    #[test]
    fn the_largest_of_each_message_fits_its_bound() {
        let by = signer();
        let record = Signed::new(record(), &by);
        let credential = vec![255; crate::credential::CREDENTIAL_MAX];
        let longest = vec![255; PASSED_MAX];
        let all = [
            Message::Join(Signed::new(request(), &by)),
            Message::Welcome(Signed::new(welcome(&by), &by)),
            Message::Chain(Signed::new(root(), &by)),
            Message::Refusal(Signed::new(refusal(), &by)),
            Message::Verdict(Signed::new(verdict(), &by)),
            Message::Pass(PassNote {
                pass: Signed::new(pass(), &by),
                invite: Signed::new(invite_cert(), &by),
                holder: Signed::new(peer_cert(), &by),
            }),
            Message::Evidence(Evidence { first: record.clone(), second: record }),
            Message::Beat(Signed::new(beat(), &by)),
            Message::Kicks(Signed::new(kicks(), &by)),
            Message::Announcement(Signed::new(announcement(), &by)),
            Message::Ratchet(Signed::new(ratchet(), &by)),
            Message::Talk(Signed::new(talk(), &by)),
            Message::PassOn(PassOn { to: Some(PEER), credential: credential.clone(), body: longest.clone() }),
            Message::Passed(Passed { from: PEER, credential, body: longest }),
        ];
        for message in all {
            let bytes = message.encode();
            assert!(bytes.len() > 1 && bytes.len() <= SAY_MAX);
            assert_eq!(Message::decode(&bytes), Ok(message));
        }
        let lets_in = Message::Welcome(Signed::new(welcome(&by), &by)).encode().len();
        assert!(lets_in <= 4_000, "{lets_in} bytes to a joiner");
        let asked = Message::Join(Signed::new(request(), &by)).encode().len();
        let refused = Message::Refusal(Signed::new(refusal(), &by)).encode().len();
        assert!(refused < asked, "whoever isn't let in gets fewer bytes than it sends");
    }

    #[test]
    fn a_leave_costs_each_member_four_hundred_bytes_at_the_most() {
        let record = Message::Record(Signed::new(record(), &signer())).encode();
        let wrap = Message::Wrap(Wrap { epoch: u64::MAX, wrap: vec![255; WRAP_LEN] }).encode();
        assert!(record.len() + wrap.len() <= 400, "{} + {}", record.len(), wrap.len());
    }

    /// Reads bytes as one signed type; true if they are a statement of it that this key signed.
    type Reader = fn(&[u8], &PeerKey) -> bool;

    fn reads<T: Statement>(bytes: &[u8], signer: &PeerKey) -> bool {
        canopy_codec::decode_strict::<Signed<T>>(bytes, SAY_MAX).is_ok_and(|signed| signed.signed_by(signer))
    }

    fn written<T: Statement>(value: T, by: &Identity) -> (Vec<u8>, Reader) {
        (canopy_codec::encode(&Signed::new(value, by), SAY_MAX).unwrap(), reads::<T>)
    }

    #[test]
    fn no_signed_type_is_taken_for_another() {
        let by = signer();
        let (relay, lease) = (PEER, LeaseId([255; 8]));
        let all = [
            written(invite_cert(), &by),
            written(peer_cert(), &by),
            written(pass(), &by),
            written(GrantCert { meeting: MEETING, relay, lease, kbps: u32::MAX, expires: LATE }, &by),
            written(request(), &by),
            written(welcome(&by), &by),
            written(root(), &by),
            written(refusal(), &by),
            written(verdict(), &by),
            written(record(), &by),
            written(beat(), &by),
            written(card(), &by),
            written(kicks(), &by),
            written(announcement(), &by),
            written(ratchet(), &by),
            written(talk(), &by),
        ];
        for (i, (bytes, _)) in all.iter().enumerate() {
            for (j, (_, reads)) in all.iter().enumerate() {
                assert_eq!(reads(bytes, &by.public()), i == j, "type {i} read as type {j}");
            }
        }
    }
}
